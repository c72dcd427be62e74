"""Statistics of a network while it runs on a device: operands become codes there, and only counts come to the host."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch

from accelsim.analyzers.analyze import over_samples, sample_properties
from accelsim.analyzers.conventions import check_padding
from accelsim.analyzers.encodings import ENCODINGS
from accelsim.analyzers.potential import SampleCosts, potential_rows, sample_costs
from accelsim.analyzers.rows import Row
from accelsim.errors import ConfigError, InputError
from accelsim.gpu.statistics.engine import DeviceEngine
from accelsim.gpu.statistics.tensors import DeviceOperand
from accelsim.layer import Layer
from accelsim.quantize import Codec, Quantization
from accelsim.sources.recording.passes import codecs
from accelsim.sources.recording.plan import Call, Plan, Planned
from accelsim.sources.recording.products import Product
from accelsim.sources.recording.recorder import Sink
from accelsim.sources.recording.run import twice

T = TypeVar("T")

_TYPES = {"int8": torch.int8, "uint8": torch.uint8, "int16": torch.int16, "uint16": torch.int32}


def analyze_live(
    module: torch.nn.Module,
    inputs: Iterable[tuple[Any, ...]],
    device: torch.device,
    quantization: Quantization | None = None,
    padding: str = "in",
    encodings: Sequence[str] = ENCODINGS,
) -> pd.DataFrame:
    """Run `module` on `inputs` on `device` and return the table of `analyzers.analyze`; no activation leaves the device.

    On the CPU the table is that of a capture of the same network. Another device may round its sums otherwise, so that
    some codes differ by one; the statistics of the codes that it has are exact. Raises InputError for what
    has codes of its own, ConfigError for a number format: those are captured first.
    """
    convention = check_padding(padding)
    engine = DeviceEngine(device)
    weights: dict[int, Row] = {}

    def count(layer: Layer) -> list[Row]:
        rows, weights[layer.index] = sample_properties(layer, convention, encodings, engine, weights.get(layer.index))
        return rows

    found = _counted(module, inputs, device, quantization, count)
    return pd.DataFrame([row for rows in found.values() for row in over_samples([r for part in rows for r in part])])


def potential_live(
    module: torch.nn.Module,
    inputs: Iterable[tuple[Any, ...]],
    device: torch.device,
    quantization: Quantization | None = None,
    width: int = 16,
    padding: str = "in",
    encodings: Sequence[str] = ENCODINGS,
) -> pd.DataFrame:
    """Run `module` as `analyze_live` does and return the table of `analyzers.potential`; only sums leave the device."""
    convention = check_padding(padding)
    engine = DeviceEngine(device)
    first: dict[int, SampleCosts] = {}

    def count(layer: Layer) -> SampleCosts:
        costs = sample_costs(layer, convention, encodings, engine.operand_costs, first.get(layer.index))
        bare = replace(layer, activation=_without(layer.activation), weight=_without(layer.weight), output=None)
        first.setdefault(layer.index, (bare, *costs[1:]))
        return bare, *costs[1:]

    found = _counted(module, inputs, device, quantization, count)
    return pd.DataFrame(
        [row for costs in found.values() for row in potential_rows(costs, width, convention, encodings)]
    )


def _without(operand: Any) -> Any:
    """Return an operand whose codes are one zero in the shape of the real ones, which may then be freed."""
    return replace(operand, codes=operand.codes.new_zeros(1).expand(operand.codes.shape))


def _counted(
    module: torch.nn.Module,
    inputs: Iterable[tuple[Any, ...]],
    device: torch.device,
    quantization: Quantization | None,
    count: Callable[[Layer], T],
) -> dict[int, list[T]]:
    """Return what `count` finds of every layer on each sample, by the layer's index."""
    scheme = quantization or Quantization()
    if scheme.activations.format or scheme.weights.format:
        raise ConfigError("number formats are not counted while a network runs", "leave out --live")
    moved = module.to(device)
    samples = [tuple(a.to(device) if isinstance(a, torch.Tensor) else a for a in entry) for entry in inputs]

    def use(plan: Plan, layers: list[Planned], run: Callable[[Sink], None]) -> dict[int, list[T]]:
        counting = Counting(plan, layers, count)
        run(counting)
        return {layer.index: counting.found[layer.index] for layer in layers}

    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        return twice(moved, samples, scheme, type(module).__name__, use, device.type)


class Counting:
    """Second pass: encode each operand on its device, count it, and let it go."""

    planning = False

    def __init__(self, plan: Plan, layers: list[Planned], count: Callable[[Layer], Any]) -> None:
        for layer in layers:
            if layer.own:
                raise InputError(f"layer {layer.name} has codes of its own", "leave out --live")
        self._codecs = [codecs(layer, plan) for layer in layers]
        self._count = count
        self._pending: dict[int, dict[str, dict[int, torch.Tensor]]] = defaultdict(lambda: defaultdict(dict))
        self.found: dict[int, list[Any]] = defaultdict(list)
        self.sample = 0

    def product(self, call: Call, product: Product) -> None:
        """Encode the operands of one call."""
        layer, step = call.layer, call.step
        pending = self._pending[layer.index]
        pending["activation"][step] = self._encoded(layer, "activation", product.activation)
        if "weight" not in pending or not layer.static:
            pending["weight"][0] = self._encoded(layer, "weight", product.weight)

    def output(self, call: Call, values: torch.Tensor) -> None:
        """Encode a stored output, and count the layer when it was the last of the sample."""
        layer = call.layer
        pending = self._pending[layer.index]
        pending["output"][call.step] = self._encoded(layer, "output", values)
        if len(pending["output"]) < layer.calls[self.sample]:
            return
        operands = {role: self._operand(layer, role, parts) for role, parts in pending.items()}
        shape = layer.shape(self.sample)
        self.found[layer.index].append(self._count(Layer(layer.name, layer.index, self.sample, shape, **operands)))
        del self._pending[layer.index]

    def _encoded(self, layer: Planned, role: str, values: torch.Tensor) -> torch.Tensor:
        codec = self._codecs[layer.index][role]
        assert isinstance(codec, Codec)
        return encode(codec, values)

    def _operand(self, layer: Planned, role: str, parts: dict[int, torch.Tensor]) -> Any:
        codec = self._codecs[layer.index][role]
        assert isinstance(codec, Codec)
        codes = torch.cat([parts[step] for step in sorted(parts)]) if len(parts) > 1 else parts[0]
        zero = int(codec.zero_point) if codec.axis is None else codec.zero_point
        return DeviceOperand(codes, codec.bits, codec.signed, codec.scale, zero, codec.axis)


def encode(codec: Codec, values: torch.Tensor) -> torch.Tensor:
    """Return the codes of `values` on their device, bit for bit those of ``codec.encode`` (uint16 as int32)."""

    def spread(parameter: Any) -> torch.Tensor:
        found = torch.from_numpy(np.array(np.asarray(parameter, np.float64))).to(values.device)
        return (
            found if codec.axis is None else found.reshape([-1 if i == codec.axis else 1 for i in range(values.dim())])
        )

    low, high = codec.limits
    work = values.detach().double() * spread(1.0 / codec.scale)
    return work.round_().add_(spread(codec.zero_point)).clamp_(low, high).to(_TYPES[codec.dtype.name])
