"""How compact a network is: parameters, activations and MACs under a stated convention of counting.

Counts of activations differ by a factor of two between authors, because layers that work in place (ReLU, batch
normalisation) are counted or not. Both ways of counting are offered:

* ``netscope``: as the web tool Netscope (dgschwend/netscope) counts the layers of a Caffe file. Activations are the
  outputs of every layer, the input, in-place layers, dropout and softmax included; a batch normalisation is two
  layers of Caffe, BatchNorm and Scale. MACs are those of the matrix products, one per output of a Scale and
  `size` per output of a local response normalisation (LRN). An LRN has two parameters.
* ``unique-tensors``: every value that is stored counts once. Activation functions, batch normalisation and dropout
  write over their input unless it is read again later; MACs are those of matrix products, parameters the learned ones.

Reshaped or sliced tensors (views) add nothing to either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from accelsim.errors import InputError, unknown_name

Convention = Literal["netscope", "unique-tensors"]
CONVENTIONS: tuple[str, ...] = get_args(Convention)

_POINTWISE = {
    *("relu", "relu6", "hardtanh", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish"),
    *("sigmoid", "hardsigmoid", "hardswish", "logsigmoid", "softplus", "softsign", "tanh", "hardshrink", "threshold"),
    *("batch_norm", "dropout", "dropout2d", "feature_dropout", "alpha_dropout", "clamp"),
}
_ARITHMETIC = {"add", "sub", "mul", "div", "true_divide", "iadd", "isub", "imul", "itruediv", "truediv"}


@dataclass(frozen=True)
class Operation:
    """One call that makes activations out of activations, as a layer of a Caffe file.

    kind: name of the function, for example conv2d; "input" for what the network is given. outputs: values of its
    result. macs: of matrix products alone. window: channels that a local response normalisation sums up, else 0.
    affine: whether a normalisation scales too. stored: whether the result takes memory of its own.
    """

    kind: str
    outputs: int
    macs: int = 0
    window: int = 0
    affine: bool = False
    stored: bool = True


@dataclass(frozen=True)
class Compactness:
    """Numbers of parameters, activations and MACs of a network on its input, under one convention."""

    convention: str
    parameters: int
    activations: int
    macs: int

    @property
    def macs_per_parameter(self) -> float:
        """How often a parameter is used (M/P)."""
        return self.macs / self.parameters

    @property
    def macs_per_activation(self) -> float:
        """How often an activation is used (M/A)."""
        return self.macs / self.activations

    @property
    def activations_per_parameter(self) -> float:
        """The ratio A/P by which compact networks differ from large ones."""
        return self.activations / self.parameters

    @property
    def arithmetic_intensity(self) -> float:
        """MACs per value moved when each is moved once: M/(P+A)."""
        return self.macs / (self.parameters + self.activations)


def compactness(module: Any, *inputs: Any, convention: str = "netscope") -> Compactness:
    """Count `module` (torch.nn.Module) on `inputs`, tensors or shapes; needs neither weights nor values.

    A shape stands for a float tensor, for example ``(1, 3, 224, 224)``. Everything is computed on the meta device;
    the module is left as it is. Raises UnknownNameError for an unknown convention.
    """
    if convention not in CONVENTIONS:
        raise unknown_name("convention of counting", convention, CONVENTIONS)
    learned = sum(parameter.numel() for parameter in module.parameters())
    return count(operations(module, *inputs), learned, convention)


def count(steps: Iterable[Operation], learned: int, convention: str) -> Compactness:
    """Sum up the operations of a network with `learned` parameters."""
    steps = list(steps)
    macs = sum(step.macs for step in steps)
    if convention == "unique-tensors":
        return Compactness(convention, learned, sum(step.outputs for step in steps if step.stored), macs)
    norms = [step for step in steps if step.window]
    scaled = sum(step.outputs for step in steps if step.affine)
    return Compactness(
        convention,
        learned + 2 * len(norms),
        sum(step.outputs for step in steps) + scaled,
        macs + scaled + sum(step.window * step.outputs for step in norms),
    )


def operations(module: Any, *inputs: Any) -> list[Operation]:
    """Run `module` in evaluation mode on the meta device and return its input and operations in order.

    What a function computes inside (torch.lstm, multi_head_attention_forward) is one operation with all its MACs.
    Raises InputError when the network does not fit the inputs, or must see values to go on.
    """
    import torch
    from torch.overrides import TorchFunctionMode
    from torch.utils.flop_counter import FlopCounterMode

    calls = _Calls(torch.Tensor)

    class Watch(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            before = counter.get_total_flops()
            result = function(*args, **(kwargs or {}))
            calls.note(function, args, kwargs or {}, result, (counter.get_total_flops() - before) // 2)
            return result

    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    given = [torch.empty(i, device="meta") if isinstance(i, tuple) else i.to("meta") for i in inputs]
    for tensor in given:
        calls.give(tensor)
    was_training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter, Watch():
            torch.func.functional_call(module, {k: v.to("meta") for k, v in state.items()}, tuple(given))
    except (RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{type(module).__name__} cannot be counted on shapes alone: {reason}") from error
    finally:
        for part in was_training:
            part.training = True
    return calls.finished()


class _Calls:
    """What was called on activations: which operation made each tensor, and which read it last."""

    def __init__(self, tensor_type: type) -> None:
        self._tensor: type = tensor_type
        self._kept: list[Any] = []  # tensors stay alive, so that an id names one of them only
        self._maker: dict[int, int] = {}
        self._steps: list[Operation] = []
        self._source: list[int | None] = []  # of a pointwise operation: the one whose result it may write over
        self._last_reader: list[int] = []

    def give(self, tensor: Any) -> None:
        self._add(Operation("input", tensor.numel()), [tensor], None)

    def note(self, function: Callable[..., Any], args: Any, kwargs: dict[str, Any], result: Any, macs: int) -> None:
        read = [t for t in self._tensors([args, list(kwargs.values())]) if id(t) in self._maker]
        made = self._tensors(result)
        if not read or not made:
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
        step = Operation(kind, sum(t.numel() for t in made), macs, *_normalisation(kind, args, kwargs))
        self._add(step, made, self._maker[id(read[0])] if pointwise else None)

    def finished(self) -> list[Operation]:
        """Return the operations; a pointwise one takes memory of its own when its input is read again after it."""
        return [
            step if source is None or self._last_reader[source] > place else _over(step)
            for place, (step, source) in enumerate(zip(self._steps, self._source, strict=True))
        ]

    def _add(self, step: Operation, made: list[Any], source: int | None) -> None:
        for tensor in made:
            self._keep(tensor, len(self._steps))
        self._steps.append(step)
        self._source.append(source)
        self._last_reader.append(-1)

    def _keep(self, tensor: Any, maker: int) -> None:
        self._kept.append(tensor)
        self._maker[id(tensor)] = maker

    def _tensors(self, value: Any) -> list[Any]:
        if isinstance(value, self._tensor):
            return [value]
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        return [tensor for part in parts for tensor in self._tensors(part)]


def _over(step: Operation) -> Operation:
    return replace(step, stored=False)


def _same_memory(one: Any, other: Any) -> bool:
    return bool(one.untyped_storage()._cdata == other.untyped_storage()._cdata)


def _normalisation(kind: str, args: Any, kwargs: dict[str, Any]) -> tuple[int, bool]:
    """Return `window` and `affine` of an operation."""
    if kind == "local_response_norm":
        return int(kwargs["size"] if "size" in kwargs else args[1]), False
    if kind == "batch_norm":
        return 0, (kwargs["weight"] if "weight" in kwargs else args[3]) is not None
    return 0, False
