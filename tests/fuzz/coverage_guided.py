"""Run atheris, which follows the branches of the project's own code, on one target in a process of its own.

    python -m tests.fuzz.coverage_guided strictyaml 20000 --seed 1 CORPUS_FOLDER

A target is a function of bytes in `TARGETS`; it ends quietly after a clean error. Prints what atheris prints and ends
with status 0 when every case did.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("tests.fuzz.text_targets", "tests.fuzz.binary_targets")
"""Modules with a dictionary TARGETS: name -> function of bytes."""


def target(name: str) -> Callable[[bytes], object]:
    """Return the function called `name`."""
    for module in MODULES:
        if not (ROOT / f"{module.replace('.', '/')}.py").is_file():
            continue
        found: dict[str, Callable[[bytes], object]] = importlib.import_module(module).TARGETS
        if name in found:
            return found[name]
    raise SystemExit(f"no target {name!r}")


def run(name: str, runs: int, corpus: Path, seed: int = 1, most_bytes: int = 4096) -> str:
    """Run `runs` cases of a target in another process, from the seeds in the folder `corpus`.

    Returns what atheris said; a failed case raises AssertionError with the case and its traceback.
    """
    command = [sys.executable, "-m", "tests.fuzz.coverage_guided", name, f"-runs={runs}", f"-seed={seed}"]
    command += [
        f"-max_len={most_bytes}",
        "-timeout=20",
        "-rss_limit_mb=4096",
        f"-artifact_prefix={corpus}/crash-",
        str(corpus),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=600, check=False)
    assert done.returncode == 0, f"{name}: {done.stdout[-4000:]}\n{done.stderr[-6000:]}"
    return done.stdout + done.stderr


def main(arguments: list[str]) -> None:
    """Run atheris on the target that `arguments` begin with; the rest is for libFuzzer."""
    import atheris

    name, *rest = arguments
    with atheris.instrument_imports(include=["accelsim"], enable_loader_override=False):
        function = target(name)
    atheris.Setup([sys.argv[0], *rest], function)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
