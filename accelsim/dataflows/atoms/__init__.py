"""Atomic operations of NVDLA: a pixel of some channels meets some kernels each cycle."""
