"""Trained networks of the reference data as PyTorch modules."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from accelsim.sources.torchvision_ops import import_torchvision


def load(shared: Path, name: str) -> Any:
    """Return the network `name`, ready to run."""
    import_torchvision()  # some definitions are torchvision's
    folder = str(shared / "realdata")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import loaders

    return loaders.load(name)
