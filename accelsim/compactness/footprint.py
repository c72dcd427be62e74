"""How many activations are alive at a time when a network runs layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.compactness.operation import Operation


def live_values(steps: Sequence[Operation]) -> list[int]:
    """Return the activations in memory while each operation runs, in the order of `steps`.

    A result takes memory from the operation that makes it to the last one that reads it; what the network returns,
    and what no operation reads, stays to the end. An operation that works in place adds nothing. Operands and result of an
    operation are alive together. The largest number is the least memory for activations that this order of operations
    allows, without recomputing or tiling.
    """
    owner = _owners(steps)
    size = [step.outputs if step.over is None else 0 for step in steps]
    last = [-1] * len(steps)
    for place, step in enumerate(steps):
        last[owner[place]] = max(last[owner[place]], place)
        for source in step.reads:
            last[owner[source]] = max(last[owner[source]], place)
    read = {source for step in steps for source in step.reads}
    for place, step in enumerate(steps):
        if step.returned or place not in read:
            last[owner[place]] = len(steps)
    freed: list[list[int]] = [[] for _ in range(len(steps) + 1)]
    for place, end in enumerate(last):
        freed[end].append(size[place])
    alive, found = 0, []
    for place in range(len(steps)):
        alive += size[place]
        found.append(alive)
        alive -= sum(freed[place])
    return found


def _owners(steps: Sequence[Operation]) -> list[int]:
    """Return for each operation the place of the one whose memory its result stands in."""
    owner: list[int] = []
    for place, step in enumerate(steps):
        owner.append(place if step.over is None else owner[step.over])
    return owner
