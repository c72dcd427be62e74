"""The networks shipped with accelsim, with their trained weights and sample inputs."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

from pydantic import Field

from accelsim.errors import InputError
from accelsim.sources import Loaded, Source, source


@source("zoo")
class Zoo(Source):
    """A network trained for accelsim and shipped with it, on its own sample inputs."""

    network: str = Field(min_length=1, description="name of a shipped network, for example bert_lstm")

    def fingerprint(self) -> dict[str, Any]:
        """Return the digests of the shipped weights, samples and definition. Raises InputError when one is missing."""
        from accelsim import zoo

        folder = Path(zoo.folder(self.network))
        files = [folder / "weights.safetensors", folder / "samples.safetensors", _definition(self.network)]
        return {"network": self.network, **{path.name: digest_file(path) for path in files}}

    def load(self) -> Loaded:
        """Load the network in evaluation mode and its sample inputs."""
        from accelsim import zoo

        return Loaded(zoo.load(self.network), list(zoo.samples(self.network)))


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file in hex. Raises InputError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror})", "check the path, or install accelsim again"
        ) from None


def _definition(network: str) -> Path:
    spec = importlib.util.find_spec(f"accelsim.zoo.{network}")
    if spec is None or spec.origin is None:
        raise InputError(f"the definition of network {network} is missing", "install accelsim again")
    return Path(spec.origin)
