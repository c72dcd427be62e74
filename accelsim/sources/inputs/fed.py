"""The base of sources whose workload names the inputs: pictures, arrays, sound or sentences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr

from accelsim.sources import Source
from accelsim.sources.digests import digest_file
from accelsim.sources.inputs import shipped
from accelsim.sources.inputs.items import Item, choose, find, locate
from accelsim.sources.inputs.pictures import Preparation
from accelsim.sources.inputs.spec import Inputs


class Fed(Source):
    """A source with the key `inputs`; of more inputs than the workload's `samples` it takes a seeded choice."""

    inputs: Inputs = Field(default=Inputs(), description="files, sentences and how they are prepared")
    _folder: Path = PrivateAttr(default=Path())
    _samples: int | None = PrivateAttr(default=None)

    def beside(self, folder: Path) -> Self:
        """Return the source that looks for its files in `folder` first."""
        copy = self.model_copy()
        copy._folder = folder
        return copy

    def choose(self, samples: int) -> Self:
        """Return the source that reads no more than `samples` inputs."""
        copy = self.model_copy()
        copy._samples = samples
        return copy

    def available(self) -> int | None:
        """Return the number of inputs there are. Raises InputError when one that is named cannot be found."""
        return len(self._all()) or None

    def items(self) -> list[Item]:
        """Return the chosen inputs."""
        found = self._all()
        return choose(found, len(found) if self._samples is None else self._samples, self.inputs.seed)

    def input_digests(self) -> dict[str, Any]:
        """Return JSON-like data over the content of the chosen inputs and their declared preparation."""
        items = self.items()
        paths = [shipped.picture_file() if item.kind == "shipped" else item.path for item in items]
        files = {path: digest_file(path) for path in set(paths) if path is not None}
        named = [[i.kind, files[path] if path else i.text, i.row] for i, path in zip(items, paths, strict=True)]
        tokenizer = self.tokenizer_path
        return {
            "items": named,
            "declared": {k: v for k, v in self.inputs.declared.items() if k != "tokenizer"},
            **({"tokenizer": digest_file(tokenizer)} if tokenizer else {}),
        }

    @property
    def unnamed(self) -> Literal["pictures", "sentences", ""]:
        """What is run when the workload names no inputs: shipped pictures or sentences, or nothing of them."""
        return ""

    @property
    def tokenizer_path(self) -> Path | None:
        """Where the declared tokenizer file stands."""
        return None if self.inputs.tokenizer is None else locate(self.inputs.tokenizer, self._folder)

    def _all(self) -> list[Item]:
        if self.inputs.files:
            return find(self.inputs, self._folder)
        if self.unnamed == "sentences":
            return [Item("text", text=sentence) for sentence in shipped.sentences()]
        return [Item("shipped", row=place) for place in range(shipped.PICTURES if self.unnamed else 0)]


def remarks(inputs: Inputs, preparation: Preparation | None, assumed: bool) -> list[str]:
    """Return the warnings about a network's pictures: shipped ones, or prepared by metadata that may not be theirs.

    preparation: by the metadata, before what the workload declares. assumed: whether the weights may have another.
    """
    if preparation is not None and preparation.left_out:
        steps = ", ".join(preparation.left_out)
        told = f"inputs are prepared as for {preparation.origin}, but for steps that are not done here: {steps}"
        return [told, *remarks(inputs, replace(preparation, left_out=()), assumed)]
    if not inputs.files:
        return [shipped.PICTURE_WARNING]
    if not assumed or preparation is None or {"resize", "crop", "mean", "std"} <= set(inputs.declared):
        return []
    return [
        f"inputs are prepared as for {preparation.origin} ({preparation}); "
        "declare resize, crop, mean and std under `inputs` if these weights were trained otherwise"
    ]
