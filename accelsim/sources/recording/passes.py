"""The two passes of a capture: find every operand's range, then write every operand's codes.

The second pass runs the network again, unless the first could keep all of the operands.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from accelsim.layer import Operand
from accelsim.quantize import Codec, FormatCodec, Scheme
from accelsim.sources.losses import Losses
from accelsim.sources.recording.encode import coded
from accelsim.sources.recording.plan import Call, Plan, Planned
from accelsim.sources.recording.products import Product
from accelsim.sources.recording.recorder import Sink
from accelsim.sources.recording.store import Store
from accelsim.sources.recording.torchao_tensors import stacked
from accelsim.trace import LayerRecord, operand_arrays, operand_entry

Codes = npt.NDArray[np.integer]


KEPT_BYTES = 128 << 20
"""Operands kept from the first pass; a network with less needs no second one."""


class Planning:
    """First pass: widen the range of each operand of each layer, and keep copies of the operands while they are few.

    kept: (sample, call, product or stored output) in the order they came, None once they are too many.
    """

    planning = True

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._weighed: set[Hashable] = set()
        self._room = kept_bytes
        self.kept: list[tuple[int, Call, Product | torch.Tensor]] | None = []
        self.sample = 0

    def product(self, call: Call, product: Product) -> None:
        """Take the ranges of activation and weight; a static weight is looked at once."""
        layer = call.layer
        where = layer.base if layer.static else f"{layer.module}: product {call.step}"
        if "activation" not in layer.own:
            layer.activation.add(product.activation, f"layer {where}: activation")
        if "weight" not in layer.own and (not layer.static or layer.key not in self._weighed):
            self._weighed.add(layer.key)
            layer.weight.add(product.weight, f"layer {where}: weight")
        permanent = product.identity is not None and not product.identity.passing
        if self._fits(product.activation, *(() if permanent else (product.weight,))):
            weight = product.weight if permanent else product.weight.clone()
            copy = replace(product, activation=product.activation.clone(), weight=weight)
            self._keep(call, copy)

    def output(self, call: Call, values: torch.Tensor) -> None:
        """Take the range of a stored output; infinities of an attention mask are left out of it."""
        layer = call.layer
        layer.output.add(values, f"layer {layer.base or layer.module}: output", masked=True)
        if self._fits(values):
            self._keep(call, values.clone())

    def _fits(self, *tensors: torch.Tensor) -> bool:
        if self.kept is not None:
            self._room -= sum(tensor.numel() * tensor.element_size() for tensor in tensors)
            if self._room < 0:
                self.kept = None
        return self.kept is not None

    def _keep(self, call: Call, item: Product | torch.Tensor) -> None:
        assert self.kept is not None
        self.kept.append((self.sample, call, item))


@dataclass
class _Pending:
    """Operands of a layer on the running sample, until its last call."""

    activations: list[Product] = field(default_factory=list)
    outputs: dict[int, torch.Tensor] = field(default_factory=dict)
    tensors: dict[str, Codes] = field(default_factory=dict)


class Writing:
    """Second pass: encode each operand and store a layer's file as soon as it is complete."""

    planning = False

    def __init__(self, plan: Plan, layers: list[Planned], store: Store) -> None:
        self._store = store
        self._files: list[list[str]] = [[] for _ in layers]
        self._weight_files: list[str | None] = [None] * len(layers)
        self._codecs = [codecs(layer, plan) for layer in layers]
        self._own: list[dict[str, list[dict[str, Any]]]] = [
            {role: [] for role in sorted(layer.own)} for layer in layers
        ]
        self._pending: dict[int, _Pending] = {}
        self._layers = layers
        self.losses = {role: Losses() for role in ("activation", "weight", "output")}
        self.sample = 0

    def product(self, call: Call, product: Product) -> None:
        """Encode the operands; those of a repeated layer are kept until its last call and stacked."""
        layer = call.layer
        pending = self._pending.setdefault(layer.index, _Pending())
        if layer.calls[self.sample] == 1:
            pending.tensors |= self._coded(call, "activation", product.activation, product.own)
        else:
            pending.activations.append(replace(product, activation=product.activation.clone()))
            if len(pending.activations) == layer.calls[self.sample]:
                pending.tensors |= self._stacked(call, pending.activations)
                pending.activations.clear()
        if not layer.static:
            pending.tensors |= self._coded(call, "weight", product.weight, product.own)
        elif self._weight_files[layer.index] is None:
            tensors = self._coded(call, "weight", product.weight, product.own)
            self._weight_files[layer.index] = self._store.add(f"{layer.index:04d}-{layer.name}.weight", tensors)

    def output(self, call: Call, values: torch.Tensor) -> None:
        """Encode a stored output, and store the layer's file when it was the last."""
        layer = call.layer
        pending = self._pending[layer.index]
        calls = layer.calls[self.sample]
        if calls == 1:
            pending.tensors |= self._coded(call, "output", values)
        else:
            pending.outputs[call.step] = values.clone()
            if len(pending.outputs) < calls:
                return
            stacked = torch.cat([pending.outputs[step] for step in range(calls)])
            pending.tensors |= self._coded(call, "output", stacked)
        name = f"{layer.index:04d}-{layer.name}.{self.sample}"
        self._files[layer.index].append(self._store.add(name, pending.tensors))
        del self._pending[layer.index]

    def records(self) -> list[LayerRecord]:
        """Return what the manifest says of each layer."""
        return [
            LayerRecord(
                layer.index, layer.name, tuple(layer.shape(s) for s in range(len(layer.calls))),
                {role: own[role][0] if role in own else operand_entry(codecs[role].empty()) for role in _ROLES},
                self._weight_files[layer.index], tuple(self._files[layer.index]),
                {role: entries for role, entries in own.items() if any(e != entries[0] for e in entries)},
            )
            for layer, codecs, own in zip(self._layers, self._codecs, self._own, strict=True)
        ]  # fmt: skip

    def _coded(
        self, call: Call, role: str, values: torch.Tensor, own: Mapping[str, Operand] | None = None
    ) -> dict[str, Codes]:
        """Return the arrays of an operand: its own codes if it has them, else those of `values`.

        Blocks of a number format stay inside a group of the layer.
        """
        if own and role in own:
            self._own[call.layer.index][role].append(operand_entry(own[role]))
            return operand_arrays(role, own[role])
        sets = call.shape.groups if role == "activation" else 1
        return operand_arrays(role, coded(self._codecs[call.layer.index][role], values, sets, self.losses[role]))

    def _stacked(self, call: Call, products: list[Product]) -> dict[str, Codes]:
        """Return the arrays of the activations of all calls."""
        own = [product.own["activation"] for product in products if "activation" in product.own]
        values = torch.cat([product.activation for product in products])
        return self._coded(call, "activation", values, {"activation": stacked(own)} if own else None)


