"""AlexNet (Krizhevsky et al., NIPS 2012) as Caffe trains it: grouped convolutions and response normalisation.

The second, fourth and fifth convolution have two groups (the two GPUs of the paper), normalisation comes before
pooling. Published counts are at 224 x 224, where the first maps are 54 x 54; Caffe itself crops to 227 (55 x 55).
"""

from __future__ import annotations

import torch
from torch import nn

from accelsim.errors import InputError
from accelsim.sources.paper_networks.parts import conv_relu, max_pool


class GroupedAlexNet(nn.Module):
    """Caffe's AlexNet on pictures of 199 to 230 pixels a side."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(conv_relu(3, 96, 11, 4), nn.LocalResponseNorm(5), max_pool()),
            *(conv_relu(96, 256, 5, padding=2, groups=2), nn.LocalResponseNorm(5), max_pool()),
            conv_relu(256, 384, 3, padding=1),
            conv_relu(384, 384, 3, padding=1, groups=2),
            *(conv_relu(384, 256, 3, padding=1, groups=2), max_pool()),
        )
        self.classifier = nn.Sequential(
            *(nn.Linear(256 * 6 * 6, 4096), nn.ReLU(inplace=True), nn.Dropout()),
            *(nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout()),
            nn.Linear(4096, classes),
            nn.Softmax(1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return class probabilities (N, classes) of pictures (N, 3, H, W). Raises InputError for other than 199 to 230 pixels."""
        maps = self.features(x)
        if maps.shape[2:] != (6, 6):
            height, width = x.shape[2:]
            raise InputError(f"AlexNet takes pictures of 199 to 230 pixels, not {height} x {width}", "crop to 224")
        return self.classifier(maps.flatten(1))
