"""Bad TFLite models: bytes changed, and flatbuffers that are well formed and say anything."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.quantize import Quantization
from accelsim.sources.tflite import TFLite
from accelsim.zoo.tflite_builder import Builder
from tests.fuzz import binary_mutations
from tests.fuzz.families import Case, taken

NUMBERS = (0, 1, -1, 2, 3, 7, 127, 128, 255, 2**15, 2**31 - 1, -(2**31), 2**20)


def _codes(*shape: int) -> Any:
    return (np.arange(int(np.prod(shape))) % 13 - 6).astype(np.int8).reshape(shape)


def convolutions(path: Path) -> bytes:
    """Return a quantised model of a convolution, a depthwise one, a PAD and a classifier."""
    found = Builder()
    x = found.tensor("x", [1, 4, 4, 2], "INT8", (0.05, -3))
    w = found.constant("a/Conv2D", _codes(3, 3, 3, 2), (np.full(3, 0.01), np.zeros(3), 0))
    b = found.constant("b", np.zeros(3, np.int32), (np.full(3, 0.0005), np.zeros(3), 0))
    y = found.tensor("y", [1, 4, 4, 3], "INT8", (0.1, 0))
    common = {"strideH": 1, "strideW": 1, "padding": 0, "dilationHFactor": 1, "dilationWFactor": 1}
    found.operator("CONV_2D", [x, w, b], [y], "Conv2DOptions", **common)
    found.version(3)
    padded = found.tensor("p", [1, 6, 6, 3], "INT8", (0.1, 0))
    found.operator(
        "PAD",
        [y, found.constant("around", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))],
        [padded],
        "PadOptions",
    )
    d = found.constant("d/depthwise", _codes(1, 3, 3, 3), (np.full(3, 0.01), np.zeros(3), 3))
    z = found.tensor("z", [1, 4, 4, 3], "INT8", (0.2, 4))
    b2 = found.constant("b2", np.zeros(3, np.int32), (np.full(3, 0.001), np.zeros(3), 0))
    found.operator(
        "DEPTHWISE_CONV_2D",
        [padded, d, b2],
        [z],
        "DepthwiseConv2DOptions",
        depthMultiplier=1,
        **{**common, "padding": 1},
    )
    found.version(3)
    f = found.constant("f/MatMul", _codes(2, 48), (0.01, 0))
    out = found.tensor("out", [1, 2], "INT8", (3.0, 2))
    found.operator(
        "FULLY_CONNECTED",
        [z, f, found.constant("b3", np.zeros(2, np.int32), (0.002, 0))],
        [out],
        "FullyConnectedOptions",
    )
    found.version(4)
    return found.save(path, [x], [out]).read_bytes()


def real(path: Path) -> bytes:
    """Return a model of real numbers: two products of activations with a softmax between, and hybrid weights."""
    found = Builder()
    x = found.tensor("x", [1, 3, 4], free=[-1, 3, 4])
    q = found.tensor("q", [1, 3, 3])
    found.operator("BATCH_MATMUL", [x, x], [q], "BatchMatMulOptions", adjX=False, adjY=True)
    s = found.tensor("s", [1, 3, 3])
    found.operator("SOFTMAX", [q], [s], "SoftmaxOptions", beta=1.0)
    v = found.tensor("v", [1, 3, 4])
    found.operator("BATCH_MATMUL", [s, x], [v], "BatchMatMulOptions")
    w = found.constant("f/MatMul", _codes(2, 4), (0.01, 0))
    out = found.tensor("out", [3, 2])
    found.operator("FULLY_CONNECTED", [v, w, -1], [out], "FullyConnectedOptions", asymmetricQuantizeInputs=True)
    found.version(9)
    t = found.tensor("t", [1, 2, 2, 1])
    w2 = found.constant("t/w", np.ones((1, 2, 2, 4), np.float32))
    ends = [found.constant("n", np.array([1, 2, 2, 1], np.int32)), w2, _four(found, v)]
    found.operator("TRANSPOSE_CONV", ends, [t], "TransposeConvOptions", strideH=2, strideW=2, padding=0)
    return found.save(path, [x], [out, t]).read_bytes()


def _four(found: Builder, x: int) -> int:
    y = found.tensor("four", [1, 1, 1, 4])
    part = found.tensor("part", [1, 1, 4])
    begin, size = (found.constant(name, np.array(v, np.int32)) for name, v in (("o", [0, 0, 0]), ("l", [1, 1, 4])))
    found.operator("SLICE", [x, begin, size], [part], "SliceOptions")
    found.operator("RESHAPE", [part, found.constant("r", np.array([1, 1, 1, 4], np.int32))], [y], "ReshapeOptions")
    return y


def lstm(path: Path) -> bytes:
    """Return a model of one LSTM."""
    found = Builder()
    x, hidden = found.tensor("x", [1, 2, 3]), 2
    w = [found.constant(f"w{i}", np.full((hidden, 3), 0.1 * i, np.float32)) for i in range(4)]
    r = [found.constant(f"r{i}", np.full((hidden, hidden), 0.1, np.float32)) for i in range(4)]
    b = [found.constant(f"b{i}", np.zeros(hidden, np.float32)) for i in range(4)]
    states = [found.tensor(name, [1, hidden], variable=True) for name in ("h", "c")]
    out = found.tensor("out", [1, 2, hidden])
    inputs = [x, *w, *r, -1, -1, -1, *b, -1, -1, *states, -1, -1, -1, -1]
    found.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [out], "UnidirectionalSequenceLSTMOptions", fusedActivationFunction=4
    )
    return found.save(path, [x], [out]).read_bytes()


def _examples(folder: Path) -> list[bytes]:
    return [make(folder / "seed.tflite") for make in (convolutions, real, lstm)]


def _capture(path: Path, rng: random.Random) -> Any:
    source = TFLite(model=str(path)).quantizing(Quantization())
    source.fingerprint()
    return taken(source.layers(1), path.parent, rng)


def tflite_bytes(folder: Path) -> Case:
    """Bytes of models changed."""
    seeds = _examples(folder)

    def one(rng: random.Random) -> Any:
        path = folder / "m.tflite"
        change = rng.choice((binary_mutations.flipped, binary_mutations.data))
        path.write_bytes(change(rng.choice(seeds), rng))
        return _capture(path, rng)

    return one


def tflite_structures(folder: Path) -> Case:
    """Well-formed models in which fields, lists and values are changed."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    seeds = _examples(folder)

    def one(rng: random.Random) -> Any:
        path = folder / "m.tflite"
        while True:
            model = schema.ModelT.InitFromPackedBuf(rng.choice(seeds), 0)
            for _ in range(rng.choice((1, 1, 2, 3))):
                change(model, rng)
            try:
                builder = flatbuffers.Builder(1024)
                builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
            except Exception:  # what no file can hold
                continue
            path.write_bytes(bytes(builder.Output()))
            return _capture(path, rng)

    return one


