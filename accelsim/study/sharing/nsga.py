"""NSGA-II over whole numbers with two objectives that cost nothing to evaluate, all of a generation at once.

The optimiser of `accelsim search` asks for one design at a time, for runs that take seconds; here 10,000 designs are
judged by one matrix product, and a generation is one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Genes = npt.NDArray[np.int64]
Goals = npt.NDArray[np.float64]

POPULATION = 100
GENERATIONS = 100
"""Of Dupuis et al., by their published code."""
SPREAD = 15.0
"""Distribution index of the crossover; that of the mutation is a little larger, as is usual."""


def minimise(
    judge: Callable[[Genes], Goals],
    choices: npt.NDArray[np.int64],
    random: np.random.Generator,
    seeds: Genes | None = None,
) -> tuple[Genes, Goals]:
    """Return the designs of the Pareto front that the search ends with, by the first objective, and their objectives.

    judge: (designs, genes) -> (designs, 2), both made small. choices: gene i is 0 to choices[i] - 1. seeds: designs to
    begin with. Source: Deb et al. 2002; simulated binary crossover and polynomial mutation, rounded.
    """
    genes = random.integers(0, choices, (POPULATION, choices.size))
    if seeds is not None:
        genes[: len(seeds)] = seeds[:POPULATION]
    goals = judge(genes)
    for _ in range(GENERATIONS):
        rank, crowding = _order(goals)
        pairs = random.integers(0, len(genes), (2, POPULATION))
        better = np.lexsort((-crowding, rank)).argsort()
        parents = genes[np.where(better[pairs[0]] < better[pairs[1]], pairs[0], pairs[1])]
        children = _mutated(_crossed(parents, random), choices, random)
        both = np.unique(np.concatenate([genes, children]), axis=0)
        found = judge(both)
        rank, crowding = _order(found)
        best = np.lexsort((-crowding, rank))[:POPULATION]
        genes, goals = both[best], found[best]
    front = fronts(goals) == 0
    order = np.lexsort((goals[front, 1], goals[front, 0]))
    return genes[front][order], goals[front][order]


def fronts(goals: Goals) -> npt.NDArray[np.int64]:
    """Return the number of the front that each design belongs to: 0 where no other is as good in both and better in one."""
    rank = np.full(len(goals), -1, np.int64)
    left, number = np.lexsort((goals[:, 1], goals[:, 0])), 0
    while left.size:
        second = goals[left, 1]
        before = np.concatenate([[np.inf], np.minimum.accumulate(second)[:-1]])
        same = np.concatenate([[False], (np.diff(goals[left], axis=0) == 0).all(axis=1)])
        first = second < before
        for i in np.flatnonzero(same):  # equal designs stand in the same front
            first[i] = first[i - 1]
        rank[left[first]] = number
        left, number = left[~first], number + 1
    return rank


def _order(goals: Goals) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the front of each design, and how far its neighbours in the front are."""
    rank, crowding = fronts(goals), np.zeros(len(goals))
    for number in range(int(rank.max()) + 1):
        own = np.flatnonzero(rank == number)
        for goal in goals.T:
            order = own[np.argsort(goal[own], kind="stable")]
            extent = goal[order[-1]] - goal[order[0]]
            crowding[order[[0, -1]]] = np.inf
            if extent > 0 and order.size > 2:
                crowding[order[1:-1]] += (goal[order[2:]] - goal[order[:-2]]) / extent
    return rank, crowding


def _crossed(parents: Genes, random: np.random.Generator) -> npt.NDArray[np.float64]:
    one, other = parents[::2].astype(float), parents[1::2].astype(float)
    u = random.random(one.shape)
    spread = np.where(u < 0.5, 2 * u, 1 / np.maximum(2 * (1 - u), 1e-300)) ** (1 / (SPREAD + 1))
    spread = np.where(random.random(one.shape) < 0.5, spread, 1.0)
    swap = random.random(one.shape) < 0.5
    low, high = ((one + other) - spread * abs(one - other)) / 2, ((one + other) + spread * abs(one - other)) / 2
    return np.concatenate([np.where(swap, low, high), np.where(swap, high, low)])


def _mutated(genes: npt.NDArray[np.float64], choices: Genes, random: np.random.Generator) -> Genes:
    u = random.random(genes.shape)
    power = 1 / (SPREAD + 6)
    step = np.where(u < 0.5, (2 * u) ** power - 1, 1 - (2 * (1 - u)) ** power) * np.maximum(choices - 1, 1)
    step = np.where(abs(step) < 1, np.sign(step), step)  # a mutation that is rounded away would be none
    chosen = random.random(genes.shape) < 1 / choices.size
    found: Genes = np.clip(np.rint(genes + np.where(chosen, step, 0.0)), 0, choices - 1).astype(np.int64)
    return found
