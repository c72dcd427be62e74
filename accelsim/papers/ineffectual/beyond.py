"""Beyond the paper: number formats with exponents, and pruned weights, structured and not."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from accelsim.analyzers.analyze import analyze
from accelsim.analyzers.formats import analyze_formats
from accelsim.analyzers.potential import potential, summarise
from accelsim.papers.ineffectual.networks import SHIPPED, data_folder, opened
from accelsim.papers.report import Listing
from accelsim.sources.capture import capture
from accelsim.sources.sharing.tasks import network
from accelsim.workload import load_workload

NUMBERS = ("bfloat16", "fp8_e4m3", "mxfp8_e4m3", "mxint8")
FORMATTED = ("resnet20", "bert_lstm")
TESTED = 500
Floats = npt.NDArray[np.float32]


def significands() -> Listing:
    """Return zeros and effectual bits of significands in formats with exponents, of a CNN and a transformer."""
    rows = []
    cases = tuple(case for case in SHIPPED if case.name in FORMATTED)
    for scheme in NUMBERS:
        change = f"quantization={{activations: {{scheme: {scheme}}}, weights: {{scheme: {scheme}}}}}"
        for case, trace in opened(cases, (change, "samples=2")):
            table = analyze_formats(trace, "out")
            for letter, operand in (("A", "activation"), ("W", "weight")):
                own = table[table["operand"] == operand]
                row: dict[str, Any] = {"network": case.name, "format": scheme, "operand": letter}
                for name in _COLUMNS:
                    known = own.dropna(subset=[name])
                    row[name] = (known[name] * known["values"]).sum() / max(known["values"].sum(), 1)
                row["zeros"] = 100 * own["zeros"].sum() / own["values"].sum()
                rows.append(row)
    heads = {"network": "network", "format": "format", "operand": "operand", "zeros": "zeros %", **_COLUMNS}
    caption = (
        "terms of significands, hidden bit included, a value; width: from the first to the last one-bit (zero 1), alone and"
        " shared by 16 channels; exponents: entropy in bits; 2 inputs"
    )
    return Listing("Significands of bfloat16, FP8 and MX formats", pd.DataFrame(rows), heads, caption)


_COLUMNS = {
    "significand_bits": "bits", "significand_ones_mean": "ones", "significand_naf_mean": "NAF",
    "significand_booth_radix4_mean": "Booth-4", "significand_width_mean": "width", "significand_width_mean_16": "w / 16",
    "exponent_entropy": "exponents",
}  # fmt: skip


def pruning() -> Listing:
    """Return what pruning does to resnet20: accuracy, zeros, 2:4 blocks and potentials."""
    rows = []
    data = data_folder()
    task = network(load_workload("resnet20").model, 10, data=None if data is None else data / "data", most=TESTED)
    trained = network(
        load_workload("resnet20_pruned").model, 10, data=None if data is None else data / "data", most=TESTED
    )
    own = dict(task.layers())
    forms: dict[str, tuple[Any, dict[str, Floats]]] = {
        "as trained": (task, {}),
        "half, smallest of a layer": (task, {name: smallest(w, 0.5) for name, w in own.items()}),
        "2:4 along channels": (task, {name: two_of_four(w) for name, w in own.items()}),
        "81 %, trained on": (trained, {}),
    }
    for form, (judged, weights) in forms.items():
        accuracy = float(judged.score(weights, range(len(judged.inputs))).metric.mean())
        with judged.replaced(weights) as module:
            trace = capture(module, judged.inputs[:2], "resnet20-pruning")
        table = analyze(trace, "out")
        filters = table[table["operand"] == "weight"]
        speedups = summarise(potential(trace))
        row: dict[str, Any] = {"weights": form, "accuracy": accuracy, "inputs": len(judged.inputs)}
        for letter, operand in (("A", "activation"), ("W", "weight")):
            kept = table[table["operand"] == operand]
            row[f"{letter}_zeros"] = 100 * kept["zeros"].sum() / kept["values"].sum()
        row["blocks"] = 100 * (filters["two_of_four_fraction"] * filters["values"]).sum() / filters["values"].sum()
        chosen = speedups[speedups["encoding"].isin(["", "ones"])].set_index("property")["potential_speedup"]
        row |= {name: float(chosen[name]) for name in ("W", "A", "W+A", "W+Ae")}
        rows.append(row)
    heads = {
        "weights": "weights", "accuracy": "accuracy %", "inputs": "pictures", "W_zeros": "W zeros %", "A_zeros": "A zeros %",
        "blocks": "2:4 blocks %", "W": "W", "A": "A", "W+A": "W+A", "W+Ae": "W+Ae",
    }  # fmt: skip
    caption = (
        "resnet20; the smallest magnitudes of each layer, or all but the two largest of four consecutive channels (groups of"
        " fewer keep half), taken away without further training; 81 %: the shipped network that was trained while pruned; blocks"
        " of 4 channels with at most 2 weights other than 0; activations and potentials (16 bits) of 2 pictures"
    )
    return Listing("Pruned weights: unstructured and 2:4", pd.DataFrame(rows), heads, caption)


def smallest(weights: Floats, share: float) -> Floats:
    """Return weights with the given share of the smallest magnitudes made 0; of equal ones the first.

    >>> smallest(np.array([[1.0, -3.0, 2.0, 4.0]], np.float32), 0.5)
    array([[ 0., -3.,  0.,  4.]], dtype=float32)
    """
    order = np.argsort(np.abs(weights), axis=None, kind="stable")
    found = weights.copy()
    found.ravel()[order[: round(share * weights.size)]] = 0
    return found


def two_of_four(weights: Floats, kept: int = 2, block: int = 4) -> Floats:
    """Return weights (filters, channels, ...) with the `kept` largest of every `block` consecutive channels.

    A last block of fewer channels keeps as large a share, rounded up.

    >>> two_of_four(np.array([[1.0, -3.0, 2.0, 4.0, 5.0, 6.0]], np.float32))
    array([[ 0., -3.,  0.,  4.,  0.,  6.]], dtype=float32)
    """
    found = weights.copy()
    for start in range(0, weights.shape[1], block):
        part = found[:, start : start + block]
        many = -(-part.shape[1] * kept // block)
        order = np.argsort(-np.abs(part), axis=1, kind="stable")
        np.put_along_axis(part, order[:, many:], 0, axis=1)
    return found
