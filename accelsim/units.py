"""Readable quantities: engineering prefixes for numbers that carry a unit."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from accelsim.errors import shortened

_BYTES = re.compile(r"(?P<number>[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?)\s*(?P<unit>[A-Za-z]*)(?P<rate>/s)?")
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P"}


def engineering(value: float, unit: str = "", digits: int = 3) -> str:
    """Format `value` with an SI prefix and `digits` significant digits.

    >>> engineering(20_400_000, "B")
    '20.4 MB'
    >>> engineering(0.0031, "s")
    '3.10 ms'
    >>> engineering(9.999)
    '10.0'
    >>> engineering(0, "J")
    '0 J'
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f} {unit}".rstrip()
    exponent = min(15, max(-15, 3 * math.floor(math.log10(abs(value)) / 3)))
    scaled = value / 10.0**exponent
    if round(abs(scaled), max(0, digits - 3)) >= 1000 and exponent < 15:
        exponent += 3
        scaled /= 1000
    whole = len(str(int(abs(scaled)))) if abs(scaled) >= 1 else 1
    decimals = max(0, digits - whole)
    if round(abs(scaled), decimals) >= 10**whole:  # 9.999 has as many digits as 10.0
        decimals = max(0, decimals - 1)
    text = f"{scaled:.{decimals}f}"
    prefix = _PREFIXES[exponent]
    if exponent == 0 and float(value).is_integer():
        text = f"{value:.0f}"
    return f"{text} {prefix}{unit}".rstrip()


def inputs_per_second(value: float) -> str:
    """Format how many inputs a machine takes in a second.

    >>> inputs_per_second(46_400), inputs_per_second(464), inputs_per_second(0.231)
    ('46.4 k inputs/s', '464 inputs/s', '0.231 inputs/s')
    """
    return f"{value:.3g} inputs/s" if 0 < value < 1 else f"{engineering(value)} inputs/s"


def percent(fraction: float, digits: int = 1) -> str:
    """Format a fraction of one as a percentage.

    >>> percent(0.4567)
    '45.7 %'
    """
    return "-" if math.isnan(fraction) else f"{100 * fraction:.{digits}f} %"


def picojoules(value: float) -> str:
    """Format an energy given in pJ.

    >>> picojoules(1.5e9)
    '1.50 mJ'
    """
    return engineering(value * 1e-12, "J")


_SIZES = {
    "": 1,
    "B": 1,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}


def parse_bytes(text: str | float, rate: bool = True) -> float:
    """Return a number of bytes (or bytes per second) from a number or words such as "108KiB", "480 MB/s".

    KiB, MiB, GiB, TiB are powers of 1024; KB, MB, GB, TB powers of 1000; a small b would be bits. rate: whether "/s" may stand
    behind it. Raises ValueError for anything else.

    >>> parse_bytes("108KiB"), parse_bytes("25.6 GB/s"), parse_bytes(512)
    (110592.0, 25600000000.0, 512.0)
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    words = str(text).strip()
    found = _BYTES.fullmatch(words)
    if found is None or found["unit"].upper() not in _SIZES:
        raise ValueError(f"{shortened(words)!r} is no number of bytes; for example 65536, 64KiB, 2MiB, 25.6GB/s")
    if found["unit"].endswith("b"):
        raise ValueError(f"{shortened(words)!r} is a number of bits (b); give bytes (B), an eighth of it")
    if found["rate"] and not rate:
        raise ValueError(f"{shortened(words)!r} is a bandwidth, not a size")
    size = float(found["number"]) * _SIZES[found["unit"].upper()]
    if math.isinf(size):
        raise ValueError(f"{shortened(words)!r} is too large a number of bytes")
    return size


def binary_bytes(value: float) -> str:
    """Format a capacity in bytes with the largest binary prefix that divides it well.

    >>> binary_bytes(110592), binary_bytes(2 * 2**20), binary_bytes(500), binary_bytes(12 * 2**40)
    ('108 KiB', '2 MiB', '500 B', '12 TiB')
    """
    for unit, size in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value:.4g} B"


def few(names: Iterable[str], most: int = 20, between: str = ", ") -> str:
    """Return names one after another, and of those beyond `most` their number.

    >>> few(["a", "b", "c"]), few("abcdef", most=2)
    ('a, b, c', 'a, b, and 4 more')
    """
    every = list(names)
    told = every if len(every) <= most + 1 else [*every[:most], f"and {len(every) - most:,} more"]
    return between.join(told)
