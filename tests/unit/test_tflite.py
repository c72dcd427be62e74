"""TFLite models as workloads: codes as the runtime holds them, padding as it computes it, one line for a bad file."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert.interpreter")

from accelsim.accelerators.base import load_hardware
from accelsim.errors import InputError
from accelsim.sim import run
from accelsim.workload import load_workload, open_trace
from accelsim.zoo.tflite_builder import Builder
from tests.integer_products import product, requantized
from tests.model_files import trace_of, uninstall

RNG = np.random.default_rng(7)
SAME, VALID = 0, 1
NONE, RELU = 0, 1


def bytes_of(*shape: int) -> Any:
    return RNG.integers(-127, 128, shape).astype(np.int8)


class Chain(Builder):
    """A chain of quantised operators of random weights, input int8 (1, 12, 13, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.x = self.input = self.tensor("serving_default_x:0", [1, 12, 13, 4], "INT8", (0.05, -3))
        self.scale, self.biases, self.count = 0.05, [], 0

    def conv(
        self, kind: str, weight: Any, output: list[int], scale: float, zero: int, act: int, **options: Any
    ) -> None:
        """Add a convolution with scales per filter and a bias."""
        axis = 3 if kind == "DEPTHWISE_CONV_2D" else 0
        filters = weight.shape[axis]
        scales = RNG.uniform(0.002, 0.02, filters).astype(np.float32)
        bias = RNG.integers(-3000, 3000, filters).astype(np.int32)
        w = self.constant(f"net/{self.count}/Conv2D", weight, (scales, np.zeros(filters), axis))
        b = self.constant(f"bias{self.count}", bias, (self.scale * scales, np.zeros(filters), 0))
        y = self.tensor(f"net/{self.count}/out", output, "INT8", (scale, zero))
        before = [self.constant(f"size{self.count}", np.array(output, np.int32))] if kind == "TRANSPOSE_CONV" else []
        ends = [w, self.x] if before else [self.x, w]
        table = {"CONV_2D": "Conv2DOptions", "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions"}
        self.operator(
            kind,
            [*before, *ends, b],
            [y],
            table.get(kind, "TransposeConvOptions"),
            fusedActivationFunction=act,
            **options,
        )
        self.version(3)
        self.biases.append(bias * self.scale * scales.astype(np.float64))
        self.x, self.scale, self.count = y, scale, self.count + 1


def strides(u: int, v: int, padding: int, dilation: tuple[int, int] = (1, 1)) -> dict[str, int]:
    return {
        "strideH": u, "strideW": v, "padding": padding, "dilationHFactor": dilation[0], "dilationWFactor": dilation[1]
    }  # fmt: skip


def quantized(path: Path) -> tuple[Path, list[Any]]:
    """Write convolutions of every kind and padding, a PAD and a classifier; return its path and its real biases."""
    chain = Chain()
    chain.conv("CONV_2D", bytes_of(8, 3, 2, 4), [1, 6, 13, 8], 0.3, -128, RELU, **strides(2, 1, SAME, (1, 1)))
    depth = {"depthMultiplier": 2, **strides(1, 1, SAME, (2, 1))}
    chain.conv("DEPTHWISE_CONV_2D", bytes_of(1, 3, 4, 16), [1, 6, 13, 16], 0.4, 5, NONE, **depth)
    padded = chain.tensor("padded", [1, 9, 14, 16], "INT8", (0.4, 5))
    chain.operator(
        "PAD",
        [chain.x, chain.constant("around", np.array([[0, 0], [2, 1], [1, 0], [0, 0]], np.int32))],
        [padded],
        "PadOptions",
    )
    chain.x = padded
    chain.conv("CONV_2D", bytes_of(6, 3, 3, 8), [1, 4, 6, 6], 1.0, -10, NONE, **strides(2, 2, VALID))  # two groups
    up = {"strideH": 2, "strideW": 3, "padding": SAME}
    chain.conv("TRANSPOSE_CONV", bytes_of(5, 4, 5, 6), [1, 8, 17, 5], 2.0, 0, NONE, **up)
    chain.conv(
        "TRANSPOSE_CONV",
        bytes_of(3, 2, 2, 5),
        [1, 9, 18, 3],
        3.0,
        7,
        NONE,
        **{**up, "strideH": 1, "strideW": 1, "padding": VALID},
    )
    weight, bias = bytes_of(4, 9 * 18 * 3), RNG.integers(-3000, 3000, 4).astype(np.int32)
    w = chain.constant("head/MatMul", weight, (0.01, 0))
    b = chain.constant("b", bias, (0.03, 0))
    y = chain.tensor("y", [1, 4], "INT8", (30.0, 2))
    chain.operator("FULLY_CONNECTED", [chain.x, w, b], [y], "FullyConnectedOptions", fusedActivationFunction=NONE)
    chain.version(4)
    chain.biases.append(bias * 0.03)
    return chain.save(path, [chain.input], [y]), chain.biases


def test_codes_of_a_quantised_model_give_the_codes_that_the_runtime_stores(tmp_path: Path) -> None:
    model, biases = quantized(tmp_path / "m.tflite")
    codes = bytes_of(2, 12, 13, 4)
    trace = trace_of(model, {"x": codes})
    assert trace.samples == 2
    assert trace.warnings == []
    assert trace.manifest["quantization"] == {"values": "the model's own codes"}
    shapes = [r.shapes[0] for r in trace.layers]
    assert [r.name for r in trace.layers] == [*(f"net.{i}" for i in range(5)), "head"]
    assert [(s.kind, s.groups, s.K, s.C, s.padding, s.transposed) for s in shapes] == [
        ("conv", 1, 8, 4, (0, 1, 0, 1), False),
        ("conv", 8, 2, 1, (2, 2, 1, 2), False),
        ("conv", 2, 3, 8, (2, 1, 1, 0), False),
        ("conv", 1, 5, 6, (1, 1, 1, 2), True),
        ("conv", 1, 3, 5, (0, 0, 0, 0), True),
        ("linear", 1, 4, 486, (0, 0, 0, 0), False),
    ]
    assert np.array_equal(trace.layer(0, 1).activation.codes, codes[1:].transpose(0, 3, 1, 2))
    for layer in trace:
        bias = biases[layer.index]
        expected = requantized(layer, bias, low=0.0 if layer.index == 0 else -np.inf)
        assert layer.output is not None
        assert np.abs(expected - layer.output.codes).max() <= 1, layer.name
        assert layer.name == "head" or len(np.unique(layer.output.codes)) > 50, layer.name
    following = trace.layer(1, 1)
    assert np.array_equal(following.activation.codes, trace.layer(0, 1).output.codes)  # type: ignore[union-attr]
    assert following.activation.zero_point == -128
    result = run(load_hardware("eyeriss"), trace)
    assert len(result.layers) == 12


def test_real_inputs_become_the_codes_that_the_model_asks_for(tmp_path: Path) -> None:
    model, _ = quantized(tmp_path / "m.tflite")
    real = RNG.normal(size=(1, 12, 13, 4))
    found = trace_of(model, {"serving_default_x:0": real}).layer(0).activation
    expected = np.clip(np.rint(real / np.float32(0.05)) - 3, -128, 127)
    assert np.array_equal(found.codes, expected.transpose(0, 3, 1, 2))
    random = trace_of(model, None)
    assert random.warnings[0].startswith("the inputs are random numbers (seed 0)")
    assert random.layer(0).activation.values().std() == pytest.approx(1, abs=0.2)


def unsigned(path: Path) -> Path:
    """Write a uint8 convolution whose weights have a zero point."""
    b = Builder()
    x = b.tensor("x", [1, 5, 5, 2], "UINT8", (0.1, 100))
    w = b.constant("c/Conv2D", RNG.integers(0, 256, (3, 3, 3, 2)).astype(np.uint8), (0.02, 140))
    bias = b.constant("b", np.zeros(3, np.int32), (0.002, 0))
    y = b.tensor("y", [1, 5, 5, 3], "UINT8", (0.25, 128))
    b.operator("CONV_2D", [x, w, bias], [y], "Conv2DOptions", fusedActivationFunction=NONE, **strides(1, 1, SAME))
    return b.save(path, [x], [y])


def test_zero_points_of_unsigned_codes_are_kept_for_both_operands(tmp_path: Path) -> None:
    codes = RNG.integers(0, 256, (1, 5, 5, 2)).astype(np.uint8)
    layer = trace_of(unsigned(tmp_path / "m.tflite"), {"x": codes}).layer(0)
    assert (layer.activation.signed, layer.activation.zero_point, layer.weight.zero_point) == (False, 100, 140)
    assert layer.output is not None
    assert np.abs(requantized(layer, np.zeros(3)) - layer.output.codes).max() <= 1


def attention(b: Builder, x: int) -> int:
    """Add (x x^T) softmax x on real numbers."""
    s, p, y = (b.tensor(n, shape) for n, shape in (("att/s", [1, 4, 4]), ("att/p", [1, 4, 4]), ("att/y", [1, 4, 6])))
    b.operator("BATCH_MATMUL", [x, x], [s], "BatchMatMulOptions", adjX=False, adjY=True)
    b.operator("SOFTMAX", [s], [p], "SoftmaxOptions", beta=1.0)
    b.operator("BATCH_MATMUL", [p, x], [y], "BatchMatMulOptions", adjX=False, adjY=False)
    return y


def test_real_numbers_attention_and_weights_of_half_precision(tmp_path: Path) -> None:
    b = Builder()
    x = b.tensor("x", [1, 4, 6])
    half = b.constant("half", RNG.normal(size=(6, 6)).astype(np.float16))
    w = b.tensor("dense/MatMul", [6, 6])
    b.operator("DEQUANTIZE", [half], [w], "DequantizeOptions")
    h, r = b.tensor("h", [1, 4, 6]), b.tensor("r", [1, 4, 6])
    b.operator("FULLY_CONNECTED", [x, w, -1], [h], "FullyConnectedOptions", keepNumDims=True)
    b.version(5)
    b.operator("RELU", [h], [r])
    y = attention(b, r)
    model = b.save(tmp_path / "m.tflite", [x], [y])
    trace = trace_of(model, {"x": RNG.normal(size=(2, 1, 4, 6)).astype(np.float32)})
    assert [(r.name, r.shapes[0].kind) for r in trace.layers] == [
        ("dense", "linear"), ("att.s.qk", "matmul"), ("att.y.pv", "matmul"),
    ]  # fmt: skip
    assert trace.warnings == []
    dense = trace.layer(0, 1)
    assert dense.output is not None
    real = np.maximum(product(dense, dense.activation.values(), dense.weight.values()), 0)
    assert np.abs(real - dense.output.values()).max() < 5e-3
    assert np.array_equal(dense.output.codes[:, :, 0, 0], trace.layer(1, 1).activation.codes[:, :, 0, 0])
    for layer in (trace.layer(1, 1), trace.layer(2, 1)):
        assert layer.output is not None
        real = product(layer, layer.activation.values(), layer.weight.values())
        assert np.abs(real - layer.output.values()).max() < 2e-2


def hybrid(kind: str) -> tuple[Builder, int, int, tuple[int, ...]]:
    """Build an operator of real activations and int8 weights; return its input, its output and the input's shape."""
    b = Builder()
    several = (np.linspace(0.01, 0.05, 6), np.zeros(6))
    bias = b.constant("b", RNG.normal(size=6).astype(np.float32))
    if kind.startswith("rows"):
        size: tuple[int, ...] = (3, 8)
        x, y = b.tensor("x", size), b.tensor("y", [3, 6])
        w = b.constant("w", bytes_of(6, 8), (0.02, 0))
        flag = kind == "rows, asymmetric"
        b.operator("FULLY_CONNECTED", [x, w, bias], [y], "FullyConnectedOptions", asymmetricQuantizeInputs=flag)
        b.version(9)
        return b, x, y, size
    size = (2, 5, 6, 3)
    x, y = b.tensor("x", size), b.tensor("y", [2, 5, 6, 6])
    if kind == "depthwise":
        w = b.constant("w", bytes_of(1, 3, 3, 6), (*several, 3))
        options = {"depthMultiplier": 2, **strides(1, 1, SAME)}
        b.operator("DEPTHWISE_CONV_2D", [x, w, bias], [y], "DepthwiseConv2DOptions", **options)
        b.version(6)
    else:
        w = b.constant("w", bytes_of(6, 3, 3, 3), (0.02, 0) if kind == "conv" else (*several, 0))
        b.operator("CONV_2D", [x, w, bias], [y], "Conv2DOptions", **strides(1, 1, SAME))
        b.version(5)
    return b, x, y, size


@pytest.mark.parametrize("kind", ["rows", "rows, asymmetric", "conv", "conv, scales per filter", "depthwise"])
def test_codes_that_a_kernel_makes_of_real_activations_give_what_it_stores(kind: str, tmp_path: Path) -> None:
    b, x, y, size = hybrid(kind)
    model = b.save(tmp_path / "m.tflite", [x], [y])
    inputs = RNG.normal(0.3, 1, (2, *size)).astype(np.float32)
    inputs[0, 0] = 0  # a row, or an item, without a range
    trace = trace_of(model, {"x": inputs})
    assert trace.warnings == []
    bias = np.frombuffer(b.data("b"), np.float32).reshape(1, -1, 1, 1)
    for layer in trace:
        form = layer.activation
        assert (form.bits, form.signed, form.axis, np.size(form.scale)) == (8, True, 0, size[0])
        assert np.any(form.zero_point) == (kind in ("rows, asymmetric", "conv, scales per filter", "depthwise"))
        assert layer.output is not None
        real = product(layer, form.values(), layer.weight.values()) + bias
        assert np.abs(real - layer.output.values()).max() <= layer.output.scale  # exact but for the output's rounding


def test_weights_of_four_bits_are_unpacked(tmp_path: Path) -> None:
    values = RNG.integers(-7, 8, (3, 8)).astype(np.int8)
    low, high = values.reshape(-1, 2).T & 15
    b = Builder()
    x, y = b.tensor("x", [2, 8]), b.tensor("y", [2, 3])
    w = b.tensor("dense/MatMul", [3, 8], "INT4", (0.1, 0), (low | high << 4).astype(np.uint8))
    b.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
    b.version(7)
    model = b.save(tmp_path / "m.tflite", [x], [y])
    layer = trace_of(model, {"x": RNG.normal(size=(1, 2, 8)).astype(np.float32)}).layer(0)
    assert np.array_equal(layer.weight.codes[:, :, 0, 0], values)
    assert (layer.weight.bits, layer.activation.bits) == (4, 8)
    assert layer.output is not None
    real = product(layer, layer.activation.values(), layer.weight.values())
    assert np.abs(real - layer.output.values()).max() <= layer.output.scale


def test_codes_that_a_kernel_hides_are_told_of(tmp_path: Path) -> None:
    b = Builder()
    x, y = b.tensor("x", [1, 4, 6]), b.tensor("net/y", [1, 4, 5])
    w = b.constant("w", bytes_of(1, 6, 5), (0.02, 0))
    b.operator("BATCH_MATMUL", [x, w], [y], "BatchMatMulOptions", adjX=False, adjY=False)
    b.version(4)
    trace = trace_of(b.save(tmp_path / "m.tflite", [x], [y]), {"x": RNG.normal(size=(1, 1, 4, 6)).astype(np.float32)})
    layer = trace.layer(0)
    assert (layer.activation.bits, layer.weight.bits) == (16, 8)
    assert trace.warnings == ["activations are real numbers that the kernel quantises inside, out of sight: layers w"]


def lstm(b: Builder, x: int, steps: int, weights: Any) -> int:
    """Add an LSTM of 5 units on 3 inputs; weights, or their codes: 4 times (5, 3), 4 times (5, 5)."""
    w = [b.constant(f"w{i}", v, (0.01, 0) if v.dtype == np.int8 else None) for i, v in enumerate(weights)]
    bias = [b.constant(f"b{i}", np.full(5, 0.1 * i, np.float32)) for i in range(4)]
    states = [b.tensor(n, [1, 5], variable=True) for n in ("h", "c")]
    y = b.tensor("net/lstm/out", [1, steps, 5])
    b.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", [x, *w, -1, -1, -1, *bias, -1, -1, *states, -1, -1, -1, -1], [y],
        "UnidirectionalSequenceLSTMOptions", fusedActivationFunction=4, cellClip=0.0, projClip=0.0, timeMajor=False,
    )  # fmt: skip
    return y


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("hybrid", [False, True])
def test_an_lstm_is_unrolled_with_its_real_states(stream: bool, hybrid: bool, tmp_path: Path) -> None:
    weights = [bytes_of(5, n) if hybrid else RNG.normal(size=(5, n)).astype(np.float32) for n in (3,) * 4 + (5,) * 4]
    b = Builder()
    x = b.tensor("x", [1, 6, 3])
    model = b.save(tmp_path / "m.tflite", [x], [lstm(b, x, 6, weights)])
    inputs = RNG.normal(size=(2, 6, 3)).astype(np.float32)
    trace = trace_of(model, {"x": inputs}, f"stream={'true' if stream else 'false'}")
    assert [(r.name, r.shapes[0].kind, r.shapes[0].steps, r.shapes[0].K) for r in trace.layers] == [
        ("net.lstm.out.ih", "linear", 1, 20), ("net.lstm.out.hh", "recurrent", 6, 20),
    ]  # fmt: skip
    assert trace.manifest["macs_total"] == 2 * 6 * 20 * (3 + 5)
    bias = np.repeat(0.1 * np.arange(4), 5)
    state, carried = np.zeros(5), np.zeros(5)
    for sample in (0, 1):
        if not stream:
            state, carried = np.zeros(5), np.zeros(5)
        first, second = trace.layer(0, sample), trace.layer(1, sample)
        assert first.activation.bits == (8 if hybrid else 16)
        assert np.allclose(first.activation.values()[:, :, 0, 0], inputs[sample], atol=2e-2 if hybrid else 1e-3)
        seen = second.activation.values().reshape(6, 5)
        sums = [product(a, a.activation.values(), a.weight.values())[:, :, 0, 0] for a in (first, second)]
        for step in range(6):
            # the state of the runtime is what its kernel gets from the captured operands
            assert np.allclose(seen[step], state, atol=6e-3 if hybrid else 2e-3)
            gates = sums[0][step] + sums[1][step] + bias
            assert second.output is not None
            assert np.allclose(second.output.values()[step, :, 0, 0], gates, atol=5e-3)
            i, f, c, o = np.split(gates, 4)
            carried = carried / (1 + np.exp(-f)) + np.tanh(c) / (1 + np.exp(-i))
            state = np.tanh(carried) / (1 + np.exp(-o))


