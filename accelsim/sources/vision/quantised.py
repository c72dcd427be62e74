"""Codes of torchvision's quantised networks: those that the network itself computes with, never quantised again."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import InputError, first_line
from accelsim.layer import Layer, LayerShape, Operand
from accelsim.sources import Encoded
from accelsim.sources.state import unpacked

CONVENTIONS = {
    "weights": "the network's own int8 codes; batch normalisation is folded into them",
    "activation": "the network's own uint8 codes with its zero point; padding with zeros holds the zero point",
    "output": "the network's own uint8 codes, after the ReLU where the network fuses one",
    "bias": "not an operand",
}


@dataclass
class _Seen:
    """A quantised module and the operands of its calls, one per sample."""

    module: Any
    calls: list[tuple[LayerShape, Operand, Operand]] = field(default_factory=list)


def holds_codes(module: Any) -> bool:
    """Whether a network has modules of PyTorch's eager quantisation that take and give codes."""
    return any(_is_quantised(part) for part in module.modules())


def _is_quantised(part: Any) -> bool:
    """Whether a module is a linear layer or a convolution of maps that multiplies codes by codes."""
    if not callable(getattr(type(part), "weight", None)) or not hasattr(part, "scale"):
        return False
    maps = len(getattr(part, "kernel_size", (1, 1))) == 2 and not getattr(part, "transposed", False)
    return maps and ".dynamic." not in type(part).__module__  # those take real activations


def load_state(module: Any, path: Path) -> None:
    """Load a state dict of a quantised network, whose packed weights are tuples. Raises InputError when it does not fit."""
    try:
        module.load_state_dict(unpacked(path))
    except KeyError as error:
        raise InputError(f"weights {path} do not fit the quantised network: {error} is missing") from None
    except (RuntimeError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"weights {path} do not fit the quantised network: {first_line(error)}") from None


def encode(module: Any, inputs: list[tuple[Any, ...]], warnings: list[str]) -> Encoded:
    """Run a quantised network and return the codes of its convolutions and linear layers.

    Raises InputError when the forward pass fails, a layer runs more than once in it, or none is quantised.
    """
    import torch

    from accelsim.sources.recording.beside import Beside
    from accelsim.sources.recording.modules import ModuleStack

    seen: dict[str, _Seen] = {}
    layers = {name: part for name, part in module.named_modules() if _is_quantised(part)}
    hooks = [_watch(name, part, seen) for name, part in layers.items()]
    try:
        with torch.no_grad(), python_warnings.catch_warnings(), ModuleStack(module) as modules:
            python_warnings.simplefilter("ignore")  # of torch's plans for quantised tensors
            beside = Beside(modules, layers)
            for sample, arguments in enumerate(inputs):
                with beside:
                    module(*arguments)
                uneven = [name for name, entry in seen.items() if len(entry.calls) != sample + 1]
                if uneven:
                    raise InputError(f"layer {uneven[0]} does not run once in each forward pass", "nothing to stack")
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        raise InputError(f"the forward pass of the quantised network fails: {first_line(error)}") from error
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        raise InputError("the network runs no quantised layer", "leave `quantize: true` out of `options`")
    scheme = {"activations": "8 bits, affine, per tensor (its own)", "weights": "8 bits, symmetric (its own)"}
    return Encoded(_layers(seen), len(seen), warnings, CONVENTIONS, scheme, list(beside.found.values()))


def _watch(name: str, part: Any, seen: dict[str, _Seen]) -> Any:
    """Keep the operands of every call of a quantised module; return the hook."""

    def record(module: Any, arguments: Any, result: Any) -> None:
        seen.setdefault(name, _Seen(module)).calls.append(_call(module, arguments[0], result))

    return part.register_forward_hook(record)


def _call(module: Any, x: Any, y: Any) -> tuple[LayerShape, Operand, Operand]:
    """Return the shape of one call and the codes of what went in and came out."""
    import torch

    if hasattr(module, "kernel_size"):
        (r, s), (top, left) = module.kernel_size, module.padding
        if module.padding_mode != "zeros":  # what surrounds the map is made of its own values
            x = torch.nn.functional.pad(x, (left, left, top, top), module.padding_mode)
            top, left = 0, 0
        (n, channels, height, width), (_, filters, p, q), groups = x.shape, y.shape, module.groups
        shape = LayerShape(
            "conv", n, groups, filters // groups, channels // groups, height, width, r, s, p, q,
            tuple(module.stride), (top, top, left, left), tuple(module.dilation),
        )  # fmt: skip
    else:
        x, y = x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])
        shape = LayerShape("linear", x.shape[0], 1, y.shape[1], x.shape[1], 1, 1, 1, 1, 1, 1)
    activation = Operand(_codes(x, shape.activation_shape), 8, False, float(x.q_scale()), int(x.q_zero_point()))
    output = Operand(_codes(y, shape.output_shape), 8, False, float(y.q_scale()), int(y.q_zero_point()))
    return shape, activation, output


def _codes(tensor: Any, shape: tuple[int, ...]) -> Any:
    return np.ascontiguousarray(tensor.int_repr().numpy()).reshape(shape)


def _weight(module: Any, shape: LayerShape) -> Operand:
    import torch

    weight = module.weight()
    codes = _codes(weight, shape.weight_shape)
    if weight.qscheme() in (torch.per_channel_affine, torch.per_channel_symmetric):
        scale = weight.q_per_channel_scales().double().numpy()
        return Operand(codes, 8, True, scale, weight.q_per_channel_zero_points().long().numpy(), 0)
    return Operand(codes, 8, True, float(weight.q_scale()), int(weight.q_zero_point()))


def _layers(seen: dict[str, _Seen]) -> Iterator[Layer]:
    for index, (name, entry) in enumerate(seen.items()):
        weight = _weight(entry.module, entry.calls[0][0])
        for sample, (shape, activation, output) in enumerate(entry.calls):
            yield Layer(name, index, sample, shape, activation, weight, output)
        entry.calls.clear()
