"""Tables of a run on a GPU: what each kernel waits for, how much of the peak it reaches, and energy by part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table

from accelsim.report import text
from accelsim.report.text.array import published
from accelsim.results import RunResult
from accelsim.units import engineering, inputs_per_second, percent, picojoules

_PARTS = {"operation": "operations", "l2": "L2", "dram": "DRAM", "static": "idle power"}
_WAITS = ("compute_cycles", "l2_cycles", "dram_cycles", "launch_cycles")


def is_gpu(result: RunResult) -> bool:
    """Whether the machine of a run is a GPU."""
    return "wave_efficiency" in result.layers


def tables(result: RunResult) -> list[Table]:
    """Return time and kernels, and energy; counts are for one batch, means over the samples."""
    batch = result.info["batch"]
    where = f"{result.info['hardware']['name']}, {f'a batch of {batch} inputs' if batch > 1 else 'one input'}"
    return [_time(result, where), _energy(result, where)]


def footer(result: RunResult) -> list[str]:
    """Return the summary lines below the tables."""
    total, batch = result.total, result.info["batch"]
    seconds, energy = total("time_s"), total("energy_pj")
    samples = result.layers["sample"].nunique()
    return [
        f"{f'one batch of {batch}' if batch > 1 else 'one input'}: {engineering(seconds, 's')}"
        f" ({inputs_per_second(batch / seconds)}), {picojoules(energy)}, {engineering(total('dram_bytes'), 'B')} DRAM"
        f" traffic; {percent(total('bound_s') / seconds)} of the time is the roofline alone,"
        f" {percent(total('launch_cycles') / total('total_cycles'))} goes by between kernels",
        f"against the same GPU without sparse tensor cores: {total('baseline_cycles') / total('total_cycles'):.2f}x faster,"
        f" {total('baseline_energy_pj') / energy:.2f}x less energy; means over {samples} captured"
        f" sample{'s' if samples > 1 else ''} (energy: {result.info['hardware']['energy']['source']})",
        *published(result.info["hardware"]),
    ]


def _time(result: RunResult, where: str) -> Table:
    def cells(name: str, row: Mapping[Any, Any]) -> list[str]:
        use = [percent(float(row[c])) if c in row else "" for c in ("tile_efficiency", "wave_efficiency")]
        times = [engineering(float(row[c]), "s") for c in ("bound_s", "time_s")]
        shares = [percent(float(row[c]) / float(row["total_cycles"])) for c in _WAITS]
        peak = percent(float(row["peak_share"])) if "peak_share" in row else ""
        head = [name, engineering(float(row["macs"])), str(row.get("kernel", "")), *use]
        return [*head, *times, *shares, peak, str(row.get("bound_by", ""))]

    rows = [cells(str(r["layer"]), r) for r in result.by_layer().to_dict("records")]
    sums = {name: result.total(name) for name in ("macs", "bound_s", "time_s", "total_cycles", *_WAITS)}
    head = [
        "layer", "MACs", "kernel", "tiles", "waves", "roofline", "time", "arithmetic", "L2", "DRAM", "launch", "of peak",
        "bound by",
    ]  # fmt: skip
    caption = (
        "tiles, waves: share of products and of SMs in use; arithmetic, L2, DRAM run beside each other, launch adds to the longest;"
        " shares of the time"
    )
    return text.table(f"Time on {where}", head, rows, cells("total", sums), caption)


def _energy(result: RunResult, where: str) -> Table:
    columns = [f"energy_{part}_pj" for part in _PARTS] + ["energy_pj", "baseline_energy_pj"]
    rows = [
        [str(r["layer"]), *(picojoules(float(r[c])) for c in columns)] for r in result.by_layer().to_dict("records")
    ]
    total = ["total", *(picojoules(result.total(c)) for c in columns)]
    return text.table(
        f"Energy on {where}, by part", ["layer", *_PARTS.values(), "total", "without sparsity"], rows, total
    )


_LIVE = {"ones_mean": "ones", "naf_mean": "NAF", "booth_radix4_mean": "Booth-4", "precision_mean_16": "p 16"}


def live(table: pd.DataFrame, name: str, device: str) -> Table:
    """Return a line per layer and operand of statistics that were counted while `name` ran on `device`."""
    sums = table[["index", "layer", "operand", "values", "zeros"]].join(table[[*_LIVE]].mul(table["values"], axis=0))
    found = sums.groupby(["index", "layer", "operand"], sort=False).sum().reset_index()
    samples = int(table["sample"].nunique())
    rows = [
        [
            str(row["layer"]), str(row["operand"]), engineering(float(row["values"]) / samples),
            percent(float(row["zeros"]) / float(row["values"])),
            *(f"{float(row[column]) / float(row['values']):.2f}" for column in _LIVE),
        ]
        for row in found.to_dict("records")
    ]  # fmt: skip
    head = ["layer", "operand", "values", "zeros", *_LIVE.values()]
    return text.table(f"Operands of {name}, counted on {device} while it ran", head, rows)
