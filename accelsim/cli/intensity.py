"""`accelsim intensity`: reuse of parameters and activations weighed unequally, and what it tells of efficiency."""

from __future__ import annotations

from typing import Annotated

import typer

from accelsim.cli.options import Csv, Out, check_csv
from accelsim.cli.profile import Networks

MachineNames = Annotated[
    list[str] | None,
    typer.Option(
        "--hw", help="Machines that the weight is fitted to, simulated without skipping; YAML paths or names."
    ),
]


def intensity(
    networks: Networks,
    hw: MachineNames = None,
    alpha: Annotated[float, typer.Option("--alpha", help="Weight of parameters, 0 to 1, in the printed table.")] = 0.2,
    batch: Annotated[list[int] | None, typer.Option("--batch", help="Inputs a machine takes together.")] = None,
    convention: Annotated[
        str, typer.Option("--convention", help="How activations are counted: unique-tensors or netscope.")
    ] = "unique-tensors",
    out: Out = None,
    csv: Csv = False,
) -> None:
    """Weigh the reuse of parameters against that of activations in NETWORKS, per layer and whole; with --hw fit the weight."""
    from accelsim.compactness.counts import check
    from accelsim.compactness.intensity import with_weighted
    from accelsim.compactness.profile import profile
    from accelsim.outline import outline
    from accelsim.report import text
    from accelsim.report.text import intensity as intensity_text
    from accelsim.study.efficiency import against, simulated
    from accelsim.tables import write_table

    check_csv(out, csv)
    check(convention)
    outlines = {item.name: item for item in (outline(name) for name in dict.fromkeys(networks))}
    import pandas as pd

    profiles = [profile(name, item.network) for name, item in outlines.items()]
    counts = with_weighted(pd.DataFrame([item.total(convention) for item in profiles]).reset_index(drop=True), alpha)
    layers = pd.concat([item.layers for item in profiles], ignore_index=True)
    layers = layers[layers["convention"].eq(convention) & layers["counted_macs"].gt(0)]
    console = text.console()
    console.print(intensity_text.networks(counts, alpha))
    tables = {"intensity": counts, "intensity_layers": with_weighted(layers, alpha)}
    if hw:
        energies = simulated(outlines, hw, batch or [1])
        console.print(intensity_text.efficiencies(energies, len(outlines)))
        tables["efficiency"] = energies
        fitted = against(counts, energies)
        if len(fitted):
            console.print(intensity_text.predictors(fitted))
            tables["predictors"] = fitted
    if out is not None:
        paths = [path for name, table in tables.items() for path in write_table(table, out, name, csv)]
        console.print(f"wrote {', '.join(str(p) for p in paths)}", soft_wrap=True)
