"""Compiled loops of Cartesian-product PEs; imported when a layer is replayed.

Arrays are C-contiguous and read only (`analyzers.codes.frozen`), so that each kernel is compiled once per type.
"""
