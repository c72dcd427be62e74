"""Turn a user's own sentences or pictures into inputs of a shipped network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelsim.errors import InputError
from accelsim.files import pictures


def read(network: str, items: Sequence[Path | str]) -> list[tuple[Any, ...]]:
    """Return one input tuple per item: token ids for bert_lstm and char_lstm, a picture as the network wants it else.

    items: picture files, or sentences and .txt files of one sentence a line for the two that read text. Raises
    InputError for a file that cannot be read, an empty sentence, or one with a character the network does not know.
    """
    if network == "bert_lstm":
        return [_tokens(str(sentence)) for sentence in expand(items)]
    if network == "char_lstm":
        return [_characters(str(sentence)) for sentence in expand(items)]
    return [_picture(network, Path(item)) for item in items]


def expand(items: Sequence[Path | str]) -> list[Path | str]:
    """Return the items with every .txt file replaced by its sentences. Raises InputError for an unreadable one."""
    return [single for item in items for single in (_sentences(item) if str(item).endswith(".txt") else [item])]


def _picture(network: str, path: Path) -> tuple[Any, ...]:
    """Read a picture in the mode and size that the network wants, and prepare it as its input."""
    import numpy as np
    import torch

    from accelsim import zoo

    definition = zoo.definition(network)
    mode, size = definition.PICTURE
    picture = pictures.read(path, mode)
    pixels = np.atleast_3d(np.array(picture.resize(size, pictures.BICUBIC) if size else picture))
    return (definition.prepare(torch.from_numpy(pixels).permute(2, 0, 1)[None]),)


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
    from accelsim.zoo.networks.bert_lstm import Shape

    if not sentence.strip():
        raise InputError("a sentence is empty")
    try:
        ids = tokenizer.load(zoo.folder("bert_lstm") / "vocab.txt").encode(sentence).ids
    except ImportError:
        raise InputError("splitting sentences needs tokenizers", "pip install 'accelsim[text]'") from None
    except (TypeError, UnicodeError):  # half of a letter, as a terminal of another encoding gives it
        raise InputError(f"sentence {sentence!r} is no text", "give it in UTF-8") from None
    most = Shape().positions
    if len(ids) > most:
        ids = [*ids[: most - 1], ids[-1]]
    return (torch.tensor([ids]),)


def _characters(sentence: str) -> tuple[Any, ...]:
    """Split a sentence into characters: int64 (1, T)."""
    from accelsim.zoo.networks.char_lstm import encode

    if not sentence.strip():
        raise InputError("a sentence is empty")
    try:
        return (encode(sentence)[None],)
    except ValueError as error:
        raise InputError(f"{error}: {sentence[:40]!r}", "use plain letters and punctuation, no digits but 3") from None
