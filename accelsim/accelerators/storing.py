"""What the operands of a layer take in the storage formats of a machine: whole, by pixel and by filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import centred_values
from accelsim.analyzers.profile import Profile
from accelsim.layer import Layer

if TYPE_CHECKING:
    from accelsim.accelerators.array import ArrayAccelerator
    from accelsim.analyzers.compression.tensor import Coding

Plane = npt.NDArray[np.float64]


def stored(machine: ArrayAccelerator, layer: Layer, profile: Profile) -> dict[str, int]:
    """Return the stored bits of activation, weight and output of one input; words for an output that is not known."""
    from accelsim.analyzers.stored import stored_bits

    found: dict[str, int] = {}
    for role, operand in (("activation", layer.activation), ("weight", layer.weight), ("output", layer.output)):
        if operand is None:
            found[role] = layer.shape.outputs * machine.word_bits
        else:
            found[role] = stored_bits(centred_values(operand), *_coding(machine, layer, profile, role))
    return found


def plane(machine: ArrayAccelerator, layer: Layer, profile: Profile, role: str) -> Plane:
    """Return the stored bits per pixel of activations or outputs, over all steps, images and channels."""
    from accelsim.analyzers.stored import pixel_bits

    operand = layer.activation if role == "activation" else layer.output
    if operand is None:
        s = layer.shape
        return np.full((s.P, s.Q), float(machine.word_bits * s.outputs // (s.P * s.Q)))
    bits = pixel_bits(centred_values(operand), *_coding(machine, layer, profile, role))
    return bits.sum(axis=0).astype(np.float64)


def filters(machine: ArrayAccelerator, layer: Layer, profile: Profile) -> Plane:
    """Return the stored bits of each filter."""
    from accelsim.analyzers.stored import filter_bits

    return filter_bits(centred_values(layer.weight), *_coding(machine, layer, profile, "weight")).astype(np.float64)


def _coding(machine: ArrayAccelerator, layer: Layer, profile: Profile, role: str) -> tuple[str, Coding]:
    """Return the storage format of an operand and its widths."""
    from accelsim.analyzers.stored import Coding

    static = role == "weight" and not layer.dynamic_weight  # both operands of attention are activations
    storage = machine.storage
    form = storage.weight if static else storage.activation
    precision = profile.weight_bits if role == "weight" else profile.activation_bits
    whole_words = form == "profiled" and role == "output"
    precision = machine.word_bits if whole_words else precision
    operand = {"activation": layer.activation, "weight": layer.weight, "output": layer.output}[role]
    exponent_bits = 0
    if operand is not None and operand.patterns is not None and not whole_words:
        exponent_bits = operand.patterns.format.element.exponent_bits  # codes are the significands
    return form, Coding(machine.word_bits, precision, storage.group_values, storage.run_bits, exponent_bits)
