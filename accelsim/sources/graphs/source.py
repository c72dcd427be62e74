"""The base of sources that run a model file in its own runtime: its keys, its inputs, its content key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, PrivateAttr

from accelsim.errors import InputError
from accelsim.quantize import Quantization
from accelsim.sources.digests import digest_file
from accelsim.sources.extras import installed
from accelsim.sources.graphs.feeds import Asked, Feed, matched, random_feeds
from accelsim.sources.inputs.arrays import members, read, rows
from accelsim.sources.inputs.fed import Fed
from accelsim.sources.inputs.items import Item, locate
from accelsim.sources.inputs.pictures import Preparation
from accelsim.sources.inputs.sentences import encoder


class Graph(Fed):
    """A source that runs a model file; without `inputs` on seeded random numbers, marked in every result.

    version: raised whenever the same file would give another trace. packages: what the runtime needs, and the extra
    that installs it.
    """

    version: ClassVar[int]
    packages: ClassVar[tuple[str, ...]]
    extra: ClassVar[str]

    model: str = Field(min_length=1, description="path of the model file")
    sizes: dict[str, int] = Field(default={}, description="free sizes of the model's inputs, for random inputs")
    _quantization: Quantization = PrivateAttr(default=Quantization())

    @property
    def path(self) -> Path:
        """Where the model file stands. Raises InputError when it is missing."""
        path = locate(self.model, self._folder)
        if not path.is_file():
            raise InputError(
                f"model {path} is missing", f"looked in {self._folder.resolve()} and in the current folder"
            )
        return path

    def quantizing(self, quantization: Quantization) -> Self:
        """Return the source that turns the model's real numbers, where it has some, into codes by `quantization`."""
        copy = self.model_copy()
        copy._quantization = quantization
        return copy

    def files(self) -> list[Path]:
        """Return the files that make up the model."""
        return [self.path]

    def fingerprint(self) -> dict[str, Any]:
        """Return the digests of the model and of its inputs. Raises InputError when one is missing."""
        model = [digest_file(path) for path in self.files()]
        return {"version": self.version, "model": model, "inputs": self.input_digests(), "sizes": self.sizes}

    def feeds(self, asked: list[Asked], samples: int) -> tuple[list[Feed], list[str]]:
        """Return what the model is fed, sample by sample, and what the reader of a result must know of it."""
        name = self.path.name
        items = self.items()
        if not items:
            seed = self.inputs.seed or 0
            note = f"the inputs are random numbers (seed {seed}): zeros and precision of activations are not those of real inputs"
            return random_feeds(asked, samples, seed, self.sizes, name), [note]
        return [matched(given, asked, name) for given in self._given(items[:samples], asked)], []

    def rehearse(self, samples: int) -> None:
        """Run the model on its first `samples` inputs in another process. Raises InputError when it ends that process."""
        from accelsim.sources.graphs.rehearsal import rehearse

        self.require()
        rehearse(self, self._folder, samples)

    def run(self, samples: int) -> None:
        """Run the model on its first `samples` inputs and keep nothing. Raises InputError when that fails."""
        raise NotImplementedError

    def require(self) -> None:
        """Raise InputError, saying what to install, when the runtime is not installed."""
        for package in self.packages:
            installed(package, self.extra)

    def _all(self) -> list[Item]:
        archive = self._archive
        if archive is None:
            return super()._all()
        counts = {name: rows(archive, name) for name in members(archive)}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise InputError(f"{archive}: arrays differ in their number of samples ({listed})", "the first axis counts")
        return [Item("array", archive, row) for row in range(next(iter(counts.values()), 0))]

    @property
    def _archive(self) -> Path | None:
        """The .npz of an array per input, if that is what the workload names."""
        if len(self.inputs.files) != 1 or self.inputs.array is not None:
            return None
        path = locate(self.inputs.files[0], self._folder)
        return path if path.suffix.lower() == ".npz" and path.is_file() else None

    def _given(self, items: list[Item], asked: list[Asked]) -> list[Feed]:
        from accelsim.sources.inputs.reading import Taken, numbers

        archive = self._archive
        if archive is not None:
            named = {name: read(archive, name) for name in members(archive)}
            return [{name: array[item.row][None] for name, array in named.items()} for item in items]
        words = f"what {self.path.name} takes: {', '.join(map(str, asked))}"
        preparation = Preparation().declared(self.inputs) if all(item.kind == "picture" for item in items) else None
        encode = encoder(self.tokenizer_path) if self.tokenizer_path else None
        arrays = numbers(items, self.inputs, Taken(words, preparation, encode, anything=True))
        if encode:
            return [_sentence(array, asked) for array in arrays]
        return [{"input": _channels_last(array, asked) if preparation else array} for array in arrays]


def _sentence(ids: Any, asked: list[Asked]) -> Feed:
    """Return token ids with the masks that a model of text takes beside them, by the names exporters give them."""
    import numpy as np

    known = {"attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    names = [item.name for item in asked]
    first = next((name for name in names if name not in known), "input_ids")
    return {first: ids, **{name: mask for name, mask in known.items() if name in names}}


def _channels_last(picture: Any, asked: list[Asked]) -> Any:
    """Return a picture (1, channels, H, W) with its channels last where the model's input has them there."""
    shape = asked[0].shape if asked else None
    last = shape is not None and len(shape) == 4 and shape[3] == picture.shape[1] != shape[1]
    return picture.transpose(0, 2, 3, 1) if last else picture
