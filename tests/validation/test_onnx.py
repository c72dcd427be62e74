"""Trained networks exported to ONNX: the capture of the file agrees with PyTorch's own, quantised ones with the runtime."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("PIL")

from accelsim.sources.capture import capture  # noqa: E402
from tests.integer_products import requantized  # noqa: E402
from tests.model_files import trace_of  # noqa: E402
from tests.realdata.inputs import NETWORKS  # noqa: E402

RECURRENT = ("kws_lstm_s", "char_rnn_shakespeare")
SLOW = ("espnet_camvid", "kwt1", "char_rnn_shakespeare")
EVERY = ["resnet20_cifar10", "fsrcnn_x2", "kws_lstm_s", *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)]


@pytest.fixture(scope="session")
def loaders(shared: Path) -> Any:
    """Return the definitions of the reference networks."""
    path = shared / "realdata" / "loaders.py"
    if not path.is_file():
        pytest.skip(f"trained reference networks not found at {path}")
    spec = importlib.util.spec_from_file_location("realdata_loaders", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def exported(loaders: Any, name: str, data: Path, folder: Path) -> tuple[Any, list[Any], Path]:
    """Export a network with PyTorch's own exporter; return it, its inputs and the file."""
    module, inputs = loaders.load(name), NETWORKS[name](data, False)[:1]
    path = folder / f"{name}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, inputs[0], str(path), dynamo=False, opset_version=17, do_constant_folding=False, input_names=["x"]
        )
    return module, inputs, path


@pytest.mark.parametrize("name", EVERY)
def test_the_capture_of_an_exported_network_is_that_of_the_network(
    name: str, loaders: Any, shared: Path, tmp_path: Path
) -> None:
    module, inputs, path = exported(loaders, name, shared / "realdata" / "data", tmp_path)
    found = trace_of(path, {"x": inputs[0][0].numpy()[None]})
    expected = capture(module, inputs, name=name, out=tmp_path / "torch")
    assert found.warnings == expected.warnings == []
    assert found.manifest["macs_total"] == expected.manifest["macs_total"]
    assert len(found.layers) == len(expected.layers)
    for ours, theirs in zip(found, expected, strict=True):
        if name not in RECURRENT:
            assert ours.name.removesuffix(".in_proj") in theirs.name
        assert ours.shape == theirs.shape
        assert ours.output is not None
        assert theirs.output is not None
        operands = [(ours.activation, theirs.activation), (ours.weight, theirs.weight), (ours.output, theirs.output)]
        for place, (a, b) in enumerate(operands):
            values = a.values()
            if place and name in RECURRENT and ours.name.startswith("lstm."):
                axis = place - 1  # of the gates: ONNX has i, o, f, c where PyTorch has i, f, g, o
                values = np.concatenate([np.split(values, 4, axis)[gate] for gate in (0, 2, 3, 1)], axis)
            assert np.abs(values - b.values()).max() <= 1e-3 * max(np.abs(b.values()).max(), 1e-6), ours.name


@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
def test_a_trained_network_quantised_by_the_runtime_gives_its_codes(
    form: str, loaders: Any, shared: Path, tmp_path: Path
) -> None:
    from onnxruntime import quantization as q

    _, _, path = exported(loaders, "resnet20_cifar10", shared / "realdata" / "data", tmp_path)
    images = np.concatenate(
        [item[0].numpy() for item in NETWORKS["resnet20_cifar10"](shared / "realdata" / "data", False)]
    )
    model = tmp_path / "quantised.onnx"
    rows = iter([{"x": image[None]} for image in images])

    class Calibration:
        def get_next(self) -> Any:
            return next(rows, None)

    q.quantize_static(
        path, model, Calibration(), quant_format=q.QuantFormat[form], per_channel=True,
        activation_type=q.QuantType.QUInt8, weight_type=q.QuantType.QInt8,
    )  # fmt: skip
    trace = trace_of(model, {"x": images})
    assert trace.samples == len(images) == 2
    assert trace.warnings == []
    assert len(trace.layers) == 20
    biases = real_biases(model)
    exact = total = 0
    for layer in trace:
        assert layer.output is not None
        off = np.abs(requantized(layer, biases.get(layer.name, np.zeros(1))) - layer.output.codes)
        assert off.max() <= 1, layer.name
        exact, total = exact + int((off == 0).sum()), total + off.size
    assert exact / total > 0.999


def real_biases(model: Path) -> dict[str, Any]:
    """Return the bias of each product in real numbers, read here from the model: codes times their scale."""
    proto = onnx.load(model)
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in proto.graph.initializer}
    found = {}
    for name, codes in constants.items():
        if name.endswith(".bias_quantized"):
            stem = name.removesuffix(".bias_quantized")
            scale = constants.get(f"{name}_scale")
            if scale is None:  # in a QLinearConv it is the product of the operands' scales
                (node,) = [n for n in proto.graph.node if name in n.input]
                scale = constants[node.input[1]] * constants[node.input[4]]
            found[stem] = np.resize(codes * scale, codes.size)
    return found
