"""Make the files of `segmenter`: train it on shapes over photographs, measure mIoU over held-out photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from accelsim.zoo import weight_files
from accelsim.zoo.data import leaves, photographs, shapes
from accelsim.zoo.networks.segmenter import Segmenter, prepare
from accelsim.zoo.training import cards, fitting

RECIPE = fitting.Recipe(steps=1200, batch=16, learning_rate=4e-3, weight_decay=0.01)
SIZE = 64
HELD_OUT = 100
"""So many of the photographs, the last ones by name, are backgrounds of test pictures only."""
TEST_PICTURES, TEST_SEED = 500, 1_000_000
SAMPLES, SAMPLE_SEED = 3, 7


def train(
    data: Path, out: Path, device: str = "cpu", epochs: int | None = None, seed: int = 0,
    log: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Train and write `out`/weights.safetensors (float16) and `out`/run.json; `epochs` is in units of 100 steps."""
    recipe = fitting.shortened(RECIPE, epochs, seed)
    images = torch.cat(photographs.read(data / photographs.TRAINING, "RGB"))[:-HELD_OUT]

    def batch(random: torch.Generator) -> tuple[Tensor, Tensor]:
        behind = photographs.crops(images, recipe.batch, SIZE, random)
        drawn = np.random.default_rng(int(torch.randint(2**31, (), generator=random)))
        return scenes(behind, drawn)

    fitting.produce(Segmenter, batch, F.cross_entropy, recipe, out, device, log)


def scenes(backgrounds: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return prepared pictures (N, 3, S, S) over uint8 backgrounds, and the class of each pixel int64 (N, S, S)."""
    made = [shapes.scene(background.numpy(), random) for background in backgrounds]
    pictures = torch.from_numpy(np.stack([picture for picture, _ in made]))
    return prepare(pictures), torch.from_numpy(np.stack([labels for _, labels in made])).long()


def held_out_scenes(data: Path, count: int = TEST_PICTURES) -> tuple[Tensor, Tensor]:
    """Return the first `count` test pictures and their classes, always the same ones."""
    images = torch.cat(photographs.read(data / photographs.TRAINING, "RGB"))[-HELD_OUT:]
    generator = torch.Generator().manual_seed(TEST_SEED)
    backgrounds = photographs.crops(images, TEST_PICTURES, SIZE, generator)[:count]
    return scenes(backgrounds, np.random.default_rng(TEST_SEED))


@torch.no_grad()
def measure(net: nn.Module, pictures: Tensor, labels: Tensor) -> tuple[list[float], float]:
    """Return the intersection over union of each class over all pixels, and the fraction of pixels that are right."""
    classes = len(shapes.CLASSES)
    table = torch.zeros(classes, classes, dtype=torch.long)
    for x, wanted in zip(pictures.split(50), labels.split(50), strict=True):
        pairs = wanted * classes + net(x).argmax(1)
        table += torch.bincount(pairs.flatten(), minlength=classes**2).view(classes, classes)
    both = table.diagonal().double()
    union = (table.sum(0) + table.sum(1)).double() - both
    return (both / union.clamp(min=1)).tolist(), float(both.sum() / table.sum())


def pack(data: Path, out: Path) -> None:
    """Measure `out`/weights.safetensors as stored on the test pictures and write samples and card beside it."""
    net = weight_files.load_into(Segmenter(), out / "weights.safetensors").eval()
    pictures, labels = held_out_scenes(data)
    overlap, pixels = measure(net, pictures, labels)
    random = np.random.default_rng(SAMPLE_SEED)
    drawn = [shapes.scene(leaves.picture(SIZE, 3, random), random) for _ in range(SAMPLES)]
    shown = torch.from_numpy(np.stack([picture for picture, _ in drawn]))
    kinds = torch.from_numpy(np.stack([kind for _, kind in drawn]))
    save_file({"pictures": shown, "labels": kinds}, out / "samples.safetensors")
    rows = [
        {
            "classes": [shapes.CLASSES[c] for c in kind.unique().tolist()],
            "right": round(measure(net, prepare(p), kind.long())[1], 3),
        }
        for p, kind in zip(shown.split(1), kinds.split(1), strict=True)
    ]
    largest = float((labels == 0).double().mean())
    cards.write(
        out,
        net,
        {
            "name": "segmenter",
            "task": "what texture each pixel belongs to: " + ", ".join(shapes.CLASSES),
            "data": {
                **photographs.ABOUT,
                "generated": "the pictures are made up: textured shapes laid over pieces of photographs, by the recipe in "
                "accelsim.zoo.data.shapes; no one labelled them, the classes are known because they were drawn",
            },
            "split": f"backgrounds: {500 - HELD_OUT} photographs for training, the last {HELD_OUT} for the "
            f"{TEST_PICTURES} test pictures (seed {TEST_SEED}); one choice was made on these: rings, which looked like "
            "stripes, gave way to the grid",
            "metric": f"mean intersection over union of the {len(shapes.CLASSES)} classes over all pixels of the test "
            "pictures, weights as stored",
            "value": round(sum(overlap) / len(overlap), 4),
            "classes": {name: round(x, 4) for name, x in zip(shapes.CLASSES, overlap, strict=True)},
            "pixels_right": round(pixels, 4),
            "baselines": {"all background": round(largest / len(shapes.CLASSES), 4)},
            "stored_as": cards.FLOAT16,
            "samples": rows,
            "limits": [
                "Generated data: the figure says that the network was trained, and nothing about photographs of real things.",
                "The sample inputs have generated backgrounds, too (dead leaves, accelsim.zoo.data.leaves).",
                cards.ONE_RUN,
            ],
        },
    )
