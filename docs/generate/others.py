"""Pages of workloads, DRAM and energy files, of the result columns, the catalogues and the Python names."""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import accelsim
from accelsim import catalogue, columns
from docs.generate.keys import ROOT, keys
from docs.generate.markdown import code, first_line, prose, table, text

GROUPS = {
    "accelsim.sim": "Every run",
    "": "Every run",
    "accelsim.accelerators": "Runs of machines",
    "accelsim.dataflows": "Work of compute arrays",
    "accelsim.hardware": "Runs of machines",
    "accelsim.comparison": "Comparisons",
    "accelsim.study": "Studies",
    "accelsim.analyzers": "Analyses of values",
    "accelsim.compactness": "Operation counts and intensities",
}
"""Heading of the columns by the room that declares them."""

_PLACES: dict[str, str] = {}


def watch() -> None:
    """Note from now on which module declares each column; called before the modules are loaded."""
    declare = columns.declare

    def noted(*declared: columns.Column, named_by_user: bool = False) -> None:
        caller = inspect.currentframe()
        caller = caller and caller.f_back
        module = str(caller.f_globals["__name__"]) if caller else ""
        _PLACES.update({c.name: "" if named_by_user else module for c in declared if not _PLACES.get(c.name)})
        declare(*declared, named_by_user=named_by_user)

    columns.declare = noted


def columns_page() -> Iterator[str]:
    """Give every result column with its unit, meaning and formula, by what computes it."""
    from accelsim.report.vocabulary import learn

    learn()
    yield from ["# Result columns", ""]
    yield from [
        "`accelsim explain NAME` prints one of them. The Parquet files carry unit and meaning in their metadata."
    ]
    yield from ["Columns marked *sum* add up over layers; others are ratios, names or properties of one row.", ""]
    yield from ["A level of memory called NAME adds `NAME_read_bytes`, `NAME_write_bytes` and `energy_NAME_pj`;"]
    yield from ["a sweep adds a column for each key that it varies.", ""]
    groups = defaultdict(list)
    for name, column in columns.COLUMNS.items():
        place = _PLACES.get(name, "")
        room = ".".join(place.split(".")[:2])
        heading = GROUPS.get(room, "Other tables")
        if room == "accelsim.accelerators" and place.split(".")[-1] not in (
            "base",
            "surroundings",
            "array",
            "residency",
        ):
            heading = "Columns of single machines"
        if name not in columns._NAMED_BY_USERS:
            groups[heading].append(column)
    order = [*dict.fromkeys(GROUPS.values()), "Columns of single machines", "Other tables"]
    for heading in (h for h in order if groups[h]):
        yield from [f"## {heading}", ""]
        found = sorted(groups[heading], key=lambda column: column.name)
        yield from table(
            ["column", "unit", "meaning", "formula", ""],
            ([code(c.name), text(c.unit), text(c.meaning), text(c.formula), "sum" if c.sums else ""] for c in found),
        )
        yield ""


def workloads_page() -> Iterator[str]:
    """Give the keys of workload files: common ones, then those of each source; and the shipped workloads."""
    from accelsim import strictyaml
    from accelsim.sources import SOURCES
    from accelsim.sources.inputs.spec import Inputs
    from accelsim.workload import _Common

    yield from ["# Keys of a workload", "", "A workload is a YAML file. All have these keys:", "", *keys(_Common), ""]
    for name in SOURCES.names():
        source = SOURCES.get(name)
        listed = [line for line in keys(source) if not line.startswith("| `inputs.")]
        yield from [f"## source: {name}", "", *prose(source.__doc__), *listed, ""]
    yield from ["## inputs", "", "The section `inputs` of the sources that have one (of the zoo it is a list):", ""]
    yield from [*prose(Inputs.__doc__), *keys(Inputs, "inputs."), ""]
    yield from ["## Shipped workloads", ""]
    shipped = {name: strictyaml.read(catalogue.find("workload", name)).data for name in catalogue.names("workload")}
    yield from table(
        ["workload", "source", "what"],
        ([code(n), code(d["source"]), text(d.get("description", ""))] for n, d in shipped.items()),
    )


def dram_page() -> Iterator[str]:
    """Give the keys of a DRAM part and the shipped parts."""
    from accelsim.hardware.dram import DramDevice, load_dram
    from accelsim.units import engineering

    yield from ["# Keys of a DRAM part", "", *prose(DramDevice.__doc__)]
    yield from [
        "[](../dram.md) explains the model. A machine names a part with `dram.part`.",
        "",
        *keys(DramDevice),
        "",
    ]
    yield from ["## Shipped parts", ""]
    devices = {name: load_dram(name) for name in catalogue.names("dram")}
    yield from table(
        ["part", "standard", "peak", "burst", "source of the timings"],
        (
            [
                code(n),
                text(d.standard),
                engineering(d.peak_bytes_per_second, "B/s"),
                f"{d.burst_bytes} B",
                text(d.timing_clocks.source),
            ]
            for n, d in devices.items()
        ),
    )
    yield from [
        "",
        "## An example",
        "",
        "```yaml",
        (ROOT / "hwconfigs/dram/ddr4.yaml").read_text(encoding="utf-8").rstrip(),
        "```",
    ]


