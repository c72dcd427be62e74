"""Encoders and decoders of every storage format, slow and obvious: strings of 0 and 1, and to whom each piece belongs.

An encoder returns pieces ``(bits, i)``: a string and the place in C order of the value that it belongs to. A decoder takes
the joined string and what a machine knows of the tensor beside it (`Known`), and returns the values in C order.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.integer]
Pieces = list[tuple[str, int]]


@dataclass(frozen=True)
class Known:
    """What the decoder knows: the shape, the word, the least number a word can mean, the sign, the format's parameters."""

    shape: tuple[int, int, int, int]
    bits: int
    low: int
    signed: bool
    precision: int
    group: int
    run_bits: int | None

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def run(self, default: int) -> int:
        return default if self.run_bits is None else self.run_bits


def unsigned(number: int, width: int) -> str:
    """Return `number` modulo 2^width in binary."""
    return format(number % (1 << width), f"0{width}b") if width else ""


class Reader:
    """The rest of a string of bits."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def take(self, width: int) -> int:
        assert self.place + width <= len(self.text), "the stored bits end too early"
        self.place += width
        return int(self.text[self.place - width : self.place] or "0", 2)

    @property
    def left(self) -> int:
        return len(self.text) - self.place


def word(number: int, known: Known) -> str:
    return unsigned(number, known.bits)


def read_word(reader: Reader, known: Known) -> int:
    return known.low + (reader.take(known.bits) - known.low) % (1 << known.bits)


def narrow(reader: Reader, width: int, known: Known, signed: bool) -> int:
    """Read a value of `width` bits: a whole word, or a smaller number whose sign bit, if any, stands first."""
    if width >= known.bits:
        return read_word(reader, known)
    found = reader.take(width)
    return found - (1 << width) if signed and found >> (width - 1) else found


def encode_plain(values: list[int], known: Known) -> Pieces:
    return [(word(v, known), i) for i, v in enumerate(values)]


def decode_plain(text: str, known: Known) -> list[int]:
    reader = Reader(text)
    return [read_word(reader, known) for _ in range(known.size)]


def encode_profiled(values: list[int], known: Known) -> Pieces:
    return [(unsigned(v, min(known.precision, known.bits)), i) for i, v in enumerate(values)]


def decode_profiled(text: str, known: Known) -> list[int]:
    reader = Reader(text)
    return [narrow(reader, min(known.precision, known.bits), known, known.signed) for _ in range(known.size)]


def encode_bitmask(values: list[int], known: Known) -> Pieces:
    return [("1" + word(v, known) if v else "0", i) for i, v in enumerate(values)]


def decode_bitmask(text: str, known: Known) -> list[int]:
    reader = Reader(text)
    return [read_word(reader, known) if reader.take(1) else 0 for _ in range(known.size)]


def group_places(known: Known) -> Iterator[list[int]]:
    """Give the places of each group of channels, groups of a pixel one after another."""
    batch, channels, height, width = known.shape
    places = np.arange(known.size).reshape(batch, channels, height * width)
    for n in range(batch):
        for p in range(height * width):
            for c in range(0, channels, known.group):
                yield places[n, c : c + known.group, p].tolist()


def needed(value: int, signed: bool) -> int:
    """Return the bits of `value` alone: in two's complement, two at least, when `signed`."""
    low, high, width = (-2, 2, 2) if signed else (0, 2, 1)
    while not low <= value < high:
        low, high, width = 2 * low, 2 * high, width + 1
    return width


def field_width(known: Known) -> int:
    return max(4, (known.bits - 1).bit_length())


def encode_groups(values: list[int], known: Known, signed: bool | None = None) -> Pieces:
    signed = known.signed if signed is None else signed
    pieces: Pieces = []
    for places in group_places(known):
        width = min(known.bits, max(needed(values[i], signed) for i in places))
        pieces.append((unsigned(width - 1, field_width(known)), places[0]))
        pieces += [(unsigned(values[i], width), i) for i in places]
    return pieces


