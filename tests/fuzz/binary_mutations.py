"""Changes at random to binary examples: what `mutations.data` does, lengths that lie, and pieces of other examples."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.fuzz import mutations

LENGTHS = (
    0,
    1,
    -1,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**40,
    2**53,
    2**60,
    2**63 - 1,
    2**63,
    2**64 - 1,
)
"""Numbers that break what trusts a length of a file."""


def data(example: bytes, rng: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """Return `example` changed: bytes, a number in a length field, the end cut off, or a piece of one of `others`."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        kind = rng.randrange(5)
        if kind == 0:
            example = _number(example, rng)
        elif kind == 1 and others:
            other = rng.choice(others)
            here, there = rng.randrange(len(example) + 1), rng.randrange(len(other) + 1)
            example = example[:here] + other[there:]
        elif kind == 2:
            example = example[: rng.randrange(len(example) + 1)]
        else:
            example = mutations.data(example, rng, rng.choice((1, 1, 2, 5)))
    return example


def flipped(example: bytes, rng: random.Random, most: int = 4) -> bytes:
    """Return `example` with one to `most` bits flipped or bytes set, its length kept."""
    found = bytearray(example)
    for _ in range(rng.randint(1, most) if found else 0):
        place = rng.randrange(len(found))
        found[place] = rng.choice((found[place] ^ (1 << rng.randrange(8)), 0, 255, rng.randrange(256)))
    return bytes(found)


def _number(example: bytes, rng: random.Random) -> bytes:
    """Overwrite a field of 1, 2, 4 or 8 bytes, most often at a multiple of its width and near the beginning."""
    width = rng.choice((1, 2, 4, 4, 8, 8))
    if len(example) < width:
        return example
    most = len(example) - width
    place = rng.randrange(min(most, rng.choice((16, 256, most or 1))) + 1)
    place -= (place % width) * rng.choice((0, 1))
    number = rng.choice(LENGTHS) % (1 << 8 * width)
    return example[:place] + number.to_bytes(width, rng.choice(("little", "big"))) + example[place + width :]
