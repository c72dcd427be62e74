"""The candidates of each layer: the values that its weights would share for each k, how far off they are, their bits."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.clusters import MOST_POINTS, counted, distortion, lloyd, nearest, optimal
from accelsim.config import Spec
from accelsim.errors import ConfigError
from accelsim.study.sharing.rate import Coding, Stored, stored

Floats = npt.NDArray[np.float32]
SIZES = (4, 8, 16, 32, 64, 128, 256)
"""Numbers of shared values that are tried for each layer."""
LARGEST = 1024


class Sharing(Spec):
    """How weights are clustered.

    sizes: the k that are tried. scope: one codebook for a "layer", or one for each output "channel". keep_zero: one of
    the values is 0. method: "optimal", or "lloyd" from evenly spread values as Dupuis et al. do.
    """

    sizes: tuple[int, ...] = SIZES
    scope: str = "layer"
    keep_zero: bool = False
    method: str = "optimal"

    def checked(self) -> Sharing:
        """Return itself with its sizes sorted. Raises ConfigError for what cannot be."""
        wrong = [k for k in self.sizes if not 2 <= k <= LARGEST]
        if wrong or not self.sizes:
            raise ConfigError(f"k is {wrong[0] if wrong else 'missing'}", f"give numbers from 2 to {LARGEST}")
        for name, known in (("scope", ("layer", "channel")), ("method", ("optimal", "lloyd"))):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} is {getattr(self, name)!r}", f"give {' or '.join(known)}")
        if self.keep_zero and self.method == "lloyd":
            raise ConfigError("lloyd does not keep zero", "use the optimal method with --keep-zero")
        return self.model_copy(update={"sizes": tuple(sorted(set(self.sizes)))})


@dataclass(frozen=True)
class Candidate:
    """A layer's weights with `k` shared values.

    codebooks: (1 or channels, k) float32, each ascending; missing values of a channel with fewer repeat its last one.
    indices: the place of every weight in its codebook, in the weight's shape. error: squared distance of the weights over
    their squares. binned: whether there were more different values than are clustered exactly.
    """

    layer: str
    k: int
    codebooks: Floats
    indices: npt.NDArray[np.uint16]
    error: float
    binned: bool = False

    @cached_property
    def weights(self) -> Floats:
        """The shared weights, dense."""
        return dense(self.codebooks, self.indices)

    def stored(self, coding: Coding) -> Stored:
        """Return the bits that it takes."""
        uses = np.bincount(self.indices.reshape(-1), minlength=self.codebooks.shape[1]).astype(np.int64)
        return stored(uses, len(self.codebooks), coding)


def dense(codebooks: Floats, indices: npt.NDArray[np.uint16]) -> Floats:
    """Return the weights that indices mean; a codebook per layer, or one for each place of the first axis."""
    if len(codebooks) == 1:
        return codebooks[0][indices]
    rows = indices.reshape(len(codebooks), -1)
    found: Floats = np.take_along_axis(codebooks, rows.astype(np.int64), axis=1).reshape(indices.shape)
    return found


def candidates(name: str, weights: Floats, sharing: Sharing) -> dict[int, Candidate]:
    """Return the candidates of a layer by k. weights: the output channel is the first axis."""
    rows = weights.reshape(len(weights), -1) if sharing.scope == "channel" else weights.reshape(1, -1)
    points = [counted(row) for row in rows]
    books = [_books(*each, sharing) for each in points]
    energy = float(np.square(weights, dtype=np.float64).sum()) or 1.0
    found = {}
    for k in sharing.sizes:
        own = [book[k] for book in books]
        length = max(len(book) for book in own)
        table = np.stack([np.pad(book, (0, length - len(book)), "edge") for book in own]).astype(np.float32)
        indices = np.stack([nearest(row, book) for row, book in zip(rows, own, strict=True)]).astype(np.uint16)
        error = sum(distortion(*each, book) for each, book in zip(points, own, strict=True)) / energy
        binned = any(np.unique(row).size > MOST_POINTS for row in rows) if rows.shape[1] > MOST_POINTS else False
        found[k] = Candidate(name, k, table, indices.reshape(weights.shape), error, binned)
    return found


def all_candidates(layers: Sequence[tuple[str, Floats]], sharing: Sharing) -> dict[str, dict[int, Candidate]]:
    """Return the candidates of every layer, in threads, behind a progress bar."""
    from tqdm import tqdm

    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(lambda layer: candidates(layer[0], layer[1], sharing), layers)
        bar = tqdm(found, "clustering", len(layers), unit="layer", file=sys.stderr, disable=None, delay=1.0)
        return {name: own for (name, _), own in zip(layers, bar, strict=True)}


def _books(
    points: npt.NDArray[np.float64], counts: npt.NDArray[np.float64], sharing: Sharing
) -> dict[int, npt.NDArray[np.float64]]:
    if sharing.method == "lloyd":
        return {k: lloyd(points, counts, k) for k in sharing.sizes}
    return optimal(points, counts, sharing.sizes, sharing.keep_zero)
