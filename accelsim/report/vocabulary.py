"""Every column a result can have: importing the modules that declare them."""

from __future__ import annotations

import importlib

from accelsim.accelerators import ACCELERATORS
from accelsim.dataflows import DATAFLOWS

_DECLARING = (
    "accelsim.comparison",
    "accelsim.sim",
    "accelsim.study.knee",
    "accelsim.study.search",
    "accelsim.study.sharing.exploration",
    "accelsim.study.sharing.machine",
    "accelsim.study.sharing.methods",
    "accelsim.study.store",
    "accelsim.analyzers.analyze",
    "accelsim.analyzers.bit_positions",
    "accelsim.analyzers.formats",
    "accelsim.analyzers.group_widths",
    "accelsim.analyzers.input_spread",
    "accelsim.analyzers.neighbours",
    "accelsim.analyzers.positions",
    "accelsim.analyzers.potential",
    "accelsim.analyzers.statistics",
    "accelsim.analyzers.traffic",
    "accelsim.compactness.correlation",
    "accelsim.compactness.intensity",
    "accelsim.compactness.reuse",
    "accelsim.compactness.profile",
    "accelsim.study.precision",
    "accelsim.study.efficiency",
    "accelsim.gpu.claims",
    "accelsim.gpu.crosscheck",
)


def learn() -> None:
    """Load every module that declares result columns."""
    ACCELERATORS.names()
    DATAFLOWS.names()
    for module in _DECLARING:
        importlib.import_module(module)
