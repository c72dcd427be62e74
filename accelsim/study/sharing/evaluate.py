"""Scores of a network under assignments of k to layers, each computed once and kept on disk."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from accelsim.config import digest
from accelsim.study.evaluate import Outcome
from accelsim.study.sharing.candidates import Candidate, Sharing
from accelsim.study.store import Store

VERSION = 1
"""Raised whenever the same assignment would score differently."""

Assignment = Mapping[str, int]
Floats = npt.NDArray[np.float64]


class Judged(Protocol):
    """What the exploration needs of a network (accelsim.sources.sharing.network.Network is one)."""

    metric: str
    inputs: list[Any]
    warnings: list[str]

    def layers(self) -> list[tuple[str, npt.NDArray[np.float32]]]:
        """Return name and weights of each layer."""

    def digest(self, places: Sequence[int]) -> str:
        """Return a key over network, inputs at `places` and labels."""

    def score(self, weights: Mapping[str, npt.NDArray[np.float32]], places: Sequence[int]) -> Any:
        """Return `metric` (percent) and `distance` of each input at `places` with some weights replaced."""


class Evaluator:
    """Scores assignments on some inputs of a network; what has been scored before, in any process, is read back.

    folder: where scores are kept, None keeps them in memory.
    """

    def __init__(
        self, network: Judged, sharing: Sharing, found: Mapping[str, Mapping[int, Candidate]], folder: Path | None
    ) -> None:
        self.network, self.candidates = network, found
        self.clustering = sharing.model_dump(mode="json", exclude={"sizes"})
        self.store = Store(folder, optional=True)
        self._rows: dict[str, tuple[Floats, Floats]] = {}
        if len(self.store):
            for row in self.store.points().to_dict("records"):
                self._rows[str(row["key"])] = (np.asarray(row["metric"], float), np.asarray(row["distance"], float))
        self._digests: dict[tuple[int, ...], str] = {}
        self.computed = 0

    def scores(
        self, assignments: Sequence[Assignment], places: Sequence[int], what: str
    ) -> list[tuple[Floats, Floats]]:
        """Return metric (percent) and distance of the outputs per input for each assignment, behind a progress bar."""
        from tqdm import tqdm

        keys = [self._key(assignment, places) for assignment in assignments]
        missing = {key: a for key, a in zip(keys, assignments, strict=True) if key not in self._rows}
        bar = tqdm(missing.items(), what, unit="point", file=sys.stderr, disable=None, delay=1.0)
        try:
            for key, assignment in bar:
                weights = {name: self.candidates[name][k].weights for name, k in assignment.items()}
                found = self.network.score(weights, places)
                self.computed += 1
                self._rows[key] = found.metric, found.distance
                self.store.add({key: Outcome({"metric": found.metric.tolist(), "distance": found.distance.tolist()})})
        finally:
            self.store.flush()
        return [self._rows[key] for key in keys]

    def close(self) -> None:
        """Write what is not yet kept, and join the parts."""
        self.store.compact()

    def _key(self, assignment: Assignment, places: Sequence[int]) -> str:
        chosen = tuple(places)
        if chosen not in self._digests:
            self._digests[chosen] = self.network.digest(chosen)
        return digest(VERSION, self._digests[chosen], self.clustering if assignment else {}, sorted(assignment.items()))
