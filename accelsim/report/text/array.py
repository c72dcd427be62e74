"""Tables of a run on a compute array: work, time and traffic; where the lane slots went; energy by part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from accelsim.hardware.energy import energy_band
from accelsim.report import text
from accelsim.results import RunResult
from accelsim.units import engineering, inputs_per_second, percent, picojoules

REASONS = {
    "effectual": "effectual",
    "ineffectual": "zero operand",
    "busy": "busy",
    "minimum": "minimum",
    "wait_lane": "wait lane",
    "wait_column": "wait col",
    "wait_tile": "wait tile",
    "bank_conflict": "conflict",
    "multiplier": "multiplier",
    "outside": "outside",
    "placeholder": "filler",
    "fill": "fill",
    "pad_lane": "no channel",
    "pad_column": "no window",
    "pad_row": "no filter",
    "pad_tile": "idle tile",
}
"""Reasons of the account of slots in the order and by the names of the table; others come last by their own names."""

LEAST = 0.0005
"""Smallest share of the slots of some layer that gives a reason its column; below, every cell would read 0.0 %."""

MUCH = 0.1
"""Share of the time beyond which the cost of tiles is pointed out."""

_TIME = (
    "layer", "MACs", "compute cycles", "total cycles", "lane use", "DRAM in", "DRAM weights", "DRAM out", "compute", "speedup",
)  # fmt: skip
PARTS = {"operation": "lanes", "local": "local buffers", "buffer": "buffer", "dram": "DRAM", "static": "static"}


def is_array(result: RunResult) -> bool:
    """Whether the machine of a run is a compute array with an account of lane slots."""
    return "slots_busy" in result.layers


def tables(result: RunResult) -> list[Table]:
    """Return time and traffic, the account of slots, and energy; counts are for one batch, means over the samples."""
    machine, batch = result.info["hardware"]["name"], result.info["batch"]
    inputs = f"a batch of {batch} inputs" if batch > 1 else "one input"
    where = f"{machine}, {inputs}"
    return [_time(result, where), _account(result, machine), _mapping(result, where), _energy(result, where)]


def footer(result: RunResult) -> list[str]:
    """Return the summary lines below the tables."""
    total, batch, samples = result.total, result.info["batch"], result.layers["sample"].nunique()
    seconds, energy = total("time_s"), total("energy_pj")
    layers = result.by_layer()
    bound = int((layers["stall_dram_cycles"] > 0.01 * layers["total_cycles"]).sum())
    inputs = f"one batch of {batch}" if batch > 1 else "one input"
    each = f" ({picojoules(energy / batch)} an input)" if batch > 1 else ""
    sums = {str(c): total(str(c)) for c in layers.columns if str(c).startswith(("slots", "dense_", "compute_"))}
    shares = [f"{percent(share)} {name}" for name, share in _grouped(sums).items()]
    lines = [
        f"{inputs}: {engineering(seconds, 's')} ({inputs_per_second(batch / seconds)}), {picojoules(energy)}{each},"
        f" {engineering(total('dram_bytes'), 'B')} DRAM traffic; {bound} of {len(layers)} layers"
        " wait for DRAM for more than 1 % of their time",
        f"lane slots: {', '.join(shares)}; the array is {_achieved(sums):.2f}x as fast as"
        f" without skipping, {_ideal(sums):.2f}x if no lane ever idled",
        f"against the same machine without skipping: speedup {total('baseline_cycles') / total('total_cycles'):.2f}x,"
        f" energy gain {total('baseline_energy_pj') / energy:.2f}x; means over {samples} captured"
        f" sample{'s' if samples > 1 else ''} (energy table: {result.info['hardware']['energy']['source']})",
    ]
    share = total("tiling_cycles") / max(1.0, total("total_cycles"))
    if share > MUCH and result.info["hardware"]["mapping"]["objective"] in ("dram", "traffic"):
        lines.append(
            f"tiles of least traffic leave lanes idle for {percent(share)} of the time; --set mapping.objective=latency (or"
            " edp) weighs both"
        )
    return [*lines, *_band(result), *published(result.info["hardware"])]


def _band(result: RunResult) -> list[str]:
    """Return what the energy would be with the DRAM figures of other sources."""
    dram = result.info["hardware"].get("dram", {})
    if not dram.get("kind"):
        return []
    row = {name: result.total(name) for name in ("energy_pj", "energy_dram_pj", "dram_bytes")}
    band = energy_band(row, str(dram["kind"]))
    bits = 8 * row["dram_bytes"]
    used = row["energy_dram_pj"] / bits if bits else 0.0
    return [
        f"uncertainty: DRAM at {used:.3g} pJ/bit; with what {len(band.sources)} sources give for {dram['kind']} the energy is"
        f" {picojoules(band.low)} to {picojoules(band.high)} (accelsim list energy)"
    ]


def published(hardware: Mapping[str, Any]) -> list[str]:
    """Return a line of the area and power that the machine's paper gives, or none."""
    given = hardware.get("published") or {}
    forms = {
        "area_mm2": "{:g} mm2", "power_mw": "{:g} mW", "technology_nm": "{:g} nm",
        "area_ratio": "{:g}x the area of its baseline", "power_ratio": "{:g}x the power of its baseline",
    }  # fmt: skip
    found = [form.format(given[key]) for key, form in forms.items() if given.get(key) is not None]
    if not found:
        return []
    note = f"; {given['note']}" if given.get("note") else ""
    return [f"published of {hardware['name']}: {', '.join(found)} ({given['source']}{note})"]


