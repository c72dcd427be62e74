"""Layers of every kind with random codes, for the tests of the machines: those of the conformance kit."""

from __future__ import annotations

from accelsim.testing.layers import KINDS, convolve, make_layer, random_layers, shape_of

__all__ = ["KINDS", "convolve", "make_layer", "random_layers", "shape_of"]
