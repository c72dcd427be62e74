"""Make the files of `char_lstm`: train it on nine tenths of a text, measure bits per character on the last twentieth."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from accelsim.zoo import weight_files
from accelsim.zoo.networks.char_lstm import CHARACTERS, CharLstm, encode
from accelsim.zoo.training import cards, fitting, ngrams

RECIPE = fitting.Recipe(steps=2500, batch=32, learning_rate=5e-3, weight_decay=0.01, bf16=False)
WINDOW = 100
SPLIT = (180_000, 190_000)
"""Characters before the first are for training, before the second for choices, after it for the figure."""
SAMPLES, SAMPLE_LENGTH = 8, 64
ORDERS = (3, 4, 5, 6)


def train(
    data: Path, out: Path, device: str = "cpu", epochs: int | None = None, seed: int = 0,
    log: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Train and write `out`/weights.safetensors (float16) and `out`/run.json; `epochs` is in units of 100 steps."""
    recipe = fitting.shortened(RECIPE, epochs, seed)
    ids = encode(read(data)[0])

    def batch(random: torch.Generator) -> tuple[Tensor, Tensor]:
        start = torch.randint(len(ids) - WINDOW, (recipe.batch, 1), generator=random)
        window = ids[start + torch.arange(WINDOW + 1)]
        return window[:, :-1], window[:, 1:]

    def loss(logits: Tensor, following: Tensor) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), following.flatten())

    fitting.produce(CharLstm, batch, loss, recipe, out, device, log)


def read(data: Path) -> tuple[str, str, str]:
    """Read `data`/text/tinyshakespeare_last200k.txt: its training, development and test part, in the text's order.

    Raises FileNotFoundError where the file is not there.
    """
    path = data / "text" / "tinyshakespeare_last200k.txt"
    if not path.is_file():
        raise FileNotFoundError(f"no text at {path}; --data names the folder that holds text/")
    text = path.read_text(encoding="utf-8")
    return text[: SPLIT[0]], text[SPLIT[0] : SPLIT[1]], text[SPLIT[1] :]


@torch.no_grad()
def bits(net: nn.Module, text: str) -> float:
    """Return the bits per character of `text`, all but the first, read in one go from a zero state."""
    ids = encode(text)
    return F.cross_entropy(net(ids[None, :-1])[0], ids[1:]).item() / math.log(2)


def pack(data: Path, out: Path) -> None:
    """Measure `out`/weights.safetensors as stored, and write samples and card beside it."""
    net = weight_files.load_into(CharLstm(), out / "weights.safetensors").eval()
    parts = read(data)
    value = [round(bits(net, part), 3) for part in parts]
    order = min(ORDERS, key=lambda n: ngrams.bits(parts[0], parts[1], n, len(CHARACTERS)))
    passages = [parts[2][i * 1000 : i * 1000 + SAMPLE_LENGTH + 1] for i in range(SAMPLES)]
    save_file({"ids": torch.stack([encode(p[:-1]) for p in passages]).to(torch.uint8)}, out / "samples.safetensors")
    cards.write(
        out,
        net,
        {
            "name": "char_lstm",
            "task": "the next character of a play by Shakespeare",
            "data": {
                "files": ["text/tinyshakespeare_last200k.txt (200,000 characters)"],
                "source": "plays of Shakespeare, the last 200,000 characters of Karpathy's tiny Shakespeare",
                "licence": "public domain",
            },
            "split": "in the text's order: trained on the first 180,000 characters, choices made on the next 10,000, "
            "measured on the last 10,000",
            "metric": "bits per character on the last 10,000 characters in one go, weights as stored (less is better)",
            "value": value[2],
            "dev": value[1],
            "train": value[0],
            "baselines": {
                "uniform": round(math.log2(len(CHARACTERS)), 3),
                f"{order}-grams, Witten-Bell": round(ngrams.bits(parts[0], parts[2], order, len(CHARACTERS)), 3),
            },
            "stored_as": cards.FLOAT16,
            "samples": [{"bits": round(bits(net, p), 3), "text": p} for p in passages],
            "limits": [
                "A fifth of the usual text: figures of networks trained on all of tiny Shakespeare are lower.",
                "Training saw windows of 100 characters from a zero state. The bits of a sample of 64 characters are those "
                "after its first one, whose own bits are not counted.",
                "The order of the n-grams was chosen on the development part.",
                cards.ONE_RUN,
            ],
        },
    )
