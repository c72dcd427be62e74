"""The summary of a run in five numbers, each with what it is measured against."""

from __future__ import annotations

import math
from dataclasses import dataclass

from accelsim.report.charts.values import NAMES
from accelsim.report.folders import Results, Run
from accelsim.report.palette import machine_colours
from accelsim.units import engineering, inputs_per_second, percent, picojoules


@dataclass(frozen=True)
class Figure:
    """A number of a card: what it is, how it is written, and against what."""

    name: str
    value: str
    against: str


@dataclass(frozen=True)
class Card:
    """What a run came to."""

    label: str
    workload: str
    description: str
    colour: str
    untrained: bool
    figures: list[Figure]


def cards(results: Results) -> list[Card]:
    """Return a card per run."""
    labels = [run.label for run in results.runs]
    colours = machine_colours(labels, [run.machine for run in results.runs])
    return [_card(run, colours[run.label]) for run in results.runs]


def _card(run: Run, colour: str) -> Card:
    numbers = (_speedup(run), _time(run), _energy(run), _traffic(run), _ineffectual(run))
    described = str(run.hardware.get("description", ""))
    untrained = "(untrained)" in run.workload
    return Card(run.label, run.workload, described, colour, untrained, [number for number in numbers if number])


def _over(run: Run, ratio: str) -> str:
    """Return how a run stands against the baseline of its comparison, if it is part of one."""
    if run.held is None or run.machine == run.held.baseline:
        return ""
    table = run.held.summary
    own = table[
        table["machine"].eq(run.machine) & table["workload"].eq(run.workload) & table["statistic"].eq("network")
    ]
    if not len(own) or math.isnan(float(own[ratio].iloc[0])):
        return ""
    return f"; {float(own[ratio].iloc[0]):.2f}x over {run.held.baseline}"


def _speedup(run: Run) -> Figure | None:
    base, total = run.total("baseline_cycles"), run.total("total_cycles")
    if math.isnan(base) or not total:
        return None
    against = "against the same machine without skipping" + _over(run, "relative_speedup")
    return Figure("Speedup", f"{base / total:.2f}x", against)


def _time(run: Run) -> Figure:
    seconds = run.total("time_s")
    rate = inputs_per_second(1 / seconds) if seconds else "-"
    return Figure("Time of an input", engineering(seconds, "s"), f"{rate}; batch of {run.batch}")


def _energy(run: Run) -> Figure:
    energy, base = run.total("energy_pj"), run.total("baseline_energy_pj")
    gain = "" if math.isnan(base) or not energy else f"gain {base / energy:.2f}x over no skipping"
    node = run.hardware.get("energy", {}).get("technology_nm")
    told = [gain, f"table of {node:g} nm" if node else ""]
    return Figure("Energy of an input", picojoules(energy), "; ".join(t for t in told if t))


def _traffic(run: Run) -> Figure:
    moved, macs = run.total("dram_bytes"), run.total("macs")
    return Figure("DRAM traffic", engineering(moved, "B"), f"{macs / moved:.3g} MACs a byte" if moved else "")


def _ineffectual(run: Run) -> Figure | None:
    """Return the share that the machine's own property leaves out; of a machine without one, zero activations."""
    if run.exploited is not None and run.exploited["work"].sum() > 0:
        name = str(run.exploited["property"].iloc[0])
        share = 1 - run.exploited["work"].sum() / run.exploited["baseline_work"].sum()
        meaning = NAMES.get(name.split(" ")[0])
        told = f" ({meaning})" if meaning else ""
        return Figure("Ineffectual work", percent(float(share)), f"{name}{told}: what this machine could skip")
    if run.shares is None:
        return None
    share = run.shares.loc[run.shares["layer_index"].eq("total"), "A"].iloc[0]
    return Figure("Ineffectual work", percent(float(share)), f"A ({NAMES['A']})")
