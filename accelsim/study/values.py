"""The values of an axis, written on one line: ranges `a..b:xF`, `a..b:+S`, `a..b`, and lists `a,b,c`."""

from __future__ import annotations

import math
import re

from accelsim.errors import ConfigError, shortened
from accelsim.units import parse_bytes

_RANGE = re.compile(r"^(?P<first>[^.:]+(\.[0-9][^.:]*)?)\.\.(?P<last>[^:]+?)(:(?P<kind>[x+])(?P<step>[^:]+))?$")
_OPENING, _CLOSING = "[{(", "]})"
MOST_VALUES = 100_000
"""Values of one axis; a longer range is a slip of the pen."""


def values(text: str) -> list[str]:
    """Return the values that `text` stands for, each as it would be given to one run.

    A part of a list may be a range. Commas inside brackets or quotes belong to the value, so YAML flow lists stay
    whole. Raises ConfigError for a range that is not one.

    >>> values("16KiB..64KiB"), values("5e9,10e9"), values("[1, 2]"), values("2..8:+3,plain")
    (['16384', '32768', '65536'], ['5e9', '10e9'], ['[1, 2]'], ['2', '5', '8', 'plain'])
    """
    return [value for part in _split(text) for value in (_range(part) if _is_range(part) else [part])]


def number(text: str) -> float | None:
    """Return the number that a value is, sizes in bytes; None for a word.

    >>> number("64KiB"), number("1e-3"), number("plain"), number("true")
    (65536.0, 0.001, None, None)
    """
    try:
        found = float(text.replace("_", ""))
    except ValueError:
        try:
            return parse_bytes(text)
        except ValueError:
            return None
    return found if math.isfinite(found) else None


def _is_range(part: str) -> bool:
    found = _RANGE.match(part)
    return bool(found) and number(found["first"]) is not None if found else False


def _range(text: str) -> list[str]:
    found = _RANGE.match(text)
    assert found is not None
    first, last = number(found["first"]), number(found["last"])
    geometric = found["kind"] in (None, "x")
    step = 2.0 if found["step"] is None else number(found["step"])
    what = f"range {shortened(text)!r}"
    hint = "for example 16KiB..1MiB:x2, 16..64:+16 or 16KiB..1MiB"
    if first is None or last is None or step is None:
        raise ConfigError(f"{what}: its ends and its step must be numbers", hint)
    if last < first:
        raise ConfigError(f"{what} ends before it begins", f"write {found['last']}..{found['first']}")
    if geometric and (step <= 1 or first <= 0):
        raise ConfigError(f"{what}: a factor is greater than 1 and starts above 0", hint)
    if not geometric and step <= 0:
        raise ConfigError(f"{what}: a step is greater than 0", hint)
    apart = last / first if geometric else (last - first) / step
    room = math.log(apart) / math.log(step) if geometric else apart
    if apart > 1e300 or room + 1e-9 >= MOST_VALUES:
        raise ConfigError(f"{what} has more values than the {MOST_VALUES:,} of an axis", "take a larger step")
    count = math.floor(room + 1e-9) + 1
    steps = [first * step**i if geometric else first + step * i for i in range(count)]
    fraction = any("." in part or "e" in part.lower() for part in (found["first"],) if part[-1:].isdigit())
    return [_written(value, fraction) for value in steps]


def _written(value: float, fraction: bool) -> str:
    """Return a number as YAML: a whole one without a point unless the range began with a fraction."""
    near = value if value.is_integer() else float(f"{value:.15g}")
    return str(int(near)) if near.is_integer() and not fraction and abs(near) < 2**53 else repr(near)


def _split(text: str) -> list[str]:
    """Return the parts of `text` between commas outside brackets and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in _OPENING:
            depth += 1
        elif letter in _CLOSING:
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts = [part.strip() for part in (*parts, text[start:])]
    if len(parts) > 1 and not all(parts):
        raise ConfigError(f"list {shortened(text)!r} has an empty value", "for example 5e9,10e9,20e9")
    return parts
