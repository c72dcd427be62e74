"""Changes at random to a good example: its bytes, its tokens, its lines."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence

NUMBERS = (
    "0", "-0", "-1", "1", "2", "7", "1e308", "-1e308", "1e-308", "1e400", "1e-400", ".nan", ".inf", "-.inf", "nan", "inf",
    str(2**31), str(2**32), str(2**63 - 1), str(2**63), str(2**64), str(10**30), str(-(10**30)), "0x7fffffffffffffff",
    "0.1", "-0.5", "1_000", "1__0", "007", "0o7", "0b1", "1e5", "1.e", ".5", "5.", "+3", "٣", "½", "\uff11\uff12", "9" * 5000,
)  # fmt: skip
"""Numbers, and words that look like numbers, that break careless code."""

WORDS = (
    "", "~", "null", "true", "no", "[]", "{}", "''", '""', "[1, 2]", "{a: 1}", "[[[[]]]]", "- 1", "? 1", "&a 1", "*a",
    "<<", "<<: *a", "!!python/object/apply:os.system ['true']", "!!python/name:os.system", "!!binary aGk=", "!!int 3",
    "!!set {a}", "!include /etc/passwd", "|", ">", "|+", "%YAML 1.1", "---", "...", "#", ": ", "::", ",", "2001-01-01",
    "/etc/passwd", "../../escape", "~root/x", "CON", "a\x00b", "\ufeff", "\u202e", "\u2028", "é", "日本", "\U0001f600",
    "x" * 3000, "{" * 200, "[" * 200, "\x1b[31m", "\r", "\t", "%s%n", "${HOME}", "$(id)", "`id`", "..", ".", "a=b", "64KiB",
    "-1KiB", "1e300GiB", "0B", "9" * 400 + "KiB",
)  # fmt: skip
"""Words that mean something to YAML, to paths, to terminals or to shells."""

_TOKEN = re.compile(r"[A-Za-z_][\w.-]*|[-+]?\d[\w.+-]*|\s+|.", re.DOTALL)


def text(example: str, rng: random.Random, changes: int = 0) -> str:
    """Return `example` with one to four changes (or `changes`) to its lines, tokens or letters."""
    for _ in range(changes or rng.choice((1, 1, 1, 2, 2, 4))):
        example = rng.choice(_TEXTS)(example, rng)
    return example


def data(example: bytes, rng: random.Random, changes: int = 0) -> bytes:
    """Return `example` with some of its bytes flipped, set, cut out, doubled or put in."""
    found = bytearray(example)
    for _ in range(changes or rng.choice((1, 1, 2, 4, 8))):
        place = rng.randrange(len(found) + 1)
        length = min(rng.choice((1, 1, 2, 4, 16, 64)), len(found) - place)
        kind = rng.randrange(7)
        if kind == 0 and place < len(found):
            found[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and place < len(found):
            found[place] = rng.choice((0, 255, 10, 13, 32, 127, 128, rng.randrange(256)))
        elif kind == 2:
            del found[place : place + length]
        elif kind == 3:
            found[place:place] = found[place : place + length] * rng.choice((1, 2, 50))
        elif kind == 4:
            found[place:place] = rng.randbytes(rng.choice((1, 2, 8)))
        elif kind == 5:
            del found[place:]
        else:
            found[place:place] = rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\r\n", b"\xc3\x28", b"\x85"))
    return bytes(found)


def cases(examples: Sequence[str], count: int, seed: int) -> Iterator[str]:
    """Yield `count` changed examples, the same for the same seed."""
    rng = random.Random(seed)
    for _ in range(count):
        yield text(rng.choice(examples), rng)


def _lines(example: str, rng: random.Random) -> str:
    lines = example.splitlines(keepends=True) or [""]
    here, there = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(6)
    if kind == 0:
        del lines[here]
    elif kind == 1:
        lines.insert(there, lines[here])
    elif kind == 2:
        lines[here], lines[there] = lines[there], lines[here]
    elif kind == 3:
        lines[here] = rng.choice((" ", "  ", "\t", "- ", "? ", "&a ", "<<: ")) + lines[here]
    elif kind == 4:
        lines[here] = lines[here].lstrip()
    else:
        lines.insert(here, f"{rng.choice(WORDS)}{rng.choice((': ', ':', '', ' = '))}{rng.choice((*NUMBERS, *WORDS))}\n")
    return "".join(lines)


def _value(example: str, rng: random.Random) -> str:
    """Put another value where a line has one."""
    lines = example.splitlines(keepends=True)
    places = [i for i, line in enumerate(lines) if re.match(r"\s*[\w.-]+:\s*\S", line)]
    if not places:
        return _token(example, rng)
    here = rng.choice(places)
    key = lines[here].partition(":")[0]
    lines[here] = f"{key}: {rng.choice((*NUMBERS, *WORDS))}\n"
    return "".join(lines)


def _token(example: str, rng: random.Random) -> str:
    tokens = _TOKEN.findall(example) or [""]
    here = rng.randrange(len(tokens))
    kind = rng.randrange(5)
    if kind == 0:
        tokens[here] = rng.choice(NUMBERS)
    elif kind == 1:
        tokens[here] = rng.choice(WORDS)
    elif kind == 2:
        tokens[here] = tokens[rng.randrange(len(tokens))]
    elif kind == 3:
        tokens[here] = ""
    else:
        tokens[here] *= rng.choice((2, 3, 100))
    return "".join(tokens)


def _letter(example: str, rng: random.Random) -> str:
    here = rng.randrange(len(example) + 1)
    new = rng.choice(("", chr(rng.randrange(128)), chr(rng.choice((0x80, 0xA0, 0xFEFF, 0x2028, 0x1F600, 0xD7FF)))))
    return example[:here] + new + example[here + rng.randrange(2) :]


_TEXTS: tuple[Callable[[str, random.Random], str], ...] = (_lines, _value, _value, _token, _token, _letter)
