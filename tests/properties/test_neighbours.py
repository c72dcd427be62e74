"""Laws of zeros that stand together, of lanes in step, of groups of every size: against slow counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.analyzers.group_widths import LAYER, SIZES, layer_group_widths, mean_widths
from accelsim.analyzers.neighbours import (
    AXES,
    correlations,
    expected_maximum,
    layer_lockstep,
    layer_zero_pairs,
    losses,
)
from accelsim.analyzers.positions import position_row
from accelsim.layer import Layer, LayerShape, Operand


def conv(values: Any, groups: int = 1, filters: int = 2) -> Layer:
    """Return a 1 x 1 convolution on zero-centred activations (N, C, H, W)."""
    n, channels, height, width = values.shape
    shape = LayerShape("conv", n, groups, filters, channels // groups, height, width, 1, 1, height, width)
    weight = np.random.default_rng(3).integers(-9, 9, shape.weight_shape).astype(np.int16)
    return Layer("c", 0, 0, shape, Operand(values.astype(np.int16), 16), Operand(weight, 16))


def rows(values: Any, kind: str = "linear") -> Layer:
    """Return a linear layer on rows (N, C)."""
    n, channels = values.shape
    shape = LayerShape(kind, n, 1, 3, channels, 1, 1, 1, 1, 1, 1)
    weight = np.ones(shape.weight_shape, np.int16)
    return Layer("l", 0, 0, shape, Operand(values.astype(np.int16)[:, :, None, None], 16), Operand(weight, 16))


def drawn(seed: int, shape: tuple[int, ...], zeros: float = 0.5) -> Any:
    random = np.random.default_rng(seed)
    values = random.integers(-40, 200, shape)
    values[random.random(shape) < zeros] = 0
    return values


def axis_lines(values: Any, axis: str, groups: int) -> list[list[int]]:
    """Return every line of values along an axis, slowly; channels do not cross groups."""
    place = AXES[axis]
    found = []
    for index in np.ndindex(*(size for i, size in enumerate(values.shape) if i != place)):
        line = values[(*index[:place], slice(None), *index[place:])].tolist()
        parts = groups if axis == "channel" else 1
        length = len(line) // parts
        found += [line[i * length : (i + 1) * length] for i in range(parts)]
    return found


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.sampled_from([1, 2, 4]), st.floats(0.05, 0.95))
def test_zero_pairs_count_what_a_slow_loop_counts(seed: int, groups: int, zeros: float) -> None:
    values = drawn(seed, (2, 8, 5, 3), zeros)
    table = layer_zero_pairs(conv(values, groups), (1, 2))
    assert {(r["axis"], r["lag"]) for r in table} >= {("row", 1), ("column", 2), ("position", 1)}
    for row in table:
        first, second = [], []
        for line in axis_lines(values, row["axis"], groups):
            first += [value == 0 for value in line[: -row["lag"]]]
            second += [value == 0 for value in line[row["lag"] :]]
        assert row["pairs"] == len(first)
        assert row["both_zero"] == sum(a and b for a, b in zip(first, second))
        if len(set(first)) == len(set(second)) == 2:
            assert row["phi"] == pytest.approx(np.corrcoef(first, second)[0, 1])
        else:
            assert np.isnan(row["phi"])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.sampled_from([1, 2]), st.sampled_from([1, 3, 4, 16]))
def test_lanes_in_step_wait_for_the_slowest(seed: int, groups: int, lanes: int) -> None:
    values = drawn(seed, (1, 8, 5, 6))
    table = layer_lockstep(conv(values, groups), (lanes,), ("ones", "nonzero"))
    for row in table:
        cost = (lambda v: abs(v).bit_count()) if row["cost"] == "ones" else (lambda v: int(v != 0))
        spent = 0
        for line in axis_lines(values, row["axis"], groups):
            for start in range(0, len(line), lanes):
                part = line[start : start + lanes]
                spent += len(part) * max(map(cost, part))
        assert row["step_cycles"] == spent
        assert row["own_cycles"] == sum(cost(v) for v in values.ravel().tolist())
        assert row["own_cycles"] <= row["step_cycles"]
        assert row["independent_cycles"] >= row["own_cycles"] * (1 - 1e-12)
        if lanes == 1:
            assert row["step_cycles"] == row["own_cycles"] == pytest.approx(row["independent_cycles"])


def test_independent_values_lose_what_is_expected_of_them() -> None:
    values = drawn(1, (1, 16, 60, 60), 0.6)
    for row in losses(pd.DataFrame(layer_lockstep(conv(values)))).to_dict("records"):
        assert row["step_loss"] == pytest.approx(row["independent_loss"], rel=0.01)
    phis = correlations(pd.DataFrame(layer_zero_pairs(conv(values))))
    assert phis["phi"].abs().max() < 0.02


def test_zeros_in_whole_rows_are_one_along_rows_and_cost_nothing_in_step() -> None:
    values = np.ones((1, 4, 16, 16), int)
    values[:, :, ::2] = 0
    found = {(r["axis"], r["lag"]): r["phi"] for r in layer_zero_pairs(conv(values))}
    assert found["column", 1] == found["channel", 1] == found["row", 2] == 1
    assert found["row", 1] == pytest.approx(-1, abs=0.02)
    steps = {(r["axis"], r["lanes"]): r for r in layer_lockstep(conv(values), (4,), ("nonzero",))}
    assert steps["column", 4]["step_cycles"] == steps["column", 4]["own_cycles"]
    assert steps["row", 4]["step_cycles"] == values.size


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6), st.integers(1, 3))
def test_expected_maximum_is_the_mean_over_all_draws(counts: list[int], draws: int) -> None:
    counts[0] += 1
    costs = np.repeat(np.arange(len(counts)), np.asarray(counts) > 0)
    shares = np.asarray(counts, float)[costs] / sum(counts)
    mean = sum(
        float(np.prod([shares[i] for i in index])) * max(int(costs[i]) for i in index)
        for index in np.ndindex(*(costs.size,) * draws)
    )
    assert expected_maximum(np.asarray(counts), draws) == pytest.approx(mean)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.sampled_from([1, 2]))
def test_wider_groups_never_need_fewer_bits_and_the_layer_most(seed: int, groups: int) -> None:
    layers = [conv(drawn(seed, (1, 8, 3, 4)), groups), conv(drawn(seed + 1, (1, 8, 3, 4)) // 4, groups)]
    layers[1] = Layer("c", 0, 1, layers[1].shape, layers[1].activation, layers[0].weight)
    table = pd.DataFrame(layer_group_widths(layers, "out"))
    for _, own in table.groupby(["operand", "sample"]):
        widths = own.set_index("group")["width_bits"]
        ordered = [widths[size] for size in (*SIZES, LAYER)]
        assert ordered == sorted(ordered)
        assert (own["width_bits_trimmed"] <= own["width_bits"]).all()
    active = table[(table["operand"] == "activation") & (table["sample"] == 0) & (table["group"] == 1)]
    values = layers[0].activation.codes
    negative = bool((values < 0).any())
    slow = sum(max((v if v >= 0 else ~v).bit_length(), 1) + negative for v in values.ravel().tolist())
    assert int(active["width_bits"].iloc[0]) == slow
    assert set(mean_widths(table)["group"]) == {LAYER, *SIZES}


def test_positions_are_the_rows_of_the_input() -> None:
    values = drawn(5, (6, 9))
    values[2] = 0
    row = position_row(rows(values))
    assert row is not None
    shares = (values != 0).mean(1)
    ones = np.array([[abs(v).bit_count() for v in line] for line in values.tolist()]).mean(1)
    assert row["positions"] == 6
    assert row["nonzero_position_least"] == 0
    assert row["nonzero_position_mean"] == pytest.approx(shares.mean())
    assert row["ones_position_deviation"] == pytest.approx(ones.std())
    assert row["ones_position_drift"] == pytest.approx(np.corrcoef(np.arange(6), ones)[0, 1])
    assert row["position_width"] <= row["layer_width"]
    assert position_row(conv(drawn(1, (2, 4, 3, 3)))) is None
    assert position_row(rows(values[:1])) is None
