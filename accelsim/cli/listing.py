"""`accelsim list`: what the catalogues hold, with one line on each entry."""

from __future__ import annotations

from typing import Annotated

import typer


def list_(
    what: Annotated[
        str,
        typer.Argument(
            help="hw, workloads, accelerators, dataflows, analyzers, compressions, sources, zoo, dram, energy, papers or exit-codes."
        ),
    ],
) -> None:
    """List a catalogue: hw, workloads, accelerators, dataflows, analyzers, compressions, sources, zoo, dram, energy, papers, exit-codes."""
    from accelsim.errors import unknown_name
    from accelsim.report import terminal

    if what not in _LISTS:
        raise unknown_name("catalogue", what, _LISTS)
    entries = _LISTS[what]()
    terminal.entries(what, [{"name": name, "text": text} for name, text in entries])
    width = max((len(name) for name, _ in entries), default=0)
    for name, text in entries:
        typer.echo(f"{name:<{width}}  {text}".rstrip())


def _files(kind: str) -> list[tuple[str, str]]:
    from accelsim import catalogue, strictyaml

    documents = {name: strictyaml.read(catalogue.find(kind, name)) for name in catalogue.names(kind)}
    return [(name, str(document.data.get("description", ""))) for name, document in documents.items()]


def _registry(module: str, attribute: str) -> list[tuple[str, str]]:
    import importlib

    registry = getattr(importlib.import_module(module), attribute)
    return [(name, registry.describe(name)) for name in registry.names()]


def _zoo() -> list[tuple[str, str]]:
    from accelsim import zoo

    return [(name, str(zoo.card(name).get("task", ""))) for name in zoo.names()]


def _energy() -> list[tuple[str, str]]:
    from accelsim.report.text.energy import energy_list

    return energy_list()


def _dram() -> list[tuple[str, str]]:
    from accelsim import catalogue
    from accelsim.hardware.dram import load_dram
    from accelsim.units import engineering

    def line(name: str) -> str:
        device = load_dram(name)
        peak = engineering(device.peak_bytes_per_second, "B/s")
        bus = f"{device.channels:>2} x {device.organisation.bus_bits} bit"
        texts = (f"{device.standard:<11}", f"{bus:<11}", f"peak {peak:<9}", f"bursts of {device.burst_bytes} B")
        return "  ".join((*texts, device.timing_clocks.source))

    return [(name, line(name)) for name in catalogue.names("dram")]


def _exit_codes() -> list[tuple[str, str]]:
    from accelsim.errors import EXIT_CODES

    return [(str(code), text) for code, text in EXIT_CODES.items()]


_LISTS = {
    "hw": lambda: _files("hardware"),
    "workloads": lambda: _files("workload"),
    "accelerators": lambda: _registry("accelsim.accelerators", "ACCELERATORS"),
    "dataflows": lambda: _registry("accelsim.dataflows", "DATAFLOWS"),
    "analyzers": lambda: _registry("accelsim.analyzers", "ANALYZERS"),
    "compressions": lambda: _registry("accelsim.analyzers.compression", "COMPRESSIONS"),
    "sources": lambda: _registry("accelsim.sources", "SOURCES"),
    "zoo": _zoo,
    "dram": _dram,
    "energy": _energy,
    "papers": lambda: _registry("accelsim.papers", "PAPERS"),
    "exit-codes": _exit_codes,
}
