"""Outputs recomputed from the operand pairs that a schedule visits: nothing lost, nothing twice, never too many at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.work import Pairs
from accelsim.layer import Layer
from accelsim.testing.layers import convolve, described

Places = npt.NDArray[np.int64]


def true_pairs(layer: Layer) -> tuple[Places, Places, Places]:
    """Return flat activation, weight and output index of every product of `layer` with a real pixel, for one input.

    Straight from the definition in `LayerShape`; as many as ``shape.macs_inside``.
    """
    shape = layer.shape
    rows, columns = (shape.H, shape.W) if shape.transposed else (shape.P, shape.Q)
    sizes = (shape.steps * shape.N, shape.groups, shape.K, shape.C, shape.R, shape.S, rows, columns)
    n, g, k, c, r, s, p, q = np.indices(sizes).reshape(8, -1)
    h = p * shape.stride[0] + r * shape.dilation[0] - shape.padding[0]
    w = q * shape.stride[1] + s * shape.dilation[1] - shape.padding[2]
    pixel, output = ((p, q), (h, w)) if shape.transposed else ((h, w), (p, q))
    inside = (pixel[0] >= 0) & (pixel[0] < shape.H) & (pixel[1] >= 0) & (pixel[1] < shape.W)
    inside &= (output[0] >= 0) & (output[0] < shape.P) & (output[1] >= 0) & (output[1] < shape.Q)
    found = (
        np.ravel_multi_index((n, g * shape.C + c, *pixel), shape.activation_shape, mode="clip"),
        np.ravel_multi_index((g * shape.K + k, c, r, s), shape.weight_shape),
        np.ravel_multi_index((n, g * shape.K + k, *output), shape.output_shape, mode="clip"),
    )
    return found[0][inside], found[1][inside], found[2][inside]


def check_pairs(pairs: Pairs, layer: Layer, lanes: int) -> None:
    """Raise AssertionError unless `pairs` compute `layer` exactly with at most `lanes` products in a step."""
    where = described(layer)
    columns = [np.asarray(column) for column in (pairs.step, pairs.activation, pairs.weight, pairs.output)]
    assert len({column.shape for column in columns}) == 1, (
        f"{where}: step, activation, weight and output differ in length"
    )
    most = int(np.unique(pairs.step, return_counts=True)[1].max(initial=0))
    assert most <= lanes, f"{where}: {most} pairs in one step, the machine has {lanes} lanes"
    real = pairs.activation >= 0
    _check_indices(pairs, layer, where)
    activation, weight, output = (column[real] for column in columns[1:])
    _check_set(layer, activation, weight, output, where)
    _check_outputs(layer, activation, weight, output, where)


def _check_indices(pairs: Pairs, layer: Layer, where: str) -> None:
    shape = layer.shape
    limits = {"activation": (-1, shape.activations), "weight": (0, shape.weights), "output": (0, shape.outputs)}
    for name, (low, high) in limits.items():
        column = getattr(pairs, name)
        if column.size:
            found = int(column.min()), int(column.max())
            inside = low <= found[0] and found[1] < high
            assert inside, f"{where}: {name} indices {found} leave {low} to {high - 1}"


def _check_set(layer: Layer, activation: Places, weight: Places, output: Places, where: str) -> None:
    """A weight and an output determine the activation they need, so the two are the name of a product."""
    true_activation, true_weight, true_output = true_pairs(layer)
    size = layer.shape.outputs
    true_keys, keys = true_weight * size + true_output, weight * size + output
    order = np.argsort(true_keys)
    place = np.minimum(np.searchsorted(true_keys[order], keys), max(order.size - 1, 0))
    known = (true_keys[order][place] == keys) & (true_activation[order][place] == activation)
    wrong = np.flatnonzero(~known)
    assert not wrong.size, (
        f"{where}: {wrong.size} pairs are no product of the layer, the first: {_shown(activation, weight, output, wrong)}"
    )
    distinct, first, counts = np.unique(keys, return_index=True, return_counts=True)
    twice = first[counts > 1]
    assert not twice.size, (
        f"{where}: {twice.size} pairs are visited more than once, the first: {_shown(activation, weight, output, twice)}"
    )
    lost = np.isin(true_keys, distinct, invert=True)
    values = layer.activation.centre().reshape(-1)[true_activation], layer.weight.centre().reshape(-1)[true_weight]
    bad = np.flatnonzero(lost & (values[0] != 0) & (values[1] != 0))
    assert not bad.size, (
        f"{where}: {bad.size} products of two operands other than zero are lost, the first: "
        f"{_shown(true_activation, true_weight, true_output, bad)}"
    )


def _check_outputs(layer: Layer, activation: Places, weight: Places, output: Places, where: str) -> None:
    outputs = np.zeros(layer.shape.outputs, np.int64)
    acts, weights = (operand.centre().reshape(-1).astype(np.int64) for operand in (layer.activation, layer.weight))
    np.add.at(outputs, output, acts[activation] * weights[weight])
    differ = np.flatnonzero(outputs != convolve(layer).reshape(-1))
    assert not differ.size, (
        f"{where}: {differ.size} outputs differ from the convolution, the first is output {differ[:1]}"
    )


def _shown(activation: Places, weight: Places, output: Places, which: Places) -> str:
    first = which[0]
    return f"activation {activation[first]} x weight {weight[first]} into output {output[first]}"
