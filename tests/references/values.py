"""Slow, obvious, pure Python: what every analyzer must agree with. Nothing here calls accelsim's arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from accelsim.layer import LayerShape

Cost = Callable[[int], int]


def ones(value: int) -> int:
    """Count the one-bits of the magnitude, from its binary text."""
    return bin(abs(value)).count("1")


def ones_twos_complement(value: int, bits: int) -> int:
    """Count the one-bits of the two's complement pattern."""
    return bin(value % 2**bits).count("1")


def naf(value: int) -> int:
    """Count non-adjacent form digits by the textbook division algorithm."""
    value, digits = abs(value), 0
    while value:
        if value % 2:
            value -= 2 - value % 4
            digits += 1
        value //= 2
    return digits


def booth_radix4_digits(value: int) -> list[int]:
    """List the radix-4 modified Booth digits, lowest first; sum of digit * 4^i is the value."""

    def bit(i: int) -> int:
        return (value >> i) & 1 if i >= 0 else 0

    return [bit(2 * i - 1) + bit(2 * i) - 2 * bit(2 * i + 1) for i in range(12)]


def booth_radix4(value: int) -> int:
    """Count the radix-4 Booth digits that are not zero."""
    return sum(digit != 0 for digit in booth_radix4_digits(value))


def run_recoding(value: int) -> int:
    """Walk the bits from the top as DNNsim's table does."""
    text = f"{abs(value):018b}00"
    terms, run = 0, False
    for i in range(len(text) - 2):
        window = text[i : i + 3]
        if window == "111" and not run:
            terms, run = terms + 1, True
        elif window == "100":
            terms, run = terms + 1, False
        elif (window in ("010", "011") and run) or (window in ("101", "110") and not run):
            terms += 1
    return terms


def width(values: Sequence[int], signed: bool, trimmed: bool = False) -> int:
    """Serial width of a set of values by leading and trailing ones, value by value."""
    highest, lowest = 0, 99
    for value in values:
        pattern = ~value if value < 0 else value
        text = bin(pattern)[2:]
        if pattern:
            highest = max(highest, len(text) - 1)
            lowest = min(lowest, len(text) - 1 - text.rindex("1"))
    highest += signed
    if not trimmed:
        return highest + 1
    return 1 + signed if lowest > highest else highest - lowest + 1


def products(shape: LayerShape, padding: str = "in") -> Iterator[tuple[tuple[int, ...] | None, tuple[int, ...]]]:
    """Visit every product of a layer: index of its activation (None for a padding zero) and of its weight."""
    top, _, left, _ = shape.padding
    rows, columns = (shape.H, shape.W) if shape.transposed else (shape.P, shape.Q)
    for n in range(shape.steps * shape.N):
        for g in range(shape.groups):
            for k in range(shape.K):
                for p in range(rows):
                    for q in range(columns):
                        for c in range(shape.C):
                            for r in range(shape.R):
                                for s in range(shape.S):
                                    h = p * shape.stride[0] + r * shape.dilation[0] - top
                                    w = q * shape.stride[1] + s * shape.dilation[1] - left
                                    weight = (g * shape.K + k, c, r, s)
                                    limits = (shape.P, shape.Q) if shape.transposed else (shape.H, shape.W)
                                    inside = 0 <= h < limits[0] and 0 <= w < limits[1]
                                    if not inside and padding == "out":
                                        continue
                                    here = (p, q) if shape.transposed else (h, w)
                                    real = inside or shape.transposed
                                    yield ((n, g * shape.C + c, *here) if real else None), weight


def pair_work(shape: LayerShape, activation, weight, zero_cost: int, padding: str) -> int:
    """Sum cost_act * cost_wgt over every product; activation and weight are arrays of costs."""
    total = 0
    for a, w in products(shape, padding):
        total += (zero_cost if a is None else int(activation[a])) * int(weight[w])
    return total


def group_widths(values, size: int, sets: int, signed: bool, trimmed: bool) -> list:
    """Width of the group of each value of (N, sets * C, H, W), as nested lists."""
    batch, channels, height, columns = values.shape
    per_set = channels // sets
    result = [[[[0] * columns for _ in range(height)] for _ in range(channels)] for _ in range(batch)]
    for n in range(batch):
        for h in range(height):
            for w in range(columns):
                for start in range(0, channels, per_set):
                    for first in range(start, start + per_set, size):
                        group = range(first, min(first + size, start + per_set))
                        shared = width([int(values[n, c, h, w]) for c in group], signed, trimmed)
                        for c in group:
                            result[n][c][h][w] = shared
    return result


def run_length_encode(values: Sequence[int], run_bits: int, pairs_per_word: int) -> list[list[tuple[int, int]]]:
    """Encode as words of (zero run, value) pairs."""
    pairs, run = [], 0
    for value in values:
        if value == 0 and run < 2**run_bits - 1:
            run += 1
        else:
            pairs.append((run, value))
            run = 0
    if run:
        pairs.append((run - 1, 0))
    return [pairs[i : i + pairs_per_word] for i in range(0, len(pairs), pairs_per_word)]


def run_length_decode(words: list[list[tuple[int, int]]]) -> list[int]:
    """Undo `run_length_encode`."""
    values: list[int] = []
    for word in words:
        for run, value in word:
            values += [0] * run + [value]
    return values