def decode_groups(text: str, known: Known, signed: bool | None = None) -> list[int]:
    signed = known.signed if signed is None else signed
    reader, values = Reader(text), [0] * known.size
    for places in group_places(known):
        width = reader.take(field_width(known)) + 1
        for i in places:
            values[i] = narrow(reader, width, known, signed)
    assert reader.left == 0
    return values


def encode_groups_masked(values: list[int], known: Known) -> Pieces:
    pieces: Pieces = []
    for places in group_places(known):
        width = min(known.bits, max(needed(values[i], known.signed) for i in places))
        mask = "".join("1" if values[i] else "0" for i in places)
        pieces.append((unsigned(width - 1, field_width(known)) + mask, places[0]))
        pieces += [(unsigned(values[i], width), i) for i in places if values[i]]
    return pieces


def decode_groups_masked(text: str, known: Known) -> list[int]:
    reader, values = Reader(text), [0] * known.size
    for places in group_places(known):
        width = reader.take(field_width(known)) + 1
        live = [i for i in places if reader.take(1)]
        for i in live:
            values[i] = narrow(reader, width, known, known.signed)
    assert reader.left == 0
    return values


def wrapped(number: int, bits: int) -> int:
    return (number + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def encode_delta(values: list[int], known: Known) -> Pieces:
    width = known.shape[3]
    before = [values[i - 1] if i % width else 0 for i in range(known.size)]
    return encode_groups([wrapped(v - b, known.bits) for v, b in zip(values, before)], known, signed=True)


def decode_delta(text: str, known: Known) -> list[int]:
    middle = Known(known.shape, known.bits, -(1 << (known.bits - 1)), True, 0, known.group, None)
    values: list[int] = []
    for i, change in enumerate(decode_groups(text, middle, signed=True)):
        value = change + (values[i - 1] if i % known.shape[3] else 0)
        values.append(known.low + (value - known.low) % (1 << known.bits))
    return values


def zero_runs(values: list[int], start: int, stop: int, run_bits: int) -> list[tuple[int, int]]:
    """Return (run, place) of every entry that holds a value; what is left over at the end is no entry."""
    entries, run = [], 0
    for i in range(start, stop):
        if values[i] == 0 and run < (1 << run_bits) - 1:
            run += 1
        else:
            entries.append((run, i))
            run = 0
    return entries


def encode_entries(values: list[int], start: int, stop: int, run_bits: int, known: Known) -> Pieces:
    while stop > start and values[stop - 1] == 0:
        stop -= 1
    return [
        (unsigned(run, run_bits) + word(values[i], known), i) for run, i in zero_runs(values, start, stop, run_bits)
    ]


def encode_zero_run(values: list[int], known: Known) -> Pieces:
    return encode_entries(values, 0, known.size, known.run(4), known)


def decode_zero_run(text: str, known: Known) -> list[int]:
    reader, values = Reader(text), []
    while reader.left:
        values += [0] * reader.take(known.run(4))
        values.append(read_word(reader, known))
    return values + [0] * (known.size - len(values))


def encode_relative_index(values: list[int], known: Known) -> Pieces:
    row = known.size // known.shape[0]
    pointer = max(16, row.bit_length())
    rows = [encode_entries(values, n * row, (n + 1) * row, known.run(4), known) for n in range(known.shape[0])]
    ends = np.cumsum([len(entries) for entries in rows]).tolist()
    pointers = [(unsigned(end, pointer), n * row) for n, end in enumerate(ends)]
    return [*pointers, *(piece for entries in rows for piece in entries)]


def decode_relative_index(text: str, known: Known) -> list[int]:
    row = known.size // known.shape[0]
    pointer = max(16, row.bit_length())
    reader, values, before = Reader(text), [], 0
    ends = [reader.take(pointer) for _ in range(known.shape[0])]
    for end in ends:
        found: list[int] = []
        for _ in range((end - before) % (1 << pointer)):
            found += [0] * reader.take(known.run(4))
            found.append(read_word(reader, known))
        values += found + [0] * (row - len(found))
        before = end
    return values


PAIRS = 3


def encode_pairs(values: list[int], row: int, known: Known) -> Pieces:
    """Encode in words of three pairs and a flag, every row of values in words of its own."""
    run_bits, pieces = known.run(5), []
    for start in range(0, known.size, row):
        stop = start + row
        entries = zero_runs(values, start, stop, run_bits)
        last = entries[-1][1] if entries else start - 1
        if last < stop - 1:
            entries.append((stop - 2 - last, stop - 1))
        for k in range(0, len(entries), PAIRS):
            some = entries[k : k + PAIRS]
            pieces += [(unsigned(run, run_bits) + word(values[i], known), i) for run, i in some]
            missing = PAIRS - len(some)
            pieces.append(("0" * (1 + missing * (run_bits + known.bits)), some[-1][1]))
    return pieces


def decode_pairs(text: str, row: int, known: Known) -> list[int]:
    reader, values = Reader(text), []
    for _ in range(0, known.size, row):
        found: list[int] = []
        while len(found) < row:
            for _ in range(PAIRS):
                zeros, value = reader.take(known.run(5)), read_word(reader, known)
                found += [*([0] * zeros), value] if len(found) < row else []
            reader.take(1)
        assert len(found) == row
        values += found
    assert reader.left == 0
    return values


def encode_run_length(values: list[int], known: Known) -> Pieces:
    return encode_pairs(values, known.size, known)


def decode_run_length(text: str, known: Known) -> list[int]:
    return decode_pairs(text, known.size, known)


def row_of(known: Known) -> int:
    return next((n for n in reversed(known.shape) if n > 1), 1)


def encode_run_length_rows(values: list[int], known: Known) -> Pieces:
    pieces = encode_pairs(values, row_of(known), known)
    plain = encode_plain(values, known)
    return pieces if sum(len(t) for t, _ in pieces) < sum(len(t) for t, _ in plain) else plain


def decode_run_length_rows(text: str, known: Known) -> list[int]:
    if len(text) == known.size * known.bits:
        return decode_plain(text, known)
    return decode_pairs(text, row_of(known), known)


ELEMENTS = ((8, 1), (8, 2), (8, 4), (4, 1), (4, 2), (2, 1))
LINE = 32


def word_bytes(known: Known) -> int:
    return 1 if known.bits <= 8 else 2 if known.bits <= 16 else 4


def line_codes(data: bytes) -> Iterator[tuple[int, str, str, list[str]]]:
    """Give every encoding of a line: tag, base with mask, nothing or the differences of its elements."""
    if not any(data):
        yield 0, "", "", []
    if data == data[:8] * (len(data) // 8):
        yield 1, unsigned(int.from_bytes(data[:8], "little"), 64), "", []
    for tag, (size, difference) in enumerate(ELEMENTS, 2):
        elements = [int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size)]
        near = [abs_fits(e, 8 * size, 8 * difference) for e in elements]
        base = next((e for e, small in zip(elements, near) if not small), 0)
        changes = [e if small else e - base for e, small in zip(elements, near)]
        if all(abs_fits(c, 8 * size, 8 * difference) for c in changes):
            mask = "".join("0" if small else "1" for small in near)
            yield tag, unsigned(base, 8 * size), mask, [unsigned(c, 8 * difference) for c in changes]


def abs_fits(number: int, width: int, narrow_width: int) -> bool:
    return wrapped(number, width) == wrapped(number, narrow_width)


def encode_base_delta(values: list[int], known: Known) -> Pieces:
    size = word_bytes(known)
    length, pieces = LINE // size, []
    for start in range(0, known.size, length):
        some = values[start : start + length]
        data = b"".join((v % (1 << (8 * size))).to_bytes(size, "little") for v in some)
        plain = (15, "", "", [unsigned(b, 8) for b in data])
        codes = [*(line_codes(data) if len(data) == LINE else ()), plain]
        tag, base, mask, parts = min(codes, key=lambda c: len(c[1]) + len(c[2]) + sum(map(len, c[3])))
        pieces.append((unsigned(tag, 4) + base + mask, start))
        text = "".join(parts)
        share = len(text) // len(some)
        pieces += [(text[k * share : (k + 1) * share], start + k) for k in range(len(some))]
    return pieces


def decode_base_delta(text: str, known: Known) -> list[int]:
    size = word_bytes(known)
    reader, data = Reader(text), b""
    while len(data) < known.size * size:
        left = min(LINE, known.size * size - len(data))
        tag = reader.take(4)
        if tag == 0:
            data += bytes(left)
        elif tag == 1:
            data += reader.take(64).to_bytes(8, "little") * (left // 8)
        elif tag == 15:
            data += bytes(reader.take(8) for _ in range(left))
        else:
            element, difference = ELEMENTS[tag - 2]
            base = reader.take(8 * element)
            far = [reader.take(1) for _ in range(left // element)]
            for other in far:
                number = wrapped(reader.take(8 * difference), 8 * difference) + (base if other else 0)
                data += (number % (1 << (8 * element))).to_bytes(element, "little")
    assert reader.left == 0
    words = [int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size)]
    return [known.low + (w - known.low) % (1 << known.bits) for w in words]


def code_lengths(values: list[int]) -> dict[int, int]:
    """Return the length of each value's Huffman code, from a heap of trees."""
    order = count()
    heap = [(n, next(order), {v: 0}) for v, n in sorted(Counter(values).items())]
    heapq.heapify(heap)
    while len(heap) > 1:
        one, other = heapq.heappop(heap), heapq.heappop(heap)
        merged = {v: length + 1 for v, length in {**one[2], **other[2]}.items()}
        heapq.heappush(heap, (one[0] + other[0], next(order), merged))
    return heap[0][2]


def canonical(lengths: dict[int, int]) -> dict[int, str]:
    """Return the canonical code of each value: numbers in the order of length and value."""
    codes, number, before = {}, 0, 0
    for value, length in sorted(lengths.items(), key=lambda item: (item[1], item[0])):
        number <<= length - before
        codes[value] = unsigned(number, length)
        number, before = number + 1, length
    return codes


def encode_huffman(values: list[int], known: Known) -> Pieces:
    lengths = code_lengths(values)
    table = "".join(word(v, known) + unsigned(length, 6) for v, length in sorted(lengths.items()))
    codes = canonical(lengths)
    return [(unsigned(len(lengths), known.bits + 1) + table, 0), *((codes[v], i) for i, v in enumerate(values))]


def decode_huffman(text: str, known: Known) -> list[int]:
    reader = Reader(text)
    symbols = reader.take(known.bits + 1)
    lengths = {}
    for _ in range(symbols):
        value = read_word(reader, known)
        lengths[value] = reader.take(6)
    back = {code: value for value, code in canonical(lengths).items()}
    values, code = [], ""
    while len(values) < known.size:
        if code in back:
            values.append(back[code])
            code = ""
            continue
        code += str(reader.take(1))
    assert reader.left == 0
    return values


def encode_codebook(values: list[int], known: Known) -> Pieces:
    table = sorted(set(values))
    width = (len(table) - 1).bit_length()
    head = unsigned(len(table), known.bits + 1) + "".join(word(v, known) for v in table)
    return [(head, 0), *((unsigned(table.index(v), width), i) for i, v in enumerate(values))]


def decode_codebook(text: str, known: Known) -> list[int]:
    reader = Reader(text)
    table = [read_word(reader, known) for _ in range(reader.take(known.bits + 1))]
    values = [table[reader.take((len(table) - 1).bit_length())] for _ in range(known.size)]
    assert reader.left == 0
    return values


ENCODERS: dict[str, Callable[[list[int], Known], Pieces]] = {
    name.removeprefix("encode_"): function
    for name, function in list(globals().items())
    if name.startswith("encode_") and name not in ("encode_entries", "encode_pairs")
}
DECODERS: dict[str, Callable[[str, Known], list[int]]] = {name: globals()[f"decode_{name}"] for name in ENCODERS}
