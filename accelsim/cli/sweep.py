"""`accelsim sweep`: every point of a grid of machines, workloads and keys, in one table."""

from __future__ import annotations

from typing import Annotated

import typer

from accelsim.cli.compare import Machines, Workloads
from accelsim.cli.options import Out

Grid = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="What is varied: KEY=16KiB..1MiB:x2 (factor), KEY=8..32:+8 (step), KEY=a..b (doubling), KEY=a,b,c; one value is"
        " the same for all points. MACHINE:KEY=... for one machine, workload.KEY=... for the workloads.",
    ),
]
ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor",
        help="local:N processes, dask://HOST:PORT, or slurm:QUEUE,jobs=8,cores=16,memory=32GB,interface=NAME.",
    ),
]
BundlesUrl = Annotated[
    str,
    typer.Option(
        "--bundles", help="URL (fsspec) of the folder of trace bundles, for workers that do not see this machine's."
    ),
]
Rows = Annotated[
    bool, typer.Option("--csv", help="Print CSV, one row per point, instead of tables; with --out write it there.")
]
PerLayer = Annotated[
    bool, typer.Option("--layers", help="Keep the rows per layer of every point too (sweep_layers.parquet).")
]


def sweep(
    hw: Machines,
    workload: Workloads,
    settings: Grid = None,
    out: Out = None,
    executor: ExecutorName = "local:1",
    bundles: BundlesUrl = "",
    layers: PerLayer = False,
    csv: Rows = False,
) -> None:
    """Run every point of the grid of --set over machines HW and WORKLOADs; with --out an interrupted sweep goes on."""
    from accelsim.errors import MappingError
    from accelsim.report import text
    from accelsim.report.figures import sweep as sweep_figures
    from accelsim.report.text import sweep as sweep_text
    from accelsim.study.sweep import sweep as run

    found = run(hw, workload, settings or [], out, executor, layers, bundles)
    if csv and out is None:
        text.print_csv(found.table, found.warnings)
    else:
        sweep_text.show(found)
    if out is not None:
        paths = [*found.write(out, csv), *sweep_figures.write(found, out)]
        text.console().print(f"wrote {', '.join(str(p) for p in paths)}", soft_wrap=True)
    if found.table["problem"].ne("").all():
        raise MappingError(
            f"none of the points can be run: {found.table['problem'].iloc[0]}", "widen the ranges of --set"
        )
