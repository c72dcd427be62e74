"""Give every peer its own virtual environment and talk to it in JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PEERS = {
    "zigzag": ("zigzag-dse==3.9.1", "six"),
    "scalesim": ("scalesim==3.0.0", "numpy<2", "pandas<2.3"),
}
"""Requirements, from the package index."""


def python(peer: str, cache: Path) -> Path:
    """Return the interpreter of a peer's environment below `cache`, which is made and filled at the first call."""
    folder = cache / peer
    interpreter = folder / "bin" / "python"
    done = folder / "requirements.txt"
    wanted = "\n".join(PEERS[peer]) + "\n"
    if not done.exists() or done.read_text() != wanted:
        print(f"installing {', '.join(PEERS[peer])} in {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(interpreter), "-m", "pip", "install", "--quiet", *PEERS[peer]], check=True)
        done.write_text(wanted)
    return interpreter


def ask(peer: str, request: dict[str, Any], cache: Path, timeout_s: float | None = None) -> dict[str, Any]:
    """Return a peer's answer to a request, computed on one thread in its environment.

    Raises subprocess.CalledProcessError (its own message went to standard error) or TimeoutExpired.
    """
    side = Path(__file__).with_name(f"{peer}_side.py")
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    done = subprocess.run(
        [str(python(peer, cache)), str(side)], input=json.dumps(request), stdout=subprocess.PIPE, text=True, check=True,
        env={**os.environ, **threads, "PYTHONHASHSEED": "0"}, timeout=timeout_s,  # annealing follows the order of sets
    )  # fmt: skip
    return dict(json.loads(done.stdout))
