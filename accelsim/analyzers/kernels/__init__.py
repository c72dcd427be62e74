"""Compiled loops over codes: the only folder of the analyzers that imports Numba, itself imported when needed.

Every array argument is C-contiguous and marked read only by the caller (`codes.frozen`), so that each kernel
is compiled once per element type whether or not the array is memory mapped.
"""
