"""Loss of a whole network from its layers: a sum of what each of them adds, measured alone or fitted to distortions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Additive:
    """Loss or distance of a design as the sum of what each layer adds at its size.

    adds: (layers, sizes). r2: share of the variance explained on combinations that were not fitted, fitted_r2: on those that
    were (NaN where nothing is fitted). target: "loss" or "distance". form: "slopes" (of the distortions) or "alone" (what
    sharing the weights of this layer alone does to the outputs; errors of different layers add as they are hardly correlated).
    """

    adds: Floats
    r2: float
    fitted_r2: float
    target: str
    form: str

    def __call__(self, genes: npt.NDArray[np.int64]) -> Floats:
        """Return what is predicted of each design (designs, layers)."""
        found: Floats = self.adds[np.arange(len(self.adds)), genes].sum(axis=-1)
        return found


def alone(
    distances: Floats, genes: npt.NDArray[np.int64], measured: Floats, held_out: npt.NDArray[np.bool_]
) -> Additive:
    """Return the sum of the distances (layers, sizes) that each layer has alone, judged by the measured distances of genes."""
    predicted = Additive(distances, float("nan"), float("nan"), "distance", "alone")(genes)
    return Additive(distances, r_squared(measured[held_out], predicted[held_out]), float("nan"), "distance", "alone")


@dataclass(frozen=True)
class Predictor:
    """loss = sum over layers of slope x distortion; r2: on combinations that were not fitted, fitted_r2: on those that were.

    target: what is predicted.
    """

    slopes: Floats
    r2: float
    fitted_r2: float
    target: str

    def __call__(self, distortions: Floats) -> Floats:
        """Return the loss of each row of distortions (rows, layers)."""
        found: Floats = distortions @ self.slopes
        return found

    def of(self, distortions: Floats) -> Additive:
        """Return what each layer adds at each size, by the distortions (layers, sizes) there."""
        return Additive(self.slopes[:, None] * distortions, self.r2, self.fitted_r2, self.target, "slopes")


def fit(
    distortions: Floats, losses: Floats, held_out: npt.NDArray[np.bool_], target: str, floor: float | None = None
) -> Predictor:
    """Fit slopes to the rows that are not held out and judge them by the others.

    distortions: (rows, layers); losses: (rows,), of each row in the same unit. floor: an error counts over the root of
    the loss, or of this where it is less, so that large losses do not decide all slopes; None counts all errors alike.
    """
    weight = np.ones(len(losses)) if floor is None else 1 / np.sqrt(np.maximum(losses, floor))
    seen = ~held_out
    slopes = nonnegative(distortions[seen] * weight[seen, None], losses[seen] * weight[seen])
    unseen_r2, seen_r2 = (r_squared(losses[rows], distortions[rows] @ slopes) for rows in (held_out, seen))
    return Predictor(slopes, unseen_r2, seen_r2, target)


def nonnegative(columns: Floats, wanted: Floats, rounds: int = 2000) -> Floats:
    """Return x >= 0 with the least squares of columns @ x - wanted, by descent along one coordinate after another.

    >>> nonnegative(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([2.0, 1.0])).round(6)
    array([1.5, 0. ])
    """
    scale = np.sqrt((columns**2).sum(axis=0))
    scale[scale == 0] = 1.0
    scaled = columns / scale
    gram, right = scaled.T @ scaled, scaled.T @ wanted
    x = np.zeros(columns.shape[1])
    for _ in range(rounds):
        before = x.copy()
        for i in range(x.size):
            if gram[i, i] > 0:
                x[i] = max(0.0, x[i] + (right[i] - gram[i] @ x) / gram[i, i])
        if np.abs(x - before).max(initial=0.0) <= 1e-12 * (1 + np.abs(x).max(initial=0.0)):
            break
    return x / scale


def factor_off(predicted: Floats, found: Floats, floor: float) -> float:
    """Return the geometric mean of the factors by which predictions miss what was found, both raised by `floor`.

    >>> factor_off(np.array([2.0, 8.0]), np.array([4.0, 4.0]), 0.0)
    2.0
    """
    return float(np.exp(np.abs(np.log((predicted + floor) / (found + floor))).mean()))


def r_squared(found: Floats, predicted: Floats) -> float:
    """Return the share of the variance of `found` that `predicted` explains; NaN where it does not vary."""
    around = float(((found - found.mean()) ** 2).sum()) if found.size else 0.0
    return 1 - float(((found - predicted) ** 2).sum()) / around if around > 0 else float("nan")
