"""What reproducing a paper gives: tables of published and computed figures and what cannot be compared."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class Listing:
    """A further table of a paper: `columns` are shown, by name with their headings; `caption` says how to read it.

    shown: False for a long one, which is written into files and drawn but not printed.
    """

    title: str
    table: pd.DataFrame
    columns: dict[str, str]
    caption: str = ""
    shown: bool = True


@dataclass(frozen=True)
class PaperReport:
    """Published figures beside ours: `table` has a row per item; columns ``X`` (ours), ``X_published``, ``X_deviation``.

    quantities: the X, with their units. notes: conventions, assumptions and what could not be compared. item: columns
    that name a row. listings: further tables, by the name of their file.
    """

    title: str
    table: pd.DataFrame
    quantities: dict[str, str]
    notes: list[str]
    item: tuple[str, ...] = ("network", "layer")
    listings: dict[str, Listing] = field(default_factory=dict)

    def worst(self, quantity: str) -> float:
        """Return the largest absolute deviation (share of the published figure) of a quantity."""
        return float(self.table[f"{quantity}_deviation"].abs().max())


def with_deviations(table: pd.DataFrame, quantities: dict[str, str]) -> pd.DataFrame:
    """Add ``X_deviation`` = ours / published - 1 for every quantity."""
    added = {f"{q}_deviation": table[q] / table[f"{q}_published"] - 1 for q in quantities}
    return table.assign(**added)
