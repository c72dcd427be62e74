"""Terminal tables of what values share: widths of groups, zeros of neighbours, spread over inputs and positions."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.table import Table

from accelsim.analyzers import group_widths, neighbours, positions
from accelsim.report import text
from accelsim.results import titled
from accelsim.trace import Trace
from accelsim.units import percent


def groups(table: pd.DataFrame, trace: Trace, padding: str) -> Table:
    """Return a line per group size from `analyzers.group_widths`: mean width of a value, activations and weights."""
    means = group_widths.mean_widths(table).set_index(["operand", "group"])
    sizes = sorted(set(table["group"]), key=lambda size: (size == group_widths.LAYER, size))
    rows = []
    for size in sizes:
        cells = []
        for role in ("activation", "weight"):
            row = means.loc[(role, size)]
            cells += [f"{row['width']:.2f}", f"{row['width_trimmed']:.2f}"]
        rows.append(["layer" if size == group_widths.LAYER else str(size), *cells])
    counted = "counted" if padding == "in" else "left out"
    caption = (
        "bits a value, means over the values of the network; a group is so many consecutive channels at one position, all of"
        " which take the width of the largest; layer: one width over all samples; trimmed: trailing zeros that the whole"
        f" group has left out, too; padding zeros {counted}"
    )
    head = ["group", "activation", "trimmed", "weight", "trimmed"]
    return text.table(f"Precision against group size, {_name(trace)}", head, rows, caption=caption)


def over_inputs(table: pd.DataFrame, trace: Trace) -> Table:
    """Return a line per statistic from `analyzers.input_spread.over_inputs`."""
    rows = [
        [
            str(r["statistic"]), _number(r["mean"]), _number(r["low"]), _number(r["high"]), _number(r["half_width"]),
            _number(r["least"]), _number(r["most"]), "-" if pd.isna(r["samples_needed"]) else f"{r['samples_needed']:.0f}",
        ]
        for r in table.to_dict("records")
    ]  # fmt: skip
    few = "; of one input nothing is known but its value" if trace.samples == 1 else ""
    caption = (
        f"{trace.samples} input(s){few}; interval: 95 % bootstrap over inputs, widened for few of them; least, most: of single"
        " inputs; needed: inputs for an interval of +-1 % of the mean; potentials: see accelsim potential, precision in"
        " groups of 16, one-bits"
    )
    head = ["statistic", "mean", "from", "to", "+-", "least", "most", "needed"]
    return text.table(f"Activations over inputs, {_name(trace)}", head, rows, caption=caption)


def halves(table: pd.DataFrame, trace: Trace) -> Table:
    """Return a line per statistic from `analyzers.input_spread.against_samples`: half width against the number of inputs."""
    sizes = sorted(set(table["samples"]))
    rows = []
    for name, own in table.groupby("statistic", sort=False):
        found = dict(zip(own["samples"], own["half_width"] / own["mean"].where(own["mean"] != 0)))
        rows.append([str(name), *(percent(float(found[size])) for size in sizes)])
    caption = (
        "half width of the 95 % interval as a share of the mean, of so many inputs drawn again from those there are"
    )
    return text.table(
        f"How sure so many inputs make, {_name(trace)}",
        ["statistic", *(f"{size}" for size in sizes)],
        rows,
        caption=caption,
    )


def correlations(table: pd.DataFrame, trace: Trace) -> Table:
    """Return a line per axis from `analyzers.neighbours.zero_pairs`: correlation of zeros against the distance."""
    means: dict[tuple[str, int], float] = {
        (r["axis"], r["lag"]): r["phi"] for r in neighbours.correlations(table).to_dict("records")
    }
    lags = sorted({lag for _, lag in means})
    rows = [
        [axis, *(f"{means[axis, lag]:.3f}" if (axis, lag) in means else "-" for lag in lags)]
        for axis in neighbours.AXES
        if any((axis, lag) in means for lag in lags)
    ]
    caption = (
        "correlation of two activations of being 0, by their distance; 1: both or none, 0: no relation; mean over layers and"
        " samples weighed by pairs; stored values alone; positions are tokens or steps"
    )
    return text.table(
        f"Zeros of neighbours, {_name(trace)}", ["axis", *(str(lag) for lag in lags)], rows, caption=caption
    )


def lockstep(table: pd.DataFrame, trace: Trace) -> Table:
    """Return a line per axis and number of lanes from `analyzers.neighbours.lockstep`: times the ideal cycles."""
    sums: dict[Any, dict[Any, Any]] = {
        (r["axis"], r["lanes"], r["cost"]): r for r in neighbours.losses(table).to_dict("records")
    }
    costs = list(dict.fromkeys(cost for _, _, cost in sums))
    rows = []
    for axis, lanes in dict.fromkeys((axis, lanes) for axis, lanes, _ in sums):
        cells = []
        for cost in costs:
            row = sums[axis, lanes, cost]
            cells += ["-" if pd.isna(row[n]) else f"{row[n]:.2f}x" for n in ("step_loss", "independent_loss")]
        rows.append([f"{lanes} along {axis}", *cells])
    head = ["lanes in step", *(h for cost in costs for h in (cost, "shuffled"))]
    caption = (
        "cycles over those of lanes that wait for nobody: neighbours start together and last as long as the slowest; shuffled:"
        " the same values at random places; a cost of nonzero is 1 for a value that is not 0, ones the one-bits of the"
        " magnitude, precision its width"
    )
    return text.table(f"What lanes in step lose, {_name(trace)}", head, rows, caption=caption)


def over_positions(table: pd.DataFrame, trace: Trace) -> Table:
    """Return a line per layer from `analyzers.positions.position_table`, and one per kind of layer."""
    by_layer = positions.summary(table, ["index", "layer"]).assign(head=lambda t: t["layer"])
    by_kind = positions.summary(table).assign(head=lambda t: "all " + t["kind"])
    rows = []
    for r in [*by_layer.to_dict("records"), *by_kind.to_dict("records")]:
        zeros = 1 - r["nonzero_position_mean"]
        rows.append(
            [
                str(r["head"]), percent(zeros), percent(r["nonzero_position_deviation"]),
                percent(1 - r["nonzero_position_most"]), percent(1 - r["nonzero_position_least"]),
                f"{r['ones_position_mean']:.2f}", f"{r['ones_position_deviation']:.2f}",
                f"{r['ones_position_least']:.2f}", f"{r['ones_position_most']:.2f}", f"{r['ones_position_drift']:+.2f}",
                f"{r['position_width']:.2f}", f"{r['layer_width']:.2f}",
            ]
        )  # fmt: skip
    head = [
        "layer", "zeros", "+-", "least", "most", "ones", "+-", "least", "most", "drift", "p / position", "p / layer"
    ]  # fmt: skip
    caption = (
        "of the activations of each token or time step: mean, standard deviation, least and most over positions; ones: one-bits"
        " of the magnitude per value; drift: correlation with the place in the sequence; p: width shared by a position, by"
        " the layer on a sample; means over samples"
    )
    return text.table(f"Tokens and time steps, {_name(trace)}", head, rows, caption=caption)


def _name(trace: Trace) -> str:
    return titled(trace.manifest["name"], trace.warnings)


def _number(value: Any) -> str:
    return "-" if pd.isna(value) else f"{value:.4g}"
