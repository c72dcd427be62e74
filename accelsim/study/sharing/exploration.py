"""What is explored in weight sharing, and what an exploration found: tables, assignments, warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from accelsim.columns import Column, declare, describe
from accelsim.config import Spec
from accelsim.errors import ConfigError
from accelsim.study.sharing.candidates import Candidate
from accelsim.tables import write_results

declare(
    Column("k", "", "number of values that the weights of a layer (or of each of its channels) share", sums=False),
    Column("weights", "", "number of weights of the layer", sums=False),
    Column(
        "distortion", "share", "squared distance of the shared weights from the weights, over their squares", sums=False
    ),
    Column("index_bits", "bit", "bits of the indices", sums=False),
    Column("codebook_bits", "bit", "bits of the codebooks", sums=False),
    Column("layer_rate", "x", "bits of the unshared weights of the layer over those stored", sums=False),
    Column(
        "rate", "x", "bits of all weights unshared over those stored, codebooks counted (ratio of sums)", sums=False
    ),
    Column(
        "mean_of_ratios", "x", "mean of the layers' rates weighted by their weights; no rate of the network", sums=False
    ),
    Column(
        "rate_of_all", "x", "the same as rate with all other parameters counted, at the bits of a weight", sums=False
    ),
    Column("loss", "points", "metric of the unchanged network less that with shared weights", sums=False),
    Column("loss_error", "points", "standard error of the loss, over the same inputs", sums=False),
    Column("loss_unseen", "points", "loss on the inputs that the exploration did not use", sums=False),
    Column(
        "distance",
        "share",
        "squared distance of the outputs from the unchanged network's, over their squares",
        sums=False,
    ),
    Column("predicted", "", "loss or distance of the outputs that the predictor gives", sums=False),
    Column("fitted", "", "whether the predictor was fitted to this combination (the others judge it)", sums=False),
    Column(
        "mean_index_bits",
        "bit",
        "bits of an index, mean over the weights; of Huffman codes with their tables",
        sums=False,
    ),
    Column("chosen", "", "the point that is exported: the highest rate within the loss that is allowed", sums=False),
    Column("metric_value", "%", "metric of the network with shared weights on all inputs", sums=False),
)


class Plan(Spec):
    """What is explored. subset: inputs of the exploration; combinations: random ones to fit and judge the predictor by.

    points: how many points are measured on all inputs. most_loss: points of the metric that the chosen one may lose.
    target: what the predictor of the search is of: "loss" of the metric as by Dupuis et al., "distance" of the outputs, which
    varies smoothly, or "auto": the distance unless its R2 is low and the loss is predicted better.
    margin: loss of a layer alone, as a share of the metric, above which a candidate is left out (Dupuis et al.: 0.01).
    """

    subset: int = 256
    combinations: int = 40
    points: int = 8
    most_loss: float = 0.5
    margin: float = 0.01
    target: str = "auto"
    seed: int = 0

    def checked(self) -> Plan:
        """Return itself. Raises ConfigError when a number is out of its range."""
        for name, low in (
            ("subset", 1),
            ("combinations", 4),
            ("points", 2),
            ("most_loss", 0),
            ("margin", 0),
            ("seed", 0),
        ):
            if getattr(self, name) < low:
                raise ConfigError(f"{name} is {getattr(self, name)}", f"give {low} or more")
        if self.target not in ("auto", "loss", "distance"):
            raise ConfigError(f"the target of the predictor is {self.target!r}", "give auto, loss or distance")
        return self

    def places(self, every: int) -> list[int]:
        """Return the inputs that the exploration uses, spread over all `every` of them."""
        count = min(self.subset, every)
        return [place * every // count for place in range(count)]


@dataclass(frozen=True)
class Exploration:
    """A finished exploration.

    sensitivity: a row per layer and k. combinations: those of the predictor. front: a row per point measured on all
    inputs, and the same k for every layer beside them (`kind`). assignments: the k of each layer, a row of `front` each.
    """

    sensitivity: pd.DataFrame
    combinations: pd.DataFrame
    front: pd.DataFrame
    assignments: list[dict[str, int]]
    candidates: Mapping[str, Mapping[int, Candidate]] = field(repr=False)
    info: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def chosen(self) -> int | None:
        """The place of the chosen point; None where none loses little enough."""
        found = np.flatnonzero(self.front["chosen"])
        return int(found[0]) if found.size else None

    def write(self, folder: Path, csv: bool = False) -> list[Path]:
        """Write sensitivity, combinations and front as tables, and share.json; return the paths."""
        tables = {"sensitivity": self.sensitivity, "combinations": self.combinations, "front": self.front}
        names = [name for table in tables.values() for name in table.columns]
        told = {key: value for key, value in self.info.items() if key != "computed"}  # the same, interrupted or not
        info = {**told, "assignments": self.assignments, "warnings": self.warnings, "columns": describe(names)}
        return write_results(folder, tables, "share.json", info, csv)
