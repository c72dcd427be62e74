"""SRAM energy by size and width: a power law fitted to points computed with CACTI, node by node."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from accelsim import catalogue, config
from accelsim.config import Sourced
from accelsim.errors import ConfigError

Doubles = NDArray[np.float64]


class SramPoints(Sourced):
    """The points of the fit, one row each in the order of `columns`, and the rule below the smallest node of them."""

    name: str
    description: str
    below_22_nm: float = Field(gt=0)
    below_22_nm_source: str = Field(min_length=1)
    smallest_nm: float = Field(gt=0)
    columns: list[str]
    points: list[list[float]] = Field(min_length=4)

    def column(self, name: str) -> Doubles:
        """Return one column of the points."""
        return np.array([row[self.columns.index(name)] for row in self.points])


@dataclass(frozen=True)
class PowerLaw:
    """Values = factor x size_bytes^by_size x width_bits^by_width, and how far the fitted points are from it.

    rms: root mean square of ln(model / point), so 0.2 is about 20 %. worst: the largest factor either way.
    """

    ln_factor: float
    by_size: float
    by_width: float
    rms: float
    worst: float


@cache
def sram_points() -> SramPoints:
    """Return the shipped points, hwconfigs/energy/models/sram.yaml."""
    return config.load(SramPoints, catalogue.folder("energy") / "models" / "sram.yaml")


@cache
def _reach(column: str) -> tuple[float, float]:
    """Return the smallest and the largest value of a column of the points."""
    found = sram_points().column(column)
    return float(found.min()), float(found.max())


def fit_power_law(sizes: ArrayLike, widths: ArrayLike | None, values: ArrayLike) -> PowerLaw:
    """Fit a power law by least squares of the logarithms, so that every point counts by its relative error.

    widths None: by size alone. Raises ConfigError when the values fall with size or width: accesses of a larger or wider memory
    must never cost less.
    """
    logs = [np.log(np.asarray(x, dtype=float)) for x in (sizes, widths) if x is not None]
    target = np.log(np.asarray(values, dtype=float))
    design = np.stack([np.ones_like(target), *logs], axis=1)
    solution = np.linalg.lstsq(design, target, rcond=None)[0]
    if min(solution[1:]) < 0:
        raise ConfigError("the points of an SRAM fit fall with size or width", "add points or remove the outliers")
    errors = design @ solution - target
    by_width = float(solution[2]) if widths is not None else 0.0
    rms, worst = float(np.sqrt(np.mean(errors**2))), float(np.exp(np.abs(errors).max()))
    return PowerLaw(float(solution[0]), float(solution[1]), by_width, rms, worst)


@cache
def sram_fits(column: str) -> dict[float, PowerLaw]:
    """Return the fit of each node, by falling node, for the column read_pj, write_pj or leakage_mw."""
    points = sram_points()
    nodes, sizes, widths = (points.column(n) for n in ("technology_nm", "size_bytes", "width_bits"))
    values = points.column(column)
    fits = {}
    for node in sorted(set(nodes.tolist()), reverse=True):
        here = nodes == node
        wide = None if column == "leakage_mw" else widths[here]
        fits[node] = fit_power_law(sizes[here], wide, values[here])
    return fits


@overload
def sram_pj(size_bytes: float, width_bits: float, technology_nm: float, write: bool = False) -> float: ...
@overload
def sram_pj(size_bytes: ArrayLike, width_bits: ArrayLike, technology_nm: float, write: bool = False) -> Doubles: ...
def sram_pj(size_bytes: Any, width_bits: Any, technology_nm: float, write: bool = False) -> Any:
    """Return pJ of one access of a word of `width_bits` in an SRAM of `size_bytes`; arrays broadcast.

    Never falls with size or width. Between the fitted nodes (90 to 22 nm) logarithms are interpolated; below 22 nm it
    falls with the square root of the node, down to 7 nm. `sram_beyond` says what lies outside the fitted points.
    Raises ConfigError for another node, and for sizes and widths that are not positive.
    """
    return _evaluate("write_pj" if write else "read_pj", size_bytes, width_bits, technology_nm)


@overload
def sram_leakage_mw(size_bytes: float, technology_nm: float) -> float: ...
@overload
def sram_leakage_mw(size_bytes: ArrayLike, technology_nm: float) -> Doubles: ...
def sram_leakage_mw(size_bytes: Any, technology_nm: float) -> Any:
    """Return mW that an SRAM of `size_bytes` made of low standby power cells leaks at 300 K; arrays are mapped.

    Faster cells leak orders of magnitude more. Nodes and errors as for `sram_pj`.
    """
    return _evaluate("leakage_mw", size_bytes, 1.0, technology_nm)


def sram_beyond(size_bytes: ArrayLike, width_bits: ArrayLike) -> str:
    """Return a warning when a size or width is outside the points of the fit, else an empty text."""
    said = []
    for what, asked, column in (("bytes", size_bytes, "size_bytes"), ("bits wide", width_bits, "width_bits")):
        (low, high), wanted = _reach(column), np.asarray(asked, dtype=float)
        if wanted.min() < low or wanted.max() > high:
            said.append(
                f"{wanted.min():g} to {wanted.max():g} {what}, fitted from {low:g} to {high:g}"
                if wanted.min() < wanted.max()
                else f"{wanted.min():g} {what}, fitted from {low:g} to {high:g}"
            )
    return f"SRAM energy is extrapolated: {'; '.join(said)}" if said else ""


def _evaluate(column: str, size_bytes: Any, width_bits: Any, technology_nm: float) -> Any:
    law, below = _law(column, technology_nm)
    sizes, widths = np.asarray(size_bytes, dtype=float), np.asarray(width_bits, dtype=float)
    if not (sizes > 0).all() or not (widths > 0).all():
        raise ConfigError("an SRAM needs a size and a width above zero")
    value = np.exp(law[0] + law[1] * np.log(sizes) + law[2] * np.log(widths)) * below
    return float(value) if value.ndim == 0 else value


@cache
def _law(column: str, technology_nm: float) -> tuple[tuple[float, float, float], float]:
    """Return the exponents of a node and the factor for a node below the smallest fitted one."""
    fits, points = sram_fits(column), sram_points()
    nodes = sorted(fits)
    if not points.smallest_nm <= technology_nm <= nodes[-1]:
        raise ConfigError(
            f"{technology_nm:g} nm is outside the SRAM model",
            f"it holds from {points.smallest_nm:g} to {nodes[-1]:g} nm",
        )
    inside = max(technology_nm, nodes[0])
    place = np.log(inside), np.log(nodes)
    law = [
        float(np.interp(*place, [getattr(fits[node], name) for node in nodes]))
        for name in ("ln_factor", "by_size", "by_width")
    ]
    return (law[0], law[1], law[2]), (technology_nm / inside) ** points.below_22_nm
