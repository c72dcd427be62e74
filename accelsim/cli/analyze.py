"""`accelsim analyze`: value, bit and precision statistics of a workload's operands."""

from __future__ import annotations

from typing import Annotated

import typer

from accelsim.cli.options import Csv, Out, WorkloadName, check_csv


def analyze(
    workload: WorkloadName,
    out: Out = None,
    csv: Csv = False,
    padding: Annotated[str, typer.Option("--padding", help="Count padding zeros as values: in or out.")] = "in",
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change one key of the workload.")] = None,
) -> None:
    """Measure zeros, effectual bits and needed precision in the activations and weights of WORKLOAD."""
    from accelsim.analyzers.analyze import analyze as measure
    from accelsim.analyzers.formats import analyze_formats
    from accelsim.report import formats_text, text, trace_text
    from accelsim.results import marked, write_table
    from accelsim.workload import load_workload, open_trace

    check_csv(out, csv)
    trace = open_trace(load_workload(workload, [s.removeprefix("workload.") for s in settings or []]))
    result, formats = measure(trace, padding=padding), analyze_formats(trace, padding)
    console = text.console()
    console.print(trace_text.properties(result, trace, padding))
    for table in formats_text.tables(formats, trace, padding):
        console.print(table)
    for line in text.warnings(trace.warnings):
        console.print(line)
    if out is not None:
        paths = write_table(marked(result, trace.warnings), out, "analysis", csv)
        if not formats.empty:
            paths += write_table(marked(formats, trace.warnings), out, "formats", csv)
        console.print(f"wrote {', '.join(str(p) for p in paths)}")
