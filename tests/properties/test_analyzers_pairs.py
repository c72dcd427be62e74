"""Exact pair statistics against the loop over every product, and the laws of padding."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.analyzers.codes import centred_bits, centred_values, frozen
from accelsim.analyzers.cost_tables import cost_table
from accelsim.analyzers.groups import channel_groups
from accelsim.analyzers.histogram import value_histogram
from accelsim.analyzers.pairs import filter_sums, padding_products, pair_total, window_sums
from accelsim.analyzers.runlength import run_length_bits
from accelsim.analyzers.statistics import statistics
from tests.properties.analyzer_layers import layers, operands, shapes
from tests.references import values as reference

paddings = st.sampled_from(["in", "out"])


def pair_work(shape, activation_cost, weight_cost, zero_cost: int = 0, padding: str = "in") -> int:
    """Return the exact sum over all products of costs given position by position, 0..32767."""
    identity = np.arange(int(max(activation_cost.max(), weight_cost.max(), zero_cost)) + 1, dtype=np.uint16)
    real = window_sums(shape, frozen(activation_cost.astype(np.int16)), 0, [identity], padding)
    if padding == "in":
        real = real + zero_cost * padding_products(shape)
    return pair_total(real[0], filter_sums(shape, frozen(weight_cost.astype(np.int16)), 0, [identity])[0])


@given(shapes(), paddings, st.integers(0, 3), st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_pair_work_equals_the_loop_over_products(shape, padding: str, zero_cost: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    activation = rng.integers(0, 17, shape.activation_shape)
    weight = rng.integers(0, 257, shape.weight_shape)
    expected = reference.pair_work(shape, activation, weight, zero_cost, padding)
    assert pair_work(shape, activation, weight, zero_cost, padding) == expected


@given(shapes())
@settings(max_examples=100, deadline=None)
def test_costs_of_one_count_the_products(shape) -> None:
    one = np.ones(shape.activation_shape, np.int16), np.ones(shape.weight_shape, np.int16)
    assert pair_work(shape, *one, zero_cost=1, padding="in") == shape.macs
    assert pair_work(shape, *one, zero_cost=1, padding="out") == shape.macs_inside
    assert sum(1 for _ in reference.products(shape)) == shape.macs


@given(layers(), paddings, st.sampled_from(["naf", "precision_trimmed", "booth_radix4"]))
@settings(max_examples=60, deadline=None)
def test_tables_give_what_costs_by_position_give(drawn, padding: str, name: str) -> None:
    layer = drawn[0]
    costs, sums = [], []
    for operand in (layer.activation, layer.weight):
        histogram = value_histogram(operand)
        table = cost_table(name, centred_bits(operand), histogram.low, histogram.high)
        values = centred_values(operand)
        costs.append(table[values.astype(int) - histogram.low])
        function = (lambda *a: window_sums(*a, padding)) if operand is layer.activation else filter_sums
        sums.append(function(layer.shape, values, histogram.low, [table])[0])
        if operand is layer.activation:
            zero_cost = int(table[-histogram.low])
    assert pair_total(*sums) == pair_work(layer.shape, *costs, zero_cost, padding)


def test_totals_beyond_64_bits_are_exact() -> None:
    sums = np.full((2, 3), 2**40, np.int64)
    assert pair_total(sums, sums) == 6 * 2**80


@given(st.data(), st.sampled_from([1, 2, 5, 16]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_group_widths_equal_the_reference(data, size: int, trimmed: bool) -> None:
    sets = data.draw(st.integers(1, 2))
    operand = data.draw(operands((2, sets * data.draw(st.integers(1, 18)), 2, 2)))
    values = centred_values(operand)
    signed = bool(values.min() < 0)
    expected = np.asarray(reference.group_widths(values, size, sets, signed, trimmed))
    groups = channel_groups(values, sets, (size,))[size]
    found = np.repeat(groups.widths(trimmed), groups.members, axis=2).reshape(values.shape)
    assert np.array_equal(found, expected)
    assert groups.total_width(trimmed) == expected.sum()
    assert groups.mean_width(trimmed) == expected.mean()


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_larger_groups_are_never_narrower(data) -> None:
    operand = data.draw(operands((2, data.draw(st.integers(1, 300)), 1, 2)))
    values = centred_values(operand)
    histogram = value_histogram(operand)
    single = histogram.total("precision", centred_bits(operand))
    groups = channel_groups(values)
    for trimmed in (False, True):
        totals = [groups[size].total_width(trimmed) for size in (16, 64, 256)]
        static = reference.width(values.ravel().tolist(), histogram.signed, trimmed) * values.size
        assert totals == sorted(totals)
        assert totals[-1] <= static
    one = channel_groups(values, 1, (1,))[1]
    assert one.total_width() == single <= groups[16].total_width()
    assert one.total_width(trimmed=True) == histogram.total("precision_trimmed", centred_bits(operand))
    apart = channel_groups(values, 1, (64,))[64]
    assert np.array_equal(apart.unions, groups[64].unions)


@given(
    st.lists(st.sampled_from([0, 0, 0, 0, 0, 0, 5, -7]), min_size=1, max_size=200),
    st.integers(1, 5),
    st.integers(1, 4),
)
@settings(max_examples=150, deadline=None)
def test_run_length_size_is_that_of_an_encoding_that_decodes(values: list[int], run_bits: int, pairs: int) -> None:
    words = reference.run_length_encode(values, run_bits, pairs)
    assert reference.run_length_decode(words) == values
    word_bits = pairs * (run_bits + 16) + 1
    bits = run_length_bits(np.asarray(values, np.int16), run_bits, 16, pairs, word_bits)
    assert bits == len(words) * word_bits


@given(layers(samples=2))
@settings(max_examples=40, deadline=None)
def test_statistics_count_products_one_by_one(drawn) -> None:
    for layer, found in zip(drawn, statistics(drawn), strict=True):
        activation, weight = centred_values(layer.activation) != 0, centred_values(layer.weight) != 0
        for padding, suffix in (("in", ""), ("out", "_inside")):
            counts = [0, 0, 0, 0]
            for a, w in reference.products(layer.shape, padding):
                live = (a is not None and bool(activation[a]), bool(weight[w]))
                counts = [c + int(e) for c, e in zip(counts, (True, *live, all(live)), strict=True)]
            names = ("macs{}", "macs_activation_nonzero{}", "macs_weight_nonzero{}", "macs_both_nonzero{}")
            assert [found[n.format(suffix)] for n in names] == counts
        assert found["activation_values"] - found["activation_zeros"] == activation.sum()
        assert found["weight_values"] - found["weight_zeros"] == weight.sum()
        assert found["output_values"] == (0 if layer.output is None else layer.output.codes.size)
