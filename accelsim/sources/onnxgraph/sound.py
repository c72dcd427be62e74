"""What an ONNX file must keep to before anything is made of it, in sizes, names and order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from accelsim.errors import InputError, shortened
from accelsim.sources.onnxgraph.ranks import badly_placed

HINT = "export or copy it again"

_BITS = {
    "FLOAT": 32, "UINT8": 8, "INT8": 8, "UINT16": 16, "INT16": 16, "INT32": 32, "INT64": 64, "BOOL": 8, "FLOAT16": 16,
    "DOUBLE": 64, "UINT32": 32, "UINT64": 64, "COMPLEX64": 64, "COMPLEX128": 128, "BFLOAT16": 16, "UINT4": 4, "INT4": 4,
}  # fmt: skip
_TYPED = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")

MOST_OPERATORS = 1_000_000
"""Operators of a model; functions that call one another twice each are 2 to the power of their number."""
_DEEPEST = 200

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1, "DynamicQuantizeLSTM": 4}


def refuse_unsound(proto: Any, path: Path) -> None:
    """Raise InputError for constants that hold fewer values than they say, names given twice, and operators out of order."""
    graph = proto.graph
    if not all(isinstance(name, str) for name in _names(graph)):  # protobuf gives bytes where they are no UTF-8
        raise InputError(f"{path}: is damaged (a name that is no text)", HINT)
    for tensor in graph.initializer:
        if problem := _constant(tensor):
            raise InputError(f"{path}: is damaged ({problem})", HINT)
    if problem := _order(graph) or badly_placed(graph):
        raise InputError(f"{path}: is damaged ({problem})", HINT)


def refuse_functions(proto: Any, path: Path) -> None:
    """Raise InputError for local functions that call themselves, or that are far too many operators when written out."""
    bodies = {(function.domain, function.name): function.node for function in proto.functions}
    counts: dict[tuple[str, str], int] = {}
    open_: list[tuple[str, str]] = []

    def count(nodes: Iterable[Any], depth: int) -> int:
        total = 0
        for node in nodes:
            called = node.domain, node.op_type
            if called in bodies and called not in counts:
                if called in open_ or depth > _DEEPEST:
                    raise InputError(f"{path}: is damaged (function {_told(node.op_type)} calls itself)", HINT)
                open_.append(called)
                counts[called] = count(bodies[called], depth + 1)
                open_.pop()
            total += counts.get(called, 1)
        return total

    if count(proto.graph.node, 0) > MOST_OPERATORS:
        raise InputError(f"{path}: its functions written out are more than {MOST_OPERATORS} operators", HINT)


def refuse_recurrent(proto: Any, fed: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """Raise InputError for recurrent operators whose weights do not fit together: the runtime would read beyond them.

    fed: shapes of the model's inputs on a sample.
    """
    nodes = [node for node in proto.graph.node if node.op_type in GATES]
    shapes = _shapes(proto, fed) if nodes else {}
    for node in nodes:
        x, w, r, b = (shapes.get(node.input[place]) if place < len(node.input) else None for place in range(4))
        if x is not None and (len(x) != 3 or 0 in x):
            raise InputError(
                f"{path}: {node.op_type} {_told(node.name)} reads a tensor of shape {x}", "a sequence has steps"
            )
        hidden = next((a.i for a in node.attribute if a.name == "hidden_size"), 0)
        two = any(a.name == "direction" and a.s == b"bidirectional" for a in node.attribute)
        filters, directions = hidden * GATES[node.op_type], 2 if two else 1
        size = x[2] if x is not None else w[-1] if w is not None and len(w) == 3 else 0
        wanted = (directions, filters, size), (directions, filters, hidden), (directions, 2 * filters)
        if node.op_type == "DynamicQuantizeLSTM":
            size = x[2] if x is not None else w[1] if w is not None and len(w) == 3 else 0
            wanted = (directions, size, filters), (directions, hidden, filters), (directions, 2 * filters)
        for what, found, expected in zip(("weights", "weights of the state", "bias"), (w, r, b), wanted, strict=True):
            if found is not None and found != expected:
                told = f"{node.op_type} {_told(node.name)}: {what} of shape {found}, expected {expected}"
                raise InputError(f"{path}: is damaged ({told})", HINT)


def _names(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield from (node.op_type, node.name, node.domain, *node.input, *node.output, *(a.name for a in node.attribute))
    for tensor in graph.initializer:
        yield from (tensor.name, *(text for entry in tensor.external_data for text in (entry.key, entry.value)))
    for item in (*graph.input, *graph.output):
        yield from (item.name, *(dim.dim_param for dim in item.type.tensor_type.shape.dim))


def _constant(tensor: Any) -> str:
    """Return what is wrong with the size of a constant, "" when nothing is."""
    from onnx import TensorProto

    shape = list(tensor.dims)
    if shape and min(shape) < 0:
        return f"constant {_told(tensor.name)} of shape {shape[:8]}"
    if tensor.data_location == TensorProto.EXTERNAL:
        return ""
    names = {number: name for name, number in TensorProto.DataType.items()}
    bits = _BITS.get(names.get(tensor.data_type, ""), 8)
    there = (
        len(tensor.raw_data) if tensor.HasField("raw_data") else sum(len(getattr(tensor, name)) for name in _TYPED) * 8
    )
    if math.prod(shape) * min(bits, 8) > there * 8:  # a typed field holds two numbers of 4 bits at most
        return f"constant {_told(tensor.name)} of shape {shape[:8]} has {there} bytes of values"
    known = names.get(tensor.data_type) in _BITS and bits != 4
    if known and tensor.HasField("raw_data") and math.prod(shape) * bits != there * 8:
        return f"constant {_told(tensor.name)} of shape {shape[:8]} has {there} bytes of values"
    return ""


def _order(graph: Any) -> str:
    """Return what is wrong with the order of operators and the names of their results, "" when nothing is."""
    given = {tensor.name for tensor in graph.initializer} | {item.name for item in graph.input}
    given |= {tensor.values.name for tensor in graph.sparse_initializer}
    made: set[str] = set()
    for node in graph.node:
        if not node.output:
            return f"operator {node.op_type} {_told(node.name)} gives nothing"
        for name in filter(None, node.input):
            if name not in given and name not in made:
                return f"operator {node.op_type} {_told(node.name)} reads {_told(name)}, which nothing gives before it"
        for name in filter(None, node.output):
            if name in made or name in given:
                return f"{_told(name)} is given twice"
            made.add(name)
    return ""


def _shapes(proto: Any, fed: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of tensors as far as they are known when the inputs have the shapes `fed`."""
    import onnx

    found = {tensor.name: tuple(tensor.dims) for tensor in proto.graph.initializer}
    fixed = onnx.ModelProto(ir_version=proto.ir_version, opset_import=proto.opset_import)
    fixed.graph.node.extend(proto.graph.node)
    fixed.graph.input.extend(proto.graph.input)
    fixed.graph.output.extend(proto.graph.output)
    for tensor in proto.graph.initializer:  # of large ones the shape is enough
        if math.prod(tensor.dims) <= 1024:
            fixed.graph.initializer.add().CopyFrom(tensor)
        elif all(item.name != tensor.name for item in proto.graph.input):
            fixed.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    for item in fixed.graph.input:
        if item.name in fed:
            del item.type.tensor_type.shape.dim[:]
            for size in fed[item.name]:
                item.type.tensor_type.shape.dim.add(dim_value=size)
    try:
        inferred = onnx.shape_inference.infer_shapes(fixed).graph
    except Exception:  # not every operator is known to it; then nothing more is known
        return {**found, **fed}
    for item in (*inferred.value_info, *inferred.output):
        sizes = [dim.dim_value if dim.HasField("dim_value") else -1 for dim in item.type.tensor_type.shape.dim]
        if item.type.tensor_type.HasField("shape") and min(sizes, default=0) >= 0:
            found[item.name] = tuple(sizes)
    return {**found, **fed}


def external_files(tensors: Iterable[Any], path: Path) -> list[Path]:
    """Return the files beside the model at `path` that hold values of `tensors`.

    Raises InputError for one that is missing, is no file or stands outside the model's folder.
    """
    from onnx.external_data_helper import uses_external_data

    names: dict[str, None] = {}
    for tensor in tensors:
        if uses_external_data(tensor):
            given = [entry.value for entry in tensor.external_data if entry.key == "location"]
            if not given:
                raise InputError(f"{path}: is damaged (constant {_told(tensor.name)} stands in no file)", HINT)
            names.update(dict.fromkeys(given))
    folder = path.parent.resolve()
    return [_beside(folder, name, path) for name in sorted(names)]


def _beside(folder: Path, name: str, path: Path) -> Path:
    try:
        file = folder / name
        inside, there = file.resolve().is_relative_to(folder), file.is_file()
    except (ValueError, OSError, RuntimeError):  # a name that no file can have
        inside, there = True, False
    if not inside:
        raise InputError(f"{path}: keeps values in {file}, outside its own folder", "refused")
    if not there:
        raise InputError(f"{path}: keeps values in {_told(name)}, which is missing", "copy all of the model's files")
    return file


def _told(name: str) -> str:
    return repr(shortened(name))
