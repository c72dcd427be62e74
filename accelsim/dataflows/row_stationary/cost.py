"""Cycles and accesses of one row-stationary mapping, all remainders exact (compiled).

A pass keeps p*t filters and q*r channels in the scratchpads and slides over the f columns of n images. One
window (one output column) needs A = ceil(filters/t) ceil(channels/r) S multiply cycles in the busiest PE,
B = filters * e / psum_words cycles on the psum bus (in and out together), and I = rows * channels *
min(stride, S) / ifmap_words cycles on the input bus (with dilation: the stride over their greatest common divisor);
rows and columns that no tap meets are not sent. Windows are pipelined, so a pass takes ``load + first window + A + B
+ (f n - 1) max(A, B, I)``, where load moves the filters into the scratchpads. Each further image needs its first
window, too: the input bus runs ahead to bring it, but a pass is never shorter than all its input words on that bus.
"""

from __future__ import annotations

from math import gcd

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit

RESULTS = 16
"""Number of fields of `Counts`."""

(
    ROWS, COLUMNS, FILTER_SPAD, IFMAP_SPAD, PSUM_SPAD, BANKS, BANK_BYTES, FILTER_BYTES, WORD_BYTES, FILTER_BUS, IFMAP_BUS,
    PSUM_BUS, BANK_GROUP, _LONGEST_ROW, LEAST_PE_SHARE, TOLERANCE, PADDING,
) = range(17)  # fmt: skip
"""Places of the numbers of `RowStationaryArray.packed`."""

Bounds = tuple[int, ...]


