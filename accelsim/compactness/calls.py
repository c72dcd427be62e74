"""What was called on activations: which operation made each tensor, and which read it last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from accelsim.compactness.operation import Operation

_POINTWISE = {
    *("relu", "relu6", "hardtanh", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish"),
    *("sigmoid", "hardsigmoid", "hardswish", "logsigmoid", "softplus", "softsign", "tanh", "hardshrink", "threshold"),
    *("batch_norm", "dropout", "dropout2d", "feature_dropout", "alpha_dropout", "clamp"),
}
_ARITHMETIC = {"add", "sub", "mul", "div", "true_divide", "iadd", "isub", "imul", "itruediv", "truediv"}


class Modules:
    """The module that runs at a moment."""

    def __init__(self) -> None:
        self._running: list[tuple[str, bool]] = []

    def follow(self, module: Any) -> list[Any]:
        """Register hooks on every part of `module` and return them, to be removed."""
        hooks = []
        for name, part in module.named_modules():
            leaf = next(part.children(), None) is None
            entry = (name, leaf)
            hooks.append(part.register_forward_pre_hook(lambda *_, entry=entry: self._running.append(entry)))
            hooks.append(part.register_forward_hook(lambda *_: self._leave(), always_call=True))
        return hooks

    def name(self, kind: str) -> str:
        """Return the name of an operation: its module's path, and its kind where the module is made of others."""
        path, leaf = self._running[-1] if self._running else ("", False)
        return path if leaf and path else f"{path}.{kind}".lstrip(".")

    def _leave(self) -> None:
        if self._running:
            self._running.pop()


class Calls:
    """Notes every call on activations of a network whose parameters are `learned` (by name)."""

    def __init__(self, tensor_type: type, modules: Modules, learned: dict[str, Any]) -> None:
        self._tensor: type = tensor_type
        self._modules = modules
        self._kept: list[Any] = []  # tensors stay alive, so that an id names one of them only
        self._maker: dict[int, int] = {}
        self._learned: dict[int, dict[str, int]] = {}  # of a tensor that holds parameters: names and sizes
        self._counted: set[str] = set()
        self._names: Counter[str] = Counter()
        self._steps: list[Operation] = []
        self._source: list[int | None] = []  # of a pointwise operation: the one whose result it may write over
        self._last_reader: list[int] = []
        self._returned: set[int] = set()
        for name, parameter in learned.items():
            self._kept.append(parameter)
            self._learned[id(parameter)] = {name: parameter.numel()}

    def give(self, tensor: Any) -> None:
        """Take an input of the network."""
        self._add(
            Operation("input", tensor.numel(), name=self._named("input"), channels=_channels(tensor)), [tensor], None
        )

    def note(self, function: Callable[..., Any], args: Any, kwargs: dict[str, Any], result: Any, macs: int) -> None:
        """Take a call of `function` that gave `result`."""
        tensors = self._tensors([args, list(kwargs.values())])
        read = [t for t in tensors if id(t) in self._maker]
        made = self._tensors(result)
        parameters: dict[str, int] = {}
        for tensor in tensors:
            parameters |= self._learned.get(id(tensor), {})
        if not read or not made:
            for tensor in made if parameters else ():
                self._kept.append(tensor)
                self._learned[id(tensor)] = parameters
            return
        kind = getattr(function, "__name__", str(function)).strip("_").lower()
        pointwise = kind in _POINTWISE
        if not pointwise and kind not in _ARITHMETIC and _same_memory(read[0], made[0]):
            for view in made:
                self._keep(view, self._maker[id(read[0])])
            return
        makers = {self._maker[id(t)] for t in read}
        for maker in makers:
            self._last_reader[maker] = len(self._steps)
        new = {name: size for name, size in parameters.items() if name not in self._counted}
        self._counted |= set(new)
        step = Operation(
            kind, sum(t.numel() for t in made), macs, *_normalisation(kind, args, kwargs),
            name=self._named(self._modules.name(kind)), parameters=sum(new.values()),
            inputs=sum({id(t): t.numel() for t in read}.values()), reads=tuple(sorted(makers)), channels=_channels(made[0]),
        )  # fmt: skip
        self._add(step, made, self._maker[id(read[0])] if pointwise else None)

    def take(self, result: Any) -> None:
        """Take what the network returns: tensors, alone or in lists and dictionaries."""
        self._returned |= {self._maker[id(t)] for t in self._tensors(result) if id(t) in self._maker}

    def finished(self) -> list[Operation]:
        """Return the operations; a pointwise one takes memory of its own when its input is read after it, or returned."""
        found = []
        for place, (step, source) in enumerate(zip(self._steps, self._source, strict=True)):
            if source is not None and self._last_reader[source] <= place and source not in self._returned:
                step = replace(step, stored=False, over=source)
            found.append(replace(step, returned=True) if place in self._returned else step)
        return found

    def _add(self, step: Operation, made: list[Any], source: int | None) -> None:
        for tensor in made:
            self._keep(tensor, len(self._steps))
        self._steps.append(step)
        self._source.append(source)
        self._last_reader.append(-1)

    def _keep(self, tensor: Any, maker: int) -> None:
        self._kept.append(tensor)
        self._maker[id(tensor)] = maker

    def _named(self, name: str) -> str:
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}#{self._names[name]}"

    def _tensors(self, value: Any) -> list[Any]:
        if isinstance(value, self._tensor):
            return [value]
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        return [tensor for part in parts for tensor in self._tensors(part)]


def _channels(tensor: Any) -> int:
    return int(tensor.shape[1]) if tensor.dim() > 1 else 0


def _same_memory(one: Any, other: Any) -> bool:
    return bool(one.untyped_storage()._cdata == other.untyped_storage()._cdata)


def _normalisation(kind: str, args: Any, kwargs: dict[str, Any]) -> tuple[int, bool]:
    """Return `window` and `affine` of an operation."""
    if kind == "local_response_norm":
        return int(kwargs["size"] if "size" in kwargs else args[1]), False
    if kind == "batch_norm":
        return 0, (kwargs["weight"] if "weight" in kwargs else args[3]) is not None
    return 0, False
