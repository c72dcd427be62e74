"""Turn a user's own sentences or pictures into inputs of a shipped network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelsim.errors import InputError


def read(network: str, items: Sequence[Path | str]) -> list[tuple[Any, ...]]:
    """Return one input tuple per item: token ids for bert_lstm, a normalised image for resnet20.

    items: picture files (resnet20), sentences, or .txt files of one sentence a line (bert_lstm). Raises InputError
    for a file that cannot be read, an empty sentence, or a network that takes neither.
    """
    if network == "resnet20":
        return [_picture(Path(item)) for item in items]
    if network == "bert_lstm":
        return [_tokens(str(sentence)) for sentence in expand(items)]
    raise InputError(f"network {network} has no reader of inputs", "leave `inputs` out to use its shipped samples")


def expand(items: Sequence[Path | str]) -> list[Path | str]:
    """Return the items with every .txt file replaced by its sentences. Raises InputError for an unreadable one."""
    return [single for item in items for single in (_sentences(item) if str(item).endswith(".txt") else [item])]


def _picture(path: Path) -> tuple[Any, ...]:
    """Read a picture, resized to 32 x 32: float32 (1, 3, 32, 32)."""
    import numpy as np
    import torch

    from accelsim.zoo.resnet20 import normalise

    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise InputError("reading pictures needs Pillow", "pip install 'accelsim[images]'") from None
    try:
        with Image.open(path) as image:
            pixels = np.array(image.convert("RGB").resize((32, 32), Image.Resampling.BICUBIC))
    except FileNotFoundError:
        raise InputError(f"image {path} is missing") from None
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise InputError(f"image {path} cannot be read ({str(error).splitlines()[0]})", "give a PNG or JPEG") from None
    return (normalise(torch.from_numpy(pixels).permute(2, 0, 1)[None]),)


def _sentences(item: Path | str) -> list[str]:
    try:
        lines = Path(item).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"text file {item} cannot be read ({error})") from None
    sentences = [line for line in lines if line.strip()]
    if not sentences:
        raise InputError(f"text file {item} holds no sentence")
    return sentences


def _tokens(sentence: str) -> tuple[Any, ...]:
    """Split a sentence into WordPieces: int64 (1, T), cut to the positions the network has."""
    import torch

    from accelsim import zoo
    from accelsim.zoo import tokenizer
    from accelsim.zoo.bert_lstm import Shape

    if not sentence.strip():
        raise InputError("a sentence is empty")
    try:
        ids = tokenizer.load(zoo.folder("bert_lstm") / "vocab.txt").encode(sentence).ids
    except ImportError:
        raise InputError("splitting sentences needs tokenizers", "pip install 'accelsim[text]'") from None
    most = Shape().positions
    if len(ids) > most:
        ids = [*ids[: most - 1], ids[-1]]
    return (torch.tensor([ids]),)
