"""The dictionary of result columns: name, unit, meaning and formula, declared by the module that computes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from accelsim.errors import ConfigError, unknown_name


@dataclass(frozen=True)
class Column:
    """Meaning of a result column: its unit, what it counts and how it is computed."""

    name: str
    unit: str
    meaning: str
    formula: str = ""
    sums: bool = True


COLUMNS: dict[str, Column] = {}

_NAMED_BY_USERS: set[str] = set()


def declare(*columns: Column, named_by_user: bool = False) -> None:
    """Add `columns` to the dictionary; called by the module that computes them.

    named_by_user: after a part of a machine that its YAML names; gives way to what a module declares. Raises
    ConfigError when a name already has another meaning.
    """
    for column in columns:
        known = COLUMNS.get(column.name)
        if named_by_user and known is not None:
            continue
        if known not in (None, column) and column.name not in _NAMED_BY_USERS:
            raise ConfigError(f"two result columns are called {column.name!r}", "give one of them another name")
        COLUMNS[column.name] = column
        if named_by_user:
            _NAMED_BY_USERS.add(column.name)
        else:
            _NAMED_BY_USERS.discard(column.name)


def column(name: str) -> Column:
    """Return the dictionary entry of `name`. Raises UnknownNameError with the nearest names."""
    if name not in COLUMNS:
        raise unknown_name("column", name, COLUMNS)
    return COLUMNS[name]


def describe(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return unit, meaning and formula of each declared column among `names`."""
    known = (COLUMNS[n] for n in names if n in COLUMNS)
    return {c.name: {"unit": c.unit, "meaning": c.meaning, "formula": c.formula} for c in known}


declare(
    Column("machine", "", "name of the machine", sums=False),
    Column("workload", "", "name of the trace; geomean: geometric mean over the workloads", sums=False),
    Column(
        "statistic", "",
        "of comparisons network (ratio of totals) or layers (geometric mean over layers); over inputs the property", sums=False,
    ),
    Column(
        "axis", "",
        "key that a study varies, or the direction in which values are neighbours: position, channel, row, column", sums=False,
    ),
)  # fmt: skip
