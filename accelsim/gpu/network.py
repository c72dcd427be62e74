"""A network ready for a device: its layers and counts, inputs of any batch size, and passes with times around modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple, Protocol

import torch
from torch.utils.flop_counter import FlopCounterMode

from accelsim.compactness import compactness
from accelsim.errors import InputError
from accelsim.gpu.records import LayerInfo, NetworkInfo, ShapeRecord
from accelsim.gpu.statistics.groups import n_of_m
from accelsim.outline import LIBRARIES, outline
from accelsim.quantize import Quantization
from accelsim.sources import Source
from accelsim.sources.recording.context import decomposed, evaluating
from accelsim.sources.recording.modules import ModuleStack
from accelsim.sources.recording.plan import Call, Plan
from accelsim.sources.recording.products import Product
from accelsim.sources.recording.recorder import Recorder
from accelsim.sources.recording.weights import Weights
from accelsim.workload import load_workload

RANDOM = "weights are random numbers: none were read"


class Network(NamedTuple):
    """A network on the host with one input; notes say what the reader of a record must know."""

    name: str
    module: torch.nn.Module
    inputs: tuple[Any, ...]
    notes: list[str]


def load(reference: str) -> Network:
    """Return the network of a workload, or SOURCE:NAME of a library's without reading weights.

    Raises InputError for a workload of codes, UnknownNameError.
    """
    library, colon, _ = reference.partition(":")
    if colon and library in LIBRARIES:
        found = outline(reference)
        return Network(found.name, _filled(found.module), _given(found.inputs), [RANDOM])
    workload = load_workload(reference)
    source = workload.chosen
    if type(source).load is Source.load:
        raise InputError(f"workload {workload.name}: its source gives codes, not a network that a GPU could run")
    module, inputs, warnings, _ = source.load()
    entry = inputs[0]
    return Network(workload.name, module.eval(), entry if isinstance(entry, tuple) else (entry,), list(warnings))


def describe(network: Network) -> NetworkInfo:
    """Return parameters, activations and MACs of one input, and every layer with its module and shape."""
    counts = compactness(network.module, *network.inputs, convention="unique-tensors")
    return NetworkInfo(
        parameters=counts.parameters, activations=counts.activations, macs=counts.macs, layers=layers(network)
    )


def layers(network: Network) -> list[LayerInfo]:
    """Return the matrix products of the network in the order of a capture. Runs it once on the host."""
    plan, sink = Plan(1, Quantization()), _Shapes()
    with decomposed(), evaluating(network.module), ModuleStack(network.module) as modules:
        recorder = Recorder(plan, Weights(network.module), modules, sink, 0)
        with recorder:
            network.module(*network.inputs)
        recorder.end()
    return [
        LayerInfo(
            name=layer.name,
            module=layer.module,
            shape=ShapeRecord.model_validate({k: list(v) if isinstance(v, tuple) else v for k, v in shape.items()}),
            two_of_four=layer.static and sink.two_of_four[layer.index],
        )
        for layer in plan.finish()
        for shape in [asdict(layer.shape(0))]
    ]


class _Shapes:
    """Takes note of 2:4 weights and of nothing else."""

    planning = True
    sample = 0

    def __init__(self) -> None:
        self.two_of_four: dict[int, bool] = {}

    def product(self, call: Call, product: Product) -> None:
        index = call.layer.index
        if index not in self.two_of_four:
            fits = product.shape.C % 4 == 0
            self.two_of_four[index] = fits and n_of_m(product.weight) == 1.0

    def output(self, call: Call, values: torch.Tensor) -> None:
        pass


def batch_of(inputs: Sequence[Any], batch: int) -> tuple[Any, ...]:
    """Return the inputs repeated `batch` times along their first axis."""

    def repeated(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or value.dim() == 0:
            return value
        return value.repeat(batch, *[1] * (value.dim() - 1))

    return tuple(repeated(value) for value in inputs)


class Clock(Protocol):
    """Events of a device."""

    def mark(self) -> Any:
        """Put an event behind what was started so far."""

    def wait(self) -> None:
        """Wait until all that was started is done."""

    def seconds(self, first: Any, last: Any) -> float:
        """Return the time between two events; `wait` was called after them."""


class Passes:
    """A network with its batch on a device, run again and again; times are between events of `clock`."""

    def __init__(self, module: torch.nn.Module, inputs: tuple[Any, ...], clock: Clock, modules: Sequence[str]) -> None:
        self.module, self.inputs, self.clock = module, inputs, clock
        self._modules = [name for name in dict.fromkeys(modules) if name]

    def run(self, passes: int) -> None:
        """Run the network and wait until it is done."""
        with torch.inference_mode():
            for _ in range(passes):
                self.module(*self.inputs)
        self.clock.wait()

    def times_s(self, passes: int) -> list[float]:
        """Return the seconds of each pass, one waited for before the next."""
        times = []
        with torch.inference_mode():
            for _ in range(passes):
                first = self.clock.mark()
                self.module(*self.inputs)
                last = self.clock.mark()
                self.clock.wait()
                times.append(self.clock.seconds(first, last))
        return times

    def module_times_s(self, passes: int) -> dict[str, list[float]]:
        """Return the seconds of each pass inside each module that runs layers; calls of one pass are added up."""
        found: dict[str, list[float]] = {name: [] for name in self._modules}
        marks: dict[str, list[list[Any]]] = {}

        def enter(name: str) -> Callable[..., None]:
            return lambda *_: marks.setdefault(name, []).append([self.clock.mark()])

        def leave(name: str) -> Callable[..., None]:
            return lambda *_: marks[name][-1].append(self.clock.mark())

        parts = dict(self.module.named_modules())
        hooks = []
        for name in self._modules:
            if name in parts:
                hooks += [
                    parts[name].register_forward_pre_hook(enter(name)),
                    parts[name].register_forward_hook(leave(name)),
                ]
        try:
            with torch.inference_mode():
                for _ in range(passes):
                    marks.clear()
                    self.module(*self.inputs)
                    self.clock.wait()
                    for name, pairs in marks.items():
                        found[name].append(sum(self.clock.seconds(*pair) for pair in pairs))
        finally:
            for hook in hooks:
                hook.remove()
        return {name: times for name, times in found.items() if times}

    def flops(self) -> int:
        """Return the floating-point operations of a pass by FlopCounterMode (two for each MAC)."""
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            self.module(*self.inputs)
        self.clock.wait()
        return int(counter.get_total_flops())


def _filled(module: torch.nn.Module) -> torch.nn.Module:
    """Return the module on the host, with seeded random weights where it has none."""
    if any(tensor.is_meta for tensor in [*module.parameters(), *module.buffers()]):
        module = module.to_empty(device="cpu")
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
                if not tensor.is_floating_point():
                    tensor.zero_()
                elif name.endswith("running_var") or (tensor.dim() == 1 and name.endswith("weight")):
                    tensor.fill_(1.0)
                else:
                    tensor.normal_(0.0, 0.02, generator=generator)
    return module.eval()


def _given(inputs: Sequence[Any]) -> tuple[Any, ...]:
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.randn(value.shape, generator=generator)
        if isinstance(value, torch.Tensor) and value.is_meta and value.is_floating_point()
        else torch.zeros(value.shape, dtype=value.dtype)
        if isinstance(value, torch.Tensor) and value.is_meta
        else value
        for value in inputs
    )
