"""Pages of the machines: YAML keys of every type, and each model with its paper, deviations and sources."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from accelsim import catalogue
from accelsim.accelerators import ACCELERATORS
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Accelerator, load_hardware
from docs.generate.keys import HEAD, ROOT, keys, rows, sections
from docs.generate.markdown import code, first_line, prose, table, text


def yaml_page() -> Iterator[str]:
    """Give the keys of every machine, those of all compute arrays first."""
    yield from ["# Keys of a machine", ""]
    yield from [
        "A machine is a YAML file; `--set KEY=VALUE` sets any key of it. Unknown keys are refused. A section with a"
    ]
    yield from ["`source` names where its numbers come from.", "", "## An example with every key", ""]
    yield from ["The pallet array of `pragmatic` behind two on-chip levels (`hwconfigs/annotated.yaml`):", ""]
    yield from ["```yaml", (ROOT / "hwconfigs" / "annotated.yaml").read_text(encoding="utf-8").rstrip(), "```", ""]
    yield from ["## Machines that are a compute array", ""]
    yield from [
        "The section `accelerator` differs from type to type, see below; `memory` holds levels under any names.",
        "",
    ]
    yield from [*keys(ArrayAccelerator, without=("accelerator",)), ""]
    for name in ACCELERATORS.names():
        machine: type[Accelerator] = ACCELERATORS.get(name)
        yield from [f"## type {name}", "", text(first_line(machine.__doc__)), ""]
        if issubclass(machine, ArrayAccelerator):
            array = sections(machine.model_fields["accelerator"].annotation)[0]
            yield from [*table(HEAD, rows(array, "accelerator.")), ""]
            own = [n for n in machine.model_fields if n not in ArrayAccelerator.model_fields]
            changed = [
                n
                for n, field in machine.model_fields.items()
                if n != "accelerator"
                and n not in own
                and field.annotation != ArrayAccelerator.model_fields[n].annotation
            ]
            if own or changed:
                others = tuple(n for n in machine.model_fields if n not in (*own, *changed))
                yield from ["Other keys of its own:", "", *keys(machine, without=others), ""]
        else:
            yield from [*keys(machine), ""]


def models_page() -> Iterator[str]:
    """Give each model: what its docstring says, what it notes with results, its shipped machines and their sources."""
    yield from ["# The machines, their papers and deviations", ""]
    yield from [
        "Each model's own description, what it says with every result, and where the numbers of its YAML come from."
    ]
    yield from ["[](../accelerators.md) explains what the models have in common.", ""]
    machines = [load_hardware(name) for name in catalogue.names("hardware")]
    for name in ACCELERATORS.names():
        model = ACCELERATORS.get(name)
        yield from [f"## {name}", "", *prose(model.__doc__)]
        module = inspect.getdoc(inspect.getmodule(model))
        if module and len(module.split("\n")) > 2:
            yield from prose("\n".join(module.split("\n")[1:]).strip())
        for machine in (m for m in machines if type(m) is model and m.name != "annotated"):
            yield from [
                f"### hwconfigs/{machine.name}.yaml",
                "",
                f"{text(machine.description)}. `accelsim run --hw {machine.name}`",
                "",
            ]
            notes = list(dict.fromkeys(machine.notes()))
            yield from ["Stated with every result:", "", *(f"* {text(line)}" for line in notes), ""] if notes else []
            rows = [[code(place), text(source)] for place, source in sources(machine.model_dump(mode="json"))]
            yield from [*table(["section", "source of its numbers"], rows), ""]


def sources(section: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Give the place of each section that names a source, and the source."""
    if section.get("source"):
        yield path, str(section["source"])
    for name, inner in section.items():
        if isinstance(inner, dict):
            yield from sources(inner, f"{path}.{name}" if path else name)
