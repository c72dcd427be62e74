"""`accelsim explain COLUMN`: unit, meaning and formula of a result column."""

from __future__ import annotations

from typing import Annotated

import typer


def explain(column: Annotated[str, typer.Argument(help="Name of a result column; 'all' lists every one.")]) -> None:
    """Say what a result column means: its unit, what it counts, its formula."""
    from accelsim import results
    from accelsim.report.vocabulary import learn

    learn()
    names = sorted(results.COLUMNS) if column == "all" else [column]
    for name in names:
        entry = results.column(name)
        typer.echo(f"{entry.name} [{entry.unit or 'no unit'}]: {entry.meaning}")
        if entry.formula:
            typer.echo(f"    = {entry.formula}")
