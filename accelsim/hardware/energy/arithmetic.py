"""Energy of additions, multiplications and registers by width, anchored to published tables."""

from __future__ import annotations

from functools import cache

import numpy as np

from accelsim.errors import ConfigError
from accelsim.hardware.energy.bands import Band
from accelsim.hardware.energy.scaling import scale_energy
from accelsim.hardware.energy.source import Part, load_energy

NOMINAL = "horowitz_45nm"
OTHERS = ("aladdin_40nm",)


def add_pj(bits: int, technology_nm: float, table: str = NOMINAL) -> float:
    """Return pJ of an integer addition of words of `bits` in a node.

    Linear between the widths of the table, proportional to the width below the smallest and above the largest, so
    every width of the table comes back unchanged. Raises ConfigError outside the rule for scaling between nodes.
    """
    widths, energies = _anchors(table, "add")
    _positive(bits)
    outside = min(max(bits, widths[0]), widths[-1])
    pj = float(np.interp(outside, widths, energies)) * bits / outside
    return _in_node(pj, table, technology_nm)


def multiply_pj(bits_a: int, bits_b: int, technology_nm: float, table: str = NOMINAL) -> float:
    """Return pJ of an integer multiplication of a word of `bits_a` by one of `bits_b` in a node.

    A power of the product of the widths through the table's smallest and largest multiplier (for Horowitz 0.989,
    so nearly the product itself); in proportion to the product where the table has one multiplier only.
    Raises ConfigError outside the rule for scaling between nodes.
    """
    widths, energies = _anchors(table, "multiply")
    _positive(bits_a, bits_b)
    power = 1.0
    if len(widths) > 1:
        power = np.log(energies[-1] / energies[0]) / np.log(widths[-1] ** 2 / widths[0] ** 2)
    pj = energies[0] * float((bits_a * bits_b / widths[0] ** 2) ** power)
    return _in_node(pj, table, technology_nm)


def register_pj(bits: int, technology_nm: float) -> float:
    """Return pJ of one access of a register of `bits` in a node. Source: Aladdin's register bit at 40 nm."""
    _positive(bits)
    (width,), (energy,) = _anchors("aladdin_40nm", "register")
    return _in_node(energy * bits / width, "aladdin_40nm", technology_nm)


def add_band(bits: int, technology_nm: float) -> Band:
    """Return what the tables say of an addition: `add_pj` as nominal, the others as low and high."""
    return _band({table: add_pj(bits, technology_nm, table) for table in (NOMINAL, *OTHERS)})


def multiply_band(bits_a: int, bits_b: int, technology_nm: float) -> Band:
    """Return what the tables say of a multiplication: `multiply_pj` as nominal, the others as low and high."""
    return _band({table: multiply_pj(bits_a, bits_b, technology_nm, table) for table in (NOMINAL, *OTHERS)})


def _band(energies: dict[str, float]) -> Band:
    sources = tuple(load_energy(table).source for table in energies)
    return Band(low=min(energies.values()), nominal=energies[NOMINAL], high=max(energies.values()), sources=sources)


@cache
def _anchors(table: str, part: Part) -> tuple[list[int], list[float]]:
    """Return widths and pJ of the integer actions of `part` in a table, by rising width."""
    actions = [a for a in load_energy(table).actions.values() if a.part == part and a.number == "integer"]
    if not actions:
        raise ConfigError(f"{table} has no integer {part}", "take a table that has, see: accelsim list energy")
    actions.sort(key=lambda action: action.bits)
    return [a.bits for a in actions], [a.value for a in actions]


@cache
def _node(table: str) -> float:
    node = load_energy(table).technology_nm
    if node is None:
        raise ConfigError(f"{table} does not say which technology it is of, so it cannot be scaled")
    return node


def _in_node(pj: float, table: str, technology_nm: float) -> float:
    return scale_energy(pj, _node(table), technology_nm)


def _positive(*bits: int) -> None:
    if min(bits) < 1:
        raise ConfigError(f"a word of {min(bits)} bits has no energy", "give at least 1 bit")
