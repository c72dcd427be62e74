"""ONNX models as workloads: operands as the runtime computes with them, codes of quantised models as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from accelsim.accelerators.base import load_hardware  # noqa: E402
from accelsim.analyzers.analyze import analyze  # noqa: E402
from accelsim.errors import AccelsimError, ConfigError, InputError  # noqa: E402
from accelsim.layer import Layer  # noqa: E402
from accelsim.sim import run  # noqa: E402
from accelsim.workload import load_workload, open_trace  # noqa: E402
from tests.integer_products import product, requantized  # noqa: E402
from tests.model_files import trace_of, uninstall  # noqa: E402

RNG = np.random.default_rng(5)
Feed = dict[str, Any]


def normal(*shape: int, scale: float = 1.0) -> Any:
    return (RNG.normal(size=shape) * scale).astype(np.float32)


def node(operator: str, inputs: str, output: str, name: str = "", **attributes: Any) -> Any:
    return helper.make_node(operator, inputs.split(), output.split(), name, **attributes)


def save(
    path: Path, nodes: list[Any], constants: Feed, inputs: dict[str, list[Any]], outputs: str = "y", kind: Any = None
) -> Path:
    """Write a model; inputs: shape by name."""
    typed = [helper.make_tensor_value_info(name, kind or TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    found = [helper.make_empty_tensor_value_info(name) for name in outputs.split()]
    graph = helper.make_graph(
        nodes, "g", typed, found, [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def tolerance(layer: Layer) -> float:
    """Bound the error of a product of rounded operands, plus half a step of the rounded output."""
    a, w = layer.activation, layer.weight
    assert layer.output is not None
    depth = layer.shape.C * layer.shape.R * layer.shape.S
    steps = [float(np.max(o.scale)) / 2 for o in (a, w, layer.output)]
    most = [float(np.abs(o.values()).max()) for o in (a, w)]
    return depth * (most[0] * steps[1] + most[1] * steps[0] + steps[0] * steps[1]) + steps[2] + 1e-5


def assert_reproduced(layer: Layer, bias: Any = 0.0) -> None:
    assert layer.output is not None
    found = product(layer, layer.activation.values(), layer.weight.values()) + np.reshape(bias, (1, -1, 1, 1))
    assert np.abs(found - layer.output.values()).max() <= tolerance(layer), layer.name


def convolutions(path: Path, size: tuple[int, int] = (11, 13)) -> tuple[Path, Feed]:
    """Write a model of convolutions of every kind, each stored as it is; return its path and constants."""
    constants = {
        "plain.weight": normal(8, 4, 3, 2),
        "plain.bias": normal(8),
        "same.weight": normal(16, 1, 3, 4),
        "lower.weight": normal(6, 8, 4, 2),
        "up.weight": normal(6, 2, 3, 3),
        "shaped.weight": normal(6, 3, 4, 4),
        "grown.weight": normal(3, 2, 2, 3),
        "line.weight": normal(4, 2, 5),
        "line_up.weight": normal(4, 3, 4),
        "flat": np.array([0, 2, -1], np.int64),
    }
    nodes = [
        node("Conv", "x plain.weight plain.bias", "a", strides=[2, 1], pads=[1, 0, 2, 1], dilations=[1, 2]),
        node("Conv", "a same.weight", "b", group=8, auto_pad="SAME_UPPER", strides=[1, 2]),
        node("Conv", "b lower.weight", "c", group=2, auto_pad="SAME_LOWER"),
        node("ConvTranspose", "c up.weight", "d", group=3, strides=[2, 2], pads=[1, 0, 0, 1], output_padding=[1, 0]),
        node("ConvTranspose", "d shaped.weight", "e", strides=[2, 3], output_shape=[25, 36]),
        node("ConvTranspose", "e grown.weight", "f", auto_pad="SAME_UPPER", dilations=[2, 1]),
        node("Reshape", "f flat", "g"),
        node("Conv", "g line.weight", "h", strides=[2], pads=[3, 1]),
        node("ConvTranspose", "h line_up.weight", "y", strides=[3], pads=[1, 2], output_padding=[2]),
    ]
    return save(path, nodes, constants, {"x": ["n", 4, *size]}), constants


def test_convolutions_of_every_kind_are_reproduced_by_their_operands(tmp_path: Path) -> None:
    model, constants = convolutions(tmp_path / "conv.onnx")
    x = normal(2, 4, 11, 13)
    trace = trace_of(model, {"x": x})
    assert trace.samples == 2
    assert [r.name for r in trace.layers] == [
        "plain", "same", "lower", "up", "shaped", "grown", "line", "line_up",
    ]  # fmt: skip
    assert trace.warnings == []
    assert trace.manifest["unsupported"] == []
    for layer in trace:
        assert_reproduced(layer, constants["plain.bias"] if layer.name == "plain" else 0.0)
    first = trace.layer(0, 1)
    assert np.abs(first.activation.values() - x[1:]).max() <= first.activation.scale / 2
    assert np.abs(first.weight.values() - constants["plain.weight"]).max() <= first.weight.scale / 2


def test_matrix_products_of_every_kind_are_reproduced_by_their_operands(tmp_path: Path) -> None:
    constants = {
        "gemm.weight": normal(5, 6), "heads": normal(3, 6, 4), "left": normal(5, 7), "flat": normal(6),
        "ein.weight": normal(2, 3, 6, 4), "zero": np.float32(0),
    }  # fmt: skip
    nodes = [
        node("Identity", "x", "i"),
        node("Transpose", "i", "xt", perm=[0, 2, 1]),
        node("Gather", "x first", "x0"),
        node("Gemm", "x0 gemm.weight", "a", "/gemm/Gemm", transB=1),
        node("Gemm", "x0t gemm.weight", "a2", "/gemm/Gemm_1", transA=1, transB=1),
        node("MatMul", "x heads", "b", "/heads/MatMul"),
        node("MatMul", "left x", "c", "/left/MatMul"),
        node("MatMul", "x xt", "d", "/self/MatMul"),
        node("Softmax", "d", "e"),
        node("MatMul", "e x", "f", "/self/MatMul_1"),
        node("MatMul", "x flat", "g", "/flat/MatMul"),
        node("Einsum", "x ein.weight", "h", "/ein/Einsum", equation="btc,hdco->bhtod"),
        node("Einsum", "x f", "k", "/ein/two/Einsum", equation="btc,bsc->tbs"),
    ]
    nodes.insert(3, node("Transpose", "x0", "x0t", perm=[1, 0]))
    constants["first"] = np.array(0, np.int64)
    model = save(tmp_path / "m.onnx", nodes, constants, {"x": [3, 7, 6]}, "a a2 b c d f g h k")
    trace = trace_of(model, {"x": normal(1, 3, 7, 6)})
    shapes = {r.name: r.shapes[0] for r in trace.layers}
    assert {n: (s.kind, s.steps, s.N, s.groups, s.K, s.C) for n, s in shapes.items()} == {
        "gemm": ("recurrent", 2, 7, 1, 5, 6),
        "heads": ("linear", 1, 7, 3, 4, 6),
        "left": ("linear", 1, 18, 1, 5, 7),
        "self.qk": ("matmul", 1, 7, 3, 7, 6),
        "self.pv": ("matmul", 1, 7, 3, 6, 7),
        "flat": ("linear", 1, 21, 1, 1, 6),
        "ein": ("linear", 1, 21, 1, 24, 6),
        "ein.two.matmul0": ("matmul", 1, 7, 3, 7, 6),
    }
    for layer in trace:
        assert_reproduced(layer)


def small(path: Path) -> tuple[Path, Feed]:
    """Write a network with a residual addition, pooling, attention and a classifier; return its path and constants."""
    constants = {
        "c1.weight": normal(8, 3, 3, 3), "c1.bias": normal(8), "dw.weight": normal(8, 1, 3, 3), "k.weight": normal(8, 8, 1, 1),
        "mm.weight": normal(20, 6, scale=0.1), "fc.weight": normal(5, 48), "fc.bias": normal(5),
        "rows": np.array([0, 8, -1], np.int64),
    }  # fmt: skip
    nodes = [
        node("Conv", "x c1.weight c1.bias", "a", "/c1/Conv", strides=[2, 1], pads=[1, 0, 2, 1]),
        node("Relu", "a", "b", "/relu/Relu"),
        node("Conv", "b k.weight", "c", "/k/Conv"),
        node("Conv", "b dw.weight", "d", "/dw/Conv", group=8, pads=[1, 1, 1, 1]),
        node("Add", "c d", "e", "/Add"),
        node("MaxPool", "e", "p", "/pool/MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Reshape", "p rows", "g", "/Reshape"),
        node("MatMul", "g mm.weight", "h", "/mm/MatMul"),
        node("Transpose", "h", "ht", "/att/Transpose", perm=[0, 2, 1]),
        node("MatMul", "h ht", "s", "/att/MatMul"),
        node("Softmax", "s", "q", "/att/Softmax", axis=-1),
        node("MatMul", "q h", "o", "/att/MatMul_1"),
        node("Flatten", "o", "f", "/Flatten"),
        node("Gemm", "f fc.weight fc.bias", "y", "/fc/Gemm", transB=1),
    ]
    return save(path, nodes, constants, {"x": ["n", 3, 15, 12]}), constants


KINDS = {
    "c1": "conv", "k": "conv", "dw": "conv", "mm": "linear", "att.qk": "matmul", "att.pv": "matmul", "fc": "linear"
}  # fmt: skip


class _Calibration:
    """What onnxruntime's static quantiser reads."""

    def __init__(self, x: Any) -> None:
        self._rows = iter([{"x": row[None]} for row in x])

    def get_next(self) -> Any:
        return next(self._rows, None)


