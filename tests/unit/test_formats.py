"""Number formats: layouts as published, rounding, saturation, shared scales against a slow reference."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from accelsim.errors import UnknownNameError
from accelsim.formats.blocks import SCALE_NAN, block_lengths, block_starts, decode_blocks
from accelsim.formats.catalogue import FORMATS, number_format
from accelsim.formats.element import E2M1, E2M3, E3M2, E4M3, E5M2, FLOAT16, INT8, Element
from accelsim.formats.encode import encode
from accelsim.formats.patterns import Patterns, losses, to_format
from accelsim.formats.split import decode, split, split_table

ELEMENTS = tuple(dict.fromkeys(f.element for f in FORMATS.values()))
FLOATS = [e for e in ELEMENTS if not e.integer]
SMALL = [e for e in FLOATS if e.bits <= 8]
BLOCKED = [f for f in FORMATS.values() if f.block]

# exponent bits, fraction bits, bias; largest, smallest normal, largest and smallest subnormal number
PUBLISHED = {
    "bfloat16": (8, 7, 127, (2 - 2**-7) * 2.0**127, 2.0**-126, 127 * 2.0**-133, 2.0**-133),
    "float16": (5, 10, 15, 65504.0, 2.0**-14, 1023 * 2.0**-24, 2.0**-24),
    "e4m3": (4, 3, 7, 448.0, 2.0**-6, 0.875 * 2.0**-6, 2.0**-9),
    "e5m2": (5, 2, 15, 57344.0, 2.0**-14, 0.75 * 2.0**-14, 2.0**-16),
    "e2m3": (2, 3, 1, 7.5, 1.0, 0.875, 0.125),
    "e3m2": (3, 2, 3, 28.0, 0.25, 0.1875, 0.0625),
    "e2m1": (2, 1, 1, 6.0, 1.0, 0.5, 0.5),
}


def named(element: Element) -> str:
    return element.name


def patterns_of(element: Element) -> np.ndarray:
    return np.arange(1 << element.bits).astype(element.dtype)


def defined(pattern: int, element: Element) -> Fraction:
    """Return the value of a finite pattern from the fields that the specification gives."""
    if element.integer:
        return Fraction(pattern - 256 if pattern >= 128 else pattern, 64)
    exponent_bits, fraction_bits, bias = PUBLISHED[element.name][:3]
    sign, rest = divmod(pattern, 1 << (exponent_bits + fraction_bits))
    field, fraction = divmod(rest, 1 << fraction_bits)
    part = Fraction(fraction, 1 << fraction_bits)
    if field == 0:
        return (-1) ** sign * part * Fraction(2) ** (1 - bias)
    return (-1) ** sign * (1 + part) * Fraction(2) ** (field - bias)


def nearest(value: Fraction, element: Element) -> int:
    """Return the pattern nearest to `value` by looking at all of them; ties to the even pattern; saturating."""
    magnitudes = range(128) if element.integer else range(element.top + 1)
    best = min(magnitudes, key=lambda p: (abs(defined(p, element) - abs(value)), p & 1))
    if value >= 0 or element.integer:
        return best if value >= 0 else (-best) & 255
    return best | 1 << (element.bits - 1)


@pytest.mark.parametrize("element", FLOATS, ids=named)
def test_extreme_numbers_are_the_published_ones(element: Element) -> None:
    _, fraction_bits, _, largest, normal, subnormal, least = PUBLISHED[element.name]
    assert element.largest == largest == float(decode(np.asarray([element.top]), element)[0])
    places = np.asarray([1 << fraction_bits, (1 << fraction_bits) - 1, 1])
    assert decode(places, element).tolist() == [normal, subnormal, least]


def test_exponents_of_the_largest_powers_of_two_are_the_published_ones() -> None:
    found = {e.name: e.largest_exponent for e in (E4M3, E5M2, E2M3, E3M2, E2M1, INT8)}
    assert found == {"e4m3": 8, "e5m2": 15, "e2m3": 2, "e3m2": 4, "e2m1": 2, "int8": 0}


@pytest.mark.parametrize("element", [*SMALL, INT8], ids=named)
def test_every_narrow_pattern_decodes_as_defined(element: Element) -> None:
    values = decode(patterns_of(element), element)
    for pattern, value in enumerate(values):
        if np.isfinite(value):
            assert Fraction(value) == defined(pattern, element)


@pytest.mark.parametrize(("element", "infinities", "nans"), [
    (E4M3, [], [0x7F, 0xFF]), (E5M2, [0x7C, 0xFC], [0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF]), (E2M3, [], []),
    (E3M2, [], []), (E2M1, [], []), (INT8, [], []),
])  # fmt: skip
def test_infinities_and_nans_are_where_the_specifications_put_them(
    element: Element, infinities: list[int], nans: list[int]
) -> None:
    values = decode(patterns_of(element), element)
    assert np.flatnonzero(np.isinf(values)).tolist() == infinities
    assert np.flatnonzero(np.isnan(values)).tolist() == nans
    assert np.array_equal(split_table(element).finite, np.isfinite(values))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("element", ELEMENTS, ids=named)
def test_every_pattern_is_encoded_back(element: Element, dtype: type) -> None:
    codes = patterns_of(element)
    values = decode(codes, element).astype(dtype)
    kept = ~np.isnan(values) & (codes != 0x80 if element.integer else True)
    assert np.array_equal(encode(values[kept], element, saturate=False), codes[kept])


@pytest.mark.parametrize("element", ELEMENTS, ids=named)
def test_the_parts_of_a_pattern_make_its_value(element: Element) -> None:
    parts = split(patterns_of(element), element)
    places = element.fraction_bits
    made = np.ldexp(parts.significand.astype(float), parts.exponent.astype(int) - places) * (1 - 2.0 * parts.negative)
    assert np.array_equal(made[parts.finite], parts.value[parts.finite])
    magnitudes = np.abs(parts.signed.astype(int))
    assert np.array_equal(magnitudes[parts.finite], parts.significand[parts.finite])
    assert np.array_equal((parts.signed == 0) & parts.finite, parts.value == 0)
    assert magnitudes.max() <= 1 << element.significand_bits
    if not element.integer:
        normal = (parts.significand >= 1 << places) & parts.finite
        assert np.array_equal(parts.fraction + (normal.astype(int) << places), np.where(
            parts.finite, parts.significand, parts.fraction + (normal.astype(int) << places)
        ))  # fmt: skip
        assert set(parts.exponent[~normal & parts.finite]) == {1 - PUBLISHED[element.name][2]}


@pytest.mark.parametrize(
    ("element", "kind"), [("bfloat16", "bfloat16"), ("float16", "float16"), ("e5m2", "float8_e5m2")]
)
def test_encoding_is_that_of_torch(element: str, kind: str) -> None:
    torch = pytest.importorskip("torch")
    layout = next(e for e in ELEMENTS if e.name == element)
    values = _words(torch)
    expected = _bits(torch, values.to(getattr(torch, kind)), layout)
    assert np.array_equal(encode(values.numpy(), layout, saturate=False), expected)


def test_encoding_of_e4m3_is_that_of_torch_where_it_does_not_overflow() -> None:
    torch = pytest.importorskip("torch")
    values = _words(torch)
    values = values[values.abs() <= 464]  # halfway to what would be 480: rounds to even, 448
    expected = _bits(torch, values.to(torch.float8_e4m3fn), E4M3)
    assert np.array_equal(encode(values.numpy(), E4M3), expected)
    assert np.array_equal(encode(values.numpy(), E4M3, saturate=False), expected)


@pytest.mark.parametrize(("element", "kind"), [
    ("bfloat16", "bfloat16"), ("float16", "float16"), ("e4m3", "float8_e4m3fn"), ("e5m2", "float8_e5m2"),
])  # fmt: skip
def test_decoding_is_that_of_torch(element: str, kind: str) -> None:
    torch = pytest.importorskip("torch")
    layout = next(e for e in ELEMENTS if e.name == element)
    codes = patterns_of(layout)
    view = torch.from_numpy(codes.view(np.int16 if layout.bits == 16 else np.uint8)).view(getattr(torch, kind))
    assert np.array_equal(decode(codes, layout), view.double().numpy(), equal_nan=True)


def test_shared_scales_decode_as_torch_reads_them() -> None:
    torch = pytest.importorskip("torch")
    codes = np.arange(256, dtype=np.uint8)
    expected = torch.from_numpy(codes).view(torch.float8_e8m0fnu).double().numpy()
    one = np.full((256, 1), 64, np.uint8)  # INT8 code of 1.0
    found = decode_blocks(one, codes[:, None], INT8, 1, 32)[:, 0]
    assert np.array_equal(found, expected, equal_nan=True)
    assert np.isnan(found[SCALE_NAN])


@pytest.mark.parametrize("element", SMALL, ids=named)
def test_between_neighbours_the_nearest_is_taken_and_ties_go_to_even(element: Element) -> None:
    values = decode(np.arange(element.top + 1), element)
    low, high = values[:-1], values[1:]
    middle = (low + high) / 2
    lower = np.arange(element.top)
    even = lower + (lower & 1)
    for sign, bit in ((1.0, 0), (-1.0, 1 << (element.bits - 1))):
        assert np.array_equal(encode(sign * middle, element), even | bit)
        assert np.array_equal(encode(sign * np.nextafter(middle, 0), element), lower | bit)
        assert np.array_equal(encode(sign * np.nextafter(middle, np.inf), element), (lower + 1) | bit)


@pytest.mark.parametrize("element", FLOATS, ids=named)
def test_overflow_saturates_or_follows_the_format(element: Element) -> None:
    below = np.asarray(element.top - 1, element.dtype)
    step = element.largest - float(decode(below, element))
    edge = element.largest + step / 2  # the halfway point to the number that does not exist
    values = np.asarray([element.largest, np.nextafter(edge, 0), np.nextafter(edge, np.inf), 1e300, np.inf])
    top, over = element.top, element.overflow
    assert encode(values, element).tolist() == [top] * 5
    assert encode(values, element, saturate=False).tolist() == [top, top, over, over, over]
    sign = 1 << (element.bits - 1)
    assert encode(-values, element, saturate=False).tolist() == [p | sign for p in (top, top, over, over, over)]
    meaning = float(decode(np.asarray(over), element))
    assert {"ieee": np.isinf(meaning), "nan": np.isnan(meaning), "none": meaning == element.largest}[element.specials]


def test_a_tie_at_the_overflow_of_ieee_formats_goes_to_infinity() -> None:
    assert encode(np.asarray([65520.0]), FLOAT16, saturate=False).tolist() == [0x7C00]
    assert encode(np.asarray([61440.0]), E5M2, saturate=False).tolist() == [0x7C]
    assert encode(np.asarray([464.0]), E4M3, saturate=False).tolist() == [0x7E]


@pytest.mark.parametrize("element", ELEMENTS, ids=named)
def test_nan_is_kept_where_there_is_one_and_refused_elsewhere(element: Element) -> None:
    values = np.asarray([1.0, np.nan])
    if element.specials == "none":
        with pytest.raises(ValueError, match="no NaN"):
            encode(values, element)
    else:
        assert np.isnan(decode(encode(values, element), element)).tolist() == [False, True]


def test_a_negative_zero_keeps_its_sign_and_is_a_zero() -> None:
    codes = encode(np.asarray([0.0, -0.0, -1e-30], np.float32), E4M3)
    assert codes.tolist() == [0, 0x80, 0x80]
    assert Patterns(FORMATS["fp8_e4m3"], codes).significands().tolist() == [0, 0, 0]


def test_int8_elements_leave_out_the_lowest_code() -> None:
    values = np.asarray([-2.0, -1.99, 1.99, 0.0078125, 0.0234375, -0.0078125])
    assert encode(values, INT8).view(np.int8).tolist() == [-127, -127, 127, 0, 2, 0]
    assert decode(np.asarray([128], np.uint8), INT8).tolist() == [-2.0]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FLOATS), arrays.arrays(np.float64, 50, elements=st.floats(-1e6, 1e6)))
def test_errors_are_within_half_a_step_and_encoding_again_changes_nothing(element: Element, values: np.ndarray) -> None:
    codes = encode(values, element)
    back = decode(codes, element)
    inside = np.abs(values) <= element.largest
    exponent = np.maximum(np.frexp(values)[1] - 1, element.least_exponent)
    step = np.ldexp(1.0, exponent - element.fraction_bits)
    assert np.all(np.abs(back - values)[inside] <= step[inside] / 2)
    assert np.all(np.abs(back[~inside]) == element.largest)
    assert np.array_equal(encode(back, element), codes)
    assert np.array_equal(encode(-values, element), codes ^ (1 << (element.bits - 1)))
    order = np.argsort(values)
    assert np.all(np.diff(back[order]) >= 0)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([E4M3, E5M2, E2M3, E3M2, E2M1]), st.lists(st.floats(-1000, 1000, width=32), min_size=1, max_size=8)
)
def test_single_and_double_precision_agree_with_the_slow_reference(element: Element, values: list[float]) -> None:
    expected = [nearest(Fraction(v), element) | (np.signbit(v) << (element.bits - 1)) for v in values]
    for kind in (np.float32, np.float64):
        assert encode(np.asarray(values, kind), element).tolist() == expected


def test_rounding_is_done_once_from_double_precision() -> None:
    tie = 1 + 2.0**-8  # of bfloat16; 2^-40 more is lost in single precision
    layout = FORMATS["bfloat16"].element
    assert encode(np.asarray([tie, tie + 2.0**-40]), layout).tolist() == [0x3F80, 0x3F81]


def test_blocks_stay_inside_the_groups_of_channels() -> None:
    assert block_starts(140, 2, 32).tolist() == [0, 32, 64, 70, 102, 134]
    assert block_lengths(140, 2, 32).tolist() == [32, 32, 6, 32, 32, 6]
    assert block_starts(4, 4, 32).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("name", [f.name for f in BLOCKED])
@pytest.mark.parametrize("sets", [1, 2])
def test_blocks_are_those_of_the_slow_reference(name: str, sets: int) -> None:
    rng = np.random.default_rng(7)
    values = (rng.standard_normal((2, 70, 2, 1)) * 2.0 ** rng.integers(-12, 12, (2, 70, 2, 1))).astype(np.float32)
    values[0, :40, 0] = 0
    values[1, 3, 1] = -0.0
    found = to_format(values, FORMATS[name], sets)
    codes, scales, exact = _by_hand(values, FORMATS[name].element, sets)
    assert found.scales is not None
    assert np.array_equal(found.scales, scales)
    zero = found.values() == 0
    assert np.array_equal(found.codes[~zero], codes[~zero])  # a zero may carry a sign
    assert np.array_equal(found.values(), exact)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(BLOCKED),
    arrays.arrays(np.float32, (1, 40), elements=st.floats(-(2.0**20), 2.0**20, width=32)),
    st.integers(-60, 60),
)
def test_laws_of_blocks(number: object, values: np.ndarray, shift: int) -> None:
    assert isinstance(number, type(BLOCKED[0]))
    values = values.astype(np.float64)
    found = to_format(values, number)
    back = found.values()
    assert np.array_equal(to_format(back, number).values(), back)
    assert found.scales is not None
    element, scale = number.element, np.repeat(2.0 ** (found.scales.astype(float) - 127), [32, 8], axis=1)
    scaled = np.abs(values) / scale
    exponent = np.maximum(np.frexp(scaled)[1] - 1, element.least_exponent)
    half = np.ldexp(0.5, exponent - element.fraction_bits)
    cut = 2.0 ** (element.largest_exponent + 1) - element.largest  # at most, where the block's top binade saturates
    bound = np.where(scaled <= element.largest, 0.5**element.fraction_bits / 2 if element.integer else half, cut)
    assert np.all(np.abs(back - values) <= bound * scale)
    moved = to_format(np.ldexp(values, shift), number)  # a power of two moves the scales alone
    live = np.repeat(np.maximum.reduceat(np.abs(values), [0, 32], axis=1), [32, 8], axis=1) > 1e-3
    assert np.array_equal(np.ldexp(back, shift)[live], moved.values()[live])
    assert np.array_equal(found.codes[live], moved.codes[live])


def test_scales_are_kept_between_their_ends() -> None:
    values = np.asarray([[2.0**-140], [2.0**127 * 1.5], [2.0**200], [0.0]])
    for name, least in (("mxint8", 0), ("mxfp8_e5m2", 0)):
        found = to_format(values, FORMATS[name])
        assert found.scales is not None
        top = 127 + 127 - FORMATS[name].element.largest_exponent
        assert found.scales[:, 0].tolist() == [least, top, min(254, 200 + top - 127), 0]
    assert to_format(values[2:3], FORMATS["mxint8"]).values().tolist() == [[127 / 64 * 2.0**127]]


def test_infinities_are_left_out_of_a_scale_and_saturate_and_nan_is_refused() -> None:
    values = np.asarray([[1.0, -np.inf, 0.25]])
    assert to_format(values, FORMATS["mxfp4"]).values().tolist() == [[1.0, -1.5, 0.25]]
    with pytest.raises(ValueError, match="NaN"):
        to_format(np.asarray([[1.0, np.nan]]), FORMATS["mxfp8_e4m3"])


def test_large_batches_are_encoded_as_their_rows_are() -> None:
    values = np.random.default_rng(0).standard_normal((700, 512)).astype(np.float32)  # more than a slab
    whole = to_format(values, FORMATS["mxfp6_e3m2"])
    assert whole.scales is not None
    for row in (0, 511, 512, 699):
        one = to_format(values[row : row + 1], FORMATS["mxfp6_e3m2"])
        assert one.scales is not None
        assert np.array_equal(one.codes[0], whole.codes[row])
        assert np.array_equal(one.scales[0], whole.scales[row])


def test_losses_are_counted() -> None:
    values = np.asarray([[1e6, -500.0, 448.0, 1e-9, -1e-9, 0.0, 1.0]], np.float32)
    assert losses(values, to_format(values, FORMATS["fp8_e4m3"])) == (2, 2)
    assert losses(values, to_format(values, FORMATS["mxfp4"])) == (0, 5)
    assert losses(values, to_format(values, FORMATS["mxint8"])) == (0, 5)


def test_significands_of_infinity_and_nan_are_refused() -> None:
    for name, code in (("bfloat16", 0x7F80), ("float16", 0xFE00), ("fp8_e4m3", 0xFF), ("fp8_e5m2", 0x7C)):
        found = FORMATS[name]
        with pytest.raises(ValueError, match="infinity or NaN"):
            Patterns(found, np.asarray([[0, code]], found.element.dtype)).significands()
    scales = np.asarray([[SCALE_NAN]], np.uint8)
    with pytest.raises(ValueError, match="scale that is NaN"):
        Patterns(FORMATS["mxfp4"], np.asarray([[1]], np.uint8), scales).significands()


def test_an_unknown_format_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(UnknownNameError, match="bfloat16"):
        number_format("bfloat61")


def _words(torch: object) -> object:
    """Return single-precision numbers of every magnitude, halfway points among them, without NaN."""
    rng = np.random.default_rng(3)
    words = rng.integers(0, 2**32, 200_000, dtype=np.uint32).view(np.float32)
    halfway = (rng.integers(0, 2**16, 20_000, dtype=np.uint32) << 16 | 0x8000).view(np.float32)
    grid = np.arange(-4096, 4096, dtype=np.float32) / 8
    every = np.concatenate([words, halfway, grid, np.float32([0, -0.0, np.inf, -np.inf, 65504, 65520, 61440, 57344])])
    return torch.from_numpy(every[~np.isnan(every)])  # type: ignore[attr-defined]


def _bits(torch: object, tensor: object, element: Element) -> np.ndarray:
    kind = torch.int16 if element.bits == 16 else torch.uint8  # type: ignore[attr-defined]
    return tensor.view(kind).numpy().view(element.dtype)  # type: ignore[attr-defined]


def _by_hand(values: np.ndarray, element: Element, sets: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return codes, scales and values of blocks of 32 channels, block by block and value by value."""
    batch, channels, height, width = values.shape
    codes = np.zeros(values.shape, np.int64)
    exact = np.zeros(values.shape)
    each = channels // sets
    scales = np.zeros((batch, sets * -(-each // 32), height, width), np.int64)
    for n, h, w in np.ndindex(batch, height, width):
        block = 0
        for first in range(0, channels, each):
            for start in range(first, first + each, 32):
                members = range(start, min(start + 32, first + each))
                top = max(abs(Fraction(float(values[n, c, h, w]))) for c in members)
                power = -127
                if top:
                    power = next(p for p in range(300, -300, -1) if Fraction(2) ** p <= top) - element.largest_exponent
                scales[n, block, h, w] = power + 127
                for c in members:
                    scaled = Fraction(float(values[n, c, h, w])) / Fraction(2) ** power
                    codes[n, c, h, w] = nearest(scaled, element)
                    exact[n, c, h, w] = float(defined(int(codes[n, c, h, w]), element) * Fraction(2) ** power)
                block += 1
    return codes, scales, exact
