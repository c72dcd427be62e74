"""The plan of a capture: every layer, its shape on each sample, and the range of its operands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch

from accelsim.errors import InputError
from accelsim.layer import LayerShape
from accelsim.quantize import Codec, FormatCodec, Quantization, Scheme, codec
from accelsim.sources.recording.encode import extremes
from accelsim.sources.recording.products import Fold, Product
from accelsim.sources.unsupported import Unsupported

MASK = 1e38
"""Attention masks hold minus infinity, or the lowest number of float32 in its place (-3.4e38)."""


@dataclass
class Range:
    """Smallest and largest value of an operand over all samples, per channel where `axis` is not None."""

    axis: int | None
    low: Any = np.inf
    high: Any = -np.inf
    infinite: bool = False

    def add(self, values: torch.Tensor, where: str, masked: bool = False) -> None:
        """Widen the range by `values` (normal form). Raises InputError on NaN, and on infinity unless `masked`.

        masked: leave infinities out, and what stands for them: numbers from MASK on.
        """
        low, high = self._extremes(values)
        most = MASK if masked else np.inf
        if not (np.all(np.abs(low) < most) and np.all(np.abs(high) < most)):
            if not masked or np.any(np.isnan(low)) or np.any(np.isnan(high)):
                raise InputError(
                    f"{where}: NaN or infinity in the network's values", "check the weights and the inputs"
                )
            self.infinite = True
            low, high = self._extremes(torch.where(values.abs() >= MASK, torch.zeros_like(values), values))
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)

    def codec(self, scheme: Scheme, where: str) -> Codec | FormatCodec:
        """Calibrate the quantiser of `scheme` on this range."""
        return codec(scheme, self.low, self.high, self.axis, where)

    def _extremes(self, values: torch.Tensor) -> tuple[Any, Any]:
        if self.axis is None:
            return extremes(values)
        others = [i for i in range(values.dim()) if i != self.axis]
        return values.amin(others).double().cpu().numpy(), values.amax(others).double().cpu().numpy()


@dataclass
class Planned:
    """One layer of the plan.

    shapes: of one step, per sample; calls: how often it ran, per sample. static: one weight for all calls.
    module: path of the module that ran it; attention: "qk" or "pv" for the products of an attention. own: roles whose
    codes are the network's own; they have no range.
    """

    key: Hashable
    base: str
    module: str
    static: bool
    index: int
    activation: Range
    weight: Range
    output: Range
    shapes: list[LayerShape | None]
    calls: list[int]
    attention: str = ""
    name: str = ""
    merged: bool = False
    own: frozenset[str] = frozenset()

    def shape(self, sample: int) -> LayerShape:
        """Return the shape on `sample`, all steps together; a linear product run repeatedly is recurrent."""
        shape = self.shapes[sample]
        assert shape is not None
        kind = "recurrent" if self.merged and shape.kind == "linear" else shape.kind
        return replace(shape, kind=kind, steps=self.calls[sample])


class Call(NamedTuple):
    """One execution of a layer: which, the how-many-eth in this sample, and the product itself."""

    layer: Planned
    step: int
    shape: LayerShape
    fold: Fold


@dataclass
class Plan:
    """Every layer of a network over all samples, built while the samples run once, then read while they run again.

    notes: of the network. remarks: on some of its layers, whose names stand under each.
    """

    samples: int
    quantization: Quantization
    layers: dict[Hashable, Planned] = field(default_factory=dict)
    unsupported: dict[tuple[str, str], Unsupported] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    remarks: dict[str, dict[str, None]] = field(default_factory=dict)
    _shapes: dict[Hashable, dict[LayerShape, int]] = field(default_factory=dict)
    _steps: Counter[Hashable] = field(default_factory=Counter)

    def begin(self) -> None:
        """Start a sample: calls are counted from zero."""
        self._shapes.clear()
        self._steps.clear()

    def assign(self, product: Product, module: str, sample: int, planning: bool) -> Call:
        """Say which layer `product` belongs to, making it when planning.

        A weight used again with the same shape is the same layer; with another shape it is another layer.
        Products of two activations, and convolutions by a computed filter, are a layer per call and module. Raises
        InputError when the passes differ.
        """
        identity = product.identity
        root: Hashable = identity.key if identity else ("dynamic", module, product.shape.kind)
        if identity:
            ordinals = self._shapes.setdefault(root, {})
            ordinal = ordinals.setdefault(product.shape, len(ordinals))
        else:
            ordinal = self._steps[root]
            self._steps[root] += 1
        key = (root, ordinal)
        layer = self.layers.get(key)
        if layer is None:
            if not planning:
                raise InputError(f"module {module or 'top'}: the network ran other products on the second pass", _SAME)
            layer = self._make(key, product, module)
        step = self._steps[key]
        self._steps[key] += 1
        if planning:
            layer.shapes[sample], layer.calls[sample] = product.shape, step + 1
        return Call(layer, step, product.shape, product.fold)

    def finish(self) -> list[Planned]:
        """Name the layers and return them in order. Raises InputError when there is none, or a sample lacks one."""
        layers = list(self.layers.values())
        if not layers and self.unsupported:
            listed = ", ".join(
                f"{u.operator} in {u.module or 'the network'}"
                + (f" ({u.macs:,} MACs)" if u.macs is not None else " (MACs not known)")
                for u in self.unsupported.values()
            )
            raise InputError(f"the network runs only products that are not captured: {listed}", "nothing to simulate")
        if not layers:
            raise InputError("the network runs no matrix product on these inputs", "nothing to simulate")
        used: Counter[str] = Counter()
        plain: Counter[str] = Counter()
        for layer in layers:
            name = layer.base
            if not layer.static:
                conv = any(s is not None and s.kind == "conv" for s in layer.shapes)
                end = layer.attention or f"{'conv' if conv else 'matmul'}{plain[layer.module, conv]}"  # type: ignore[index]
                plain[layer.module, conv] += not layer.attention  # type: ignore[index]
                name = f"{layer.module}.{end}".lstrip(".")
            used[name] += 1
            layer.name = name if used[name] == 1 else f"{name}#{used[name]}"
            layer.merged = max(layer.calls) > 1
            if 0 in layer.calls:
                raise InputError(
                    f"layer {layer.name} runs on sample {int(np.argmax(layer.calls))} but not on sample "
                    f"{layer.calls.index(0)}: the samples take different paths",
                    "capture them separately (samples: 1), recurrent networks one sequence at a time",
                )
        return layers

    def _make(self, key: Hashable, product: Product, module: str) -> Planned:
        matmul = product.shape.kind == "matmul"
        channel = 1 if self.quantization.activations.per_channel and not matmul else None
        filters = 0 if self.quantization.weights.per_channel and not matmul else None
        base = product.identity.name if product.identity else module
        none: list[LayerShape | None] = [None] * self.samples
        layer = Planned(
            key, base, module, product.identity is not None, len(self.layers),
            Range(channel), Range(filters), Range(channel), none, [0] * self.samples, own=frozenset(product.own),
        )  # fmt: skip
        self.layers[key] = layer
        return layer


_SAME = "make its forward pass depend on the inputs alone"
