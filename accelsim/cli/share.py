"""`accelsim share`: which weights of a network may be the same, without retraining."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.options import Csv, Out, Settings, WorkloadName, check_csv, split

Machines = Annotated[
    list[str] | None,
    typer.Option("--hw", help="Machines whose traffic and energy the points of the front are run for."),
]
Labels = Annotated[
    Path | None,
    typer.Option("--labels", help="A class per input, a line each (.txt) or an array (.npy; -1: not known)."),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of cifar10/, for shipped networks that were measured on its test images."),
]
Sizes = Annotated[str, typer.Option("--k", help="Numbers of shared values that are tried, 2 to 1024, with commas.")]


def share(
    workload: WorkloadName,
    hw: Machines = None,
    machine_points: Annotated[
        int, typer.Option("--machine-points", help="Points of the front that --hw runs beside the chosen one.")
    ] = 4,
    metric: Annotated[
        str,
        typer.Option(
            "--metric", help="accuracy, agreement with the unchanged network, fidelity of its outputs, or auto."
        ),
    ] = "auto",
    labels: Labels = None,
    data: Data = None,
    k: Sizes = "4,8,16,32,64,128,256",
    scope: Annotated[str, typer.Option("--scope", help="Share within a `layer`, or an output `channel`.")] = "layer",
    keep_zero: Annotated[bool, typer.Option("--keep-zero", help="One of the shared values is exactly 0.")] = False,
    method: Annotated[
        str, typer.Option("--method", help="`optimal` k-means, or `lloyd` from evenly spread values.")
    ] = "optimal",
    correct_bias: Annotated[
        bool, typer.Option("--correct-bias", help="Let biases take up the mean error of the shared weights.")
    ] = False,
    indices: Annotated[str, typer.Option("--indices", help="Code of the indices: plain or huffman.")] = "plain",
    codebook_bits: Annotated[int, typer.Option("--codebook-bits", help="Bits of a shared value.")] = 32,
    weight_bits: Annotated[int, typer.Option("--weight-bits", help="Bits of an unshared weight.")] = 32,
    most_inputs: Annotated[int | None, typer.Option("--inputs", help="Inputs that are used at most.")] = None,
    subset: Annotated[int, typer.Option("--subset", help="Inputs that the exploration uses.")] = 256,
    combinations: Annotated[
        int, typer.Option("--combinations", help="Random combinations that fit and judge the predictor.")
    ] = 40,
    points: Annotated[int, typer.Option("--points", help="Points of the front measured on all inputs.")] = 8,
    most_loss: Annotated[float, typer.Option("--most-loss", help="Points that the chosen one may lose.")] = 0.5,
    target: Annotated[
        str,
        typer.Option(
            "--predict", help="The search minimises the predicted loss or distance; auto: distance if well predicted."
        ),
    ] = "auto",
    seed: Annotated[int, typer.Option("--seed", help="The same seed explores the same points.")] = 0,
    settings: Settings = None,
    out: Out = None,
    csv: Csv = False,
) -> None:
    """Share the weights of WORKLOAD's layers without retraining: compression against loss, and the effect on machines."""
    from accelsim.errors import ConfigError
    from accelsim.report import text
    from accelsim.report.figures import share as share_figures
    from accelsim.report.text import share as share_text
    from accelsim.study.sharing.candidates import Sharing
    from accelsim.study.sharing.exploration import Plan
    from accelsim.study.sharing.rate import Coding
    from accelsim.study.sharing.share import share as run

    check_csv(out, csv)
    try:
        sizes = tuple(int(part) for part in k.split(","))
    except ValueError:
        raise ConfigError(f"--k {k!r} is no list of whole numbers", "for example --k 16,32,64") from None
    machine, changes = split(settings)
    found = run(
        workload,
        Sharing(sizes=sizes, scope=scope, keep_zero=keep_zero, method=method),
        Coding(weight_bits=weight_bits, codebook_bits=codebook_bits, indices=indices),
        Plan(subset=subset, combinations=combinations, points=points, most_loss=most_loss, target=target, seed=seed),
        labels, data, most_inputs, hw or [], machine, changes, machine_points, metric, correct_bias,
    )  # fmt: skip
    share_text.show(found)
    if out is not None:
        paths = [*found.write(out, csv), *share_figures.write(found, out)]
        text.console().print(f"wrote {', '.join(str(p) for p in paths)}", soft_wrap=True)