def test_of_one_sequence_the_first_samples_are_taken(tmp_path: Path) -> None:
    b = Builder()
    x = b.tensor("x", [1, 2, 3])
    weights = [RNG.normal(size=(5, n)).astype(np.float32) for n in (3,) * 4 + (5,) * 4]
    model = b.save(tmp_path / "m.tflite", [x], [lstm(b, x, 2, weights)])
    inputs = RNG.normal(size=(30, 2, 3)).astype(np.float32)
    for stream, first in (("true", True), ("false", False)):
        trace = trace_of(model, {"x": inputs}, f"stream={stream}", "samples=3")
        found = np.stack([trace.layer(0, sample).activation.values()[:, :, 0, 0] for sample in range(3)])
        assert np.allclose(found, inputs[:3], atol=1e-3) == first  # a choice by seed otherwise


def test_products_without_a_normal_form_are_counted_named_and_shared(tmp_path: Path) -> None:
    b = Builder()
    x = b.tensor("x", [1, 3, 4, 4, 2])
    w = b.constant("deep/Conv3D", RNG.normal(size=(2, 2, 2, 2, 3)).astype(np.float32))
    h = b.tensor("deep/out", [1, 2, 3, 3, 3])
    b.operator("CONV_3D", [x, w], [h], "Conv3DOptions", padding=VALID, strideD=1, strideH=1, strideW=1)
    v = b.constant("fc/MatMul", RNG.normal(size=(5, 54)).astype(np.float32))
    y = b.tensor("y", [1, 5])
    b.operator("FULLY_CONNECTED", [h, v, -1], [y], "FullyConnectedOptions")
    b.version(6)
    trace = trace_of(b.save(tmp_path / "m.tflite", [x], [y]), {"x": RNG.normal(size=(1, 3, 4, 4, 2))})
    deep = 54 * 16
    assert trace.manifest["unsupported"] == [
        {"module": "deep.out", "operator": "CONV_3D", "macs": deep, "share": deep / (deep + 270),
         "reason": "this operator has no normal form"}
    ]  # fmt: skip
    assert trace.manifest["macs_total"] == deep + 270
    assert trace.warnings == [
        f"CONV_3D in deep.out is not captured (this operator has no normal form): {deep} MACs, {deep / (deep + 270):.2%} of the network"
    ]


