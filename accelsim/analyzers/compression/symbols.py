"""Values stored as indices or codes of variable length behind a table, and the bound that no such code can pass."""

from __future__ import annotations

import numpy as np

from accelsim.analyzers.compression import valuewise
from accelsim.analyzers.compression.format import Costs
from accelsim.analyzers.compression.tensor import Coding, Tensor

LENGTH_BITS = 6
"""Width of a code's length in the table: a code of fewer than 2^44 values has no length above 63."""


@valuewise("codebook", symbols=True)
def codebook(tensor: Tensor, coding: Coding) -> Costs:
    """Store each value as its place in a table of its own tensor's different values: ceil(log2 distinct) bits a value.

    Table: the number of different values (bits + 1), then each of them (bits); a tensor of one value is its table alone.
    Of shared weights it is the form in which Dupuis et al. (DDECS 2020) count them; for those of many values larger than
    plain. "huffman" is the same with codes of variable length instead of indices.
    """
    counts = tensor.histogram.counts
    distinct = int(np.count_nonzero(counts))
    index = (distinct - 1).bit_length() + coding.exponent_bits
    return Costs(index, coding.bits + 1 + distinct * coding.bits)


@valuewise("huffman", symbols=True)
def huffman(tensor: Tensor, coding: Coding) -> Costs:
    """Store each value by a canonical Huffman code of its own tensor, behind its table.

    Table: the number of different values (bits + 1), then each of them with its length (bits + 6). A tensor of one
    value is its table alone. At most one bit per value above the entropy, and the table.
    Source: Huffman 1952; on weights as in Deep Compression (Han et al., ICLR 2016), each tensor with its own table.
    """
    from accelsim.analyzers.kernels.symbols import code_lengths

    counts = tensor.histogram.counts
    used = np.flatnonzero(counts)
    order = used[np.argsort(counts[used], kind="stable")]
    lengths = np.zeros(counts.size, np.int64)
    lengths[order] = code_lengths(counts[order])
    return Costs(lengths + coding.exponent_bits, coding.bits + 1 + used.size * (coding.bits + LENGTH_BITS))


@valuewise("entropy", decodes=False, symbols=True)
def entropy(tensor: Tensor, coding: Coding) -> Costs:
    """Bound every code of single values from below: -sum of count x log2(count / n), no table (Shannon 1948)."""
    counts = tensor.histogram.counts
    share = np.maximum(counts, 1) / tensor.values.size
    return Costs(-np.log2(share) + coding.exponent_bits)
