"""Bad folders of arrays as DNNsim reads them: files missing, contradicting each other, changed."""

from __future__ import annotations

import io
import random
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.sources.npy import Npy
from tests.fuzz import binary_mutations, mutations
from tests.fuzz.families import Case, taken
from tests.fuzz.families.arrays import Canary, _any_header, npy

MODEL = "conv1,conv,1,1\nfc,fc,1,0\n"
PRECISION = "title\n4;5\n2;1\n3;2\n4;2\n"


def _good() -> dict[str, bytes]:
    values = np.random.default_rng(0)
    return {
        "model.csv": MODEL.encode(),
        "precision.txt": PRECISION.encode(),
        "act-conv1-0.npy": npy(values.integers(0, 8, (2, 3, 5, 5)).astype(np.float32)),
        "wgt-conv1.npy": npy(values.integers(-3, 4, (4, 3, 3, 3)).astype(np.float32)),
        "act-fc-0.npy": npy(values.integers(0, 8, (2, 4, 2, 2)).astype(np.float32)),
        "wgt-fc.npy": npy(values.integers(-3, 4, (5, 16)).astype(np.float32)),
    }


def _array(rng: random.Random, canary: bytes) -> bytes:
    kind = rng.randrange(8)
    if kind == 0:
        return canary
    if kind == 1:
        return _any_header(rng)
    shape = tuple(rng.choice((0, 1, 2, 3, 4, 5, 16)) for _ in range(rng.choice((1, 2, 3, 4, 4, 5))))
    if kind == 2:
        shape = rng.choice(((2, 3, 5, 5), (4, 3, 3, 3), (2, 4, 2, 2), (5, 16), (2, 7, 16)))
    dtype = rng.choice(("f4", "f8", "i1", "u1", ">i2", "f2", "i8", "u8", "?", "c8", "f16", "U3"))
    array = np.zeros(shape, dtype)
    if kind == 3 and array.size and array.dtype.kind == "f":
        array.reshape(-1)[0] = rng.choice((np.nan, np.inf, -np.inf, 1e38, 1e-45, 65504, -0.0, 0.5))
    elif array.dtype.kind in "iuf":
        array = (np.arange(array.size) % 7 * rng.choice((1, 1, -1, 0.25, 1e30, 40000))).astype(np.float64)
        with np.errstate(all="ignore"):
            array = array.reshape(shape).astype(dtype)
    return npy(np.asfortranarray(array) if rng.random() < 0.2 else array)


def _text(example: str, rng: random.Random) -> bytes:
    return mutations.text(example, rng).encode("utf-8", "surrogatepass")


def npy_folders(folder: Path) -> Case:
    """A folder of arrays, or its trace.npz, with one to three things wrong."""
    good = _good()
    canary = npy(np.array([Canary(folder / "canary")], object))
    names = [*good, "act-conv1-1.npy", "act-fc-1.npy", "wgt-..-x.npy", "wgt-other.npy", "act-conv1-00.npy", "trace.npz"]

    def one(rng: random.Random) -> Any:
        place = folder / "net"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        files = dict(good)
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            name, kind = rng.choice(names), rng.randrange(4)
            if name == "model.csv":
                files[name] = _text(MODEL, rng)
            elif name == "precision.txt":
                files[name] = _text(PRECISION, rng)
            elif kind == 0:
                files.pop(name, None)
            elif kind == 1 and name in files:
                files[name] = binary_mutations.data(files[name], rng, list(good.values()))
            else:
                files[name] = _array(rng, canary)
        if rng.random() < 0.3:
            files = _packed(files, rng)
        for name, body in files.items():
            (place / name).write_bytes(body)
        bits = rng.choice((16, 16, 8, 4, 2))
        source = Npy(folder=str(place), values=rng.choice(("auto", "codes", "real")), bits=bits)
        source.fingerprint()
        layers = taken(source.layers(min(source.available(), 3)), folder, rng)
        assert not (folder / "canary").exists()
        return layers

    return one


def _packed(files: dict[str, bytes], rng: random.Random) -> dict[str, bytes]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", rng.choice((0, 8))) as archive:
        for name, body in files.items():
            if name.endswith(".npy"):
                archive.writestr(name, body)
    body = buffer.getvalue()
    if rng.random() < 0.3:
        body = binary_mutations.data(body, rng, [body])
    return {**{name: body for name, body in files.items() if not name.endswith(".npy")}, "trace.npz": body}
