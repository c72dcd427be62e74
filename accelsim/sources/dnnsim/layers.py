"""The layers of a DNNsim folder with their codes, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from accelsim.errors import InputError
from accelsim.layer import Layer
from accelsim.sources import Encoded
from accelsim.sources.dnnsim.arrays import Arrays
from accelsim.sources.dnnsim.codes import (
    Coding,
    Numbers,
    Range,
    as_given,
    extremes,
    linear,
    needed_bits,
    profiled,
    whole,
)
from accelsim.sources.dnnsim.folder import Folder
from accelsim.sources.dnnsim.model import Fixed, read_precision

CONVENTIONS = {
    "codes": "integers, and floats that are all whole numbers, are codes as they are; other floats become"
    " round(x * 2^fraction) by precision.txt, or are spread linearly over the bits of a code where there is none",
    "range": "one per layer and operand, over all images of the folder",
    "output": "not recorded",
    "recurrent": "rows (T) of one image are the steps",
}


def encode(folder: Folder, precision: Path | None, samples: int, bits: int, values: str) -> Encoded:
    """Return the codes of the first `samples` images of `folder`.

    precision: path of precision.txt, None where there is none: every layer then has `bits` bits. values: "codes",
    "real", or "auto" to look. Raises InputError, also while the layers are taken, for numbers that are no codes.
    """
    count = len(folder.lines)
    forms = [None] * count if precision is None else read_precision(precision, count, bits)
    broken = _holding_fractions(folder) if values != "real" else None
    if values == "codes" and broken:
        raise InputError(f"{folder.arrays.where(broken)}: holds numbers that are not whole, no codes", "values: real")
    real = values == "real" or broken is not None
    notes = [] if precision is not None else [f"no precision.txt: every layer is given its full {bits} bits"]
    notes += [f"array {name} belongs to no layer of model.csv" for name in folder.unused]
    notes.append("the folder holds no outputs: they are counted in full words off chip")

    def layers() -> Iterator[Layer]:
        for index, (line, form) in enumerate(zip(folder.lines, forms, strict=True)):
            maps = [f"act-{line.name}-{number}" for number, _ in folder.batches]
            weights = folder.arrays.open(f"wgt-{line.name}")
            fixed = (None, None) if form is None else (form.activation, form.weight)
            activation = _coding(
                _opened(folder.arrays, maps), fixed[0], bits, real, f"layer {line.name}: activation", notes
            )
            weight = _coding(iter([weights]), fixed[1], bits, real, f"layer {line.name}: weight", notes)
            filters = weight.operand(weight.encode(weights).reshape(folder.shapes[index][0].weight_shape))
            for sample, (place, image) in enumerate(_images(folder, samples)):
                shape = folder.shapes[index][place]
                if image == 0:
                    batch = folder.arrays.open(maps[place])
                codes = activation.encode(batch[image]).reshape(shape.activation_shape)
                yield Layer(line.name, index, sample, shape, activation.operand(codes), filters)

    scheme = "linear" if precision is None else "profiled fixed point"
    formats = {"values": "real numbers" if real else "codes", "scheme": scheme if real else "as given", "bits": bits}
    return Encoded(layers(), count, notes, CONVENTIONS, formats)


def _images(folder: Folder, samples: int) -> Iterator[tuple[int, int]]:
    """Yield place of the batch and number of the image in it, for the first `samples` images."""
    every = ((place, image) for place, (_, images) in enumerate(folder.batches) for image in range(images))
    for _, item in zip(range(samples), every):
        yield item


def _opened(arrays: Arrays, names: list[str]) -> Iterator[Numbers]:
    """Yield arrays one after another, so that only one of an archive is in memory."""
    for name in names:
        yield arrays.open(name)


def _coding(
    arrays: Iterator[Numbers], form: Fixed | None, bits: int, real: bool, where: str, notes: list[str]
) -> Coding:
    """Choose the coding of one operand from its range; what the reader must know is added to `notes`."""
    found = extremes(arrays, where)
    if real and not found.integers:
        coding = linear(found, bits) if form is None else profiled(found, bits, form)
        if coding.clipped:
            notes.append(
                f"{where}: numbers up to {_most(found):.4g} are clipped to {coding.precision} bits of precision.txt"
            )
        return coding
    coding = as_given(found, bits, bits if form is None else form.bits, where)
    if (need := needed_bits(found)) > coding.precision:
        notes.append(f"{where}: codes need {need} bits, precision.txt gives {coding.precision}")
    return coding


def _most(found: Range) -> float:
    return max(abs(found.low), abs(found.high))


def _holding_fractions(folder: Folder) -> str | None:
    """Return the first float array of the folder that holds a number that is not whole, None where there is none."""
    floats = (name for name in folder.names if folder.arrays.header(name)[1].kind == "f")
    return next((name for name in floats if not whole(folder.arrays.open(name))), None)
