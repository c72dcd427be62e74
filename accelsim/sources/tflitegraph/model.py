"""A TFLite model: its operators and tensors, and an interpreter that keeps every tensor of a run."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import InputError, first_line
from accelsim.sources.graphs.feeds import Asked, Feed
from accelsim.sources.graphs.graph import Node
from accelsim.sources.graphs.values import Array, Format, Values
from accelsim.sources.tflitegraph.sound import refuse_unsound

_KINDS = {
    "FLOAT32": "f4", "FLOAT16": "f2", "FLOAT64": "f8", "INT8": "i1", "UINT8": "u1", "INT16": "i2", "UINT16": "u2",
    "INT32": "i4", "UINT32": "u4", "INT64": "i8", "UINT64": "u8", "BOOL": "?", "INT4": "i1",
}  # fmt: skip
"""NumPy type of the types of TFLite's schema that hold numbers; codes of 4 bits are unpacked."""

_CODES = ("INT4", "INT8", "UINT8", "INT16")


@dataclass(frozen=True)
class Tensor:
    """A tensor of the model. index: in the file, which is what the runtime calls it too.

    fixed: its value is in the file. format: of its codes, None for real numbers and for plain integers. per_channel:
    whether the file gives several scales. refusal: why its values cannot be taken, "" when they can.
    """

    index: int
    name: str
    kind: str
    shape: tuple[int, ...]
    fixed: bool
    variable: bool
    format: Format | None
    per_channel: bool = False
    refusal: str = ""


@dataclass(frozen=True)
class Model:
    """A parsed model and the interpreter that runs it."""

    path: Path
    proto: Any
    interpreter: Any

    @classmethod
    def read(cls, path: Path) -> Model:
        """Load the file at `path`. Raises InputError when it is no TFLite model or holds operators the runtime lacks."""
        from ai_edge_litert import schema_py_generated as schema
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        body = path.read_bytes()
        refuse_unsound(body, path)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about the memory that keeping every tensor takes
                interpreter = Interpreter(
                    model_content=body,
                    experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                    experimental_preserve_all_tensors=True,
                )
        except Exception as error:  # the runtime raises many kinds
            hint = "convert or copy it again"
            raise InputError(f"{path}: is no TFLite model, or is truncated ({first_line(error)})", hint) from None
        proto = schema.ModelT.InitFromPackedBuf(body, 0)
        model = cls(path, proto, interpreter)
        try:
            interpreter.allocate_tensors()
        except Exception as error:
            custom = model.custom
            if custom:
                hint = "convert the model with operators of TFLite alone"
                raise InputError(
                    f"{path}: uses custom operators that the TFLite runtime does not have: {', '.join(custom)}", hint
                ) from None
            raise InputError(f"{path}: the TFLite runtime cannot load it: {first_line(error)}") from None
        return model

    @cached_property
    def custom(self) -> list[str]:
        """The names of the custom operators (and of TensorFlow's own) that the model runs."""
        used = {operator.opcodeIndex for graph in self.proto.subgraphs for operator in graph.operators}
        codes = [self.proto.operatorCodes[place].customCode for place in sorted(used)]
        return sorted({code.decode() if isinstance(code, bytes) else str(code) for code in codes if code})

    @cached_property
    def nodes(self) -> list[Node]:
        """Every operator of the main graph, in the order they run; tensors are named by their index."""
        return [self._node(place, operator) for place, operator in enumerate(self._graph.operators)]

    @cached_property
    def bodies(self) -> list[str]:
        """The names of the operators of the other graphs, which loops and branches run."""
        return [self._operator(o) for graph in self.proto.subgraphs[1:] for o in graph.operators]

    @cached_property
    def tensors(self) -> list[Tensor]:
        """Every tensor of the main graph."""
        return [self._tensor(place, tensor) for place, tensor in enumerate(self._graph.tensors)]

    @cached_property
    def asked(self) -> list[Asked]:
        """What the model is fed. Raises InputError for an input that is no tensor of numbers."""
        found = []
        for place in map(int, _numbers(self._graph.inputs)):
            tensor, packed = self.tensors[place], self._graph.tensors[place]
            if tensor.kind not in _KINDS:
                raise InputError(f"{self.path}: input {tensor.name} is of type {tensor.kind}", "not supported")
            free = packed.shapeSignature if packed.shapeSignature is not None else packed.shape
            shape = tuple(None if size < 0 else int(size) for size in ([] if free is None else free))
            found.append(Asked(label(tensor.name), shape, np.dtype(_KINDS[tensor.kind]), tensor.format))
        return found

    def constant(self, place: int) -> Array:
        """Return a value of the file: codes of 4 bits unpacked, all others as the runtime gives them."""
        tensor = self.tensors[place]
        if tensor.kind != "INT4":
            return np.asarray(self.interpreter.get_tensor(place))
        data = self.proto.buffers[self._graph.tensors[place].buffer].data
        packed = np.asarray(data, np.uint8)
        halves = np.stack([packed & 15, packed >> 4], axis=-1).reshape(-1)[: int(np.prod(tensor.shape))]
        return ((halves ^ 8).astype(np.int8) - 8).reshape(tensor.shape)

    def scale(self, place: int) -> float:
        """Return the one scale of a tensor of plain integers, 0 where it has none or several."""
        details = self._graph.tensors[place].quantization
        scales = _numbers(details.scale) if details is not None else np.zeros(0)
        return float(scales[0]) if scales.size == 1 else 0.0

    def run(self, feed: Feed, sample: int, keep_states: bool) -> Run:
        """Run one sample; keep_states: recurrent layers go on from where the last sample left them.

        Raises InputError when the run fails.
        """
        fed = {label(self.tensors[place].name): int(place) for place in _numbers(self._graph.inputs)}
        try:
            for name, array in feed.items():
                if tuple(self.interpreter.tensor(fed[name])().shape) != array.shape:
                    self.interpreter.resize_tensor_input(fed[name], array.shape)
                    self.interpreter.allocate_tensors()
            if not keep_states:
                self.interpreter.reset_all_variables()
            for name, array in feed.items():
                self.interpreter.set_tensor(fed[name], array)
            states = {t.index: np.array(self.interpreter.get_tensor(t.index)) for t in self.tensors if t.variable}
            self.interpreter.invoke()
        except Exception as error:
            raise InputError(f"{self.path}: fails on sample {sample}: {first_line(error)}") from None
        return Run(self, states)

    @property
    def _graph(self) -> Any:
        return self.proto.subgraphs[0]

    def _node(self, place: int, operator: Any) -> Node:
        inputs = tuple("" if index < 0 else str(index) for index in _numbers(operator.inputs))
        outputs = tuple(str(index) for index in _numbers(operator.outputs))
        options = dict(vars(operator.builtinOptions)) if operator.builtinOptions is not None else {}
        between = tuple(str(index) for index in _numbers(operator.intermediates))
        name = self._graph.tensors[int(outputs[0])].name if outputs else b""
        attributes = {**options, "intermediates": between}
        return Node(place, self._operator(operator), _text(name), inputs, outputs, attributes)

    def _operator(self, operator: Any) -> str:
        from ai_edge_litert import schema_py_generated as schema

        code = self.proto.operatorCodes[operator.opcodeIndex]
        if code.customCode:
            return _text(code.customCode)
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        return next((n for n, v in vars(schema.BuiltinOperator).items() if v == number), f"operator {number}")

    def _tensor(self, place: int, tensor: Any) -> Tensor:
        from ai_edge_litert import schema_py_generated as schema

        kind = next(name for name, number in vars(schema.TensorType).items() if number == tensor.type)
        buffer = self.proto.buffers[tensor.buffer]
        fixed = not tensor.isVariable and (_numbers(buffer.data).size > 0 or bool(getattr(buffer, "offset", 0)))
        form, refusal = _format(tensor, kind)
        if tensor.sparsity is not None:
            refusal = "values stored sparsely"
        shape = tuple(int(size) for size in _numbers(tensor.shape))
        several = tensor.quantization is not None and _numbers(tensor.quantization.scale).size > 1
        name, variable = _text(tensor.name), bool(tensor.isVariable)
        return Tensor(place, name, kind, shape, fixed, variable, form, several, refusal)


