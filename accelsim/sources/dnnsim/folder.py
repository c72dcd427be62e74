"""A DNNsim folder looked over before any value is read: layers, shapes, batches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from accelsim.errors import InputError
from accelsim.layer import LayerShape
from accelsim.sources.dnnsim.arrays import Arrays
from accelsim.sources.dnnsim.model import Line, read_model

_RANKS = {"conv": (4,), "fc": (2, 4), "rnn": (3,)}
_FORMS = {
    "conv": "activations (N, C, H, W) and weights (K, C/groups, R, S)",
    "fc": "activations (N, C) or (N, C, H, W) and weights (K, C)",
    "rnn": "activations (N, T, C) and weights (K, C)",
}
Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Folder:
    """Layers of a folder, the arrays they stand in, and the numbers of the batches with their images.

    shapes: of each layer, one per batch. batches: (number of the batch, images in it), the same for every layer.
    """

    arrays: Arrays
    lines: list[Line]
    shapes: list[tuple[LayerShape, ...]]
    batches: list[tuple[int, int]]

    @classmethod
    def read(cls, model: Path, arrays: Path) -> Folder:
        """Look over model.csv in `model` and the arrays in `arrays`.

        Raises InputError when an array is missing or does not fit its layer, or layers differ in their batches.
        """
        if not model.is_dir():
            raise InputError(f"no such folder: {model}", "give the folder that holds model.csv")
        lines, found = read_model(model / "model.csv"), Arrays(arrays)
        numbers = _batches(lines, found)
        shapes: list[tuple[LayerShape, ...]] = []
        images: list[int] = []
        for line in lines:
            weight, _ = found.header(f"wgt-{line.name}")
            sizes = [found.header(f"act-{line.name}-{number}")[0] for number in numbers]
            shapes.append(tuple(layer_shape(line, size, weight) for size in sizes))
            counts = [size[0] for size in sizes]
            images = images or counts
            for number, count, expected in zip(numbers, counts, images, strict=True):
                if count != expected:
                    reason = f"{count} images in batch {number}, layer {lines[0].name} has {expected}"
                    raise InputError(f"layer {line.name}: {reason}", "every layer needs the same images")
        return cls(found, lines, shapes, list(zip(numbers, images, strict=True)))

    @property
    def samples(self) -> int:
        """Images over all batches."""
        return sum(images for _, images in self.batches)

    @property
    def names(self) -> list[str]:
        """Names of the arrays that belong to layers."""
        return [
            name
            for line in self.lines
            for name in (f"wgt-{line.name}", *(f"act-{line.name}-{number}" for number, _ in self.batches))
        ]

    @property
    def unused(self) -> list[str]:
        """Names of arrays that belong to no layer of model.csv."""
        return sorted(self.arrays.names - set(self.names))


def layer_shape(line: Line, activation: Sizes, weight: Sizes) -> LayerShape:
    """Return the loop bounds of a layer on one image. Raises InputError when the arrays do not fit together."""
    if len(activation) not in _RANKS[line.kind] or len(weight) not in ((4,) if line.kind == "conv" else (2, 4)):
        raise _mismatch(line, activation, weight, f"a layer of kind {line.kind} has {_FORMS[line.kind]}")
    K, depth = weight[0], weight[1]
    if line.kind != "conv":
        channels = activation[2] if line.kind == "rnn" else _product(activation[1:])
        if channels != _product(weight[1:]):
            raise _mismatch(line, activation, weight, f"{channels} channels meet weights of {_product(weight[1:])}")
        kind, steps = ("recurrent", activation[1]) if line.kind == "rnn" else ("linear", 1)
        return LayerShape(kind, 1, 1, K, channels, 1, 1, 1, 1, 1, 1, steps=steps)
    channels, H, W = activation[1:]
    groups = channels // depth
    if groups * depth != channels or K % groups:
        raise _mismatch(
            line, activation, weight, f"{channels} channels and {K} filters do not split into groups of {depth}"
        )
    R, S = weight[2:]
    P, Q = ((size + 2 * line.padding - tap) // line.stride + 1 for size, tap in ((H, R), (W, S)))
    if P < 1 or Q < 1:
        raise _mismatch(line, activation, weight, f"the kernel is larger than the map padded by {line.padding}")
    strides, padding = (line.stride, line.stride), (line.padding,) * 4
    return LayerShape("conv", 1, groups, K // groups, depth, H, W, R, S, P, Q, strides, padding)


def _mismatch(line: Line, activation: Sizes, weight: Sizes, reason: str) -> InputError:
    return InputError(f"layer {line.name}: activations of shape {activation} and weights of shape {weight}: {reason}")


def _product(sizes: Sizes) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total


def _batches(lines: list[Line], arrays: Arrays) -> list[int]:
    """Return the numbers of the batches. Raises InputError naming the array that a layer lacks."""
    found = {line.name: arrays.batches(line.name) for line in lines}
    numbers = sorted({number for batches in found.values() for number in batches})
    for name, batches in found.items():
        for number in numbers:
            if number not in batches:
                where = arrays.where(f"act-{name}-{number}")
                raise InputError(f"layer {name}: {where} is missing", f"other layers have a batch {number}")
    return numbers
