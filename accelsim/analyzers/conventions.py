"""Conventions a statistic is taken under."""

from __future__ import annotations

from typing import Literal

from accelsim.errors import ConfigError

Padding = Literal["in", "out"]


def check_padding(padding: str) -> Padding:
    """Return `padding` when it is a convention: "in" counts padding zeros, "out" does not. Raises ConfigError."""
    if padding == "in":
        return "in"
    if padding == "out":
        return "out"
    raise ConfigError(f"padding {padding!r} is no convention", "give in or out")
