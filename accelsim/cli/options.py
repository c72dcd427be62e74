"""Options shared by the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Hardware = Annotated[str, typer.Option("--hw", help="Machine: a YAML path, or a name from `accelsim list hw`.")]
WorkloadName = Annotated[
    str, typer.Option("--workload", help="Workload: a YAML path, or a name from `accelsim list workloads`.")
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for result files (made if missing).")]
Csv = Annotated[bool, typer.Option("--csv", help="Write CSV beside the Parquet files of --out.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change one key of the machine, e.g. global_buffer.size_bytes=65536; workload.KEY=... for the workload.",
    ),
]


def split(settings: list[str] | None) -> tuple[list[str], list[str]]:
    """Return the overrides of the machine and of the workload (prefix ``workload.``)."""
    given = settings or []
    prefix = "workload."
    return [s for s in given if not s.startswith(prefix)], [
        s.removeprefix(prefix) for s in given if s.startswith(prefix)
    ]


def check_csv(out: Path | None, csv: bool) -> None:
    """Raise ConfigError when CSV is asked for without a folder to write it into."""
    from accelsim.errors import ConfigError

    if csv and out is None:
        raise ConfigError("--csv writes into the folder of --out", "add --out DIR")
