"""Products that a source cannot give, with their share of the network's work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass
class Unsupported:
    """Products of one operator in one module that have no normal form here; macs None when not known."""

    module: str
    operator: str
    macs: int | None
    reason: str


def listed(found: Iterable[Unsupported], captured_macs: int) -> tuple[list[dict[str, Any]], list[str], int]:
    """Return the manifest's entries of unsupported products, a warning for each, and the MACs of the network.

    captured_macs: of all captured layers over all samples; shares are of these and the unsupported ones that are known.
    """
    items = list(found)
    total = captured_macs + sum(item.macs or 0 for item in items)
    entries = [
        {
            "module": item.module,
            "operator": item.operator,
            "reason": item.reason,
            "macs": item.macs,
            "share": None if item.macs is None else item.macs / max(total, 1),
        }
        for item in items
    ]
    notes = [
        f"{item.operator} in {item.module or 'the network'} is not captured ({item.reason}): "
        + (
            "its MACs are not known"
            if item.macs is None
            else f"{item.macs:,} MACs, {item.macs / max(total, 1):.2%} of the network"
        )
        for item in items
    ]
    return entries, notes, total
