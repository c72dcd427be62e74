"""Bad ONNX models: bytes changed, and protobufs that are well formed and say anything."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from accelsim.quantize import Quantization
from accelsim.sources.onnx import Onnx
from tests.fuzz import binary_mutations
from tests.fuzz.families import Case, taken

NUMBERS = (0, 1, -1, 2, 3, 7, 127, 2**31, 2**40, 2**60, 2**63 - 1, -(2**63))
NAMES = ("", "x", "y", "a", "w", "w_q", "../../escape", "/etc/x", "a" * 5000, "a\nb", "\x1b[31m", "é", "nobody")
LOCATIONS = (
    "../secret.bin",
    "/etc/hostname",
    "secret.bin",
    "",
    ".",
    "m.onnx",
    "a\x00b",
    "../" * 40 + "etc/passwd",
    "folder",
)
OPERATORS = (
    "Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "LSTM", "GRU", "RNN", "QLinearConv", "QLinearMatMul", "ConvInteger",
    "MatMulInteger", "DequantizeLinear", "QuantizeLinear", "DynamicQuantizeLinear", "Relu", "Add", "Reshape", "Transpose",
    "Identity", "Cast", "Mul", "Constant", "ConstantOfShape", "Expand", "Tile", "Loop", "If", "Scan", "Softmax", "DeformConv",
    "Nothing", "QGemm", "FusedMatMul", "DynamicQuantizeLSTM", "Attention", "RandomNormal", "Split", "DFT",
)  # fmt: skip


def _node(operator: str, inputs: str, outputs: str, name: str = "", **attributes: Any) -> Any:
    return helper.make_node(operator, inputs.split(), outputs.split(), name, **attributes)


def _model(nodes: list[Any], constants: dict[str, Any], shape: list[Any], outputs: str = "y") -> Any:
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    found = [helper.make_empty_tensor_value_info(name) for name in outputs.split()]
    kept = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(helper.make_graph(nodes, "g", inputs, found, kept), opset_imports=opsets, ir_version=8)


def _floats(*shape: int) -> Any:
    return ((np.arange(int(np.prod(shape))) % 11 - 5) / 10).astype(np.float32).reshape(shape)


def real() -> Any:
    """Return a convolution, an attention, a classifier and a transposed convolution."""
    constants = {
        "w": _floats(3, 2, 3, 3), "b": _floats(3), "t": _floats(3, 2, 2, 2), "rows": np.array([0, 3, -1], np.int64),
        "m": _floats(16, 4), "g": _floats(2, 12), "c": _floats(2),
    }  # fmt: skip
    nodes = [
        _node("Conv", "x w b", "a", "/a/Conv", pads=[1, 1, 1, 1]),
        _node("Relu", "a", "r", "/r"),
        _node("ConvTranspose", "r t", "u", "/u", strides=[2, 2]),
        _node("Reshape", "r rows", "f", "/f"),
        _node("MatMul", "f m", "h", "/h/MatMul"),
        _node("Transpose", "h", "ht", "/t", perm=[0, 2, 1]),
        _node("MatMul", "h ht", "s", "/s/MatMul"),
        _node("Softmax", "s", "p", "/p", axis=-1),
        _node("Einsum", "p h", "e", "/e", equation="bij,bjk->bik"),
        _node("Flatten", "e", "v", "/v"),
        _node("Gemm", "v g c", "y", "/y/Gemm", transB=1),
    ]
    return _model(nodes, constants, ["n", 2, 4, 4], "y u")


def quantised() -> Any:
    """Return codes in three forms: QDQ, QLinear and integer with dynamic scales."""
    constants = {
        "s": np.float32(0.05), "z": np.uint8(3), "w_q": np.arange(-9, 9).astype(np.int8).reshape(1, 2, 3, 3),
        "ws": np.array([0.01], np.float32), "wz": np.array([0], np.int8), "m_q": np.arange(8).astype(np.uint8).reshape(4, 2),
        "ms": np.array([0.01, 0.02], np.float32), "mz": np.array([1, 2], np.uint8), "one": np.float32(0.1),
        "k": np.arange(6).astype(np.int8).reshape(2, 3),
    }  # fmt: skip
    nodes = [
        _node("QuantizeLinear", "x s z", "xq", "q0"),
        _node("DequantizeLinear", "xq s z", "xd", "d0"),
        _node("DequantizeLinear", "w_q ws wz", "wd", "d1", axis=0),
        _node("Conv", "xd wd", "a", "/conv/Conv", pads=[1, 1, 1, 1]),
        _node("QuantizeLinear", "a s z", "aq", "q1"),
        _node("QLinearMatMul", "aq s z m_q ms mz s z", "b", "/l/MatMul"),
        _node("DequantizeLinear", "b s z", "bd", "d2"),
        _node("DynamicQuantizeLinear", "bd", "dq ds dz", "dyn"),
        _node("MatMulInteger", "dq k dz", "i", "/i/MatMul"),
        _node("Cast", "i", "c", "cast", to=1),
        _node("Mul", "ds one", "f", "mul0"),
        _node("Mul", "c f", "y", "mul1"),
    ]
    return _model(nodes, constants, [1, 2, 4, 4])


def recurrent() -> Any:
    """Return an LSTM and a GRU that resets before its product."""
    constants = {
        "w": _floats(1, 8, 3), "r": _floats(1, 8, 2), "b": _floats(1, 16), "w2": _floats(2, 6, 2), "r2": _floats(2, 6, 2),
        "axes": np.array([1], np.int64),
    }  # fmt: skip
    nodes = [
        _node("LSTM", "x w r b", "h", "/lstm", hidden_size=2),
        _node("Squeeze", "h axes", "q", "/q"),
        _node("GRU", "q w2 r2", "y", "/gru", hidden_size=2, direction="bidirectional"),
    ]
    return _model(nodes, constants, [2, 1, 3])


def _capture(path: Path, rng: random.Random) -> Any:
    source = Onnx(model=str(path), sizes={"n": 1}).quantizing(Quantization())
    source.fingerprint()
    return taken(source.layers(1), path.parent, rng)


def onnx_bytes(folder: Path) -> Case:
    """Bytes of models changed."""
    seeds = [make().SerializeToString() for make in (real, quantised, recurrent)]

    def one(rng: random.Random) -> Any:
        path = folder / "m.onnx"
        change = rng.choice((binary_mutations.flipped, binary_mutations.data))
        path.write_bytes(change(rng.choice(seeds), rng))
        return _capture(path, rng)

    return one


def onnx_structures(folder: Path) -> Case:
    """Well-formed models in which fields, lists, names and values are changed."""
    makers = (real, quantised, recurrent)
    secret = np.full(200, 12345.0, np.float32)
    (folder / "secret.bin").write_bytes(secret.tobytes())
    inner = folder / "inner"
    (inner / "folder").mkdir(parents=True)
    (inner / "secret.bin").write_bytes(np.zeros(100, np.float32).tobytes())

    def one(rng: random.Random) -> Any:
        model = rng.choice(makers)()
        for _ in range(rng.choice((1, 1, 2, 3))):
            rng.choice(_CHANGES)(model, rng)
        path = inner / "m.onnx"
        path.write_bytes(model.SerializeToString())
        layers = _capture(path, rng)
        for layer in layers:
            assert 12345.0 not in layer.weight.values(), "values of a file outside the model's folder"
        return layers

    return one


def _anywhere(model: Any, rng: random.Random) -> None:
    """Change a field somewhere in the model, by protobuf's own description of it."""
    thing = model
    while True:
        fields = [field for field, _ in thing.ListFields()] if rng.random() < 0.9 else list(thing.DESCRIPTOR.fields)
        if not fields:
            return
        field = rng.choice(fields)
        value = getattr(thing, field.name)
        repeated = not isinstance(value, bool | int | float | str | bytes) and hasattr(value, "append")
        if field.message_type is not None:
            if repeated and len(value) and rng.random() < 0.8:
                thing = rng.choice(value)
            elif repeated:
                _repeated(value, rng)
                return
            elif rng.random() < 0.9:
                thing = value
            else:
                thing.ClearField(field.name)
                return
            continue
        try:
            if repeated:
                _repeated(value, rng)
            else:
                setattr(thing, field.name, _scalar(value, rng))
        except (ValueError, TypeError):  # what the field cannot hold
            continue
        return


