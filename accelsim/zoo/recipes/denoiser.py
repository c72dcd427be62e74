"""Make the files of `denoiser`: train it on pieces of photographs with fresh noise, measure PSNR on held-out ones."""

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
from accelsim.zoo.networks.denoiser import SIGMA, Denoiser
from accelsim.zoo.training import cards, fitting

RECIPE = fitting.Recipe(steps=3000, batch=32, learning_rate=3e-3)
PIECE = 40
HELD_OUT = ("set12", "bsd68_12")
SAMPLES, SAMPLE_SIZE = 4, 64


def train(
    data: Path, out: Path, device: str = "cpu", epochs: int | None = None, seed: int = 0,
    log: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Train and write `out`/weights.safetensors (float16) and `out`/run.json; `epochs` is in units of 100 steps."""
    recipe = fitting.shortened(RECIPE, epochs, seed)
    images = torch.cat(photographs.read(data / photographs.TRAINING))

    def batch(random: torch.Generator) -> tuple[Tensor, Tensor]:
        clean = photographs.crops(images, recipe.batch, PIECE, random).float() / 255
        return clean + SIGMA / 255 * torch.randn(clean.shape, generator=random), clean

    def loss(found: Tensor, clean: Tensor) -> Tensor:
        return 100 * F.mse_loss(found, clean)  # of the size at which the gradients' norm is seldom clipped

    fitting.produce(Denoiser, batch, loss, recipe, out, device, log)


@torch.no_grad()
def measure(net: nn.Module, pictures: list[Tensor], seed: int = 0) -> tuple[float, float, float]:
    """Return mean PSNR in dB over uint8 pictures: of the network, of the noisy input, of the best Gaussian filter.

    The noise of each picture is drawn afresh from `seed` and not clipped; the filter's width is the best of several for
    the mean over these very pictures.
    """
    rows = []
    for picture in pictures:
        clean = picture.float() / 255
        noisy = clean + SIGMA / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))
        filtered = [_smoothed(noisy, width) for width in (0.6, 0.8, 1.0, 1.2, 1.4)]
        rows.append([photographs.psnr(x, clean) for x in (net(noisy), noisy, *filtered)])
    mean = torch.tensor(rows, dtype=torch.float64).mean(0)
    return float(mean[0]), float(mean[1]), float(mean[2:].max())


def pack(data: Path, out: Path) -> None:
    """Measure `out`/weights.safetensors as stored on the held-out photographs and write samples and card beside it."""
    net = weight_files.load_into(Denoiser(), out / "weights.safetensors").eval()
    results = {name: [round(x, 2) for x in measure(net, photographs.read(data / name))] for name in HELD_OUT}
    random = np.random.default_rng(12)
    clean = torch.from_numpy(np.stack([leaves.picture(SAMPLE_SIZE, 1, random) for _ in range(SAMPLES)]))
    noise = torch.from_numpy(random.normal(0, SIGMA / 255, clean.shape))
    noisy = (clean / 255 + noise).half()
    save_file({"noisy": noisy, "clean": clean}, out / "samples.safetensors")
    with torch.no_grad():
        rows = [
            {"noisy": round(photographs.psnr(n, c), 2), "denoised": round(photographs.psnr(net(n), c), 2)}
            for n, c in zip(noisy.float().split(1), (clean / 255).split(1), strict=True)
        ]
    value, before, filtered = results["set12"]
    cards.write(
        out,
        net,
        {
            "name": "denoiser",
            "task": f"take Gaussian noise of sigma {SIGMA} (of 255) out of a grey photograph",
            "data": {
                **photographs.ABOUT,
                "files": [*photographs.ABOUT["files"], "set12/*.png, bsd68_12/*.png (12 photographs each, held out)"],
            },
            "split": f"{photographs.SPLIT}; the noise is drawn afresh, not clipped",
            "metric": "mean PSNR in dB over set12, noise from seed 0, weights as stored",
            "value": value,
            "also": {
                "set": "12 photographs of BSD68",
                "value": results["bsd68_12"][0],
                "noisy": results["bsd68_12"][1],
            },
            "baselines": {"noisy picture": before, "best Gaussian filter": filtered},
            "stored_as": cards.FLOAT16,
            "samples": rows,
            "limits": [
                "The sample inputs are generated (dead leaves, accelsim.zoo.data.leaves), not photographs, with noise of the "
                "same strength; the rows of `samples` are their PSNR in dB.",
                "A tenth of the size of DnCNN-S, trained for minutes: DnCNN-S reaches 30.44 dB on all of Set12 (Zhang "
                "et al. 2017, table III).",
                photographs.JPEG,
                cards.ONE_RUN,
            ],
        },
    )


def _smoothed(picture: Tensor, width: float) -> Tensor:
    """Return the picture (1, 1, H, W) under a Gaussian of standard deviation `width` pixels, edges mirrored."""
    taps = torch.exp(-0.5 * (torch.arange(-4, 5) / width) ** 2)
    taps = taps / taps.sum()
    padded = F.pad(picture, (4, 4, 4, 4), mode="reflect")
    return F.conv2d(F.conv2d(padded, taps.view(1, 1, 1, 9)), taps.view(1, 1, 9, 1))
