"""The address stream of a layer's tiles, and how long a DRAM part takes for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.accelerators.placement import Placement
from accelsim.dataflows.tiling.problem import C, G, Ints, K, N, P, Q, T, cuts
from accelsim.dataflows.tiling.steps import Steps
from accelsim.hardware.dram import DramDevice, Runs, joined, runs_of, service
from accelsim.hardware.dram.boxes import box_runs

Floats = npt.NDArray[np.float64]

MOST_FOLLOWED = 2048
"""Steps whose addresses are followed; further ones move their bytes as efficiently as these did on the whole."""

PSUMS = 3
"""Number of the tensor of partial sums, behind activations, weights and outputs."""

ALIGNMENT = 4096
"""Tensors start at multiples of this many bytes."""


def served(found: Placement, device: DramDevice) -> tuple[float, Floats, float]:
    """Return ns of the first tile in, of what moves during each step, and of the last tile out.

    Tensors lie one behind the other in the order N, C, H, W (weights: filters, C, R, S), each value as many bytes as it takes
    on average as stored, and behind them the partial sums. A tile reads and writes the runs of its box.
    """
    pipeline = found.pipeline
    if found.streams is None:  # a walk of too many steps: one long stream
        return 0.0, pipeline.during * 1e9 / (8 * device.peak_bytes_per_second), 0.0
    count = found.steps.count
    followed = min(count, MOST_FOLLOWED)
    runs = stream(found, followed)
    ns = np.zeros(count + 2)
    result = service(runs, device).segment_ns
    ns[: result.size] = result
    bits = np.concatenate([[pipeline.first], pipeline.during, [pipeline.last]])
    if followed < count:
        known = bits[: followed + 1].sum()
        ns[followed + 1 :] = bits[followed + 1 :] * (ns[: followed + 1].sum() / known if known else 0.0)
    return float(ns[0]), ns[1:-1], float(ns[-1])


def stream(found: Placement, most: int = MOST_FOLLOWED) -> Runs:
    """Return the runs of the first `most` steps in order; segment 0 fills, segment i + 1 is what moves during step i.

    In a segment the outputs of the step before go first, then what streams past, then the next tile.
    """
    steps = found.steps
    assert found.streams is not None
    into, out = found.streams
    boxes, held = _Boxes.of(found), found.held
    last = most + 1 if most == steps.count else most
    parts = [
        boxes.moved(2, out, 2 if held[2] else 1, last, write=True, rank=0 if held[2] else 4),
        *(
            boxes.moved(o, into, 0 if held[o] else 1, last, write=False, rank=(5 if held[o] else 1) + o)
            for o in range(3)
        ),
    ]
    return joined_by([pair for part in parts for pair in part])


def joined_by(parts: list[tuple[int, Runs]]) -> Runs:
    """Return runs of several tensors in the order of their segments, and within a segment by rank."""
    if not parts:
        return joined([])
    segment = np.concatenate([runs.segment for _, runs in parts])
    rank = np.concatenate([np.full(len(runs), rank) for rank, runs in parts])
    order = np.lexsort((rank, segment))  # stable: runs of one box stay in order
    columns = [np.concatenate([getattr(runs, name) for _, runs in parts]) for name in ("start_byte", "bytes", "write")]
    return runs_of(columns[0][order], columns[1][order], columns[2][order], segment[order])


class _Boxes:
    """The boxes of every step in the tensors of a layer, and where these lie."""

    def __init__(self, steps: Steps, bytes_per_value: list[float], bases: list[int]) -> None:
        self.steps, self.bytes_per_value, self.bases = steps, bytes_per_value, bases
        problem = steps.problem
        self.partial = steps.index[C] < steps.trips[C] - 1
        edges = [cuts(problem.sizes[d], steps.tile[d]) for d in range(7)]
        self.spans: list[tuple[Ints, Ints]] = [
            (e[0][steps.index[d]], e[1][steps.index[d]]) for d, e in enumerate(edges)
        ]
        self.pixels = []
        for axis, d in ((0, P), (1, Q)):
            low, high = problem.box(axis, *edges[d])
            new = np.maximum(low, np.append(low[:1], high[:-1]))
            where = steps.index[d]
            slides = steps.slides == axis + 1
            self.pixels.append((np.where(slides, new[where], low[where]), high[where]))

    @classmethod
    def of(cls, found: Placement) -> _Boxes:
        """Return the boxes of a placement, its tensors one behind the other."""
        s = found.steps.problem.shape
        counts = (s.activations, s.weights, s.outputs, s.outputs)
        bits = [stored / n for stored, n in zip(found.stored, counts)] + [_psum_bits(found)]
        bases, end = [], 0.0
        for size, count in zip(bits, counts, strict=True):
            bases.append(int(-(-end // ALIGNMENT)) * ALIGNMENT)
            end = bases[-1] + size / 8 * count + 1
        return cls(found.steps, [size / 8 for size in bits], bases)

    def moved(self, operand: int, bits: Floats, late: int, last: int, write: bool, rank: int) -> list[tuple[int, Runs]]:
        """Return (rank, runs) of an operand in all segments up to `last`; step i moves in segment i + late."""
        step = np.flatnonzero(bits[operand] > 0)
        step = step[step + late <= last]
        if operand != 2:
            return [(rank, self._runs(operand, step, operand, late, write))] if step.size else []
        partial = self.partial[step] if write else np.ones(step.size, np.bool_)
        found = []
        for tensor, chosen in ((2, step[~partial]), (PSUMS, step[partial])):
            if chosen.size:
                found.append((rank, self._runs(operand, chosen, tensor, late, write)))
        return found

    def _runs(self, operand: int, step: Ints, tensor: int, late: int, write: bool) -> Runs:
        s = self.steps.problem.shape

        def span(dim: int) -> tuple[Ints, Ints]:
            return self.spans[dim][0][step], self.spans[dim][1][step]

        if operand == 1:
            shape: tuple[int, ...] = (s.groups, s.K, s.C * s.R * s.S)
            low, high = span(C)
            edges = [span(G), span(K), (low * s.R * s.S, high * s.R * s.S)]
        elif operand == 0:
            shape = (s.steps, s.N, s.groups, s.C, s.H, s.W)
            edges = [span(T), span(N), span(G), span(C), *((low[step], high[step]) for low, high in self.pixels)]
        else:
            shape = (s.steps, s.N, s.groups, s.K, s.P, s.Q)
            edges = [span(d) for d in (T, N, G, K, P, Q)]
        lows, highs = (np.stack([edge[side] for edge in edges], axis=1) for side in (0, 1))
        segment = step + late
        if operand == 0 and not (needed := self.steps.problem.touched(0)).all():
            lows, highs, segment = _by_row(lows, highs, segment, needed)
        width = self.bytes_per_value[tensor] or 1e-9
        return box_runs(shape, lows, highs, width, self.bases[tensor], write=write, segment=segment)


def _by_row(lows: Ints, highs: Ints, segment: Ints, needed: npt.NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """Cut boxes (boxes, 6) into those of their needed rows; columns that no window needs share a burst with others."""
    row = 4
    counts = highs[:, row] - lows[:, row]
    box = np.repeat(np.arange(len(lows)), counts)
    at = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + lows[box, row]
    box, at = box[needed[at]], at[needed[at]]
    lows, highs = lows[box], highs[box]
    lows[:, row], highs[:, row] = at, at + 1
    return lows, highs, segment[box]


def _psum_bits(found: Placement) -> float:
    """Return the bits of a partial sum that is read back; 0 where none is."""
    assert found.streams is not None
    steps, back = found.steps, found.streams[0][2]
    if not back.any():
        return 0.0
    step = int(back.argmax())
    return float(back[step]) / float(np.prod([steps.extents(d)[step] for d in (G, N, K, P, Q)]))
