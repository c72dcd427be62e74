"""Tables of YAML keys: walks the configuration models for type, default and meaning of every key."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from accelsim.config import Bytes, BytesPerSecond
from docs.generate import words
from docs.generate.markdown import code, first_line, table, text

ROOT = Path(__file__).resolve().parents[2]
HEAD = ("key", "type", "default", "meaning")
_COMMENT = re.compile(r"^(?P<indent> *)(?P<key>[\w]+): *(?P<value>[^#]*?)(?: +# (?P<comment>.*))?$")


def keys(model: type[BaseModel], path: str = "", without: tuple[str, ...] = ()) -> list[str]:
    """Return a table of all keys of `model`, those of its sections included.

    path: what stands before each key. without: keys whose sections are described elsewhere.
    """
    return table(HEAD, rows(model, path, without))


def rows(model: type[BaseModel], path: str = "", without: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """Give a row for each key of `model` and of the sections inside."""
    for name, field in model.model_fields.items():
        place = f"{path}{name}"
        if place in without:
            continue
        default = "required" if field.is_required() else code(value(field.get_default(call_default_factory=True)))
        inner = sections(field.annotation)
        listed = (
            "*NAME*." if get_origin(_bare(field.annotation)) is dict else "[]." if _listed(field.annotation) else "."
        )
        given = _quantity(field.annotation, field.metadata) or kind(field.annotation)
        yield [_place(place), given, default, text(meaning(model, name, place))]
        for section in inner:
            yield from rows(section, place + (f".{listed}" if listed == "*NAME*." else listed), without)


def sections(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that the value of a key can be."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in sections(part)]


def meaning(model: type[BaseModel], name: str, place: str = "") -> str:
    """Return what a key means: its own description, the docstring of its section, or a comment of a shipped YAML."""
    field = model.model_fields[name]
    if field.description:
        return field.description
    for base in model.__mro__:
        if (found := glossary(base).get(name)) is not None:
            return found
    tiled = {"lanes", "tiles"} <= set(model.model_fields)  # the comments are those of such an array
    if (found := comments().get(place)) and (tiled or not place.startswith("accelerator.")):
        return found
    inner = sections(field.annotation)
    return words.meaning(place) or (first_line(inner[0].__doc__) if inner else "")


@lru_cache(maxsize=256)
def glossary(model: type) -> dict[str, str]:
    """Return what the docstring of `model` says of its fields: ``name: meaning.`` or ``name, other: meaning.``"""
    fields = "|".join(sorted(getattr(model, "model_fields", {}), key=len, reverse=True))
    if not fields or not model.__doc__:
        return {}
    words = " ".join(inspect.cleandoc(model.__doc__).split())
    found = list(re.finditer(rf"(?:^|(?<=[.;:] ))((?:{fields})(?:(?:, and |, | and )(?:{fields}))*): ", words))
    ends = [*(match.start() for match in found[1:]), len(words)][: len(found)]
    said: dict[str, str] = {}
    for match, end in zip(found, ends, strict=True):
        meaning = words[match.end() : end].strip().rstrip(";")
        said |= dict.fromkeys(re.findall(fields, match.group(1)), meaning)
    return said


@lru_cache(maxsize=1)
def comments() -> dict[str, str]:
    """Return the comments behind keys of hwconfigs/annotated.yaml, by path; levels of memory are called NAME."""
    found: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    for line in (ROOT / "hwconfigs" / "annotated.yaml").read_text(encoding="utf-8").splitlines():
        match = _COMMENT.match(line.replace("# part", "  part").replace("# channels", "  channels"))
        if match is None:
            continue
        depth = len(match["indent"])
        stack = [entry for entry in stack if entry[0] < depth]
        names = [name for _, name in stack] + [match["key"]]
        if len(names) > 1 and names[0] == "memory":
            names[1] = "*NAME*"
        if match["comment"]:
            found.setdefault(".".join(names), match["comment"])
        stack.append((depth, match["key"]))
    return found


def kind(annotation: Any) -> str:
    """Return the type of a value in words."""
    bare = _bare(annotation)
    if get_origin(bare) is Literal:
        return " ".join(code(choice) for choice in get_args(bare))
    if get_origin(bare) in (typing.Union, UnionType):
        parts = [kind(part) for part in get_args(bare) if part is not NoneType]
        return " or ".join(dict.fromkeys(parts))
    if get_origin(bare) in (list, tuple):
        return f"list of {kind(get_args(bare)[0])}"
    if get_origin(bare) is dict:
        return f"names with {kind(get_args(bare)[1])}"
    if inspect.isclass(bare) and issubclass(bare, BaseModel):
        return "section"
    return {int: "whole number", float: "number", str: "text", bool: "`true` `false`", NoneType: "nothing"}.get(
        bare, "value"
    )


def value(default: Any) -> str:
    """Return a default as it stands in YAML."""
    if isinstance(default, BaseModel) or default is None or default in ((), {}, [], ""):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return "[" + ", ".join(map(str, default)) + "]" if isinstance(default, list | tuple) else str(default)


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (typing.Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not NoneType]
        return _bare(parts[0]) if len(parts) == 1 else annotation
    return annotation


def _listed(annotation: Any) -> bool:
    return get_origin(_bare(annotation)) in (list, tuple)


def _place(path: str) -> str:
    return "".join(part if part.startswith("*") else f"`{part}`" for part in re.split(r"(\*NAME\*)", path) if part)


def _quantity(annotation: Any, metadata: list[Any]) -> str:
    """Return "bytes" or "bytes per second" where a value may be written with such a unit."""
    for name, kind_of in (("bytes, as 64KiB", Bytes), ("bytes per second, as 25.6GB/s", BytesPerSecond)):
        mark = kind_of.__metadata__[0]
        if mark in metadata or any(
            mark in getattr(part, "__metadata__", ()) for part in (annotation, *get_args(annotation))
        ):
            return name
    return ""
