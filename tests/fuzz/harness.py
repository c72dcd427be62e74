"""What a fuzz test holds a case to: a clean error or a valid result, in time, in bounded memory, inside its folder."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from accelsim.errors import AccelsimError

CASE_S = 10.0
"""Seconds that one case may take; a hundred times what a slow one needs on a busy core."""


class Hang(BaseException):
    """A case did not end in time. Not an Exception, so that no handler of the project can swallow it."""


class Escape(BaseException):
    """A case wrote outside its folder. Not an Exception, for the same reason."""


class Tally:
    """Counts the cases of a test and what came of them.

    >>> tally = Tally()
    >>> tally.run(lambda: 1)
    1
    >>> tally.cases, tally.valid
    (1, 1)
    """

    def __init__(self, seconds: float = CASE_S) -> None:
        self.seconds = seconds
        self.outcomes: Counter[str] = Counter()

    @property
    def cases(self) -> int:
        """How many cases were run."""
        return self.outcomes.total()

    @property
    def valid(self) -> int:
        """How many of them gave a result."""
        return self.outcomes["valid"]

    def run(self, action: Callable[[], Any], shown: object = "") -> Any:
        """Run one case: return its result, or None after a clean error. Anything else fails the test, naming `shown`."""
        try:
            with in_time(self.seconds):
                found = action()
        except AccelsimError as error:
            check_message(error)
            self.outcomes[type(error).__name__] += 1
            return None
        except (Exception, Hang, Escape, RecursionError) as error:
            raise AssertionError(f"{type(error).__name__}: {str(error)[:500]}\nfor {str(shown)[:2000]!r}") from error
        self.outcomes["valid"] += 1
        return found


def check_message(error: AccelsimError) -> None:
    """Hold an error to the house's form: says something, of bounded length, printable in one or a few lines."""
    text = str(error)
    assert error.message.strip(), "an error without words"
    assert len(text) < 20_000, f"an error of {len(text)} characters: {text[:300]!r}"
    strange = [letter for letter in text if not (letter.isprintable() or letter == "\n")]
    assert not strange, f"unprintable {strange[:3]!r} in {text[:300]!r}"
    assert "Traceback" not in text


@contextlib.contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """Raise Hang when the block takes longer; on the main thread of a system with alarms, elsewhere without bound."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: object) -> None:
        raise Hang(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def bounded_memory(more_bytes: int = 2**30) -> Iterator[None]:
    """Let the process take at most `more_bytes` of address space beyond what it has: MemoryError instead of swapping."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) if sys.platform == "linux" else 0
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = pages * resource.getpagesize() + more_bytes
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


_CHANGES = {
    "os.mkdir": (0,), "os.rename": (0, 1), "os.remove": (0,), "os.rmdir": (0,), "os.link": (0, 1), "os.symlink": (1,),
    "os.truncate": (0,), "os.chmod": (0,), "shutil.rmtree": (0,), "shutil.move": (0, 1), "sqlite3.connect": (0,),
}  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN = {"os.system", "pickle.find_class", "subprocess.Popen", "os.exec", "os.posix_spawn"}
_watch: tuple[Path, ...] | None = None
_hooked = False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watch is None:
        return
    if event == "open":
        path, _, flags = (*arguments, 0, 0)[:3]
        if isinstance(flags, int) and flags & _WRITES:
            _inside(path)
    elif event in _CHANGES:
        for place in _CHANGES[event]:
            _inside(arguments[place])
    elif event in _FORBIDDEN and not _of_numba(event, arguments):
        raise Escape(f"{event} {arguments!r:.200}")


def _of_numba(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether it is Numba that reads its compiled code back, or the constants in it: it keeps them as pickles."""
    harmless = ("numba", "llvmlite", "numpy", "builtins", "copyreg", "types", "operator", "_operator", "accelsim")
    runs = arguments[1] in ("eval", "exec", "compile", "getattr", "open", "__import__")
    return event == "pickle.find_class" and not runs and str(arguments[0]).partition(".")[0] in harmless


def _inside(path: Any) -> None:
    if not isinstance(path, str | bytes | os.PathLike):  # an open descriptor
        return
    text = os.fsdecode(path)
    if text in (os.devnull, ":memory:", "") or "__pycache__" in text:  # compiled code of Python and Numba
        return
    real = Path(os.path.realpath(text))
    if not any(real == folder or folder in real.parents for folder in _watch or ()):
        raise Escape(f"touched {real}")


@contextlib.contextmanager
def kept_inside(*folders: Path) -> Iterator[None]:
    """Raise Escape when the block opens a file for writing, makes, renames or removes one outside `folders`.

    It sees what Python does (audit events), not what compiled libraries do on their own: compare `listing` too.
    Starting processes and finding classes of pickles are refused as well.
    """
    global _watch, _hooked
    if not _hooked:  # a hook stays for the life of the process
        sys.addaudithook(_audit)
        _hooked = True
    _watch = tuple(Path(os.path.realpath(folder)) for folder in folders)
    try:
        yield
    finally:
        _watch = None


def listing(folder: Path, leave_out: Iterable[Path] = ()) -> dict[str, tuple[int, int]]:
    """Return size and time of change of every file below `folder`, to compare before and after."""
    left = {Path(os.path.realpath(path)) for path in leave_out}
    found: dict[str, tuple[int, int]] = {}
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(os.path.realpath(os.path.join(root, name))) not in left]
        for name in files:
            status = os.lstat(os.path.join(root, name))
            found[os.path.join(root, name)] = (status.st_size, status.st_mtime_ns)
    return found
