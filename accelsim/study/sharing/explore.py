"""Explore weight sharing: sensitivity, predictor, search, and the points of its front measured on all inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from accelsim import __version__
from accelsim.config import Spec
from accelsim.errors import ConfigError
from accelsim.results import Column, declare, describe, write_results
from accelsim.study.sharing import nsga
from accelsim.study.sharing.candidates import Candidate, Sharing, all_candidates
from accelsim.study.sharing.evaluate import Assignment, Evaluator, Judged
from accelsim.study.sharing.predictor import Predictor, fit
from accelsim.study.sharing.rate import Coding, mean_of_ratios, rate, width

Floats = npt.NDArray[np.float64]
ENOUGH = 0.7
"""Share of the variance that a predictor should explain (Dupuis et al. ask for 0.8, then 0.7)."""

FLOOR = 1e-6
"""Distance of the outputs below which its size is no matter."""

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
    Column("mean_index_bits", "bit", "bits of an index, mean over the weights", sums=False),
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
        info = {**self.info, "assignments": self.assignments, "warnings": self.warnings, "columns": describe(names)}
        return write_results(folder, tables, "share.json", info, csv)


def explore(
    network: Judged, sharing: Sharing, coding: Coding, plan: Plan, cache: Path | None = None, others: int = 0
) -> Exploration:
    """Explore which layers of `network` may share their weights among how many values.

    cache: folder of scores that are kept; an exploration that was interrupted goes on. others: parameters beside the
    weights of the layers, for `rate_of_all`. Raises ConfigError for settings out of range.
    """
    sharing, coding, plan = sharing.checked(), coding.checked(), plan.checked()
    found = all_candidates(network.layers(), sharing)
    evaluator = Evaluator(network, sharing, found, cache)
    try:
        return _Explorer(network, sharing, coding, plan, evaluator, others).run()
    finally:
        evaluator.close()


class _Explorer:
    def __init__(
        self, network: Judged, sharing: Sharing, coding: Coding, plan: Plan, evaluator: Evaluator, others: int
    ) -> None:
        self.network, self.sharing, self.coding, self.plan = network, sharing, coding, plan
        self.evaluator, self.others = evaluator, others
        self.found = evaluator.candidates
        self.names, self.sizes = list(self.found), list(sharing.sizes)
        self.weights = [self.found[name][self.sizes[0]].indices.size for name in self.names]
        stored = [[self.found[n][k].stored(coding) for k in self.sizes] for n in self.names]
        self.stored = stored
        self.bits = np.array([[s.total for s in row] for row in stored])
        self.errors = np.array([[self.found[n][k].error for k in self.sizes] for n in self.names])
        self.random = np.random.default_rng(plan.seed)
        every = len(network.inputs)
        self.all = list(range(every))
        count = min(plan.subset, every)
        self.subset = [place * every // count for place in range(count)]

    def run(self) -> Exploration:
        """Return the exploration."""
        own = self._scores([{}], self.subset, "baseline")[0]
        self.decisions = bool(np.isin(own[0], (0.0, 100.0)).all())
        sensitivity, losses = self._sensitivity(own)
        allowed = self._allowed(losses, float(own[0].mean()))
        combinations, predictor = self._combinations(own, allowed, losses, sensitivity)
        designs = self._search(predictor, allowed)
        front, assignments = self._front(designs, predictor)
        return Exploration(
            sensitivity,
            combinations,
            front,
            assignments,
            self.found,
            self._info(predictor, own),
            self._warnings(predictor),
        )

    def _scores(
        self, assignments: Sequence[Assignment], places: Sequence[int], what: str
    ) -> list[tuple[Floats, Floats]]:
        return self.evaluator.scores(assignments, places, what)

    def _sensitivity(self, own: tuple[Floats, Floats]) -> tuple[pd.DataFrame, Floats]:
        """Return a row per layer and k, and the losses (layers, sizes, 2): of the metric, and distance of the outputs."""
        alone = [{name: k} for name in self.names for k in self.sizes]
        scores = self._scores(alone, self.subset, "sensitivity")
        losses = np.array([[_loss(own, s), s[1].mean()] for s in scores]).reshape(len(self.names), len(self.sizes), 2)
        rows = []
        for i, name in enumerate(self.names):
            for j, k in enumerate(self.sizes):
                stored = self.stored[i][j]
                rows.append(
                    {
                        "layer": name, "k": k, "weights": self.weights[i], "distortion": self.errors[i, j],
                        "index_bits": stored.index_bits, "codebook_bits": stored.codebook_bits,
                        "layer_rate": self.weights[i] * self.coding.weight_bits / stored.total,
                        "loss": losses[i, j, 0], "distance": losses[i, j, 1],
                    }
                )  # fmt: skip
        return pd.DataFrame(rows), losses

    def _allowed(self, losses: Floats, metric: float) -> npt.NDArray[np.bool_]:
        """Return which candidates lose little enough alone; a layer's most values always do."""
        margin = self.plan.margin * metric
        if self.decisions:
            margin = max(margin, 150 / len(self.subset))  # one right input less is no sign
        allowed: npt.NDArray[np.bool_] = losses[:, :, 0] <= margin
        allowed[:, -1] = True
        return allowed

    def _combinations(
        self, own: tuple[Floats, Floats], allowed: npt.NDArray[np.bool_], losses: Floats, sensitivity: pd.DataFrame
    ) -> tuple[pd.DataFrame, Predictor]:
        """Return random combinations, measured, and the predictor: of the metric's loss where it is good enough."""
        genes = self._random_genes(allowed)
        scores = self._scores([self._assignment(row) for row in genes], self.subset, "combinations")
        measured = np.array([[_loss(own, s), s[1].mean()] for s in scores])
        held_out = np.arange(len(genes)) % 2 == 1
        alone = np.zeros((len(sensitivity), len(self.names)))
        alone[np.arange(len(alone)), np.repeat(np.arange(len(self.names)), len(self.sizes))] = self.errors.reshape(-1)
        kept = allowed.reshape(-1)
        columns = np.concatenate([self._distortions(genes), alone[kept]])
        wanted = np.concatenate([measured, losses.reshape(-1, 2)[kept]])
        fitted = np.concatenate([held_out, np.zeros(int(kept.sum()), bool)])
        by_loss = fit(columns, wanted[:, 0], fitted, "loss")
        by_distance = fit(columns, wanted[:, 1], fitted, "distance", FLOOR)
        self.r2 = {p.target: p.r2 for p in (by_loss, by_distance)}
        smoother = by_distance.r2 >= ENOUGH or not by_loss.r2 > by_distance.r2
        chosen = by_distance if self.plan.target == "distance" or (self.plan.target == "auto" and smoother) else by_loss
        table = pd.DataFrame({"loss": measured[:, 0], "distance": measured[:, 1], "fitted": ~held_out})
        for each in (by_loss, by_distance):
            table[f"predicted_{each.target}"] = each(self._distortions(genes))
        table["k"] = [json.dumps(self._assignment(row)) for row in genes]
        return table, chosen

    def _random_genes(self, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Return combinations near the same k everywhere, whatever k, of candidates that are allowed."""
        count, most = self.plan.combinations, len(self.sizes) - 1
        middle = self.random.integers(0, most + 1, (count, 1))
        genes = np.clip(middle + self.random.integers(-1, 2, (count, len(self.names))), 0, most)
        return self._raised(genes, allowed)

    @staticmethod
    def _raised(genes: npt.NDArray[np.int64], allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Return genes with candidates that are not allowed replaced by the next larger k that is."""
        sizes = allowed.shape[1]
        following = np.where(allowed, np.arange(sizes), sizes)
        following = np.minimum.accumulate(following[:, ::-1], axis=1)[:, ::-1]
        found: npt.NDArray[np.int64] = following[np.arange(len(following)), genes]
        return found

    def _search(self, predictor: Predictor, allowed: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
        """Return the designs of the predicted front, from the largest to the smallest."""
        rows = np.arange(len(self.names))
        options = [np.flatnonzero(row) for row in allowed]

        def real(genes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            return np.stack([option[genes[:, i]] for i, option in enumerate(options)], axis=1)

        def judge(genes: npt.NDArray[np.int64]) -> Floats:
            chosen = real(genes)
            return np.stack([predictor(self._distortions(chosen)), self.bits[rows, chosen].sum(axis=1)], axis=1)

        choices = np.array([len(option) for option in options])
        same = [[int((option < j).sum()) for option in options] for j in range(len(self.sizes))]
        seeds = np.minimum(np.array(same), choices - 1)
        genes, goals = nsga.minimise(judge, choices, self.random, seeds)
        order = np.argsort(-goals[:, 1], kind="stable")
        return list(real(genes[order]))

    def _front(
        self, designs: list[npt.NDArray[np.int64]], predictor: Predictor
    ) -> tuple[pd.DataFrame, list[dict[str, int]]]:
        """Return points of the predicted front measured on all inputs: half spread over it, half about the allowed loss."""
        own = self._scores([{}], self.all, "baseline")[0]
        few = self.plan.points < 6  # too few to be spread: all of them look for the allowed loss
        count = 0 if few else (self.plan.points + 1) // 2
        spread = np.unique(np.linspace(0, len(designs) - 1, count).round().astype(int))
        losses: dict[int, float] = {}

        def measure(places: Sequence[int]) -> None:
            scores = self._scores([self._assignment(designs[p]) for p in places], self.all, "front")
            losses.update((p, _loss(own, s)) for p, s in zip(places, scores, strict=True))

        measure([int(p) for p in spread])
        while len(losses) < min(self.plan.points, len(designs)):
            good = max((p for p, loss in losses.items() if loss <= self.plan.most_loss), default=-1)
            bad = min((p for p in losses if p > good), default=len(designs))
            inside = [p for p in range(good + 1, bad) if p not in losses] or [
                p for p in range(len(designs)) if p not in losses
            ]
            measure([inside[len(inside) // 2]])
        chosen = [("search", designs[p]) for p in sorted(losses)]
        uniform = [("uniform", np.full(len(self.names), j)) for j, k in enumerate(self.sizes) if 32 <= k <= 128]
        rows = [self._point(kind, genes, own, predictor) for kind, genes in [*chosen, *uniform]]
        table = pd.DataFrame(rows)
        table["pareto"] = nsga.fronts(np.stack([table["loss"], -table["rate"]], axis=1)) == 0
        within = table[table["loss"] <= self.plan.most_loss]
        table["chosen"] = table.index == (within["rate"].idxmax() if len(within) else -1)
        return table, [self._assignment(genes) for _, genes in [*chosen, *uniform]]

    def _point(
        self, kind: str, genes: npt.NDArray[np.int64], own: tuple[Floats, Floats], predictor: Predictor
    ) -> dict[str, Any]:
        found = self._scores([self._assignment(genes)], self.all, kind)[0]
        bits = self.bits[np.arange(len(genes)), genes].tolist()
        unseen = np.setdiff1d(self.all, self.subset)
        difference = own[0] - found[0]
        widths = [
            width(self.found[n][self.sizes[j]].codebooks.shape[1]) * w
            for n, j, w in zip(self.names, genes, self.weights, strict=True)
        ]
        every = self.coding.weight_bits
        return {
            "kind": kind,
            "rate": rate(self.weights, bits, every),
            "mean_of_ratios": mean_of_ratios(self.weights, bits, every),
            "rate_of_all": (sum(self.weights) + self.others) * every / (sum(bits) + self.others * every),
            "metric_value": float(found[0].mean()),
            "loss": _loss(own, found),
            "loss_error": float(difference.std(ddof=1) / np.sqrt(difference.size))
            if difference.size > 1
            else float("nan"),
            "loss_unseen": float(difference[unseen].mean()) if unseen.size else float("nan"),
            "distance": float(found[1].mean()),
            "predicted": float(predictor(self._distortions(genes[None]))[0]),
            "mean_index_bits": sum(widths) / sum(self.weights),
            "stored_bits": sum(bits),
            "k": json.dumps(self._assignment(genes)),
        }

    def _distortions(self, genes: npt.NDArray[np.int64]) -> Floats:
        found: Floats = self.errors[np.arange(len(self.names)), genes]
        return found

    def _assignment(self, genes: npt.NDArray[np.int64]) -> dict[str, int]:
        return {name: self.sizes[j] for name, j in zip(self.names, genes, strict=True)}

    def _info(self, predictor: Predictor, own: tuple[Floats, Floats]) -> dict[str, Any]:
        full = self._scores([{}], self.all, "baseline")[0]
        return {
            "accelsim": __version__,
            "metric": self.network.metric,
            "baseline": float(full[0].mean()),
            "inputs": len(self.all),
            "subset": len(self.subset),
            "layers": len(self.names),
            "weights": sum(self.weights),
            "other_parameters": self.others,
            "predictor": {
                "target": predictor.target,
                "r2": predictor.r2,
                "fitted_r2": predictor.fitted_r2,
                "each": self.r2,
            },
            "computed": self.evaluator.computed,
            "sharing": self.sharing.model_dump(mode="json"),
            "coding": self.coding.model_dump(mode="json"),
            "plan": self.plan.model_dump(mode="json"),
        }

    def _warnings(self, predictor: Predictor) -> list[str]:
        found = list(self.network.warnings)
        if not predictor.r2 >= ENOUGH:
            found.append(
                f"the linear predictor of the {predictor.target} explains {predictor.r2:.2f} of its variance on held-out"
                f" combinations, less than {ENOUGH}: the front may be far from the best"
            )
        binned = [name for name, own in self.found.items() if own[self.sizes[0]].binned]
        if binned:
            found.append(f"more different values than are clustered exactly, binned first: {', '.join(binned[:4])}")
        if len(self.subset) < len(self.all):
            found.append(
                "points are chosen by their loss on all inputs; loss_unseen is that on inputs the exploration never saw"
            )
        else:
            found.append("points are explored and chosen on the same inputs: their loss on others may be larger")
        return found


def _loss(own: tuple[Floats, Floats], found: tuple[Floats, Floats]) -> float:
    return round(float(own[0].mean() - found[0].mean()), 9)
