"""Some cases of many families in one process, for the fast suite."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.fuzz.families import PLACES, Case, family

LEFT_OUT = ("few", "result_folders", "safetensors", "shipped")
"""Families that take seconds to make their examples or to import what they test."""


def few(folder: Path) -> Case:
    """One case of any of the quick families."""
    cases = []
    for name in sorted(set(PLACES) - set(LEFT_OUT)):
        place = folder / name
        place.mkdir()
        cases.append(family(name)(place))

    def one(rng: random.Random) -> Any:
        return rng.choice(cases)(rng)

    return one
