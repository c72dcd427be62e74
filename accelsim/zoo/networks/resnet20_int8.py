"""ResNet-20 in integers: int8 weights, 8-bit activations, 32-bit sums; batch normalisation is in weights and biases.

Codes are kept as float32 tensors, so that torch's fast kernels multiply them: every product is below 2^15 and the
largest sum that a layer's weights allow is below 2^24 (`IntConv.largest` says it), so all sums are exact. What leaves a
layer is `round(sum * scales / output scale)`, half to even, in float64, clipped to the codes there are.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from accelsim.zoo.networks.resnet20 import CLASSES, PICTURE, inputs, prepare

__all__ = ["PICTURE", "Codes", "IntConv", "ResNet20Int8", "encode", "inputs", "network", "prepare"]


class Codes(NamedTuple):
    """Integers in a float32 tensor; a value is code * scale. Unsigned codes are 0..255, signed ones -127..127."""

    codes: Tensor
    scale: Tensor
    signed: bool = False

    @property
    def values(self) -> Tensor:
        """The real numbers in float64."""
        return self.codes.double() * self.scale.double()


class IntConv(nn.Module):
    """Multiply 8-bit codes by int8 weights with a scale per filter and add an integer bias.

    A kernel of size 0 makes it a linear layer. The bias counts in units of input scale times weight scale.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> None:
        super().__init__()
        shape = (outputs, inputs, kernel, kernel) if kernel else (outputs, inputs)
        self.weight = nn.Parameter(torch.zeros(shape, dtype=torch.int8), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(outputs, dtype=torch.int32), requires_grad=False)
        self.weight_scale: Tensor
        self.output_scale: Tensor
        self.register_buffer("weight_scale", torch.ones(outputs))
        self.register_buffer("output_scale", torch.ones(()))
        self.stride = stride

    def forward(self, x: Codes, shortcut: Codes | None = None, signed: bool = False) -> Codes:
        """Return the layer's codes; unsigned ones, where nothing below zero has a code, are a ReLU."""
        weight = self.weight.float()
        if weight.dim() == 2:
            sums = F.linear(x.codes, weight)
        else:
            sums = F.conv2d(x.codes, weight, stride=self.stride, padding=1)
        along = (1, -1) + (1,) * (sums.dim() - 2)
        factor = x.scale.double() * self.weight_scale.double()
        values = (sums.double() + self.bias.double().view(along)) * factor.view(along)
        if shortcut is not None:
            values = values + shortcut.values
        return encode(values, self.output_scale, signed)

    def largest(self) -> int:
        """Return the largest sum, without bias, that any 8-bit activations could make with these weights."""
        return 255 * int(self.weight.abs().flatten(1).sum(1, dtype=torch.int64).max())


class IntBlock(nn.Module):
    """Add two convolutions to their input, as resnet20.Block does: ReLU after the first one and after the sum."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = IntConv(inputs, outputs, stride)
        self.conv2 = IntConv(outputs, outputs)
        self.stride = stride
        self.extra = (outputs - inputs) // 2

    def forward(self, x: Codes) -> Codes:
        """Return the codes of the block's output; the shortcut is added to the second sum before it is rounded."""
        shortcut = F.pad(x.codes[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.extra, self.extra))
        return self.conv2(self.conv1(x), Codes(shortcut, x.scale))


class ResNet20Int8(nn.Module):
    """Classify images: normalised float (N, 3, 32, 32) -> logits (N, 10), classes in the order of CLASSES."""

    def __init__(self) -> None:
        super().__init__()
        self.input_scale: Tensor
        self.pool_scale: Tensor
        self.register_buffer("input_scale", torch.ones(()))
        self.register_buffer("pool_scale", torch.ones(()))
        self.conv = IntConv(3, 16)
        self.stage1 = _stage(16, 16, stride=1)
        self.stage2 = _stage(16, 32, stride=2)
        self.stage3 = _stage(32, 64, stride=2)
        self.fc = IntConv(64, len(CLASSES), kernel=0)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, 10), which have 255 values each, of normalised images (N, 3, 32, 32)."""
        x = self.conv(encode(images, self.input_scale, signed=True))
        x = self.stage3(self.stage2(self.stage1(x)))
        pooled = encode(x.values.mean(dim=(2, 3)), self.pool_scale)
        return self.fc(pooled, signed=True).values.float()


def encode(values: Tensor, scale: Tensor, signed: bool = False) -> Codes:
    """Return the codes of real numbers at a scale; numbers without a code get the nearest one there is."""
    codes = (values.double() / scale.double()).round().clamp(-127 if signed else 0, 127 if signed else 255)
    return Codes(codes.float(), scale, signed)


def network() -> ResNet20Int8:
    """Return the network with all weights zero."""
    return ResNet20Int8()


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        IntBlock(inputs, outputs, stride), IntBlock(outputs, outputs, 1), IntBlock(outputs, outputs, 1)
    )
