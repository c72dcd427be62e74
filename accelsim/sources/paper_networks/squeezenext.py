"""SqueezeNext with 23 blocks (Gholami et al., CVPR workshops 2018): 1.0-G, 1.0, 1.0-v5, 2.0 and 2.0-v5.

The paper's block diagram leaves open what the authors' Caffe files (amirgholami/SqueezeNext) settle:

* the 3 x 1 and the 1 x 3 convolution change places from each block of a stage to the next;
* "G" halves the connections (two groups) of the first reduction and of both separable convolutions alone;
* every stage begins with a block whose shortcut is a convolution, in the first stage at stride 1;
* in that block of v5 the reduction reads the shortcut's output, otherwise both read the block's input;
* at every width the first convolution has 64 outputs, the last one 128; the classifier has no bias.

At 224 x 224 parameters and MACs are then those of the published table, and A/P of 1.0-G is its upper bound of 32.8.
"""

from __future__ import annotations

import torch
from torch import nn

from accelsim.sources.paper_networks.parts import conv_norm_relu, max_pool

_WIDTHS = (32, 64, 128, 256)
_FIRST, _LAST = 64, 128


class Block(nn.Module):
    """Two 1 x 1 reductions, a 3 x 3 filter as a column and a row, a 1 x 1 expansion, and a shortcut.

    place: of the block in its stage; the first one changes width and size by a convolution in the shortcut.
    chained: whether that block's reduction reads the shortcut's output.
    """

    def __init__(self, inputs: int, width: int, place: int, stride: int, groups: int, chained: bool) -> None:
        super().__init__()
        self.shortcut = conv_norm_relu(inputs, width, 1, stride) if place == 0 else nn.Identity()
        self.chained = chained and place == 0
        tall, wide = ((3, 1), (1, 0)), ((1, 3), (0, 1))
        first, second = (tall, wide) if place % 2 == 0 else (wide, tall)
        half, quarter = width // 2, width // 4
        self.body = nn.Sequential(
            conv_norm_relu(width if self.chained else inputs, half, 1, 1 if self.chained else stride, groups=groups),
            conv_norm_relu(half, quarter, 1),
            conv_norm_relu(quarter, half, first[0], padding=first[1], groups=groups),
            conv_norm_relu(half, half, second[0], padding=second[1], groups=groups),
            conv_norm_relu(half, width, 1),
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, width, H / stride, W / stride)."""
        short = self.shortcut(x)
        return self.relu(short + self.body(short if self.chained else x))


class SqueezeNext(nn.Module):
    """SqueezeNext; stages: blocks of each of the four, width: multiple of the channels, kernel: of the first layer."""

    def __init__(
        self,
        stages: tuple[int, ...] = (6, 6, 8, 1),
        width: int = 1,
        kernel: int = 7,
        groups: int = 1,
        chained: bool = False,
        classes: int = 1000,
    ) -> None:
        super().__init__()
        self.conv1 = conv_norm_relu(3, _FIRST, kernel, 2)
        self.pool1 = max_pool()
        blocks, inputs = [], _FIRST
        for stage, (count, base) in enumerate(zip(stages, _WIDTHS, strict=True)):
            for place in range(count):
                stride = 2 if stage > 0 and place == 0 else 1
                blocks.append(Block(inputs, base * width, place, stride, groups, chained))
                inputs = base * width
        self.blocks = nn.Sequential(*blocks)
        self.last = conv_norm_relu(inputs, _LAST, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(_LAST, classes, bias=False)
        self.softmax = nn.Softmax(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return class probabilities (N, classes) of pictures (N, 3, H, W)."""
        x = self.last(self.blocks(self.pool1(self.conv1(x))))
        return self.softmax(self.classifier(self.pool(x).flatten(1)))
