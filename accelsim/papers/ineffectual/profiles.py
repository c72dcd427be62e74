"""Precisions profiled on the task: the fewest bits per layer that keep 99 % of the metric, and what they gain."""

from __future__ import annotations

from typing import Any

import pandas as pd

from accelsim.files.cache import cache_folder
from accelsim.papers.ineffectual.networks import data_folder
from accelsim.papers.report import Listing
from accelsim.sources.precision.network import narrowable
from accelsim.study.precision import Profile, search_precisions
from accelsim.workload import load_workload

SEARCHED = {"resnet20": None, "char_lstm": None, "denoiser": 3, "superres": 3}
"""Networks that are searched, and on how many inputs at most."""

DROP = 0.01
TESTED = {"resnet20": 120}
"""Inputs with reference data, enough of them that one is less than the drop; the others are judged as without it."""


def profiles() -> tuple[Listing, Listing]:
    """Return a line per network, and a long table of bits per layer."""
    rows: list[dict[str, Any]] = []
    layers = []
    folder = data_folder()
    for name, most in SEARCHED.items():
        workload = load_workload(name)
        data = folder / "data" if folder is not None and name in TESTED else None
        task = narrowable(workload.model, name, workload.inputs, data=data, most=TESTED[name] if data else most)
        found = search_precisions(task, DROP, folder=cache_folder() / "precision" / name, warnings=task.warnings)
        rows.append(_row(name, found, len(task.places)))
        layers.append(found.table().assign(network=name))
    heads = {
        "network": "network", "metric": "metric", "inputs": "inputs", "full": "16 bits", "reached": "profiled",
        "A_bits": "A bits", "W_bits": "W bits", "A_alone": "A alone", "W_alone": "W alone", "Ap": "Ap", "Wp+Ap": "Wp+Ap",
    }  # fmt: skip
    caption = (
        f"smallest precisions of all layers that keep {1 - DROP:.0%} of the metric (in percent; PSNR in dB), found by search and"
        " scored again; no operand can have one bit less by itself; means weighed by MACs, a sign included where values are"
        " negative; alone: when nothing else is narrowed; potentials over 16 x 16 bits; accelsim precision prints the layers."
        " Few inputs make profiles too narrow for others"
    )
    whole = Listing("Precisions profiled on the task", pd.DataFrame(rows), heads, caption)
    shown = {"network": "network", "layer": "layer", "profiled_activation_bits": "A", "profiled_weight_bits": "W"}
    return whole, Listing("Profiled precisions by layer", pd.concat(layers, ignore_index=True), shown, shown=False)


def _row(name: str, found: Profile, inputs: int) -> dict[str, Any]:
    table = found.table()
    macs = table["macs"]
    means = {
        head: float((table[column] * macs).sum() / macs.sum())
        for head, column in (
            ("A_bits", "profiled_activation_bits"), ("W_bits", "profiled_weight_bits"),
            ("A_alone", "alone_activation_bits"), ("W_alone", "alone_weight_bits"),
        )
    }  # fmt: skip
    speedups = {"Ap": found.speedup(["activation"]), "Wp+Ap": found.speedup(["activation", "weight"])}
    scores = {"metric": found.metric, "inputs": inputs, "full": found.full, "reached": found.reached}
    return {"network": name, **scores, **means, **speedups}
