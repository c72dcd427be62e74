"""An ONNX model: its operators, constants and inputs, and a session that gives any tensor of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import InputError, first_line, shortened
from accelsim.sources.graphs.feeds import Asked, Feed
from accelsim.sources.graphs.graph import Node
from accelsim.sources.graphs.values import Array
from accelsim.sources.onnxgraph import sound

RECURRENT = tuple(sound.GATES)


@dataclass(frozen=True)
class Model:
    """A parsed model. proto: with local functions inlined and the states of recurrent operators named."""

    path: Path
    proto: Any

    @classmethod
    def read(cls, path: Path) -> Model:
        """Parse the file at `path`; values kept beside it stay there. Raises InputError when it is no ONNX model."""
        import onnx

        try:
            proto = onnx.load_model(str(path), load_external_data=False)
        except Exception as error:  # protobuf has a kind of its own
            hint = "export or copy it again"
            raise InputError(f"{path}: is no ONNX model, or is truncated ({_line(error)})", hint) from None
        if not proto.HasField("graph") or not proto.graph.node:
            raise InputError(f"{path}: is no ONNX model, or is truncated (it holds no operators)")
        if proto.functions:
            from onnx.inliner import inline_local_functions

            sound.refuse_functions(proto, path)
            try:
                proto = inline_local_functions(proto)
            except Exception as error:  # the library has kinds of its own
                raise InputError(f"{path}: is damaged ({_line(error)})", sound.HINT) from None
        sound.refuse_unsound(proto, path)
        for number, node in enumerate(proto.graph.node):
            if node.op_type in RECURRENT and (not node.output or not node.output[0]):
                node.output[:] = [f"accelsim.states.{number}", *node.output[1:]]
        return cls(path, proto)

    @cached_property
    def nodes(self) -> list[Node]:
        """Every operator, in the order they run."""
        return [
            Node(
                index,
                node.op_type,
                node.name,
                tuple(node.input),
                tuple(node.output),
                {attribute.name: _value(attribute) for attribute in node.attribute},
            )
            for index, node in enumerate(self.proto.graph.node)
        ]

    @cached_property
    def constants(self) -> dict[str, Any]:
        """The initializers and constants by name, as TensorProto."""
        found = {tensor.name: tensor for tensor in self.proto.graph.initializer}
        for node in self.nodes:
            if node.operator == "Constant" and "value" in node.attributes:
                found[node.outputs[0]] = node.attributes["value"]
        return found

    @cached_property
    def sparse(self) -> set[str]:
        """The names of initializers that are stored sparsely; the session gives their values."""
        return {tensor.values.name for tensor in self.proto.graph.sparse_initializer}

    def constant(self, name: str) -> Array:
        """Return the value of a constant; codes of 4 bits come as 8-bit integers. Raises InputError if it cannot be read."""
        from onnx import numpy_helper

        tensor = self.constants[name]
        try:
            array: Array = numpy_helper.to_array(tensor, base_dir=str(self.path.parent))
        except Exception as error:  # the library raises what its readers raise
            raise InputError(f"{self.path}: the values of {name} cannot be read ({_line(error)})") from None
        return array.astype(np.int8 if "uint" not in str(array.dtype) else np.uint8) if width(tensor) == 4 else array

    @cached_property
    def asked(self) -> list[Asked]:
        """What the model is fed. Raises InputError for an input that is no tensor of numbers."""
        import onnx

        found = []
        for item in self.proto.graph.input:
            if item.name in self.constants:
                continue
            tensor = item.type.tensor_type
            kinds = set(onnx.TensorProto.DataType.values()) - {0, onnx.TensorProto.STRING}
            if not item.type.HasField("tensor_type") or tensor.elem_type not in kinds:
                raise InputError(f"{self.path}: input {item.name} is no tensor of numbers", "not supported")
            shape = tuple(_size(size) for size in tensor.shape.dim) if tensor.HasField("shape") else None
            found.append(Asked(item.name, shape, onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)))
        return found

    def check(self) -> None:
        """Raise InputError when ONNX's own checker finds the model wrong, or onnxruntime refuses it."""
        import onnx

        try:
            onnx.checker.check_model(self.proto)
        except Exception as error:  # the checker has a kind of its own
            raise InputError(f"{self.path}: is damaged ({_line(error)})", sound.HINT) from None
        self.session(())

    def session(self, wanted: Iterable[str]) -> Session:
        """Return a session that gives the tensors `wanted`. Raises InputError when onnxruntime refuses the model."""
        import onnx
        import onnxruntime

        proto = onnx.ModelProto()
        proto.CopyFrom(self.proto)
        self._embed_shapes(proto)
        fed = {item.name for item in self.asked}
        names = sorted(name for name in set(wanted) if name and name not in self.constants and name not in fed)
        there = {item.name for item in proto.graph.output}
        proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in there)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", str(self.path.parent.resolve())
        )
        try:
            body = proto.SerializeToString()
            running = onnxruntime.InferenceSession(body, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises many kinds of its own
            raise InputError(f"{self.path}: onnxruntime cannot load it: {_line(error)}") from None
        return Session(self, running, names)

    def _embed_shapes(self, proto: Any) -> None:
        """Move small constants from the files beside the model into it: onnxruntime must see shapes when it loads."""
        from onnx import numpy_helper
        from onnx.external_data_helper import uses_external_data

        for tensor in proto.graph.initializer:
            if uses_external_data(tensor) and math.prod(tensor.dims) <= 1024:
                tensor.CopyFrom(numpy_helper.from_array(self.constant(tensor.name), tensor.name))


@dataclass(frozen=True)
class Session:
    """A model ready to run. names: the tensors that it gives. sound: shapes of inputs for which it has been checked."""

    model: Model
    running: Any
    names: Sequence[str]
    sound: set[Any] = field(default_factory=set)

    def run(self, feed: Feed, sample: int) -> Tensors:
        """Run one sample and return every tensor that was wanted. Raises InputError when the run fails."""
        self._refuse_recurrent(tuple((name, array.shape) for name, array in feed.items()))
        try:
            found = self.running.run(self.names, feed) if self.names else []
        except Exception as error:  # onnxruntime raises many kinds of its own
            raise InputError(f"{self.model.path}: fails on sample {sample}: {_line(error)}") from None
        return Tensors(self.model, {**feed, **dict(zip(self.names, found, strict=True))})

    def _refuse_recurrent(self, fed: tuple[tuple[str, tuple[int, ...]], ...]) -> None:
        if fed not in self.sound:
            sound.refuse_recurrent(self.model.proto, dict(fed), self.model.path)
            self.sound.add(fed)


@dataclass(frozen=True)
class Tensors:
    """The tensors of one run, constants included."""

    model: Model
    found: Feed

    def __getitem__(self, name: str) -> Array:
        array: Any = self.found.get(name)
        return self.model.constant(name) if array is None else array


def width(tensor: Any) -> int:
    """Return the bits of a value of a TensorProto of integers of 4 bits; 8 for any other type."""
    import onnx

    return 4 if tensor.data_type in (onnx.TensorProto.INT4, onnx.TensorProto.UINT4) else 8


def external_files(path: Path) -> list[Path]:
    """Return the files beside a model that hold its values. Raises InputError for one outside the model's folder."""
    from onnx.external_data_helper import _get_all_tensors

    return sound.external_files(_get_all_tensors(Model.read(path).proto), path)


def _size(size: Any) -> int | str | None:
    if size.HasField("dim_value"):
        return int(size.dim_value)
    return size.dim_param or None


def _value(attribute: Any) -> Any:
    import onnx

    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list | tuple) and value and isinstance(value[0], bytes):
        return [item.decode(errors="replace") for item in value]
    return value


def _line(error: BaseException) -> str:
    """Return the first line of an error's message without the runtime's prefix."""
    return shortened(first_line(error, 1000).rpartition("[ONNXRuntimeError] : ")[2], 200)
