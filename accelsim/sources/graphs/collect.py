"""Collect the products of a network sample by sample, and give them back layer by layer as codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from accelsim.errors import InputError
from accelsim.layer import Layer, LayerShape, Operand
from accelsim.quantize import Codec, FormatCodec, Quantization
from accelsim.sources import Encoded
from accelsim.sources.graphs.products import Product
from accelsim.sources.graphs.ranges import Range
from accelsim.sources.graphs.spool import Kept, Spool
from accelsim.sources.graphs.values import Format, Values
from accelsim.sources.losses import Losses, lost
from accelsim.sources.unsupported import Unsupported

ROLES = ("activation", "weight", "output")


@dataclass(frozen=True)
class Call:
    """One execution of a product.

    output: its stored result in ``shape.output_shape``, None when it cannot be seen. root: the same for every use of
    one weight in one arrangement. static: whether the weight is the network's own, not computed from the input.
    """

    product: Product
    output: Values | None
    root: Hashable
    name: str
    static: bool


@dataclass
class _Operand:
    """One operand of a layer: what was kept of it on each sample, its format or the range of its real numbers."""

    range: Range
    kept: list[list[Kept]]
    formats: list[Format | None]
    codec: Codec | FormatCodec | None = None


@dataclass
class _Layer:
    name: str
    static: bool
    operands: dict[str, _Operand]
    shapes: list[list[LayerShape]] = field(default_factory=list)

    def reach(self, samples: int) -> None:
        """Make room for what `samples` samples give."""
        for _ in range(samples - len(self.shapes)):
            self.shapes.append([])
            for operand in self.operands.values():
                operand.kept.append([])

    def shape(self, sample: int) -> LayerShape:
        """Return the shape on `sample`, all calls together; a linear product run repeatedly is recurrent."""
        shape, calls = self.shapes[sample][0], len(self.shapes[sample])
        repeated = shape.kind == "linear" and any(len(s) > 1 or s[0].steps > 1 for s in self.shapes)
        return replace(shape, kind="recurrent" if repeated else shape.kind, steps=shape.steps * calls)


class Collector:
    """Take the calls of every sample with `add`, then give the layers with `encoded`."""

    def __init__(self, quantization: Quantization) -> None:
        self.quantization = quantization
        self.unsupported: dict[tuple[str, str], Unsupported] = {}
        self.notes: list[str] = []
        self._remarks: dict[str, dict[str, None]] = {}
        self._layers: dict[Hashable, _Layer] = {}
        self._seen: dict[Hashable, dict[Hashable, int]] = {}
        self._spool = Spool()
        self._samples = 0

    def begin(self) -> None:
        """Start the next sample."""
        self._samples += 1
        self._seen.clear()

    def add(self, call: Call) -> None:
        """Keep the operands of one execution; the same weight used again in the same shape is the same layer."""
        product, shape = call.product, call.product.shape
        values = {"activation": product.activation, "weight": product.weight, "output": call.output}
        formats = {role: v.format if v is not None else None for role, v in values.items()}
        alone = shape.steps > 1 or any(form is not None and form.varies for form in formats.values())
        mark = (shape, *(f.key if f else None for f in formats.values()), len(self._seen.get(call.root, ())) * alone)
        ordinals = self._seen.setdefault(call.root, {})
        key = call.root, ordinals.setdefault(mark, len(ordinals))
        layer = self._layers.get(key)
        if layer is None:
            layer = self._layers[key] = self._new(call)
        layer.reach(self._samples)
        layer.shapes[-1].append(shape)
        for role, operand in layer.operands.items():
            found = values[role]
            if found is not None and not (role == "weight" and layer.static and operand.formats):
                self._keep(layer, role, found)

    def miss(self, unsupported: Unsupported) -> None:
        """Count products that have no normal form; those of one operator in one module are added up."""
        key = unsupported.module, unsupported.operator
        before = self.unsupported.get(key)
        if before is not None:
            known = before.macs is not None and unsupported.macs is not None
            macs = before.macs + unsupported.macs if known else None  # type: ignore[operator]
            unsupported = replace(unsupported, macs=macs)
        self.unsupported[key] = unsupported

    def remark(self, layer: str, text: str) -> None:
        """Note something about a layer; layers of which the same is noted are named together."""
        self._remarks.setdefault(text, {})[layer] = None

    def encoded(self, conventions: dict[str, str], where: str) -> Encoded:
        """Return every layer as codes; `where` names the model. Raises InputError when there is none."""
        layers = list(self._layers.values())
        if not layers:
            listed = "; ".join(f"{u.operator} in {u.module or 'the network'}" for u in self.unsupported.values())
            if listed:
                raise InputError(f"{where}: runs only products that are not captured: {listed}", "nothing to simulate")
            raise InputError(f"{where}: runs no matrix product on these inputs", "nothing to simulate")
        used: Counter[str] = Counter()
        real, masked = [], []
        for layer in layers:
            used[layer.name] += 1
            layer.name = layer.name if used[layer.name] == 1 else f"{layer.name}#{used[layer.name]}"
            self._check(layer)
            self._calibrate(layer)
            real += [layer.name] if any(o.codec for role, o in layer.operands.items() if role != "output") else []
            masked += [layer.name] if layer.operands["output"].range.masked else []
        warnings = [*self.notes, *(f"{text}: layers {_some(list(names))}" for text, names in self._remarks.items())]
        if real and len(real) < len(layers):
            warnings.append(f"real numbers in a quantised model, quantised as the workload says: layers {_some(real)}")
        warnings += [f"layer {name}: masks in its stored output (infinities) saturate" for name in masked]
        quantized = any(o.codec for layer in layers for o in layer.operands.values())
        formats = self.quantization.model_dump(mode="json") if quantized else {"values": "the model's own codes"}
        missing = list(self.unsupported.values())
        return Encoded(self._give(layers, warnings), len(layers), warnings, conventions, formats, missing, quantized)

    def _new(self, call: Call) -> _Layer:
        matmul = call.product.shape.kind == "matmul"
        axes = {
            "activation": 1 if self.quantization.activations.per_channel and not matmul else None,
            "weight": 0 if self.quantization.weights.per_channel and not matmul else None,
        }
        axes["output"] = axes["activation"]
        return _Layer(call.name, call.static, {role: _Operand(Range(axes[role]), [], []) for role in ROLES})

    def _keep(self, layer: _Layer, role: str, values: Values) -> None:
        operand, array = layer.operands[role], values.array
        if values.format is None:
            array = array if array.dtype == np.float64 else array.astype(np.float32, copy=False)
            operand.range.add(array, f"layer {layer.name}: {role}", masks=role == "output")
        else:
            if not np.all(np.isfinite(values.format.scale)):
                raise InputError(
                    f"layer {layer.name}: {role}: a scale of its codes is infinite or NaN", "export the model again"
                )
            array = array.astype(values.format.dtype, copy=False)
        operand.kept[-1].append(self._spool.add(array))
        operand.formats.extend([values.format] * (self._samples - len(operand.formats)))

    def _check(self, layer: _Layer) -> None:
        calls = [len(shapes) for shapes in layer.shapes] + [0] * (self._samples - len(layer.shapes))
        if 0 in calls:
            raise InputError(
                f"layer {layer.name} runs on sample {int(np.argmax(calls))} but not on sample {calls.index(0)}: "
                "the samples take different paths",
                "capture them separately (samples: 1)",
            )

    def _calibrate(self, layer: _Layer) -> None:
        activations, weights = self.quantization.activations, self.quantization.weights
        if layer.shapes[0][0].kind == "matmul":  # the "weight" is an activation
            activations = weights = activations.model_copy(update={"per_channel": False})
        schemes = {"activation": activations, "weight": weights, "output": activations}
        for role, operand in layer.operands.items():
            if operand.formats and operand.formats[0] is None:
                operand.codec = operand.range.codec(schemes[role], f"layer {layer.name}: {role}")

    def _give(self, layers: list[_Layer], warnings: list[str]) -> Iterator[Layer]:
        """Yield every layer on every sample; what number formats could not hold is added to `warnings` at the end."""
        losses = {role: Losses() for role in ROLES}

        def operand(layer: _Layer, role: str, sample: int) -> Operand:
            groups = layer.shapes[sample][0].groups if role == "activation" else 1
            return self._operand(layer.operands[role], sample, groups, losses[role])

        with self._spool:
            for index, layer in enumerate(layers):
                fixed = operand(layer, "weight", 0) if layer.static else None
                for sample in range(self._samples):
                    activation = operand(layer, "activation", sample)
                    weight = fixed or operand(layer, "weight", sample)
                    output = operand(layer, "output", sample) if layer.operands["output"].formats else None
                    yield Layer(layer.name, index, sample, layer.shape(sample), activation, weight, output)
        warnings += lost(losses, self.quantization)

    def _operand(self, operand: _Operand, sample: int, sets: int, losses: Losses) -> Operand:
        array = np.concatenate([self._spool.read(kept) for kept in operand.kept[sample]])
        form = operand.formats[sample]
        if form is None:
            assert operand.codec is not None
            found = operand.codec.coded(array, sets)
            if found.patterns is not None:
                losses.add(array, found.patterns)
            return found
        one = form.axis is None
        scale: Any = float(form.scale) if one else form.scale
        zero: Any = int(form.zero_point) if one else form.zero_point
        return Operand(array, form.bits, form.signed, scale, zero, form.axis)


def _some(names: list[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
