"""Bad bundles: bytes changed, and manifests and codes that contradict each other with digests that are right."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import BundleError
from accelsim.files.tensors import encoded, mapped
from accelsim.formats.catalogue import number_format
from accelsim.formats.patterns import to_format
from accelsim.layer import LayerShape, Operand
from accelsim.trace import LayerRecord, Trace, TraceWriter, layer_entry, operand_arrays, operand_entry
from accelsim.trace.manifest import digest_of
from tests.fuzz import binary_mutations
from tests.fuzz.families import Case

SHAPES = (
    LayerShape("conv", 1, 1, 3, 2, 4, 4, 3, 3, 4, 4, (1, 1), (1, 1, 1, 1)), LayerShape("linear", 2, 1, 3, 4, 1, 1, 1, 1, 1, 1),
    LayerShape("matmul", 2, 2, 3, 4, 1, 1, 1, 1, 1, 1),
)  # fmt: skip
NUMBERS = (
    0,
    1,
    -1,
    2,
    3,
    16,
    17,
    32,
    2**31,
    2**40,
    2**63,
    -(2**63),
    10**30,
    0.5,
    1e308,
    True,
    None,
    "x",
    "",
    [],
    {},
    [1],
    "1",
)
NAMES = (
    "../../escape",
    "/etc/passwd",
    "layers/../../x",
    "",
    "a\x00b",
    "manifest.json",
    "layers/none.safetensors",
    "\\\\x",
    "a" * 3000,
)


def write(target: Path) -> Path:
    """Write a bundle of three layers on two samples, one in blocks of an MX format."""
    values = np.random.default_rng(0)

    def operand(shape: tuple[int, ...], place: int) -> Operand:
        if place == 1:
            return Operand.of(to_format(values.normal(size=shape).astype(np.float32), number_format("mxfp8_e4m3"), 1))
        codes = values.integers(-100, 100, shape).astype(np.int8)
        return (
            Operand(codes, 8, True, np.full(shape[0], 0.1), np.zeros(shape[0], np.int64), 0, 6)
            if place
            else Operand(codes, 8)
        )

    entries = []
    with TraceWriter(target, replace=True) as writer:
        for place, shape in enumerate(SHAPES):
            operands = {
                role: operand(getattr(shape, f"{role}_shape"), place if role == "weight" else 0)
                for role in ("activation", "weight", "output")
            }
            fixed = shape.kind != "matmul"
            weight = writer.add(f"{place}-w", operand_arrays("weight", operands["weight"])) if fixed else None
            others = [role for role in operands if not (fixed and role == "weight")]
            arrays = {key: array for role in others for key, array in operand_arrays(role, operands[role]).items()}
            files = tuple(writer.add(f"{place}-{sample}", arrays) for sample in range(2))
            parameters = {role: operand_entry(operand) for role, operand in operands.items()}
            entries.append(layer_entry(LayerRecord(place, f"layer{place}", (shape, shape), parameters, weight, files)))
        return writer.finish({"key": "k", "name": "fuzz", "samples": 2, "layers": entries, "warnings": ["w"]})


def _use(path: Path) -> Any:
    trace = Trace(path)
    layers = list(trace)
    said = (repr(trace), trace.warnings, [repr(layer) for layer in layers])
    for layer in layers:
        assert np.isfinite(layer.weight.values()).all()
    return said


def bundle_bytes(folder: Path) -> Case:
    """A byte anywhere in a bundle changed, or a file of it cut, emptied, gone, or another one."""
    good = write(folder / "good")
    files = sorted(path.relative_to(good) for path in good.rglob("*") if path.is_file())

    def one(rng: random.Random) -> Any:
        bad = folder / "bad"
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(good, bad)
        name = rng.choice(files)
        data = (good / name).read_bytes()
        kind = rng.randrange(4)
        if kind == 0:
            (bad / name).unlink()
        elif kind == 1:
            (bad / name).write_bytes((good / rng.choice(files)).read_bytes())
        else:
            change = rng.choice((binary_mutations.flipped, binary_mutations.data))
            (bad / name).write_bytes(change(data, rng))
        return _use(bad)

    return one


def bundle_claims(folder: Path) -> Case:
    """Manifests that say anything, with a digest that is right; files that are other arrays than they say."""
    good = write(folder / "good")
    manifest = json.loads((good / "manifest.json").read_text(encoding="utf-8"))
    outside = folder / "escape"
    outside.write_bytes(b"not of the bundle")

    def one(rng: random.Random) -> Any:
        bad = folder / "bad"
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(good, bad)
        body = copy.deepcopy(manifest)
        body.pop("digest")
        for _ in range(rng.choice((1, 1, 2, 3))):
            if rng.random() < 0.35:
                _other_file(bad, body, rng)
            else:
                _change(body, rng)
        try:
            text = json.dumps({**body, "digest": digest_of(body)})
        except (TypeError, ValueError):
            text = "{}"
        (bad / "manifest.json").write_text(text, encoding="utf-8", errors="replace")
        return _use(bad)

    return one


def _change(thing: Any, rng: random.Random) -> None:
    """Change something in JSON-like data, most often deep inside."""
    while True:
        places = sorted(thing) if isinstance(thing, dict) else list(range(len(thing)))
        if not places:
            return
        place = rng.choice(places)
        inside = thing[place]
        if isinstance(inside, dict | list) and inside and rng.random() < 0.9:
            thing = inside
            continue
        kind = rng.randrange(6)
        if kind == 0:
            del thing[place]
        elif kind == 1 and isinstance(thing, list):
            thing.insert(place, copy.deepcopy(inside))
        elif kind == 2 and isinstance(thing, dict):
            thing[rng.choice((*NAMES, "axis", "scale", "format", "varying", "made"))] = thing.pop(place)
        elif isinstance(inside, str):
            thing[place] = rng.choice((*NAMES, *NUMBERS, "conv", "linear", "matmul", "recurrent", "bf16", "mxfp4"))
        elif isinstance(inside, int) and not isinstance(inside, bool) and rng.random() < 0.5:
            thing[place] = inside + rng.choice((1, -1, 8))
        else:
            thing[place] = rng.choice((*NUMBERS, float("nan"), [0.1] * 3, [[]], {"maker": "os", "recipe": {}}))
        return


def _other_file(bad: Path, body: dict[str, Any], rng: random.Random) -> None:
    """Put other arrays into a file of the bundle and say so in the manifest."""
    name = rng.choice(sorted(body.get("files") or {"x": 0}))
    path = bad / name
    if not path.is_file() or not isinstance(body["files"].get(name), dict):
        return
    try:
        with path.open("rb") as file:
            arrays = {key: np.array(array) for key, array in mapped(file).items()}
    except ValueError:  # changed before
        return
    if not arrays:
        return
    key = rng.choice(sorted(arrays))
    kind = rng.randrange(5)
    if kind == 0:
        del arrays[key]
    elif kind == 1:
        arrays[key] = arrays[key].astype(rng.choice((np.int8, np.uint8, np.int16, np.uint16, np.int32, np.float64)))
    elif kind == 2:
        arrays[key] = np.zeros(
            rng.choice(((), (0,), (1, 1, 1, 1), (3, 2, 3, 3), (2, 4, 1, 1), (9, 9))), arrays[key].dtype
        )
    elif kind == 3:
        arrays[rng.choice(("weight", "activation", "output", "weight.scales", "weight.scale"))] = arrays.pop(key)
    else:
        odd = rng.choice((-128, 127, -1)) if arrays[key].dtype.kind == "i" else 255
        arrays[key] = np.full_like(arrays[key], odd)
    data = b"".join(bytes(part) for part in encoded(arrays)) if rng.random() < 0.8 else rng.randbytes(40)
    if rng.random() < 0.2:
        data = binary_mutations.data(data, rng)
    path.write_bytes(data)
    body["files"][name] = {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def tensor_files(folder: Path) -> Case:
    """Files of codes changed, read without their digest."""
    good = [
        b"".join(bytes(part) for part in encoded({"a": np.arange(6, dtype=np.int16), "b": np.ones((2, 3), np.uint8)}))
    ]
    kinds = ("I8", "U8", "I16", "U16", "I32", "F64", "O", "", None, 3)
    shapes = ([6], [2, 3], [], [0], [-6], [2**62, 4], [6.0], "6", None, [2**63, 0], [[6]])
    ends = ([0, 6], [0, 12], [6, 0], [-6, 0], [0, 2**63], [0], None, ["0", "6"], [0, 6, 6], [1, 7], [0.0, 6.0])

    def one(rng: random.Random) -> Any:
        path = folder / "x.safetensors"
        if rng.random() < 0.5:
            entry = {"dtype": rng.choice(kinds), "shape": rng.choice(shapes), "data_offsets": rng.choice(ends)}
            text = json.dumps(rng.choice(({"a": entry}, {"a": entry}, {"a": entry}, [entry], entry, {"a": 3}))).encode()
            length = len(text) if rng.random() < 0.8 else rng.choice(binary_mutations.LENGTHS) % 2**64
            data = length.to_bytes(8, "little") + text + bytes(rng.choice((6, 12, 5, 0)))
        else:
            data = binary_mutations.data(good[0], rng, good)
        path.write_bytes(data)
        with path.open("rb") as file:
            try:
                return {name: array.sum() for name, array in mapped(file).items()}
            except ValueError as error:  # what the bundle makes one line of
                raise BundleError(str(error)) from None

    return one
