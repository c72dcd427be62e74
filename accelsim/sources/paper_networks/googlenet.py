"""GoogLeNet (Szegedy et al., CVPR 2015) as Caffe trains it, with local response normalisation.

torchvision's network of that name is another one: batch normalisation, 3 x 3 instead of 5 x 5 convolutions. The
auxiliary classifiers work during training alone and are left out.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from accelsim.sources.paper_networks.parts import Concatenation, conv_relu, max_pool

# outputs of 1x1, 3x3 reduction, 3x3, 5x5 reduction, 5x5, pooling projection (the paper's table 1)
_MODULES = {
    3: ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    4: (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    5: ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
}


class GoogLeNet(nn.Module):
    """GoogLeNet without auxiliary classifiers."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            *(conv_relu(3, 64, 7, 2, 3), max_pool(), nn.LocalResponseNorm(5)),
            *(conv_relu(64, 64, 1), conv_relu(64, 192, 3, padding=1), nn.LocalResponseNorm(5)),
        )
        inputs = 192
        for stage, rows in _MODULES.items():
            layers = [max_pool()]
            for row in rows:
                layers.append(_inception(inputs, *row))
                inputs = row[0] + row[2] + row[4] + row[5]
            self.add_module(f"inception{stage}", nn.Sequential(*layers))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.4)
        self.classifier = nn.Linear(inputs, classes)
        self.softmax = nn.Softmax(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return class probabilities (N, classes) of pictures (N, 3, H, W)."""
        x = self.inception5(self.inception4(self.inception3(self.stem(x))))
        return self.softmax(self.classifier(self.dropout(self.pool(x)).flatten(1)))


def _inception(inputs: int, one: int, reduce3: int, three: int, reduce5: int, five: int, pool: int) -> Any:
    return Concatenation(
        conv1x1=conv_relu(inputs, one, 1),
        conv3x3=nn.Sequential(conv_relu(inputs, reduce3, 1), conv_relu(reduce3, three, 3, padding=1)),
        conv5x5=nn.Sequential(conv_relu(inputs, reduce5, 1), conv_relu(reduce5, five, 5, padding=2)),
        pool=nn.Sequential(max_pool(3, 1, 1), conv_relu(inputs, pool, 1)),
    )