def _repeated(value: Any, rng: random.Random) -> None:
    kind = rng.randrange(4)
    if kind == 0 and len(value):
        del value[rng.randrange(len(value))]
    elif kind == 1 and len(value):
        value.append(rng.choice(value))
    elif kind == 2:
        del value[:]
    elif len(value) and isinstance(value[0], int | float | str | bytes):
        value[rng.randrange(len(value))] = _scalar(value[0], rng)


def _scalar(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bytes):
        return rng.choice((b"", b"\xff\xfe", value[: len(value) // 2], value * 2, b"SAME_UPPER", b"reverse"))
    if isinstance(value, str):
        return rng.choice((*NAMES, *OPERATORS))
    if isinstance(value, float):
        return rng.choice((0.0, -1.0, float("nan"), float("inf"), 1e30))
    return rng.choice((*NUMBERS, value + 1, value - 1)) if abs(value) < 2**31 else 1


def _operator(model: Any, rng: random.Random) -> None:
    if model.graph.node:
        rng.choice(model.graph.node).op_type = rng.choice(OPERATORS)


def _wire(model: Any, rng: random.Random) -> None:
    """Connect an operator with any tensor: cycles, names given twice, names nobody gives."""
    names = [name for node in model.graph.node for name in (*node.input, *node.output)] + list(NAMES)
    if not model.graph.node:
        return
    node = rng.choice(model.graph.node)
    ends = node.input if rng.random() < 0.6 and len(node.input) else node.output
    if len(ends):
        ends[rng.randrange(len(ends))] = rng.choice(names)


def _order(model: Any, rng: random.Random) -> None:
    nodes = list(model.graph.node)
    rng.shuffle(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _attribute(model: Any, rng: random.Random) -> None:
    if not model.graph.node:
        return
    node = rng.choice(model.graph.node)
    names = ("axis", "perm", "group", "strides", "pads", "dilations", "auto_pad", "hidden_size", "direction", "transB", "to",
             "equation", "kernel_shape", "block_size", "activations", "layout", "output_padding", "output_shape", "value")  # fmt: skip
    values = (0, 1, -1, 7, 2**40, 1.5, "SAME_LOWER", "", [0, 0], [1], [-1, 2, 2**40], [1.5], ["Relu"], "bij,bj->bi",
              numpy_helper.from_array(np.zeros(2, np.float32), "v"))  # fmt: skip
    name = rng.choice(names)
    for known in list(node.attribute):
        if known.name == name:
            node.attribute.remove(known)
    node.attribute.append(helper.make_attribute(name, rng.choice(values)))


def _constant(model: Any, rng: random.Random) -> None:
    if not model.graph.initializer:
        return
    tensor = rng.choice(model.graph.initializer)
    kind = rng.randrange(6)
    if kind == 0:
        del tensor.dims[:]
        tensor.dims.extend(rng.choice(NUMBERS) for _ in range(rng.randrange(5)))
    elif kind == 1:
        tensor.data_type = rng.randrange(30)
    elif kind == 2:
        tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data) + 1)]
    elif kind == 3:
        model.graph.initializer.remove(tensor)
    elif kind == 4:
        odd = rng.choice((np.nan, np.inf, 0.0, -1.0, 1e38))
        tensor.CopyFrom(numpy_helper.from_array(np.full(tuple(tensor.dims), odd, np.float32), tensor.name))
    else:
        shape = tuple(rng.choice((0, 1, 2, 3, 4)) for _ in range(rng.randrange(5)))
        kind = rng.choice((np.float32, np.int8, np.uint8, np.int64, np.float64, np.float16, bool))
        tensor.CopyFrom(numpy_helper.from_array(np.zeros(shape, kind), tensor.name))


def _outside(model: Any, rng: random.Random) -> None:
    """Keep the values of a constant in another file."""
    if not model.graph.initializer:
        return
    tensor = rng.choice(model.graph.initializer)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    offset, length = rng.choice((0, 4, -1, 2**40, 2**63, "x")), rng.choice((4, 72, 0, -1, 2**60))
    entries = {"location": rng.choice(LOCATIONS), "offset": str(offset), "length": str(length)}
    for key in rng.sample(sorted(entries), rng.randrange(4)) + ["location"] * (rng.random() < 0.7):
        tensor.external_data.add(key=key, value=entries[key])


def _input(model: Any, rng: random.Random) -> None:
    if not model.graph.input:
        return
    item = rng.choice(model.graph.input)
    tensor = item.type.tensor_type
    if rng.random() < 0.5 and len(tensor.shape.dim):
        dim = rng.choice(tensor.shape.dim)
        dim.dim_value = rng.choice(NUMBERS)
    elif rng.random() < 0.5:
        tensor.elem_type = rng.randrange(30)
    else:
        thing, name = rng.choice(((tensor, "shape"), (tensor, "elem_type"), (item.type, "tensor_type")))
        thing.ClearField(name)


_CHANGES = (_anywhere, _anywhere, _anywhere, _operator, _wire, _wire, _order, _attribute, _constant, _outside, _input)
