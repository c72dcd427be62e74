"""Make the files of `superres`: train it on halved photographs, measure PSNR on held-out ones beside bicubic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from accelsim.zoo import weight_files
from accelsim.zoo.data import leaves, photographs
from accelsim.zoo.networks.superres import Superres, enlarged
from accelsim.zoo.training import cards, fitting

RECIPE = fitting.Recipe(steps=2200, batch=32, learning_rate=3e-3)
PIECE = 64
"""Side of a training piece at full size, in pixels."""
HELD_OUT = ("set5", "set12")
BORDER = 2
"""Pixels at each edge that PSNR leaves out."""
SAMPLES, SAMPLE_SIZE = 6, 64


def train(
    data: Path, out: Path, device: str = "cpu", epochs: int | None = None, seed: int = 0,
    log: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Train and write `out`/weights.safetensors (float16) and `out`/run.json; `epochs` is in units of 100 steps."""
    recipe = fitting.shortened(RECIPE, epochs, seed)
    images = torch.cat(photographs.read(data / photographs.TRAINING))

    def batch(random: torch.Generator) -> tuple[Tensor, Tensor]:
        large = photographs.crops(images, recipe.batch, PIECE, random).float() / 255
        return halved(large), large

    def loss(found: Tensor, large: Tensor) -> Tensor:
        inside = (..., slice(4, -4), slice(4, -4))  # the outer pixels were halved without their neighbours
        return 100 * F.mse_loss(found[inside], large[inside])

    fitting.produce(Superres, batch, loss, recipe, out, device, log)


def halved(large: Tensor) -> Tensor:
    """Return pictures (N, 1, H, W) in [0, 1] at half the size, bicubic with antialiasing, rounded to 8 bits."""
    small = F.interpolate(large, scale_factor=0.5, mode="bicubic", align_corners=False, antialias=True)
    return (small.clamp(0, 1) * 255).round() / 255


@torch.no_grad()
def measure(net: nn.Module, pictures: list[Tensor]) -> tuple[float, float]:
    """Return mean PSNR in dB over uint8 pictures (1, 1, H, W): of the network and of bicubic interpolation."""
    rows = []
    for picture in pictures:
        height, width = (side // 2 * 2 for side in picture.shape[2:])
        large = picture[:, :, :height, :width].float() / 255
        small = halved(large)
        rows.append([photographs.psnr(x.clamp(0, 1), large, BORDER) for x in (net(small), enlarged(small))])
    mean = torch.tensor(rows, dtype=torch.float64).mean(0)
    return float(mean[0]), float(mean[1])


def pack(data: Path, out: Path) -> None:
    """Measure `out`/weights.safetensors as stored on the held-out photographs and write samples and card beside it."""
    net = weight_files.load_into(Superres(), out / "weights.safetensors").eval()
    results = {name: [round(x, 2) for x in measure(net, photographs.read(data / name))] for name in HELD_OUT}
    random = np.random.default_rng(5)
    large = torch.from_numpy(np.stack([leaves.picture(2 * SAMPLE_SIZE, 1, random) for _ in range(SAMPLES)]))
    small = (halved(large / 255) * 255).round().to(torch.uint8)
    save_file({"small": small}, out / "samples.safetensors")
    rows = [dict(zip(("enlarged", "bicubic"), (round(x, 2) for x in measure(net, [p])))) for p in large.split(1)]
    value, bicubic = results["set5"]
    cards.write(
        out,
        net,
        {
            "name": "superres",
            "task": "double the size of a grey photograph",
            "data": {
                **photographs.ABOUT,
                "files": [*photographs.ABOUT["files"], "set5/*.png (5), set12/*.png (12), held out"],
            },
            "split": f"{photographs.SPLIT}; the small picture is the large one halved (bicubic, antialiased) and rounded to 8 bits",
            "metric": f"mean PSNR in dB over set5, luminance of full range, {BORDER} pixels at each edge left out, "
            "weights as stored",
            "value": value,
            "also": {"set": "set12", "value": results["set12"][0], "bicubic": results["set12"][1]},
            "baselines": {"bicubic": bicubic},
            "stored_as": cards.FLOAT16,
            "samples": rows,
            "limits": [
                "The sample inputs are generated (dead leaves, accelsim.zoo.data.leaves), not photographs; the rows of "
                "`samples` are PSNR in dB.",
                "The luminance is of full range (Pillow's mode L), halving and bicubic interpolation are PyTorch's: a dB "
                "or so from figures in the literature, which use MATLAB's and the range 16 to 235. Compare with bicubic.",
                photographs.JPEG,
                cards.ONE_RUN,
            ],
        },
    )