@dataclass(frozen=True)
class Run:
    """The tensors of one run. states: variables as they were before it."""

    model: Model
    states: dict[int, Array]

    def array(self, name: str) -> Array:
        """Return the values of a tensor."""
        tensor = self.model.tensors[int(name)]
        return self.model.constant(tensor.index) if tensor.fixed else np.array(self._get(tensor.index))

    def values(self, name: str) -> Values:
        """Return a tensor with its format. Raises ValueError when its values cannot be taken."""
        tensor = self.model.tensors[int(name)]
        if tensor.refusal:
            raise ValueError(tensor.refusal)
        return Values(self.array(name), tensor.format)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor on this run."""
        tensor = self.model.tensors[int(name)]
        return tensor.shape if tensor.fixed else tuple(self._get(tensor.index).shape)

    def _get(self, place: int) -> Array:
        found: Array = self.model.interpreter.get_tensor(place)
        return found


def label(name: str) -> str:
    """Return the name of an input without what TensorFlow's exporter adds to it.

    >>> label("serving_default_fixed_input:0")
    'fixed_input'
    """
    return re.sub(r":\d+$", "", name.removeprefix("serving_default_"))


def _format(tensor: Any, kind: str) -> tuple[Format | None, str]:
    """Return the format of a tensor's codes, and why it has none that can be used."""
    details = tensor.quantization
    if details is None or kind not in _CODES:
        return None, ""
    scales, zeros = _numbers(details.scale), _numbers(details.zeroPoint)
    if details.details is not None:
        return None, "scales per block of values"
    if not scales.size or not np.any(scales):
        return None, ""
    bits = 4 if kind == "INT4" else None
    axis = int(details.quantizedDimension) if scales.size > 1 else None
    zeros = zeros if zeros.size else np.zeros(1, np.int64)
    if scales.size > 1 and np.unique(scales).size == np.unique(zeros).size == 1:
        scales, zeros, axis = scales[:1], zeros[:1], None  # one scale written once per channel
    return Format.make(np.dtype(_KINDS[kind]), scales, zeros, axis, bits), ""


def _numbers(values: Any) -> Array:
    return np.zeros(0, np.int64) if values is None else np.asarray(values)


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
