"""Storage formats: every size is that of a code that decodes, every bit belongs to one pixel and one filter."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log2
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.analyzers.codes import Codes
from accelsim.analyzers.compression import COMPRESSIONS, storage_format
from accelsim.analyzers.kernels.symbols import code_lengths
from accelsim.analyzers.runlength import run_length_bits
from accelsim.analyzers.stored import Coding, filter_bits, pixel_bits, stored_bits
from accelsim.errors import ConfigError, UnknownNameError
from accelsim.hardware.coding import Format
from tests.references.compression import DECODERS, ENCODERS, Known, needed
from tests.references.compression import code_lengths as reference_lengths

FORMS = sorted(ENCODERS)
WORDS = [
    (16, -(2**15)),
    (16, 0),
    (8, -128),
    (8, 0),
    (8, -37),
    (16, -9),
    (4, -8),
    (12, -2048),
    (1, 0),
    (2, -2),
    (20, -(2**19)),
]
"""Bits of a word and the least number it means: 0 less the zero point of codes without sign."""

Case = tuple[Codes, Known]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a tensor of some character and how it is stored."""
    bits, low = draw(st.sampled_from(WORDS))
    high = low + 2**bits - 1
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 4), st.integers(1, 6)))
    size = int(np.prod(shape))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(
        st.sampled_from(["zeros", "extremes", "random", "single", "sparse", "smooth", "narrow", "late", "wide"])
    )
    values = {
        "zeros": lambda: np.zeros(size),
        "extremes": lambda: rng.choice([low, high], size),
        "random": lambda: rng.integers(low, high + 1, size),
        "single": lambda: np.full(size, rng.integers(low, high + 1)),
        "sparse": lambda: np.where(rng.random(size) < rng.random() ** 0.3, 0, rng.integers(low, high + 1, size)),
        "smooth": lambda: np.cumsum(rng.integers(-1, 2, size)) + rng.integers(low, high + 1),
        "narrow": lambda: rng.integers(-3, 4, size),
        "late": lambda: np.where(np.arange(size) < size - 1, 0, rng.integers(low, high + 1)),
        "wide": lambda: np.where(rng.random(size) < 0.05, low, rng.integers(0, 3, size)),
    }[kind]()
    values = np.clip(values, low, high).astype(np.int64).reshape(shape)
    fits = values.min() >= -(2**15) and values.max() < 2**15
    values = values.astype(np.int16 if fits and draw(st.booleans()) else np.int32)
    signed = bool(values.min() < 0)
    precision = max(needed(int(v), signed) for v in (values.min(), values.max()))
    group, run_bits = draw(st.sampled_from([1, 3, 16])), draw(st.sampled_from([None, 1, 2, 5]))
    return values, Known(shape, bits, low, signed, precision, group, run_bits)


def sizes(function: Callable[..., object], values: Codes, form: str, known: Known) -> npt.NDArray[np.int64]:
    return np.asarray(function(values, form, Coding(known.bits, known.precision, known.group, known.run_bits)))


def proves(form: str, values: Codes, known: Known) -> None:
    listed = values.ravel().tolist()
    pieces = ENCODERS[form](listed, known)
    text = "".join(bits for bits, _ in pieces)
    assert DECODERS[form](text, known) == listed
    assert stored_total(form, values, known) == len(text)
    by_value = np.zeros(values.size, np.int64)
    for bits, place in pieces:
        by_value[place] += len(bits)
    pixels, filters = sizes(pixel_bits, values, form, known), sizes(filter_bits, values, form, known)
    assert pixels.dtype == filters.dtype == np.int64
    if form != "huffman":  # of equally good Huffman codes, either may be taken
        assert np.array_equal(pixels, by_value.reshape(values.shape).sum(axis=1))
        assert np.array_equal(filters, by_value.reshape(values.shape).sum(axis=(1, 2, 3)))
    assert pixels.shape == (values.shape[0], *values.shape[2:])
    assert pixels.sum() == filters.sum() == len(text)
    assert np.array_equal(pixels.sum(axis=(1, 2)), filters)
    assert len(text) <= bound(form, values, known)


def stored_total(form: str, values: Codes, known: Known) -> int:
    return int(sizes(stored_bits, values, form, known))


