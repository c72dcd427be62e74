"""The published table, and what a printed number leaves open."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pandas as pd

PRINTED = ("parameters_m", "macs_m", "macs_per_parameter", "macs_per_activation")


def published() -> pd.DataFrame:
    """Return the twelve networks as published; ``X_printed``: the columns of PRINTED as text, digits kept."""
    text = pd.read_csv(Path(__file__).with_name("published.csv"), comment="#", dtype=str)
    numbers = text.drop(columns=["network", "workload"]).apply(pd.to_numeric).astype(float)
    printed = text[list(PRINTED)].add_suffix("_printed")
    return pd.concat([text[["network", "workload"]], numbers, printed], axis=1)


def step(printed: str) -> Decimal:
    """Return the worth of the last digit of a printed number; a zero that ends a whole number is no digit.

    >>> step("7.00"), step("723"), step("1590")
    (Decimal('0.01'), Decimal('1'), Decimal('10'))
    """
    if "." in printed:
        return Decimal(1).scaleb(-len(printed.partition(".")[2]))
    return Decimal(10) ** (len(printed) - len(printed.rstrip("0")))


def units_off(value: float, printed: str) -> int:
    """Return by how many units of the last printed digit a rounded value differs from the printed one (0: it equals it)."""
    size = step(printed)
    return int((Decimal(float(value)) / size).quantize(Decimal(1), ROUND_HALF_UP) - Decimal(printed) / size)
