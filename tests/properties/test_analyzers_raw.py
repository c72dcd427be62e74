"""The codes as stored beside zero-centred values: both views of every statistic against the slow reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.analyzers.analyze import layer_properties, operand_properties
from accelsim.layer import Operand
from tests.properties.analyzer_layers import layers
from tests.references import values as reference

pytestmark = pytest.mark.filterwarnings("error")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_raw_statistics_are_those_of_the_stored_codes_with_the_zero_point_as_padding(data) -> None:
    drawn = data.draw(layers(samples=2))
    padding = data.draw(st.sampled_from(["in", "out"]))
    rows = layer_properties(drawn, padding, encodings=("ones", "naf"))
    codes: dict[str, list[int]] = {}
    for layer in drawn:
        for role in ("activation", "weight", "output"):
            operand = getattr(layer, role)
            if operand is None:
                continue
            values = padded(layer) if role == "activation" and padding == "in" else operand.codes
            listed = values.ravel().astype(int).tolist()
            codes.setdefault(role, []).extend(listed)
            (row,) = [r for r in rows if r["operand"] == role and r["sample"] == layer.sample]
            assert row["values"] == len(listed)
            assert row["raw_zeros"] == listed.count(0)
            assert row["raw_zero_fraction"] == listed.count(0) / len(listed)
            assert row["raw_signed"] == (min(listed) < 0)
            assert row["raw_ones_mean"] == pytest.approx(np.mean([reference.ones(v) for v in listed]))
            assert row["raw_naf_mean"] == pytest.approx(np.mean([reference.naf(v) for v in listed]))
    for row in rows:
        listed = codes[row["operand"]]
        signed = min(listed) < 0
        assert row["raw_precision_static"] == reference.width(listed, signed)
        assert row["raw_precision_static_trimmed"] == reference.width(listed, signed, trimmed=True)


def padded(layer):
    """Return the activation codes with the padding that the layer puts around them."""
    shape, operand = layer.shape, layer.activation
    if shape.transposed:
        return operand.codes
    top, bottom, left, right = shape.padding
    zero = np.broadcast_to(
        np.reshape(operand.zero_point, [-1 if a == operand.axis else 1 for a in range(4)]), operand.codes.shape
    )[:, :, :1, :1]
    size = (*operand.codes.shape[:2], shape.H + top + bottom, shape.W + left + right)
    found = np.broadcast_to(zero, size).astype(int)
    found[:, :, top : top + shape.H, left : left + shape.W] = operand.codes
    return found


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint16])
def test_both_views_are_the_same_without_a_zero_point(kind) -> None:
    codes = np.arange(-60, 60).astype(kind).reshape(2, 3, 4, 5)
    row = operand_properties(Operand(codes, codes.itemsize * 8, codes.dtype.kind == "i"), extra_zeros=7)
    for name in ("zeros", "zero_fraction", "ones_mean", "ones_twos_complement_mean", "booth_radix4_mean", "signed"):
        assert row[f"raw_{name}"] == row[name]
