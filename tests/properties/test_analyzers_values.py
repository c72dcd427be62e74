"""Costs of single values: the catalogue against the slow reference, and the laws between encodings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.analyzers import ANALYZERS
from accelsim.analyzers.codes import centred_values
from accelsim.analyzers.cost_tables import cost_table
from accelsim.analyzers.histogram import code_counts, value_histogram
from accelsim.analyzers.precision import static_precision
from accelsim.layer import along
from tests.properties.analyzer_layers import operands
from tests.references import values as reference

EVERY = np.arange(-32768, 65536, dtype=np.int32)

pytestmark = pytest.mark.filterwarnings("error")


def cost(name: str, values, bits: int = 16) -> np.ndarray:
    return np.asarray(ANALYZERS.get(name)(np.asarray(values, np.int32), bits)).astype(int)


@pytest.mark.parametrize("name", ["ones", "naf", "booth_radix4", "run_recoding"])
def test_terms_equal_the_reference_for_every_16_bit_value(name: str) -> None:
    step = [*EVERY[::7].tolist(), -32768, 32767, 65535, 0, -1]
    assert cost(name, step).tolist() == [getattr(reference, name)(v) for v in step]


@pytest.mark.parametrize("bits", [8, 9, 16])
def test_twos_complement_ones_equal_the_reference(bits: int) -> None:
    values = list(range(-(2 ** (bits - 1)), 2**bits, 5))
    assert cost("ones_twos_complement", values, bits).tolist() == [
        reference.ones_twos_complement(v, bits) for v in values
    ]


def test_booth_digits_rebuild_the_value() -> None:
    for value in range(-32768, 65536, 11):
        assert sum(d * 4**i for i, d in enumerate(reference.booth_radix4_digits(value))) == value


@pytest.mark.parametrize("trimmed", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_precision_of_a_value_equals_the_reference(signed: bool, trimmed: bool) -> None:
    values = [*EVERY[0 if signed else 32768 :: 13].tolist(), 0, 1, 32767]
    name = "precision_trimmed" if trimmed else "precision"
    assert cost(name, values).tolist() == [reference.width([v], signed, trimmed) for v in values]


def test_fewest_terms_are_the_non_adjacent_form() -> None:
    terms = {name: cost(name, EVERY) for name in ("ones", "naf", "booth_radix4", "run_recoding")}
    for name in ("ones", "booth_radix4", "run_recoding"):
        positive = EVERY >= 0
        assert (terms["naf"] <= terms[name])[positive].all()
    assert (terms["run_recoding"] <= terms["ones"]).all()
    assert (cost("precision_trimmed", EVERY) <= cost("precision", EVERY)).all()
    assert all((found == 0).sum() == 1 for found in (terms["ones"], terms["naf"], terms["booth_radix4"]))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_histogram_counts_every_value_once(data) -> None:
    operand = data.draw(operands((2, 3, 2, 5)))
    values = operand.codes.astype(int) - along(operand.zero_point, operand.codes.ndim, operand.axis).astype(int)
    histogram = value_histogram(operand)
    assert np.array_equal(centred_values(operand), values)
    assert histogram.size == values.size
    assert histogram.zeros == (values == 0).sum()
    assert (histogram.minimum, histogram.maximum) == (values.min(), values.max())
    assert histogram.distinct == len(set(values.ravel().tolist()))
    assert histogram.signed == (values.min() < 0)
    assert histogram.total("naf", 17) == sum(reference.naf(v) for v in values.ravel().tolist())
    assert histogram.with_zeros(5).zeros == histogram.zeros + 5
    for trimmed in (False, True):
        expected = reference.width(values.ravel().tolist(), histogram.signed, trimmed)
        assert static_precision([histogram.union], histogram.signed, trimmed) == expected


@given(
    st.sampled_from([np.int8, np.uint8, np.int16, np.uint16]),
    st.integers(1, 70),
    st.integers(0, 3),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_code_counts_at_any_length_and_alignment(dtype, size: int, offset: int, seed: int) -> None:
    info = np.iinfo(dtype)
    raw = np.random.default_rng(seed).integers(0, 256, offset + size * info.dtype.itemsize, dtype=np.uint8)
    codes = np.frombuffer(raw.tobytes(), np.uint8)[offset:].view(dtype)
    expected = np.bincount(codes.astype(np.int64) % 2**info.bits, minlength=2**info.bits)
    assert np.array_equal(code_counts(codes), expected)


def test_threads_count_the_same() -> None:
    codes = np.random.default_rng(0).integers(-300, 300, (5 << 20) + 3).astype(np.int16)
    assert np.array_equal(code_counts(codes, workers=3), code_counts(codes, workers=1))
    assert code_counts(codes, workers=2).sum() == codes.size


@given(st.integers(-65535, 65535), st.integers(0, 3000))
@settings(max_examples=30, deadline=None)
def test_table_entry_zero_is_the_lowest_value(low: int, span: int) -> None:
    table = cost_table("ones", 17, low, low + span)
    assert table.size == span + 1
    assert (table[0], table[-1]) == (reference.ones(low), reference.ones(low + span))
