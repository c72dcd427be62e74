"""Write the shipped resnet20 as a quantised ONNX model (QDQ, 8 bits, scales per filter) and say how well it does.

    python -m accelsim.zoo.export_onnx --data DIR --out workloads/files

Exported by PyTorch, batch normalisation folded by it, quantised by onnxruntime, which chooses the scales of the
activations on training images. The folder `cifar10` beside it holds the ten sample pictures. Needs `accelsim[onnx]` and pillow.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from accelsim.zoo import load
from accelsim.zoo.data import cifar
from accelsim.zoo.networks.resnet20 import CLASSES, normalise
from accelsim.zoo.recipes.resnet20_int8 import CALIBRATION


class Calibration:
    """Feeds prepared images one by one, as onnxruntime's quantiser asks for them."""

    def __init__(self, images: Tensor) -> None:
        self._rows: Iterator[Tensor] = iter(normalise(images).split(1))

    def get_next(self) -> dict[str, Any] | None:
        """Return the next input, None after the last one."""
        row = next(self._rows, None)
        return None if row is None else {"x": row.numpy()}


def export(path: Path, images: Tensor) -> None:
    """Write resnet20 to `path`, its activations quantised by their ranges on uint8 `images` (N, 3, 32, 32)."""
    from onnxruntime import quantization as q

    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        real = Path(folder) / "real.onnx"
        torch.onnx.export(
            load("resnet20"), (normalise(images[:1]),), str(real), dynamo=False, opset_version=17,
            input_names=["x"], output_names=["logits"], dynamic_axes={"x": {0: "n"}, "logits": {0: "n"}},
        )  # fmt: skip
        q.quantize_static(
            real, path, Calibration(images), quant_format=q.QuantFormat.QDQ, per_channel=True,
            activation_type=q.QuantType.QUInt8, weight_type=q.QuantType.QInt8,
        )  # fmt: skip


def accuracy(path: Path, images: Tensor, labels: Tensor) -> float:
    """Return the fraction of uint8 images (N, 3, 32, 32) whose largest output of the model at `path` is their label."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = [session.run(None, {"x": normalise(part).numpy()})[0].argmax(1) for part in images.split(500)]
    return float((np.concatenate(found) == labels.numpy()).mean())


def main(arguments: list[str] | None = None) -> None:
    """Write resnet20_qdq.onnx and the folder cifar10; see `--help`."""
    from PIL import Image

    parser = argparse.ArgumentParser(prog="python -m accelsim.zoo.export_onnx", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds cifar10/")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    model = options.out / "resnet20_qdq.onnx"
    images, _ = cifar.read(options.data, "train")
    export(model, images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:CALIBRATION]])
    images, labels = cifar.read(options.data, "test")
    first = [int((labels == c).nonzero()[0, 0]) for c in range(len(CLASSES))]
    (options.out / "cifar10").mkdir(exist_ok=True)
    for number, (name, chosen) in enumerate(zip(CLASSES, first, strict=True)):
        Image.fromarray(images[chosen].permute(1, 2, 0).numpy()).save(options.out / "cifar10" / f"{number}_{name}.png")
    print(f"{accuracy(model, images, labels):.4f} of the {len(images):,} test images right")


if __name__ == "__main__":
    main()