def custom(path: Path, *names: str) -> Path:
    b = Builder()
    x = last = b.tensor("x", [1, 4])
    for name in names:
        following = b.tensor(name, [1, 4])
        b.operator(name, [last], [following])
        last = following
    return b.save(path, [x], [last])


@pytest.mark.parametrize("kind", ["truncated", "short", "text", "empty", "custom"])
def test_a_file_that_cannot_be_run_gives_one_line(kind: str, tmp_path: Path) -> None:
    model = custom(tmp_path / "m.tflite", "MyFancyOp", "FlexErf", "MyFancyOp")
    message = "uses custom operators that the TFLite runtime does not have: FlexErf, MyFancyOp; convert"
    if kind != "custom":
        message = "is no TFLite model, or is truncated"
        model, _ = quantized(tmp_path / "m.tflite")
        body = model.read_bytes()
        model.write_bytes(
            {"truncated": body[:-40], "short": body[:9], "text": b"just a text\n" * 99, "empty": b""}[kind]
        )
    with pytest.raises(InputError, match=message) as caught:
        trace_of(model, {"x": np.ones((1, 1, 4), np.float32)})
    assert "\n" not in str(caught.value)


def test_inputs_that_do_not_fit_give_one_line(tmp_path: Path) -> None:
    model, _ = quantized(tmp_path / "m.tflite")
    for arrays, message in (
        ({"x": bytes_of(1, 9, 9, 4)}, r"m.tflite: input x takes x \(int8 1x12x13x4\), a sample of the array has shape 1x9x9x4"),
        ({"x": np.full((1, 12, 13, 4), 200)}, "input x: numbers from 200 to 200 do not fit in int8"),
        ({"x": bytes_of(1, 12, 13, 4), "z": bytes_of(1, 2)}, r"takes the inputs x \(int8 1x12x13x4\); are given x, z"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            trace_of(model, arrays)


def test_a_free_batch_and_size_follow_the_inputs(tmp_path: Path) -> None:
    b = Builder()
    x, y = b.tensor("x", [1, 3, 3, 2], free=[-1, -1, -1, 2]), b.tensor("y", [1, 3, 3, 4], free=[-1, -1, -1, 4])
    w = b.constant("c/Conv2D", RNG.normal(size=(4, 3, 3, 2)).astype(np.float32))
    bias = b.constant("b", np.zeros(4, np.float32))
    b.operator("CONV_2D", [x, w, bias], [y], "Conv2DOptions", **strides(1, 1, SAME))
    model = b.save(tmp_path / "m.tflite", [x], [y])
    trace = trace_of(model, {"x": RNG.normal(size=(2, 3, 7, 5, 2)).astype(np.float32)})
    layer = trace.layer(0, 1)
    assert layer.shape.activation_shape == (3, 2, 7, 5)
    assert layer.output is not None
    real = product(layer, layer.activation.values(), layer.weight.values())
    assert np.abs(real - layer.output.values()).max() < 1e-2
    with pytest.raises(InputError, match=r"input x \(float32 \?x\?x\?x2\) has a free size; give `inputs: FILE.npz`"):
        trace_of(model, None)


def test_pictures_are_given_with_their_channels_last(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = RNG.integers(0, 256, (6, 9, 3)).astype(np.uint8)
    image.fromarray(pixels).save(tmp_path / "a.png")
    b = Builder()
    x, y = b.tensor("x", [1, 6, 9, 3], "UINT8", (1 / 128, 128)), b.tensor("y", [1, 6, 9, 2], "UINT8", (0.5, 128))
    w = b.constant("c/Conv2D", RNG.integers(0, 256, (2, 3, 3, 3)).astype(np.uint8), (0.02, 140))
    bias = b.constant("b", np.zeros(2, np.int32), (0.02 / 128, 0))
    b.operator("CONV_2D", [x, w, bias], [y], "Conv2DOptions", **strides(1, 1, SAME))
    model = b.save(tmp_path / "m.tflite", [x], [y])
    trace = trace_of(model, None, "inputs={files: [a.png], scale: 128, mean: [1.0]}")
    assert np.array_equal(trace.layer(0).activation.codes, pixels.transpose(2, 0, 1)[None])


def test_the_shipped_model_gives_its_own_codes_and_the_pictures_of_its_network(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from accelsim import catalogue, zoo
    from accelsim.zoo.export_tflite import Runtime

    trace = open_trace(load_workload("denoiser_tflite", ["samples=1"]), cache=tmp_path)
    assert trace.warnings == []
    assert [record.name for record in trace.layers] == [f"conv{i}" for i in range(8)]
    layers = list(trace)
    assert [layer.weight.axis for layer in layers] == [0] * 7 + [None]  # the last one has one filter
    assert all(layer.activation.zero_point == -128 for layer in layers[1:])
    for layer, following in pairwise(layers):
        assert np.array_equal(layer.output.codes, following.activation.codes)  # type: ignore[union-attr]
    runtime = Runtime(catalogue.find("workload", "denoiser_tflite").parent / "files" / "denoiser_int8.tflite")
    (noisy,) = zoo.samples("denoiser")[0]
    with torch.no_grad():
        found, expected = runtime(noisy), zoo.load("denoiser")(noisy)
    assert float((found - expected).abs().mean()) < 0.005
    assert float((found - noisy).abs().mean()) > 0.02


def test_the_recipe_of_the_shipped_model_keeps_the_network(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from accelsim import zoo
    from accelsim.zoo import export_tflite

    net, noisy = zoo.load("denoiser"), torch.cat([x for (x,) in zoo.samples("denoiser")])
    export_tflite.export(tmp_path / "m.tflite", net, noisy, 64)  # type: ignore[arg-type]
    with torch.no_grad():
        expected = net(noisy[:1])
    found = export_tflite.Runtime(tmp_path / "m.tflite")(noisy[:1])
    assert float((found - expected).abs().mean()) < 0.005
    assert export_tflite.form((0.0, 5.1)) == (pytest.approx(0.02), -128)
    assert export_tflite.form((-1.0, 1.55)) == (pytest.approx(0.01), -28)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = quantized(tmp_path / "m.tflite")
    uninstall("ai-edge-litert", monkeypatch)
    with pytest.raises(
        InputError, match=r"the package ai-edge-litert is not installed; pip install 'accelsim\[tflite\]'"
    ):
        trace_of(model, {"x": bytes_of(1, 12, 13, 4)})
