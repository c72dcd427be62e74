"""`accelsim analyze`: value, bit and precision statistics of a workload's operands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from accelsim.cli.options import Csv, Device, Out, WorkloadName, check_csv

VIEWS = ("operands", "groups", "inputs", "neighbours", "positions")
_Show = Annotated[
    list[str] | None,
    typer.Option(
        "--show",
        help="What to measure, one or several of: operands (without it), groups (precision against group size), inputs"
        " (spread and confidence), neighbours (zeros in space and channel), positions (tokens, time steps).",
    ),
]


def analyze(
    workload: WorkloadName,
    show: _Show = None,
    out: Out = None,
    csv: Csv = False,
    padding: Annotated[str, typer.Option("--padding", help="Count padding zeros as values: in or out.")] = "in",
    device: Device = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="Run the network on --device and count there; no codes leave it, none are kept."),
    ] = False,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change one key of the workload.")] = None,
) -> None:
    """Measure zeros, effectual bits and needed precision in the activations and weights of WORKLOAD."""
    from accelsim.errors import ConfigError, unknown_name
    from accelsim.report import text
    from accelsim.results import marked
    from accelsim.tables import write_table
    from accelsim.workload import load_workload, open_trace

    check_csv(out, csv)
    for name in show or []:
        if name not in VIEWS:
            raise unknown_name("view", name, VIEWS)
    if device is not None and set(show or []) - {"operands"}:
        raise ConfigError("--device counts the view operands alone", "leave --show or --device out")
    if live:
        return _live(workload, [s.removeprefix("workload.") for s in settings or []], device, padding, out, csv)
    trace = open_trace(load_workload(workload, [s.removeprefix("workload.") for s in settings or []]))
    console = text.console()
    paths: list[Any] = []
    for name in dict.fromkeys(show or ["operands"]):
        printed, tables = _operands(trace, padding, device) if name == "operands" else _VIEWS[name](trace, padding)
        for item in printed:
            console.print(item)
        if out is not None:
            for stem, table in tables.items():
                paths += write_table(marked(table, trace.warnings), out, stem, csv) if not table.empty else []
    for line in text.warnings(trace.warnings):
        console.print(line)
    if out is not None:
        console.print(f"wrote {', '.join(str(p) for p in paths)}", soft_wrap=True)
    return None


def _live(reference: str, settings: list[str], device: str | None, padding: str, out: Path | None, csv: bool) -> None:
    from accelsim.errors import ConfigError, InputError
    from accelsim.gpu.statistics import engine_on
    from accelsim.report import text
    from accelsim.report.text import gpu as gpu_text
    from accelsim.sources import Source
    from accelsim.tables import write_table
    from accelsim.workload import load_workload

    if device is None:
        raise ConfigError("--live needs --device", "give cpu or cuda")
    workload = load_workload(reference, settings)
    if type(workload.chosen).load is Source.load:
        raise InputError(f"workload {workload.name}: its source gives codes, not a network", "leave out --live")
    place = engine_on(device).device
    from accelsim.gpu.live import analyze_live

    module, inputs, warnings, _ = workload.chosen.load()
    samples = [entry if isinstance(entry, tuple) else (entry,) for entry in inputs[: workload.inputs]]
    table = analyze_live(module, samples, place, workload.quantization, padding)
    console = text.console()
    console.print(gpu_text.live(table, workload.name, device))
    for line in text.warnings(warnings):
        console.print(line)
    if out is not None:
        console.print(f"wrote {', '.join(str(p) for p in write_table(table, out, 'analysis', csv))}", soft_wrap=True)


def _operands(trace: Any, padding: str, device: str | None) -> tuple[list[Any], dict[str, Any]]:
    from accelsim.analyzers.analyze import analyze as measure
    from accelsim.analyzers.engine import HOST
    from accelsim.analyzers.formats import analyze_formats
    from accelsim.report.text import formats as formats_text
    from accelsim.report.text import trace as trace_text

    engine: Any = HOST
    if device is not None:
        from accelsim.gpu.statistics import engine_on

        engine = engine_on(device)
    result, formats = measure(trace, padding=padding, engine=engine), analyze_formats(trace, padding)
    printed = [trace_text.properties(result, trace, padding), *formats_text.tables(formats, trace, padding)]
    return printed, {"analysis": result, "formats": formats}


def _groups(trace: Any, padding: str) -> tuple[list[Any], dict[str, Any]]:
    from accelsim.analyzers.group_widths import group_widths
    from accelsim.report.text import values as values_text

    table = group_widths(trace, padding)
    return [values_text.groups(table, trace, padding)], {"groups": table}


def _inputs(trace: Any, padding: str) -> tuple[list[Any], dict[str, Any]]:
    from accelsim.analyzers import input_spread
    from accelsim.analyzers.analyze import analyze as measure
    from accelsim.analyzers.potential import potential
    from accelsim.report.text import values as values_text

    properties, work = measure(trace, padding), potential(trace, padding=padding)
    table, halves = input_spread.over_inputs(properties, work), input_spread.against_samples(properties, work)
    printed = [values_text.over_inputs(table, trace)]
    if not halves.empty:
        printed.append(values_text.halves(halves, trace))
    return printed, {"inputs": table, "inputs_needed": halves}


def _neighbours(trace: Any, _: str) -> tuple[list[Any], dict[str, Any]]:
    from accelsim.analyzers.neighbours import lockstep, zero_pairs
    from accelsim.report.text import values as values_text

    pairs, steps = zero_pairs(trace), lockstep(trace)
    if pairs.empty:
        return ["no layer has an input of several values: there are no neighbours"], {
            "neighbours": pairs,
            "lockstep": steps,
        }
    printed = [values_text.correlations(pairs, trace), values_text.lockstep(steps, trace)]
    return printed, {"neighbours": pairs, "lockstep": steps}


def _positions(trace: Any, _: str) -> tuple[list[Any], dict[str, Any]]:
    from accelsim.analyzers.positions import position_table
    from accelsim.report.text import values as values_text

    table = position_table(trace)
    note = "no layer has several tokens or time steps; zeros of neighbouring pixels: --show neighbours"
    return [note if table.empty else values_text.over_positions(table, trace)], {"positions": table}


_VIEWS = {
    "groups": _groups, "inputs": _inputs, "neighbours": _neighbours, "positions": _positions,
}  # fmt: skip
