"""The networks of torchvision, on pictures prepared as their weights' metadata says."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from accelsim.sources import Encoded, Loaded, source
from accelsim.sources.digests import digest_file
from accelsim.sources.extras import installed
from accelsim.sources.inputs.fed import Fed, remarks
from accelsim.sources.state import UNTRAINED, is_file, weight_file

Option = bool | int | float | str | None


@source("torchvision")
class Torchvision(Fed):
    """A network of torchvision by name: classification, segmentation, the backbone of a detector, or a quantised one.

    Of a quantised network (quantized_resnet18, ...) the operands are its own 8-bit codes. Weights are downloaded by
    torchvision into its own cache (DEFAULT, or the name of other published weights), or read from a file. Pictures
    are prepared as the metadata of those weights says, for a file as that of DEFAULT.
    """

    model: str = Field(min_length=1, description="name in torchvision.models, for example resnet18")
    weights: str = Field(
        default="DEFAULT",
        min_length=1,
        description="DEFAULT or other published weights, a state dict (safetensors or .pth), or `random` (untrained)",
    )
    part: str | None = Field(
        default=None, description="submodule that is run instead of the whole, for example `backbone` of a detector"
    )
    options: dict[str, Option] = Field(
        default={}, description="arguments of the network's builder, for example num_classes: 10"
    )
    seed: int = Field(default=0, ge=0, description="seed of random weights")

    def fingerprint(self) -> dict[str, Any]:
        """Return the names, torchvision's version and the digests of weight file and inputs."""
        weights = digest_file(weight_file(self.weights, self._folder)) if is_file(self.weights) else self.weights
        return {
            "model": self.model,
            "weights": weights,
            "part": self.part,
            "options": self.options,
            "seed": self.seed,
            "torchvision": installed("torchvision", "torchvision"),
            "inputs": self.input_digests(),
        }

    @property
    def unnamed(self) -> Literal["pictures"]:
        """The pictures shipped with the zoo."""
        return "pictures"

    def layers(self, samples: int) -> Encoded | None:
        """Return the codes of a quantised network, None for any other; loads torch for these."""
        if not self.model.startswith("quantized_") or self.options.get("quantize") is False:
            return None
        from accelsim.sources.vision.quantised import encode

        module, inputs, warnings, _ = self.load()
        return encode(module, inputs, warnings)

    def load(self) -> Loaded:
        """Build the network with its weights and prepare its pictures."""
        from accelsim.sources.inputs.reading import Taken, read
        from accelsim.sources.vision.build import Built, build

        path = weight_file(self.weights, self._folder) if is_file(self.weights) else None
        built: Built = build(self.model, self.weights, path, self.options, self.seed, self.part)
        preparation = built.preparation and built.preparation.declared(self.inputs)
        inputs = read(self.items(), self.inputs, Taken(built.takes, preparation))
        trained = self.weights != "random"
        warnings = [*([] if trained else [UNTRAINED]), *remarks(self.inputs, built.preparation, path is not None)]
        return Loaded(built.module, built.adapt(inputs), warnings, trained)

    def outline(self) -> Loaded:
        """Build the network without weights, and an input of the size that it was trained for."""
        from accelsim.sources.vision.outline import torchvision_outline

        if self.part is not None:
            return super().outline()
        return torchvision_outline(self.model, self.weights, self.options, self.inputs)
