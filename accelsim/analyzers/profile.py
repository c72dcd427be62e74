"""The static profile of a layer: the precision and sign that hold for every input sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.analyzers import ANALYZERS_VERSION
from accelsim.analyzers.codes import Codes, centred_values
from accelsim.analyzers.precision import static_precision
from accelsim.layer import Layer, Operand
from accelsim.trace import Trace


@dataclass(frozen=True)
class Profile:
    """Bits per operand (sign included) that a static-precision machine provides, and whether a value is negative.

    The bits are the workload's own profile when it has one (DNNsim's precision.txt), else the least that loses
    nothing on any sample of the layer.
    """

    activation_bits: int
    weight_bits: int
    activation_signed: bool
    weight_signed: bool


def layer_profile(trace: Trace, index: int) -> Profile:
    """Return the profile of layer `index` over all samples, kept with the bundle."""
    name = f"profile-v{ANALYZERS_VERSION}-{index}"

    def compute() -> list[int]:
        found = profile([trace.layer(index, sample) for sample in range(trace.samples)])
        return [found.activation_bits, found.weight_bits, found.activation_signed, found.weight_signed]

    activation, weight, *signs = trace.remembered(name, compute)
    return Profile(activation, weight, *map(bool, signs))


def profile(layers: Sequence[Layer]) -> Profile:
    """Return the profile of one layer given as `layers`, the layer on each of its samples."""
    activation = _operand([layer.activation for layer in layers])
    weights = [layer.weight for layer in layers]
    weight = _operand(weights if layers[0].dynamic_weight else weights[:1])
    return Profile(activation[0], weight[0], activation[1], weight[1])


def union_and_sign(values: Codes) -> tuple[int, bool]:
    """Return the OR of the folded values and whether one is negative."""
    from accelsim.analyzers.kernels.unions import fold_union

    union, signed = fold_union(values.reshape(-1))
    return int(union), bool(signed)


def _operand(operands: Sequence[Operand]) -> tuple[int, bool]:
    union, signed = 0, False
    for operand in operands:
        one, negative = union_and_sign(centred_values(operand))
        union, signed = union | one, signed or negative
    given = [operand.precision for operand in operands if operand.precision is not None]
    if given:
        return max(given), signed
    return static_precision([union], signed), signed
