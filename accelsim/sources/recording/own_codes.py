"""Record the products of torchao tensors with the integers that they hold, never quantised again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from accelsim.sources.recording.context import with_onednn
from accelsim.sources.recording.products import Product, convolution, linear
from accelsim.sources.recording.recorder import Recorder
from accelsim.sources.recording.torchao_tensors import (
    KNOWN,
    NO_CPU_KERNEL,
    Held,
    is_torchao,
    of_torchao,
    prepared,
    quantised_activation,
)
from accelsim.sources.recording.weights import Identity, Weights

CONVENTION = (
    "torchao tensors: codes, scales and zero points are the tensors' own, and so are the activations' where the kernel "
    "quantises its input; real activations and the outputs follow the workload's quantisation"
)
_FUNCTIONS: dict[Any, tuple[str, ...]] = {
    functional.linear: ("input", "weight", "bias"),
    functional.conv2d: ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
}
"""Functions for which torchao has kernels, and their arguments."""


class OwnCodes(TorchFunctionMode):
    """Hand linear layers and convolutions by a torchao tensor to `recorder` as one product each.

    What their kernels do inside (quantising the input, unpacking, rescaling) is not watched.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        names = _FUNCTIONS.get(function)
        if names is None or not any(of_torchao(kind) for kind in types):
            return function(*args, **kwargs)
        given = {**dict(zip(names, args)), **kwargs}
        if not is_torchao(given["weight"]):
            return function(*args, **kwargs)
        return self._run(function, given, lambda: function(*args, **kwargs))

    def _run(self, function: Any, given: dict[str, Any], kernel: Callable[[], Any]) -> Any:
        recorder, weight = self._recorder, given["weight"]
        with recorder.unwatched():
            found = recorder.weights.held(weight)
            product = _product(function, given, recorder.weights, *found) if found is not None else None
        tensors = [value for value in given.values() if isinstance(value, torch.Tensor)]
        kind = type(weight).__name__
        if found is not None and product is not None and kind in NO_CPU_KERNEL:
            real = {**given, "input": prepared(weight, given["input"])}
            real["weight"] = found[1].values().to(given["input"].dtype)
            result = recorder.whole(product, tensors, lambda: function(**real))
        else:
            result = recorder.whole(product, tensors, lambda: with_onednn(kernel, (), {}))
        if found is not None and product is not None:
            self._remark(kind, *found)
        else:
            macs = result.numel() * weight.shape[1:].numel()
            reason = f"the codes of torchao's {kind} are not known here, only those of {KNOWN}"
            recorder.missing(f"{function.__name__} with {kind}", macs, reason)
        return result

    def _remark(self, kind: str, identity: Identity, found: Held) -> None:
        remarks = self._recorder.plan.remarks
        if found.group:
            text = f"weights with a scale for every {found.group} channels: sums of their products mix scales"
            remarks.setdefault(text, {})[identity.name] = None
        if found.offset is not None:
            text = (
                "weights with an offset besides code x scale: it is left out of the codes, and code 0 is no real zero"
            )
            remarks.setdefault(text, {})[identity.name] = None
        if kind in NO_CPU_KERNEL:
            text = f"torchao multiplies {kind} on other devices alone: computed with the real weights here"
            remarks.setdefault(text, {})[identity.name] = None


@contextmanager
def own_codes(recorder: Recorder) -> Iterator[None]:
    """Record torchao tensors by their own codes inside, where the network has some."""
    if not recorder.weights.torchao:
        yield
        return
    with OwnCodes(recorder):
        yield


def remarks(found: dict[str, dict[str, None]]) -> list[str]:
    """Return a warning for each remark on layers."""
    return [
        f"{text} ({len(names)} layers, for example {next(iter(names))})"
        if len(names) > 1
        else f"{text} ({next(iter(names))})"
        for text, names in found.items()
    ]


def _product(function: Any, given: dict[str, Any], weights: Weights, identity: Identity, found: Held) -> Product | None:
    """Return the product in the normal form, None when it has none."""
    weight, x = given["weight"], prepared(given["weight"], given["input"])
    if x.numel() == 0:
        return None
    made: Product | None
    if function is functional.linear:
        filters, channels = found.codes.shape
        made = linear(x.reshape(-1, channels), found.codes, identity, lambda result: result.reshape(-1, filters))
    else:
        x = x if x.dim() == 4 else x.unsqueeze(0)
        geometry = _geometry(given, found.codes)
        made = convolution(x, found.codes, geometry, weights) if geometry is not None else None
    if made is None:
        return None
    own = {"weight": found.operand}
    activation = quantised_activation(weight, x)
    if activation is None:
        return replace(made, own=own)
    codes = torch.from_numpy(activation.codes)
    return replace(made, activation=codes, own={**own, "activation": activation})


def _geometry(given: dict[str, Any], codes: torch.Tensor) -> tuple[Any, ...] | None:
    """Return a convolution's arguments in the order of ``aten.convolution``, None for padding that is not symmetric."""
    stride, padding, dilation = (_pair(given.get(name, other)) for name, other in _DEFAULTS)
    if padding == "valid":
        padding = (0, 0)
    elif padding == "same":
        total = [d * (size - 1) for d, size in zip(dilation, codes.shape[2:])]
        if any(around % 2 for around in total):
            return None
        padding = (total[0] // 2, total[1] // 2)
    return None, None, None, stride, padding, dilation, False, (0, 0), given.get("groups", 1)


_DEFAULTS = (("stride", 1), ("padding", 0), ("dilation", 1))


def _pair(value: Any) -> Any:
    return (value, value) if isinstance(value, int) else value if isinstance(value, str) else tuple(value)