def bound(form: str, values: Codes, known: Known) -> float:
    """Return what the format's docstring promises, whatever the values."""
    batch, channels, height, width = values.shape
    plain = values.size * known.bits
    fields = batch * height * width * ceil(channels / known.group) * max(4, (known.bits - 1).bit_length())
    word = 8 if known.bits <= 8 else 16 if known.bits <= 16 else 32
    run_bits = known.run(4)
    distinct = len(np.unique(values))
    return {
        "plain": plain,
        "profiled": plain,
        "bitmask": plain + values.size,
        "groups": plain + fields,
        "groups_masked": plain + fields + values.size,
        "delta": plain + fields,
        "zero_run": plain + run_bits * values.size,
        "relative_index": plain + run_bits * values.size + batch * max(16, (values.size // batch).bit_length()),
        "run_length": (known.run(5) + known.bits + 1 / 3) * (values.size + 3),
        "run_length_rows": plain,
        "base_delta": values.size * word + 4 * ceil(values.size * word / 256),
        "codebook": values.size * ceil(log2(distinct)) + known.bits + 1 + distinct * known.bits,
        "huffman": values.size * (log2(distinct) + 1) + known.bits + 1 + distinct * (known.bits + 6),
    }[form]


@pytest.mark.parametrize("form", FORMS)
@given(cases())
@settings(max_examples=40, deadline=None)
def test_size_is_that_of_a_code_that_decodes(form: str, case: Case) -> None:
    proves(form, *case)


ADVERSARIAL = {
    "all zero": np.zeros((2, 17, 3, 5)),
    "the least of all": np.full((2, 17, 3, 5), -32768),
    "both extremes": np.where(np.indices((2, 17, 3, 5)).sum(axis=0) % 2, -32768, 32767),
    "one value at the end": np.where(np.arange(510).reshape(2, 17, 3, 5) == 509, -1, 0),
    "one value at the start": np.where(np.arange(510).reshape(2, 17, 3, 5) == 0, 1, 0),
    "zeros up to a full run": np.where(np.arange(640).reshape(1, 10, 8, 8) % 32 == 31, 7, 0),
    "zeros beyond a full run": np.where(np.arange(660).reshape(1, 10, 6, 11) % 33 == 32, 7, 0),
    "minus one and zero": -np.eye(16).reshape(1, 16, 4, 4),
    "a line of one element": np.tile([5, 6, 7, 8], 40).reshape(1, 4, 8, 5),
    "differences of one byte": 1000 + np.arange(160).reshape(1, 4, 8, 5) % 16 * 15,
    "differences to both bases": np.where(np.arange(160) % 2, 20000 + np.arange(160) % 100, 5).reshape(1, 4, 8, 5),
    "eight bytes and one": np.tile([77, 0, 0, -3], 40).reshape(1, 4, 8, 5) + np.eye(4)[None, 0, :, None, None] * 0,
    "a single value": np.asarray([[[[-32768]]]]),
    "a vector": np.arange(-30, 30).reshape(1, 60, 1, 1),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ADVERSARIAL)
def test_adversarial_codes_decode(form: str, name: str) -> None:
    values = ADVERSARIAL[name].astype(np.int16)
    proves(form, values, Known(values.shape, 16, -(2**15), bool(values.min() < 0), 16, 16, None))  # type: ignore[arg-type]


def test_every_format_that_decodes_is_proved_and_may_be_used_by_machines() -> None:
    decoding = [name for name in COMPRESSIONS.names() if storage_format(name).decodes]
    assert decoding == FORMS
    assert set(get_args(Format)) == {*FORMS, "nonzero"}
    for name in COMPRESSIONS.names():
        assert len(COMPRESSIONS.describe(name)) > 20


@given(cases())
@settings(max_examples=60, deadline=None)
def test_entropy_bounds_huffman_and_huffman_is_within_a_bit_of_it(case: Case) -> None:
    values, known = case
    counts = np.unique(values, return_counts=True)[1]
    exact = -sum(int(n) * log2(int(n) / values.size) for n in counts)
    entropy = stored_total("entropy", values, known)
    table = known.bits + 1 + counts.size * (known.bits + 6)
    codes = stored_total("huffman", values, known) - table
    assert exact - 1e-6 <= entropy < exact + 1
    assert entropy <= codes <= exact + values.size
    assert codes == sum(lengths_of(values))


def lengths_of(values: Codes) -> list[int]:
    lengths = reference_lengths(values.ravel().tolist())
    return [lengths[v] for v in values.ravel().tolist()]


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=300))
@settings(max_examples=50, deadline=None)
def test_code_lengths_fill_a_prefix_code(counts: list[int]) -> None:
    lengths = code_lengths(np.sort(np.asarray(counts, np.int64)))
    assert sum(2.0 ** -int(n) for n in lengths) == 1.0
    assert (np.diff(lengths) <= 0).all()


