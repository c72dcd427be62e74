"""Imaging networks judged by how close their pictures are to the right ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from accelsim.errors import InputError

NETWORKS = ("denoiser", "superres")
DRAWN, SIDE, SEED = 3, 64, 3_000_000
"""Pictures drawn where there are no photographs: how many, how large, from which seed."""


class Scores(NamedTuple):
    """Of each input the peak signal-to-noise ratio in dB."""

    metric: npt.NDArray[np.float64]


class Pictures:
    """A network that makes pictures in [0, 1], its inputs and the right pictures; the metric is PSNR in dB."""

    metric = "PSNR"

    def __init__(
        self, module: Any, inputs: Sequence[tuple[Any, ...]], right: Sequence[Any], border: int, warnings: Sequence[str]
    ) -> None:
        self.module, self.inputs, self.warnings = module.eval(), list(inputs), list(warnings)
        self._right, self._border = list(right), border

    def digest(self, places: Sequence[int]) -> str:
        """Return a key over the weights, the inputs at `places` and what is right for them."""
        found = hashlib.sha256(f"{type(self.module).__qualname__} {self.metric} {self._border}".encode())
        for name, value in self.module.state_dict().items():
            found.update(name.encode() + value.numpy().tobytes())
        for place in places:
            for value in (*self.inputs[place], self._right[place]):
                found.update(value.numpy().tobytes())
        return found.hexdigest()[:24]

    def score(self, weights: Mapping[str, Any], places: Sequence[int]) -> Scores:
        """Run the inputs at `places`; weights: none may be replaced."""
        import torch

        from accelsim.zoo.data.photographs import psnr

        with torch.inference_mode():
            made = [(self.module(*self.inputs[place]).clamp(0, 1), self._right[place]) for place in places]
            return Scores(np.array([psnr(picture, right, self._border) for picture, right in made]))


def pictures(name: str, data: Path | None, most: int | None) -> Pictures:
    """Return the shipped network `name` (of NETWORKS) on photographs of `data`/set12, or on pictures drawn for it.

    most: pictures at most. Raises InputError when there are no photographs.
    """
    from accelsim import zoo

    module = zoo.load(name)
    if data is not None:
        from accelsim.zoo.data.photographs import read

        try:
            large = read(data / "set12")[:most]
        except FileNotFoundError as error:
            raise InputError(str(error)) from None
        notes: list[str] = []
    else:
        large = _drawn(min(DRAWN, DRAWN if most is None else most))
        notes = [f"judged on {len(large)} pictures drawn for it (dead leaves), none of which it was trained on"]
    if name == "denoiser":
        pairs = [_noisy(picture, seed) for seed, picture in enumerate(large)]
        return Pictures(module, [(noisy,) for noisy, _ in pairs], [clean for _, clean in pairs], 0, notes)
    pairs = [_small(picture) for picture in large]
    return Pictures(module, [(small,) for small, _ in pairs], [right for _, right in pairs], 2, notes)


def _drawn(count: int) -> list[Any]:
    import torch

    from accelsim.zoo.data import leaves

    random = np.random.default_rng(SEED)
    return [torch.from_numpy(leaves.picture(SIDE, 1, random)[None]) for _ in range(count)]


def _noisy(picture: Any, seed: int) -> tuple[Any, Any]:
    import torch

    from accelsim.zoo.networks.denoiser import SIGMA

    clean = picture.float() / 255
    return clean + SIGMA / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed)), clean


def _small(picture: Any) -> tuple[Any, Any]:
    from accelsim.zoo.recipes.superres import halved

    height, width = (side // 2 * 2 for side in picture.shape[2:])
    large = picture[:, :, :height, :width].float() / 255
    return halved(large), large
