"""MobileNetV1 (Howard et al., arXiv 1704.04861) as in the Caffe file of shicai/MobileNet-Caffe, width 1.0 at 224.

Padding is one pixel on every side (TensorFlow's original pads strided layers at the end alone), ReLU instead of
ReLU6; neither changes a count. The classifier is a 1 x 1 convolution with bias.
"""

from __future__ import annotations

import torch
from torch import nn

from accelsim.sources.paper_networks.parts import conv_norm_relu

_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


class MobileNetV1(nn.Module):
    """MobileNetV1: a convolution, then thirteen pairs of a depthwise and a pointwise one."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers, inputs = [conv_norm_relu(3, 32, 3, 2, 1)], 32
        for outputs, stride in _BLOCKS:
            layers += [conv_norm_relu(inputs, inputs, 3, stride, 1, groups=inputs), conv_norm_relu(inputs, outputs, 1)]
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Conv2d(inputs, classes, 1)
        self.softmax = nn.Softmax(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return class probabilities (N, classes) of pictures (N, 3, H, W)."""
        return self.softmax(self.classifier(self.pool(self.features(x))).flatten(1))
