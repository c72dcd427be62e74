"""Where more of something stops helping: the knee of a metric over an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from accelsim.columns import Column, declare
from accelsim.study.grid import Axis
from accelsim.study.values import number

TOLERANCE = 0.10
"""A value is good enough when its metric is within this share of the best on the axis."""

METRICS = {"dram_bytes": "DRAM traffic", "total_cycles": "cycles", "energy_pj": "energy"}

declare(
    Column("metric", "", "result column that is looked at", sums=False),
    Column("knee", "", "smallest value of the axis whose metric is within 10 % of the best along it", sums=False),
    Column("at_knee", "", "metric at the knee", sums=False),
    Column("best", "", "smallest metric on the axis", sums=False),
    Column("at_smallest", "", "metric at the smallest value of the axis that the machine can run", sums=False),
)


def knee(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the smallest size whose cost is within `TOLERANCE` of the lowest one; sizes need not be sorted.

    >>> knee([1, 2, 4, 8], [100, 60, 52, 50]), knee([1, 2, 4], [7, 7, 7]), knee([8, 4, 2, 1], [40, 10.5, 10, 90])
    (4, 1, 2)
    """
    limit = min(costs) * (1 + TOLERANCE)
    return min(size for size, cost in zip(sizes, costs, strict=True) if cost <= limit)


def slice_of(table: pd.DataFrame, axes: Sequence[Axis], axis: Axis) -> pd.DataFrame:
    """Return the points along `axis` with every other axis at its last value; those without a problem."""
    chosen = table[table["problem"].eq("") & table[axis.key].notna()]
    for other in axes:
        if other is axis or other.key == axis.key:
            continue
        last = other.numbers[-1] if other.numbers and is_numeric_dtype(table[other.key]) else other.values[-1]
        chosen = chosen[
            ~(chosen["machine"].isin(other.machines) & chosen["workload"].isin(other.workloads))
            | chosen[other.key].eq(last)
        ]
    return chosen[chosen["machine"].isin(axis.machines) & chosen["workload"].isin(axis.workloads)]


def knees(table: pd.DataFrame, axes: Sequence[Axis]) -> pd.DataFrame:
    """Return the knee of each metric per numeric axis, machine and workload, the other axes at their last value."""
    rows = []
    for axis in axes:
        if axis.numbers is None:
            continue
        for (machine, workload), line in slice_of(table, axes, axis).groupby(["machine", "workload"], sort=False):
            line = line[[axis.key, *METRICS]].assign(size=line[axis.key].map(_number)).sort_values("size")
            for metric in METRICS:
                sizes, costs = line["size"].tolist(), line[metric].tolist()
                at = knee(sizes, costs)
                rows.append(
                    {
                        "axis": axis.key, "machine": machine, "workload": workload, "metric": metric, "knee": at,
                        "at_knee": costs[sizes.index(at)], "best": min(costs), "at_smallest": costs[0],
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def _number(value: Any) -> Any:
    """Return a value of an axis as a number: as text where another machine has words along the same key."""
    return number(value) if isinstance(value, str) else value
