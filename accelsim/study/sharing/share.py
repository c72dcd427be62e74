"""`accelsim share` as a function: a workload's network explored, its machines run, the chosen point written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from accelsim.files.cache import cache_folder
from accelsim.files.writing import write_atomically
from accelsim.study.sharing.candidates import Candidate, Sharing
from accelsim.study.sharing.exploration import Exploration, Plan
from accelsim.study.sharing.explore import explore
from accelsim.study.sharing.export import write_shared
from accelsim.study.sharing.machine import effects, machine
from accelsim.study.sharing.rate import Coding
from accelsim.tables import write_table
from accelsim.workload import Workload, load_workload

MACHINE_POINTS = 4
"""Points of the measured front that are run on machines beside the chosen one."""


@dataclass(frozen=True)
class Share:
    """An exploration of a workload's network, and what the points of its front do to machines (empty without machines)."""

    workload: str
    network: Any
    exploration: Exploration
    machines: pd.DataFrame

    def chosen(self) -> dict[str, Candidate]:
        """Return the candidates of the chosen point; empty where there is none."""
        place = self.exploration.chosen
        return {} if place is None else candidates_of(self.exploration, place)

    def write(self, folder: Path, csv: bool = False) -> list[Path]:
        """Write tables, and of the chosen point shared.safetensors (codebooks, indices, corrected biases) and dense.safetensors."""
        paths = self.exploration.write(folder, csv)
        if len(self.machines):
            paths += write_table(self.machines, folder, "machines", csv)
        chosen = self.chosen()
        if chosen:
            weights = {name: own.weights for name, own in chosen.items()}
            write_shared(folder / "shared.safetensors", chosen, self.network.biases(weights))
            dense = self.network.checkpoint(weights)
            write_atomically(folder / "dense.safetensors", dense)
            paths += [folder / "shared.safetensors", folder / "dense.safetensors"]
        return paths


def share(
    workload: str | Workload,
    sharing: Sharing | None = None,
    coding: Coding | None = None,
    plan: Plan | None = None,
    labels: Any = None,
    data: Path | None = None,
    most_inputs: int | None = None,
    hw: Sequence[str] = (),
    settings: Sequence[str] = (),
    changes: Sequence[str] = (),
    machine_points: int = MACHINE_POINTS,
    metric: str = "auto",
    correct_bias: bool = False,
) -> Share:
    """Explore weight sharing on the network of `workload`, without retraining; scores are kept in the cache folder.

    labels, data, most_inputs, metric: see `accelsim.sources.sharing.tasks.network`. hw: machines on which the chosen point is
    run, and `machine_points` others of the front. correct_bias: biases take up the mean error of shared weights, by the
    inputs of the exploration. settings, changes: overrides of the machines and of the workload.
    Loads torch. Raises InputError, ConfigError.
    """
    from accelsim.sources.sharing.tasks import network

    for reference in hw:
        machine(reference, settings)  # a wrong machine is told before hours of exploration
    found = workload if isinstance(workload, Workload) else load_workload(workload, changes)
    net = network(found.model, found.inputs, labels, data, most_inputs, metric)
    plan = (plan or Plan()).checked()
    if correct_bias:
        net.correct_biases(plan.places(len(net.inputs)))
    others = net.parameters - sum(weights.size for _, weights in net.layers())
    folder = cache_folder() / "sharing" / found.name
    exploration = explore(net, sharing or Sharing(), coding or Coding(), plan, folder, others)
    machines = pd.DataFrame()
    if hw:
        points = {"unshared": {}, **_points(exploration, machine_points)}
        machines = effects(net, points, hw, settings, found.quantization, found.name)
    return Share(found.name, net, exploration, machines)


def candidates_of(exploration: Exploration, place: int) -> dict[str, Candidate]:
    """Return the candidate of each layer at a point of the front."""
    return {name: exploration.candidates[name][k] for name, k in exploration.assignments[place].items()}


def _points(exploration: Exploration, most: int) -> Mapping[str, dict[str, Candidate]]:
    """Return the chosen point and `most` others spread over the measured front, by what a row is called."""
    front, chosen = exploration.front, exploration.chosen
    places = sorted(front.index[front["pareto"] & ~front["chosen"]], key=lambda place: float(front["rate"][place]))
    spread = np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(int)
    kept = sorted(
        {*(int(places[i]) for i in spread), *([] if chosen is None else [chosen])},
        key=lambda p: float(front["rate"][p]),
    )
    return {
        f"{front['rate'][place]:.2f}x{' (chosen)' if place == chosen else ''}": candidates_of(exploration, place)
        for place in kept
    }
