"""Readable quantities: engineering prefixes for numbers that carry a unit."""

from __future__ import annotations

import math

_PREFIXES = {-12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P"}


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
    exponent = min(15, max(-12, 3 * math.floor(math.log10(abs(value)) / 3)))
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
