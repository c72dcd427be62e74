"""Write the bundle of a source that gives codes; no torch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from accelsim.layer import Layer, Operand
from accelsim.sources import Encoded
from accelsim.sources.unsupported import listed
from accelsim.trace import LayerRecord, Trace, TraceWriter, layer_entry, operand_arrays, operand_entry


def write_codes(
    encoded: Encoded, target: Path, name: str, key: str, replace: bool = False, origin: dict[str, Any] | None = None
) -> Trace:
    """Write the layers of `encoded` into the bundle `target`, one sample in memory at a time, and open it.

    origin: JSON-like entries of the manifest that tell how to repeat it. Raises InputError when the source's inputs
    cannot be used (nothing is left then) and StorageError when the bundle cannot be written.
    """
    with TraceWriter(target, replace) as writer:
        keep = _outlined if encoded.made else partial(_written, writer)
        records = [keep(layers) for layers in _by_layer(encoded, name)]
        captured = sum(shape.macs for record in records for shape in record.shapes)
        unsupported, notes, total = listed(encoded.unsupported, captured)
        manifest = {
            "key": key,
            "name": name,
            "trained": None,
            "samples": len(records[0].shapes),
            "layers": [layer_entry(record) for record in records],
            "warnings": list(dict.fromkeys([*encoded.warnings, *notes])),
            "unsupported": unsupported,
            "conventions": encoded.conventions,
            "quantization": encoded.quantization,
            "macs_total": total,
            "captured_macs": captured,
            **({"made": encoded.made} if encoded.made else {}),
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
    weight = writer.add(f"{stem}.weight", operand_arrays("weight", first.weight)) if fixed else None
    shapes, files = [], []
    formats: dict[str, list[Any]] = {role: [] for role in _operands(first)}
    for layer in chain([first], layers):
        for role, operand in _operands(layer).items():
            formats[role].append(None if operand is None else operand_entry(operand))
        kept = {
            key: array
            for role, o in _operands(layer).items()
            if o is not None and not (fixed and role == "weight")
            for key, array in operand_arrays(role, o).items()
        }
        shapes.append(layer.shape)
        files.append(writer.add(f"{stem}.{layer.sample}", kept))
    varying = {role: entries for role, entries in formats.items() if any(e != entries[0] for e in entries[1:])}
    common = {role: entries[0] for role, entries in formats.items()}
    return LayerRecord(first.index, first.name, tuple(shapes), common, weight, tuple(files), varying)


def _outlined(layers: Iterator[Layer]) -> LayerRecord:
    """Return what is written of a layer whose codes are made anew when they are read."""
    first, *others = layers
    operands = {role: None if o is None else operand_entry(o) for role, o in _operands(first).items()}
    return LayerRecord(first.index, first.name, (first.shape, *(layer.shape for layer in others)), operands, None, ())


def _operands(layer: Layer) -> dict[str, Operand | None]:
    return {"activation": layer.activation, "weight": layer.weight, "output": layer.output}
