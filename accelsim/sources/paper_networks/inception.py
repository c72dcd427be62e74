"""Inception-V2: GoogLeNet with batch normalisation, in the two forms that go by this name.

`bn_inception` is Ioffe and Szegedy's (ICML 2015, figure 5). `inception_v2` is TensorFlow-slim's, whose first
convolution is a depthwise 7 x 7 one (eight filters a channel) and a pointwise one, and which pools by average in the
last module, in the Caffe form of soeaver/caffe-model: there the first layer's normalisation is folded into its bias.

The published table's InceptionV2 is the latter at that file's own input of 231 x 231: 11.19 M parameters, M/P 196.7
and M/A 122.06 (printed: 11.2, 197, 122). Its 2,200 M MACs are printed as 2220, which contradicts the printed M/P
(2220 / 11.2 = 198). Neither form gives 2220 at 224 x 224 (1,938 M and 2,023 M).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from accelsim.sources.paper_networks.parts import Concatenation, conv_norm_relu, max_pool

# outputs of 1x1, 3x3 reduction, 3x3, double 3x3 reduction, double 3x3 (both), pooling projection;
# 0 in the first and last place: a module at stride 2, without them
_MODULES = (
    (64, 64, 64, 64, 96, 32),
    (64, 64, 96, 64, 96, 64),
    (0, 128, 160, 64, 96, 0),
    (224, 64, 96, 96, 128, 128),
    (192, 96, 128, 96, 128, 128),
    (160, 128, 160, 128, 160, 96),
    (96, 128, 192, 160, 192, 96),
    (0, 128, 192, 192, 256, 0),
    (352, 192, 320, 160, 224, 128),
    (352, 192, 320, 192, 224, 128),
)


class InceptionV2(nn.Module):
    """Inception-V2; separable: whether it is TensorFlow-slim's form (the other takes sides divisible by 32)."""

    def __init__(self, separable: bool = True, classes: int = 1000) -> None:
        super().__init__()
        eps = 1e-3 if separable else 1e-5
        stem = [nn.Conv2d(3, 24, 7, 2, 3, groups=3, bias=False), nn.Conv2d(24, 64, 1), nn.ReLU(inplace=True)]
        self.stem = nn.Sequential(
            *(stem if separable else [conv_norm_relu(3, 64, 7, 2, 3)]),
            *(max_pool(), conv_norm_relu(64, 64, 1, eps=eps), conv_norm_relu(64, 192, 3, padding=1, eps=eps)),
            max_pool(),
        )
        modules, inputs = [], 192
        for row in _MODULES:
            average = separable or row is not _MODULES[-1]
            modules.append(
                _inception(inputs, *row, eps, average) if row[0] else _reduction(inputs, row, eps, separable)
            )
            inputs = row[0] + row[2] + row[4] + (row[5] or inputs)
        self.features = nn.Sequential(*modules)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2) if separable else nn.Identity()
        self.classifier = nn.Linear(inputs, classes)
        self.softmax = nn.Softmax(1) if separable else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return class probabilities (slim's form) or scores (N, classes) of pictures (N, 3, H, W)."""
        x = self.pool(self.features(self.stem(x)))
        return self.softmax(self.classifier(self.dropout(x).flatten(1)))


def _inception(
    inputs: int, one: int, reduce3: int, three: int, reduce5: int, five: int, pool: int, eps: float, average: bool
) -> Any:
    pooling = nn.AvgPool2d(3, 1, 1) if average else nn.MaxPool2d(3, 1, 1)
    return Concatenation(
        conv1x1=conv_norm_relu(inputs, one, 1, eps=eps),
        conv3x3=_chain(inputs, (reduce3, three), 1, eps),
        double3x3=_chain(inputs, (reduce5, five, five), 1, eps),
        pool=nn.Sequential(pooling, conv_norm_relu(inputs, pool, 1, eps=eps)),
    )


def _reduction(inputs: int, row: tuple[int, ...], eps: float, padded: bool) -> Any:
    """Halve the map; padded: whether pooling starts one pixel outside, else it ends there."""
    return Concatenation(
        conv3x3=_chain(inputs, (row[1], row[2]), 2, eps),
        double3x3=_chain(inputs, (row[3], row[4], row[4]), 2, eps),
        pool=nn.MaxPool2d(3, 2, 1) if padded else max_pool(),
    )


def _chain(inputs: int, widths: tuple[int, ...], stride: int, eps: float) -> Any:
    """Return a 1 x 1 reduction and one or two 3 x 3 convolutions, the last one at `stride`."""
    layers = [conv_norm_relu(inputs, widths[0], 1, eps=eps)]
    for place in range(1, len(widths)):
        last = place == len(widths) - 1
        layers.append(conv_norm_relu(widths[place - 1], widths[place], 3, stride if last else 1, 1, eps=eps))
    return nn.Sequential(*layers)
