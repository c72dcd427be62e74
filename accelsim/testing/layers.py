"""Layers of every kind with random codes, and the integer outputs that they must give."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.layer import Layer, LayerShape, Operand

KINDS = (
    "conv",
    "strided",
    "grouped",
    "depthwise",
    "dilated",
    "rectangular",
    "transposed",
    "linear",
    "rows",
    "recurrent",
    "matmul",
)
"""Kinds of layers: seven convolutions, linear layers of one row and of several, recurrent steps, attention products."""

ALL_KINDS = (*KINDS, "first")
"""The kinds of the conformance kit: "first" is a strided layer on a picture of three channels, first of its network."""


def shape_of(kind: str, rng: np.random.Generator) -> LayerShape:
    """Return a small shape of the kind, one of `ALL_KINDS`."""

    def pick(*choices: int) -> int:
        return int(rng.choice(choices))

    C, K, H = pick(1, 3, 5, 17, 20), pick(1, 4, 7, 19), pick(4, 5, 7)
    if kind in ("linear", "rows", "recurrent"):
        rows = 1 if kind == "linear" else pick(1, 3, 5)
        steps = pick(2, 3) if kind == "recurrent" else 1
        name = "recurrent" if kind == "recurrent" else "linear"
        return LayerShape(name, rows, 1, K, pick(5, 33, 70), 1, 1, 1, 1, 1, 1, steps=steps)
    if kind == "matmul":
        return LayerShape("matmul", pick(2, 5), pick(1, 3), pick(3, 6), pick(4, 18), 1, 1, 1, 1, 1, 1)
    groups, stride, dilation, R, S, W = 1, 1, 1, pick(1, 3), pick(1, 3), H
    if kind == "strided":
        stride = 2
    if kind == "first":
        C, stride, R, S = 3, 2, 3, 3
    if kind == "grouped":
        groups, C, K = pick(2, 3), pick(2, 5), pick(2, 5)
    if kind == "depthwise":
        groups, C, K = pick(3, 20), 1, pick(1, 2)
    if kind == "dilated":
        dilation, H, W = 2, 7, 7
    if kind == "rectangular":
        H, W = 4, 7
    pad = pick(0, 1)
    if kind == "transposed":
        R = S = pick(2, 3)
        stride, pad = pick(1, 2), pick(0, 1)
        P, Q = ((size - 1) * stride - 2 * pad + R for size in (H, W))
    else:
        P, Q = ((size + 2 * pad - dilation * (tap - 1) - 1) // stride + 1 for size, tap in ((H, R), (W, S)))
    return LayerShape(
        "conv", 1, groups, K, C, H, W, R, S, P, Q, (stride, stride), (pad,) * 4, (dilation, dilation),
        transposed=kind == "transposed",
    )  # fmt: skip


def make_layer(
    shape: LayerShape, rng: np.random.Generator, density: tuple[float, float] = (0.5, 0.5), bits: int = 12,
    signed: bool = True, index: int = 1, name: str = "layer", word: int = 16,
) -> Layer:  # fmt: skip
    """Return a layer with random values of `bits` in codes of `word` bits, a share not zero: (activations, weights)."""

    def operand(size: tuple[int, ...], share: float, negative: bool) -> Operand:
        top = 2 ** (bits - 1) - 1
        codes = rng.integers(-top if negative else 0, top, size, endpoint=True)
        scale = 2.0 ** -rng.integers(0, bits - 1, size)  # small values are frequent, as in networks
        return Operand((codes * scale * (rng.random(size) < share)).astype(np.int8 if word <= 8 else np.int16), word)

    activation = operand(shape.activation_shape, density[0], signed)
    return Layer(name, index, 0, shape, activation, operand(shape.weight_shape, density[1], True))


def random_layers(seed: int, count: int = 1, **options: Any) -> list[Layer]:
    """Return `count` layers of each kind."""
    rng = np.random.default_rng(seed)
    return [make_layer(shape_of(kind, rng), rng, **options) for kind in KINDS for _ in range(count)]


@lru_cache(maxsize=1024)
def layer_of(kind: str, seed: int, word: int = 16, **options: Any) -> Layer:
    """Return the layer of `kind` that `seed` makes, read only and named after both; options: of `make_layer`."""
    rng = np.random.default_rng([ALL_KINDS.index(kind), seed])
    options = {"bits": min(12, word), "signed": bool(seed % 2), "index": int(kind != "first")} | options
    return frozen_layer(make_layer(shape_of(kind, rng), rng, name=f"{kind}-{seed}", word=word, **options))


def with_codes(layer: Layer, activation: npt.ArrayLike | None = None, weight: npt.ArrayLike | None = None) -> Layer:
    """Return `layer` with other codes of the same width (broadcast to its shapes) and no zero points."""

    def operand(before: Operand, codes: npt.ArrayLike | None) -> Operand:
        if codes is None:
            return before
        whole = np.broadcast_to(np.asarray(codes), before.codes.shape).astype(before.codes.dtype, order="C")
        return Operand(whole, before.bits)

    made = operand(layer.activation, activation), operand(layer.weight, weight)
    return frozen_layer(replace(layer, activation=made[0], weight=made[1]))


def with_output(layer: Layer) -> Layer:
    """Return `layer` with the codes of its outputs: rectified and scaled to the width of the activations."""
    outputs = np.maximum(convolve(layer), 0)
    word = layer.activation.bits
    codes = outputs * (2 ** (word - 1) - 1) // max(1, int(outputs.max()))
    return replace(layer, output=Operand(codes.astype(layer.activation.codes.dtype), word))


def full_layer(kind: str, seed: int, word: int = 16) -> Layer:
    """Return a layer of `kind` without a zero, every code of magnitude 2^(word-1) - 1, signs at random."""
    layer = layer_of(kind, seed, word)
    rng = np.random.default_rng(seed)
    top = 2 ** (word - 1) - 1
    signs = [rng.choice((-1, 1), operand.codes.shape) for operand in (layer.activation, layer.weight)]
    return with_codes(layer, top * signs[0], top * signs[1])


def frozen_layer(layer: Layer) -> Layer:
    """Return `layer`, its codes now read only, as those of a memory-mapped bundle are."""
    for operand in (layer.activation, layer.weight):
        operand.codes.flags.writeable = False
    return layer


def described(layer: Layer) -> str:
    """Return name (kind and seed in the kit), shape and operand ranges of a layer for the message of a failed check."""
    shape = layer.shape
    window = "" if shape.R * shape.S * shape.P * shape.Q * shape.H * shape.W == 1 else (
        f" {shape.H}x{shape.W} by {shape.R}x{shape.S} to {shape.P}x{shape.Q}, stride {shape.stride},"
        f" padding {shape.padding}, dilation {shape.dilation}"
    )  # fmt: skip
    counts = f"steps {shape.steps} N {shape.N} groups {shape.groups} K {shape.K} C {shape.C}"
    return f"layer {layer.name} ({shape.kind}{' transposed' if shape.transposed else ''}, {counts}{window})"


def convolve(layer: Layer) -> npt.NDArray[np.int64]:
    """Return the integer outputs of a layer by the definition in `LayerShape`, int64, shape.output_shape."""
    shape = layer.shape
    act = layer.activation.centre().astype(np.int64)
    act = act.reshape(shape.steps * shape.N, shape.groups, shape.C, shape.H, shape.W)
    wgt = layer.weight.centre().astype(np.int64).reshape(shape.groups, shape.K, shape.C, shape.R, shape.S)
    out = np.zeros((shape.steps * shape.N, shape.groups, shape.K, shape.P, shape.Q), np.int64)
    rows, columns = (shape.H, shape.W) if shape.transposed else (shape.P, shape.Q)
    for p in range(rows):
        for q in range(columns):
            for r in range(shape.R):
                for s in range(shape.S):
                    h = p * shape.stride[0] + r * shape.dilation[0] - shape.padding[0]
                    w = q * shape.stride[1] + s * shape.dilation[1] - shape.padding[2]
                    if shape.transposed:
                        if 0 <= h < shape.P and 0 <= w < shape.Q:
                            out[:, :, :, h, w] += np.einsum("ngc,gkc->ngk", act[..., p, q], wgt[..., r, s])
                    elif 0 <= h < shape.H and 0 <= w < shape.W:
                        out[:, :, :, p, q] += np.einsum("ngc,gkc->ngk", act[..., h, w], wgt[..., r, s])
    return out.reshape(shape.output_shape)
