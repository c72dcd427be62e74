"""What a manifest claims, held against itself before anything is read: types, names of files, shapes, formats."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from accelsim.errors import AccelsimError, shortened
from accelsim.formats.blocks import block_starts
from accelsim.formats.catalogue import number_format
from accelsim.formats.patterns import Patterns
from accelsim.layer import Operand
from accelsim.trace.entries import LayerRecord, layer_record
from accelsim.trace.manifest import refusal

MOST_SIZE = 1 << 40
"""Largest number of channels, filters, rows or columns of a layer."""
MOST_ZERO = 1 << 16
"""Largest zero point, which stands for a real zero as a code of up to 16 bits does; analyses have a bin for each value."""
_ROLES = ("activation", "weight", "output")
_SIZES = ("N", "groups", "K", "C", "H", "W", "R", "S", "P", "Q", "steps")
_PAIRS = {"stride": (2, 1), "padding": (4, -MOST_SIZE), "dilation": (2, 1)}


class _Contradiction(ValueError):
    pass


def records(path: Path, manifest: Mapping[str, Any]) -> tuple[LayerRecord, ...]:
    """Return the layers that `manifest`, of the bundle at `path`, tells of.

    Raises BundleError when it contradicts itself, or names a file outside the bundle.
    """
    try:
        _check(manifest)
        found = tuple(layer_record(item) for item in manifest["layers"])
        for place, record in enumerate(found):
            _check_layer(place, record, manifest)
    except AccelsimError as error:
        raise refusal(path, f"manifest.json contradicts itself ({shortened(error.message, 200)})") from None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else shortened(str(error).partition("\n")[0], 200)
        raise refusal(path, f"manifest.json contradicts itself ({reason})") from None
    return found


def check_codes(operand: Operand, what: str) -> None:
    """Raise ValueError when codes are of another type than their format, take more bits, or have other scales."""
    codes = operand.codes
    if operand.patterns is not None:
        _check_patterns(operand.patterns, what)
        return
    if codes.dtype.kind != ("i" if operand.signed else "u"):
        raise ValueError(f"{what}: codes of type {codes.dtype} that are {'' if operand.signed else 'not '}signed")
    if operand.bits > 8 * codes.dtype.itemsize:
        raise ValueError(f"{what}: codes of {operand.bits} bits in {codes.dtype}")
    if operand.bits < 8 * codes.dtype.itemsize and codes.size:
        half = 1 << (operand.bits - 1)
        low, high = (-half, half - 1) if operand.signed else (0, 2 * half - 1)
        if not (low <= int(codes.min()) and int(codes.max()) <= high):
            raise ValueError(f"{what}: codes from {codes.min()} to {codes.max()} in {operand.bits} bits")
    if operand.blocks:
        for name, numbers in (("scales", operand.scale), ("zero points", operand.zero_point)):
            found = np.asarray(numbers)
            whole = found.ndim == codes.ndim and all(
                n and not size % n for size, n in zip(codes.shape, found.shape, strict=True)
            )
            if found.ndim and not (whole and np.all(np.isfinite(found))):
                raise ValueError(f"{what}: {name} of shape {found.shape} for codes of shape {codes.shape}")
        if np.abs(np.asarray(operand.zero_point, np.int64)).max() > MOST_ZERO:
            raise ValueError(f"{what}: zero points beyond {MOST_ZERO}")


def _check_patterns(patterns: Patterns, what: str) -> None:
    codes, element, size = patterns.codes, patterns.format.element, patterns.format.block
    if codes.dtype != element.dtype or (codes.size and int(codes.max()) >> element.bits):
        raise ValueError(f"{what}: patterns of type {codes.dtype} that are no {patterns.format.name}")
    if not size and patterns.scales is None:
        return
    blocks = block_starts(codes.shape[1], patterns.sets, size).size if size else 0
    wanted = codes.shape[0], blocks, *codes.shape[2:]
    if patterns.scales is None or patterns.scales.dtype != np.uint8 or patterns.scales.shape != wanted:
        found = None if patterns.scales is None else patterns.scales.shape
        raise ValueError(f"{what}: scales of shape {found}, expected {wanted}")


def _check(manifest: Mapping[str, Any]) -> None:
    for key, kind in (("key", str), ("name", str), ("layers", list), ("warnings", list), ("files", dict)):
        _require(isinstance(manifest[key], kind), f"{key} is no {kind.__name__}")
    _require(all(isinstance(line, str) for line in manifest["warnings"]), "a warning is no text")
    _require(_whole(manifest["samples"], 1, MOST_SIZE), "samples is no number above 0")
    _require(bool(manifest["layers"]), "it has no layers")
    for name, entry in manifest["files"].items():
        _require(_inside(name), f"file {name[:80]!r} stands outside the bundle")
        _require(_whole(entry["size_bytes"], 0, 1 << 62), f"{name}: size {entry['size_bytes']!r}")
        _require(isinstance(entry["sha256"], str), f"{name}: no digest")
    for item in manifest["layers"]:
        for shape in item["shapes"]:
            _check_shape(shape)


def _check_shape(shape: Mapping[str, Any]) -> None:
    _require(all(_whole(shape[name], 1, MOST_SIZE) for name in _SIZES if name in shape), f"a layer of shape {shape}")
    for name, (count, least) in _PAIRS.items():
        found = shape.get(name, [1] * count)
        fits = isinstance(found, list) and len(found) == count and all(_whole(n, least, MOST_SIZE) for n in found)
        _require(fits, f"{name} {found!r}")


def _check_layer(place: int, record: LayerRecord, manifest: Mapping[str, Any]) -> None:
    samples, files, here = manifest["samples"], manifest["files"], f"layer {place}"
    _require(record.index == place and isinstance(record.name, str), f"{here} says that it is layer {record.index!r}")
    _require(len(record.shapes) == samples, f"{here} has shapes of {len(record.shapes)} samples, the bundle {samples}")
    for shape in record.shapes:
        sizes = (shape.activation_shape, shape.weight_shape, shape.output_shape)
        _require(max(math.prod(size) for size in sizes) < 1 << 62, f"{here} is larger than any memory")
    made = manifest.get("made") is not None
    own = [*record.sample_files, *([] if record.weight_file is None else [record.weight_file])]
    _require(
        made or len(record.sample_files) == samples,
        f"{here} has {len(record.sample_files)} files for {samples} samples",
    )
    for name in own:
        _require(
            isinstance(name, str) and name in files, f"{here} is in a file that the bundle does not have: {name!r}"
        )
    _require(set(record.varying) <= set(_ROLES), f"{here} varies in what it does not have")
    _require(all(len(entries) == samples for entries in record.varying.values()), f"{here} varies over other samples")
    for sample in range(samples if record.varying else 1):
        parameters = record.parameters(sample)
        _require(set(parameters) <= set(_ROLES), f"{here} has operands {sorted(parameters)}")
        for role in _ROLES[:2]:
            _require(parameters[role] is not None, f"{here} has no {role}")
        for role, entry in parameters.items():
            if entry is not None:
                _check_operand(entry, _size(record, sample, role), f"{here}: {role}")


def _size(record: LayerRecord, sample: int, role: str) -> tuple[int, ...]:
    size: tuple[int, ...] = getattr(record.shapes[sample], f"{role}_shape")
    return size


def _check_operand(entry: Mapping[str, Any], size: tuple[int, ...], what: str) -> None:
    if entry.get("format") is not None:
        number_format(entry["format"])
        return
    axis, bits = entry["axis"], entry["bits"]
    _require(_whole(bits, 1, 16), f"{what} has codes of {bits!r} bits")
    _require(isinstance(entry["signed"], bool), f"{what} is neither signed nor unsigned")
    _require(axis is None or _whole(axis, 0, 3), f"{what} has axis {axis!r}")
    precision = entry.get("precision")
    _require(precision is None or _whole(precision, 1, bits), f"{what} needs {precision!r} of {bits} bits")
    checks: tuple[tuple[str, Callable[[Any], bool]], ...] = (("scale", _real), ("zero_point", _code))
    for name, sound in checks:
        found = entry[name]
        many = isinstance(found, list)
        _require(not many or axis is not None, f"{what} has several numbers of {name} and no axis")
        _require(
            axis is None or not many or len(found) in (1, size[axis]), f"{what} has {name} for another number of slices"
        )
        _require(
            found is None or all(sound(n) for n in (found if many else [found])), f"{what} has {name} {found!r:.80}"
        )


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and name.isprintable()
        and "\\" not in name
    )


def _whole(number: Any, least: int, most: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and least <= number <= most


def _real(number: Any) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)


def _code(number: Any) -> bool:
    return _whole(number, -MOST_ZERO, MOST_ZERO)


def _require(sound: bool, problem: str) -> None:
    if not sound:
        raise _Contradiction(problem)
