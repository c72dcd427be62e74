"""Captures of model files through a workload file beside them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from accelsim.sources import extras
from accelsim.sources.graphs.source import Graph
from accelsim.trace import Trace
from accelsim.workload import load_workload, open_trace


def trace_of(model: Path, arrays: dict[str, Any] | None, *settings: str) -> Trace:
    """Capture a model of the source that its file's ending names; arrays: by input, the first axis counts the samples.

    It is not tried in another process before, which takes longer than the small models of the tests.
    """
    lines = [f"name: {model.stem}", f"source: {model.suffix[1:]}", f"model: {model.name}", "samples: 100"]
    if arrays is not None:
        np.savez(model.with_suffix(".npz"), **arrays)
        lines.append(f"inputs: {model.stem}.npz")
    workload = model.with_suffix(".yaml")
    workload.write_text("\n".join(lines))
    with patch.object(Graph, "rehearse"):
        return open_trace(load_workload(workload, settings), cache=model.parent / "cache")


def uninstall(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a package seem not to be installed."""
    known = extras.version

    def version(name: str) -> str:
        if name == package:
            raise PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(extras, "version", version)
