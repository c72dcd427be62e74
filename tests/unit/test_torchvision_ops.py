"""torchvision is imported whether or not its compiled operators load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
DECLARED = """
import torch
library = torch.library.Library("torchvision", "FRAGMENT")
library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""
ABSENT = """
import torch
if not hasattr(torch.ops.torchvision, "nms"):
    raise RuntimeError("operator torchvision::nms does not exist")
"""
BROKEN = 'raise RuntimeError("something else")'


def imported(package: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Import a package that stands for torchvision, in a process of its own."""
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").write_text(package)
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        "from accelsim.sources.torchvision_ops import import_torchvision\n"
        "import_torchvision(); print(import_torchvision().__name__)"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", [DECLARED, ABSENT], ids=["its library loads", "its library does not load"])
def test_it_is_imported(package: str, tmp_path: Path) -> None:
    done = imported(package, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "torchvision"


def test_another_problem_is_told(tmp_path: Path) -> None:
    assert "something else" in imported(BROKEN, tmp_path).stderr
