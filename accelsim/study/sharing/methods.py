"""Optimal clusters beside Lloyd's iteration from evenly spread values, the same k in every layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from accelsim.columns import Column, declare
from accelsim.study.sharing.candidates import Sharing, all_candidates
from accelsim.study.sharing.evaluate import Evaluator, Judged

declare(
    Column("method", "", "how the shared values were found", sums=False),
    Column(
        "mean_distortion",
        "share",
        "squared distance of all weights over their squares, mean over the layers",
        sums=False,
    ),
)


def methods(network: Judged, sizes: Sequence[int], places: Sequence[int], cache: Path | None = None) -> pd.DataFrame:
    """Return a row per k and method: mean distortion of the layers, loss and distance of the outputs on some inputs."""
    rows = []
    for method in ("optimal", "lloyd"):
        sharing = Sharing(sizes=tuple(sizes), method=method)
        found = all_candidates(network.layers(), sharing)
        evaluator = Evaluator(network, sharing, found, cache)
        own, *scores = evaluator.scores([{}, *(dict.fromkeys(found, k) for k in sizes)], places, method)
        evaluator.close()
        for k, score in zip(sizes, scores, strict=True):
            distortions = [layer[k].error for layer in found.values()]
            rows.append(
                {
                    "k": k, "method": method, "mean_distortion": sum(distortions) / len(distortions),
                    "loss": float(own[0].mean() - score[0].mean()), "distance": float(score[1].mean()),
                }
            )  # fmt: skip
    return pd.DataFrame(rows).sort_values(["k", "method"], ignore_index=True)
