"""What number formats could not hold of a network's values, for the reader of a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accelsim.formats.encode import Floats
from accelsim.formats.patterns import Patterns
from accelsim.formats.patterns import losses as count
from accelsim.quantize import Quantization


@dataclass
class Losses:
    """Values beyond the largest number of a format, values other than 0 that became 0, and all."""

    beyond: int = 0
    vanished: int = 0
    values: int = 0

    def add(self, real: Floats, patterns: Patterns) -> None:
        """Count what `patterns` could not hold of the numbers `real`."""
        beyond, vanished = count(real, patterns)
        self.beyond, self.vanished, self.values = (
            self.beyond + beyond,
            self.vanished + vanished,
            self.values + real.size,
        )


def lost(found: Mapping[str, Losses], quantization: Quantization) -> list[str]:
    """Return a warning for each operand of which a number format could not hold every value."""
    weights, activations = quantization.weights.scheme, quantization.activations.scheme
    notes = []
    for role, losses in found.items():
        scheme = weights if role == "weight" else activations
        if losses.beyond:
            notes.append(f"{scheme}: {losses.beyond:,} {role} values beyond its largest number saturate")
        if losses.vanished:
            share = losses.vanished / losses.values
            notes.append(
                f"{scheme}: {losses.vanished:,} {role} values other than 0 ({share:.2%}) are too small and become 0"
            )
    return notes
