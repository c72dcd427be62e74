"""The networks of timm, on pictures prepared as their configuration says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from accelsim.sources import Loaded, source
from accelsim.sources.digests import digest_file
from accelsim.sources.extras import installed
from accelsim.sources.inputs.fed import Fed, remarks
from accelsim.sources.inputs.items import locate
from accelsim.sources.state import UNTRAINED, is_file, weight_file

Option = bool | int | float | str | None
CONFIG, WEIGHTS = "config.json", "model.safetensors"


@source("timm")
class Timm(Fed):
    """A network of timm by name, or a folder of its config.json and model.safetensors.

    DEFAULT weights of a name are downloaded into the cache of the Hugging Face Hub (HF_HUB_OFFLINE=1 keeps to the
    cache). Pictures are prepared as the network's own configuration says.
    """

    model: str = Field(min_length=1, description="name in timm, for example resnet18.a1_in1k, or a folder")
    weights: str = Field(
        default="DEFAULT",
        pattern=r"^(DEFAULT|random|.*[/.].*)$",
        description="DEFAULT, a state dict (safetensors or .pth), or `random` (untrained)",
    )
    options: dict[str, Option] = Field(
        default={}, description="arguments of the network's builder, for example num_classes: 10"
    )
    seed: int = Field(default=0, ge=0, description="seed of random weights")

    def fingerprint(self) -> dict[str, Any]:
        """Return the names, timm's version and the digests of the files and inputs."""
        folder, path = self._local, self._weight_path
        return {
            "model": digest_file(folder / CONFIG) if folder else self.model,
            "weights": digest_file(path) if path else self.weights,
            "options": self.options,
            "seed": self.seed,
            "timm": installed("timm", "timm"),
            "inputs": self.input_digests(),
        }

    @property
    def unnamed(self) -> Literal["pictures"]:
        """The pictures shipped with the zoo."""
        return "pictures"

    def load(self) -> Loaded:
        """Build the network with its weights and prepare its pictures."""
        from accelsim.sources.inputs.reading import Taken, read
        from accelsim.sources.vision.timm_build import build

        path = self._weight_path
        module, metadata = build(self.model, self._local, self.weights, path, self.options, self.seed)
        inputs = read(self.items(), self.inputs, Taken(f"pictures to {self.model}", metadata.declared(self.inputs)))
        trained = self.weights != "random"
        foreign = path is not None and self._local is None
        return Loaded(
            module, inputs, [*([] if trained else [UNTRAINED]), *remarks(self.inputs, metadata, foreign)], trained
        )

    def outline(self) -> Loaded:
        """Build the network without weights, and an input of the size that it was trained for."""
        from accelsim.sources.vision.outline import picture
        from accelsim.sources.vision.timm_build import build

        module, metadata = build(self.model, self._local, "random", None, self.options, self.seed)
        return Loaded(module, [picture(metadata.declared(self.inputs))])

    @property
    def _local(self) -> Path | None:
        """The folder that `model` names, if it is one."""
        path = locate(self.model, self._folder)
        return path if path.is_dir() else None

    @property
    def _weight_path(self) -> Path | None:
        if is_file(self.weights):
            return weight_file(self.weights, self._folder)
        folder = self._local
        return weight_file(WEIGHTS, folder) if folder and self.weights == "DEFAULT" else None
