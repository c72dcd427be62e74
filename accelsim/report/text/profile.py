"""Terminal tables of profiles: whole networks side by side, and one network operation by operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from accelsim.compactness.profile import NetworkProfile
from accelsim.report import text
from accelsim.units import engineering

_WHOLE = ("parameters", "activations", "counted_macs")
_REUSE = ("macs_per_parameter", "macs_per_activation", "activations_per_parameter", "arithmetic_intensity")


def whole(profiles: Sequence[NetworkProfile]) -> Table:
    """Return a line per network and convention: counts, reuse, intensity."""
    head = ["network", "convention", "parameters", "activations", "MACs"]
    head += ["MACs/param", "MACs/act", "act/param", "MACs/(P+A)", "layers' mean"]
    rows = []
    for item in profiles:
        for row in item.whole.to_dict("records"):
            cells = [engineering(row[name]) for name in _WHOLE]
            cells += [_number(row[name]) for name in (*_REUSE, "mean_layer_intensity")]
            rows.append([item.name, str(row["convention"]), *cells])
    caption = "layers' mean: of MACs per value that a layer alone reads or writes, over layers with a product"
    return text.table("One input: counts and reuse", head, rows, caption=caption)


def memory(profiles: Sequence[NetworkProfile]) -> Table:
    """Return a line per network: footprint over the schedule and with everything kept."""
    head = ["network", "model", "peak of live activations", "at", "footprint", "/ model size"]
    head += ["all kept (unique-tensors)", "/ model size", "all kept (netscope)", "/ model size"]
    rows = []
    for item in profiles:
        netscope, unique = item.total("netscope"), item.total("unique-tensors")
        bytes_each = unique["value_bits"] / 8
        cells = [engineering(unique["model_bytes"], "B"), engineering(unique["peak_activations"] * bytes_each, "B")]
        cells += [str(unique["peak_operation"]), engineering(unique["footprint_bytes"], "B")]
        cells += [_number(unique["footprint_per_model_size"])]
        for row in (unique, netscope):
            cells += [engineering(row["kept_footprint_bytes"], "B"), _number(row["kept_footprint_per_model_size"])]
        rows.append([item.name, *cells])
    bits = int(profiles[0].whole["value_bits"].iloc[0])
    caption = f"values of {bits} bits; footprint: the model and the activations alive at the peak, run layer by layer"
    return text.table("Memory of one input", head, rows, caption=caption)


def layers(item: NetworkProfile) -> Table:
    """Return a line per operation with MACs of a product, the others as one line."""
    head = ["operation", "parameters", "activations (unique)", "(netscope)", "MACs"]
    head += ["MACs/param", "MACs/act", "MACs/value", "alive"]
    both = {name: table.reset_index(drop=True) for name, table in item.layers.groupby("convention")}
    unique, netscope = both["unique-tensors"], both["netscope"]
    shown = unique["counted_macs"].gt(0)
    rows = []
    for row, other in zip(unique[shown].to_dict("records"), netscope[shown].to_dict("records"), strict=True):
        cells = [engineering(row["parameters"]), engineering(row["activations"]), engineering(other["activations"])]
        cells += [engineering(row["counted_macs"])]
        cells += [_number(row[name]) for name in ("macs_per_parameter", "macs_per_activation", "layer_intensity")]
        rows.append([str(row["operation"]), *cells, engineering(row["live_activations"])])
    rest = [table.loc[~shown, ["parameters", "activations", "counted_macs"]].sum() for table in (unique, netscope)]
    counts = [rest[0]["parameters"], rest[0]["activations"], rest[1]["activations"], rest[0]["counted_macs"]]
    alive = engineering(unique.loc[~shown, "live_activations"].max())
    rows.append(["others", *map(engineering, counts), "-", "-", "-", alive])
    total, scope = item.total("unique-tensors"), item.total("netscope")
    last = [
        "total",
        engineering(total["parameters"]),
        engineering(total["activations"]),
        engineering(scope["activations"]),
    ]
    last += [engineering(total["counted_macs"])]
    last += [_number(total[n]) for n in ("macs_per_parameter", "macs_per_activation", "arithmetic_intensity")]
    caption = (
        "MACs/value: per value that the operation reads or writes (total: MACs/(P+A)); alive: activations in memory"
    )
    return text.table(
        f"{item.name} layer by layer", head, rows, [*last, engineering(total["peak_activations"])], caption
    )


def _number(value: Any) -> str:
    return "-" if value != value else f"{float(value):.4g}"
