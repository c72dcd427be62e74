"""A network of which weights are replaced and outputs are judged, input by input."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from accelsim.errors import InputError
from accelsim.sources.sharing.biases import Corrected, means_of_inputs

Floats = npt.NDArray[np.float32]
METRICS = ("auto", "accuracy", "agreement", "fidelity")
BATCH = 25
"""Inputs that are run at a time where their shapes agree."""


class Scores(NamedTuple):
    """Of each input: the metric in percent, and the squared distance of the outputs from the network's own over their squares."""

    metric: npt.NDArray[np.float64]
    distance: npt.NDArray[np.float64]


class Network:
    """A module, the inputs of its task and what is right.

    metric: "accuracy" with labels; without, "agreement" (with the unchanged network's decisions) or "fidelity" (100 less the
    distance of the outputs in percent), by the shape of the outputs where it is "auto". Loads torch when it is made.
    """

    def __init__(
        self,
        module: Any,
        inputs: Sequence[tuple[Any, ...]],
        labels: Any = None,
        warnings: Sequence[str] = (),
        metric: str = "auto",
    ) -> None:
        if metric not in METRICS:
            raise InputError(f"the metric is {metric!r}", f"give {', '.join(METRICS)}")
        if metric == "accuracy" and labels is None:
            raise InputError("accuracy needs labels", "give --labels, or the metric agreement")
        if not inputs:
            raise InputError("the network has no inputs to be judged on")
        self.module, self.inputs, self.warnings = module.eval(), list(inputs), list(warnings)
        self._parameters = dict(shareable(module))
        if not self._parameters:
            raise InputError(f"{type(module).__name__} has no weights of convolutions, linear or recurrent layers")
        self._own: dict[int, Any] = {}
        self._biases: dict[str, Corrected] = {}
        self._right = None if labels is None else [np.asarray(label) for label in labels]
        if self._right is not None and len(self._right) != len(self.inputs):
            raise InputError(f"there are {len(self._right)} labels for {len(self.inputs)} inputs")
        found = "accuracy" if self._right else "agreement" if self._classes(self._reference([0])[0]) else "fidelity"
        self.metric = found if metric == "auto" else metric
        if self.metric != "accuracy":
            self._right = None

    def layers(self) -> list[tuple[str, Floats]]:
        """Return name and weights of each layer, float32, output channels first."""
        return [(name, _array(p)) for name, p in self._parameters.items()]

    @property
    def parameters(self) -> int:
        """Number of all parameters, those that are not shared included."""
        return sum(p.numel() for p in self.module.parameters())

    def digest(self, places: Sequence[int]) -> str:
        """Return a key over the weights, the class of the module, the inputs at `places` and what is right for them."""
        found = hashlib.sha256(f"{type(self.module).__qualname__} {self.metric}".encode())
        for name, corrected in self._biases.items():
            found.update(name.encode() + corrected.means.tobytes())
        for name, value in self.module.state_dict().items():
            found.update(name.encode() + _bytes(value))
        for place in places:
            found.update(b"".join(_bytes(value) for value in self.inputs[place]))
            found.update(b"" if self._right is None else self._right[place].tobytes())
        return found.hexdigest()[:24]

    def score(self, weights: Mapping[str, Floats], places: Sequence[int]) -> Scores:
        """Run the inputs at `places` with some layers' weights replaced."""
        metric, distance = [], []
        own = self._reference(places)
        with self.replaced(weights):
            for some, outputs in self._run(places):
                for place, output in zip(some, outputs, strict=True):
                    before = own[place]
                    energy = float(np.square(before, dtype=np.float64).sum()) or 1.0
                    distance.append(float(np.square(output - before, dtype=np.float64).sum()) / energy)
                    metric.append(self._judged(output, before, place, distance[-1]))
        return Scores(np.array(metric), np.array(distance))

    @contextmanager
    def replaced(self, weights: Mapping[str, Floats]) -> Iterator[Any]:
        """Give the module with some layers' weights replaced; afterwards they are its own again."""
        import torch

        arrays = {**weights, **self.biases(weights)}
        own = dict(self.module.named_parameters(remove_duplicate=False))  # tied ones by each of their names
        before = {name: own[name].detach().clone() for name in arrays}
        try:
            with torch.no_grad():
                for name, array in arrays.items():
                    own[name].copy_(torch.from_numpy(np.ascontiguousarray(array)))
            yield self.module
        finally:
            with torch.no_grad():
                for name, value in before.items():
                    own[name].copy_(value)

    def correct_biases(self, places: Sequence[int]) -> None:
        """From now on let biases take up the mean error of replaced weights, by the layers' mean inputs over `places`.

        Of convolutions (not transposed) and linear layers that have a bias: it gains the sum over inputs of (weight -
        replaced weight) x mean input, so that the outputs keep their means where inputs keep theirs (padding is left out of
        account). Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, ICCV 2019.
        """
        self._biases = means_of_inputs(self.module, list(self._parameters), self._run, places)
        count, others = len(self._biases), len(self._parameters) - len(self._biases)
        self.warnings.append(
            f"biases of {count} layers take up the mean error of their weights, by {len(places)} inputs"
            + (f"; layers without one: {others}" if others else "")
        )

    def biases(self, weights: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return the corrected biases, by the name of the parameter, when some layers' weights are replaced."""
        found = {}
        for name, array in weights.items():
            if (corrected := self._biases.get(name)) is not None:
                found[corrected.bias] = corrected.value + corrected.shift(_array(self._parameters[name]) - array)
        return found

    def checkpoint(self, weights: Mapping[str, Floats]) -> bytes:
        """Return the whole state of the module with some weights replaced, as a safetensors file."""
        from safetensors.torch import save

        with self.replaced(weights):
            return bytes(
                save({name: value.detach().contiguous().clone() for name, value in self.module.state_dict().items()})
            )

    def _reference(self, places: Sequence[int]) -> dict[int, Any]:
        missing = [place for place in places if place not in self._own]
        for some, outputs in self._run(missing):
            self._own.update(zip(some, outputs, strict=True))
        return self._own

    def _run(self, places: Sequence[int]) -> Iterator[tuple[list[int], list[Any]]]:
        """Yield places and the float outputs (batch axis kept) of the unchanged order, a batch at a time."""
        import torch

        step = 1
        with torch.inference_mode():
            for start in range(0, len(places), BATCH):
                some = list(places[start : start + BATCH])
                step = len(some) if self._alike(some) else 1
                for first in range(0, len(some), step):
                    part = some[first : first + step]
                    given = [
                        torch.cat(values) if len(part) > 1 else _copy(values[0])  # the network may write into it
                        for values in zip(*(self.inputs[p] for p in part))
                    ]
                    output = _first(self.module(*given)).float().numpy()
                    yield part, [output] if step == 1 else list(output[:, None])

    def _alike(self, places: Sequence[int]) -> bool:
        """Whether inputs can be run as one batch: tensors of one shape whose first axis is 1."""
        first = self.inputs[places[0]]
        return all(
            len(other) == len(first) and all(
                getattr(a, "shape", ())[:1] == (1,) and getattr(b, "shape", None) == a.shape for a, b in zip(first, other)
            )
            for other in (self.inputs[p] for p in places)
        )  # fmt: skip

    def _judged(self, output: Any, before: Any, place: int, distance: float) -> float:
        if self.metric == "fidelity":
            return 100 * (1 - distance)
        axis = _class_axis(output)
        chosen = output.argmax(axis)[0]
        right = before.argmax(axis)[0] if self._right is None else self._right[place].reshape(chosen.shape)
        known = right >= 0
        return 100 * float((chosen == right)[known].mean()) if np.any(known) else 100.0

    def _classes(self, output: Any) -> bool:
        least = 2 if output.ndim == 2 else 4  # fewer channels are colours
        return output.ndim >= 2 and output.shape[_class_axis(output)] >= least


def shareable(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and parameter of the weights of convolutions, linear and recurrent layers, each once."""
    import torch

    seen: set[int] = set()
    for prefix, part in module.named_modules():
        if isinstance(part, torch.nn.Embedding | torch.nn.EmbeddingBag):
            continue
        for name, value in part.named_parameters(recurse=False):
            if value.dim() >= 2 and "weight" in name and value.is_floating_point() and id(value) not in seen:
                seen.add(id(value))
                yield f"{prefix}.{name}" if prefix else name, value


def _class_axis(output: Any) -> int:
    """Return the axis of the classes: the last of rows and of sequences, the channels of pictures."""
    return 1 if output.ndim == 4 else output.ndim - 1


def _first(output: Any) -> Any:
    if isinstance(output, Mapping):
        output = next(iter(output.values()))
    while isinstance(output, list | tuple):
        output = output[0]
    return output.logits if hasattr(output, "logits") else output


def _copy(value: Any) -> Any:
    return value.clone() if hasattr(value, "clone") else value


def _array(value: Any) -> Floats:
    found: Floats = value.detach().float().cpu().numpy().copy()
    return found


def _bytes(value: Any) -> bytes:
    import torch

    if not isinstance(value, torch.Tensor):
        return repr(value).encode()
    data = value.detach().cpu().contiguous()
    head = f"{data.dtype} {tuple(data.shape)}".encode()
    return head + hashlib.sha256(data.flatten().view(torch.uint8).numpy()).digest()
