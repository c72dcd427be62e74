"""`accelsim precision`: the fewest bits of each layer's operands at which a network still does its task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.options import Csv, Out, WorkloadName, check_csv


def precision(
    workload: WorkloadName,
    drop: Annotated[float, typer.Option("--drop", help="Share of the metric that may be lost.")] = 0.01,
    operands: Annotated[
        list[str] | None, typer.Option("--operands", help="What is narrowed: activation, weight (without it both).")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="The class of each input, a line each (.txt) or an array (.npy).")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of test sets (cifar10/, set12/) for shipped networks.")
    ] = None,
    most: Annotated[
        int | None, typer.Option("--most", min=1, help="Inputs that the metric is taken on at most.")
    ] = None,
    out: Out = None,
    csv: Csv = False,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change one key of the workload.")] = None,
) -> None:
    """Search the smallest precision of each operand of WORKLOAD that keeps its task metric; kept and resumed."""
    from accelsim.errors import unknown_name
    from accelsim.files.cache import cache_folder
    from accelsim.report import text
    from accelsim.report.text import precision as precision_text
    from accelsim.sources.precision.network import narrowable
    from accelsim.study.precision import ROLES, search_precisions
    from accelsim.tables import write_table
    from accelsim.workload import load_workload

    check_csv(out, csv)
    roles = list(dict.fromkeys(operands or ROLES))
    for role in roles:
        if role not in ROLES:
            raise unknown_name("operand", role, ROLES)
    chosen = load_workload(workload, [s.removeprefix("workload.") for s in settings or []])
    network = narrowable(chosen.chosen, chosen.name, chosen.inputs, labels, data, most)
    found = search_precisions(network, drop, roles, cache_folder() / "precision" / chosen.name, network.warnings)
    console = text.console()
    console.print(precision_text.profile(found, chosen.name, len(network.places)))
    for line in text.warnings(found.warnings):
        console.print(line)
    if out is not None:
        paths = write_table(found.table(), out, "precision", csv)
        console.print(f"wrote {', '.join(str(p) for p in paths)}", soft_wrap=True)
