"""`accelsim profile`: how compact networks are, from their shapes alone."""

from __future__ import annotations

from typing import Annotated

import typer

from accelsim.cli.options import Csv, Out, check_csv

Networks = Annotated[
    list[str],
    typer.Argument(
        help="Networks: workloads by name or path, or torchvision:NAME, timm:NAME, papernets:NAME; weights are not needed."
    ),
]


def profile(
    networks: Networks,
    layers: Annotated[bool, typer.Option("--layers", help="Print every network layer by layer.")] = False,
    bits: Annotated[int, typer.Option("--bits", min=1, help="Width of a parameter and of an activation.")] = 32,
    out: Out = None,
    csv: Csv = False,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change one key of the workloads.")] = None,
) -> None:
    """Count parameters, activations, MACs, reuse and memory of NETWORKS, per layer and whole, under both conventions."""
    import pandas as pd

    from accelsim.compactness.profile import profile as count
    from accelsim.outline import outline
    from accelsim.report import text
    from accelsim.report.figures import profile as profile_figures
    from accelsim.report.text import profile as profile_text
    from accelsim.tables import write_table

    check_csv(out, csv)
    changes = [s.removeprefix("workload.") for s in settings or []]
    outlines = [outline(name, changes) for name in dict.fromkeys(networks)]
    profiles = [count(item.name, item.network, bits) for item in outlines]
    console = text.console()
    for item in profiles if layers or len(profiles) == 1 else []:
        console.print(profile_text.layers(item))
    console.print(profile_text.whole(profiles))
    console.print(profile_text.memory(profiles))
    if out is not None:
        paths = write_table(pd.concat([item.whole for item in profiles]), out, "profile", csv)
        paths += write_table(pd.concat([item.layers for item in profiles]), out, "profile_layers", csv)
        paths += profile_figures.write(profiles, out)
        console.print(f"wrote {', '.join(str(p) for p in paths)}", soft_wrap=True)
