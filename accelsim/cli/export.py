"""`accelsim export`: write a workload as a folder of arrays in DNNsim's format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.options import WorkloadName

Target = Annotated[Path, typer.Option("--out", help="Folder to write (made if missing).")]
Keys = Annotated[list[str] | None, typer.Option("--set", help="Change one key of the workload.")]


def export(workload: WorkloadName, out: Target, settings: Keys = None) -> None:
    """Write WORKLOAD as model.csv, precision.txt and arrays that DNNsim reads, and `--workload FOLDER` reads back."""
    from accelsim.report import text
    from accelsim.sources.dnnsim.export import export as write
    from accelsim.workload import load_workload, open_trace

    trace = open_trace(load_workload(workload, [s.removeprefix("workload.") for s in settings or []]))
    left_out = write(trace, out)
    console, count = text.console(), len(trace.layers)
    for line in text.warnings(left_out):
        console.print(line, soft_wrap=True)
    console.print(f"wrote {count - len(left_out)} of {count} layers to {out}", soft_wrap=True)
