"""`accelsim explain NAME`: a result column (unit, meaning, formula), or an energy table or model with its sources."""

from __future__ import annotations

from typing import Annotated

import typer


def explain(
    name: Annotated[
        str,
        typer.Argument(
            help="A result column ('all' lists every one), or a name of `accelsim list energy`: a table, a kind of DRAM, a model."
        ),
    ],
) -> None:
    """Say what a result column means (unit, what it counts, formula), or what an energy table holds and its sources."""
    from accelsim import columns
    from accelsim.errors import unknown_name
    from accelsim.report import terminal
    from accelsim.report.text.energy import energy_names, energy_text
    from accelsim.report.vocabulary import learn

    if name in energy_names():
        typer.echo(energy_text(name))
        return
    learn()
    if name not in columns.COLUMNS and name != "all":
        raise unknown_name("column or energy table", name, [*columns.COLUMNS, *energy_names()])
    chosen = sorted(columns.COLUMNS) if name == "all" else [name]
    terminal.entries("columns", [{"name": key, **entry} for key, entry in columns.describe(chosen).items()])
    for column in chosen:
        entry = columns.column(column)
        typer.echo(f"{entry.name} [{entry.unit or 'no unit'}]: {entry.meaning}")
        if entry.formula:
            typer.echo(f"    = {entry.formula}")
