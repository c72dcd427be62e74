"""The networks shipped with accelsim, with their trained weights and sample inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field, PrivateAttr, field_validator

from accelsim.errors import InputError, unknown_name
from accelsim.files.paths import user_path
from accelsim.sources import Encoded, Loaded, Source, source
from accelsim.sources.digests import digest_file

_FILES = {".txt", ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"}


@source("zoo")
class Zoo(Source):
    """A network trained for accelsim and shipped with it, on its own sample inputs."""

    network: str = Field(min_length=1, description="name of a shipped network, for example bert_lstm")
    inputs: list[str] = Field(
        default=[], description="sentences, .txt files or pictures to run instead of the shipped samples"
    )
    _folder: Path = PrivateAttr(default=Path())

    @field_validator("network")
    @classmethod
    def _known(cls, name: str) -> str:
        from accelsim import zoo

        if name not in zoo.names():
            raise ValueError(str(unknown_name("network", name, zoo.names())))
        return name

    def beside(self, folder: Path) -> Self:
        """Return the source that looks for its input files in `folder` after the current one."""
        copy = self.model_copy()
        copy._folder = folder
        return copy

    def available(self) -> int | None:
        """Return the number of inputs given in the workload, None for the shipped samples."""
        from accelsim.zoo.reading import expand

        return len(expand(self._items())) or None

    def fingerprint(self) -> dict[str, Any]:
        """Return the digests of the shipped weights, samples and definition. Raises InputError when one is missing."""
        from accelsim import zoo

        folder = Path(zoo.folder(self.network))
        files = [folder / "weights.safetensors", folder / "samples.safetensors", *zoo.definitions(self.network)]
        given = [digest_file(item) if isinstance(item, Path) else item for item in self._items()]
        found = {"network": self.network, **{path.name: digest_file(path) for path in files}}
        return found | ({"inputs": given} if given else {})

    def layers(self, samples: int) -> Encoded | None:
        """Return the codes of a network that computes in integers (torch runs it), None for the others.

        Raises InputError when there are fewer inputs than `samples`.
        """
        from accelsim import zoo

        if not zoo.integer(self.network):
            return None
        from accelsim.zoo import codes

        module, inputs, *_ = self.load()
        if len(inputs) < samples:
            raise InputError(f"samples is {samples}, {self.network} has {len(inputs)}", f"set samples to {len(inputs)}")
        encoded = codes.layers(module, inputs[:samples])
        return Encoded(encoded, codes.count(module), [], codes.CONVENTIONS, codes.QUANTIZATION)

    def load(self) -> Loaded:
        """Load the network in evaluation mode and its inputs."""
        from accelsim import zoo
        from accelsim.zoo.reading import read

        items = self._items()
        return Loaded(zoo.load(self.network), read(self.network, items) if items else list(zoo.samples(self.network)))

    def _items(self) -> list[Path | str]:
        """Return each input as a path when it names a file (or has the ending of one), else as a sentence."""
        return [self._path(item) if Path(item).suffix.lower() in _FILES else item for item in self.inputs]

    def _path(self, item: str) -> Path:
        path = user_path(item)
        return path if path.is_file() else self._folder / path
