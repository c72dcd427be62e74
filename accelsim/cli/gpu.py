"""`accelsim gpu`: record networks on a CUDA device, and check the models of GPUs against records anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.lists import ListsCommand
from accelsim.cli.options import Csv, check_csv

if TYPE_CHECKING:
    from accelsim.gpu.records import Mode

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

References = Annotated[
    list[str],
    typer.Option(
        "--workload", help="Networks: workloads by name or path, or torchvision:NAME, timm:NAME, papernets:NAME."
    ),
]
Batches = Annotated[list[int] | None, typer.Option("--batch", min=1, help="Batch sizes; without it 1, 2, 4, ..., 256.")]
Values = Annotated[str, typer.Option("--values", help="Inputs and weights: real, random (same spread) or zeros.")]
Number = Annotated[
    str, typer.Option("--number", help="Number format of products: float32, tf32, float16, bfloat16, int8 or fp8.")
]
Sparsity = Annotated[str, typer.Option("--sparsity", help="Weights of linear layers: none, or 2:4.")]


@app.command("record", cls=ListsCommand)
def record(
    workload: References,
    out: Annotated[Path, typer.Option("--out", help="Folder of the records.")] = Path("gpuruns"),
    batch: Batches = None,
    values: Values = "real",
    number: Number = "float32",
    sparsity: Sparsity = "none",
    energy: Annotated[
        float, typer.Option("--energy", help="Seconds of a run whose energy is read, at least 5; 0 reads none.")
    ] = 5.0,
    again: Annotated[bool, typer.Option("--again", help="Measure again what is in the record already.")] = False,
) -> None:
    """Measure networks on the CUDA device: time per layer, kernels, memory, energy; goes on where it was stopped."""
    from accelsim.gpu.measure import BATCHES
    from accelsim.gpu.measure import record as measure

    mode = _mode(values, number, sparsity)
    from accelsim.gpu.cuda import CudaDevice

    device = CudaDevice()
    for reference in workload:
        path = measure(device, reference, out, mode, batch or BATCHES, energy, again, typer.echo)
        typer.echo(f"wrote {path}")


@app.command("check", cls=ListsCommand)
def check(
    records: Annotated[list[Path], typer.Argument(help="Records, or folders of them.")],
    hw: Annotated[
        str | None, typer.Option("--hw", help="Machine for all records; without it that of their device.")
    ] = None,
    modules: Annotated[bool, typer.Option("--modules", help="Print every timed module.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for tables and figures.")] = None,
    csv: Csv = False,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change one key of the machines.")] = None,
) -> None:
    """Put simulated, bound and measured side by side, test claims about compact networks; needs no GPU."""
    from accelsim.gpu import claims
    from accelsim.gpu.crosscheck import crosscheck, load
    from accelsim.report import text
    from accelsim.report.figures import gpu_check as gpu_check_figures
    from accelsim.report.text import gpu_check as gpu_check_text
    from accelsim.tables import write_table

    check_csv(out, csv)
    read = load(records)
    found = crosscheck(read, hw, settings or [])
    points = claims.points(read)
    claimed, gained = claims.claims(points), claims.profits(points)
    console = text.console()
    for item in gpu_check_text.tables(found, points, claimed, gained, modules):
        console.print(item)
    for line in text.warnings(found.warnings):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    if out is not None:
        paths = []
        for stem, table in (
            ("gpu_modules", found.modules), ("gpu_networks", found.networks), ("gpu_points", points),
            ("gpu_claims", claimed), ("gpu_profits", gained),
        ):  # fmt: skip
            paths += write_table(table, out, stem, csv) if not table.empty else []
        paths += gpu_check_figures.write(found, points, out)
        console.print(f"wrote {', '.join(str(p) for p in paths)}", soft_wrap=True)


@app.command("schema")
def schema() -> None:
    """Print the JSON schema of a record."""
    import json

    from accelsim.gpu.records import Record

    typer.echo(json.dumps(Record.model_json_schema(), indent=1))


@app.command("once", hidden=True)
def once(
    workload: Annotated[str, typer.Option("--workload")],
    batch: Annotated[int, typer.Option("--batch", min=1)] = 1,
    values: Values = "real",
    number: Number = "float32",
    sparsity: Sparsity = "none",
) -> None:
    """Run one pass between the marks that a profiler of the device waits for."""
    mode = _mode(values, number, sparsity)
    from accelsim.gpu.cuda import CudaDevice, one_pass

    one_pass(CudaDevice(), workload, mode, batch)


def _mode(values: str, number: str, sparsity: str) -> Mode:
    from typing import get_args

    from accelsim.errors import unknown_name
    from accelsim.gpu import records

    for what, name, kind in (
        ("values", values, records.Values), ("number format", number, records.Number), ("sparsity", sparsity, records.Sparsity),
    ):  # fmt: skip
        if name not in get_args(kind):
            raise unknown_name(what, name, get_args(kind))
    return records.Mode.model_validate({"values": values, "number": number, "sparsity": sparsity})