@pytest.mark.parametrize("form", ["bitmask", "zero_run", "relative_index", "groups_masked", "nonzero"])
@given(cases(), st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_more_zeros_never_take_more_bits(form: str, case: Case, seed: int) -> None:
    """A zero in the place of a value may cost a placeholder at most, which is no larger than the value's entry."""
    values, known = case
    fewer = np.where(np.random.default_rng(seed).random(values.shape) < 0.5, 0, values).astype(values.dtype)
    if bool(fewer.min() < 0) == known.signed:
        assert stored_total(form, fewer, known) <= stored_total(form, values, known)


@given(cases())
@settings(max_examples=40, deadline=None)
def test_orders_that_must_hold(case: Case) -> None:
    values, known = case
    size = {form: stored_total(form, values, known) for form in [*FORMS, "nonzero"]}
    batch, channels, height, width = values.shape
    groups = batch * height * width * ceil(channels / known.group)
    assert size["nonzero"] <= size["bitmask"] <= size["plain"] + values.size
    assert size["run_length_rows"] <= size["plain"]
    assert size["groups"] <= size["profiled"] + groups * max(4, (known.bits - 1).bit_length())
    assert size["groups_masked"] <= size["groups"] + values.size
    assert size["nonzero"] <= min(size["zero_run"], size["relative_index"])
    wide = stored_bits(values, "run_length", Coding(16, run_bits=known.run(5))) if known.bits == 16 else None
    if wide is not None and known.run(5) == 5:
        assert wide == run_length_bits(values)


def test_what_cannot_be_stored_is_refused() -> None:
    values = np.ones((1, 4, 2, 2), np.int16)
    with pytest.raises(UnknownNameError, match="did you mean 'bitmask'"):
        stored_bits(values, "bitmap", Coding(16))
    with pytest.raises(ConfigError, match="bound"):
        pixel_bits(values, "entropy", Coding(16))
    with pytest.raises(ConfigError, match="exponents"):
        stored_bits(values, "delta", Coding(16, exponent_bits=5))
    with pytest.raises(ConfigError, match="bits is 40"):
        stored_bits(values, "plain", Coding(40))


@pytest.mark.parametrize(
    ("form", "each"), [("groups", 16), ("groups_masked", 8), ("profiled", 16), ("huffman", 16), ("codebook", 16)]
)
def test_exponents_stand_beside_each_stored_value(form: str, each: int) -> None:
    values = np.asarray([0, 3] * 8, np.int16).reshape(1, 16, 1, 1)
    assert (
        stored_bits(values, form, Coding(16, 12, exponent_bits=5))
        == stored_bits(values, form, Coding(16, 12)) + 5 * each
    )


@pytest.mark.parametrize(
    "form", ["plain", "bitmask", "nonzero", "zero_run", "relative_index", "run_length", "run_length_rows"]
)
def test_whole_words_hold_their_exponents(form: str) -> None:
    values = np.asarray([0, 3] * 8, np.int16).reshape(1, 16, 1, 1)
    assert stored_bits(values, form, Coding(16, exponent_bits=5)) == stored_bits(values, form, Coding(16))
    assert stored_bits(values, "profiled", Coding(16, 16, exponent_bits=5)) == stored_bits(
        values, "profiled", Coding(16)
    )


def test_memory_mapped_and_strided_codes_are_taken() -> None:
    base = np.arange(-200, 200, dtype=np.int16).reshape(2, 10, 4, 5)
    base.flags.writeable = False
    for form in FORMS:
        part = base[:, ::2, ::-1]
        assert stored_bits(part, form, Coding(16)) == stored_bits(np.ascontiguousarray(part), form, Coding(16))
        assert np.array_equal(
            pixel_bits(part, form, Coding(16)), pixel_bits(np.ascontiguousarray(part), form, Coding(16))
        )