@njit(cache=True)
def ceil_div(a: int, b: int) -> int:
    """Divide, rounding up."""
    return -(-a // b)


@njit(cache=True)
def fresh(stride: int, taps: int, dilation: int) -> int:
    """Return the input positions that a further window adds to many before it."""
    return min(stride // gcd(stride, dilation), taps)


@njit(cache=True)
def covered(windows: int, stride: int, taps: int, dilation: int) -> int:
    """Return the different input positions in successive windows: i * stride + j * dilation for any window i and tap j.

    Window i + dilation / g has at tap j what window i has at tap j + stride / g, g their greatest common divisor.
    """
    g = gcd(stride, dilation)
    return windows * taps - max(0, windows - dilation // g) * max(0, taps - stride // g)


@njit(cache=True)
def real_span(out: int, tile: int, stride: int, extent: int, size: int, pad: int) -> int:
    """Return the input positions inside the map from the first to the last of each tile of an axis, over all tiles."""
    real = 0
    for start in range(0, out, tile):
        low = start * stride - pad
        high = low + (min(tile, out - start) - 1) * stride + extent
        real += max(0, min(high, size) - max(low, 0))
    return real


@njit(cache=True)
def sent_span(out: int, tile: int, stride: int, taps: int, part: int, dilation: int) -> int:
    """Return the input positions, padding too, that all tiles of an axis need of the buffer.

    part: taps of the filter that the array takes at a time; the parts run one after another.
    """
    tiles = ceil_div(out, tile)
    total = 0
    for first in range(0, taps, part):
        length = min(part, taps - first)
        total += (tiles - 1) * covered(tile, stride, length, dilation)
        total += covered(out - (tiles - 1) * tile, stride, length, dilation)
    return total


@njit(cache=True)
def _pass(
    h: int, w: int, images: int, held: int, depth: int, r: int, t: int, taps: tuple[int, int], dilation: tuple[int, int],
    stride: tuple[int, int], hw: npt.NDArray[np.float64],
) -> tuple[float, float, float, float, float, float]:  # fmt: skip
    """Cycles of one pass over `held` filters and `depth` channels: all, of multipliers, psum bus, input bus and filling.

    The last number is the input words written into scratchpads.
    """
    mac_window = float(ceil_div(held, t) * ceil_div(depth, r) * taps[1])
    psum_window = held * h / hw[PSUM_BUS]
    rows, columns = covered(h, stride[0], taps[0], dilation[0]), covered(w, stride[1], taps[1], dilation[1])
    ifmap_window = rows * depth * fresh(stride[1], taps[1], dilation[1]) / hw[IFMAP_BUS]
    first = rows * depth * min(columns, (taps[1] - 1) * dilation[1] + 1) / hw[IFMAP_BUS]
    load = held * depth * taps[0] * taps[1] / hw[FILTER_BUS]
    windows = float(w) * images
    slowest = max(mac_window, max(psum_window, ifmap_window))
    stream = images * rows * depth * columns / hw[IFMAP_BUS]
    paced = first + (windows - 1) * slowest
    cycles = load + max(paced, stream) + mac_window + psum_window
    copies = float(h * taps[0] * min(t, held))
    delivered = images * copies * depth * columns
    return cycles, mac_window * windows, psum_window * windows, stream, load + first, delivered


@njit(cache=True)
def cost(
    bounds: Bounds, hw: npt.NDArray[np.float64], n: int, e: int, f: int, m: int, p: int, q: int, r: int, t: int,
    out: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill `out` with the fields of `Counts`, in order, for one run of the convolution."""
    G, N, C, M, E, F, R, S, UR, UC, DR, DC, H, W, PT, PL = bounds
    Rp = min(R, int(hw[ROWS]))
    Sp = min(S, int(min(hw[FILTER_SPAD], hw[IFMAP_SPAD])))
    parts = ceil_div(R, Rp) * ceil_div(S, Sp)
    tiles_e, tiles_f, tiles_n = ceil_div(E, e), ceil_div(F, f), ceil_div(N, n)
    groups_m, groups_c = ceil_div(M, m), ceil_div(C, q * r)
    filters, channels = p * t, q * r
    last_e, last_f, last_n = E - (tiles_e - 1) * e, F - (tiles_f - 1) * f, N - (tiles_n - 1) * n
    last_m, last_c = M - (groups_m - 1) * m, C - (groups_c - 1) * channels
    cycles = 0.0
    compute = 0.0
    psum_cycles = 0.0
    ifmap_cycles = 0.0
    fill = 0.0
    passes = 0.0
    delivered = 0.0
    for ie in range(2):
        h, count_e = (e, tiles_e - 1) if ie == 0 else (last_e, 1)
        for jf in range(2):
            w, count_f = (f, tiles_f - 1) if jf == 0 else (last_f, 1)
            for kn in range(2):
                images, count_n = (n, tiles_n - 1) if kn == 0 else (last_n, 1)
                if count_e * count_f * count_n == 0:
                    continue
                for g in range(4):  # full or remaining filters of a pass, in a full or the last group of m
                    group, count_g = (m, groups_m - 1) if g < 2 else (last_m, 1)
                    held, count_p = (filters, group // filters) if g % 2 == 0 else (group % filters, 1)
                    if held == 0 or count_g * count_p == 0:
                        continue
                    for c in range(2):
                        depth, count_c = (channels, groups_c - 1) if c == 0 else (last_c, 1)
                        if count_c == 0:
                            continue
                        times = float(count_e * count_f * count_n) * count_g * count_p * count_c * parts
                        found = _pass(h, w, images, held, depth, r, t, (Rp, Sp), (DR, DC), (UR, UC), hw)
                        cycles += times * found[0]
                        compute += times * found[1]
                        psum_cycles += times * found[2]
                        ifmap_cycles += times * found[3]
                        fill += times * found[4]
                        passes += times
                        delivered += times * found[5]
    rows_real, columns_real = real_span(E, e, UR, (R - 1) * DR + 1, H, PT), real_span(F, f, UC, (S - 1) * DC + 1, W, PL)
    rows_sent, columns_sent = sent_span(E, e, UR, R, Rp, DR), sent_span(F, f, UC, S, Sp, DC)
    filter_passes = (groups_m - 1) * ceil_div(m, filters) + ceil_div(last_m, filters)
    outputs = float(G) * N * M * E * F
    weights = float(G) * M * C * R * S
    strips = float(tiles_e * tiles_f * tiles_n)
    sets = float((groups_c - 1) * r + min(r, last_c))
    out[0] = G * cycles
    out[1] = float(G) * N * C * rows_sent * columns_sent * filter_passes
    out[2] = outputs * groups_c * parts
    out[3] = weights * strips
    out[4] = float(G) * N * C * rows_real * columns_real * groups_m
    out[5] = weights * strips
    out[6] = outputs
    out[7] = outputs * C * R * S
    out[8] = G * compute
    out[9] = G * psum_cycles
    out[10] = G * ifmap_cycles
    out[11] = G * fill
    out[12] = G * passes
    out[13] = G * delivered
    out[14] = weights * tiles_f * tiles_n * E
    out[15] = outputs * ceil_div(S, Sp) * R * sets - outputs * groups_c * parts
