"""The address stream of a layer's tiles, and how long a DRAM part takes for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.accelerators.placement import Placement
from accelsim.dataflows.tiling.problem import C, G, Ints, K, N, P, Q, T, cuts
from accelsim.dataflows.tiling.steps import Steps
from accelsim.hardware.dram import DramDevice, Runs, joined, service
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
    """Return the runs of the first `most` steps in order; segment 0 fills, segment i + 1 is what moves during step i."""
    steps = found.steps
    assert found.streams is not None
    into, out = found.streams
    parts: list[Runs] = []
    boxes = _Boxes.of(found)
    held = found.held
    for slot in range(most + 2 if most == steps.count else most + 1):
        step = slot - 1
        if step >= 1:
            parts += boxes.moved(step - 1, out, [o for o in (2,) if held[o]], slot, write=True)
        if 0 <= step < steps.count:
            streaming = [o for o in (0, 1, 2) if not held[o]]
            parts += boxes.moved(step, into, streaming, slot)
            parts += boxes.moved(step, out, [o for o in (2,) if not held[o]], slot, write=True)
        if step + 1 < steps.count:
            parts += boxes.moved(step + 1, into, [o for o in (0, 1, 2) if held[o]], slot)
    return joined(parts)


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
            low, high = problem.pixels(axis, *edges[d])
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

    def moved(self, step: int, bits: Floats, operands: list[int], segment: int, write: bool = False) -> list[Runs]:
        """Return the runs of the operands that move anything in a step."""
        return [self._runs(o, step, segment, write) for o in operands if bits[o, step] > 0]

    def _runs(self, operand: int, step: int, segment: int, write: bool) -> Runs:
        s = self.steps.problem.shape

        def span(dim: int) -> tuple[int, int]:
            return int(self.spans[dim][0][step]), int(self.spans[dim][1][step])

        groups = span(G)
        if operand == 1:
            shape: tuple[int, ...] = (s.groups, s.K, s.C * s.R * s.S)
            channels = tuple(edge * s.R * s.S for edge in span(C))
            low, high = zip(groups, span(K), channels, strict=True)
        else:
            inner = span(C) if operand == 0 else span(K)
            shape = (s.steps, s.N, s.groups, s.C, s.H, s.W) if operand == 0 else (s.steps, s.N, s.groups, s.K, s.P, s.Q)
            if operand == 0:
                pixels = [(int(a[step]), int(b[step])) for a, b in self.pixels]
            else:
                pixels = [span(P), span(Q)]
            low, high = zip(span(T), span(N), groups, inner, *pixels, strict=True)
        tensor = PSUMS if operand == 2 and (not write or self.partial[step]) else operand
        return box_runs(
            shape, low, high, self.bytes_per_value[tensor] or 1e-9, self.bases[tensor], write=write, segment=segment
        )


def _psum_bits(found: Placement) -> float:
    """Return the bits of a partial sum that is read back; 0 where none is."""
    assert found.streams is not None
    steps, back = found.steps, found.streams[0][2]
    if not back.any():
        return 0.0
    step = int(back.argmax())
    return float(back[step]) / float(np.prod([steps.extents(d)[step] for d in (G, N, K, P, Q)]))