def change(thing: Any, rng: random.Random) -> None:
    """Change one field, somewhere below `thing`, an object of flatbuffers' object interface."""
    while vars(thing):
        name = rng.choice(sorted(vars(thing)))
        value = getattr(thing, name)
        if isinstance(value, list) and value and hasattr(value[0], "Pack") and rng.random() < 0.85:
            thing = rng.choice(value)
        elif hasattr(value, "Pack") and rng.random() < 0.85:
            thing = value
        else:
            setattr(thing, name, _other(value, rng))
            return


def _other(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | np.integer):
        return rng.choice((*NUMBERS, int(value) + 1, int(value) - 1))
    if isinstance(value, float):
        return rng.choice((0.0, -1.0, float("nan"), float("inf"), 1e-30, 1e30))
    if isinstance(value, bytes | str):
        return rng.choice(("", "../../escape", "/etc/x", "a" * 5000, "a\nb", "\x1b[31m", b"\xff\xfe", b"a\x00b"))
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        found = list(value)
        kind, place = rng.randrange(5), rng.randrange(len(found) + 1)
        if kind == 0:
            return found[:place]
        if kind == 1:
            return found + found[:place]
        if kind == 2:
            return [] if rng.random() < 0.5 else None
        if found and place < len(found):
            if kind == 3:
                del found[place]
            elif isinstance(found[place], int | float):
                found[place] = _other(found[place], rng)
            else:
                found.insert(place, rng.choice(found))
        return found
    return rng.choice((None, [0], [rng.choice(NUMBERS)], [1.0], 0, 1))
