"""Biases that take up the mean error of replaced weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Corrected:
    """Bias of a layer and the means of its inputs.

    bias: name of the parameter. value: (outputs,). means: (groups, inputs of a group), over inputs, rows and positions.
    """

    bias: str
    value: Floats
    means: npt.NDArray[np.float64]

    def shift(self, error: Floats) -> Floats:
        """Return what the bias gains when the weights lose `error` (outputs, inputs of a group, ...kernel)."""
        groups = len(self.means)
        summed = error.reshape(groups, len(self.value) // groups, self.means.shape[1], -1).sum(
            axis=-1, dtype=np.float64
        )
        return np.einsum("goi,gi->go", summed, self.means).reshape(-1).astype(np.float32)


def means_of_inputs(
    module: Any, weights: Sequence[str], run: Callable[[Sequence[int]], Iterable[Any]], places: Sequence[int]
) -> dict[str, Corrected]:
    """Return bias and mean inputs of each layer that has a bias, by the name of its weights. Loads torch.

    run: runs the module on the inputs at `places`, to the end of what it gives.
    """
    import torch

    kinds = torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Conv3d | torch.nn.Linear
    parts = {name: module.get_submodule(name.rpartition(".")[0]) for name in weights if name.endswith("weight")}
    layers = {name: part for name, part in parts.items() if isinstance(part, kinds) and part.bias is not None}
    sums = {name: np.zeros(_inputs(part)) for name, part in layers.items()}
    counts = dict.fromkeys(layers, 0)

    def watch(name: str) -> Callable[[Any, Any], None]:
        def add(part: Any, given: tuple[Any, ...]) -> None:
            values, size = given[0].detach().double(), len(sums[name])
            axis = values.dim() - 1 if isinstance(part, torch.nn.Linear) else values.dim() - part.weight.dim() + 1
            sums[name] += values.movedim(axis, 0).reshape(size, -1).sum(1).cpu().numpy()
            counts[name] += values.numel() // size

        return add

    hooks = [part.register_forward_pre_hook(watch(name)) for name, part in layers.items()]
    try:
        for _ in run(places):
            pass
    finally:
        for hook in hooks:
            hook.remove()
    return {
        name: Corrected(
            f"{name.removesuffix('weight')}bias",
            part.bias.detach().float().cpu().numpy().copy(),
            (sums[name] / counts[name]).reshape(getattr(part, "groups", 1), -1),
        )
        for name, part in layers.items()
        if counts[name]
    }


def _inputs(part: Any) -> int:
    return int(part.weight.shape[1]) * int(getattr(part, "groups", 1))
