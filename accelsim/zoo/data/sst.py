"""Read SST-2, the binary Stanford Sentiment Treebank sentences (Socher et al. 2013): one `label text` per line."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

LABELS = ("negative", "positive")


class Sentence(NamedTuple):
    """Keep one labelled sentence; `label` indexes LABELS."""

    label: int
    text: str


def read(data: Path, split: str) -> list[Sentence]:
    """Read `data`/text/stsa.binary.`split` ("train", "dev" or "test"), in the order of the file.

    Raises FileNotFoundError where the file is not there, ValueError for a line without a label 0 or 1.
    """
    path = data / "text" / f"stsa.binary.{split}"
    if not path.is_file():
        raise FileNotFoundError(f"no SST-2 at {path}; --data names the folder that holds text/")
    sentences = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        label, _, text = line.partition(" ")
        if label not in ("0", "1") or not text:
            raise ValueError(f"{path}:{number}: expected '0 text' or '1 text', found {line[:40]!r}")
        sentences.append(Sentence(int(label), text.strip()))
    return sentences
