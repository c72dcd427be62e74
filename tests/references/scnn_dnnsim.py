"""SCNN as isakedo/DNNsim counts it, slips included, in plain Python from its published rules."""

from __future__ import annotations

from itertools import product as pairs_of

import numpy as np

from tests.references.scnn import Machine, bank, ceil


def dnnsim(acts: np.ndarray, wgts: np.ndarray, stride: int, pad: int, linear: bool, m: Machine) -> dict[str, int]:
    """Return cycles and idle slots of one image; acts: (C, X, Y) or (C,), wgts: (K, C / groups, R, S) or (K, C)."""
    if linear:
        depth = ceil(acts.size, 256)
        acts = np.pad(acts.ravel(), (0, depth * 256 - acts.size)).reshape(depth, 16, 16)
        flat = wgts.reshape(wgts.shape[0], -1)
        wgts = np.pad(flat, ((0, 0), (0, depth * 256 - flat.shape[1]))).reshape(-1, depth, 16, 16)
    acts = np.pad(acts, ((0, 0), (pad, pad), (pad, pad)))
    C, X, Y = acts.shape
    K, Ck, R, S = wgts.shape
    W, H = (X - R) // stride + 1, (Y - S) // stride + 1
    depthwise = Ck == 1 and C != 1
    Kc = 1 if depthwise else m.accumulators // (ceil(W, m.Wt) * ceil(H, m.Ht))
    X, Y = ceil(X, m.Wt) * m.Wt, ceil(Y, m.Ht) * m.Ht
    acts = np.pad(acts, ((0, 0), (0, X - acts.shape[1]), (0, Y - acts.shape[2])))
    tw, th = X // m.Wt, Y // m.Wt
    total = dict.fromkeys(("cycles", "dense_cycles", "mults", "idle_bricks", "idle_conflicts", "idle_pe"), 0)
    total["idle_halo"] = 0
    for kc in range(0, K, Kc):
        ks = range(kc, min(kc + Kc, K))
        ct = kc if depthwise else Ck if kc >= K // (C // Ck) else 0
        for ck in range(Ck):
            cycles, dense = [], []
            for px, py in np.ndindex(m.Wt, m.Ht):
                box = range(px * tw, min((px + 1) * tw, X)), range(py * th, min((py + 1) * th, Y))
                found = _pe(acts[ct + ck], wgts[:, ck], box, ks, stride, pad, (W, H), m, total)
                cycles.append(found[0])
                dense.append(found[1])
            total["cycles"] += max(cycles)
            total["dense_cycles"] += max(dense)
            total["idle_pe"] += sum(max(cycles) - c for c in cycles) * m.I * m.F
        xs, ys = (R - 1 - pad, tw, pad), (S - 1 - pad, th, pad)
        halo = max([0] + [xs[i] * ys[j] for i in range(3) for j in range(3) if (i, j) != (1, 1)]) * len(ks)
        total["cycles"] += halo
        total["dense_cycles"] += halo
        total["idle_halo"] += halo * m.Wt * m.Ht * m.I * m.F
    return total


def _pe(plane, wgts, box, ks, stride: int, pad: int, size: tuple[int, int], m: Machine, total) -> tuple[int, int]:
    cycles, dense = 0, 0
    for a, b in np.ndindex(stride, stride):
        pixels = [(x, y) for x, y in pairs_of(*box) if (x % stride, y % stride) == (a, b)]
        acts = [(x, y) for x, y in pixels if plane[x, y]]
        taps = [
            (r, q)
            for r, q in np.ndindex(*wgts.shape[1:])
            if ((r + pad) % stride, (q + pad) % stride) == (a, b)
        ]  # fmt: skip
        weights = [(k, r, q) for r, q in taps for k in ks if wgts[k, r, q]]
        dense += ceil(len(pixels), m.I) * ceil(len(taps) * len(ks), m.F)
        for i in range(0, len(acts), m.I):
            for f in range(0, len(weights), m.F):
                hits = [0] * 64
                for (x, y), (k, r, q) in pairs_of(acts[i : i + m.I], weights[f : f + m.F]):
                    w, h = int((x - r) / stride), int((y - q) / stride)  # truncated towards zero
                    if 0 <= w < size[0] and 0 <= h < size[1]:
                        hits[bank(k, w, h, m.banks)] += 1
                took = max(1, *hits[: 2 * m.I * m.F])
                cycles += took
                total["mults"] += sum(hits)
                total["idle_bricks"] += m.I * m.F - sum(hits)
                total["idle_conflicts"] += (took - 1) * m.I * m.F
    return cycles, dense