def quantized(tmp_path: Path, form: str, per_channel: bool) -> tuple[Path, Feed, Any]:
    from onnxruntime import quantization as q

    source, constants = small(tmp_path / "float.onnx")
    x, model = normal(2, 3, 15, 12), tmp_path / f"{form}.onnx"
    if form == "dynamic":
        q.quantize_dynamic(source, model, weight_type=q.QuantType.QUInt8, per_channel=per_channel)
    else:
        q.quantize_static(
            source, model, _Calibration(x), quant_format=q.QuantFormat[form], per_channel=per_channel,
            activation_type=q.QuantType.QUInt8, weight_type=q.QuantType.QInt8,
        )  # fmt: skip
    return model, constants, x


def tensors_of(model: Path, names: list[str], feed: Feed) -> dict[str, Any]:
    """Run a model and return the tensors `names`, read here without the code under test."""
    import onnxruntime

    proto = onnx.load(model)
    constants = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in constants)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    found = [name for name in names if name not in constants]
    return {n: constants[n] for n in names if n in constants} | dict(zip(found, session.run(found, feed), strict=True))


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
def test_codes_of_a_quantised_model_are_its_own_and_give_its_outputs(
    form: str, per_channel: bool, tmp_path: Path
) -> None:
    model, constants, x = quantized(tmp_path, form, per_channel)
    trace = trace_of(model, {"x": x})
    assert {r.name: r.shapes[0].kind for r in trace.layers} == KINDS
    assert trace.warnings == []
    layers = {(layer.name, layer.sample): layer for layer in trace}
    for (name, _), layer in layers.items():
        assert layer.activation.codes.dtype == np.uint8
        assert layer.weight.codes.dtype == (np.uint8 if layer.dynamic_weight else np.int8), name
        assert (layer.weight.axis == 0) == (per_channel and not layer.dynamic_weight), name
        bias = constants.get(f"{name}.bias", np.zeros(1)) * np.ones(layer.shape.groups * layer.shape.K)
        expected = requantized(layer, bias) if not layer.dynamic_weight else _requantized(layer)
        assert np.abs(expected - layer.output.codes).max() <= 1, name  # type: ignore[union-attr]
    end, middle = ("_QuantizeLinear_Output", "b") if form == "QDQ" else ("_quantized", "a")
    own = {
        name: (f"{x}{end}", f"{name}.weight_quantized", f"{x}_scale", f"{x}_zero_point")
        for name, x in (("c1", "x"), ("dw", middle))
    }
    for sample in (0, 1):
        found = tensors_of(model, [t for names in own.values() for t in names], {"x": x[sample : sample + 1]})
        for name, (activation, weight, scale, zero) in own.items():
            layer = layers[name, sample]
            assert np.array_equal(layer.activation.codes, found[activation])
            assert np.array_equal(layer.weight.codes, found[weight])
            assert layer.activation.scale == found[scale]
            assert layer.activation.zero_point == found[zero]


