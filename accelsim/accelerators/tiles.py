"""The real work and stored size of every tile of a layer: each tile is a layer of its own for the array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from accelsim.analyzers.codes import Codes, centred_values
from accelsim.dataflows.tiling.problem import C, G, K, N, P, Problem, Q, cuts
from accelsim.layer import Layer, Operand

Range = tuple[int, int]
CyclesOf = Callable[[Layer], tuple[int, int]]


def tile_cycles(layer: Layer, problem: Problem, tile: Sequence[int], cycles_of: CyclesOf) -> list[list[int]]:
    """Return [cycles, cycles without skipping] of every tile, in the order of `DIMS` without the sequential steps.

    layer: the layer on one input; problem: the same for a batch, which repeats the input. Every tile covers all steps
    of a recurrent layer. cycles_of: cycles of a layer on the array. Tiles of the same codes are worked out once.
    """
    known: dict[tuple[Range, ...], tuple[int, int]] = {}
    found: list[tuple[int, int]] = []
    layer = _sliceable(layer)
    ranges = [list(zip(*(edge.tolist() for edge in cuts(problem.sizes[d], tile[d])), strict=True)) for d in range(1, 7)]
    for place in product(*ranges):
        key = _same_codes(layer, place)
        if key not in known:
            known[key] = cycles_of(tile_layer(layer, problem, place))
        found.append(known[key])
    return [list(column) for column in zip(*found, strict=True)]


def tile_layer(layer: Layer, problem: Problem, place: Sequence[Range]) -> Layer:
    """Return the part of `layer` that computes a tile, as a layer of its own on zero-centred codes.

    place: [start, stop) of groups, images or rows, filters, channels, output rows and columns; groups and images
    beyond those of the layer are those of further inputs of the batch, which are like it.
    """
    shape = layer.shape
    span = dict(zip((G, N, K, C, P, Q), place, strict=True))
    groups, images = _repeated(*span[G], shape.groups), _repeated(*span[N], shape.N)
    channels, filters = slice(*span[C]), slice(*span[K])
    edges: list[slice] = []
    padding: list[int] = []
    for axis, dim in ((0, P), (1, Q)):
        low, high, before, after = _window(problem, axis, *span[dim])
        edges.append(slice(low, high))
        padding += [before, after]
    layer = _sliceable(layer)
    activation = layer.activation.codes.reshape(shape.steps, shape.N, shape.groups, shape.C, shape.H, shape.W)
    weight = layer.weight.codes.reshape(shape.groups, shape.K, shape.C, shape.R, shape.S)
    codes = activation[:, :, :, channels, edges[0], edges[1]][:, images][:, :, groups]
    kept = weight[:, filters, channels][groups]
    part = replace(
        shape,
        N=codes.shape[1],
        groups=kept.shape[0],
        K=kept.shape[1],
        C=kept.shape[2],
        H=codes.shape[4],
        W=codes.shape[5],
        P=span[P][1] - span[P][0],
        Q=span[Q][1] - span[Q][0],
        padding=(padding[0], padding[1], padding[2], padding[3]),
    )
    return replace(
        layer,
        shape=part,
        activation=_operand(layer.activation, codes.reshape(part.activation_shape)),
        weight=_operand(layer.weight, kept.reshape(part.weight_shape)),
        output=None,
    )


def _sliceable(layer: Layer) -> Layer:
    """Return `layer` with operands that have no zero point, so that a part of their codes tells the part's values."""
    return replace(layer, activation=_centred(layer.activation), weight=_centred(layer.weight))


def _centred(operand: Operand) -> Operand:
    return operand if operand.centred else _operand(operand, centred_values(operand))


def _repeated(start: int, stop: int, size: int) -> Any:
    """Return the index of places [start, stop) where the first `size` of them repeat for ever; a slice takes no copy."""
    first = start % size
    return slice(first, first + stop - start) if first + stop - start <= size else np.arange(start, stop) % size


def _same_codes(layer: Layer, place: Sequence[Range]) -> tuple[Range, ...]:
    """Return the place of a tile within the layer on one input, which the batch repeats."""
    shape, found = layer.shape, list(place)
    for position, size in ((0, shape.groups), (1, shape.N)):
        start, stop = place[position]
        if stop - start <= size:
            found[position] = (start % size, start % size + stop - start)
    return tuple(found)


def _window(problem: Problem, axis: int, start: int, stop: int) -> tuple[int, int, int, int]:
    """Return first and last + 1 input of outputs [start, stop), and the padding before and after."""
    s = problem.shape
    size, kernel, stride = (s.H, s.W)[axis], (s.R, s.S)[axis], s.stride[axis]
    reach, pad = (kernel - 1) * s.dilation[axis], s.padding[2 * axis]
    low, high = (int(edge[0]) for edge in problem.box(axis, np.asarray([start]), np.asarray([stop])))
    if high == low:  # nothing but padding: one real pixel beside it that is cropped again
        low = min(low, size - 1)
        high = low + 1
    if s.transposed:
        before = pad + start - low * stride
        after = (high - 1 - low) * stride + reach + 1 - before - (stop - start)
        return low, high, before, after
    first, last = start * stride - pad, (stop - 1) * stride + reach + 1 - pad
    return low, high, low - first, last - high


def _operand(operand: Operand, codes: Codes) -> Operand:
    values = centred_values(Operand(codes, operand.bits, True))
    return Operand(values, operand.bits, True, precision=operand.precision)
