"""What a worker is asked to do: count the statistics of a layer, evaluate a batch of points."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accelsim import __version__
from accelsim.accelerators.base import Accelerator
from accelsim.errors import InputError
from accelsim.sim import Statistics, measured
from accelsim.strictyaml import Document
from accelsim.study.bundles import BundleReference, open_bundle
from accelsim.study.evaluate import Counted, Outcome, evaluate_many
from accelsim.study.template import Template


@dataclass(frozen=True)
class Batch:
    """Points of one machine description on one trace, by the settings of each.

    digest: of the description. group: names what `trace` holds, so that a worker goes on with what it found for earlier
    batches. where: the bundle, for machines that measure tiles as they need them. version: of the accelsim that asks; a
    worker of another one refuses.
    """

    document: Document
    digest: str
    settings: tuple[tuple[str, ...], ...]
    trace: Counted
    where: BundleReference
    group: str = ""
    layers: bool = False
    version: str = __version__


@dataclass(frozen=True)
class Evaluated:
    """The outcomes of a batch, in its order, and how long they took."""

    outcomes: tuple[Outcome, ...]
    seconds: float


def evaluate_batch(batch: Batch) -> Evaluated:
    """Evaluate a batch on a worker, from what it carries; the bundle is read only to measure tiles."""
    _same_version(batch.version)
    template = _template(batch)
    return timed([template.machine(settings) for settings in batch.settings], _counted(batch), batch.layers)


def timed(machines: list[Accelerator], trace: Counted, layers: bool) -> Evaluated:
    """Evaluate machines in this process."""
    start = time.perf_counter()
    outcomes = evaluate_many(machines, trace, layers)
    return Evaluated(tuple(outcomes), time.perf_counter() - start)


def measure_layer(where: BundleReference, machine: Accelerator, index: int, version: str) -> list[dict[str, Any]]:
    """Return the statistics of a layer that `machine` needs, from the bundle that the worker can reach."""
    _same_version(version)
    return [_moved(given, where.path) for given in measured(machine, open_bundle(where), index)]


def _same_version(version: str) -> None:
    if version != __version__:
        raise InputError(f"a worker has accelsim {__version__}, the study was started by {version}", "install the same")


def bare(trace: Counted) -> Counted:
    """Return statistics without what was found from them, as they are sent to workers."""
    return replace(
        trace, entries=tuple((head, shape, {**given, "placements": {}}) for head, shape, given in trace.entries)
    )


_TEMPLATES: dict[str, Template] = {}
_COUNTED: dict[str, Counted] = {}
_MOST_KEPT = 8


def _counted(batch: Batch) -> Counted:
    """Return the statistics of a batch as kept from an earlier one, else its own with the bundle where it is here."""
    if batch.group in _COUNTED:
        return _COUNTED[batch.group]
    trace = batch.trace
    if not Path(batch.where.path).is_dir() and any("tile_work" in given for *_, given in trace.entries):
        here = str(open_bundle(batch.where).path)
        trace = replace(
            trace, entries=tuple((head, shape, _moved(given, here)) for head, shape, given in trace.entries)
        )
    if batch.group:
        if len(_COUNTED) >= _MOST_KEPT:
            _COUNTED.clear()
        _COUNTED[batch.group] = trace
    return trace


def _moved(given: Statistics, bundle: str) -> Statistics:
    """Return statistics whose tiles are measured on the bundle at this path."""
    return given | {"tile_work": replace(given["tile_work"], bundle=bundle)} if "tile_work" in given else given


def _template(batch: Batch) -> Template:
    """Return the description of a batch, kept from the batch before where it is the same."""
    found = _TEMPLATES.get(batch.digest)
    if found is None:
        if len(_TEMPLATES) >= _MOST_KEPT:
            _TEMPLATES.clear()
        found = _TEMPLATES[batch.digest] = Template(batch.document)
    return found