def _requantized(layer: Layer) -> Any:
    assert layer.output is not None
    real = product(layer) * layer.activation.scale * layer.weight.scale
    return np.clip(np.rint(real / layer.output.scale) + layer.output.zero_point, 0, 255)


@pytest.mark.parametrize("per_channel", [False, True])
def test_dynamic_quantisation_keeps_the_scale_of_every_sample(per_channel: bool, tmp_path: Path) -> None:
    model, constants, x = quantized(tmp_path, "dynamic", per_channel)
    x[1] *= 3
    trace = trace_of(model, {"x": x})
    assert {r.name: r.shapes[0].kind for r in trace.layers} == KINDS
    assert trace.warnings == [
        "real numbers in a quantised model, quantised as the workload says: layers att.qk, att.pv"
    ]
    assert trace.layer(0, 1).activation.scale == pytest.approx(3 * trace.layer(0, 0).activation.scale, rel=0.2)
    for name, result in (("c1", "b"), ("fc", "y"), ("mm", "h")):
        (index,) = [r.index for r in trace.layers if r.name == name]
        for sample in (0, 1):
            layer = trace.layer(index, sample)
            found = tensors_of(model, [result], {"x": x[sample : sample + 1]})[result]
            scale = np.broadcast_to(layer.weight.scale, layer.shape.K).reshape(1, -1, 1, 1)
            real = product(layer) * layer.activation.scale * scale
            real = real + np.reshape(constants.get(f"{name}.bias", 0.0), (1, -1, 1, 1))
            expected = np.maximum(real, 0) if name == "c1" else real
            assert np.allclose(expected.ravel(), found.ravel(), rtol=1e-4, atol=1e-4)
    result = run(load_hardware("eyeriss"), trace)
    assert len(result.layers) == 14
    table = analyze(trace).set_index(["layer", "sample", "operand"])
    for sample in (0, 1):
        activation = trace.layer(0, sample).activation
        around = 3 * ((15 + 3) * (12 + 1) - 15 * 12)
        zeros = int((activation.codes == activation.zero_point).sum()) + around
        assert table.loc[("c1", sample, "activation"), "zeros"] == zeros


