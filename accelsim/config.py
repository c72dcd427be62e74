"""Typed configuration: frozen pydantic models over strict YAML, every problem of a file named at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from accelsim import strictyaml
from accelsim.errors import ConfigError, unknown_name
from accelsim.units import parse_bytes

S = TypeVar("S", bound="Spec")


class Spec(BaseModel):
    """Base of every configuration section: immutable, no unknown keys, no silent type conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _whole_bytes(value: Any) -> Any:
    if isinstance(value, str | float) and (size := parse_bytes(value)).is_integer():
        return int(size)
    return value


Bytes = Annotated[int, BeforeValidator(_whole_bytes)]
"""A capacity in bytes, given as a number or as words such as 64KiB."""

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
        key, equals, text = setting.partition("=")
        keys = [k.strip() for k in key.split(".")]
        if not equals or not all(keys):
            raise ConfigError(
                f"--set {setting!r} is not of the form key.path=value", "for example --set clock.frequency_mhz=250"
            )
        target = data
        for part in keys[:-1]:
            child = target.setdefault(part, {})
            if not isinstance(child, dict):
                raise ConfigError(f"--set {setting!r}: {part!r} is a value, not a section")
            target = child
        target[keys[-1]] = strictyaml.parse(f"value: {text}", f"--set {setting}").data["value"]
        origins[tuple(keys)] = f"--set {setting}"
    return strictyaml.Document(document.path, data, document.lines, origins)


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
    shown = f", got {given!r} ({type(given).__name__})" if not isinstance(given, dict | list) else ""
    return f"{where}: {path}: {item['msg'].removeprefix('Value error, ')}{shown}"


def _keys_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    current: Any = model
    for part in location:
        info = getattr(current, "model_fields", {}).get(part)
        current = info.annotation if info is not None else None
    return list(getattr(current, "model_fields", {}))
