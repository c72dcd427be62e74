"""Explore weight sharing: sensitivity, predictor, search, and the points of its front measured on all inputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from accelsim import __version__
from accelsim.study.sharing import nsga
from accelsim.study.sharing.candidates import Sharing, all_candidates
from accelsim.study.sharing.evaluate import Assignment, Evaluator, Judged
from accelsim.study.sharing.exploration import Exploration, Plan
from accelsim.study.sharing.predictor import Additive, alone, factor_off, fit
from accelsim.study.sharing.rate import Coding
from accelsim.study.sharing.space import Allowed, Floats, Genes, Space

ENOUGH = 0.7
"""Share of the variance that a predictor should explain (Dupuis et al. ask for 0.8, then 0.7)."""

FLOOR = 1e-6
"""Distance of the outputs below which its size is no matter."""


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
        self.evaluator = evaluator
        self.space = Space(evaluator.candidates, list(sharing.sizes), coding, others)
        self.random = np.random.default_rng(plan.seed)
        every = len(network.inputs)
        self.all = list(range(every))
        self.subset = plan.places(every)

    def run(self) -> Exploration:
        """Return the exploration."""
        own = self._scores([{}], self.subset, "baseline")[0]
        self.decisions = bool(np.isin(own[0], (0.0, 100.0)).all())
        sensitivity, losses = self._sensitivity(own)
        allowed = self._allowed(losses, float(own[0].mean()))
        combinations, predictor = self._combinations(own, allowed, losses, sensitivity)
        designs = self.space.front(predictor, allowed, self.random)
        front, assignments = self._front(designs, predictor)
        return Exploration(
            sensitivity,
            combinations,
            front,
            assignments,
            self.space.candidates,
            self._info(predictor, own),
            self._warnings(predictor),
        )

    def _scores(
        self, assignments: Sequence[Assignment], places: Sequence[int], what: str
    ) -> list[tuple[Floats, Floats]]:
        return self.evaluator.scores(assignments, places, what)

    def _sensitivity(self, own: tuple[Floats, Floats]) -> tuple[pd.DataFrame, Floats]:
        """Return a row per layer and k, and the losses (layers, sizes, 2): of the metric, and distance of the outputs."""
        alone = [{name: k} for name in self.space.names for k in self.space.sizes]
        scores = self._scores(alone, self.subset, "sensitivity")
        losses = np.array([[_loss(own, s), s[1].mean()] for s in scores]).reshape(
            len(self.space.names), len(self.space.sizes), 2
        )
        rows = []
        for i, name in enumerate(self.space.names):
            for j, k in enumerate(self.space.sizes):
                stored = self.space.stored[i][j]
                rows.append(
                    {
                        "layer": name, "k": k, "weights": self.space.weights[i], "distortion": self.space.errors[i, j],
                        "index_bits": stored.index_bits, "codebook_bits": stored.codebook_bits,
                        "layer_rate": self.space.weights[i] * self.coding.weight_bits / stored.total,
                        "loss": losses[i, j, 0], "distance": losses[i, j, 1],
                    }
                )  # fmt: skip
        return pd.DataFrame(rows), losses

    def _allowed(self, losses: Floats, metric: float) -> Allowed:
        """Return which candidates lose little enough alone; a layer's most values always do."""
        margin = self.plan.margin * metric
        if self.decisions:
            margin = max(margin, 150 / len(self.subset))  # one right input less is no sign
        allowed: Allowed = losses[:, :, 0] <= margin
        allowed[:, -1] = True
        return allowed

    def _combinations(
        self, own: tuple[Floats, Floats], allowed: Allowed, losses: Floats, sensitivity: pd.DataFrame
    ) -> tuple[pd.DataFrame, Additive]:
        """Return random combinations, measured, and the predictor: of the metric's loss where it is good enough."""
        genes = self.space.random(self.plan.combinations, allowed, self.random)
        scores = self._scores([self.space.assignment(row) for row in genes], self.subset, "combinations")
        measured = np.array([[_loss(own, s), s[1].mean()] for s in scores])
        held_out = np.arange(len(genes)) % 2 == 1
        one = np.zeros((len(sensitivity), len(self.space.names)))
        one[np.arange(len(one)), np.repeat(np.arange(len(self.space.names)), len(self.space.sizes))] = (
            self.space.errors.reshape(-1)
        )
        kept = allowed.reshape(-1)
        columns = np.concatenate([self.space.distortions(genes), one[kept]])
        wanted = np.concatenate([measured, losses.reshape(-1, 2)[kept]])
        fitted = np.concatenate([held_out, np.zeros(int(kept.sum()), bool)])
        by_loss = fit(columns, wanted[:, 0], fitted, "loss").of(self.space.errors)
        by_slopes = fit(columns, wanted[:, 1], fitted, "distance", FLOOR).of(self.space.errors)
        by_layers = alone(losses[:, :, 1], genes, measured[:, 1], held_out)
        unseen = held_out if held_out.any() else ~held_out
        by_distance = min(
            (by_layers, by_slopes), key=lambda p: factor_off(p(genes[unseen]), measured[unseen, 1], FLOOR)
        )  # R2 would judge by the combinations of the fewest values alone
        self.r2 = {p.target: p.r2 for p in (by_loss, by_distance)}
        smoother = by_distance.r2 >= ENOUGH or not by_loss.r2 > by_distance.r2
        chosen = by_distance if self.plan.target == "distance" or (self.plan.target == "auto" and smoother) else by_loss
        table = pd.DataFrame({"loss": measured[:, 0], "distance": measured[:, 1], "fitted": ~held_out})
        for each in (by_loss, by_distance):
            table[f"predicted_{each.target}"] = each(genes)
        table["k"] = [json.dumps(self.space.assignment(row)) for row in genes]
        return table, chosen

    def _front(self, designs: list[Genes], predictor: Additive) -> tuple[pd.DataFrame, list[dict[str, int]]]:
        """Return points of the predicted front measured on all inputs: half spread over it, half about the allowed loss."""
        own = self._scores([{}], self.all, "baseline")[0]
        few = self.plan.points < 6  # too few to be spread: all of them look for the allowed loss
        count = 0 if few else (self.plan.points + 1) // 2
        spread = np.unique(np.linspace(0, len(designs) - 1, count).round().astype(int))
        losses: dict[int, float] = {}

        def measure(places: Sequence[int]) -> None:
            scores = self._scores([self.space.assignment(designs[p]) for p in places], self.all, "front")
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
        uniform = [
            ("uniform", np.full(len(self.space.names), j)) for j, k in enumerate(self.space.sizes) if 32 <= k <= 128
        ]
        rows = [self._point(kind, genes, own, predictor) for kind, genes in [*chosen, *uniform]]
        table = pd.DataFrame(rows)
        table["pareto"] = nsga.fronts(np.stack([table["loss"], -table["rate"]], axis=1)) == 0
        within = table[table["loss"] <= self.plan.most_loss]
        table["chosen"] = table.index == (within["rate"].idxmax() if len(within) else -1)
        return table, [self.space.assignment(genes) for _, genes in [*chosen, *uniform]]

    def _point(self, kind: str, genes: Genes, own: tuple[Floats, Floats], predictor: Additive) -> dict[str, Any]:
        found = self._scores([self.space.assignment(genes)], self.all, kind)[0]
        unseen = np.setdiff1d(self.all, self.subset)
        difference = own[0] - found[0]
        return {
            "kind": kind,
            **self.space.rates(genes),
            "metric_value": float(found[0].mean()),
            "loss": _loss(own, found),
            "loss_error": float(difference.std(ddof=1) / np.sqrt(difference.size))
            if difference.size > 1
            else float("nan"),
            "loss_unseen": float(difference[unseen].mean()) if unseen.size else float("nan"),
            "distance": float(found[1].mean()),
            "predicted": float(predictor(genes[None])[0]),
            "k": json.dumps(self.space.assignment(genes)),
        }

    def _info(self, predictor: Additive, own: tuple[Floats, Floats]) -> dict[str, Any]:
        full = self._scores([{}], self.all, "baseline")[0]
        return {
            "accelsim": __version__,
            "metric": self.network.metric,
            "baseline": float(full[0].mean()),
            "inputs": len(self.all),
            "subset": len(self.subset),
            "layers": len(self.space.names),
            "weights": sum(self.space.weights),
            "other_parameters": self.space.others,
            "predictor": {
                "target": predictor.target,
                "form": predictor.form,
                "r2": predictor.r2,
                "fitted_r2": predictor.fitted_r2,
                "each": self.r2,
            },
            "computed": self.evaluator.computed,
            "sharing": self.sharing.model_dump(mode="json"),
            "coding": self.coding.model_dump(mode="json"),
            "plan": self.plan.model_dump(mode="json"),
        }

    def _warnings(self, predictor: Additive) -> list[str]:
        found = list(self.network.warnings)
        if not predictor.r2 >= ENOUGH:
            found.append(
                f"the additive predictor of the {predictor.target} explains {predictor.r2:.2f} of its variance on held-out"
                f" combinations, less than {ENOUGH}: the front may be far from the best"
            )
        if self.space.binned:
            found.append(
                f"more different values than are clustered exactly, binned first: {', '.join(self.space.binned[:4])}"
            )
        if len(self.subset) < len(self.all):
            found.append(
                "points are chosen by their loss on all inputs; loss_unseen is that on inputs the exploration never saw"
            )
        else:
            found.append("points are explored and chosen on the same inputs: their loss on others may be larger")
        return found


def _loss(own: tuple[Floats, Floats], found: tuple[Floats, Floats]) -> float:
    return round(float(own[0].mean() - found[0].mean()), 9)
