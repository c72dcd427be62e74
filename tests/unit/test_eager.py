"""Capture leaves torch's compiler alone: it is not loaded for nothing, and a compiled network is seen as the plain one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PLAIN = """
import sys, torch, accelsim
module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Linear(6, 5))
x = torch.randn(1, 3, 8, 8)
print(sum(layer.shape.macs for layer in accelsim.capture(module, [(x,)], name="plain")))
print("torch._dynamo" in sys.modules)
"""

COMPILED = """
import torch, accelsim
module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Linear(6, 5)).eval()
x = torch.randn(1, 3, 8, 8)
found = [list(accelsim.capture(m, [(x,)], name="net")) for m in (module, torch.compile(module, backend="eager"))]
assert len(found[0]) == len(found[1]) == 2
for plain, compiled in zip(*found):
    assert plain.shape == compiled.shape
    for role in ("activation", "weight", "output"):
        assert (getattr(plain, role).codes == getattr(compiled, role).codes).all()
"""


def told(script: str, cache: Path) -> tuple[str, str]:
    """Return standard output and error of a script."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_the_compiler_is_not_loaded_to_watch_a_network(cache: Path) -> None:
    pytest.importorskip("torch")
    macs = 4 * 3 * 9 * 36 + 4 * 6 * 6 * 5
    assert told(PLAIN, cache)[0].split() == [str(macs), "False"]


@pytest.mark.slow
def test_a_compiled_network_is_captured_as_the_plain_one(cache: Path) -> None:
    pytest.importorskip("torch")
    assert told(COMPILED, cache) == ("", "")
