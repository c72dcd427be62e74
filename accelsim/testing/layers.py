"""Layers of every kind with random codes, and the integer outputs that they must give."""

from __future__ import annotations

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
"""What `shape_of` makes: convolutions of seven kinds, linear layers of one row and of several, steps, attention."""


def shape_of(kind: str, rng: np.random.Generator) -> LayerShape:
    """Return a small shape of the kind."""

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
    signed: bool = True, index: int = 1, name: str = "layer",
) -> Layer:  # fmt: skip
    """Return a layer with random codes of `bits`, a share of them not zero: (activations, weights)."""

    def operand(size: tuple[int, ...], share: float, negative: bool) -> Operand:
        top = 2 ** (bits - 1) - 1
        codes = rng.integers(-top if negative else 0, top, size, endpoint=True)
        scale = 2.0 ** -rng.integers(0, bits - 1, size)  # small values are frequent, as in networks
        return Operand((codes * scale * (rng.random(size) < share)).astype(np.int16), 16)

    activation = operand(shape.activation_shape, density[0], signed)
    return Layer(name, index, 0, shape, activation, operand(shape.weight_shape, density[1], True))


def random_layers(seed: int, count: int = 1, **options: Any) -> list[Layer]:
    """Return `count` layers of each kind."""
    rng = np.random.default_rng(seed)
    return [make_layer(shape_of(kind, rng), rng, **options) for kind in KINDS for _ in range(count)]


@lru_cache(maxsize=1024)
def layer_of(kind: str, seed: int, **options: Any) -> Layer:
    """Return the layer of `kind` that `seed` makes, read only and named after both; options: of `make_layer`."""
    rng = np.random.default_rng([KINDS.index(kind), seed])
    return frozen_layer(make_layer(shape_of(kind, rng), rng, name=f"{kind}-{seed}", **options))


def with_codes(layer: Layer, activation: npt.ArrayLike | None = None, weight: npt.ArrayLike | None = None) -> Layer:
    """Return `layer` with other codes (broadcast to its shapes) and no zero points."""

    def operand(before: Operand, codes: npt.ArrayLike | None) -> Operand:
        if codes is None:
            return before
        whole = np.ascontiguousarray(np.broadcast_to(np.asarray(codes, np.int16), before.codes.shape))
        return Operand(whole, before.bits)

    made = operand(layer.activation, activation), operand(layer.weight, weight)
    return frozen_layer(Layer(layer.name, layer.index, layer.sample, layer.shape, *made))


def full_layer(kind: str, seed: int, bits: int = 16) -> Layer:
    """Return a layer of `kind` without a zero, every code of magnitude 2^(bits-1) - 1, signs at random."""
    layer = layer_of(kind, seed)
    rng = np.random.default_rng(seed)
    top = 2 ** (bits - 1) - 1
    signs = (rng.choice((-1, 1), operand.codes.shape) for operand in (layer.activation, layer.weight))
    return with_codes(layer, *(top * sign for sign in signs))


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
