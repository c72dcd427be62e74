"""`accelsim run`: replay a workload on a machine and print work, time, traffic and energy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.options import Hardware, Out, Settings, WorkloadName, split

if TYPE_CHECKING:
    from accelsim.accelerators.base import Accelerator
    from accelsim.results import RunResult
    from accelsim.trace import Trace

CsvRows = Annotated[
    bool,
    typer.Option(
        "--csv", help="Print CSV, one row per layer and sample, instead of tables; with --out write it there."
    ),
]
TimelineFile = Annotated[
    Path | None,
    typer.Option("--timeline", help="Write what happens when as trace events (JSON), to open at ui.perfetto.dev."),
]
TraceFolder = Annotated[
    Path | None,
    typer.Option("--dram-trace", help="Write the DRAM requests of each layer in Ramulator 2's load/store format."),
]
Sample = Annotated[int, typer.Option("--sample", min=0, help="Sample shown by --timeline and --dram-trace.")]


def run(
    hw: Hardware,
    workload: WorkloadName,
    out: Out = None,
    csv: CsvRows = False,
    timeline: TimelineFile = None,
    dram_trace: TraceFolder = None,
    sample: Sample = 0,
    settings: Settings = None,
) -> None:
    """Replay WORKLOAD on the machine HW: cycles, off-chip traffic, skipped work and energy per layer."""
    from accelsim.accelerators.base import load_hardware
    from accelsim.analyzers.statistics import warm
    from accelsim.report import text
    from accelsim.report.shares import as_table, ineffectual_shares
    from accelsim.report.text import run as run_text
    from accelsim.sim import run as replay
    from accelsim.workload import load_workload, open_trace

    machine_settings, workload_settings = split(settings)
    machine = load_hardware(hw, machine_settings)
    trace = open_trace(load_workload(workload, workload_settings))
    _check(machine, trace, sample, dram_trace)
    if machine.counts_products:
        warm(trace)
    result = replay(machine, trace)
    written, cautions = _over_time(machine, trace, result, sample, timeline, dram_trace)
    if csv and out is None:
        text.print_csv(result.rows(), [*result.warnings, *cautions])
        return
    shares = ineffectual_shares(trace, machine.word_bits)
    run_text.show(result, shares)
    if out is not None:
        from accelsim.report.evidence import evidence

        beside = evidence([(result.info["trace"]["name"], trace)], machine.word_bits, [machine])
        written = [*result.write(out, csv, {"ineffectual": as_table(shares), **beside}), *written]
    for line in text.warnings(cautions):
        text.console().print(line, soft_wrap=True, markup=False, highlight=False)
    if written:
        text.console().print(f"wrote {', '.join(str(p) for p in written)}", soft_wrap=True)


def _check(machine: Accelerator, trace: Trace, sample: int, dram_trace: Path | None) -> None:
    """Refuse what could only fail after the replay."""
    from accelsim.errors import ConfigError

    if sample >= trace.samples:
        raise ConfigError(f"--sample {sample}: the workload has {trace.samples} samples, counted from 0")
    if dram_trace is not None:
        from accelsim.timeline import check_requests

        check_requests(machine)


def _over_time(
    machine: Accelerator, trace: Trace, result: RunResult, sample: int, timeline: Path | None, dram_trace: Path | None
) -> tuple[list[Path], list[str]]:
    """Write the timeline and the requests that are asked for; return their paths and warnings."""
    paths: list[Path] = []
    warnings: list[str] = []
    if timeline is not None:
        from accelsim.timeline import write_timeline

        warnings += write_timeline(machine, trace, result, timeline, sample)
        paths.append(timeline)
    if dram_trace is not None:
        from accelsim.timeline import write_requests

        warnings += write_requests(machine, trace, result, dram_trace, sample)
        paths.append(dram_trace / "index.json")
    return paths, warnings
