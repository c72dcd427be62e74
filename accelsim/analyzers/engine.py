"""Where the codes of an operand are counted: on the host by Numba kernels, or by another engine that gives the same numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from accelsim.analyzers.codes import as_maps, centred_values
from accelsim.analyzers.groups import GROUP_SIZES, channel_groups
from accelsim.analyzers.histogram import Histogram, value_histogram
from accelsim.analyzers.structure import n_of_m


class Engine(Protocol):
    """What `analyzers.analyze` needs of an operand (`accelsim.layer.Operand`, or what an engine takes in its place)."""

    def histogram(self, operand: Any) -> Histogram:
        """Count the zero-centred values."""

    def stored_histogram(self, operand: Any) -> Histogram:
        """Count the codes as they are stored, whatever their zero points."""

    def group_widths(self, operand: Any, sets: int, signed: bool) -> dict[tuple[int, bool], int]:
        """Return, by group size and whether trailing zeros are left out, the sum over values of their group's width."""

    def two_of_four(self, operand: Any) -> float:
        """Return the share of blocks of four channels with at most two values other than 0."""


class Host:
    """The Numba kernels."""

    def histogram(self, operand: Any) -> Histogram:
        """Count the zero-centred values."""
        return value_histogram(operand)

    def stored_histogram(self, operand: Any) -> Histogram:
        """Count the codes as they are stored."""
        return value_histogram(replace(operand, zero_point=0))

    def group_widths(self, operand: Any, sets: int, signed: bool) -> dict[tuple[int, bool], int]:
        """Return the summed widths of groups of GROUP_SIZES channels."""
        found = channel_groups(as_maps(operand), sets, GROUP_SIZES, signed)
        return {(size, cut): group.total_width(cut) for size, group in found.items() for cut in (False, True)}

    def two_of_four(self, operand: Any) -> float:
        """Return the share of blocks of four channels with at most two values other than 0."""
        return n_of_m(centred_values(operand))


HOST = Host()
