"""What a third party's machine is tested with: a conformance kit to inherit, layers of every kind, small bundles.

Needs pytest and NumPy alone, pytest for the kit only: ``from accelsim.testing import AcceleratorConformance``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accelsim.testing.bundles import write_bundle
from accelsim.testing.layers import ALL_KINDS, KINDS, convolve, layer_of, make_layer, random_layers, shape_of

if TYPE_CHECKING:
    from accelsim.testing.accelerators import AcceleratorConformance

__all__ = [
    "ALL_KINDS", "KINDS", "AcceleratorConformance", "convolve", "layer_of", "make_layer", "random_layers", "shape_of",
    "write_bundle",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load the conformance kit, and with it pytest, on first use."""
    if name != "AcceleratorConformance":
        raise AttributeError(f"module 'accelsim.testing' has no attribute {name!r}; it has {', '.join(__all__)}")
    from accelsim.testing.accelerators import AcceleratorConformance

    return AcceleratorConformance
