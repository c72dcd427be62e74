"""What a TFLite file must keep to before the runtime sees it, which takes much of a well-formed file on trust."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import InputError, first_line

MOST_TABLES = 1_000_000
"""Tensors, operators and buffers of a file; the runtime's own check of the form stops there too."""

LARGEST_BYTES = 1 << 36
"""Bytes of one tensor; no machine that runs the model holds more."""

_BITS = {
    "FLOAT32": 32, "FLOAT16": 16, "FLOAT64": 64, "INT8": 8, "UINT8": 8, "INT16": 16, "UINT16": 16, "INT32": 32,
    "UINT32": 32, "INT64": 64, "UINT64": 64, "BOOL": 8, "INT4": 4, "COMPLEX64": 64, "COMPLEX128": 128,
}  # fmt: skip


class _Unsound(ValueError):
    pass


def refuse_unsound(body: bytes, path: Path) -> None:
    """Raise InputError for a file whose numbers of tensors, buffers or operators lead nowhere, or sizes contradict."""
    from ai_edge_litert import schema_py_generated as schema

    if body[4:8] != b"TFL3":
        raise InputError(f"{path}: is no TFLite model, or is truncated", "convert or copy it again")
    try:
        _model(schema.Model.GetRootAs(body, 0), len(body), schema)
    except _Unsound as error:
        raise InputError(f"{path}: is damaged ({error})", "convert or copy it again") from None
    except Exception as error:  # offsets beyond the end of the file
        reason = first_line(error, 100)
        raise InputError(
            f"{path}: is no TFLite model, or is truncated ({reason})", "convert or copy it again"
        ) from None


def _model(model: Any, size_bytes: int, schema: Any) -> None:
    graphs, codes, buffers = model.SubgraphsLength(), model.OperatorCodesLength(), model.BuffersLength()
    _require(graphs > 0, "it holds no graph")
    tables = codes + buffers + graphs
    sizes = []
    for place in range(_few(buffers)):
        buffer = model.Buffers(place)
        length, start, far = buffer.DataLength(), buffer.Offset(), buffer.Size()
        _require(far == 0 or start + far <= size_bytes, f"buffer {place} lies beyond the end of the file")
        sizes.append(length or (far if start > 1 else 0))
    for place in range(_few(codes)):
        _code(model.OperatorCodes(place), place, schema)
    names = {number: name for name, number in vars(schema.TensorType).items() if not name.startswith("_")}
    for place in range(_few(graphs)):
        graph = model.Subgraphs(place)
        tables += graph.TensorsLength() + graph.OperatorsLength()
        _few(tables)
        _graph(graph, sizes, codes, names)


def _code(code: Any, place: int, schema: Any) -> None:
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    _require(number != schema.BuiltinOperator.CUSTOM or bool(code.CustomCode()), f"custom operator {place} has no name")


def _graph(graph: Any, sizes: list[int], codes: int, names: dict[int, str]) -> None:
    count = graph.TensorsLength()
    for place in range(count):
        _tensor(graph.Tensors(place), f"tensor {place}", sizes, names)
    ends = ("inputs", graph.InputsAsNumpy(), False), ("outputs", graph.OutputsAsNumpy(), False)
    for what, numbers, optional in ends:
        _places(numbers, count, f"the graph's {what}", optional)
    _require(graph.OutputsLength() > 0 and graph.OperatorsLength() > 0, "it computes nothing")
    for place in range(graph.OperatorsLength()):
        operator = graph.Operators(place)
        where = f"operator {place}"
        _require(operator.OpcodeIndex() < codes, f"{where} is of a kind that the file does not list")
        _places(operator.InputsAsNumpy(), count, f"{where}: inputs", True)
        _places(operator.OutputsAsNumpy(), count, f"{where}: outputs", False)
        _places(operator.IntermediatesAsNumpy(), count, f"{where}: intermediate tensors", True)
        _require(operator.OutputsLength() > 0, f"{where} gives nothing")


def _tensor(tensor: Any, where: str, sizes: list[int], names: dict[int, str]) -> None:
    _require(tensor.Type() in names, f"{where} is of an unknown type")
    _require(tensor.Buffer() < len(sizes), f"{where} has no buffer")
    shape = [int(size) for size in _array(tensor.ShapeAsNumpy())]
    _require(not shape or min(shape) >= 0, f"{where} has shape {_told(shape)}")
    bits = _BITS.get(names[tensor.Type()], 8)
    size, there = -(-math.prod(shape) * bits // 8), sizes[tensor.Buffer()]
    _require(size <= LARGEST_BYTES, f"{where} of shape {_told(shape)} would have {size} bytes")
    if there and tensor.Sparsity() is None and names[tensor.Type()] in _BITS:
        _require(there == size, f"{where} of shape {_told(shape)} has {there} bytes of values, expected {size}")
    details = tensor.Quantization()
    if details is not None:
        _quantised(details, shape, where)


def _quantised(details: Any, shape: list[int], where: str) -> None:
    scales, zeros = _array(details.ScaleAsNumpy()), _array(details.ZeroPointAsNumpy())
    if not scales.size:
        return
    _require(
        bool(np.all(np.isfinite(scales)) and np.all(scales >= 0)), f"{where} has a scale that is no positive number"
    )
    _require(not zeros.size or int(np.abs(zeros).max()) <= 1 << 16, f"{where} has a zero point beyond its codes")
    _require(zeros.size in (0, 1, scales.size), f"{where} has {scales.size} scales and {zeros.size} zero points")
    if scales.size > 1:
        axis = details.QuantizedDimension()
        _require(0 <= axis < len(shape), f"{where} has scales along axis {axis} of shape {_told(shape)}")
        _require(
            shape[axis] == scales.size, f"{where} of shape {_told(shape)} has {scales.size} scales along axis {axis}"
        )


def _places(numbers: Any, count: int, what: str, optional: bool) -> None:
    found = _array(numbers)
    least = -1 if optional else 0
    if found.size:
        _require(least <= int(found.min()) and int(found.max()) < count, f"{what} are tensors that it does not hold")


def _array(numbers: Any) -> Any:
    """Return a vector of numbers; where there is none, flatbuffers gives 0."""
    return numbers if isinstance(numbers, np.ndarray) else np.zeros(0, np.int64)


def _few(count: int) -> int:
    _require(count <= MOST_TABLES, f"{count} tables")
    return count


def _require(sound: bool, problem: str) -> None:
    if not sound:
        raise _Unsound(problem)


def _told(shape: list[int]) -> str:
    return "x".join(map(str, shape[:6])) + ("..." if len(shape) > 6 else "") or "()"
