"""`accelsim compare`: machines side by side on the same workloads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.options import Out, addressed

Machines = Annotated[
    list[str], typer.Option("--hw", help="Machines, one or more: YAML paths or names from `accelsim list hw`.")
]
Workloads = Annotated[
    list[str], typer.Option("--workload", help="Workloads, one or more: YAML paths, folders of arrays, or names.")
]
Baseline = Annotated[
    str | None,
    typer.Option("--baseline", help="Machine that the others are held against (default: the first of --hw)."),
]
EqualBy = Annotated[
    str,
    typer.Option(
        "--equal", help="multipliers: all at the baseline's multiplier bits and DRAM bandwidth; none: as they are."
    ),
]
CsvRows = Annotated[
    bool,
    typer.Option(
        "--csv",
        help="Print CSV, one row per workload, machine and layer, instead of tables; with --out write it there.",
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change keys: KEY=VALUE of every machine, MACHINE:KEY=VALUE of one,"
        " workload.KEY=VALUE of every workload, WORKLOAD:KEY=VALUE of one.",
    ),
]


def compare(
    hw: Machines,
    workload: Workloads,
    baseline: Baseline = None,
    equal: EqualBy = "multipliers",
    out: Out = None,
    csv: CsvRows = False,
    settings: Changes = None,
) -> None:
    """Replay every WORKLOAD on every machine HW: speedup, energy and traffic over the baseline, potential beside achieved."""
    from accelsim import catalogue
    from accelsim.accelerators.base import load_hardware
    from accelsim.analyzers.statistics import warm
    from accelsim.comparison import check_equal
    from accelsim.comparison import compare as hold_against
    from accelsim.report import text
    from accelsim.report.evidence import evidence
    from accelsim.report.figures import compare as figures
    from accelsim.report.text import compare as compare_text
    from accelsim.workload import load_workload, open_trace

    places: dict[Path, str] = {}
    for name in [*([baseline] if baseline else []), *hw]:
        places.setdefault(catalogue.find("hardware", name), name)
    names, workloads = list(places.values()), list(dict.fromkeys(workload))
    changes = addressed(settings or [], names, workloads)
    machines = [load_hardware(name, changes.machines[name]) for name in names]
    traces = [open_trace(load_workload(name, changes.workloads[name])) for name in workloads]
    for trace in traces:
        warm(trace)
    result = hold_against(machines, traces, equal=check_equal(equal))
    if csv and out is None:
        text.print_csv(result.layers, result.warnings)
        return
    compare_text.show(result)
    if out is not None:
        word_bits = int(result.info["hardware"][result.baseline]["word_bits"])
        beside = evidence(zip(result.info["traces"], traces), word_bits)
        paths = [*result.write(out, csv, beside), *figures.write(result, out)]
        text.console().print(f"wrote {', '.join(str(p) for p in paths)}", soft_wrap=True)
