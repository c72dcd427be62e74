"""Documents that are nearly right: a good one with a few values, keys and sections changed, or a section by its schema."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel

_NUMBERS = (
    0, -1, 1, 2, 3, 7, 255, 2**16, 2**16 + 1, 2**31, 2**53 + 1, 2**62, 2**63, 10**30, 0.5, -0.0, 1e-30, 1e30, 1e-300, 1e308,
    float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
_WORDS = (
    "", "~", "no", "nan", "1e999", "64KiB", "-1KiB", "1e300GiB", "0x", "../../x", "/etc/passwd", "~nobody/x", "a\0b", "\x1b[31m",
    "\u202e", "é", "日本", "\U0001f600", "x" * 3000, "a: b", "[", "*a", "&a", "!!python/name:os.system", "K2 / K", "ddr4", "energy",
)  # fmt: skip
_OTHERS = (None, True, False, [], {}, [[]], {"a": 1}, [1, 2], ["weight"], {"source": "assumed"})
ODD = st.sampled_from((*_NUMBERS, *_NUMBERS, *_WORDS, *_OTHERS))
"""A value that hardly any key may have."""


def _odd(draw: st.DrawFn) -> Any:
    return copy.deepcopy(draw(ODD))  # lists and sections are changed further


@st.composite
def changed(draw: st.DrawFn, documents: Sequence[dict[str, Any]], most: int = 3) -> dict[str, Any]:
    """Draw one of `documents` with one to `most` changes: values replaced, keys left out, put in, misspelt or moved."""
    found: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(list(documents))))
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(found))
        if not places:
            break
        section, key = places[draw(st.integers(0, len(places) - 1))]
        kind = draw(st.integers(0, 9))
        if kind < 6:
            section[key] = _odd(draw)
        elif kind == 6:
            del section[key]
        elif kind == 7:
            other, there = places[draw(st.integers(0, len(places) - 1))]
            section[key] = copy.deepcopy(other[there]) if there in other or isinstance(other, list) else None
        elif isinstance(section, dict):
            section[draw(st.sampled_from((f"{key}s", str(key)[:-1], f"{key}\u200b", "", "x", "<<")))] = _odd(draw)
        else:
            section.append(_odd(draw))
    return found


def _places(section: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every dictionary or list of a document with each of its keys or places."""
    for key in list(section) if isinstance(section, dict) else range(len(section)):
        yield section, key
        if isinstance(section[key], dict | list):
            yield from _places(section[key])


def text_of(document: Any) -> str:
    """Return a document as YAML: JSON is YAML but for its names of what is no number."""
    return json.dumps(document).replace("NaN", ".nan").replace("Infinity", ".inf")


@st.composite
def section(draw: st.DrawFn, model: type[BaseModel], wrong: int = 12) -> dict[str, Any]:
    """Draw a section of `model` by its schema; about one value in `wrong` is odd, and a key in as many is left out."""
    found: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        chance = draw(st.integers(0, wrong))
        if chance == 0 or (chance % 2 and not info.is_required()):
            continue
        found[name] = _odd(draw) if chance == wrong else draw(_value(info.annotation, tuple(info.metadata), wrong))
    return found


def _value(kind: Any, bounds: tuple[Any, ...], wrong: int) -> st.SearchStrategy[Any]:
    """Return values of an annotation within its bounds."""
    origin = get_origin(kind)
    if hasattr(kind, "__metadata__"):  # Annotated
        return _value(kind.__origin__, (*bounds, *kind.__metadata__), wrong)
    if origin in (Union, UnionType):
        return st.one_of(*(_value(choice, bounds, wrong) for choice in get_args(kind)))
    if origin is Literal:
        return st.sampled_from(get_args(kind))
    if origin in (list, tuple):
        inside = next((choice for choice in get_args(kind) if choice is not Ellipsis), int)
        return st.lists(_value(inside, (), wrong), max_size=3)
    if origin is dict:
        return st.dictionaries(st.sampled_from(["buffer", "*", "a"]), _value(get_args(kind)[1], (), wrong), max_size=2)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return section(kind, wrong)
    low, high = _limits(bounds)
    numbers = {
        bool: st.booleans(),
        int: st.integers(int(low), int(high)),
        float: st.floats(low, high, allow_subnormal=False),
        type(None): st.none(),
    }
    return numbers.get(kind, st.sampled_from(["a", "assumed", "plain", "K2 / K", "conv1"]))


def _limits(bounds: tuple[Any, ...]) -> tuple[float, float]:
    low, high = 0.0, 64.0
    for bound in (m for given in bounds for m in (getattr(given, "metadata", None) or [given])):
        low = max(low, getattr(bound, "ge", None) or low, getattr(bound, "gt", None) or low)
        high = min(high, getattr(bound, "le", None) or high, getattr(bound, "lt", None) or high)
    return low, max(low, high)
