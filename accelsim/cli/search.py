"""`accelsim search`: the best designs of a machine under limits, found by Optuna."""

from __future__ import annotations

from typing import Annotated

import typer

from accelsim.cli.compare import Workloads
from accelsim.cli.options import Hardware, Out
from accelsim.cli.sweep import BundlesUrl, ExecutorName

Free = Annotated[
    list[str],
    typer.Option(
        "--free", help="Keys that the search may choose: KEY=16KiB..4MiB:x2, KEY=8..32:+8 or KEY=a,b,c, as in sweep."
    ),
]
Objectives = Annotated[
    list[str] | None,
    typer.Option(
        "--objective", help="What is made small: latency, energy, traffic, edp, sram or a total of a run; one or more."
    ),
]
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit", help="What a design may have at most: sram=1MiB, bandwidth=20e9, area=10 (mm2) or a total of a run."
    ),
]
Fixed = Annotated[
    list[str] | None,
    typer.Option("--set", help="Keys that stay: KEY=VALUE of the machine, workload.KEY=VALUE of the workloads."),
]
Trials = Annotated[int, typer.Option("--trials", help="Designs to try in all; a kept search goes on to this number.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed tries the same designs.")]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        help="Where trials are kept: a .db file (SQLite), another file (journal), an Optuna URL; default OUT/search.journal.",
    ),
]
Rows = Annotated[
    bool, typer.Option("--csv", help="Print CSV, one row per trial, instead of tables; with --out write it there.")
]


def search(
    hw: Hardware,
    workload: Workloads,
    free: Free,
    objective: Objectives = None,
    limit: Limits = None,
    settings: Fixed = None,
    trials: Trials = 200,
    seed: Seed = 0,
    storage: Storage = None,
    out: Out = None,
    executor: ExecutorName = "local:1",
    bundles: BundlesUrl = "",
    csv: Rows = False,
) -> None:
    """Look for the designs of HW with the least latency, energy or traffic under limits: Pareto front and figure."""
    from accelsim.report import text
    from accelsim.report.figures import search as search_figures
    from accelsim.report.text import search as search_text
    from accelsim.study.search import search as run

    goals = objective or ["latency", "energy"]
    found = run(hw, workload, free, goals, limit or [], trials, seed, settings or [], storage, out, executor, bundles)
    if csv and out is None:
        text.print_csv(found.table, found.warnings)
    else:
        search_text.show(found)
    if out is not None:
        paths = [*found.write(out, csv), *search_figures.write(found, out)]
        text.console().print(f"wrote {', '.join(str(p) for p in paths)}", soft_wrap=True)
