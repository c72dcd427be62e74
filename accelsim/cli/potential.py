"""`accelsim potential`: ideal speedup of every property, exact, as a ratio of total work."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from accelsim.cli.options import Csv, Device, Out, WorkloadName, check_csv


def potential(
    workload: WorkloadName,
    out: Out = None,
    csv: Csv = False,
    width: Annotated[int, typer.Option("--width", help="Width in bits of the bit-parallel baseline.")] = 16,
    padding: Annotated[str, typer.Option("--padding", help="Products with padding zeros: in or out.")] = "in",
    every: Annotated[bool, typer.Option("--all", help="Print every group size and trimmed precisions too.")] = False,
    device: Device = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change one key of the workload.")] = None,
) -> None:
    """Compute what skipping each kind of ineffectual work could gain at most on WORKLOAD."""
    from accelsim.analyzers.potential import potential as compute
    from accelsim.analyzers.potential import summarise
    from accelsim.report import text
    from accelsim.report.text import trace as trace_text
    from accelsim.results import marked
    from accelsim.tables import write_table
    from accelsim.workload import load_workload, open_trace

    check_csv(out, csv)
    trace = open_trace(load_workload(workload, [s.removeprefix("workload.") for s in settings or []]))
    costs: Any = None
    if device is not None:
        from accelsim.gpu.statistics import engine_on

        costs = engine_on(device).operand_costs
    layers = compute(trace, width=width, padding=padding, costs=costs)
    console = text.console()
    console.print(trace_text.potentials(summarise(layers), trace, width, padding, every))
    for line in text.warnings(trace.warnings):
        console.print(line)
    if out is not None:
        paths = write_table(marked(layers, trace.warnings), out, "potential", csv)
        console.print(f"wrote {', '.join(str(p) for p in paths)}")
