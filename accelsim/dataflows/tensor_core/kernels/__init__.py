"""Kernels of the tensor cores."""
