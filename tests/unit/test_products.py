"""Every layer kind as products of windows and filters: the same outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.dataflows.convolution import convolutions, is_approximate
from accelsim.dataflows.products import Product, indexed, products, space_to_depth
from accelsim.errors import InputError
from accelsim.layer import LayerShape
from tests.machines_layers import KINDS, convolve, make_layer, shape_of


def outputs(product: Product) -> np.ndarray:
    """(images, groups, K, P, Q) of a product, by its definition."""
    act, wgt = product.activation.astype(np.int64), product.weight.astype(np.int64)
    out = np.zeros((product.images, product.groups, product.K, product.P, product.Q), np.int64)
    for p in range(product.P):
        for q in range(product.Q):
            for r in range(product.R):
                for s in range(product.S):
                    x = p * product.stride[0] + r * product.dilation[0]
                    y = q * product.stride[1] + s * product.dilation[1]
                    out[..., p, q] += np.einsum("ngc,gkc->ngk", act[..., x, y], wgt[..., r, s])
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_products_compute_what_the_layer_does(kind: str) -> None:
    rng = np.random.default_rng(7)
    for _ in range(12):
        shape = shape_of(kind, rng)
        layer = make_layer(shape, rng)
        expected = convolve(layer)
        found = products(layer)
        if shape.transposed:
            total = np.zeros((shape.N, shape.groups, shape.K, shape.P, shape.Q), np.int64)
            results = iter([outputs(p) for p in found])
            for row in phases(shape, 0):
                for column in phases(shape, 1):
                    total[..., row :: shape.stride[0], column :: shape.stride[1]] = next(results)
            assert np.array_equal(total.reshape(shape.output_shape), expected)
        else:
            (product,) = found
            out = outputs(product)
            if shape.kind != "conv":  # (steps, groups, K, 1, rows) -> (steps * rows, groups * K)
                out = out[:, :, :, 0].transpose(0, 3, 1, 2)
            assert np.array_equal(out.reshape(expected.shape), expected)
            assert product.macs == shape.macs


def phases(shape: LayerShape, axis: int) -> list[int]:
    kernel, out = ((shape.R, shape.P), (shape.S, shape.Q))[axis]
    pad, stride, dilation = shape.padding[2 * axis], shape.stride[axis], shape.dilation[axis]
    return [o for o in range(min(stride, out)) if any((o + pad - r * dilation) % stride == 0 for r in range(kernel))]


def test_a_batch_repeats_convolutions_and_adds_rows_to_linear_layers() -> None:
    rng = np.random.default_rng(0)
    conv, linear = (make_layer(shape_of(kind, rng), rng) for kind in ("conv", "linear"))
    (product,) = products(conv, 3)
    assert product.repeats == 3
    (product,) = products(linear, 3)
    assert (product.Q, product.single) == (3, False)
    assert product.macs == 3 * linear.shape.macs


def test_space_to_depth_keeps_the_outputs() -> None:
    rng = np.random.default_rng(3)
    for stride in (2, 3):
        for kernel in (3, 5):
            size = 13
            P = (size + 2 - kernel) // stride + 1
            shape = LayerShape("conv", 1, 1, 4, 3, size, size, kernel, kernel, P, P, (stride,) * 2, (1,) * 4)
            (product,) = products(make_layer(shape, rng))
            dense = space_to_depth(product)
            assert dense.stride == (1, 1)
            assert 3 * stride**2 == dense.C
            assert np.array_equal(outputs(dense), outputs(product))


@pytest.mark.parametrize("kind", KINDS)
def test_places_follow_every_pair_to_its_output(kind: str) -> None:
    rng = np.random.default_rng(11)
    for _ in range(4):
        layer = make_layer(shape_of(kind, rng), rng)
        found = np.zeros(layer.shape.outputs, np.int64)
        activations = np.concatenate([[0], layer.activation.codes.astype(np.int64).ravel()])
        weights = np.concatenate([[0], layer.weight.codes.astype(np.int64).ravel()])
        for places, where in indexed(layer):
            valued = replace(places, activation=activations[places.activation], weight=weights[places.weight])
            found[where.ravel()] += outputs(valued).ravel()
        assert np.array_equal(found.reshape(layer.shape.output_shape), convolve(layer))


def test_a_transposed_layer_whose_products_are_all_cropped_is_refused() -> None:
    shape = LayerShape("conv", 1, 1, 2, 2, 1, 1, 1, 1, 1, 1, (3, 3), (1, 1, 1, 1), transposed=True)
    with pytest.raises(InputError, match="none of whose products falls into its output"):
        products(make_layer(shape, np.random.default_rng(0), name="up"))


@pytest.mark.parametrize(("dilation", "padding", "exact"), [(1, 1, True), (2, 3, False), (3, 4, True)])
def test_a_sub_pixel_form_is_exact_where_dilation_spreads_the_taps_evenly(
    dilation: int, padding: int, exact: bool
) -> None:
    """With a stride of 2 every tap of a kernel dilated by 2 falls into the same phase of the output."""
    shape = LayerShape(
        "conv", 1, 1, 2, 3, 5, 5, 4, 4, 10, 10, (2, 2), (padding,) * 4, (dilation, dilation), transposed=True
    )
    assert is_approximate(shape) is not exact
    (form,) = convolutions(shape)
    found = products(make_layer(shape, np.random.default_rng(0)))
    alike = [(p.R, p.S, p.dilation) == (form.R, form.S, form.dilation) for p in found]
    assert (len(found) == 4 and all(alike)) is exact
