"""Zeros in a pattern: how many blocks of a weight tensor have few values that are not 0 (n:m sparsity)."""

from __future__ import annotations

from accelsim.analyzers.codes import Codes, frozen
from accelsim.columns import Column, declare

declare(
    Column(
        "two_of_four_fraction",
        "",
        "share of blocks of 4 consecutive input channels of a weight, at one place of the kernel, with at most 2 values "
        "that are not 0; the last block of a filter may have fewer channels",
        sums=False,
    )
)


def n_of_m(values: Codes, n: int = 2, m: int = 4) -> float:
    """Return the share of blocks of `m` consecutive channels with at most `n` values other than 0.

    values: centred, (filters, channels, ...). A structured tensor core skips in tiles whose blocks all keep to it.
    """
    from accelsim.analyzers.kernels.channels import count_sparse_blocks

    maps = frozen(values.reshape(*values.shape[:2], -1))
    blocks = maps.shape[0] * -(-maps.shape[1] // m) * maps.shape[2]
    return int(count_sparse_blocks(maps, n, m)) / blocks
