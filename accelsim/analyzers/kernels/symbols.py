"""Huffman code lengths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def code_lengths(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the length of each symbol's Huffman code; counts ascend. A single symbol has a code of no bits.

    Two queues, of symbols and of merged nodes, both in ascending order: linear in the number of symbols.
    """
    symbols = counts.size
    nodes = max(1, 2 * symbols - 1)
    weight = np.empty(nodes, np.int64)
    weight[:symbols] = counts
    parent = np.zeros(nodes, np.int64)
    leaf, node = 0, symbols
    for new in range(symbols, nodes):
        weight[new] = 0
        for _ in range(2):
            if leaf < symbols and (node >= new or weight[leaf] <= weight[node]):
                chosen = leaf
                leaf += 1
            else:
                chosen = node
                node += 1
            parent[chosen] = new
            weight[new] += weight[chosen]
    depth = np.zeros(nodes, np.int64)
    for i in range(nodes - 2, -1, -1):
        depth[i] = depth[parent[i]] + 1
    return depth[:symbols]
