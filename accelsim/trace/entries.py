"""What a bundle keeps of layers and operands: entries of the manifest, arrays of the files, and back."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from accelsim.files.tensors import Codes
from accelsim.formats.catalogue import number_format
from accelsim.formats.patterns import Patterns
from accelsim.layer import LayerShape, Operand


@dataclasses.dataclass(frozen=True)
class LayerRecord:
    """What the manifest says of a layer.

    shapes, sample_files: one per input sample (inputs may differ in length or size). operands: parameters of
    activation, weight and output codes. weight_file: None when the weight operand is dynamic. varying: parameters
    per sample of the operands whose scale or zero point differs between samples (dynamic quantisation); `operands`
    then holds those of the first.
    """

    index: int
    name: str
    shapes: tuple[LayerShape, ...]
    operands: dict[str, dict[str, Any] | None]
    weight_file: str | None
    sample_files: tuple[str, ...]
    varying: dict[str, list[dict[str, Any]]] = dataclasses.field(default_factory=dict)

    def parameters(self, sample: int) -> dict[str, dict[str, Any] | None]:
        """Return the parameters of each operand on input `sample`."""
        return self.operands | {role: entries[sample] for role, entries in self.varying.items()}


def layer_entry(record: LayerRecord) -> dict[str, Any]:
    """Return the manifest entry of a layer."""
    return {
        "index": record.index,
        "name": record.name,
        "shapes": [dataclasses.asdict(shape) for shape in record.shapes],
        "operands": record.operands,
        "weight_file": record.weight_file,
        "sample_files": list(record.sample_files),
        **({"varying": record.varying} if record.varying else {}),
    }


def layer_record(item: dict[str, Any]) -> LayerRecord:
    """Return the layer that an entry of the manifest tells of, the inverse of `layer_entry`."""
    shapes: list[dict[str, Any]] = [
        {k: tuple(v) if isinstance(v, list) else v for k, v in shape.items()} for shape in item["shapes"]
    ]
    files = tuple(item["sample_files"])
    return LayerRecord(
        item["index"],
        item["name"],
        tuple(LayerShape(**shape) for shape in shapes),
        item["operands"],
        item["weight_file"],
        files,
        item.get("varying", {}),
    )


def operand_entry(operand: Operand) -> dict[str, Any]:
    """Return the manifest parameters of an operand (everything but its codes, and what is given per block: null)."""
    blocks = operand.blocks
    zero: Any = 0 if operand.centred else None
    return {
        "bits": operand.bits,
        "signed": operand.signed,
        "scale": None if blocks else np.asarray(operand.scale).tolist(),
        "zero_point": zero if blocks else np.asarray(operand.zero_point).tolist(),
        "axis": operand.axis,
        **({} if operand.precision is None else {"precision": operand.precision}),
        **({} if operand.patterns is None else {"format": operand.patterns.format.name}),
    }


def operand_arrays(role: str, operand: Operand) -> dict[str, Codes]:
    """Return what a file of the bundle holds of an operand: codes or patterns, and what is given per block."""
    if operand.blocks:
        scale, zero = np.broadcast_arrays(operand.scale, operand.zero_point)
        real: Any = scale.astype(np.float64)
        zeros = {} if operand.centred else {f"{role}.zero_point": zero.astype(np.int32)}
        return {role: operand.codes, f"{role}.scale": real, **zeros}
    if operand.patterns is None:
        return {role: operand.codes}
    scales = operand.patterns.scales
    return {role: operand.patterns.codes, **({} if scales is None else {f"{role}.scales": scales})}


def operand_of(arrays: dict[str, Codes], role: str, parameters: dict[str, Any], sets: int) -> Operand:
    """Return the operand `role`; sets: parts of its channels that blocks of a number format do not cross."""
    if "format" in parameters:
        scales: Any = arrays.get(f"{role}.scales")
        bits: Any = arrays[role]
        return Operand.of(Patterns(number_format(parameters["format"]), bits, scales, sets))
    codes, axis, scale, zero = arrays[role], parameters["axis"], parameters["scale"], parameters["zero_point"]
    if scale is None:
        scale, zero = arrays[f"{role}.scale"], arrays[f"{role}.zero_point"] if zero is None else zero
    elif axis is not None:
        scale, zero = np.asarray(scale, np.float64), np.asarray(zero, np.int64)
    return Operand(codes, parameters["bits"], parameters["signed"], scale, zero, axis, parameters.get("precision"))
