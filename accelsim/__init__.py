"""accelsim: how much of a network's work is useless, and what a machine gains that skips it."""

from __future__ import annotations

__version__ = "0.1.0"
