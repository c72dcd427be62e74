"""Analyzers: what each value costs a machine that skips ineffectual work, and exact totals over a trace.

An analyzer is a function ``(codes, bits) -> cost`` under a name: `codes` is an integer array of zero-centred
values (a real zero is 0), `bits` the width of such a value in two's complement, the result a non-negative
integer array of the same shape. It is evaluated once over every value a layer can hold, so it should be
vectorised NumPy. Costs that depend on signedness take a tensor as signed when it has a negative value.
"""

from __future__ import annotations

from accelsim.registry import Registry

ANALYZERS = Registry("analyzer", "accelsim.analyzers")
analyzer = ANALYZERS.register

ANALYZERS_VERSION = 3
"""Raised whenever a statistic changes its meaning; part of the name under which a bundle remembers it."""
