"""Slow and obvious: what a mapping in ZigZag's terms moves off chip, by walking the loops outside the SRAM.

A mapping lists temporal loops innermost first, and per operand how many of them its tile in the SRAM covers: another number
for each operand. A tile is fetched whole whenever the loops outside that concern the operand take another turn; what two
tiles share (the overlap of windows) is fetched again, a tile is never larger than the map, and pixels that windows step over
are left out.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations, product
from math import prod
from typing import Any

Loops = list[tuple[str, int]]


def concerns(operand: str, loop: str) -> bool:
    """Whether a loop of ZigZag's (B, G, K, C, OY, OX, FY, FX) changes the values of an operand that are used."""
    if loop in ("OY", "OX"):
        return operand != "W"
    if loop in ("FY", "FX"):
        return operand != "O"
    return loop in {"I": ("B", "G", "C"), "W": ("G", "K", "C"), "O": ("B", "G", "K")}[operand]


def spread(layer: dict[str, Any], machine: dict[str, Any]) -> dict[str, Fraction]:
    """Return the size of K and C that the array covers: as ZigZag, an equal share of each turn where it does not divide."""
    return {
        dim: Fraction(layer[dim], -(-layer[dim] // machine[lanes])) for dim, lanes in (("K", "columns"), ("C", "rows"))
    }


def values(operand: str, layer: dict[str, Any], size: dict[str, Fraction]) -> Fraction:
    """Return the values of a tile with these loop sizes."""
    if operand == "W":
        return prod((size[d] for d in ("G", "K", "C", "FY", "FX")), start=Fraction(1))
    if operand == "O":
        return prod((size[d] for d in ("B", "G", "K", "OY", "OX")), start=Fraction(1))
    rows, columns = (
        touched(layer["map"][axis], layer["stride"][axis], int(size["O" + a]), int(size["F" + a]))
        for axis, a in ((0, "Y"), (1, "X"))
    )
    return size["B"] * size["G"] * size["C"] * rows * columns


def touched(size: int, stride: int, outputs: int, kernel: int) -> int:
    """Return how many rows (or columns) this many outputs and kernel positions touch, at most the whole map."""
    return min(size, len({o * stride + k for o in range(outputs) for k in range(kernel)}))


def fetches(operand: str, outside: Loops) -> int:
    """Return how often the tile of an operand changes in a walk over the loops outside (innermost first)."""
    count, before = 0, None
    for turn in product(*(range(size) for _, size in reversed(outside))):
        now = tuple(i for i, (loop, _) in zip(turn, reversed(outside), strict=True) if concerns(operand, loop))
        count += now != before
        before = now
    return count


def traffic(
    layer: dict[str, Any], machine: dict[str, Any], loops: Loops, inside: dict[str, int]
) -> tuple[dict[str, int], int]:
    """Return the bits moved by operand (partial sums written and read back among outputs) and the bits of room.

    inside: how many of the loops (innermost first) the tile of each operand covers.
    """
    found = {operand: _operand(operand, layer, machine, loops, inside[operand]) for operand in "IWO"}
    return {operand: bits for operand, (bits, _) in found.items()}, sum(room for _, room in found.values())


def _operand(
    operand: str, layer: dict[str, Any], machine: dict[str, Any], loops: Loops, inside: int
) -> tuple[int, int]:
    size = dict.fromkeys(("B", "G", "K", "C", "OY", "OX", "FY", "FX"), Fraction(1)) | spread(layer, machine)
    for loop, n in loops[:inside]:
        size[loop] *= n
    tile, width = values(operand, layer, size), machine["operand_bits"]
    moved = tile * fetches(operand, loops[inside:])
    if operand != "O":
        return round(moved * width), round(tile * width)
    once = layer["N"] * layer["groups"] * layer["K"] * layer["P"] * layer["Q"]
    unfinished = any(not concerns("O", loop) for loop, _ in loops)
    bits = once * width if moved == once else (2 * moved - once) * machine["psum_bits"]
    return round(bits), round(tile * (machine["psum_bits"] if unfinished else width))


def least(layer: dict[str, Any], machine: dict[str, Any], loops: Loops) -> float:
    """Return the fewest bits moved off chip over all orders of these loops and all that tiles may cover; inf if none fits."""
    best, every = float("inf"), range(len(loops) + 1)
    for order in set(permutations(loops)):
        choices = []
        for operand in "IWO":
            alone = [_operand(operand, layer, machine, list(order), i) for i in every]
            choices.append(alone)
        for chosen in product(*choices):
            if sum(room for _, room in chosen) <= machine["sram_bytes"] * 8:
                best = min(best, sum(bits for bits, _ in chosen))
    return best
