"""Compiled loops of Cartesian-product PEs; imported when a layer is replayed.

Arrays are C-contiguous and read only (`analyzers.codes.frozen`), so that each kernel is compiled once per type.
`inner` compiles what only other kernels call: without the wrappers for Python, which take longer than the code.
"""

from __future__ import annotations

from accelsim.compiled import njit

inner = njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
