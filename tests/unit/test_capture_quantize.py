"""Laws of quantisation: codes inside their limits, the smallest possible scale, errors of half a step, exact zeros."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from accelsim.errors import InputError
from accelsim.quantize import Scheme, calibrate, quantize

VALUES = arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 7)),
    elements=st.floats(-(2.0**40), 2.0**40, width=32, allow_subnormal=False),
)
SCHEMES = st.builds(
    Scheme,
    scheme=st.sampled_from(["fixed_point", "symmetric", "affine"]),
    bits=st.integers(2, 16),
    per_channel=st.booleans(),
)


@given(VALUES, SCHEMES)
def test_codes_stay_inside_their_limits_and_errors_inside_half_a_step(values: np.ndarray, scheme: Scheme) -> None:
    operand = quantize(values, scheme)
    codes = operand.codes.astype(np.int64)
    if operand.signed:
        assert np.abs(codes).max() <= 2 ** (scheme.bits - 1) - 1
    else:
        assert codes.min() >= 0
        assert codes.max() <= 2**scheme.bits - 1
    step = np.asarray(operand.scale).reshape(-1, 1) if operand.axis == 0 else operand.scale
    # fixed point rounds its largest value down by up to half a step; the others reach it exactly
    assert np.all(
        np.abs(operand.values() - values) <= 0.5 * step * (1 + 1e-6) + (step if scheme.scheme == "affine" else 0) * 0.5
    )


@given(VALUES, SCHEMES)
def test_a_real_zero_has_a_code(values: np.ndarray, scheme: Scheme) -> None:
    values[0] = 0.0
    operand = quantize(values, scheme)
    assert not operand.centre()[0].any()
    assert not operand.values()[0].any()
    if operand.signed:
        assert not operand.codes[0].any()


@given(VALUES, st.integers(2, 16))
def test_a_fixed_point_scale_is_the_smallest_power_of_two(values: np.ndarray, bits: int) -> None:
    operand = quantize(values, Scheme(bits=bits))
    scale, top = float(operand.scale), 2 ** (bits - 1) - 1
    assert np.frexp(scale)[0] == 0.5
    largest = float(np.abs(values).max())
    assert np.rint(largest / scale) <= top
    assert largest == 0 or np.rint(largest / (scale / 2)) > top


@given(VALUES)
def test_the_most_negative_code_is_never_made(values: np.ndarray) -> None:
    low = -float(np.abs(values).max())
    codec = calibrate(Scheme(), low, 0.0, None, "x")
    assert codec.encode(np.asarray([low, 2 * low, -np.inf])).min() >= -32767


@given(VALUES, SCHEMES)
def test_a_channel_is_quantised_as_if_alone(values: np.ndarray, scheme: Scheme) -> None:
    whole = quantize(values, scheme.model_copy(update={"per_channel": True}))
    single = scheme.model_copy(update={"per_channel": False})
    for row, codes in zip(values, whole.codes, strict=True):
        assert np.array_equal(quantize(row, single).codes, codes)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("scheme", [Scheme(), Scheme(scheme="affine", bits=8, per_channel=True)])
def test_values_that_are_no_numbers_are_refused_by_name(bad: float, scheme: Scheme) -> None:
    with pytest.raises(InputError, match=r"layer conv1: weight: NaN or infinity"):
        quantize(np.asarray([[1.0, bad], [0.0, 2.0]]), scheme, where="layer conv1: weight")


def test_an_empty_tensor_is_refused() -> None:
    with pytest.raises(InputError, match="empty"):
        quantize(np.zeros((0, 3)), Scheme())


def test_a_channel_axis_may_be_counted_from_the_end() -> None:
    values = np.array([[1.0, -20.0, 300.0], [0.5, 8.0, -90.0]])
    scheme = Scheme(scheme="symmetric", bits=8, per_channel=True)
    last, same = quantize(values, scheme, axis=-1), quantize(values, scheme, axis=1)
    assert np.array_equal(last.codes, same.codes)
    assert last.axis == same.axis == 1
    assert np.array_equal(last.scale, np.array([1.0, 20.0, 300.0]) / 127)