def replay(sink: Sink, kept: list[tuple[int, Call, Product | torch.Tensor]]) -> None:
    """Hand to `sink` what the first pass kept instead of running the network again; empties `kept`."""
    for place, (sample, call, item) in enumerate(kept):
        sink.sample = sample
        if isinstance(item, Product):
            sink.product(call, item)
        else:
            sink.output(call, item)
        kept[place] = (sample, call, _GONE)


def codecs(layer: Planned, plan: Plan) -> dict[str, Codec | FormatCodec]:
    """Return the conversion of each operand of a layer that has not its own codes, calibrated on its range."""
    activations = plan.quantization.activations
    weights = plan.quantization.weights
    if layer.shapes[0] is not None and layer.shapes[0].kind == "matmul":  # the "weight" is an activation
        activations = weights = _whole(activations)
    schemes = {"activation": activations, "weight": weights, "output": activations}
    ranges: dict[str, Any] = {"activation": layer.activation, "weight": layer.weight, "output": layer.output}
    return {
        role: ranges[role].codec(scheme, f"layer {layer.name}: {role}")
        for role, scheme in schemes.items()
        if role not in layer.own
    }


def _whole(scheme: Scheme) -> Scheme:
    return scheme.model_copy(update={"per_channel": False})


_GONE = torch.empty(0)
_ROLES = ("activation", "weight", "output")
