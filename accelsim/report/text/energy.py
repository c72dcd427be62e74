"""Energy tables and models as text: one line each for a list, every number with its source for an explanation."""

from __future__ import annotations

import math

from accelsim import catalogue
from accelsim.hardware.energy import (
    Action,
    DramFigure,
    EnergySource,
    dram_figures,
    dram_kinds,
    dram_pj_per_bit,
    load_energy,
    scaling_rule,
    sram_fits,
    sram_points,
)
from accelsim.units import binary_bytes

MODELS = ("sram", "scaling")
COVERS = {"all": "from cell to chip", "device": "device without its pins", "pins": "pins alone, not used"}


def energy_list() -> list[tuple[str, str]]:
    """Return name and one line for each table, then each kind of DRAM with its band, then each model."""
    tables = [(name, _headline(load_energy(name))) for name in catalogue.names("energy")]
    kinds = []
    for kind in dram_kinds():
        band = dram_pj_per_bit(kind)
        count = len(band.sources)
        sources = "1 source" if count == 1 else f"{count} sources, {band.spread:.1f}x apart"
        kinds.append((kind, f"DRAM, {band} pJ/bit (low .. nominal .. high): {sources}"))
    return [*tables, *kinds, *((name, _model(name)[0]) for name in MODELS)]


def energy_names() -> list[str]:
    """List every name that `energy_text` explains."""
    return [*catalogue.names("energy"), *dram_kinds(), *MODELS]


def energy_text(name: str) -> str:
    """Return what an energy table, kind of DRAM or model holds, every number with unit and source."""
    if name in dram_figures():
        band = dram_pj_per_bit(name)
        head = f"{name}: DRAM, pJ per bit, {band} (low .. nominal .. high)"
        return "\n".join([head, *(f"    {_figure(figure)}" for figure in dram_figures()[name])])
    if name in MODELS:
        return "\n    ".join([f"{name}: {_model(name)[0]}", *_model(name)[1:]])
    table = load_energy(name)
    head = f"{name}: {table.description}"
    static = [] if table.static_mw is None else [f"    static power  {table.static_mw:g} mW"]
    width = max(len(action) for action in table.actions)
    rows = [f"    {key:<{width}}  {_action(table, action)}" for key, action in table.actions.items()]
    return "\n".join([head, f"    {_technology(table)}; {table.source}", *rows, *static])


def _headline(table: EnergySource) -> str:
    unit = f", relative to {table.unit}" if table.is_relative else ""
    return f"{_technology(table)}: {', '.join(table.parts)}{unit}; {table.source}"


def _technology(table: EnergySource) -> str:
    node = "technology not given" if table.technology_nm is None else f"{table.technology_nm:g} nm"
    return node if table.volt is None else f"{node}, {table.volt:g} V"


def _action(table: EnergySource, action: Action) -> str:
    unit = "x" if table.is_relative else "pJ"
    value = f"{action.value:g}" if action.high is None else f"{action.value:g} to {action.high:g}"
    kind = f"{action.part} ({action.number})" if action.number == "float" else action.part
    size = "" if action.size_bytes is None else f", {binary_bytes(action.size_bytes)}"
    note = f" ({action.note})" if action.note else ""
    source = "" if action.source == table.source else f"; {action.source}"
    return f"{value} {unit} for {action.bits} bit: {kind}{size}{note}{source}"


def _figure(figure: DramFigure) -> str:
    value = f"{figure.low:.3g}" if figure.high == figure.low else f"{figure.low:.3g} to {figure.high:.3g}"
    return f"{value} pJ/bit, {COVERS[figure.covers]}: {figure.source}"


def _model(name: str) -> list[str]:
    """Return the headline of a model, then its numbers."""
    if name == "scaling":
        rule = scaling_rule()
        sizes = [node.technology_nm for node in rule.nodes]
        head = f"model, {max(sizes):g} to {min(sizes):g} nm: {rule.description}; {rule.source}"
        volt = rule.default_volt
        return [head, *(f"{n.technology_nm:g} nm at {volt:g} V: relative energy {n.at(volt):.4g}" for n in rule.nodes)]
    points = sram_points()
    sizes = sorted(sram_fits("read_pj"))
    head = f"model, {sizes[-1]:g} to {points.smallest_nm:g} nm: {points.description}; {points.source}"
    lines = []
    for column, unit in (("read_pj", "pJ"), ("write_pj", "pJ"), ("leakage_mw", "mW")):
        for node, law in sram_fits(column).items():
            width = f" x bits^{law.by_width:.3f}" if law.by_width else ""
            lines.append(
                f"{column.split('_')[0]} at {node:g} nm: {math.exp(law.ln_factor):.3g} {unit} x bytes^{law.by_size:.3f}"
                f"{width}; fitted points within {law.rms:.0%} (root mean square), {law.worst:.2f}x at worst"
            )
    return [head, *lines, f"below {sizes[0]:g} nm: node^{points.below_22_nm:g} ({points.below_22_nm_source})"]
