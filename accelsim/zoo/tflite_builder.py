"""Build small TFLite files from the schema that comes with the runtime (`accelsim[tflite]`); no TensorFlow."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

Quantization = tuple[Any, Any] | tuple[Any, Any, int]
"""Scales, zero points and, for several, the axis that they belong to."""


class Builder:
    """Collect tensors and operators, then `save` them as a model."""

    def __init__(self) -> None:
        schema: Any = import_module("ai_edge_litert.schema_py_generated")
        self._schema = schema
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.buffers = [schema.BufferT()]
        self._model.operatorCodes = []
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._model.subgraphs = [self._graph]

    def tensor(
        self, name: str, shape: Any, kind: str = "FLOAT32", quantization: Quantization | None = None,
        data: Any = None, variable: bool = False, free: Any = None,
    ) -> int:  # fmt: skip
        """Add a tensor and return its index; data: its value when it is a constant; free: shape with -1 for free sizes."""
        found = self._schema.TensorT()
        found.name, found.shape, found.isVariable = name, [int(s) for s in shape], variable
        found.shapeSignature = free
        found.type = getattr(self._schema.TensorType, kind)
        found.buffer = 0
        if quantization is not None:
            found.quantization = self._schema.QuantizationParametersT()
            scales, zeros = (np.atleast_1d(value) for value in quantization[:2])
            found.quantization.scale = [float(scale) for scale in scales]
            found.quantization.zeroPoint = [int(zero) for zero in zeros]
            found.quantization.quantizedDimension = quantization[2] if len(quantization) > 2 else 0
        if data is not None:
            buffer = self._schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self._model.buffers.append(buffer)
            found.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(found)
        return len(self._graph.tensors) - 1

    def constant(self, name: str, data: Any, quantization: Quantization | None = None) -> int:
        """Add a constant of the type of `data`."""
        kind = {
            "f4": "FLOAT32",
            "i1": "INT8",
            "u1": "UINT8",
            "i2": "INT16",
            "i4": "INT32",
            "i8": "INT64",
            "f2": "FLOAT16",
        }
        array = np.asarray(data)
        return self.tensor(name, array.shape, kind[array.dtype.str[1:]], quantization, array)

    def data(self, name: str) -> bytes:
        """Return the bytes of a constant."""
        (tensor,) = [tensor for tensor in self._graph.tensors if tensor.name == name]
        return bytes(self._model.buffers[tensor.buffer].data)

    def operator(
        self,
        operator: str,
        inputs: list[int],
        outputs: list[int],
        options: str = "",
        between: Any = None,
        **values: Any,
    ) -> None:
        """Add an operator; options: name of its options table, `values` its fields. A lower-case name is custom."""
        code = self._schema.OperatorCodeT()
        if operator.isupper() or "_" in operator:
            code.builtinCode = getattr(self._schema.BuiltinOperator, operator)
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        else:
            code.builtinCode, code.deprecatedBuiltinCode, code.customCode = 32, 32, operator
        code.version = 1
        self._model.operatorCodes.append(code)
        found = self._schema.OperatorT()
        found.opcodeIndex = len(self._model.operatorCodes) - 1
        found.inputs, found.outputs, found.intermediates = inputs, outputs, between
        if options:
            found.builtinOptionsType = getattr(self._schema.BuiltinOptions, options)
            found.builtinOptions = getattr(self._schema, f"{options}T")()
            for name, value in values.items():
                setattr(found.builtinOptions, name, value)
        self._graph.operators.append(found)

    def version(self, number: int) -> None:
        """Set the version of the operator added last."""
        self._model.operatorCodes[-1].version = number

    def save(self, path: Path, inputs: list[int], outputs: list[int]) -> Path:
        """Write the model."""
        flatbuffers: Any = import_module("flatbuffers")
        self._graph.inputs, self._graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), file_identifier=b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path
