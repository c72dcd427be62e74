"""The networks of Hugging Face transformers: encoders, decoders that generate, vision transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from accelsim.errors import InputError
from accelsim.sources import Loaded, source
from accelsim.sources.digests import digest_file
from accelsim.sources.extras import installed
from accelsim.sources.huggingface import folder as folders
from accelsim.sources.inputs.fed import Fed, remarks
from accelsim.sources.inputs.pictures import Preparation
from accelsim.sources.inputs.sentences import Encode, encoder
from accelsim.sources.state import UNTRAINED, is_file, weight_file


@source("transformers")
class Transformers(Fed):
    """A network of transformers, from a folder of config.json and safetensors or from the Hugging Face Hub.

    Sentences are split by its own tokenizer, pictures prepared by its own preprocessor_config.json; code that a
    repository carries is never run. A decoder generates: the layers of its prefill have their plain names; those of
    its single-token steps end in #2, one recurrent layer of `decode_steps` steps for each weight, and a pair of
    attention products over the cached keys and values for each step. HF_HUB_OFFLINE=1 keeps to the local cache.
    """

    model: str = Field(
        min_length=1,
        description="folder, name of the Hub (bert-base-uncased), or package:NAME/FOLDER of a Python package",
    )
    weights: str = Field(
        default="DEFAULT",
        pattern=r"^(DEFAULT|random|.*[/.].*)$",
        description="DEFAULT (its own), a state dict (safetensors or .pth), or `random` (untrained)",
    )
    architecture: str | None = Field(
        default=None, description="class of transformers instead of config.json's, for example AutoModelForCausalLM"
    )
    decode_steps: int = Field(default=0, ge=0, description="tokens that a decoder generates after the prompt")
    seed: int = Field(default=0, ge=0, description="seed of random weights")

    def fingerprint(self) -> dict[str, Any]:
        """Return the names, the version of transformers and the digests of the files and inputs."""
        place = self._local
        return {
            "model": folders.digests(place, weights=self.weights == "DEFAULT") if place else self.model,
            "weights": digest_file(weight_file(self.weights, self._folder)) if is_file(self.weights) else self.weights,
            "architecture": self.architecture,
            "decode_steps": self.decode_steps,
            "seed": self.seed,
            "transformers": installed("transformers", "transformers"),
            "inputs": self.input_digests(),
        }

    def load(self) -> Loaded:
        """Build the network, its decoding loop if it is a decoder, and its inputs."""
        from accelsim.sources.huggingface.build import network
        from accelsim.sources.huggingface.decode import generating

        place = str(self._local or self.model)
        path = weight_file(self.weights, self._folder) if is_file(self.weights) else None
        module, warnings = network(place, self.architecture, self.weights, path, self.seed)
        trained = self.weights != "random"
        warnings = [*([] if trained else [UNTRAINED]), *warnings]
        if module.main_input_name == "pixel_values":
            pictures, ready = self._pictures(place)
            return Loaded(module, pictures, [*warnings, *remarks(self.inputs, ready, False)], trained)
        inputs = self._sentences(place, module.config)
        if self.decode_steps or module.can_generate():
            module = generating(module, self.decode_steps)
        return Loaded(module, inputs, warnings, trained)

    def _sentences(self, place: str, config: Any) -> list[tuple[Any, ...]]:
        from accelsim.sources.huggingface.build import tokenizer
        from accelsim.sources.inputs.reading import Taken, read

        items, path = self.items(), self.tokenizer_path
        encode: Encode = lambda _: []  # noqa: E731  (of no use: every input is a row of token ids)
        if any(item.kind == "text" for item in items):
            encode = encoder(path) if path is not None else tokenizer(place)
        inputs = read(items, self.inputs, Taken("sentences, .txt files or rows of token ids", encode=encode))
        most = getattr(config, "max_position_embeddings", None)
        for item, (ids,) in zip(items, inputs, strict=True):
            if most is not None and ids.shape[1] + self.decode_steps > most:
                raise InputError(
                    f"input {item} has {ids.shape[1]} tokens; the network has positions for {most}, "
                    f"{self.decode_steps} of them taken by decode_steps",
                    f"declare `inputs: {{length: {most - self.decode_steps}}}`",
                )
            if int(ids.max()) >= config.vocab_size or int(ids.min()) < 0:
                raise InputError(f"input {item} has token {int(ids.max())}, the network knows {config.vocab_size}")
        return inputs

    def _pictures(self, place: str) -> tuple[list[tuple[Any, ...]], Preparation]:
        from accelsim.sources.huggingface.build import image_config
        from accelsim.sources.huggingface.pictures import preparation
        from accelsim.sources.inputs.reading import Taken, read

        if self.unnamed == "sentences" and not self.inputs.files:  # of the Hub: not known before it is loaded
            raise InputError(f"{place} takes pictures", "give `inputs`, for example a folder of pictures")
        config = image_config(place)
        if config is None and not {"resize", "mean", "std"} <= set(self.inputs.declared):
            raise InputError(f"{place} has no preprocessor_config.json", "declare resize, mean and std under `inputs`")
        ready = preparation(config, place) if config else Preparation()
        return read(self.items(), self.inputs, Taken("pictures", ready.declared(self.inputs))), ready

    @property
    def unnamed(self) -> Literal["pictures", "sentences"]:
        """Shipped pictures for a folder whose config.json has a picture's size, else shipped sentences.

        Raises InputError when config.json cannot be read.
        """
        place = self._local
        try:
            config = json.loads((place / folders.CONFIG).read_text(encoding="utf-8")) if place else {}
        except (OSError, ValueError):
            raise InputError(
                f"{place}: config.json cannot be read", "give a folder that save_pretrained wrote"
            ) from None
        return "pictures" if "image_size" in config else "sentences"

    @property
    def _local(self) -> Path | None:
        return folders.find(self.model, self._folder)
