"""Hypothesis strategies: small random layers of every geometry, with the codes of their operands."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from accelsim.layer import Layer, LayerShape, Operand

SPECIAL = (0, 1, -1, 2, -2, 3, 127, -128, 255, 32767, -32768, 65535)


@st.composite
def shapes(draw) -> LayerShape:
    """Draw convolutions with stride, dilation, asymmetric padding and groups; transposed ones; linear, matmul."""
    small = st.integers(1, 3)
    kind = draw(st.sampled_from(["conv", "conv", "conv", "transposed", "linear", "recurrent", "matmul"]))
    N, groups, K, C = draw(small), draw(small), draw(small), draw(st.sampled_from([1, 2, 3, 18]))
    steps = draw(small) if kind in ("conv", "recurrent") else 1
    if kind in ("linear", "recurrent", "matmul"):
        return LayerShape(kind, N, groups, K, C, 1, 1, 1, 1, 1, 1, steps=steps)
    C = min(C, 3)
    H, W, R, S = (draw(st.integers(1, 4)) for _ in range(4))
    stride, dilation = (draw(st.tuples(small, small)) for _ in range(2))
    padding = draw(st.tuples(*[st.integers(0, 2)] * 4))
    top, bottom, left, right = padding
    if kind == "transposed":
        P = max(1, (H - 1) * stride[0] + dilation[0] * (R - 1) + 1 - top - bottom)
        Q = max(1, (W - 1) * stride[1] + dilation[1] * (S - 1) + 1 - left - right)
        return LayerShape("conv", N, groups, K, C, H, W, R, S, P, Q, stride, padding, dilation, steps, True)
    H = max(H, dilation[0] * (R - 1) + 1 - top - bottom)
    W = max(W, dilation[1] * (S - 1) + 1 - left - right)
    P = (H + top + bottom - dilation[0] * (R - 1) - 1) // stride[0] + 1
    Q = (W + left + right - dilation[1] * (S - 1) - 1) // stride[1] + 1
    return LayerShape("conv", N, groups, K, C, H, W, R, S, P, Q, stride, padding, dilation, steps)


@st.composite
def operands(draw, shape: tuple[int, ...], bits: int | None = None) -> Operand:
    """Draw codes of 8 or 16 bits, signed or unsigned, with and without zero points (scalar or per channel)."""
    bits = draw(st.sampled_from([8, 16])) if bits is None else bits
    signed = draw(st.booleans())
    info = np.iinfo(f"{'' if signed else 'u'}int{bits}")
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from([0, 1, 20, 2**bits]))
    codes = np.rint(rng.standard_normal(shape) * spread).clip(info.min, info.max)
    codes[rng.random(shape) < draw(st.sampled_from([0.0, 0.5, 0.95]))] = 0
    codes.flat[0] = np.clip(draw(st.sampled_from(SPECIAL)), info.min, info.max)
    codes = codes.astype(info.dtype)
    point = draw(st.sampled_from(["none", "none", "scalar", "channel"]))
    if point == "none":
        return Operand(codes, bits, signed)
    if point == "scalar":
        return Operand(codes, bits, signed, zero_point=draw(st.integers(info.min, info.max)))
    axis = draw(st.sampled_from([0, 1]))
    zero = rng.integers(info.min, info.max + 1, shape[axis], dtype=np.int64)
    return Operand(codes, bits, signed, np.ones(shape[axis]), zero, axis)


@st.composite
def layers(draw, samples: int = 1, bits: int | None = None) -> list[Layer]:
    """Draw one layer on `samples` inputs; the weights are the same ones unless they are activations."""
    shape = draw(shapes())
    weight = draw(operands(shape.weight_shape, bits))
    found = []
    for sample in range(samples):
        if sample and shape.kind == "matmul":
            weight = draw(operands(shape.weight_shape, bits))
        activation = draw(operands(shape.activation_shape, bits))
        output = draw(st.none() | operands(shape.output_shape, bits))
        found.append(Layer("drawn", 0, sample, shape, activation, weight, output))
    return found
