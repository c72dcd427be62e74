"""Products of matrices in model files: operands in the normal form, with the weights as they are held."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from accelsim.sources.graphs.products import matrix
from accelsim.sources.graphs.values import Format, Values

RNG = np.random.default_rng(3)


def computed(activation: Any, weight: Any, groups: int) -> Any:
    """Return what a grouped linear layer gives: (rows, groups * K)."""
    x, w = activation[:, :, 0, 0], weight[:, :, 0, 0]
    return np.concatenate([a @ f.T for a, f in zip(np.split(x, groups, 1), np.split(w, groups), strict=True)], 1)


@pytest.mark.parametrize("static", ["left", "right", None])
@pytest.mark.parametrize(
    ("dynamic", "held", "groups"),
    [
        ((7, 4), (4, 5), 1),
        ((4,), (4, 5), 1),
        ((2, 7, 4), (1, 1, 4, 5), 1),
        ((2, 3, 7, 4), (3, 4, 5), 3),
        ((6, 3, 1, 4), (3, 4, 5), 3),
        ((2, 6, 3, 7, 4), (2, 1, 3, 4, 5), 6),
        ((2, 1, 7, 4), (3, 4, 5), 1),
        ((7, 4), (2, 3, 4, 5), 1),
        ((2, 1, 7, 4), (2, 3, 4, 5), 6),
    ],
)
def test_weights_are_there_once_and_give_the_result(
    static: str | None, dynamic: tuple[int, ...], held: tuple[int, ...], groups: int
) -> None:
    x, w = RNG.normal(size=dynamic), RNG.normal(size=held)
    if static == "left":
        x, w = (np.swapaxes(array, -1, -2) if array.ndim > 1 else array for array in (x, w))
        result, product = w @ x, matrix(Values(w), Values(x), static)
    else:
        result, product = x @ w, matrix(Values(x), Values(w), static)
    shape = product.shape
    assert np.allclose(
        computed(product.activation.array, product.weight.array, shape.groups),
        product.fold(Values(result)).array[:, :, 0, 0],
    )
    if static:
        assert (shape.groups, shape.weights) == (groups, w.size)
        assert sorted(product.weight.array.ravel()) == sorted(w.ravel())


def test_scales_stay_with_their_weights() -> None:
    codes = RNG.integers(-100, 100, (3, 4, 5)).astype(np.int8)
    w = Values(codes, Format.make(codes.dtype, np.arange(1.0, 6.0), 0, 2))
    for shape in ((2, 1, 7, 4), (2, 3, 7, 4)):
        x = RNG.normal(size=shape)
        product = matrix(Values(x), w, "right")
        found = computed(product.activation.array, product.weight.real(), product.shape.groups)
        assert np.allclose(found, product.fold(Values(x @ w.real())).array[:, :, 0, 0], rtol=1e-4)
    of_heads = Values(codes, Format.make(codes.dtype, np.arange(1.0, 4.0), 0, 0))
    with pytest.raises(ValueError, match="batch"):
        matrix(Values(RNG.normal(size=(2, 1, 7, 4))), of_heads, "right")
