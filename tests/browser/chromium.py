"""A small client of Chromium's DevTools protocol over a pipe: open a page, evaluate, take pictures, hear what it says."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--mute-audio",
    "--hide-scrollbars",
)  # fmt: skip

_EXEC = """
import fcntl, os, sys
pipes, line = sys.argv[1:3], sys.argv[3:]
high = [fcntl.fcntl(int(pipe), fcntl.F_DUPFD, 10) for pipe in pipes]
os.dup2(high[0], 3)
os.dup2(high[1], 4)
os.execv(line[0], line)
"""
"""Gives Chromium the pipes as files 3 and 4, where it looks for them."""


def executable() -> str:
    """Return the path of a Chromium; the test is skipped where there is none. $ACCELSIM_CHROMIUM names another one."""
    found = os.environ.get("ACCELSIM_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip("no Chromium found; install one (apt-get install chromium) or set ACCELSIM_CHROMIUM")
    return found


class Browser:
    """A headless Chromium with one page.

    errors: what the console, scripts and the network complained about. requests: every address that was asked for.
    """

    def __init__(self, profile: Path, width: int = 1280, height: int = 900) -> None:
        to_browser, ours = os.pipe()
        theirs, from_browser = os.pipe()
        flags = [*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"]
        line = [sys.executable, "-c", _EXEC, str(to_browser), str(from_browser), executable(), *flags]
        self._process = subprocess.Popen(
            line, pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_browser)
        os.close(from_browser)
        self._out, self._in = ours, theirs
        self._held = b""
        self._last = 0
        self._session = ""
        self.errors: list[str] = []
        self.requests: list[str] = []
        targets = self.send("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._out)
        os.close(self._in)

    def send(self, method: str, timeout_s: float = 60, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + timeout_s
        while True:
            answer = self._receive(until)
            if answer.get("id") == self._last:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result
            self._hear(answer)

    def _receive(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._held:
            ready, _, _ = select.select([self._in], [], [], max(0.0, until - time.monotonic()))
            assert ready, "Chromium does not answer"
            chunk = os.read(self._in, 1 << 20)
            assert chunk, "Chromium went away"
            self._held += chunk
        first, _, self._held = self._held.partition(b"\0")
        found: dict[str, Any] = json.loads(first)
        return found

    def _hear(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def open(self, page: Path) -> None:
        """Open a page and wait until its charts are drawn."""
        self.send("Page.navigate", url=page.resolve().as_uri())
        self.wait("document.readyState === 'complete' && Boolean(window.accelsim)")
        self.evaluate("window.accelsim.ready.then(() => true)")

    def wait(self, expression: str, timeout_s: float = 30) -> None:
        """Wait until an expression is true."""
        until = time.monotonic() + timeout_s
        while not self.evaluate(expression):
            assert time.monotonic() < until, f"never true: {expression}"
            time.sleep(0.05)

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; promises are awaited."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def resize(self, width: int, height: int, mobile: bool = False) -> None:
        """Give the page another size."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def click(self, x: float, y: float) -> None:
        """Press and release the mouse at a place of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, key: str) -> None:
        """Press and release a key, for example Tab or Enter."""
        code = {"Tab": 9, "Enter": 13, " ": 32}[key]
        given = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code}
        text = {"Enter": "\r", " ": " "}.get(key)
        self.send("Input.dispatchKeyEvent", type="keyDown", **given, **({"text": text} if text else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **given)

    def picture(self, path: Path, whole: bool = True) -> None:
        """Write a PNG of the page."""
        data = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))
