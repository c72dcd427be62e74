"""The terminal report of weight sharing: the front, each layer's sensitivity, what machines make of it."""

from __future__ import annotations

import pandas as pd
from rich.table import Table

from accelsim.report import text
from accelsim.study.sharing.exploration import Exploration
from accelsim.study.sharing.share import Share
from accelsim.units import engineering, percent, picojoules


def show(found: Share) -> None:
    """Print the tables, a summary and the warnings of an exploration."""
    console = text.console()
    console.print(sensitivity(found))
    console.print(front(found))
    if len(found.machines):
        console.print(machines(found.machines))
    for line in [*summary(found.exploration), *text.warnings(found.exploration.warnings)]:
        console.print(line)


def front(found: Share) -> Table:
    """Return a line per point measured on all inputs, the smallest network last."""
    head = ["point", "rate", "mean of ratios", "all parameters", "index bits", found.exploration.info["metric"], "loss",
            "loss, unseen inputs", "distance", "predicted", ""]  # fmt: skip
    rows = []
    for row in found.exploration.front.sort_values(["kind", "rate"]).to_dict("records"):
        rows.append(
            [
                row["kind"], f"{row['rate']:.2f}x", f"{row['mean_of_ratios']:.2f}", f"{row['rate_of_all']:.2f}x",
                f"{row['mean_index_bits']:.2f}", f"{row['metric_value']:.2f} %", _loss(row["loss"], row["loss_error"]),
                _loss(row["loss_unseen"]), f"{row['distance']:.5f}", f"{row['predicted']:.4f}",
                "chosen" if row["chosen"] else "front" if row["pareto"] else "",
            ]
        )  # fmt: skip
    info = found.exploration.info
    caption = (
        f"{info['inputs']:,} inputs; loss in points of {info['metric']} with its standard error; rate: ratio of sums, codebooks"
        " counted; mean of ratios: the inner objective of Dupuis et al., no rate of a network; all parameters: the others counted,"
        " unshared; uniform: the same k in every layer"
    )
    return text.table(f"Shared weights of {found.workload}: measured points", head, rows, caption=caption)


def sensitivity(found: Share) -> Table:
    """Return a line per layer: the loss of the metric with each k in this layer alone."""
    table = found.exploration.sensitivity
    sizes = sorted(table["k"].unique())
    rows = []
    for name, own in table.groupby("layer", sort=False):
        by = own.set_index("k")
        cells = [f"{by['loss'][k]:.2f} / {by['distance'][k]:.1e}" for k in sizes]
        rows.append([str(name).removesuffix(".weight"), f"{int(own['weights'].iloc[0]):,}", *cells])
    caption = (
        f"loss in points / distance of the outputs, on the {found.exploration.info['subset']} inputs of the exploration"
    )
    return text.table(
        f"Sensitivity of {found.workload} to shared weights", ["layer", "weights", *(f"k = {k}" for k in sizes)], rows,
        caption=caption,
    )  # fmt: skip


def machines(table: pd.DataFrame) -> Table:
    """Return a line per point, machine and storage of the weights."""
    head = [
        "weights",
        "machine",
        "stored as",
        "weight traffic",
        "all traffic",
        "DRAM energy",
        "energy",
        "time",
        "zeros",
        "one-bits",
        "Booth terms",
    ]
    rows = [
        [
            row["point"], row["machine"], row["weight_storage"], engineering(row["weight_traffic_bytes"], "B"),
            engineering(row["traffic_bytes"], "B"), picojoules(row["dram_energy_pj"]), picojoules(row["inference_pj"]),
            engineering(row["inference_s"], "s"), percent(row["weight_zeros"]), f"{row['weight_ones']:.2f}",
            f"{row['weight_booth_radix4']:.2f}",
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    caption = "per inference; codes of the workload's quantisation, of which a codebook holds each once; zeros and terms of the weights"
    return text.table("What shared weights do to machines", head, rows, caption=caption)


def summary(found: Exploration) -> list[str]:
    """Return what was measured, how good the predictor is and which point was chosen."""
    info, place = found.info, found.chosen
    each = info["predictor"]["each"]
    lines = [
        f"{info['metric']} {info['baseline']:.2f} % unshared; {info['weights']:,} weights in {info['layers']} layers;"
        f" predictor on held-out combinations: R2 {each['loss']:.3f} of the loss, {each['distance']:.3f} of the distance;"
        f" the search is by the {info['predictor']['target']};"
        f" {info['computed']} scores computed now, the others kept"
    ]
    most = info["plan"]["most_loss"]
    if place is None:
        return [
            *lines,
            f"no measured point loses {most} points or less; try more values (--k) or more points (--points)",
        ]
    row = found.front.to_dict("records")[place]
    lines.append(
        f"chosen: {row['rate']:.2f}x at a loss of {_loss(row['loss'], row['loss_error'])} points (at most {most})"
    )
    return lines


def _loss(value: float, error: float | None = None) -> str:
    if value != value:
        return "-"
    return f"{value:.2f}" + ("" if error is None or error != error else f" ± {error:.2f}")