def _time(result: RunResult, where: str) -> Table:
    rows = [(str(r["layer"]), r) for r in result.by_layer().to_dict("records")]
    return text.table(
        f"Time and traffic on {where}; speedups against the same machine without skipping",
        _TIME,
        [_time_cells(name, r) for name, r in rows],
        _time_cells("total", _totals(result)),
        "DRAM as stored; compute: speedup if memory never made the array wait; speedup: in total cycles, the longer of compute and DRAM",
    )


def _time_cells(name: str, row: Mapping[Any, Any]) -> list[str]:
    counts = [engineering(float(row[c])) for c in ("macs", "compute_cycles", "total_cycles")]
    moved = [engineering(float(row[f"dram_{role}_bytes"]), "B") for role in ("activation", "weight", "output")]
    speedup = _ratio(row["baseline_cycles"], row["total_cycles"])
    return [name, *counts, percent(_lane_use(row)), *moved, f"{_achieved(row):.2f}x", f"{speedup:.2f}x"]


def _account(result: RunResult, machine: str) -> Table:
    layers = result.by_layer()
    split = "slots_effectual" in layers and layers["slots_effectual"].notna().all()
    left_out = ("busy",) if split else ("effectual", "ineffectual")
    found = [
        name
        for name in _reasons(layers)
        if (layers[f"slots_{name}"] > LEAST * layers["slots"]).any() and name not in left_out
    ]

    def cells(name: str, row: Mapping[Any, Any]) -> list[str]:
        shares = [percent(_ratio(row[f"slots_{reason}"], row["slots"], 0.0)) for reason in found]
        return [name, *shares, f"{_ideal(row):.2f}x", f"{_achieved(row):.2f}x"]

    rows = [cells(str(r["layer"]), r) for r in layers.to_dict("records")]
    caption = (
        "share of all lanes x compute cycles; ideal: speedup in compute cycles over the same array without skipping if every"
        " lane were busy all the time, achieved: what is left of it; `accelsim explain slots_NAME` says more"
    )
    head = ["layer", *(REASONS.get(name, name.replace("_", " ")) for name in found), "ideal", "achieved"]
    return text.table(f"Where the lane slots of {machine} go", head, rows, cells("total", _totals(result)), caption)


