"""Write the bundle of a source that gives codes; no torch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from accelsim.layer import Layer, Operand
from accelsim.sources import Encoded
from accelsim.trace import LayerRecord, Trace, TraceWriter, layer_entry, operand_entry


def write_codes(
    encoded: Encoded, target: Path, name: str, key: str, replace: bool = False, origin: dict[str, Any] | None = None
) -> Trace:
    """Write the layers of `encoded` into the bundle `target`, one sample in memory at a time, and open it.

    origin: JSON-like entries of the manifest that tell how to repeat it. Raises InputError when the source's inputs
    cannot be used (nothing is left then) and StorageError when the bundle cannot be written.
    """
    with TraceWriter(target, replace) as writer:
        records = [_written(writer, layers) for layers in _by_layer(encoded, name)]
        macs = sum(shape.macs for record in records for shape in record.shapes)
        manifest = {
            "key": key,
            "name": name,
            "trained": None,
            "samples": len(records[0].shapes),
            "layers": [layer_entry(record) for record in records],
            "warnings": list(dict.fromkeys(encoded.warnings)),
            "unsupported": [],
            "conventions": encoded.conventions,
            "quantization": encoded.quantization,
            "macs_total": macs,
            "captured_macs": macs,
        }
        return Trace(writer.finish({**manifest, **(origin or {})}))


def _by_layer(encoded: Encoded, name: str) -> Iterator[Iterator[Layer]]:
    """Yield the samples of each layer, with a progress bar when it takes long."""
    from tqdm import tqdm

    groups = groupby(encoded.layers, key=lambda layer: layer.index)
    bar = tqdm(groups, f"reading {name}", encoded.total, False, sys.stderr, unit="layer", disable=None, delay=2.0)
    yield from (layers for _, layers in bar)


def _written(writer: TraceWriter, layers: Iterator[Layer]) -> LayerRecord:
    """Write the files of one layer: the weights once, unless they vary, and a file for each sample."""
    first = next(layers)
    stem, fixed = f"{first.index:04d}-{first.name}", not first.dynamic_weight
    formats = {role: None if o is None else operand_entry(o) for role, o in _operands(first).items()}
    weight = writer.add(f"{stem}.weight", {"weight": first.weight.codes}) if fixed else None
    shapes, files = [], []
    for layer in chain([first], layers):
        kept = {
            role: o.codes for role, o in _operands(layer).items() if o is not None and not (fixed and role == "weight")
        }
        shapes.append(layer.shape)
        files.append(writer.add(f"{stem}.{layer.sample}", kept))
    return LayerRecord(first.index, first.name, tuple(shapes), formats, weight, tuple(files))


def _operands(layer: Layer) -> dict[str, Operand | None]:
    return {"activation": layer.activation, "weight": layer.weight, "output": layer.output}
