"""Potential speedups: how much bit-level work a machine would do that skips a property, exactly.

A bit-parallel machine spends ``width * width`` bit products on every multiply-accumulate. A machine that exploits
a property spends ``bits(activation, weight)``. Work is summed over every product, speedup is a ratio of sums over
layers and samples, never a mean of speedups.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from accelsim.analyzers import ANALYZERS, ANALYZERS_VERSION
from accelsim.analyzers.codes import centred_bits, centred_values
from accelsim.analyzers.conventions import Padding, check_padding
from accelsim.analyzers.cost_tables import Table, cost_table
from accelsim.analyzers.encodings import ENCODINGS
from accelsim.analyzers.groups import GROUP_SIZES, channel_groups
from accelsim.analyzers.histogram import value_histogram
from accelsim.analyzers.pairs import (
    Sums,
    filter_sums,
    group_filter_sums,
    group_window_sums,
    pair_total,
    window_sums,
)
from accelsim.analyzers.precision import set_widths, static_precision
from accelsim.analyzers.rows import Row, head, layer_table
from accelsim.columns import Column, declare
from accelsim.errors import ConfigError
from accelsim.layer import Layer, LayerShape, Operand
from accelsim.trace import Trace

PRECISIONS = ("precision", "precision_trimmed")
Key = tuple[str, int]

declare(
    Column(
        "property",
        "",
        "what is skipped: A zero activations, W zero weights, p excess precision, e empty terms",
        sums=False,
    ),
    Column("encoding", "", "analyzer that gives the terms or the width of a value", sums=False),
    Column("group", "values", "channels that share a dynamic precision (0: none)", sums=False),
    Column(
        "padding", "", "whether products with padding zeros, and cropped ones, count ('in') or not ('out')", sums=False
    ),
    Column("width", "bits", "width of the bit-parallel baseline", sums=False),
    Column("work", "bit products", "work with the property exploited", "sum over MACs of bits(activation, weight)"),
    Column("baseline_work", "bit products", "work of the bit-parallel baseline", "MACs * width^2"),
    Column("potential_speedup", "", "most that skipping could gain", "sum of baseline_work / sum of work", sums=False),
    Column("work_reduction", "", "share of the baseline's work skipped", "1 - work / baseline_work", sums=False),
)


@dataclass(frozen=True)
class OperandCosts:
    """Cost sums of one operand of a layer on one sample: (groups, C, R, S) per (analyzer, group size)."""

    sums: dict[Key, Sums]
    union: int
    signed: bool


SampleCosts = tuple[Layer, OperandCosts, OperandCosts]
"""A layer on one sample with the sums of its activation and its weight."""

OperandCosting = Callable[[LayerShape, Operand, tuple[str, ...], Padding | None], OperandCosts]


def potential(
    trace: Trace,
    width: int = 16,
    padding: str = "in",
    encodings: Sequence[str] = ENCODINGS,
    costs: OperandCosting | None = None,
) -> pd.DataFrame:
    """Return the exact work of every property, one row per layer, sample, property, encoding and group.

    width: bits of the bit-parallel baseline. padding: see the column. encodings: analyzers that count terms. Codes
    with a zero point are centred first, so that real zeros are skipped. costs: what sums the costs of an operand in
    place of `operand_costs`, the same sums. Kept with the bundle when it is left out. Raises ConfigError
    when codes are wider than `width`, for a width beyond 64 bits or another convention of padding.
    """
    convention = check_padding(padding)
    if not 1 <= width <= 64:
        raise ConfigError(f"a baseline of {width} bits is not between 1 and 64")
    for record in trace.layers:
        for role in ("activation", "weight"):
            bits = (record.operands[role] or {}).get("bits", 0)
            if bits > width:
                reason = f"layer {record.name}: {role} codes have {bits} bits, the baseline {width}"
                raise ConfigError(reason, "ask for a wider baseline")
    for name in (*encodings, *PRECISIONS):
        ANALYZERS.get(name)

    def layer(index: int) -> list[Row]:
        layers = [trace.layer(index, s) for s in range(trace.samples)]
        return layer_potential(layers, width, convention, encodings, costs or operand_costs)

    known = costs is None and not set(encodings) - set(ENCODINGS)
    name = "-".join([f"potential-v{ANALYZERS_VERSION}-{width}-{padding}", *encodings])
    return layer_table(trace, layer, "potential", name if known else None)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Return the network's totals, speedup and work reduction of each property, encoding and group.

    The speedup of no work at all is infinite.
    """
    keys = ["property", "encoding", "group", "padding", "width"]
    totals = table.groupby(keys, sort=False)[["work", "baseline_work"]].sum().reset_index()
    work = totals["work"].astype(float)
    totals["potential_speedup"] = (totals["baseline_work"] / work.where(work > 0)).fillna(math.inf)
    totals["work_reduction"] = 1 - work / totals["baseline_work"]
    return totals