def _mapping(result: RunResult, where: str) -> Table:
    """Return how each layer is cut into tiles, and what its time is made of beside the work."""

    def cells(name: str, mapping: str, row: Mapping[Any, Any]) -> list[str]:
        total = row["total_cycles"]
        spent = ("compute_cycles", "tiling_cycles", "stall_dram_cycles", "stall_port_cycles", "fill_drain_cycles")
        return [name, mapping, *(percent(_ratio(row[c], total, 0.0)) for c in spent), engineering(float(total))]

    rows = [cells(str(r["layer"]), str(r["mapping"]), r) for r in result.by_layer().to_dict("records")]
    head = ["layer", "mapping", "work", "by tiles", "wait DRAM", "wait port", "fill, drain", "total cycles"]
    caption = (
        "mapping: tile sizes / loops from the outermost, of each level (`whole`: not cut; fix one with --set"
        " mapping.layers='{LAYER: MAPPING}'); shares of total cycles: work in one piece, what tiles add, waiting"
    )
    return text.table(f"Tiles and time on {where}", head, rows, cells("total", "", _totals(result)), caption)


def _energy(result: RunResult, where: str) -> Table:
    charged = [str(c) for c in result.layers if re.fullmatch(r"energy_\w+_pj", str(c)) and result.layers[c].any()]
    names = {c: c.removeprefix("energy_").removesuffix("_pj") for c in charged}
    order = [
        *(c for part in PARTS for c, name in names.items() if name == part),
        *(c for c in charged if names[c] not in PARTS),
    ]

    def cells(name: str, row: Mapping[Any, Any]) -> list[str]:
        columns = [*order, "energy_pj", "baseline_energy_pj"]
        gain = _ratio(row["baseline_energy_pj"], row["energy_pj"])
        return [name, *(picojoules(float(row[c])) for c in columns), f"{gain:.2f}x"]

    rows = [cells(str(r["layer"]), r) for r in result.by_layer().to_dict("records")]
    head = [
        "layer",
        *(PARTS.get(names[c], names[c].replace("_", " ")) for c in order),
        "total",
        "without skipping",
        "gain",
    ]
    return text.table(f"Energy on {where}, by part", head, rows, cells("total", _totals(result)))


def _totals(result: RunResult) -> dict[str, float]:
    layers = result.by_layer()
    return {str(c): result.total(str(c)) for c in layers.select_dtypes("number").columns if c != "index"}


def _grouped(row: Mapping[Any, Any]) -> dict[str, float]:
    """Return the shares of slots in four groups: effectual, with a zero operand, waiting, without work."""

    def share(*names: str) -> float:
        return sum(float(row.get(f"slots_{name}", 0)) for name in names) / max(1.0, float(row["slots"]))

    busy = {"effectual": share("effectual"), "busy on zero operands": share("ineffectual")}
    if "slots_effectual" not in row:
        busy = {"busy": share("busy")}
    idle = ("pad_lane", "pad_column", "pad_row", "pad_tile")
    waiting = [name for name in _reasons(row) if name not in ("effectual", "ineffectual", "busy", *idle)]
    return {**busy, "waiting or wasted": share(*waiting), "without work": share(*idle)}


def _reasons(names: Iterable[Any]) -> list[str]:
    """Return the reasons among columns, in the order of the table."""
    there = [str(name).removeprefix("slots_") for name in names if str(name).startswith("slots_")]
    return [*(name for name in REASONS if name in there), *(name for name in there if name not in REASONS)]


def _lane_use(row: Mapping[Any, Any]) -> float:
    return _ratio(row["slots_busy"], row["slots"], 0.0)


def _achieved(row: Mapping[Any, Any]) -> float:
    return _ratio(row["dense_cycles"], row["compute_cycles"])


def _ideal(row: Mapping[Any, Any]) -> float:
    use = _lane_use(row)
    return _achieved(row) / use if use else float("inf")


def _ratio(top: Any, bottom: Any, otherwise: float = 1.0) -> float:
    return float(top) / float(bottom) if bottom else otherwise
