"""Lay the tools' answers side by side: off-chip traffic, cycles and time, one row a layer and capacity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from accelsim.dataflows.tiling.problem import OPERANDS, Problem
from accelsim.layer import LayerShape
from benchmarks.peers.collect import scalesim, scalesim_cycles, zigzag
from benchmarks.peers.machine import Machine, shapes
from benchmarks.peers.ours import cycles, full_lanes, ours
from benchmarks.peers.results import Results

SCALESIM_CYCLES = 600_000
"""SCALE-Sim is asked for layers of at most so many of its cycles: each takes it about a tenth of a millisecond."""
LETTERS = {"activation": "I", "weight": "W", "output": "O"}


@dataclass(frozen=True)
class Row:
    """One layer on one machine. Bits by operand of `OPERANDS`; a tool that has no answer has none here.

    full: ours with every lane of the array in use, as ZigZag always has. zigzag: the better of its search engines: loma
    (orders of merged loops), and salsa (annealing) where loma moves some operand more than once. seconds: CPU time of the
    search alone, imports and compilation left out; ours_point: of choosing for one more capacity in a space already
    searched. totals: cycles of the fastest mapping.
    """

    name: str
    machine: Machine
    once: dict[str, float]
    bits: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)

    def total(self, tool: str) -> float | None:
        """Return all off-chip bits that a tool found."""
        return sum(self.bits[tool].values()) if tool in self.bits else None

    def ratio(self, tool: str, to: str = "zigzag") -> float | None:
        """Return the traffic of a tool over that of another."""
        mine, its = self.total(tool), self.total(to)
        return mine / its if mine is not None and its else None

    def times(self, tool: str) -> str:
        """Return how often each operand moves: bits over the bits of moving it once."""
        if tool not in self.bits:
            return "-"
        return " ".join(f"{LETTERS[o]}{self.bits[tool][o] / self.once[o]:.4g}" for o in OPERANDS)


def by_operand(bits: dict[str, float]) -> dict[str, float]:
    """Return a peer's bits by operand, read and written together."""
    return {o: sum(n for way, n in bits.items() if way.startswith(LETTERS[o])) for o in OPERANDS}


def row(name: str, shape: LayerShape, machine: Machine, results: Results, with_scalesim: bool) -> Row:
    """Return what every tool finds for a layer."""
    problem = Problem.of(shape)
    made = Row(name, machine, {operand: float(problem.values(operand) * machine.operand_bits) for operand in OPERANDS})
    for tool, rank in (("ours", None), ("full", full_lanes)):
        if found := ours(shape, machine, rank):
            made.bits[tool], made.seconds[tool] = found["dram_bits"], found["cpu_s"]
            made.seconds[f"{tool}_point"] = found["point_s"]
    if own := cycles(shape, machine):
        made.totals["ours"] = own["total"]
    _peers(made, name, shape, results, with_scalesim)
    return made


def _peers(made: Row, name: str, shape: LayerShape, results: Results, with_scalesim: bool) -> None:
    least, fastest = (
        _answered(results.get(zigzag(name, shape, made.machine, optimise=goal))) for goal in ("energy", "latency")
    )
    if least is not None:
        made.bits["loma"], made.seconds["loma"] = by_operand(least["element_bits"]), least["cpu_s"]
        made.bits["zigzag"], made.seconds["zigzag"] = made.bits["loma"], made.seconds["loma"]
        if sum(made.bits["loma"].values()) > sum(made.once.values()) * (1 + 1e-9):
            _anneal(made, _answered(results.get(zigzag(name, shape, made.machine, engine="salsa"))))
    if fastest is not None:
        made.totals["zigzag"] = fastest["cycles"]["total"]
    if with_scalesim and scalesim_cycles(shape, made.machine) <= SCALESIM_CYCLES:
        answer = _answered(results.get(scalesim(name, shape, made.machine)))
        if answer is not None:
            made.bits["scalesim"], made.seconds["scalesim"] = by_operand(answer["dram_bits"]), answer["cpu_s"]
            made.totals["scalesim"] = answer["cycles"]["compute"]


def _anneal(made: Row, answer: dict[str, Any] | None) -> None:
    """Take what ZigZag's other search engine found where that moves less."""
    if answer is not None:
        made.bits["salsa"], made.seconds["salsa"] = by_operand(answer["element_bits"]), answer["cpu_s"]
        if sum(made.bits["salsa"].values()) < sum(made.bits["loma"].values()):
            made.bits["zigzag"], made.seconds["zigzag"] = made.bits["salsa"], made.seconds["salsa"]


def _answered(answer: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if answer is None or "failed" in answer else answer


def rows(networks: list[str], sram_bytes: list[int], results: Results, with_scalesim: bool) -> Iterator[Row]:
    """Yield one row a capacity and layer; our kernels are compiled before the first."""
    first = True
    for capacity in sram_bytes:
        for network in networks:
            for name, shape in shapes(network):
                if first:
                    ours(shape, Machine(capacity))
                    first = False
                yield row(name, shape, Machine(capacity), results, with_scalesim)