def energy_page() -> Iterator[str]:
    """Give the keys of an energy table and every number of the shipped ones."""
    from accelsim.hardware.energy import EnergySource, load_energy

    yield from ["# Keys of an energy table", "", *prose(EnergySource.__doc__)]
    yield from ["[](../energy.md) explains the models.", "", *keys(EnergySource), ""]
    for name in catalogue.names("energy"):
        found = load_energy(name)
        node = f"{found.technology_nm:g} nm" if found.technology_nm else "technology not given"
        yield from [f"## {name}", "", f"{text(found.description)}; {node}. Source: {text(found.source)}", ""]
        rows = (
            [code(key), text(a.part), f"{a.bits}", f"{a.value:g}" + (f" to {a.high:g}" if a.high else ""), text(a.note)]
            for key, a in found.actions.items()
        )
        yield from [
            *table(
                ["action", "part", "bits", "pJ" if found.unit == "pJ" else f"times {text(found.unit)}", "note"], rows
            ),
            "",
        ]


def catalogues_page() -> Iterator[str]:
    """Give analyzers, storage formats, number formats, sources, dataflows and papers with their descriptions."""
    from accelsim.analyzers import ANALYZERS
    from accelsim.analyzers.compression import COMPRESSIONS
    from accelsim.dataflows import DATAFLOWS
    from accelsim.formats.catalogue import FORMATS
    from accelsim.papers import PAPERS
    from accelsim.sources import SOURCES

    yield from ["# Catalogues", "", "What `accelsim list` lists, each with what its code says of it.", ""]
    for heading, registry in (
        ("Analyzers", ANALYZERS), ("Storage formats", COMPRESSIONS), ("Sources", SOURCES), ("Dataflows", DATAFLOWS), ("Papers", PAPERS),
    ):  # fmt: skip
        yield from [f"## {heading}", ""]
        for name in registry.names():
            yield from [f"### {name} ({registry.what})", "", *prose(registry.get(name).__doc__)]
    yield from ["## Number formats", ""]
    yield from table(["format", "taken as"], ([code(f.name), text(f.view())] for f in FORMATS.values()))


def python_page() -> Iterator[str]:
    """Give the public names: the eight to know first, then the others."""
    yield from ["# Python", "", "```python", "import accelsim", "```", ""]
    yield from [
        "Names load on first use, so that importing accelsim costs nothing. Results tell themselves in one line, and in a"
    ]
    yield from ["notebook as a table.", ""]
    for name in accelsim._LAZY:
        yield from _name(f"accelsim.{name}", getattr(accelsim, name))
    yield from ["## What they return", ""]
    from accelsim.accelerators.base import Accelerator
    from accelsim.comparison import Comparison
    from accelsim.layer import Layer, LayerShape, Operand
    from accelsim.results import RunResult
    from accelsim.study.search import Search
    from accelsim.study.sweep import Sweep
    from accelsim.trace import Trace
    from accelsim.workload import Workload

    for kind in (RunResult, Comparison, Sweep, Search, Trace, Layer, LayerShape, Operand, Accelerator, Workload):
        yield from [f"### {kind.__name__}", "", *prose(kind.__doc__)]
        rows = [
            [code(f"{member}{_signature(value) if callable(value) else ''}"), text(first_line(_doc(value)))]
            for member, value in vars(kind).items()
            if not member.startswith("_")
            and _doc(value)
            and (callable(value) or isinstance(value, property | classmethod))
        ]
        yield from [*table(["member", "meaning"], rows), ""] if rows else []


def tests_page() -> Iterator[str]:
    """Give what the tests hold against published figures and other programs."""
    yield from ["# What the tests hold against others", ""]
    yield from [
        "Each file compares with published figures, with other programs' results, or with what networks are known to do."
    ]
    yield from ["Its docstring says how near it comes:", ""]
    for folder in ("validation", "golden"):
        for file in sorted((ROOT / "tests" / folder).glob("test_*.py")):
            docstring = re.match(r'"""(.*?)"""', file.read_text(encoding="utf-8"), re.DOTALL)
            yield from [f"## tests/{folder}/{file.name}", "", *prose(docstring.group(1) if docstring else "")]


def _name(title: str, thing: Any) -> Iterator[str]:
    yield from [f"## {title}", ""]
    if callable(thing):
        yield from ["```python", f"{title}{_signature(thing)}", "```", ""]
    yield from prose(_doc(thing))


def _signature(thing: Callable[..., Any]) -> str:
    return re.sub(r"<[\w. ]*?(\w+)(?: object)? at 0x[0-9a-f]+>", r"\1", str(inspect.signature(thing))).replace("'", "")


def _doc(thing: Any) -> str:
    return str(getattr(thing, "__doc__", "") or "")
