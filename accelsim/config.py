"""Typed configuration: frozen pydantic models over strict YAML, every problem of a file named at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from accelsim import strictyaml
from accelsim.errors import ConfigError, shortened, unknown_name
from accelsim.units import parse_bytes

S = TypeVar("S", bound="Spec")


class Spec(BaseModel):
    """Base of every configuration section: immutable, no unknown keys, no silent type conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _whole_bytes(value: Any) -> Any:
    if isinstance(value, str | float) and (size := parse_bytes(value, rate=False)).is_integer():
        return int(size)
    return value


MOST_COUNT = 1 << 16
"""Parts of one kind in a machine, where a key has no bound of its own."""

Bytes = Annotated[int, BeforeValidator(_whole_bytes), Field(le=1 << 50)]
"""A capacity in bytes, given as a number or as words such as 64KiB; at most 1 PiB."""

BytesPerSecond = Annotated[float, BeforeValidator(lambda v: parse_bytes(v) if isinstance(v, str | int) else v)]
"""A bandwidth, given as a number of bytes per second or as words such as 25.6GB/s."""


class Sourced(Spec):
    """A section of constants; `source` says where its numbers come from ("assumed" if nowhere)."""

    source: str = Field(min_length=1, description="paper and table of the numbers in this section, or 'assumed'")


def validate(model: type[S], document: strictyaml.Document) -> S:
    """Check `document` against `model` and return it typed.

    Raises ConfigError listing every problem as ``file:line: key path: what, expected what``.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        problems = [_problem(model, document, dict(item)) for item in error.errors()]
        noun = "problem" if len(problems) == 1 else "problems"
        raise ConfigError(f"{document.path}: {len(problems)} {noun}", problems=problems) from None


def oversized(section: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], int]]:
    """Yield key path and value of the whole numbers in a section that are above `MOST_COUNT` and have no other bound."""
    if isinstance(section, BaseModel):
        for name in _unbounded(type(section)):
            yield from oversized(getattr(section, name), (*at, name))
    elif isinstance(section, dict | list | tuple):
        for key, value in section.items() if isinstance(section, dict) else enumerate(section):
            yield from oversized(value, (*at, key))
    elif isinstance(section, int) and section > MOST_COUNT:
        yield at, section


@lru_cache(maxsize=256)
def _unbounded(kind: type[BaseModel]) -> tuple[str, ...]:
    """Return the fields of a section that hold other sections, or whole numbers without an upper bound."""
    found = []
    for name, info in kind.model_fields.items():
        choices = [info.annotation, *get_args(info.annotation)]
        optional = [m for choice in choices for m in getattr(choice, "__metadata__", ())]
        bounds = [*info.metadata, *(m for given in optional for m in getattr(given, "metadata", ()))]
        inside = [choice for choice in choices if isinstance(choice, type) or get_origin(choice) in (list, dict, tuple)]
        numbers = [choice for choice in inside if choice not in (str, float, bool, type(None))]
        if numbers and not any(hasattr(m, "le") or hasattr(m, "lt") for m in bounds):
            found.append(name)
    return tuple(found)


def load(model: type[S], path: Path, overrides: Iterable[str] = ()) -> S:
    """Read the YAML file `path` as `model`, after applying ``a.b=c`` `overrides`."""
    return validate(model, override(strictyaml.read(path), overrides))


def override(document: strictyaml.Document, settings: Iterable[str]) -> strictyaml.Document:
    """Return `document` with each ``key.path=value`` of `settings` replaced or added.

    Values are read as YAML scalars or flow collections. Raises ConfigError for a malformed setting.
    """
    data: dict[str, Any] = json.loads(json.dumps(document.data))
    origins = dict(document.origins)
    for setting in settings:
        said = f"--set {shortened(setting, 200)}"
        keys, value = _changed(setting, said)
        target = data
        for part in keys[:-1]:
            child = target.setdefault(part, {})
            if not isinstance(child, dict):
                raise ConfigError(f"{said}: {part!r} is a value, not a section")
            target = child
        target[keys[-1]] = value
        origins[tuple(keys)] = said
    return strictyaml.Document(document.path, data, document.lines, origins)


def _changed(setting: str, said: str) -> tuple[list[str], Any]:
    """Return the key path and the value of a setting, which messages call `said`. Raises ConfigError."""
    key, equals, text = setting.partition("=")
    keys = [k.strip() for k in key.split(".")]
    if not equals or not all(keys) or not strictyaml.is_text(setting):
        raise ConfigError(f"{said!r} is not of the form key.path=value", "for example --set clock.frequency_mhz=250")
    if len(keys) > strictyaml.MOST_DEPTH:
        raise ConfigError(f"{said}: sections are nested too deeply", f"at most {strictyaml.MOST_DEPTH}")
    parsed = strictyaml.parse(f"value: {text}", said).data
    if set(parsed) != {"value"}:
        raise ConfigError(f"{said}: one setting changes one key", "give --set again for each key")
    return keys, parsed["value"]


def digest(*parts: Any) -> str:
    """Return a short content key (SHA-256, 16 bytes, hex) of JSON-serialisable `parts`."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"cannot key a {type(value).__name__}")


def _problem(model: type[BaseModel], document: strictyaml.Document, item: dict[str, Any]) -> str:
    location: tuple[str | int, ...] = tuple(item["loc"])
    path = ".".join(str(part) for part in location) or "(top)"
    where = document.where(location)
    if item["type"] == "extra_forbidden":
        near = unknown_name("key", str(location[-1]), _keys_at(model, location[:-1])).hint
        return f"{where}: {path}: unknown key; {near}"
    if item["type"] == "missing":
        return f"{where}: {path}: required key is missing"
    given = item.get("input")
    shown = "" if isinstance(given, dict | list) else f", got {shortened(repr(given))} ({type(given).__name__})"
    return f"{where}: {path}: {item['msg'].removeprefix('Value error, ')}{shown}"


def _keys_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Return the keys that a section may have; none where they depend on a choice."""
    current: Any = model
    for part in location:
        fields = getattr(current, "model_fields", None)
        if fields is not None:
            current = fields[part].annotation if part in fields else None
        elif get_origin(current) in (dict, list):
            current = get_args(current)[-1]
        else:
            return []
        inside = [kind for kind in get_args(current) if kind is not type(None)]
        if get_origin(current) in (Union, UnionType) and len(inside) == 1:  # X | None
            current = inside[0]
    return list(getattr(current, "model_fields", {}))
