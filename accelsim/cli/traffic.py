"""`accelsim traffic`: the size of a workload's operands in every storage format."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from accelsim.cli.options import Csv, Device, Out, WorkloadName, check_csv


def traffic(
    workload: WorkloadName,
    out: Out = None,
    csv: Csv = False,
    layer: Annotated[
        list[str] | None, typer.Option("--layer", help="Only these layers (one or several names).")
    ] = None,
    width: Annotated[int | None, typer.Option("--width", help="Bits of a word; without it those of the codes.")] = None,
    group: Annotated[int, typer.Option("--group", help="Channels that share a field in group formats.")] = 16,
    device: Device = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change one key of the workload.")] = None,
) -> None:
    """Compare all storage formats on the activations, weights and outputs of WORKLOAD: bits, ratio, the smallest."""
    from accelsim.analyzers.traffic import traffic as measure
    from accelsim.errors import unknown_name
    from accelsim.report import text
    from accelsim.report.text import traffic as traffic_text
    from accelsim.results import marked
    from accelsim.tables import write_table
    from accelsim.workload import load_workload, open_trace

    check_csv(out, csv)
    trace = open_trace(load_workload(workload, [s.removeprefix("workload.") for s in settings or []]))
    names = [record.name for record in trace.layers]
    for name in layer or []:
        if name not in names:
            raise unknown_name("layer", name, names)
    keep: Any = None
    if device is not None:
        from accelsim.gpu.statistics import engine_on

        keep = engine_on(device).tensor
    table = measure(trace, width, group, keep)
    if layer:
        table = table[table["layer"].isin(layer)].reset_index(drop=True)
    console = text.console()
    console.print(traffic_text.layers(table, trace))
    console.print(traffic_text.network(table, trace))
    for line in text.warnings(traffic_text.warnings(table, trace)):
        console.print(line)
    if out is not None:
        paths = write_table(marked(table, trace.warnings), out, "traffic", csv)
        console.print(f"wrote {', '.join(str(p) for p in paths)}")