def layer_potential(
    layers: Sequence[Layer],
    width: int = 16,
    padding: Padding = "in",
    encodings: Sequence[str] = ENCODINGS,
    cost: OperandCosting | None = None,
) -> list[Row]:
    """Return the rows of `potential` for one layer, `layers` being it on each sample.

    Static precision is what loses nothing over all the samples; a dynamic one is taken as signed when its
    own sample has a negative value.
    """
    costs: list[SampleCosts] = []
    for layer in layers:
        costs.append(sample_costs(layer, padding, encodings, cost or operand_costs, costs[0] if costs else None))
    return potential_rows(costs, width, padding, encodings)


def sample_costs(
    layer: Layer, padding: Padding, encodings: Sequence[str], cost: OperandCosting, known: SampleCosts | None = None
) -> SampleCosts:
    """Return the cost sums of a layer on one sample; known: those on an earlier one, whose static weight they share."""
    activation = cost(layer.shape, layer.activation, tuple(encodings), padding)
    shared = known is not None and not layer.dynamic_weight
    weight = known[2] if known is not None and shared else cost(layer.shape, layer.weight, tuple(encodings), None)
    return layer, activation, weight


def potential_rows(costs: Sequence[SampleCosts], width: int, padding: Padding, encodings: Sequence[str]) -> list[Row]:
    """Return the rows of `potential` for one layer from its cost sums on each sample; codes are not read again."""
    static = {
        role: {
            name: static_precision([c.union for c in found], any(c.signed for c in found), name.endswith("trimmed"))
            for name in PRECISIONS
        }
        for role, found in (("a", [a for _, a, _ in costs]), ("w", [w for _, _, w in costs]))
    }
    rows = []
    for layer, activation, weight in costs:
        shape = layer.shape
        macs = shape.macs if padding == "in" else shape.macs_inside
        for (name, encoding, group), work in _works(activation, weight, static, width, tuple(encodings)).items():
            rows.append(
                {
                    **head(layer),
                    "property": name,
                    "encoding": encoding,
                    "group": group,
                    "padding": padding,
                    "width": width,
                    "work": work,
                    "baseline_work": macs * width * width,
                }
            )
    return rows


def _works(
    a: OperandCosts, w: OperandCosts, static: dict[str, dict[str, int]], width: int, encodings: tuple[str, ...]
) -> dict[tuple[str, str, int], int]:
    """Return the bit products of every (property, encoding, group)."""

    def total(first: Key, second: Key) -> int:
        return pair_total(a.sums[first], w.sums[second])

    any_, nonzero = ("one", 0), ("nonzero", 0)
    works: dict[tuple[str, str, int], int] = {
        ("A", "", 0): total(nonzero, any_) * width * width,
        ("W", "", 0): total(any_, nonzero) * width * width,
        ("W+A", "", 0): total(nonzero, nonzero) * width * width,
    }
    for name in PRECISIONS:
        fixed_a, fixed_w = static["a"][name], static["w"][name]
        works["Ap_static", name, 0] = total(any_, any_) * fixed_a * width
        works["W+Ap_static", name, 0] = total(any_, nonzero) * fixed_a * width
        works["Wp_static+Ap_static", name, 0] = total(any_, any_) * fixed_a * fixed_w
        for group in (1, *GROUP_SIZES):
            dynamic = (name, group)
            works["Ap", name, group] = total(dynamic, any_) * width
            works["W+Ap", name, group] = total(dynamic, nonzero) * width
            works["Wp_static+Ap", name, group] = total(dynamic, any_) * fixed_w
            works["Wp+Ap", name, group] = total(dynamic, dynamic)
    for name in encodings:
        terms = (name, 0)
        works["Ae", name, 0] = total(terms, any_) * width
        works["W+Ae", name, 0] = total(terms, nonzero) * width
        works["We+Ae", name, 0] = total(terms, terms)
    return works


def operand_costs(
    shape: LayerShape, operand: Operand, encodings: tuple[str, ...], padding: Padding | None
) -> OperandCosts:
    """Return every cost sum of an operand: the activation's when `padding` is given, else the weight's."""
    histogram = value_histogram(operand)
    low, high = histogram.low, histogram.high
    values, bits = centred_values(operand), centred_bits(operand)
    keys: list[Key] = [("nonzero", 0), *((n, 0) for n in encodings), *((n, 1) for n in PRECISIONS)]
    tables: list[Table] = [np.ones(high - low + 1, np.uint16), *(cost_table(n, bits, low, high) for n, _ in keys)]
    sums = window_sums(shape, values, low, tables, padding) if padding else filter_sums(shape, values, low, tables)
    found: dict[Key, Sums] = dict(zip([("one", 0), *keys], sums, strict=True))
    sets = shape.groups if padding else 1
    for size, groups in channel_groups(values, sets, signed=histogram.signed).items():
        index = np.arange(int(groups.unions.max()) + 1)
        widths = [set_widths(index, groups.signed, n.endswith("trimmed")).astype(np.uint16) for n in PRECISIONS]
        if padding:
            shared = group_window_sums(shape, groups.unions, widths, groups.members, padding)
        else:
            shared = group_filter_sums(shape, groups.unions, widths, groups.members)
        found |= {(n, size): s for n, s in zip(PRECISIONS, shared, strict=True)}
    return OperandCosts(found, histogram.union, histogram.signed)
