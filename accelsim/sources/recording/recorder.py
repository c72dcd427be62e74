"""Watch a forward pass operator by operator and hand each product, and its stored output, to a sink."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from accelsim.sources.recording.context import with_onednn
from accelsim.sources.recording.modules import ModuleStack
from accelsim.sources.recording.operators import Role, macs, role, written
from accelsim.sources.recording.outputs import Outputs
from accelsim.sources.recording.plan import Call, Plan
from accelsim.sources.recording.products import OPERANDS, Product, read
from accelsim.sources.recording.weights import Weights
from accelsim.sources.unsupported import Unsupported

_BATCH_NORM = torch.ops.aten.native_batch_norm
_CONVOLUTION = torch.ops.aten.convolution


class Sink(Protocol):
    """What a pass over the network does with what the recorder sees."""

    planning: bool
    sample: int

    def product(self, call: Call, product: Product) -> None:
        """Take the operands of one execution of a layer, before it runs."""

    def output(self, call: Call, values: torch.Tensor) -> None:
        """Take the stored output of one execution, in ``call.shape.output_shape``."""


class Recorder(TorchDispatchMode):
    """Record one forward pass of sample `sample`; enter it around the call of the module, then `end`."""

    def __init__(self, plan: Plan, weights: Weights, modules: ModuleStack, sink: Sink, sample: int) -> None:
        super().__init__()
        self.plan, self.weights, self.modules, self.sink, self.sample = plan, weights, modules, sink, sample
        self.outputs = Outputs(self._store)
        self._trails: Any = WeakTensorKeyDictionary()
        self._trailing = False
        plan.begin()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        what = role(function)
        tensors = _tensors(args, kwargs)
        constant = bool(tensors) and self.weights.constant(tensors)
        if not constant:
            for place in written(function):
                if place < len(args) and isinstance(args[place], torch.Tensor):
                    self.weights.note_write(args[place])
        elementwise = what is Role.ELEMENTWISE and not (function.overloadpacket is _BATCH_NORM and args[5])
        head = self.outputs.read(tensors, elementwise)
        call = self._record(function, args) if what is Role.PRODUCT else None
        if function.overloadpacket is _CONVOLUTION:
            result = with_onednn(function, args, kwargs)
        else:
            result = function(*args, **kwargs)
        if head is not None:
            self.outputs.carry(head, result)
        if call is not None:
            self.outputs.begin(result, call)
            if not call.layer.static:
                self._trails[result] = call
                self._trailing = True
        elif what is Role.PRODUCT or what is Role.UNSUPPORTED:
            self._unsupported(function, args, kwargs, result)
        elif what is Role.FFT:
            self.plan.notes[f"{function.overloadpacket} in {self.modules.path or 'the network'}: not simulated"] = None
        elif self._trailing and what is not Role.OTHER:
            self._trail(what, tensors, result)
        if constant:
            self.weights.derive(function, (args, kwargs), tensors, result)
        return result

    def end(self) -> None:
        """Store the outputs that nothing has read."""
        self.outputs.end()

    def _record(self, function: Any, args: Any) -> Call | None:
        product = read(function, args, self.weights)
        if product is None:
            return None
        call = self.plan.assign(product, self.modules.path, self.sample, self.sink.planning)
        if self._trailing and not call.layer.static and self.sink.planning:
            operands = (args[place] for place in OPERANDS[function.overloadpacket])
            if any(self._trails.get(operand) == "softmax" for operand in operands):
                call.layer.attention = "pv"
        self.sink.product(call, product)
        return call

    def _store(self, call: Call, result: torch.Tensor) -> None:
        self.sink.output(call, call.fold(result))

    def _trail(self, what: Role, tensors: list[torch.Tensor], result: Any) -> None:
        """Carry the mark of a score product, or of a softmax, through views and element-wise operators."""
        marks = [mark for t in tensors if (mark := self._trails.get(t)) is not None]
        if not marks:
            return
        mark = marks[0]
        if what is Role.SOFTMAX:
            if isinstance(mark, Call):
                mark.layer.attention = "qk"
            mark = "softmax"
        for value in result if isinstance(result, tuple | list) else [result]:
            if isinstance(value, torch.Tensor):
                self._trails[value] = mark

    def _unsupported(self, function: Any, args: Any, kwargs: Any, result: Any) -> None:
        if not self.sink.planning:
            return
        found = macs(function, args, kwargs, result)
        if found == 0:
            return
        name, module = str(function.overloadpacket), self.modules.path
        entry = self.plan.unsupported.get((module, name))
        if entry is None:
            self.plan.unsupported[module, name] = Unsupported(module, name, found, _reason(args))
        else:
            entry.macs = None if found is None or entry.macs is None else entry.macs + found


def _reason(args: Any) -> str:
    first = next((a for a in args if isinstance(a, torch.Tensor)), None)
    if first is not None and not first.is_floating_point():
        return f"operands of type {str(first.dtype).removeprefix('torch.')}"
    return "this operator has no normal form"


def _tensors(args: Any, kwargs: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for value in args:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found.extend(item for item in value if isinstance(item, torch.Tensor))
    if kwargs:
        found.extend(value for value in kwargs.values() if isinstance(value, torch.Tensor))
    return found
