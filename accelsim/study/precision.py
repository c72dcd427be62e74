"""Profiled precisions: the fewest bits of each layer's operands at which a network still does its task."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from accelsim.columns import Column, declare
from accelsim.config import digest
from accelsim.errors import ConfigError
from accelsim.study.evaluate import Outcome
from accelsim.study.store import Store

VERSION = 1
"""Raised whenever the same profile would score differently."""

MOST = 16
ROLES = ("activation", "weight")
Bits = Mapping[tuple[str, str], int]

declare(
    Column("profiled_activation_bits", "bits", "profiled precision of the activations, sign included", sums=False),
    Column("profiled_weight_bits", "bits", "profiled precision of the weights, sign included", sums=False),
    Column("alone_activation_bits", "bits", "the same when nothing else is narrowed", sums=False),
    Column("alone_weight_bits", "bits", "the same when nothing else is narrowed", sums=False),
)


class Judged(Protocol):
    """What the search needs of a network (accelsim.sources.precision.network.Narrowable is one)."""

    @property
    def metric(self) -> str:
        """Name of what is scored; more is better."""

    def digest(self) -> str:
        """Return a key over network, inputs and what is right."""

    def knobs(self) -> Sequence[Any]:
        """Return what may be narrowed: layer, role, least (bits), macs."""

    def score(self, bits: Bits) -> float:
        """Return the metric with the operands of `bits` narrowed."""


@dataclass(frozen=True)
class Profile:
    """Precisions found by `search_precisions`.

    bits: by (layer, role). alone: the fewest of each when nothing else is narrowed. full, floor, reached: the metric at
    full precision, the least that was asked for, and that of `bits`, scored again at the end. scores: how many profiles
    were scored, those read back included.
    """

    metric: str
    bits: dict[tuple[str, str], int]
    alone: dict[tuple[str, str], int]
    macs: dict[str, float]
    full: float
    floor: float
    reached: float
    scores: int
    warnings: list[str] = field(default_factory=list)

    def table(self) -> pd.DataFrame:
        """Return a row per layer: bits of both operands together and alone, MACs."""
        rows = []
        for index, layer in enumerate(self.macs):
            row: dict[str, Any] = {"index": index, "layer": layer, "macs": self.macs[layer]}
            for role in ROLES:
                row[f"profiled_{role}_bits"] = self.bits.get((layer, role), MOST)
                row[f"alone_{role}_bits"] = self.alone.get((layer, role), MOST)
            rows.append(row)
        return pd.DataFrame(rows)

    def speedup(self, roles: Sequence[str], width: int = MOST) -> float:
        """Return the potential of the profile: MACs x width^2 over MACs x bits, `roles` narrowed, the others of `width`."""
        work = 0.0
        for layer, macs in self.macs.items():
            a, w = (min(self.bits.get((layer, role), width), width) if role in roles else width for role in ROLES)
            work += macs * a * w
        return sum(self.macs.values()) * width**2 / work


def search_precisions(
    network: Judged, drop: float = 0.01, roles: Sequence[str] = ROLES, folder: Path | None = None,
    warnings: Sequence[str] = (),
) -> Profile:  # fmt: skip
    """Return the fewest bits of each operand whose metric is at least ``(1 - drop)`` of that at full precision.

    First each operand alone, by halving intervals; then all together, each wider by the same number of bits until the
    metric is reached; then one bit less wherever it still is, operands with most work first, until nothing can be
    narrowed by itself. folder: where scores are kept, so that a search goes on where it was stopped and is not repeated.
    Raises ConfigError for a drop outside 0 to 1, or for no operand to narrow.
    """
    if not 0 <= drop < 1:
        raise ConfigError(f"a drop of {drop} is not between 0 and 1", "0.01 allows 1 % of the metric")
    knobs = [knob for knob in network.knobs() if knob.role in roles]
    if not knobs:
        raise ConfigError(f"no operand is narrowed by {', '.join(roles) or 'no role'}", f"give {' or '.join(ROLES)}")
    scorer = _Scorer(network, folder)
    try:
        full = scorer.score({})
        floor = full - drop * abs(full)
        alone = {(k.layer, k.role): _fewest(scorer, k, floor) for k in _shown(knobs, "operands alone")}
        bits = _together(scorer, alone, floor)
        bits = _lowered(scorer, bits, knobs, floor)
        reached = scorer.score(bits)
    finally:
        scorer.store.compact()
    macs = {k.layer: float(k.macs) for k in network.knobs()}
    return Profile(network.metric, bits, alone, macs, full, floor, reached, scorer.asked, list(warnings))


class _Scorer:
    """Scores of profiles, each computed once."""

    def __init__(self, network: Judged, folder: Path | None) -> None:
        self.network, self.store = network, Store(folder, optional=True)
        self.known: dict[str, float] = {}
        if len(self.store):
            self.known = {str(r["key"]): float(r["score"]) for r in self.store.points().to_dict("records")}
        self.base, self.asked = network.digest(), 0

    def score(self, bits: Bits) -> float:
        self.asked += 1
        used = {key: value for key, value in bits.items() if value < MOST}
        key = digest(VERSION, self.base, sorted((layer, role, value) for (layer, role), value in used.items()))
        if key not in self.known:
            self.known[key] = self.network.score(used)
            self.store.add({key: Outcome({"score": self.known[key]})})
        return self.known[key]


def _fewest(scorer: _Scorer, knob: Any, floor: float) -> int:
    """Return the fewest bits of one operand alone, by halving: more bits are taken to be no worse."""
    low, high = knob.least, MOST
    while low < high:
        middle = (low + high) // 2
        if scorer.score({(knob.layer, knob.role): middle}) >= floor:
            high = middle
        else:
            low = middle + 1
    return int(high)


def _together(scorer: _Scorer, alone: Bits, floor: float) -> dict[tuple[str, str], int]:
    """Return the bits of each operand alone, all wider by the least number that reaches `floor` together."""
    for more in range(MOST):
        bits = {key: min(value + more, MOST) for key, value in alone.items()}
        if scorer.score(bits) >= floor:
            return bits
    return dict.fromkeys(alone, MOST)


def _lowered(scorer: _Scorer, bits: Bits, knobs: Sequence[Any], floor: float) -> dict[tuple[str, str], int]:
    """Return `bits` with as much taken away as can be one bit at a time; then no single operand can have one less."""
    found = dict(bits)
    order = sorted(knobs, key=lambda k: -k.macs)
    changed = True
    while changed:
        changed = False
        for knob in _shown(order, "all together"):
            key = (knob.layer, knob.role)
            while found[key] > knob.least and scorer.score({**found, key: found[key] - 1}) >= floor:
                found[key] -= 1
                changed = True
    return found


def _shown(knobs: Sequence[Any], what: str) -> Any:
    from tqdm import tqdm

    return tqdm(knobs, what, unit="operand", file=sys.stderr, disable=None, delay=1.0, leave=False)
