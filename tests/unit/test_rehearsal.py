"""Model files that end the process of their runtime: they end another process, and are refused in one line."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from accelsim.cli import invoke  # noqa: E402
from accelsim.errors import InputError  # noqa: E402
from accelsim.sources.graphs.rehearsal import _ended  # noqa: E402
from accelsim.sources.onnx import Onnx  # noqa: E402
from accelsim.workload import load_workload, open_trace  # noqa: E402


def axes_known_at_last(path: Path, kept: list[bool]) -> None:
    """Write a convolution whose input has as many axes as `kept` has ones: four are right, one breaks onnxruntime off."""
    node = helper.make_node
    nodes = [
        node("Compress", ["sizes", "kept"], ["shape"], axis=0),
        node("Reshape", ["x", "shape"], ["r"]),
        node("Conv", ["r", "w"], ["y"]),
    ]
    constants: dict[str, Any] = {
        "sizes": np.array([1, 2, 4, 4, 32], np.int64),
        "kept": np.array(kept),
        "w": np.ones((3, 2, 3, 3), np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 4, 4])],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def workload(folder: Path, kept: list[bool]) -> Path:
    axes_known_at_last(folder / "m.onnx", kept)
    path = folder / "m.yaml"
    path.write_text("name: m\nsource: onnx\nmodel: m.onnx\n")
    return path


def test_a_model_that_ends_the_runtime_is_refused_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit('a module beside the data')")  # must not be what is imported
    path = workload(tmp_path, [False, False, False, False, True])
    assert invoke(["capture", "--workload", str(path)]) == 5
    told = capfd.readouterr().err
    assert "m.onnx: onnxruntime breaks off on it (SIG" in told
    assert len(told.strip().splitlines()) == 1
    assert not list(tmp_path.glob("core*"))


def test_the_same_operators_with_sound_axes_are_captured(tmp_path: Path) -> None:
    trace = open_trace(load_workload(str(workload(tmp_path, [True] * 4 + [False]))), cache=tmp_path / "cache")
    assert trace.layers[0].shapes[0].activation_shape == (1, 2, 4, 4)


def test_a_process_that_is_killed_is_told_of_as_one_that_wanted_memory(tmp_path: Path) -> None:
    source = Onnx(model="m.onnx").beside(tmp_path)
    assert "more memory than there is" in _ended(source, signal.SIGKILL)
    assert "SIGSEGV" in _ended(source, signal.SIGSEGV)
    assert "signal 999" in _ended(source, 999)


def test_what_fails_without_ending_a_process_keeps_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no model")
    (tmp_path / "m.yaml").write_text("name: m\nsource: onnx\nmodel: m.onnx\n")
    with pytest.raises(InputError, match="is no ONNX model"):
        open_trace(load_workload(str(tmp_path / "m.yaml")), cache=tmp_path / "cache")
