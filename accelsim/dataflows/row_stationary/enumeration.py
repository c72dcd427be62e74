"""Enumerate every feasible row-stationary mapping and keep the best (compiled; see `search` for the rules)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit
from accelsim.dataflows.row_stationary import cost as at
from accelsim.dataflows.row_stationary.cost import RESULTS, Bounds, ceil_div, cost, real_span

_SAME = 1e-9


@njit(cache=True)
def places(rows: int, e: int, array_rows: int, array_columns: int) -> tuple[int, int]:
    """Places for PE sets up and across the array; a set wider than the array folds over several places up."""
    segments = ceil_div(e, array_columns)
    up = (array_rows // rows) // segments
    return up, (array_columns // e if segments == 1 else 1)


@njit(cache=True)
def _better(cycles: float, buffer: float, words: float, best: npt.NDArray[np.float64]) -> bool:
    for value, known in ((cycles, best[0]), (buffer, best[1]), (words, best[2])):
        if value < known * (1 - _SAME):
            return True
        if value > known * (1 + _SAME):
            return False
    return False


@njit(cache=True)
def enumerate_mappings(
    bounds: Bounds, hw: npt.NDArray[np.float64], compression: float, f: int, choice: npt.NDArray[np.int64]
) -> float:
    """Fill `choice` with (n, e, f, m, p, q, r, t, ifmap banks, psum banks) and return its DRAM input words.

    Three sweeps over the same candidates: the most PEs, the least DRAM input traffic, the fastest near it.
    `choice` stays 0 when nothing fits.
    """
    G, N, C, M, E, F, R, S, UR, UC, DR, DC, H, W, PT, PL = bounds
    array_rows, array_columns = int(hw[at.ROWS]), int(hw[at.COLUMNS])
    spad_filter, spad_ifmap, spad_psum = int(hw[at.FILTER_SPAD]), int(hw[at.IFMAP_SPAD]), int(hw[at.PSUM_SPAD])
    banks, bank_bytes, filter_bytes = int(hw[at.BANKS]), hw[at.BANK_BYTES], hw[at.FILTER_BYTES]
    word, bus, group = hw[at.WORD_BYTES], int(hw[at.PSUM_BUS]), int(hw[at.BANK_GROUP])
    least_share, tolerance = hw[at.LEAST_PE_SHARE], hw[at.TOLERANCE]
    padding = hw[at.PADDING] if M % 16 else 0.0
    Rp, Sp = min(R, array_rows), min(S, min(spad_filter, spad_ifmap))
    extent_r, extent_s = (Rp - 1) * DR + 1, (Sp - 1) * DC + 1
    columns_real = real_span(F, f, UC, (S - 1) * DC + 1, W, PL)
    tiles_f = ceil_div(F, f)
    M_bus = ceil_div(M, bus) * bus if bus < M else M
    out = np.zeros(RESULTS)
    best = np.full(3, 1e300)
    most_pes = 0.0
    least_words = 1e300
    for sweep in range(3):
        if sweep > 0 and most_pes == 0.0:
            return 0.0
        for e in range(min(E, array_columns * (array_rows // Rp)), 0, -1):
            up, across = places(Rp, e, array_rows, array_columns)
            tiles_e = ceil_div(E, e)
            filled = float(E) / (tiles_e * e)  # the last strip may leave rows of PEs idle
            if up < 1 or (sweep > 0 and up * across * Rp * e < least_share * most_pes):
                continue
            rows_real = real_span(E, e, UR, (R - 1) * DR + 1, H, PT)
            for n in range(1, N + 1):
                if n > 1 and (e < E or f < F):
                    break  # several images only as whole maps
                if n > 1 and ceil_div(N, n) == ceil_div(N, n - 1):
                    continue
                channel_bytes = word * n * ((e - 1) * UR + extent_r) * ((f - 1) * UC + extent_s)
                filter_psum_bytes = word * n * e * f
                for r in range(1, min(up, C) + 1):
                    for t in range(1, min((up // r) * across, M) + 1):
                        pes = float(r * t * Rp * e)
                        if (sweep == 0 and pes * filled <= most_pes) or (sweep > 0 and pes < least_share * most_pes):
                            continue
                        for q in range(1, min(spad_ifmap // Sp, ceil_div(C, r)) + 1):
                            ifmap_banks = ceil_div(int(channel_bytes * min(q * r, C)), int(bank_bytes))
                            if ifmap_banks + group > banks:
                                break
                            for p in range(1, min(spad_psum, spad_filter // (q * Sp)) + 1):
                                if p % bus and p * t < M:
                                    continue  # filters and psums travel `bus` at a time
                                if p > 1 and (p - 1) * t >= M_bus:
                                    break
                                if word * min(p * t, M) * min(q * r, C) * Rp * Sp > filter_bytes:
                                    break
                                for k in range(1, ceil_div(M, p * t) + 1):
                                    m = k * p * t
                                    psum_banks = ceil_div(int(filter_psum_bytes * min(m, M_bus)), int(bank_bytes))
                                    psum_banks = ceil_div(psum_banks, group) * group
                                    if psum_banks + ifmap_banks > banks:
                                        break
                                    if ceil_div(M, m) * m > max(M * (1 + padding), float(M_bus)):
                                        continue
                                    if sweep == 0:
                                        most_pes = pes * filled
                                        break
                                    reads = float(N) * C * rows_real * columns_real * ceil_div(M, m) * compression
                                    words = reads + float(M) * C * R * S * tiles_e * tiles_f * ceil_div(N, n)
                                    if sweep == 1:
                                        least_words = min(least_words, words)
                                        continue
                                    if words > least_words * (1 + tolerance):
                                        continue
                                    cost(bounds, hw, n, e, f, m, p, q, r, t, out)
                                    buffer = out[1] + 2 * out[2] + out[3]
                                    if _better(out[0], buffer, words, best):
                                        best[0], best[1], best[2] = out[0], buffer, words
                                        choice[0], choice[1], choice[2], choice[3], choice[4] = n, e, f, m, p
                                        choice[5], choice[6], choice[7] = q, r, t
                                        choice[8], choice[9] = ifmap_banks, psum_banks
    return G * best[2]
