"""What a third party's machine is tested with: a conformance kit to inherit, layers of every kind, small bundles.

Needs pytest and NumPy alone; only `AcceleratorConformance` imports pytest.
"""

from __future__ import annotations

from accelsim.testing.layers import KINDS, convolve, layer_of, make_layer, random_layers, shape_of

__all__ = ["KINDS", "convolve", "layer_of", "make_layer", "random_layers", "shape_of"]
