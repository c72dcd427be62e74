"""Row-stationary counts the slow, obvious way: walk every pass of the loop nest and add up."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd

from accelsim.dataflows.convolution import Convolution
from accelsim.dataflows.row_stationary.array import Mapping, RowStationaryArray


def tiles(total: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield (start, length) of each tile of an axis."""
    for start in range(0, total, size):
        yield start, min(size, total - start)


def axis_reads(start: int, length: int, stride: int, taps: int, dilation: int, pad: int, size: int) -> tuple[int, int]:
    """Input positions in the windows of a tile, padding too; and those of the map from the first to the last of them."""
    inside = {place * stride - pad + tap * dilation for place in range(start, start + length) for tap in range(taps)}
    return len(inside), sum(0 <= position < size for position in range(min(inside), max(inside) + 1))


def walk(form: Convolution, mapping: Mapping, machine: RowStationaryArray) -> dict[str, float]:
    """Return cycles, buffer and DRAM words; filters must fit the array rows and a filter row the scratchpads."""
    m, buses = mapping, machine.buses
    (ur, uc), (dr, dc), (top, left) = form.stride, form.dilation, form.padding
    total = dict.fromkeys(
        ("cycles", "glb_ifmap", "glb_psum", "glb_filter", "dram_ifmap", "dram_filter", "delivered", "hops"), 0.0
    )
    for _ in range(form.G):
        for e0, e in tiles(form.E, m.e):
            rows, real_rows = axis_reads(e0, e, ur, form.R, dr, top, form.H)
            for f0, f in tiles(form.F, m.f):
                columns, real_columns = axis_reads(f0, f, uc, form.S, dc, left, form.W)
                for _, images in tiles(form.N, m.n):
                    for _, group in tiles(form.M, m.m):
                        total["dram_ifmap"] += images * form.C * real_rows * real_columns
                        for _, filters in tiles(group, m.p * m.t):
                            for _, channels in tiles(form.C, m.q * m.r):
                                per_set = -(-filters // m.t), -(-channels // m.r)
                                extent = min((form.S - 1) * dc + 1, columns)
                                mac = per_set[0] * per_set[1] * form.S
                                psum = filters * e / buses.psum_words
                                ifmap = rows * channels * min(uc // gcd(uc, dc), form.S) / buses.ifmap_words
                                first = rows * channels * extent / buses.ifmap_words
                                load = filters * channels * form.R * form.S / buses.filter_words
                                stream = images * rows * channels * columns / buses.ifmap_words
                                paced = first + (f * images - 1) * max(mac, psum, ifmap)
                                total["cycles"] += load + max(paced, stream) + mac + psum
                                total["glb_ifmap"] += images * channels * rows * columns
                                total["glb_psum"] += images * filters * e * f
                                total["glb_filter"] += filters * channels * form.R * form.S
                                total["dram_filter"] += filters * channels * form.R * form.S
                                total["delivered"] += images * e * form.R * min(m.t, filters) * channels * columns
                                total["hops"] += images * filters * e * f * (form.R * min(m.r, channels) - 1)
    return total