def test_a_quantised_model_refuses_another_quantisation_and_a_float_one_follows_it(tmp_path: Path) -> None:
    model, _, x = quantized(tmp_path, "QDQ", False)
    with pytest.raises(ConfigError, match="gives codes; `quantization` has no effect"):
        trace_of(model, {"x": x}, "quantization.activations.bits=8")
    model = tmp_path / "float.onnx"
    trace = trace_of(
        model, {"x": x}, "quantization.activations={scheme: affine, bits: 8}",
        "quantization.weights={scheme: symmetric, bits: 8, per_channel: true}",
    )  # fmt: skip
    first = trace.layer(0)
    assert (first.activation.bits, first.activation.signed, first.weight.bits, first.weight.axis) == (8, False, 8, 0)
    assert first.activation.zero_point != 0
    trace = trace_of(model, {"x": x}, "quantization.weights={scheme: fp8_e4m3}")
    assert trace.layer(0).weight.patterns is not None
    assert any(line.startswith("fp8_e4m3: ") and "weight values" in line for line in trace.warnings)


def test_codes_are_found_again_behind_operators_that_only_move_them(tmp_path: Path) -> None:
    weight = RNG.integers(-8, 8, (6, 4, 1, 1)).astype(np.int8)
    scales = np.linspace(0.1, 0.6, 6, dtype=np.float32)
    constants = {
        "s": np.float32(0.05), "z": np.uint8(100), "w": weight, "ws": scales, "wz": np.zeros(6, np.int8),
        "v": weight[:, :, 0, 0], "shape": np.array([1, -1, 4], np.int64),
    }  # fmt: skip
    nodes = [
        node("QuantizeLinear", "x s z", "xq"),
        node("DequantizeLinear", "xq s z", "xd"),
        node("MaxPool", "xd", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Relu", "p", "r"),
        node("DequantizeLinear", "w ws wz", "wd", axis=0),
        node("Conv", "r wd", "c", "/conv/Conv"),
        node("Transpose", "r", "t", perm=[0, 2, 3, 1]),
        node("Reshape", "t shape", "u"),
        node("DequantizeLinear", "v ws wz", "vd", axis=0),
        node("Transpose", "vd", "vt"),
        node("MatMul", "u vt", "m", "/fc/MatMul"),
    ]
    model = save(tmp_path / "m.onnx", nodes, constants, {"x": [1, 4, 6, 6]}, "c m")
    x = normal(1, 4, 6, 6, scale=4.0)
    conv, matrix = (trace_of(model, {"x": x}).layer(i) for i in (0, 1))
    codes = np.clip(np.rint(x / np.float32(0.05)) + 100, 0, 255).astype(np.uint8)
    pooled = np.maximum(codes.reshape(1, 4, 3, 2, 3, 2).max((3, 5)), 100)
    assert np.array_equal(conv.activation.codes, pooled)
    assert (conv.activation.bits, conv.activation.zero_point) == (8, 100)
    assert np.array_equal(matrix.activation.codes[:, :, 0, 0], pooled.transpose(0, 2, 3, 1).reshape(9, 4))
    for layer in (conv, matrix):
        assert np.array_equal(layer.weight.codes, weight)
        assert np.array_equal(layer.weight.scale, scales.astype(np.float64))
        assert layer.output is not None
        assert layer.output.bits == 16


RECURRENT = {"LSTM": (4, [0, 3, 1, 2]), "GRU": (3, [1, 0, 2]), "RNN": (1, [0])}
"""Gates of each operator, and where each of PyTorch's gates stands among ONNX's."""


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("operator", RECURRENT)
def test_recurrent_operators_are_unrolled_with_their_real_states(operator: str, direction: str, tmp_path: Path) -> None:
    gates, _ = RECURRENT[operator]
    directions = 2 if direction == "bidirectional" else 1
    steps, batch, inputs, hidden = 5, 2, 3, 4
    constants = {
        "w": normal(directions, gates * hidden, inputs), "r": normal(directions, gates * hidden, hidden),
        "b": normal(directions, 2 * gates * hidden), "h0": normal(directions, batch, hidden),
    }  # fmt: skip
    extra = {"linear_before_reset": 1} if operator == "GRU" else {}
    recurrent = node(operator, "x w r b", "ys", f"/lstm/{operator}", hidden_size=hidden, direction=direction, **extra)
    recurrent.input.extend(["", "h0"])
    recurrent.output[:] = ["", "y"]  # the states of all steps are no output of the model
    model = save(tmp_path / "m.onnx", [recurrent], constants, {"x": [steps, batch, inputs]})
    x = normal(1, steps, batch, inputs)
    trace = trace_of(model, {"x": x})
    assert [(r.name, r.shapes[0].kind, r.shapes[0].steps, r.shapes[0].N) for r in trace.layers] == [
        entry
        for suffix in ("", "_reverse")[:directions]
        for entry in ((f"lstm.ih{suffix}", "linear", 1, 10), (f"lstm.hh{suffix}", "recurrent", 5, 2))
    ]
    assert trace.manifest["macs_total"] == steps * batch * directions * gates * hidden * (inputs + hidden)
    final = tensors_of(model, ["y"], {"x": x[0]})["y"]
    for place in range(directions):
        first, second = trace.layer(2 * place), trace.layer(2 * place + 1)
        back = direction == "reverse" or place == 1
        assert np.allclose(first.activation.values().reshape(5, 2, 3), x[0][:: -1 if back else 1], atol=1e-3)
        states = second.activation.values().reshape(5, 2, 4)
        assert np.allclose(states[0], constants["h0"][place], atol=1e-3)
        step = cell(operator, constants, place, hidden)
        carried = None
        order = x[0][:: -1 if back else 1]
        for number in range(steps):
            state, carried = step(order[number], states[number], carried)
            following = states[number + 1] if number + 1 < steps else final[place]
            assert np.allclose(state, following, atol=3e-3), number
        bias = constants["b"][place].reshape(2, -1)
        assert_reproduced(first, bias[0])
        if operator == "GRU":
            assert_reproduced(second, bias[1])


def cell(operator: str, constants: Feed, place: int, hidden: int) -> Any:
    """Return one step of a cell as the ONNX specification writes it: (x, state, carried) to (state, carried)."""
    w, r = constants["w"][place].astype(np.float64), constants["r"][place].astype(np.float64)
    bw, br = constants["b"][place].astype(np.float64).reshape(2, -1)

    def sigmoid(v: Any) -> Any:
        return 1 / (1 + np.exp(-v))

    def lstm(x: Any, h: Any, c: Any) -> Any:
        i, o, f, g = np.split(x @ w.T + bw + h @ r.T + br, 4, axis=-1)
        c = sigmoid(f) * (0 if c is None else c) + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    def gru(x: Any, h: Any, c: Any) -> Any:
        xz, xr, xn = np.split(x @ w.T + bw, 3, axis=-1)
        hz, hr, hn = np.split(h @ r.T + br, 3, axis=-1)
        z = sigmoid(xz + hz)
        return (1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * h, c

    return {"LSTM": lstm, "GRU": gru, "RNN": lambda x, h, c: (np.tanh(x @ w.T + bw + h @ r.T + br), c)}[operator]


def test_a_gru_that_resets_before_its_product_has_a_layer_for_it(tmp_path: Path) -> None:
    steps, hidden = 6, 4
    constants = {"w": normal(1, 12, 3), "r": normal(1, 12, 4), "b": normal(1, 24), "n": np.array([4, 4], np.int32)}
    gru = node("GRU", "x w r b n", "y", "/gru/GRU", hidden_size=hidden)
    model = save(tmp_path / "m.onnx", [gru], constants, {"x": [steps, 2, 3]})
    x = normal(1, steps, 2, 3)
    trace = trace_of(model, {"x": x})
    assert [r.name for r in trace.layers] == ["gru.ih", "gru.hh", "gru.hh_candidate"]
    assert [r.shapes[0].K for r in trace.layers] == [12, 8, 4]
    assert trace.manifest["macs_total"] == 4 * 2 * 12 * (3 + 4)  # four of the six steps are part of the sequences
    _, gates, candidate = trace
    states, reset = (layer.activation.values().reshape(4, 2, 4) for layer in (gates, candidate))
    w, r = constants["w"][0], constants["r"][0]
    bw, br = constants["b"][0].reshape(2, -1)
    for step in range(1, 4):
        previous = states[step - 1]
        z = 1 / (1 + np.exp(-(x[0, step - 1] @ w[:4].T + bw[:4] + previous @ r[:4].T + br[:4])))
        n = np.tanh(x[0, step - 1] @ w[8:].T + bw[8:] + reset[step - 1] @ r[8:].T + br[8:])
        assert np.allclose((1 - z) * n + z * previous, states[step], atol=3e-3)
    for layer in trace:
        assert_reproduced(layer, {12: bw, 8: br[:8], 4: br[8:]}[layer.shape.K])


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_dynamically_quantised_lstm_is_unrolled_with_the_codes_that_its_kernel_makes(
    per_channel: bool, tmp_path: Path
) -> None:
    from onnxruntime import quantization as q

    steps, hidden = 6, 5
    constants = {"w": normal(2, 20, 3), "r": normal(2, 20, hidden), "b": normal(2, 40)}
    lstm = node("LSTM", "x w r b", "y", "/lstm/LSTM", hidden_size=hidden, direction="bidirectional")
    source = save(tmp_path / "float.onnx", [lstm], constants, {"x": [steps, 1, 3]})
    model = tmp_path / "m.onnx"
    q.quantize_dynamic(source, model, weight_type=q.QuantType.QInt8, per_channel=per_channel)
    assert [n.op_type for n in onnx.load(model).graph.node] == ["DynamicQuantizeLSTM"]
    x = normal(1, steps, 1, 3)
    trace = trace_of(model, {"x": x})
    assert trace.warnings == []
    states = tensors_of(model, ["y"], {"x": x[0]})["y"]  # (steps, directions, 1, hidden)
    for place in (0, 1):
        first, second = trace.layer(2 * place), trace.layer(2 * place + 1)
        assert (first.activation.bits, second.activation.bits, first.weight.bits) == (8, 8, 8)
        assert (first.weight.axis == 0) == per_channel
        assert (second.shape.kind, second.activation.axis, np.size(second.activation.scale)) == ("recurrent", 0, steps)
        order = slice(None, None, -1 if place else 1)
        expected, carried = states[order, place, 0], 0.0
        real = [
            product(layer, layer.activation.values(), layer.weight.values())[:, :, 0, 0] for layer in (first, second)
        ]
        for step in range(steps):  # what the kernel's integers give is what the runtime gives, not only about that
            i, o, f, c = np.split(real[0][step] + real[1][step] + constants["b"][place].reshape(2, 20).sum(0), 4)
            carried = carried / (1 + np.exp(-f)) + np.tanh(c) / (1 + np.exp(-i))
            assert np.allclose(np.tanh(carried) / (1 + np.exp(-o)), expected[step], atol=1e-5)


def test_sequences_of_different_lengths_are_counted_as_missing(tmp_path: Path) -> None:
    constants = {"w": normal(1, 8, 3), "r": normal(1, 8, 2), "n": np.array([4, 2], np.int32), "v": normal(2, 5)}
    lstm = node("LSTM", "x w r", "s", "/lstm/LSTM", hidden_size=2)
    lstm.input.extend(["", "n"])
    model = save(tmp_path / "m.onnx", [lstm, node("MatMul", "s v", "y", "/fc/MatMul")], constants, {"x": [4, 2, 3]})
    trace = trace_of(model, {"x": normal(3, 4, 2, 3)})
    macs = 3 * 4 * 2 * 8 * (3 + 2)
    share = macs / (macs + 3 * 8 * 2 * 5)
    assert trace.manifest["unsupported"] == [
        {"module": "lstm", "operator": "LSTM", "macs": macs, "share": share,
         "reason": "sequences of different lengths in one batch"}
    ]  # fmt: skip
    assert trace.warnings == [
        f"LSTM in lstm is not captured (sequences of different lengths in one batch): {macs:,} MACs, {share:.2%} of the network"
    ]


def test_a_square_weight_used_both_ways_round_is_two_layers(tmp_path: Path) -> None:
    nodes = [
        node("Gemm", "x w", "a", transB=1), node("Gemm", "a w", "b"), node("Gemm", "b w", "c"),
        node("Einsum", "c w", "d", equation="ij,jk->ik"), node("Einsum", "d w", "y", equation="ij,kj->ik"),
    ]  # fmt: skip
    model = save(tmp_path / "m.onnx", nodes, {"w": normal(4, 4)}, {"x": [2, 4]})
    trace = trace_of(model, {"x": normal(3, 2, 4)})
    assert [record.shapes[0].steps for record in trace.layers] == [1, 2, 1, 1]
    for index in range(4):
        assert_reproduced(trace.layer(index, 2))


def test_an_einsum_of_one_operand_is_no_product(tmp_path: Path) -> None:
    nodes = [node("Einsum", "x", "t", equation="bij->bji"), node("MatMul", "t w", "y")]
    trace = trace_of(save(tmp_path / "m.onnx", nodes, {"w": normal(3, 5)}, {"x": [1, 3, 4]}), {"x": normal(2, 3, 4)})
    assert len(trace.layers) == 1
    assert not trace.manifest["unsupported"]
    assert_reproduced(trace.layer(0))


def test_rows_before_the_batch_are_put_behind_it(tmp_path: Path) -> None:
    domain = {"domain": "com.microsoft"}
    nodes = [
        node("FusedMatMul", "x w", "a", transBatchA=1, transA=1, transB=1, **domain),
        node("FusedMatMul", "a v", "b", transBatchB=1, **domain),
        node("FusedMatMul", "b z", "y", transBatchB=1, **domain),
    ]
    constants = {"w": normal(2, 5, 4), "v": normal(5, 2, 6)}
    model = save(tmp_path / "m.onnx", nodes, constants, {"x": [4, 2, 3], "z": [6, 2, 7]})
    trace = trace_of(model, {"x": normal(1, 4, 2, 3), "z": normal(1, 6, 2, 7)})
    assert [record.shapes[0].kind for record in trace.layers] == ["linear", "linear", "matmul"]
    for index in range(3):
        assert_reproduced(trace.layer(index))


def test_products_without_a_normal_form_are_counted_named_and_shared(tmp_path: Path) -> None:
    constants = {
        "w": normal(4, 2, 3, 3, 3), "v": normal(6, 5), "b": np.ones((6, 5), np.int32)
    }  # fmt: skip
    nodes = [
        node("Conv", "x w", "a", "/deep/Conv"),
        node("ReduceMean", "a", "c", axes=[1, 2, 3], keepdims=0),
        node("MatMul", "c v", "d", "/fc/MatMul"),
        node("Cast", "c", "ci", to=TensorProto.INT32),
        node("MatMul", "ci b", "e", "/whole/MatMul"),
        node("Scan", "c", "f", "/scan/Scan", num_scan_inputs=1, body=_scan_body()),
    ]
    model = save(tmp_path / "m.onnx", nodes, constants, {"x": [1, 2, 5, 4, 8]}, "d e f")
    trace = trace_of(model, {"x": normal(1, 1, 2, 5, 4, 8)})
    deep = 4 * 3 * 2 * 6 * 2 * 27
    total = deep + 2 * 30
    found = {entry["module"]: entry for entry in trace.manifest["unsupported"]}
    assert {m: (e["operator"], e["macs"], e["reason"]) for m, e in found.items()} == {
        "deep": ("Conv", deep, "three spatial dimensions"),
        "whole": ("MatMul", 30, "operands of type int32"),
        "scan": ("Scan", None, "products inside a loop or branch"),
    }
    assert found["deep"]["share"] == deep / total
    assert trace.manifest["captured_macs"] == 30
    assert trace.manifest["macs_total"] == total
    assert (
        f"Conv in deep is not captured (three spatial dimensions): {deep:,} MACs, {deep / total:.2%} of the network"
        in trace.warnings
    )
    assert "Scan in scan is not captured (products inside a loop or branch): its MACs are not known" in trace.warnings


def _scan_body() -> Any:
    """Multiply each scanned row by a matrix."""
    shape = [helper.make_tensor_value_info("row", TensorProto.FLOAT, [6])]
    result = [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]
    weight = numpy_helper.from_array(normal(6, 2), "inner")
    return helper.make_graph([node("MatMul", "row inner", "out")], "body", shape, result, [weight])


def test_without_inputs_random_ones_are_made_and_said_to_be(tmp_path: Path) -> None:
    model, _ = small(tmp_path / "m.onnx")
    trace = trace_of(model, None, "samples=2")
    assert trace.samples == 2
    assert trace.warnings[0].startswith("the inputs are random numbers (seed 0)")
    first, second = (trace.layer(0, sample).activation.values() for sample in (0, 1))
    assert first.shape == (1, 3, 15, 12)
    assert first.std() == pytest.approx(1, abs=0.2)
    assert not np.array_equal(first, second)
    other = trace_of(model, None, "inputs.seed=1")
    assert other.key != trace_of(model, None).key
    assert not np.array_equal(other.layer(0).activation.values(), first)


def test_free_sizes_of_random_inputs_are_asked_for(tmp_path: Path) -> None:
    model = save(tmp_path / "m.onnx", [node("MatMul", "x w", "y")], {"w": normal(4, 3)}, {"x": ["n", "time", 4]})
    with pytest.raises(InputError, match=r"input x \(float32 nxtimex4\) has a free size; .*sizes: \{time: 16\}"):
        trace_of(model, None)
    assert trace_of(model, None, "sizes={time: 7}").layer(0).shape.N == 7


def test_pictures_and_sentences_feed_a_model(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = RNG.integers(0, 256, (6, 9, 3)).astype(np.uint8)
    image.fromarray(pixels).save(tmp_path / "a.png")
    model = save(tmp_path / "m.onnx", [node("Conv", "x w", "y")], {"w": normal(2, 3, 3, 3)}, {"x": [1, 3, 6, 9]})
    trace = trace_of(model, None, "inputs={files: [a.png], scale: 128, mean: [1.0]}")
    expected = pixels.transpose(2, 0, 1)[None] / 128 - 1
    assert np.abs(trace.layer(0).activation.values() - expected).max() < 1e-4
    assert trace.warnings == []


BAD: dict[str, tuple[Any, str]] = {
    "truncated": (lambda body: body[: len(body) // 2], "is no ONNX model, or is truncated"),
    "text": (lambda body: b"this is a text file, no model\n" * 30, "is no ONNX model, or is truncated"),
    "empty": (lambda body: b"", "is no ONNX model, or is truncated"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_is_no_model_gives_one_line(kind: str, tmp_path: Path) -> None:
    model, _ = convolutions(tmp_path / "m.onnx")
    spoil, message = BAD[kind]
    model.write_bytes(spoil(model.read_bytes()))
    with pytest.raises(InputError, match=message) as caught:
        trace_of(model, {"x": normal(1, 4, 11, 13)})
    assert "\n" not in str(caught.value)


def test_operators_that_the_runtime_does_not_have_give_one_line(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Fancy", ["x"], ["y"], domain="my.own")], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])], [helper.make_empty_tensor_value_info("y")],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("my.own", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "m.onnx")
    with pytest.raises(InputError, match=r"m.onnx: onnxruntime cannot load it: .*my\.own.*") as caught:
        trace_of(tmp_path / "m.onnx", {"x": np.ones((1, 1), np.float32)})
    assert "\n" not in str(caught.value)


def two_inputs(path: Path) -> Path:
    nodes = [node("MatMul", "a b", "c"), node("Gather", "c k", "y")]
    shapes = {"a": ["n", 4], "b": [4, 2]}
    model = save(path, nodes, {}, shapes)
    proto = onnx.load(model)
    proto.graph.input.append(helper.make_tensor_value_info("k", TensorProto.INT64, [1]))
    onnx.save(proto, model)
    return model


A, B, K = {"a": normal(1, 3, 4)}, {"b": normal(1, 4, 2)}, {"k": np.zeros((1, 1), np.int64)}
UNFIT: dict[str, tuple[Feed, str]] = {
    "missing": (A, r"m.onnx takes the inputs a \(float32 nx4\), b \(float32 4x2\), k \(int64 1\); are given a"),
    "surplus": ({**A, **B, **K, "z": normal(1)}, "are given a, b, k, z"),
    "shape": ({**A, **K, "b": normal(1, 4, 3)}, r"input b takes .*a sample of the array has shape 4x3"),
    "type": ({**A, **B, "k": np.ones((1, 1))}, "input k: values of type float64, the model takes int64"),
    "samples": ({**B, **K, "a": normal(2, 3, 4)}, "arrays differ in their number of samples"),
    "nan": ({**B, **K, "a": normal(1, 3, 4) * np.nan}, "input a: NaN or infinity"),
    "index": ({**A, **B, "k": np.array([[9]])}, "m.onnx: fails on sample 0: .*indices element out of data bounds"),
    "objects": ({**A, **B, "k": np.array([[{}]])}, "cannot be read as an array .*numbers"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_inputs_that_do_not_fit_give_one_line(kind: str, tmp_path: Path) -> None:
    arrays, message = UNFIT[kind]
    with pytest.raises(AccelsimError, match=message) as caught:
        trace_of(two_inputs(tmp_path / "m.onnx"), arrays)
    assert "\n" not in str(caught.value)


def test_bad_files_of_inputs_give_one_line(tmp_path: Path) -> None:
    model = two_inputs(tmp_path / "m.onnx")
    for content, message in ((b"no archive", "cannot be read as an array"), (b"", "cannot be read as an array")):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(InputError, match=message):
            trace_of(model, None, "inputs=bad.npz")
    with pytest.raises(InputError, match=r"input gone\.npz is missing"):
        trace_of(model, None, "inputs=gone.npz")
    with pytest.raises(InputError, match=r"input k .* cannot be made at random"):
        trace_of(model, None)
    with pytest.raises(InputError, match=r"model .*none.onnx is missing"):
        trace_of(model, None, "model=none.onnx")


def test_values_kept_beside_a_model_belong_to_its_key_and_stay_in_its_folder(tmp_path: Path) -> None:
    source, _ = small(tmp_path / "plain.onnx")
    model = tmp_path / "m.onnx"
    proto = onnx.load(source)
    onnx.save(proto, model, save_as_external_data=True, location="values.bin", size_threshold=0)
    x = normal(1, 3, 15, 12)
    trace = trace_of(model, {"x": x})
    assert np.array_equal(trace.layer(0).weight.codes, trace_of(source, {"x": x}).layer(0).weight.codes)
    body = bytearray((tmp_path / "values.bin").read_bytes())
    body[3] ^= 1
    (tmp_path / "values.bin").write_bytes(body)
    assert trace_of(model, {"x": x}).key != trace.key
    proto = onnx.load(model, load_external_data=False)
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            entry.value = "../values.bin" if entry.key == "location" else entry.value
    onnx.save(proto, model)
    with pytest.raises(InputError, match="outside its own folder"):
        trace_of(model, {"x": x})


def test_capturing_a_model_loads_no_torch(tmp_path: Path) -> None:
    model, _ = small(tmp_path / "m.onnx")
    trace_of(model, {"x": normal(1, 3, 15, 12)})
    code = (
        "import sys, accelsim as a; from pathlib import Path; "
        f"t = a.open_trace(a.load_workload({str(model.with_suffix('.yaml'))!r}), cache=Path({str(tmp_path)!r})); "
        "assert t.samples == 1 and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_shipped_model_gives_its_own_codes_of_pictures_and_its_networks_classes(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    torch = pytest.importorskip("torch")
    from accelsim import zoo

    trace = open_trace(load_workload("resnet20_onnx", ["samples=3", "inputs.seed=null"]), cache=tmp_path)
    assert trace.warnings == []
    assert [record.name for record in trace.layers][::19] == ["conv", "fc"]
    net, images = zoo.load("resnet20"), zoo.samples("resnet20")[:3]
    for sample, image in enumerate(images):
        first, last = trace.layer(0, sample), trace.layer(19, sample)
        assert (first.activation.bits, first.weight.bits, first.weight.axis) == (8, 8, 0)
        assert np.abs(first.activation.values() - image[0].numpy()).max() <= 0.51 * first.activation.scale
        assert last.output is not None
        with torch.no_grad():
            assert last.output.codes.argmax() == net(*image).argmax()


def test_the_recipe_of_the_shipped_model_writes_one_of_its_kind(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    from accelsim import catalogue, zoo
    from accelsim.zoo import export_onnx
    from accelsim.zoo.networks.resnet20 import CLASSES

    model, shipped = (
        tmp_path / "m.onnx",
        catalogue.find("workload", "resnet20_onnx").parent / "files" / "resnet20_qdq.onnx",
    )
    images = load_file(zoo.folder("resnet20") / "samples.safetensors")["images"]
    export_onnx.export(model, images)
    kinds = [[n.op_type for n in onnx.load(path).graph.node] for path in (model, shipped)]
    assert kinds[0] == kinds[1]
    labels = torch.tensor([CLASSES.index(row["label"]) for row in zoo.card("resnet20")["samples"]])
    right = sum(row["predicted"] == row["label"] for row in zoo.card("resnet20")["samples"])
    assert abs(export_onnx.accuracy(model, images, labels) - right / 10) < 0.11


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = small(tmp_path / "m.onnx")
    uninstall("onnxruntime", monkeypatch)
    with pytest.raises(InputError, match=r"the package onnxruntime is not installed; pip install 'accelsim\[onnx\]'"):
        trace_of(model, {"x": normal(1, 3, 15, 12)})
