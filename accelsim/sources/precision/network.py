"""The score of a network on its task when the operands of its layers have fewer bits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from accelsim.errors import InputError
from accelsim.sources import Source


class Knob(NamedTuple):
    """Bits that may be changed: of an operand of a layer. least, macs: the fewest bits there are, MACs an input."""

    layer: str
    role: str
    least: int
    macs: float


class Narrowable:
    """A network with the inputs of its task, to be scored under a precision of each operand; loads torch.

    metric: "accuracy", "agreement" (with its own decisions at full precision), "fidelity" (100 less the squared distance
    of the outputs in percent), all in percent, or "PSNR" in dB; more is better.
    """

    def __init__(self, task: Any, name: str = "") -> None:
        from accelsim.sources.recording.modules import ModuleStack
        from accelsim.sources.recording.weights import Weights

        self.task, self.name = task, name
        self.places = list(range(len(task.inputs)))
        self._layers: dict[str, Any] = {}
        self._kept: dict[Any, Any] = {}
        self._modules, self._weights = ModuleStack(task.module), Weights(task.module)
        self.full = float(task.score({}, self.places).metric.mean())  # outputs of the unchanged network are kept
        self._run({}, measuring=True)
        if not self._layers:
            raise InputError(f"{name or 'the network'} runs no matrix product on its inputs", "nothing to narrow")

    @property
    def metric(self) -> str:
        """Name of what is scored."""
        return str(self.task.metric)

    @property
    def warnings(self) -> list[str]:
        """What a reader of the scores must know."""
        return list(self.task.warnings)

    def digest(self) -> str:
        """Return a key over the network, its inputs and what is right."""
        return str(self.task.digest(self.places))

    def knobs(self) -> list[Knob]:
        """Return both operands of every layer, in the order in which the layers run."""
        from accelsim.sources.precision.narrowing import ROLES, least_bits

        inputs = len(self.places)
        return [
            Knob(name, role, least_bits(layer.low[role]), layer.macs / inputs)
            for name, layer in self._layers.items()
            for role in ROLES
        ]

    def score(self, bits: Mapping[tuple[str, str], int]) -> float:
        """Return the mean metric over all inputs with the operands of `bits`, by (layer, role), rounded to so many bits."""
        return self._run(bits)

    def _run(self, bits: Mapping[tuple[str, str], int], measuring: bool = False) -> float:
        from accelsim.sources.precision.narrowing import Narrowing
        from accelsim.sources.recording.context import decomposed

        with decomposed(), self._modules as modules:
            narrowing = Narrowing(modules, self._weights, self._layers, bits, measuring, self._kept)
            hook = self.task.module.register_forward_pre_hook(lambda *_: narrowing.begin())
            try:
                with narrowing:
                    return float(self.task.score({}, self.places).metric.mean())
            finally:
                hook.remove()


def narrowable(
    model: Source, name: str, count: int, labels: Path | None = None, data: Path | None = None, most: int | None = None
) -> Narrowable:
    """Return the network of a workload's source with the inputs of its task.

    Arguments as of `accelsim.sources.sharing.tasks.network`; the shipped imaging networks are judged by PSNR. Raises
    InputError for a network of codes alone.
    """
    from accelsim import zoo
    from accelsim.sources.precision.pictures import NETWORKS, pictures
    from accelsim.sources.sharing.tasks import network
    from accelsim.sources.zoo import Zoo

    codes = isinstance(model, Zoo) and zoo.integer(model.network)
    if codes or type(model).load is Source.load:
        raise InputError(
            f"{name} brings integer codes; there is no network in real numbers to narrow",
            "try resnet20 or your own module",
        )
    if isinstance(model, Zoo) and model.network in NETWORKS and labels is None and not model.inputs:
        return Narrowable(pictures(model.network, data, most), name)
    return Narrowable(network(model, count, labels, data, most), name)
