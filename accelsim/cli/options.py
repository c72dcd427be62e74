"""Options shared by the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

Hardware = Annotated[str, typer.Option("--hw", help="Machine: a YAML path, or a name from `accelsim list hw`.")]
WorkloadName = Annotated[
    str,
    typer.Option(
        "--workload", help="Workload: a YAML path, a folder of arrays, or a name from `accelsim list workloads`."
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for result files (made if missing).")]
Csv = Annotated[bool, typer.Option("--csv", help="Write CSV beside the Parquet files of --out.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change one key of the machine, e.g. memory.global_buffer.size=64KiB; workload.KEY=... for the workload.",
    ),
]
Device = Annotated[
    str | None,
    typer.Option("--device", help="Count on torch tensors on this device, cpu or cuda: the same numbers, bit for bit."),
]


def split(settings: list[str] | None) -> tuple[list[str], list[str]]:
    """Return the overrides of the machine and of the workload (prefix ``workload.``)."""
    given = settings or []
    prefix = "workload."
    return [s for s in given if not s.startswith(prefix)], [
        s.removeprefix(prefix) for s in given if s.startswith(prefix)
    ]


class Changes(NamedTuple):
    """Overrides of each machine and of each workload, by the name given on the command line."""

    machines: dict[str, list[str]]
    workloads: dict[str, list[str]]


def addressed(settings: list[str], machines: list[str], workloads: list[str]) -> Changes:
    """Return who each override is for.

    ``KEY=VALUE`` is for every machine, ``workload.KEY=VALUE`` for every workload, ``NAME:KEY=VALUE`` for the machine
    or workload of that name (or file). Raises UnknownNameError for another name.
    """
    from accelsim.errors import unknown_name

    found = Changes({name: [] for name in machines}, {name: [] for name in workloads})
    for setting in settings:
        key, equals, value = setting.partition("=")
        name, colon, inner = key.partition(":")
        if not colon:
            plain = setting.removeprefix("workload.")
            group = found.machines if plain == setting else found.workloads
            chosen = [(group, known) for known in group]
        else:
            chosen = [(group, known) for group in found for known in group if name in (known, Path(known).stem)]
            plain = f"{inner.removeprefix('workload.')}{equals}{value}"
        if colon and not chosen:
            raise unknown_name("machine or workload of the comparison", name, [*machines, *workloads])
        for group, known in chosen:
            group[known].append(plain)
    return found


def check_csv(out: Path | None, csv: bool) -> None:
    """Raise ConfigError when CSV is asked for without a folder to write it into."""
    from accelsim.errors import ConfigError

    if csv and out is None:
        raise ConfigError("--csv writes into the folder of --out", "add --out DIR")
