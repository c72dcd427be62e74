"""The profile of a network: parameters, activations, MACs, reuse and memory, per operation and whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from accelsim.columns import Column, declare
from accelsim.compactness.counts import CONVENTIONS, Compactness, count, ratio, shares
from accelsim.compactness.footprint import live_values
from accelsim.compactness.operations import Network

declare(
    Column("network", "", "name of the network", sums=False),
    Column("convention", "", "how parameters, activations and MACs are counted: netscope or unique-tensors", sums=False),
    Column("place", "", "position of the operation in the order of execution", sums=False),
    Column("operation", "", "name of the operation, after the module that runs it", sums=False),
    Column("operator", "", "function of PyTorch that it is", sums=False),
    Column(
        "channels", "channel", "second axis of its result: channels of a map, tokens or steps where a sequence has them", sums=False,
    ),
    Column("parameters", "value", "learned values; of an operation those that it is the first to read"),
    Column("activations", "value", "values of results, under the convention of the row"),
    Column("input_activations", "value", "activations that the operation reads"),
    Column("counted_macs", "MAC", "multiply-accumulates of one input, under the convention of the row"),
    Column("macs_per_parameter", "MAC", "how often a parameter is used", "counted_macs / parameters", sums=False),
    Column("macs_per_activation", "MAC", "how often an activation is used", "counted_macs / activations", sums=False),
    Column("activations_per_parameter", "", "activations for each parameter", "activations / parameters", sums=False),
    Column(
        "arithmetic_intensity", "MAC", "MACs for each value when every one is moved once",
        "counted_macs / (parameters + activations)", sums=False,
    ),
    Column(
        "layer_intensity", "MAC", "MACs for each value that the operation alone reads or writes",
        "counted_macs / (parameters + input_activations + its results)", sums=False,
    ),
    Column(
        "mean_layer_intensity", "MAC", "mean of layer_intensity over the operations that have MACs of a product", sums=False
    ),
    Column("live_activations", "value", "activations in memory while the operation runs", sums=False),
    Column("peak_activations", "value", "most activations in memory at a time, layer by layer in this order", sums=False),
    Column("peak_operation", "", "the operation at which they are most", sums=False),
    Column("model_bytes", "B", "all parameters", "parameters x value_bits / 8", sums=False),
    Column(
        "footprint_bytes", "B", "all parameters and the activations alive at the peak",
        "(parameters + peak_activations) x value_bits / 8", sums=False,
    ),
    Column(
        "kept_footprint_bytes", "B", "all parameters and every activation, none freed",
        "(parameters + activations) x value_bits / 8", sums=False,
    ),
    Column("footprint_per_model_size", "", "footprint over the size of the model", "footprint_bytes / model_bytes", sums=False),
    Column("kept_footprint_per_model_size", "", "with every activation kept", "kept_footprint_bytes / model_bytes", sums=False),
    Column("value_bits", "bit", "width of a parameter and of an activation", sums=False),
)  # fmt: skip

UNUSED = "(read by no operation)"
"""Name of the row of parameters that no operation reads."""


@dataclass(frozen=True)
class NetworkProfile:
    """`layers`: a row per operation and convention; `whole`: one per convention; see the dictionary of columns."""

    name: str
    layers: pd.DataFrame
    whole: pd.DataFrame

    def total(self, convention: str) -> pd.Series:
        """Return the row of the whole network under `convention`."""
        return self.whole[self.whole["convention"].eq(convention)].iloc[0]


def profile(name: str, network: Network, value_bits: int = 32) -> NetworkProfile:
    """Profile a network under both conventions; parameters and activations take `value_bits` bits each."""
    live = live_values(network.steps)
    layers = pd.DataFrame([row for convention in CONVENTIONS for row in _layer_rows(name, network, convention, live)])
    whole = pd.DataFrame([_whole_row(name, network, c, live, layers, value_bits) for c in CONVENTIONS])
    return NetworkProfile(name, layers, whole)


def _layer_rows(name: str, network: Network, convention: str, live: list[int]) -> list[dict[str, Any]]:
    rows = []
    for place, (step, alive) in enumerate(zip(network.steps, live, strict=True)):
        parameters, activations, macs = shares(step, convention)
        rows.append(
            {
                "network": name, "convention": convention, "place": place, "operation": step.name,
                "operator": step.kind, "channels": step.channels, "parameters": parameters, "activations": activations,
                "input_activations": step.inputs, "counted_macs": macs, **Compactness(convention, parameters, activations, macs).reuse(),
                "layer_intensity": ratio(macs, step.parameters + step.inputs + step.outputs), "live_activations": alive,
            }
        )  # fmt: skip
    if network.unused:
        empty = {"channels": 0, "activations": 0, "input_activations": 0, "counted_macs": 0, "live_activations": 0}
        rows.append(
            {"network": name, "convention": convention, "place": len(rows), "operation": UNUSED, "operator": ""}
            | {"parameters": network.unused, **empty, **Compactness(convention, network.unused, 0, 0).reuse()}
            | {"layer_intensity": math.nan}
        )
    return rows


def _whole_row(
    name: str, network: Network, convention: str, live: list[int], layers: pd.DataFrame, value_bits: int
) -> dict[str, Any]:
    found = count(network.steps, network.learned, convention)
    peak = max(live)
    products = [step.macs > 0 for step in network.steps]
    own = layers[layers["convention"].eq(convention)].iloc[: len(products)]
    model, footprint, kept = (
        values * value_bits / 8
        for values in (found.parameters, found.parameters + peak, found.parameters + found.activations)
    )
    return {
        "network": name, "convention": convention, "parameters": found.parameters, "activations": found.activations,
        "counted_macs": found.macs, **found.reuse(),
        "mean_layer_intensity": float(own.loc[products, "layer_intensity"].mean()) if any(products) else math.nan,
        "peak_activations": peak, "peak_operation": network.steps[live.index(peak)].name, "model_bytes": model,
        "footprint_bytes": footprint, "kept_footprint_bytes": kept, "footprint_per_model_size": ratio(footprint, model),
        "kept_footprint_per_model_size": ratio(kept, model), "value_bits": value_bits,
    }  # fmt: skip
