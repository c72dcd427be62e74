"""The typer application: one command per file of this folder."""

from __future__ import annotations

import typer

from accelsim.cli import (
    analyze,
    capture,
    compare,
    explain,
    export,
    gpu,
    intensity,
    listing,
    plot,
    potential,
    precision,
    profile,
    report,
    reproduce,
    run,
    search,
    share,
    sweep,
    traffic,
)
from accelsim.cli.lists import ListsCommand

app = typer.Typer(
    name="accelsim",
    help="How much of the work in a network is useless, and what would a machine gain that skips it?",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Every command takes --json (one object for scripts), --quiet (warnings alone), --verbose (steps and time), --all-rows"
    " (long tables whole) and --debug (full traceback). Exit codes: accelsim list exit-codes.",
)
app.command("run", cls=ListsCommand)(run.run)
app.command("compare", cls=ListsCommand)(compare.compare)
app.command("sweep", cls=ListsCommand)(sweep.sweep)
app.command("search", cls=ListsCommand)(search.search)
app.command("share", cls=ListsCommand)(share.share)
app.command("analyze", cls=ListsCommand)(analyze.analyze)
app.command("potential", cls=ListsCommand)(potential.potential)
app.command("precision", cls=ListsCommand)(precision.precision)
app.command("traffic", cls=ListsCommand)(traffic.traffic)
app.command("intensity", cls=ListsCommand)(intensity.intensity)
app.command("profile", cls=ListsCommand)(profile.profile)
app.command("capture", cls=ListsCommand)(capture.capture)
app.command("export", cls=ListsCommand)(export.export)
app.add_typer(gpu.app, name="gpu", help="Record networks on a CUDA device; check the models of GPUs against records.")
app.command("reproduce")(reproduce.reproduce)
app.command("plot")(plot.plot)
app.command("report")(report.report)
app.command("explain")(explain.explain)
app.command("list")(listing.list_)


@app.callback(invoke_without_command=True)
def version(show: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """How much of the work in a network is useless, and what would a machine gain that skips it?"""
    if show:
        from accelsim import __version__

        typer.echo(f"accelsim {__version__}")
        raise typer.Exit
