"""Axes and points: what a study varies, and the grid that several axes span."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from accelsim.columns import Column
from accelsim.errors import ConfigError, unknown_name
from accelsim.study.values import number, values

WORKLOAD = "workload."
_UNITS = {
    "size": "B", "bytes": "B", "bandwidth": "B/s", "bytes_per_second": "B/s", "bytes_per_cycle": "B/cycle", "mhz": "MHz",
    "bits": "bit", "words": "word", "pj": "pJ", "_mw": "mW", "_nm": "nm",
}  # fmt: skip
_COUNTED = ("accelerator", "batch", "workload")
"""Sections in which a size is a number of values or inputs, not of bytes."""


@dataclass(frozen=True)
class Axis:
    """A key that a study varies and its values as text, each given to a run as KEY=VALUE.

    key: of the machine's YAML, or of the workload's behind ``workload.``. machines, workloads: whose axis it is.
    """

    key: str
    values: tuple[str, ...]
    machines: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The values as numbers; None when one of them is a word."""
        found = [number(value) for value in self.values]
        return None if None in found else tuple(v for v in found if v is not None)

    @property
    def scale(self) -> Literal["log", "linear", "words"]:
        """How the axis is drawn: log when its values are positive and spread over a factor of four or more."""
        numbers = self.numbers
        if numbers is None:
            return "words"
        return "log" if min(numbers) > 0 and max(numbers) >= 4 * min(numbers) else "linear"

    @property
    def unit(self) -> str:
        """Unit of the values, by the end of the key."""
        if ".partitions." in self.key:
            return "B"
        if self.key.endswith("size") and self.key.partition(".")[0] in _COUNTED:
            return ""
        return next((unit for end, unit in _UNITS.items() if self.key.endswith(end)), "")

    def column(self) -> Column:
        """Return the entry of the column dictionary."""
        owner = "workload" if self.key.startswith(WORKLOAD) else "machine"
        return Column(self.key, self.unit, f"axis: value of this key of the {owner} (--set)", sums=False)


@dataclass(frozen=True)
class Point:
    """One run: machine and workload as named on the command line, and the value of each axis.

    at: (axis key, value) pairs. settings, workload_settings: what `--set` of one run would be, axes included.
    """

    machine: str
    workload: str
    at: tuple[tuple[str, str], ...]
    settings: tuple[str, ...]
    workload_settings: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """Machines x workloads x axes; `fixed` holds the settings of each machine and workload that have one value."""

    machines: tuple[str, ...]
    workloads: tuple[str, ...]
    axes: tuple[Axis, ...]
    machine_settings: Mapping[str, tuple[str, ...]]
    workload_settings: Mapping[str, tuple[str, ...]]

    def __len__(self) -> int:
        """Return the number of points."""
        return sum(_size(self._of(m, w)) for m in self.machines for w in self.workloads)

    def points(self) -> Iterator[Point]:
        """Yield every point, sorted by machine, workload and the axes in the order given; the last runs fastest."""
        for machine in self.machines:
            for workload in self.workloads:
                axes = self._of(machine, workload)
                for chosen in product(*(axis.values for axis in axes)):
                    yield self.point(machine, workload, dict(zip((axis.key for axis in axes), chosen, strict=True)))

    def point(self, machine: str, workload: str, at: Mapping[str, str]) -> Point:
        """Return the point of `machine` and `workload` with the axes at the values `at`."""
        own = [f"{key}={value}" for key, value in at.items() if not key.startswith(WORKLOAD)]
        theirs = [f"{key.removeprefix(WORKLOAD)}={value}" for key, value in at.items() if key.startswith(WORKLOAD)]
        return Point(
            machine,
            workload,
            tuple(at.items()),
            (*self.machine_settings[machine], *own),
            (*self.workload_settings[workload], *theirs),
        )

    def _of(self, machine: str, workload: str) -> list[Axis]:
        return [a for a in self.axes if machine in a.machines and workload in a.workloads]


def grid(machines: Sequence[str], workloads: Sequence[str], settings: Sequence[str]) -> Grid:
    """Return the grid of `settings`, each ``KEY=VALUES``, ``MACHINE:KEY=VALUES`` or ``workload.KEY=VALUES``.

    A setting of one value is the same for all points; one of several is an axis. A later setting of a key replaces an
    earlier one. Raises ConfigError for a malformed setting, UnknownNameError for a name that is not among them.
    """
    axes: dict[str, dict[str, tuple[str, ...]]] = {}  # key -> machine or workload -> values
    for setting in settings:
        key, owners, chosen = _addressed(setting, machines, workloads)
        axes.setdefault(key, {}).update(dict.fromkeys(owners, chosen))
    fixed: dict[tuple[bool, str], list[str]] = {}
    found: list[Axis] = []
    for key, given in axes.items():
        theirs = key.startswith(WORKLOAD)
        groups: dict[tuple[str, ...], list[str]] = {}
        for owner, chosen in given.items():
            if len(chosen) == 1:
                fixed.setdefault((theirs, owner), []).append(f"{key.removeprefix(WORKLOAD)}={chosen[0]}")
            else:
                groups.setdefault(chosen, []).append(owner)
        for chosen, owners in groups.items():
            whose = (tuple(machines), tuple(owners)) if theirs else (tuple(owners), tuple(workloads))
            found.append(Axis(key, chosen, *whose))
    own = {name: tuple(fixed.get((False, name), ())) for name in machines}
    other = {name: tuple(fixed.get((True, name), ())) for name in workloads}
    return Grid(tuple(machines), tuple(workloads), tuple(found), own, other)


def _addressed(
    setting: str, machines: Sequence[str], workloads: Sequence[str]
) -> tuple[str, list[str], tuple[str, ...]]:
    """Return the key of a setting (behind ``workload.`` for a workload's), whose it is, and its values."""
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {setting!r} is not of the form KEY=VALUES", "for example dram.bandwidth=5e9,10e9")
    name, colon, inner = key.partition(":")
    own, theirs = list(machines), list(workloads)
    if colon:
        own, theirs = ([n for n in group if name in (n, Path(n).stem)] for group in (machines, workloads))
        if not own and not theirs:
            raise unknown_name("machine or workload of the study", name, [*machines, *workloads])
        if inner.startswith(WORKLOAD) and not theirs:
            raise ConfigError(
                f"--set {setting!r}: {name} is a machine, {inner} a key of the workloads", f"--set {inner}=..."
            )
        key = inner if own and not inner.startswith(WORKLOAD) else WORKLOAD + inner.removeprefix(WORKLOAD)
    chosen = tuple(dict.fromkeys(values(text)))
    return key.strip(), theirs if key.startswith(WORKLOAD) else own, chosen


def _size(axes: Sequence[Axis]) -> int:
    count = 1
    for axis in axes:
        count *= len(axis.values)
    return count
