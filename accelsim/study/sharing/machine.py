"""What shared weights do to a machine: off-chip traffic and energy of an inference, zeros and bits of the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Accelerator, load_hardware
from accelsim.analyzers.histogram import value_histogram
from accelsim.columns import Column, declare
from accelsim.config import digest
from accelsim.errors import ConfigError
from accelsim.quantize import Quantization
from accelsim.sim import run
from accelsim.sources.capture import bundle_path, record_to
from accelsim.study.sharing.candidates import Candidate
from accelsim.trace import Trace, kept

TERMS = ("ones", "booth_radix4")
"""Costs of a value that are reported of the weights."""

declare(
    Column("point", "", "weights that are run: unshared, or those of a point of the front by its rate", sums=False),
    Column("weight_storage", "", "storage format of the weights off chip", sums=False),
    Column("weight_traffic_bytes", "B", "off-chip traffic of weights, for an inference"),
    Column("traffic_bytes", "B", "off-chip traffic, for an inference"),
    Column("dram_energy_pj", "pJ", "energy of the off-chip memory, for an inference"),
    Column("inference_pj", "pJ", "energy of an inference"),
    Column("inference_s", "s", "time of an inference", sums=False),
    Column("weight_zeros", "share", "codes of weights that are 0", sums=False),
    *(Column(f"weight_{name}", "", f"mean of `{name}` over the codes of the weights", sums=False) for name in TERMS),
    Column("distinct_weights", "", "different codes of weights in a layer, the most of any", sums=False),
)


class Capturable(Protocol):
    """What a capture needs of a network (accelsim.sources.sharing.network.Network is one)."""

    inputs: list[Any]
    warnings: list[str]

    def replaced(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> Any:
        """Give the module with some weights replaced."""

    def digest(self, places: Sequence[int]) -> str:
        """Return a key over the network and the inputs at `places`."""


def effects(
    network: Capturable, points: Mapping[str, Mapping[str, Candidate]], hw: Sequence[str], settings: Sequence[str],
    quantization: Quantization, name: str,
) -> pd.DataFrame:  # fmt: skip
    """Return a row per point, machine and storage of the weights, for the network's first input.

    points: the candidates of each layer, by what a row is called; none for unshared weights, which are also run in the
    machine's own storage. hw: machines with a section `storage`; settings: their overrides. Raises ConfigError otherwise.
    """
    rows = []
    for label, chosen in points.items():
        trace = captured(network, chosen, quantization, name)
        found = statistics(trace)
        for reference in hw:
            for form in ("plain", "codebook", "huffman") if chosen else ("", "plain", "huffman"):
                rows.append({"point": label, **_run(reference, settings, form, trace), **found})
    return pd.DataFrame(rows)


def captured(network: Capturable, chosen: Mapping[str, Candidate], quantization: Quantization, name: str) -> Trace:
    """Return the trace of the network with the weights of `chosen`, on its first input; kept by its content."""
    weights = {layer: candidate.weights for layer, candidate in chosen.items()}
    sums = [[layer, digest(w.tobytes().hex())] for layer, w in sorted(weights.items())]
    key = digest("shared", network.digest([0]), sums, quantization.model_dump(mode="json"))
    target = bundle_path(f"{name}-shared", key)

    def capture(place: Path, replace: bool) -> Trace:
        known = list(network.warnings)
        with network.replaced(weights) as module:
            return record_to(
                module, network.inputs[:1], place, f"{name}-shared", key, quantization, known, None, replace
            )

    return kept(target, capture)


def statistics(trace: Trace) -> dict[str, Any]:
    """Return the zeros and effectual bits of the weights of all layers, each counted once."""
    totals: dict[str, float] = dict.fromkeys(("zeros", *TERMS), 0.0)
    values, most = 0, 0
    for record in trace.layers:
        layer = trace.layer(record.index, 0)
        if layer.dynamic_weight:
            continue
        counts = value_histogram(layer.weight)
        values, most = values + counts.size, max(most, counts.distinct)
        totals["zeros"] += counts.zeros
        for term in TERMS:
            totals[term] += counts.total(term, layer.weight.bits)
    return {**{f"weight_{term}": totals[term] / max(values, 1) for term in totals}, "distinct_weights": most}


def machine(reference: str, settings: Sequence[str], form: str = "") -> Accelerator:
    """Return a machine with its weights stored in `form` off chip, empty: as it does. Raises ConfigError where it cannot."""
    found = load_hardware(reference, settings)
    if not isinstance(found, ArrayAccelerator):
        raise ConfigError(
            f"{found.name} has no section `storage` for the code of its weights", "choose for example dadiannao"
        )
    return load_hardware(reference, [*settings, f"storage.weight={form}"]) if form else found


def _run(reference: str, settings: Sequence[str], form: str, trace: Trace) -> dict[str, Any]:
    own = machine(reference, settings, form)
    result = run(own, trace)
    batch = own.batch.size
    storage = getattr(own, "storage", None)
    return {
        "machine": own.name,
        "weight_storage": form or f"{getattr(storage, 'weight', '')} (as shipped)",
        "weight_traffic_bytes": result.total("dram_weight_bytes") / batch,
        "traffic_bytes": result.total("dram_bytes") / batch,
        "dram_energy_pj": result.total("energy_dram_pj") / batch,
        "inference_pj": result.total("energy_pj") / batch,
        "inference_s": result.total("time_s") / batch,
    }
