"""Compiled loops of the DRAM model; imported when a stream is served.

`inner` compiles what only other kernels call, into its callers: passing the tables would take longer than the code.
"""

from __future__ import annotations

from accelsim.compiled import njit

inner = njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)
