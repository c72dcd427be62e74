"""Time capture (two passes, quantise, store) against plain inference of the same network and samples.

Run `python -m benchmarks.bench_capture`; the aim is a ratio of at most 4 on convolutional networks.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from accelsim.sources.capture import capture

AIM = 4.0


def residual(width: int, stages: int) -> nn.Module:
    """Build a ResNet-like network: a stem, then two residual pairs of convolutions per stage, each half as large."""

    class Block(nn.Module):
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.one = nn.Sequential(
                nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
            )
            self.two = nn.Sequential(nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after))
            self.short = nn.Conv2d(before, after, 1, stride) if stride > 1 or before != after else nn.Identity()

        def forward(self, x: Any) -> Any:
            return torch.relu(self.two(self.one(x)) + self.short(x))

    layers: list[nn.Module] = [nn.Conv2d(3, width, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for stage in range(stages):
        after = width << stage
        layers += [Block(after if stage == 0 else after // 2, after, 1 if stage == 0 else 2), Block(after, after, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width << (stages - 1), 1000))


class Squeeze(nn.Module):
    """Eight squeeze-and-expand modules as in SqueezeNet 1.1."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2))
        plan = [(64, 16), (128, 16), "pool", (128, 32), (256, 32), "pool", (256, 48), (384, 48), (384, 64), (512, 64)]
        self.fires = nn.ModuleList(
            nn.MaxPool2d(3, 2)
            if isinstance(p, str)
            else nn.ModuleList(
                [
                    nn.Conv2d(p[0], p[1], 1),
                    nn.Conv2d(p[1], w := {16: 64, 32: 128, 48: 192, 64: 256}[p[1]], 1),
                    nn.Conv2d(p[1], w, 3, padding=1),
                ]
            )
            for p in plan
        )
        self.head = nn.Conv2d(512, 1000, 1)

    def forward(self, x: Any) -> Any:
        x = self.stem(x)
        for fire in self.fires:
            if isinstance(fire, nn.MaxPool2d):
                x = fire(x)
            else:
                x = torch.relu(fire[0](x))
                x = torch.cat([torch.relu(fire[1](x)), torch.relu(fire[2](x))], 1)
        return torch.relu(self.head(x)).mean((2, 3))


class Recurrent(nn.Module):
    """Two bidirectional LSTM layers of 256 units over sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(128, 256, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(512, 10)

    def forward(self, x: Any) -> Any:
        return self.head(self.lstm(x)[0].amax(1))


def cases() -> dict[str, Callable[[], tuple[nn.Module, list[tuple[Any, ...]]]]]:
    """Return what is measured: name to a function that gives module and samples."""
    found: dict[str, Callable[[], tuple[nn.Module, list[tuple[Any, ...]]]]] = {
        "ResNet-18 shape, 224": lambda: (residual(64, 4), [(torch.randn(1, 3, 224, 224),) for _ in range(2)]),
        "SqueezeNet 1.1 shape, 224": lambda: (Squeeze(), [(torch.randn(1, 3, 224, 224),) for _ in range(4)]),
        "LSTM 2 x 256, 100 steps": lambda: (Recurrent(), [(torch.randn(1, 100, 128),) for _ in range(4)]),
    }
    from accelsim import zoo

    for name in zoo.names():
        found[f"zoo {name}"] = lambda name=name: (zoo.load(name), list(zoo.samples(name))[:4])  # type: ignore[misc]
    return found


def best(functions: list[Callable[[], Any]], repetitions: int) -> list[float]:
    """Return the shortest time of each function, in seconds.

    They take turns, so that another load on the machine meets all of them; a first turn is not counted.
    """
    times: list[list[float]] = [[] for _ in functions]
    for turn in range(repetitions + 1):
        for function, found in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            if turn:
                found.append(time.perf_counter() - start)
    return [min(found) for found in times]


def main() -> None:
    """Print one line per network."""
    networks = cases()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=list(networks), choices=list(networks))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, help="threads of torch")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    for name in options.networks:
        module, inputs = networks[name]()
        print(_line(name, module.eval(), inputs, options.repeats), flush=True)


def _line(name: str, module: nn.Module, inputs: list[tuple[Any, ...]], repeats: int) -> str:
    def infer() -> None:
        with torch.no_grad():
            for arguments in inputs:
                module(*arguments)

    with tempfile.TemporaryDirectory() as folder:
        plain, traced = best([infer, lambda: capture(module, inputs, out=Path(folder) / "bundle")], repeats)
        size = sum(os.path.getsize(p) for p in Path(folder).rglob("*.safetensors"))
    ratio = traced / plain
    return (
        f"{name:28s} plain {plain * 1e3:8.1f} ms  capture {traced * 1e3:8.1f} ms  "
        f"ratio {ratio:5.2f}{' (aim 4)' if ratio > AIM else ''}  bundle {size / 1e6:6.1f} MB"
    )


if __name__ == "__main__":
    main()
