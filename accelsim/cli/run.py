"""`accelsim run`: replay a workload on a machine and print work, time, traffic and energy."""

from __future__ import annotations

from typing import Annotated

import typer

from accelsim.cli.options import Hardware, Out, Settings, WorkloadName, split

CsvRows = Annotated[
    bool,
    typer.Option(
        "--csv", help="Print CSV, one row per layer and sample, instead of tables; with --out write it there."
    ),
]


def run(hw: Hardware, workload: WorkloadName, out: Out = None, csv: CsvRows = False, settings: Settings = None) -> None:
    """Replay WORKLOAD on the machine HW: cycles, off-chip traffic, skipped work and energy per layer."""
    from accelsim.accelerators.base import load_hardware
    from accelsim.analyzers.statistics import warm
    from accelsim.report import run_text, text
    from accelsim.report.shares import as_table, ineffectual_shares
    from accelsim.results import marked, write_table
    from accelsim.sim import run as replay
    from accelsim.workload import load_workload, open_trace

    machine_settings, workload_settings = split(settings)
    machine = load_hardware(hw, machine_settings)
    trace = open_trace(load_workload(workload, workload_settings))
    if machine.counts_products:
        warm(trace)
    result = replay(machine, trace)
    if csv and out is None:
        text.print_csv(result.rows(), result.warnings)
        return
    shares = ineffectual_shares(trace, machine.word_bits)
    run_text.show(result, shares)
    if out is not None:
        ineffectual = marked(as_table(shares), result.warnings)
        paths = [*result.write(out, csv), *write_table(ineffectual, out, "ineffectual", csv)]
        text.console().print(f"wrote {', '.join(str(p) for p in paths)}", soft_wrap=True)
