"""`accelsim capture`: run the network of a workload and keep its trace."""

from __future__ import annotations

from typing import Annotated

import typer

from accelsim.cli.options import WorkloadName


def capture(
    workload: WorkloadName,
    force: Annotated[bool, typer.Option("--force", help="Capture again even if a bundle is cached.")] = False,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change one key of the workload.")] = None,
) -> None:
    """Run the network of WORKLOAD on its inputs, quantise and store every layer's operands."""
    from accelsim.files.cache import cache_folder
    from accelsim.report import text
    from accelsim.report.text import trace as trace_text
    from accelsim.workload import load_workload, open_trace

    chosen = load_workload(workload, [s.removeprefix("workload.") for s in settings or []])
    trace = open_trace(chosen, force, cache_folder())  # which must be writable: what is captured is kept
    console = text.console()
    console.print(trace_text.captured(trace))
    for line in text.warnings(trace.warnings):
        console.print(line)
    console.print(f"bundle {trace.path}", soft_wrap=True)
