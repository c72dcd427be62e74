"""Give the codes that an integer network of the zoo multiplies, layer by layer, as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from accelsim.layer import Layer, LayerShape, Operand
from accelsim.zoo.networks.resnet20_int8 import Codes, IntConv

CONVENTIONS = {
    "weights": "the network's own int8 codes; batch normalisation is folded into them",
    "bias": "not an operand; part of the stored output",
    "output": "the layer's own 8-bit codes, after ReLU and residual sum; of the classifier, the logits",
    "range": "the network's own scales, chosen on training images",
}
QUANTIZATION = {
    "activations": {"scheme": "symmetric, unsigned after ReLU", "bits": 8, "per_channel": False},
    "weights": {"scheme": "symmetric", "bits": 8, "per_channel": True},
}


def count(net: nn.Module) -> int:
    """Return the number of layers."""
    return sum(isinstance(module, IntConv) for module in net.modules())


@torch.no_grad()
def layers(net: nn.Module, inputs: Sequence[tuple[Tensor, ...]]) -> Iterator[Layer]:
    """Run the network on each input; yield every sample of the first layer, then of the next."""
    ran: list[list[tuple[Codes, Codes]]] = []
    named = [(name, module) for name, module in net.named_modules() if isinstance(module, IntConv)]

    def note(module: nn.Module, arguments: tuple[Any, ...], out: Codes) -> None:  # noqa: ARG001
        ran[-1].append((arguments[0], out))

    hooks = [module.register_forward_hook(note) for _, module in named]
    try:
        for arguments in inputs:
            ran.append([])
            net(*arguments)
    finally:
        for hook in hooks:
            hook.remove()
    for index, (name, module) in enumerate(named):
        weight = _weight(module)
        for sample, calls in enumerate(ran):
            into, out = calls[index]
            shape = _shape(module, into.codes, out.codes)
            yield Layer(
                name, index, sample, shape, _operand(into, shape.activation_shape), weight,
                _operand(out, shape.output_shape),
            )  # fmt: skip


def _shape(module: IntConv, into: Tensor, out: Tensor) -> LayerShape:
    filters, channels = module.weight.shape[:2]
    if module.weight.dim() == 2:
        return LayerShape("linear", len(into), 1, filters, channels, 1, 1, 1, 1, 1, 1)
    (height, width), (rows, columns), (p, q) = into.shape[2:], module.weight.shape[2:], out.shape[2:]
    stride, around = (module.stride, module.stride), (1, 1, 1, 1)
    return LayerShape("conv", len(into), 1, filters, channels, height, width, rows, columns, p, q, stride, around)


def _operand(x: Codes, shape: tuple[int, ...]) -> Operand:
    codes = x.codes.numpy().astype(np.int8 if x.signed else np.uint8).reshape(shape)
    return Operand(codes, 8, x.signed, float(x.scale))


def _weight(module: IntConv) -> Operand:
    codes = module.weight.detach().numpy()
    codes = codes.reshape(*codes.shape, 1, 1) if codes.ndim == 2 else codes
    return Operand(codes, 8, True, module.weight_scale.double().numpy(), np.zeros(len(codes), np.int64), 0)
