"""Round the operands of every matrix product to a number of bits while a network runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from accelsim.quantize import Scheme, calibrate
from accelsim.sources.eager import Eager
from accelsim.sources.recording.context import with_onednn
from accelsim.sources.recording.modules import ModuleStack
from accelsim.sources.recording.products import OPERANDS, read
from accelsim.sources.recording.weights import Weights

ROLES = ("activation", "weight")


@dataclass
class Product:
    """A layer as it ran: the multiply-accumulates of all inputs so far, and the range of both operands."""

    macs: int = 0
    low: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ROLES, 0.0))
    high: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ROLES, 0.0))
    dynamic: bool = False


class Narrowing(Eager, TorchDispatchMode):
    """Run a network inside: each product takes operands rounded to the bits of `bits`, the others as they are.

    bits: by (layer, role). layers: filled with ranges and MACs when `measuring`; else their ranges give the scale, a
    power of two, so that narrower operands lose their last bits and not their first. A tensor without negative values
    needs no sign: its bits are all of the magnitude. kept: rounded weights, so that each is rounded once.
    """

    def __init__(
        self, modules: ModuleStack, weights: Weights, layers: dict[str, Product], bits: Mapping[tuple[str, str], int],
        measuring: bool, kept: dict[Any, torch.Tensor],
    ) -> None:  # fmt: skip
        super().__init__()
        self.modules, self.weights, self.layers, self.bits = modules, weights, layers, bits
        self.measuring, self.kept = measuring, kept
        self._calls: Counter[str] = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function.overloadpacket in OPERANDS:
            args = self._narrowed(function, args)
        else:
            with self:  # in inference mode composite operators arrive whole
                parts = function.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        if function.overloadpacket is torch.ops.aten.convolution:
            return with_onednn(function, args, kwargs)
        return function(*args, **kwargs)

    def _narrowed(self, function: Any, args: Any) -> Any:
        product = read(function, args, self.weights)
        if product is None:
            return args
        places = OPERANDS[function.overloadpacket]
        found = [self.weights.find(args[place]) for place in places]
        first, second = found
        plain = function.overloadpacket is not torch.ops.aten.convolution
        left = plain and first is not None and (second is None or first.rank > second.rank)
        by_role = dict(zip(ROLES, (places[1], places[0]) if left else places))
        name = product.identity.name if product.identity else self._dynamic()
        layer = self.layers.setdefault(name, Product(dynamic=product.identity is None))
        if self.measuring:
            layer.macs += product.shape.macs
            for role, place in by_role.items():
                low, high = torch.aminmax(args[place])
                layer.low[role] = min(layer.low[role], float(low))
                layer.high[role] = max(layer.high[role], float(high))
            return args
        changed = list(args)
        for role, place in by_role.items():
            bits = self.bits.get((name, role))
            if bits is not None:
                which = found[places.index(place)] if role == "weight" else None
                key = (name, which.key, bits) if which is not None else None
                changed[place] = self._rounded(args[place], layer, role, bits, key)
        return tuple(changed)

    def begin(self) -> None:
        """Start a run of the network: products of two activations are counted from zero."""
        self._calls.clear()

    def _dynamic(self) -> str:
        """Return the name of a product of two activations: the module's and how many it ran before."""
        path = self.modules.path
        self._calls[path] += 1
        return f"{path}.product{self._calls[path] - 1}".lstrip(".")

    def _rounded(self, tensor: torch.Tensor, layer: Product, role: str, bits: int, key: Any) -> torch.Tensor:
        if key is not None and key in self.kept:
            return self.kept[key]
        scale, top = grid(layer.low[role], layer.high[role], bits)
        rounded = (tensor / scale).round_().clamp_(-top, top).mul_(scale)
        if key is not None:
            self.kept[key] = rounded
        return rounded


def grid(low: float, high: float, bits: int) -> tuple[float, int]:
    """Return scale and largest code of `bits` bits for values in [low, high], the sign among them if low < 0.

    >>> grid(0, 255, 8), grid(-100, 127, 8), grid(0, 240, 4)
    ((1.0, 255), (1.0, 127), (16.0, 15))
    """
    signed = low < 0
    bound = max(-low, high)
    width = bits if signed else bits + 1
    return float(calibrate(Scheme(bits=min(width, 16)), -bound, bound, None, "operand").scale), 2 ** (width - 1) - 1


def least_bits(low: float) -> int:
    """Return the fewest bits a tensor with this smallest value can have: one, and a sign."""
    return 2 if low < 0 else 1
