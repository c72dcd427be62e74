"""Cartesian products of non-zero activations and weights on an array of PEs that own tiles of the map (SCNN)."""
