"""Turn sentences into token ids with a tokenizer file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from accelsim.errors import InputError, shortened

Ids = npt.NDArray[np.int64]
Encode = Callable[[str], list[int]]


def encoder(path: Path) -> Encode:
    """Return the function from a sentence to token ids of a tokenizer.json, or of a vocab.txt of WordPieces.

    Raises InputError when the file cannot be used.
    """
    from accelsim.zoo import tokenizer as wordpieces

    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise InputError("splitting sentences needs tokenizers", "pip install 'accelsim[text]'") from None
    if not path.is_file():
        raise InputError(f"tokenizer {path} is missing", "give a tokenizer.json or a vocab.txt")
    try:
        tokenizer = wordpieces.load(path) if path.suffix == ".txt" else Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exceptions
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise InputError(
            f"tokenizer {path} cannot be read ({reason})", "give a tokenizer.json or a vocab.txt"
        ) from None

    def encode(sentence: str) -> list[int]:
        try:
            return list(tokenizer.encode(sentence).ids)
        except Exception as error:  # likewise, for a word or a letter that it cannot place
            reason = (str(error).splitlines() or ["damaged"])[0]
            raise InputError(
                f"tokenizer {path} cannot split {shortened(sentence)!r} ({reason})", "give another"
            ) from None

    return encode


def tokens(sentence: str, encode: Encode, most: int | None) -> Ids:
    """Return the token ids of a sentence as (1, T); beyond `most` tokens it is cut, its last token kept.

    Raises InputError for a sentence without a token.
    """
    ids = encode(sentence)
    if not ids:
        raise InputError(f"sentence {shortened(sentence)!r} has no tokens")
    if most is not None and len(ids) > most:
        ids = [*ids[: most - 1], ids[-1]]
    return np.array([ids], np.int64)
