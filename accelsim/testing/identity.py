"""A machine is its description: written and read again, sent to another process, or with one parameter changed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import ValidationError

from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Batch, load_hardware
from accelsim.config import Spec

UNMEASURED = ("source", "description", "type", "note")
"""Keys of a section that say where it comes from or whose it is, not what the machine does."""


def written_and_read(machine: ArrayAccelerator, folder: Path) -> ArrayAccelerator:
    """Return `machine` after its fields went through a YAML file in `folder`."""
    path = folder / "machine.yaml"
    path.write_text(yaml.safe_dump(machine.model_dump(), sort_keys=False), encoding="utf-8")
    found = load_hardware(str(path))
    assert isinstance(found, ArrayAccelerator), f"{path} reads as {type(found).__name__}"
    return found


def sent(machine: ArrayAccelerator) -> ArrayAccelerator:
    """Return `machine` as another process of a pool would receive it."""
    found: ArrayAccelerator = ForkingPickler.loads(ForkingPickler.dumps(machine))
    return found


def with_batch(machine: ArrayAccelerator, size: int) -> ArrayAccelerator:
    """Return `machine` with another batch size."""
    return machine.model_copy(update={"batch": Batch(size=size, source="assumed")})


def changed(
    machine: ArrayAccelerator, alternatives: Mapping[str, Any]
) -> Iterator[tuple[str, ArrayAccelerator | None]]:
    """Yield each parameter of the section `accelerator` as key path, with the machine that differs in it alone.

    alternatives: another valid value of a parameter, where trying finds none; None stands for a machine that
    could not be made.
    """
    section = machine.accelerator
    for path, value in _leaves(section, ()):
        name = ".".join(path)
        tried = [alternatives[name]] if name in alternatives else _others(section, path, value)
        yield name, next((made for other in tried if (made := _made(machine, path, other)) is not None), None)


def _leaves(section: Spec, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name in type(section).model_fields:
        if name in UNMEASURED:
            continue
        value = getattr(section, name)
        if isinstance(value, Spec):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _others(section: Spec, path: tuple[str, ...], value: Any) -> list[Any]:
    for part in path[:-1]:
        section = getattr(section, part)
    words = [w for w in _words(type(section).model_fields[path[-1]].annotation) if w != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [*words, 2 * value, value + 1, value - 1, value // 2, 1]
    if isinstance(value, float):
        return [value / 2, value + 0.25, 2 * value, math.nextafter(value, 1.0)]
    if isinstance(value, list | tuple):
        return [type(value)(value[:-1]), type(value)([*value, *value[-1:]]), type(value)(reversed(value))]
    return [*words, 1, 1.0, True]


def _words(annotation: Any) -> list[Any]:
    """Return the members of every Literal inside an annotation."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [word for part in get_args(annotation) for word in _words(part)]


def _made(machine: ArrayAccelerator, path: tuple[str, ...], value: Any) -> ArrayAccelerator | None:
    """Return the machine with another value at `path`, checked as one from a file; None when it is not valid."""
    data = machine.model_dump()
    target = data["accelerator"]
    for part in path[:-1]:
        target = target[part]
    if target[path[-1]] == value:
        return None
    target[path[-1]] = value
    try:
        return type(machine).model_validate(data)
    except ValidationError:
        return None
