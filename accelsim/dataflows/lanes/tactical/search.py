"""Where the scheduler of Bit-Tactical looks for a weight to fill an empty slot with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Pattern = Literal["T", "L"]


@dataclass(frozen=True)
class Search:
    """The places that a slot may take its weight from, beside its own: (rows ahead, lanes aside), in order.

    lookahead: the furthest row, and how many rows of zeros in a row are skipped.
    """

    lookahead: int
    places: tuple[tuple[int, int], ...]

    @property
    def metadata_bits(self) -> int:
        """Bits beside each weight that say where its activation is: one of the places or its own."""
        return len(self.places).bit_length()

    def distances(self, lanes: int) -> npt.NDArray[np.int64]:
        """Return (places, lanes): how many slots after the first of its row a lane's candidate stands.

        Rows follow each other; lanes wrap within a filter.
        """
        ahead = np.asarray([h for h, _ in self.places], np.int64).reshape(-1, 1)
        aside = np.asarray([d for _, d in self.places], np.int64).reshape(-1, 1)
        return ahead * lanes + (np.arange(lanes) + aside) % lanes


NOTHING = Search(0, ())
"""Every weight stays where it is, zeros among them, and no row is skipped."""


def search(pattern: Pattern, lookahead: int, lookaside: int) -> Search:
    """Return the search of a pattern: `lookahead` places in the own lane, `lookaside` places in others.

    L: the other lanes are the next lower ones, one row ahead. T: pairs of lanes at rising distance on both sides,
    each pair one row further ahead than the last, starting over after `lookahead` rows. Both are tried row by row,
    from the lowest lane up. Source: Delmas Lascorz et al., ASPLOS 2019, section 3; the order is that of
    isakedo/DNNsim, which has T for a lookahead of 2 and a lookaside of 5 alone.
    """
    if lookahead == 0:
        return NOTHING
    places = [(h, 0) for h in range(1, lookahead + 1)]
    if pattern == "L":
        places += [(1, -d) for d in range(1, lookaside + 1)]
    else:
        for i in range(lookaside):
            distance = i // 2 + 1
            places.append((i // 2 % lookahead + 1, -distance if i % 2 else distance))
    return Search(lookahead, tuple(sorted(places)))
