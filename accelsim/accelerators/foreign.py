"""Machines that others wrote: what is kept of them holds only for the code that gave it."""

from __future__ import annotations

import hashlib
import inspect
import sys
from functools import lru_cache
from pathlib import Path

from accelsim.accelerators.base import Accelerator

_KNOWN = ("accelsim", "pydantic", "builtins", "abc", "typing")
"""Packages whose versions tell their code."""


def measured_as(machine: Accelerator) -> str:
    """Return the name under which what a machine measures is kept; empty when it measures nothing."""
    name, code = machine.measurement(), foreign_code(type(machine))
    return f"{name}-{code[:16]}" if name and code else name


@lru_cache(maxsize=64)
def foreign_code(kind: type[Accelerator]) -> str:
    """Return a digest of the modules outside accelsim in which a machine's model is written; empty where there are none.

    Of a class that stands in no file, as in a notebook, it is that of the class alone.
    """
    found = hashlib.sha256()
    outside = [base for base in kind.__mro__ if base.__module__.partition(".")[0] not in _KNOWN]
    for base in outside:
        found.update(_source(base))
    return found.hexdigest() if outside else ""


def _source(kind: type) -> bytes:
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    try:
        return Path(file).read_bytes() if file else inspect.getsource(kind).encode()
    except (OSError, TypeError):
        return kind.__qualname__.encode()
