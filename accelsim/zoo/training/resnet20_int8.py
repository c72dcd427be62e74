"""Turn the trained ResNet-20 into integers: fold batch normalisation, choose scales on training images, round.

Post-training quantisation without any further training. Weights: symmetric, a scale per filter, the largest magnitude is
code 127. Activations: a scale per tensor, the one of several clippings of the largest value seen that gives the smallest
mean squared error over the calibration images.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from accelsim.zoo.networks.resnet20 import ResNet20, normalise
from accelsim.zoo.networks.resnet20_int8 import IntConv, ResNet20Int8, encode

CLIPPINGS = tuple(i / 20 for i in range(6, 21))
"""Fractions of the largest value at which activations may be clipped."""


@torch.no_grad()
def quantise(net: ResNet20, images: Tensor) -> ResNet20Int8:
    """Return the integer network of `net`, calibrated on uint8 images (N, 3, 32, 32)."""
    out = ResNet20Int8()
    x = normalise(images)
    out.input_scale = scale_of(x, signed=True)
    x = F.relu(_convert(out.conv, net.conv, net.bn, out.input_scale, x))
    out.conv.output_scale = scale_of(x)
    scale = out.conv.output_scale
    for block, to in zip(_blocks(net), _blocks(out), strict=True):
        y = F.relu(_convert(to.conv1, block.conv1, block.bn1, scale, x))
        to.conv1.output_scale = scale_of(y)
        y = _convert(to.conv2, block.conv2, block.bn2, to.conv1.output_scale, y)
        shortcut = x[:, :, :: to.stride, :: to.stride]
        x = F.relu(y + F.pad(shortcut, (0, 0, 0, 0, to.extra, to.extra)))
        to.conv2.output_scale = scale = scale_of(x)
    pooled = x.mean(dim=(2, 3))
    out.pool_scale = scale_of(pooled)
    _set(out.fc, net.fc.weight, net.fc.bias, out.pool_scale)
    out.fc.output_scale = scale_of(net.fc(pooled), signed=True)
    return out.eval()


def scale_of(values: Tensor, signed: bool = False) -> Tensor:
    """Return the scale, float32, whose codes are nearest to the values in the mean square."""
    top = float(values.abs().max()) / (127 if signed else 255)
    scales = [torch.tensor(clipping * top) for clipping in CLIPPINGS]
    flat = values.flatten()[:: max(1, values.numel() // 1_000_000)]
    return min(scales, key=lambda s: float((encode(flat, s, signed).values - flat).square().mean()))


def _convert(to: IntConv, conv: nn.Conv2d, norm: nn.BatchNorm2d, input_scale: Tensor, x: Tensor) -> Tensor:
    """Fill `to` with the folded weights of a convolution; return the real outputs of it and its norm for `x`."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    _set(to, conv.weight * factor.view(-1, 1, 1, 1), norm.bias - norm.running_mean * factor, input_scale)
    return torch.cat([norm(conv(part)) for part in x.split(250)])


def _set(to: IntConv, weight: Tensor, bias: Tensor, input_scale: Tensor) -> None:
    scale = weight.flatten(1).abs().amax(1) / 127
    to.weight_scale = scale
    along = (-1,) + (1,) * (weight.dim() - 1)
    to.weight.copy_((weight / scale.view(along)).round().clamp(-127, 127))
    to.bias.copy_((bias.double() / (input_scale.double() * scale.double())).round())


def _blocks(net: nn.Module) -> list[Any]:
    return [block for name in ("stage1", "stage2", "stage3") for block in getattr(net, name)]
