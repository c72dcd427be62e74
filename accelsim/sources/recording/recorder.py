"""Watch a forward pass operator by operator and hand each product, and its stored output, to a sink."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from accelsim.sources.eager import Eager
from accelsim.sources.recording.context import with_onednn
from accelsim.sources.recording.modules import ModuleStack
from accelsim.sources.recording.operators import BATCH_NORM, Role, composite, macs, role, written
from accelsim.sources.recording.outputs import Outputs
from accelsim.sources.recording.plan import Call, Plan
from accelsim.sources.recording.products import OPERANDS, Product, read
from accelsim.sources.recording.torchao_tensors import is_torchao
from accelsim.sources.recording.weights import Weights
from accelsim.sources.unsupported import Unsupported

_CONVOLUTION = torch.ops.aten.convolution


class Sink(Protocol):
    """What a pass over the network does with what the recorder sees."""

    planning: bool
    sample: int

    def product(self, call: Call, product: Product) -> None:
        """Take the operands of one execution of a layer, before it runs."""

    def output(self, call: Call, values: torch.Tensor) -> None:
        """Take the stored output of one execution, in ``call.shape.output_shape``."""


class Recorder(Eager, TorchDispatchMode):
    """Record one forward pass of sample `sample`; enter it around the call of the module, then `end`."""

    def __init__(self, plan: Plan, weights: Weights, modules: ModuleStack, sink: Sink, sample: int) -> None:
        super().__init__()
        self.plan, self.weights, self.modules, self.sink, self.sample = plan, weights, modules, sink, sample
        self.outputs = Outputs(self._store)
        self._trails: Any = WeakTensorKeyDictionary()
        self._trailing = False
        self._watching = True
        plan.begin()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not self._watching:
            return function(*args, **kwargs)
        if composite(function):
            with self:
                return function.decompose(*args, **kwargs)
        what = role(function)
        tensors = _tensors(args, kwargs)
        constant = bool(tensors) and self.weights.constant(tensors)
        changed = written(function, args, kwargs)
        before = self.weights.about_to_alter(changed) if constant and changed else {}
        if not constant:
            for tensor in changed:
                self.weights.note_write(tensor)
        elementwise = what is Role.ELEMENTWISE and not (function.overloadpacket is BATCH_NORM and args[5])
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
        if before:
            self.weights.altered(before)
        if constant:
            self.weights.derive(function, (args, kwargs), tensors, result)
        return result

    def end(self) -> None:
        """Store the outputs that nothing has read."""
        self.outputs.end()

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """Run operators that are no part of the record."""
        before, self._watching = self._watching, False
        try:
            yield
        finally:
            self._watching = before

    def whole(self, product: Product | None, tensors: Sequence[torch.Tensor], run: Callable[[], torch.Tensor]) -> Any:
        """Record a product that many operators compute; `run` computes it from `tensors`, unwatched.

        product: None when it has no normal form; nothing is recorded then.
        """
        self.outputs.read(tensors, False)
        call = self._begin(product) if product is not None else None
        with self.unwatched():
            result = run()
        if call is not None:
            self.outputs.begin(result, call)
        return result

    def _record(self, function: Any, args: Any) -> Call | None:
        product = read(function, args, self.weights)
        if product is None:
            return None
        call = self._begin(product)
        if self._trailing and not call.layer.static and self.sink.planning:
            operands = (args[place] for place in OPERANDS[function.overloadpacket])
            if any(self._trails.get(operand) == "softmax" for operand in operands):
                call.layer.attention = "pv"
        return call

    def _begin(self, product: Product) -> Call:
        """Hand a product to the sink."""
        call = self.plan.assign(product, self.modules.path, self.sample, self.sink.planning)
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
        self.missing(str(function.overloadpacket), macs(function, args, kwargs, result), _reason(args))

    def missing(self, name: str, found: int | None, reason: str) -> None:
        """Note products that are not captured: `found` MACs of the operator `name` in the running module."""
        if not self.sink.planning or found == 0:
            return
        module = self.modules.path
        entry = self.plan.unsupported.get((module, name))
        if entry is None:
            self.plan.unsupported[module, name] = Unsupported(module, name, found, reason)
        else:
            entry.macs = None if found is None or entry.macs is None else entry.macs + found


def _reason(args: Any) -> str:
    first = next((a for a in args if isinstance(a, torch.Tensor)), None)
    other = next((a for a in args if is_torchao(a)), None)
    if other is not None:
        return f"of torchao's {type(other).__name__} only linear layers and convolutions have codes here"
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
