"""Bring each matrix product that PyTorch runs to the normal form of accelsim.layer.LayerShape."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch

from accelsim.layer import LayerShape, Operand
from accelsim.sources.recording.torchao_tensors import is_torchao
from accelsim.sources.recording.weights import Identity, Repeated, Weights

Fold = Callable[[torch.Tensor], torch.Tensor]
aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class Product:
    """One matrix product as it ran.

    shape: of one step. activation, weight: views (or rearranged copies) of the operands in
    ``shape.activation_shape`` and ``shape.weight_shape``. identity: of the weight, None when it depends on the
    input. fold: brings a tensor in the element order of the operator's result to ``shape.output_shape``. own: by role
    ("activation", "weight") the operands that the network itself holds as integers; they are never quantised again.
    """

    shape: LayerShape
    activation: torch.Tensor
    weight: torch.Tensor
    identity: Identity | None
    fold: Fold
    own: dict[str, Operand] = field(default_factory=dict)


def read(function: Any, args: tuple[Any, ...], weights: Weights) -> Product | None:
    """Return the product that `function` with `args` computes, None when it has no normal form here.

    None: three-dimensional convolutions, products of integers, complex numbers or torchao tensors, empty products.
    """
    operands = OPERANDS.get(function.overloadpacket)
    if operands is None:
        return None
    a, b = args[operands[0]], args[operands[1]]
    if not (a.is_floating_point() and b.is_floating_point()) or 0 in (a.numel(), b.numel()):
        return None
    if is_torchao(a) or is_torchao(b):
        return None
    return READERS[function.overloadpacket](a, b, args, weights)


def convolution(x: torch.Tensor, w: torch.Tensor, args: tuple[Any, ...], weights: Weights) -> Product | None:
    """Return the product of `aten.convolution` as two-dimensional; None for three dimensions.

    x: (N, channels, H, W) or (N, channels, W), w: filters, args: all arguments of the operator.
    """
    stride, padding, dilation, transposed, extra, groups = (_value(a) for a in args[3:9])
    if x.dim() not in (3, 4):
        return None
    identity = weights.find(w)
    if x.dim() == 3:  # one-dimensional: a single row
        x, w = x.unsqueeze(2), w.unsqueeze(2)
        stride, padding, dilation, extra = (1, *stride), (0, *padding), (1, *dilation), (0, *extra)
    n, _, height, width = x.shape
    first, second, rows, columns = w.shape
    u, d = (stride[0], stride[-1]), (dilation[0], dilation[-1])
    pad, more = (padding[0], padding[-1]), (extra[0], extra[-1])
    if transposed:
        c, k = first // groups, second
        p = (height - 1) * u[0] - 2 * pad[0] + d[0] * (rows - 1) + more[0] + 1
        q = (width - 1) * u[1] - 2 * pad[1] + d[1] * (columns - 1) + more[1] + 1
        w = w.reshape(groups, c, k, rows, columns).transpose(1, 2).reshape(groups * k, c, rows, columns)
    else:
        c, k = second, first // groups
        p = (height + 2 * pad[0] - d[0] * (rows - 1) - 1) // u[0] + 1
        q = (width + 2 * pad[1] - d[1] * (columns - 1) - 1) // u[1] + 1
    around = (pad[0], pad[0], pad[1], pad[1])
    shape = _shape("conv", n, groups, k, c, height, width, rows, columns, p, q, u, around, d, 1, bool(transposed))
    output = shape.output_shape
    if identity:
        identity = identity._replace(key=("conv", bool(transposed), identity.key))
    return Product(shape, x, w, identity, lambda result: result.reshape(output))


def _matrix(a: torch.Tensor, b: torch.Tensor, args: tuple[Any, ...], weights: Weights) -> Product:  # noqa: ARG001
    """(N, C) by (C, K), also with a vector on either side."""
    left, right = weights.find(a), weights.find(b)
    if b.dim() == 1:
        b = b.unsqueeze(1)
    if a.dim() == 1:
        a = a.unsqueeze(0)
    n, c, k = a.shape[0], a.shape[1], b.shape[1]
    if left and (not right or left.rank > right.rank):
        return linear(b.t(), a, _on("left", left), lambda result: result.reshape(n, k).t())
    kind = "linear" if right else "matmul"
    shape = _shape(kind, n, 1, k, c, 1, 1, 1, 1, 1, 1)
    output = shape.output_shape
    return Product(
        shape, a.reshape(n, c, 1, 1), b.t()[:, :, None, None], _on("right", right) if right else None,
        lambda result: result.reshape(output),
    )  # fmt: skip


def linear(x: torch.Tensor, w: torch.Tensor, identity: Identity, arrange: Fold) -> Product:
    """Activation rows (N, C) by filters (K, C); `arrange` brings the result to (N, K)."""
    shape = _shape("linear", x.shape[0], 1, w.shape[0], x.shape[1], 1, 1, 1, 1, 1, 1)
    output = shape.output_shape
    return Product(shape, x[:, :, None, None], w[:, :, None, None], identity, lambda r: arrange(r).reshape(output))


def _batched(a: torch.Tensor, b: torch.Tensor, args: tuple[Any, ...], weights: Weights) -> Product:  # noqa: ARG001
    """(B, N, C) by (B, C, K): one group per batch item.

    Of weights: one group per item that broadcasting has not repeated, and one linear product when all share their weight
    or their activation.
    """
    batch, n, k = a.shape[0], a.shape[1], b.shape[2]
    left, right = weights.find(a), weights.find(b)
    swap = left is not None and (right is None or left.rank > right.rank)
    identity = left if swap else right

    def order(result: torch.Tensor) -> torch.Tensor:
        result = result.reshape(batch, n, k)
        return result.transpose(1, 2) if swap else result

    x, w = (b.transpose(1, 2), a) if swap else (a, b.transpose(1, 2))  # (B, rows, C), (B, filters, C)
    rows, c, filters = x.shape[1], x.shape[2], w.shape[1]
    if identity is not None:
        held, side = (a, "left") if swap else (b, "right")
        identity = _on(side, identity)
        if batch == 1 or w.stride(0) == 0:
            single = weights.find(held[0])  # the key that the same weight has in a plain product
            identity = _on(side, single) if single else identity
            return linear(x.reshape(batch * rows, c), w[0], identity, lambda r: order(r).reshape(batch * rows, filters))
        if (repeated := weights.repeated(held)) is not None:
            return _once(x, w, identity._replace(key=(side, repeated.key)), repeated, order)
        if x.stride(0) == 0:
            return linear(
                x[0], w.reshape(batch * filters, c), identity,
                lambda r: order(r).transpose(0, 1).reshape(rows, batch * filters),
            )  # fmt: skip
    return _grouped("linear" if identity else "matmul", x, w, identity, order)


def _once(x: torch.Tensor, w: torch.Tensor, identity: Identity, repeated: Repeated, arrange: Fold) -> Product:
    """x (B, rows, C), w (B, filters, C): the batch of repeated weights as groups, the rest of it as rows."""
    sizes, own = repeated.sizes, repeated.own
    shared = [place for place in range(len(sizes)) if place not in own]
    turn = (*own, *shared, len(sizes), len(sizes) + 1)
    groups, rows, filters = math.prod(sizes[place] for place in own), x.shape[1], w.shape[1]

    def turned(values: torch.Tensor) -> torch.Tensor:
        """(B, rows, ...) to (groups, all rows, ...)."""
        return values.reshape(*sizes, rows, -1).permute(turn).reshape(groups, -1, values.shape[2])

    first = tuple(slice(None) if place in own else 0 for place in range(len(sizes)))
    once = w.reshape(*sizes, filters, -1)[first].reshape(groups, filters, -1)
    return _grouped("linear", turned(x), once, identity, lambda result: turned(arrange(result)))


def _grouped(kind: str, x: torch.Tensor, w: torch.Tensor, identity: Identity | None, arrange: Fold) -> Product:
    """x (groups, rows, C) by w (groups, filters, C); `arrange` brings the result to (groups, rows, filters)."""
    groups, rows, c = x.shape
    shape = _shape(kind, rows, groups, w.shape[1], c, 1, 1, 1, 1, 1, 1)
    output = shape.output_shape
    return Product(
        shape, x.permute(1, 0, 2).reshape(shape.activation_shape), w.reshape(shape.weight_shape), identity,
        lambda result: arrange(result).permute(1, 0, 2).reshape(output),
    )  # fmt: skip


READERS: dict[Any, Callable[..., Product | None]] = {
    aten.convolution: convolution,
    aten._convolution: convolution,  # in TorchScript
    aten.mm: _matrix,
    aten.addmm: _matrix,
    aten.mv: _matrix,
    aten.addmv: _matrix,
    aten.dot: _matrix,
    aten.vdot: _matrix,
    aten.bmm: _batched,
    aten.baddbmm: _batched,
}
"""Operators that have a normal form."""

OPERANDS: dict[Any, tuple[int, int]] = {
    operator: (1, 2) if operator in (aten.addmm, aten.addmv, aten.baddbmm) else (0, 1) for operator in READERS
}
"""Places of the two operands among an operator's arguments."""


@lru_cache(maxsize=4096)
def _shape(*fields: Any) -> LayerShape:
    return LayerShape(*fields)


def _on(side: str, identity: Identity) -> Identity:
    return identity._replace(key=(side, identity.key))


def _value(argument: Any) -> Any:
    return tuple(argument) if isinstance(argument, list | tuple) else argument
