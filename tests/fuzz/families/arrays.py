"""Bad .npy and .npz files where a workload gives inputs, and labels."""

from __future__ import annotations

import io
import pickle
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.sources.inputs.items import find
from accelsim.sources.inputs.reading import Taken, numbers
from accelsim.sources.inputs.spec import Inputs
from accelsim.sources.sharing.tasks import read_labels
from tests.fuzz import binary_mutations
from tests.fuzz.families import Case

EXAMPLES = (
    np.arange(24, dtype=np.float32).reshape(2, 3, 4), np.asfortranarray(np.arange(12, dtype=">i2").reshape(3, 4)),
    np.zeros((2, 5), bool), np.zeros((0, 3)), np.arange(6, dtype=np.float16), np.array(3.0), np.ones((2, 3), np.complex64),
    np.zeros(3, [("a", "<f4"), ("b", "i1")]), np.array(["one", "two"]), np.ones((1, 8, 8, 3), np.uint8),
    np.array(["2020-01-01"], "M8[D]"), np.ones((2, 2), np.longdouble),
)  # fmt: skip


class Canary:
    """An object whose pickle, when it is loaded, makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


def npy(array: Any, version: tuple[int, int] | None = None) -> bytes:
    """Return an array as the bytes of an .npy file; objects are pickled."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), version, allow_pickle=True)
    return buffer.getvalue()


def header(descr: str, shape: str, order: str = "False", version: int = 1, body: bytes = b"") -> bytes:
    """Return an .npy file with whatever header."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text) + 1)
    return b"\x93NUMPY" + bytes((version, 0)) + length + text + b"\n" + body


DESCRS = (
    "'<f4'", "'>f8'", "'|O'", "'O'", "'|V1000000'", "'|b1'", "'<U4'", "'<f2'", "'<f16'", "'<M8[s]'", "'|S0'", "'<U0'", "'|V0'",
    "[('a', '<f4', (1000000000,))]", "[('a', '|O')]", "'<i8'", "'<u8'", "'<c16'", "None", "3", "'xyz'", "'<f4' * 9999",
    "['<f4']", "[('a', '<f4'), ('a', '<f4')]", "{}", "'(1000000,1000000)f8'", "('<f4', (99999999999,))", "__import__('os')",
    "'i4,f8'", "'<i1'", "'uint8'", "'|i1'", "'|u1'",
)  # fmt: skip
SHAPES = (
    "(3,)", "(2, 3)", "()", "(0,)", "(2**40,)", "(1152921504606846976,)", "(4611686018427387904, 4)", "(-1,)", "(3, -4)",
    "(True, 2)", "(1.5,)", "(1000000000000, 0)", "(0, 1000000000000)", "[2, 3]", "3", "None", "('a',)", "(" + "1, " * 40 + ")",
    "(99999999999999999999999999,)", "(1,) * 9", "(" * 300 + ")" * 300, "(2, 2)", "(65536, 65536, 65536, 65536)", "(1, 3, 4)",
)  # fmt: skip


def _any_header(rng: random.Random) -> bytes:
    order = rng.choice(("False", "True", "False", "1", "None", "'no'", "[]"))
    body = rng.randbytes(rng.choice((0, 1, 24, 96, 1000)))
    return header(rng.choice(DESCRS), rng.choice(SHAPES), order, rng.choice((1, 1, 1, 2, 3, 4, 0)), body)


def _use(path: Path, rng: random.Random) -> Any:
    """Find and read the inputs of a file as a source does."""
    inputs = Inputs(files=[str(path)], array=rng.choice((None, None, "a", "", "../a")))
    items = find(inputs, path.parent)
    assert len(items) < 10_000_000
    return numbers(items[:4], inputs, Taken("numbers", anything=True))


def arrays(folder: Path) -> Case:
    """Bytes of .npy files changed."""
    seeds = [npy(array) for array in EXAMPLES] + [npy(np.ones(3, np.int8), (2, 0)), npy(np.ones(3), (3, 0))]
    seeds.append(npy(np.array([Canary(folder / "canary")], object)))

    def one(rng: random.Random) -> Any:
        path = folder / "x.npy"
        path.write_bytes(binary_mutations.data(rng.choice(seeds), rng, seeds))
        found = _use(path, rng)
        assert not (folder / "canary").exists()
        return found

    return one


def array_headers(folder: Path) -> Case:
    """Headers of .npy files that say anything."""

    def one(rng: random.Random) -> Any:
        path = folder / "x.npy"
        path.write_bytes(_any_header(rng))
        return _use(path, rng)

    return one


def archives(folder: Path) -> Case:
    """Archives of arrays: bytes changed, entries with strange names, many times larger inside, or holding objects."""
    canary = npy(np.array([Canary(folder / "canary")], object))
    bomb = npy(np.zeros((4, 1 << 23), np.int8))
    packed = _archive([("a.npy", bomb)], zipfile.ZIP_DEFLATED)
    liar = _archive([("a.npy", header("'|i1'", "(9000000000,)", body=b"12345"))], zipfile.ZIP_STORED)
    names = ("a", "../escape", "/etc/x", "a/b", "", ".", "a\x00b", "é", "a" * 300)

    def entry(rng: random.Random) -> tuple[str, bytes]:
        body = rng.choice(
            (npy(rng.choice(EXAMPLES)), _any_header(rng), canary, b"", pickle.dumps(Canary(folder / "canary")))
        )
        return rng.choice(names) + rng.choice((".npy", ".npy", ".npy", ".txt", "")), body

    seeds = [_archive([("a.npy", npy(EXAMPLES[0])), ("b.npy", npy(EXAMPLES[0]))], kind) for kind in (0, 8, 12, 14)]

    def one(rng: random.Random) -> Any:
        kind = rng.randrange(4)
        if kind == 0:
            data = _archive([entry(rng) for _ in range(rng.randint(0, 3))], rng.choice((0, 8, 8, 12, 14)))
        elif kind == 1 and rng.random() < 0.05:
            data = rng.choice((packed, liar))
        else:
            data = binary_mutations.data(rng.choice(seeds), rng, seeds)
        path = folder / "x.npz"
        path.write_bytes(data)
        found = _use(path, rng)
        assert not (folder / "canary").exists()
        return found

    return one


def labels(folder: Path) -> Case:
    """Files of labels, .npy and .txt."""
    arrays_ = [
        npy(np.arange(4)),
        npy(np.array([Canary(folder / "canary")] * 4, object)),
        npy(np.array(3)),
        npy(np.ones(4)),
    ]
    texts = [b"1\n2\n3\n4\n", b"", b"1 2 3\n", b"99999999999999999999\n1\n2\n3\n", b"1.5\n", b"\x00\n", b"# no\n"]

    def one(rng: random.Random) -> Any:
        npy_ = rng.random() < 0.5
        path = folder / ("labels.npy" if npy_ else "labels.txt")
        data = rng.choice(arrays_ if npy_ else texts)
        path.write_bytes(_any_header(rng) if npy_ and rng.random() < 0.3 else binary_mutations.data(data, rng, texts))
        found = read_labels(path, 4)
        assert not (folder / "canary").exists()
        return found

    return one


def _archive(entries: list[tuple[str, bytes]], kind: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, body in entries:
            archive.writestr(zipfile.ZipInfo(name or "x"), body, kind)
    return buffer.getvalue()
