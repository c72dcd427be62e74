"""What a model is fed: check arrays against what the model asks for, or make random ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.errors import InputError, shortened
from accelsim.sources.graphs.values import Array, Format

Feed = dict[str, Array]

LARGEST_INPUT = 1 << 30
"""Numbers of one random input; a model that declares more has a damaged shape."""


@dataclass(frozen=True)
class Asked:
    """One input of a model: shape with None or a word for a free size; format of its codes if it takes codes."""

    name: str
    shape: tuple[int | str | None, ...] | None
    dtype: np.dtype[Any]
    format: Format | None = None

    def __str__(self) -> str:
        sizes = "x".join("?" if s is None else str(s)[:40] for s in self.shape or ()) or "scalar"
        return f"{shortened(self.name)} ({self.dtype} {'of any shape' if self.shape is None else shortened(sizes)})"


def matched(given: Mapping[str, Array], asked: Sequence[Asked], model: str) -> Feed:
    """Return the arrays of one sample as the model takes them; a model of one input takes the only array, any name.

    Real numbers become codes where the model asks for codes. An array may have one axis of size 1 more than asked
    for. Raises InputError when a name, a shape or a type does not fit.
    """
    if len(asked) == 1 and len(given) == 1:
        given = {asked[0].name: next(iter(given.values()))}
    missing = [item for item in asked if item.name not in given]
    surplus = sorted(set(given) - {item.name for item in asked})
    if missing or surplus:
        wanted = ", ".join(str(item) for item in asked)
        found = f"are given {', '.join(sorted(given))}" if given else "there is none"
        raise InputError(f"{model} takes the inputs {wanted}; {found}", "name the arrays of the .npz after the inputs")
    return {item.name: _fitting(given[item.name], item, model) for item in asked}


def random_feeds(asked: Sequence[Asked], samples: int, seed: int, sizes: Mapping[str, int], model: str) -> list[Feed]:
    """Return `samples` feeds of standard normal numbers (codes of these where the model asks for codes).

    sizes: of the free sizes that have a name; a free first axis is 1. Raises InputError for a free size without a
    value, or for an input of integers, whose valid numbers are not known.
    """
    generator = np.random.default_rng(seed)
    shapes = {item.name: _filled(item, sizes, model) for item in asked}
    return [{item.name: _random(item, shapes[item.name], generator, model) for item in asked} for _ in range(samples)]


def _random(item: Asked, shape: tuple[int, ...], generator: np.random.Generator, model: str) -> Array:
    if item.dtype.kind == "f" or item.format is not None:
        numbers = generator.standard_normal(shape, np.float32)
        return item.format.codes(numbers) if item.format is not None else numbers.astype(item.dtype)
    if item.dtype in (np.uint8, np.int8):
        limits = np.iinfo(item.dtype)
        return generator.integers(limits.min, limits.max, shape, item.dtype, endpoint=True)
    raise InputError(
        f"{model}: input {item} cannot be made at random, its valid numbers are not known", "give `inputs: FILE.npz`"
    )


def _filled(item: Asked, sizes: Mapping[str, int], model: str) -> tuple[int, ...]:
    if item.shape is None:
        raise InputError(f"{model}: input {shortened(item.name)} has no declared shape", "give `inputs: FILE.npz`")
    found: list[int] = []
    for place, size in enumerate(item.shape):
        value = size if isinstance(size, int) else sizes.get(size or "", None if place else 1)
        if value is None:
            hint = "give `inputs: FILE.npz`" + (f", or `sizes: {{{size}: 16}}`" if size else "")
            raise InputError(f"{model}: input {item} has a free size", hint)
        found.append(value)
    if min(found, default=1) < 1 or math.prod(found) > LARGEST_INPUT:
        raise InputError(f"{model}: input {item} cannot be made at random in these sizes", "give `inputs: FILE.npz`")
    return tuple(found)


def _fitting(array: Array, item: Asked, model: str) -> Array:
    where = f"{model}: input {shortened(item.name)}"
    if item.shape is not None and array.ndim == len(item.shape) + 1 and array.shape[0] == 1:
        array = array[0]
    fits = item.shape is None or (
        array.ndim == len(item.shape)
        and all(not isinstance(want, int) or want == have for want, have in zip(item.shape, array.shape))
    )
    if not fits:
        raise InputError(
            f"{where} takes {item}, a sample of the array has shape {'x'.join(map(str, array.shape))}",
            "the first axis of an array counts the samples",
        )
    if array.dtype.kind not in "fiub":
        raise InputError(f"{where}: values of type {array.dtype}, expected numbers")
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        raise InputError(f"{where}: NaN or infinity in the array")
    if array.dtype.kind == "f" and item.format is not None:
        return item.format.codes(array)
    return _cast(array, item.dtype, where)


def _cast(array: Array, dtype: np.dtype[Any], where: str) -> Array:
    if dtype.kind in "iu" and array.dtype.kind in "iu" and array.size:
        limits = np.iinfo(dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise InputError(f"{where}: numbers from {array.min()} to {array.max()} do not fit in {dtype}")
    elif dtype.kind != "f" and not np.can_cast(array.dtype, dtype, "same_kind"):
        raise InputError(f"{where}: values of type {array.dtype}, the model takes {dtype}")
    return np.ascontiguousarray(array, dtype)
