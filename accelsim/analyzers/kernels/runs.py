"""Run-length pairs: where they end, and whose bits they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def charge_pairs(
    values: npt.NDArray[np.integer],
    length: int,
    run_bits: int,
    pair_bits: int,
    pairs_per_word: int,
    word_bits: int,
    tail: bool,
    out: npt.NDArray[np.int64],
) -> None:
    """Add the bits of run-length coded `values` (N, C, plane) to `out`, (N, plane) by pixel or (N, 1) by item.

    The values in C order are cut into rows of `length`, each of which begins a new word. A pair holds a run of at most
    2^run_bits - 1 zeros and one more value, which owns it; the rest of a word belongs to its last pair. tail: zeros at the
    end of a row are stored, the last of them as the value of a final pair. Arithmetic instead of branches, because
    zeros come at random.
    """
    _, channels, plane = values.shape
    flat = values.reshape(-1)
    columns = out.shape[1]
    inner = channels * plane
    rest_of_word = word_bits - pairs_per_word * pair_bits
    for start in range(0, flat.size, length):
        stop = min(start + length, flat.size)
        if not tail:
            while stop > start and flat[stop - 1] == 0:
                stop -= 1
        run, pairs, i = 0, 0, start
        while i < stop:
            if columns == 1:
                end = min(stop, i - i % inner + inner)
                found, run = count_pairs(flat, i, end, run, run_bits)
                pairs += found
                out[i // inner, 0] += found * pair_bits + pairs // pairs_per_word * rest_of_word
                pairs %= pairs_per_word
            else:
                end = min(stop, i - i % plane + plane)
                run, pairs = charge_plane(
                    flat,
                    i,
                    end,
                    run,
                    run_bits,
                    pairs,
                    pair_bits,
                    pairs_per_word,
                    rest_of_word,
                    out[i // inner],
                    i % plane,
                )
            i = end
        owner = (max(i, 1) - 1) % plane if columns > 1 else 0
        item = (max(i, 1) - 1) // inner
        if tail and run > 0:
            out[item, owner] += pair_bits
            pairs += 1
        if pairs > 0:
            out[item, owner] += word_bits - pairs * pair_bits


@njit(nogil=True, cache=True)
def count_pairs(flat: npt.NDArray[np.integer], start: int, stop: int, run: int, run_bits: int) -> tuple[int, int]:
    """Return the pairs that end in flat[start:stop], after `run` zeros, and the zeros since the last of them."""
    pairs = 0
    last = start - 1 - run
    for i in range(start, stop):
        live = int(flat[i] != 0)
        pairs += live * (1 + ((i - last - 1) >> run_bits))
        last += live * (i - last)
    rest = stop - 1 - last
    return pairs + (rest >> run_bits), rest & ((1 << run_bits) - 1)


@njit(nogil=True, cache=True)
def charge_plane(
    flat: npt.NDArray[np.integer],
    start: int,
    stop: int,
    run: int,
    run_bits: int,
    pairs: int,
    pair_bits: int,
    pairs_per_word: int,
    rest_of_word: int,
    out: npt.NDArray[np.int64],
    place: int,
) -> tuple[int, int]:
    """Charge flat[start:stop], values of one channel, to out[place:]; return the zeros and pairs that are pending."""
    longest = (1 << run_bits) - 1
    for i in range(start, stop):
        ends = int(flat[i] != 0) | int(run == longest)
        run = (run + 1) & (ends - 1)
        pairs += ends
        full = int(pairs == pairs_per_word)
        out[place + i - start] += ends * pair_bits + full * rest_of_word
        pairs &= full - 1
    return run, pairs
