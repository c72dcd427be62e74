"""Points keyed by content, those that are not finished evaluated by workers and kept in a store."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from accelsim import __version__
from accelsim.accelerators.base import Accelerator
from accelsim.accelerators.foreign import foreign_code, measured_as
from accelsim.analyzers import ANALYZERS_VERSION
from accelsim.analyzers.progress import over_layers
from accelsim.config import digest
from accelsim.errors import AccelsimError, ConfigError
from accelsim.sim import cautions, measured
from accelsim.study.bundles import reference
from accelsim.study.evaluate import Counted, Outcome, counted, refused
from accelsim.study.grid import Point
from accelsim.study.store import Store
from accelsim.study.tasks import Batch, Evaluated, bare, evaluate_batch, measure_layer, timed
from accelsim.study.template import Template, dram_part
from accelsim.study.workers import Task, Workers
from accelsim.trace import Trace

STUDY_VERSION = 2
"""Raised whenever a point would get other totals from the same machine and trace."""

BATCH_S = 1.0
"""Seconds that a batch should take: long against its way to a worker, short against the patience of a user."""
_MOST_POINTS = 2048
_AT_A_TIME = 8192
"""Points that are looked at before they are evaluated in this process: their machines are then still there."""

Traces = Mapping[tuple[str, tuple[str, ...]], Trace]
"""The trace of each workload and its settings."""

_Group = tuple[str, tuple[str, tuple[str, ...]], str]
"""Points that share a description, a trace and its statistics: machine, workload with settings, measurement."""


@dataclass(frozen=True)
class _Job:
    """A point to be run: its key, its settings and the warnings known before."""

    key: str
    settings: tuple[str, ...]
    warnings: str


class Points:
    """Evaluates points: each once, whatever the order, the workers or the interruptions.

    templates: the machines by name. traces: see `Traces`. bundles: URL of the folder of bundles, for workers that do
    not see the file system of this machine.
    """

    def __init__(
        self, templates: Mapping[str, Template], traces: Traces, store: Store, workers: Workers, bundles: str = ""
    ) -> None:
        self.templates = templates
        self.traces = traces
        self.store = store
        self.workers = workers
        self.bundles = bundles
        self._counted: dict[_Group, Counted] = {}
        self._sent: dict[_Group, Counted] = {}
        self._warnings: dict[str, str] = {}  # of many points the same text
        self._seconds = 0.0  # of a point, as measured last

    def run(self, points: Iterable[Point], label: str = "", bar: bool = True) -> list[str]:
        """Evaluate those of `points` that are not finished and return the key of each, in order.

        label: what the progress bar says; it goes to stderr and only to a terminal. Raises ConfigError when no setting of
        a machine is one that it has.
        """
        from tqdm import tqdm

        every = list(points)
        self._refuse_slips(every)
        keys: list[str] = []
        size = _AT_A_TIME if self.workers.executor is None else max(1, len(every))
        with tqdm(
            total=len(every), desc=label or "points", unit="point", file=sys.stderr, disable=None if bar else True, delay=1.0
        ) as progress:  # fmt: skip
            try:
                for start in range(0, len(every), size):
                    found, groups = self._keyed(every[start : start + size])
                    keys += found
                    there = len(found) - sum(len(jobs) for jobs in groups.values())
                    if not progress.disable:
                        progress.initial += there  # no part of the speed
                    progress.update(there)
                    for group, jobs in groups.items():
                        self._count(group, jobs[0])
                    self._evaluate(groups, progress)
            finally:
                self.store.flush()
        return keys

    def _refuse_slips(self, points: Sequence[Point]) -> None:
        """Raise ConfigError when every point of a machine has settings that it does not take: a slip of the pen."""
        for name, template in self.templates.items():
            own = (_machine(template, point.settings)[1] for point in points if point.machine == name)
            first = next(own, None)
            if first is not None and all(problem is not None for problem in own):
                raise first

    def _keyed(self, points: Iterable[Point]) -> tuple[list[str], dict[_Group, list[_Job]]]:
        """Return the key of every point, and the jobs that are left, by group; refused points are finished here."""
        keys: list[str] = []
        groups: dict[_Group, list[_Job]] = {}
        seen: set[str] = set()
        for point in points:
            where = (point.workload, point.workload_settings)
            trace, template = self.traces[where], self.templates[point.machine]
            machine, problem = _machine(template, point.settings)
            described = machine or [template.document.data, point.settings]
            code = foreign_code(type(machine)) if machine else ""
            key = digest(described, dram_part(machine), code, trace.key, trace.digest, *_VERSIONS)
            keys.append(key)
            if key in seen or key in self.store:
                continue
            seen.add(key)
            lines, problem = _cautions(machine, trace) if machine else ("", problem)
            if machine is None or problem is not None:
                self.store.add({key: Outcome(refused(problem or ConfigError("")))})
                continue
            group = (point.machine, where, _measurement(machine))
            same = self._warnings.setdefault(lines, lines)
            groups.setdefault(group, []).append(_Job(key, point.settings, same))
        return keys, groups

    def _count(self, group: _Group, job: _Job) -> None:
        """Have the statistics of a group counted once, by remote workers where they are not kept here."""
        if group in self._counted:
            return
        name, where, _ = group
        machine, trace = self.templates[name].machine(job.settings), self.traces[where]
        label = f"statistics of {where[0]} for {name}"
        if not self.workers.remote or _kept(machine, trace):
            found = over_layers(trace, lambda index: [measured(machine, trace, index)], label)
        else:
            place = reference(trace, self.bundles)
            layers = [record.index for record in trace.layers]
            tasks = (Task(measure_layer, (place, machine, index, __version__), index) for index in layers)
            done = {task.label: each for task, each in self.workers.completed(tasks)}
            found = [done[index] for index in layers]
        self._counted[group] = counted(machine, trace, found)

    def _evaluate(self, groups: Mapping[_Group, list[_Job]], progress: Any) -> None:
        self._first(groups, progress)
        for task, found in self.workers.completed(self._tasks(groups)):
            self._keep(task.label, found, progress)

    def _first(self, groups: Mapping[_Group, list[_Job]], progress: Any) -> None:
        """Evaluate a point of each machine here, which compiles its kernels before processes start that load them."""
        if self.workers.executor is None or self.workers.remote:
            return
        for name, group in {group[0]: group for group in groups}.items():
            job = groups[group].pop()
            machine = self.templates[name].machine(job.settings)
            self._keep([job], timed([machine], self._counted[group], self.store.layers), progress)
        self._seconds = 0.0  # compiling was in it

    def _keep(self, jobs: Sequence[_Job], found: Evaluated, progress: Any) -> None:
        """Put the outcomes of a batch into the store, the warnings known before in front of theirs."""
        done = {}
        for job, outcome in zip(jobs, found.outcomes, strict=True):
            lines = [] if outcome.row["problem"] else [job.warnings, str(outcome.row["warnings"])]
            done[job.key] = replace(outcome, row=outcome.row | {"warnings": "\n".join(filter(None, lines))})
        self.store.add(done)
        self._seconds = found.seconds / len(jobs)
        progress.update(len(jobs))

    def _tasks(self, groups: Mapping[_Group, list[_Job]]) -> Iterator[Task]:
        """Yield the batches; their size follows the time that a point takes."""
        for group, jobs in groups.items():
            place = 0
            while place < len(jobs):
                alone = self.workers.executor is None
                share = len(jobs) if alone else 1 + len(jobs) // (4 * max(1, self.workers.count()))
                size = min(_MOST_POINTS, share, max(1, int(BATCH_S / self._seconds)) if self._seconds else 4)
                part = jobs[place : place + size]
                place += size
                yield self._task(group, part)

    def _task(self, group: _Group, jobs: Sequence[_Job]) -> Task:
        name, _, _ = group
        template, trace, layers = self.templates[name], self._counted[group], self.store.layers
        if self.workers.executor is None:
            machines = [template.machine(job.settings) for job in jobs]
            return Task(timed, (machines, trace, layers), jobs)
        settings = tuple(job.settings for job in jobs)
        if group not in self._sent:
            self._sent[group] = bare(trace)
        place = reference(self.traces[group[1]], self.bundles)
        batch = Batch(
            template.document, template.digest, settings, self._sent[group], place, digest(group, place.digest), layers
        )
        return Task(evaluate_batch, (batch,), jobs)


_VERSIONS = (__version__, STUDY_VERSION, ANALYZERS_VERSION)


def _machine(template: Template, settings: tuple[str, ...]) -> tuple[Accelerator | None, AccelsimError | None]:
    try:
        machine = template.machine(settings)
        dram_part(machine)
        return machine, None
    except AccelsimError as error:
        return None, error


def _cautions(machine: Accelerator, trace: Trace) -> tuple[str, AccelsimError | None]:
    try:
        return "\n".join(cautions(machine, trace)), None
    except AccelsimError as error:
        return "", error


def _measurement(machine: Accelerator) -> str:
    """Return what the statistics of a machine depend on besides the trace."""
    resident = getattr(getattr(machine, "mapping", None), "resident", False)
    return f"{measured_as(machine)}/{machine.counts_products}/{resident}"


def _kept(machine: Accelerator, trace: Trace) -> bool:
    """Whether the statistics that the machine needs are kept with the bundle on this file system."""
    own = [name] if (name := measured_as(machine)) else []
    names = [*own, f"layer-v{ANALYZERS_VERSION}"] if machine.counts_products else own
    return all(trace.keeps(f"{name}-{record.index}") for name in names for record in trace.layers)
