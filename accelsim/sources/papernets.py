"""Networks of papers that no library defines, exact to their published parameters and MACs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from accelsim.errors import unknown_name
from accelsim.sources import Loaded, source
from accelsim.sources.digests import digest_file
from accelsim.sources.inputs.fed import Fed, remarks
from accelsim.sources.paper_networks.table import NETWORKS
from accelsim.sources.state import UNTRAINED, weight_file


@source("papernets")
class PaperNets(Fed):
    """A network of a paper by name: SqueezeNext, MobileNetV1, Inception-V2, AlexNet and GoogLeNet as in Caffe.

    Weights are a file of your own or random (untrained, which every result says): the published ones are Caffe files,
    which are not read here. Pictures are prepared as the network was published for.
    """

    model: str = Field(min_length=1, description="name of the network, for example squeezenext_1_0_g")
    weights: str = Field(
        default="random", min_length=1, description="a state dict (safetensors or .pth), or `random` (untrained)"
    )
    classes: int = Field(default=1000, ge=1, description="outputs of the classifier")
    seed: int = Field(default=0, ge=0, description="seed of random weights")

    @field_validator("model")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in NETWORKS:
            raise ValueError(str(unknown_name("network", name, NETWORKS)))
        return name

    def fingerprint(self) -> dict[str, Any]:
        """Return the digests of the network's definition, the weight file and the inputs."""
        random = self.weights == "random"
        return {
            "model": self.model,
            "classes": self.classes,
            "code": {path.name: digest_file(path) for path in NETWORKS[self.model].files()},
            "weights": f"random {self.seed}" if random else digest_file(weight_file(self.weights, self._folder)),
            "inputs": self.input_digests(),
        }

    @property
    def unnamed(self) -> Literal["pictures"]:
        """The pictures shipped with the zoo."""
        return "pictures"

    def load(self) -> Loaded:
        """Build the network with its weights and prepare its pictures."""
        from accelsim.sources.inputs.reading import Taken, read

        trained, preparation = self.weights != "random", NETWORKS[self.model].preparation
        taken = Taken(f"pictures to {self.model}", preparation.declared(self.inputs))
        warnings = [*([] if trained else [UNTRAINED]), *remarks(self.inputs, preparation, trained)]
        return Loaded(self._module(trained), read(self.items(), self.inputs, taken), warnings, trained)

    def outline(self) -> Loaded:
        """Build the network on the meta device, and an input of the size that it was published for."""
        import torch

        from accelsim.sources.vision.outline import picture

        with torch.device("meta"):
            module = NETWORKS[self.model].make(self.classes)
        return Loaded(module, [picture(NETWORKS[self.model].preparation.declared(self.inputs))])

    def _module(self, trained: bool) -> Any:
        import torch

        from accelsim.sources.paper_networks.parts import initialise
        from accelsim.sources.state import load_weights

        network = NETWORKS[self.model]
        if trained:
            module = network.make(self.classes)
            load_weights(module, weight_file(self.weights, self._folder))
            return module
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            module = network.make(self.classes)
            initialise(module)
        return module
