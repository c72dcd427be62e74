"""accelsim: how much of a network's work is useless, and what a machine gains that skips it."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

_LAZY = {  # the eight names to know first, then others
    "load_hardware": "accelsim.accelerators.base:load_hardware",
    "load_workload": "accelsim.workload:load_workload",
    "capture": "accelsim.sources.capture:capture",
    "analyze": "accelsim.analyzers.analyze:analyze",
    "simulate": "accelsim.sim:run",
    "sweep": "accelsim.study.sweep:sweep",
    "report": "accelsim.report",
    "testing": "accelsim.testing",
    "open_trace": "accelsim.workload:open_trace",
    "potential": "accelsim.analyzers.potential:potential",
    "compare": "accelsim.comparison:compare",
    "search": "accelsim.study.search:search",
    "shares": "accelsim.report.shares:ineffectual_shares",
    "show": "accelsim.report.text.run:show",
}
__all__ = ["__version__", *sorted(_LAZY)]


def __getattr__(name: str) -> Any:
    """Load one of the public names on first use, so that importing accelsim costs nothing."""
    if name not in _LAZY:
        raise AttributeError(f"module 'accelsim' has no attribute {name!r}; it has {', '.join(sorted(_LAZY))}")
    import importlib

    module, _, attribute = _LAZY[name].partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, attribute) if attribute else loaded


def __dir__() -> list[str]:
    """List the public names, for completion in a notebook."""
    return sorted({*globals(), *_LAZY})
