"""What a worker is asked to do: count the statistics of a layer, evaluate a batch of points."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from accelsim import __version__
from accelsim.accelerators.base import Accelerator
from accelsim.errors import InputError
from accelsim.sim import measured
from accelsim.strictyaml import Document
from accelsim.study.bundles import BundleReference, open_bundle
from accelsim.study.evaluate import Counted, Outcome, evaluate_many
from accelsim.study.template import Template


@dataclass(frozen=True)
class Batch:
    """Points of one machine description on one trace, by the settings of each.

    digest: of the description. version: of the accelsim that asks; a worker of another one refuses.
    """

    document: Document
    digest: str
    settings: tuple[tuple[str, ...], ...]
    trace: Counted
    layers: bool = False
    version: str = __version__


@dataclass(frozen=True)
class Evaluated:
    """The outcomes of a batch, in its order, and how long they took."""

    outcomes: tuple[Outcome, ...]
    seconds: float


def evaluate_batch(batch: Batch) -> Evaluated:
    """Evaluate a batch on a worker, from what it carries alone: no bundle is read."""
    _same_version(batch.version)
    template = _template(batch)
    return timed([template.machine(settings) for settings in batch.settings], batch.trace, batch.layers)


def timed(machines: list[Accelerator], trace: Counted, layers: bool) -> Evaluated:
    """Evaluate machines in this process."""
    start = time.perf_counter()
    outcomes = evaluate_many(machines, trace, layers)
    return Evaluated(tuple(outcomes), time.perf_counter() - start)


def measure_layer(where: BundleReference, machine: Accelerator, index: int, version: str) -> list[dict[str, Any]]:
    """Return the statistics of a layer that `machine` needs, from the bundle that the worker can reach."""
    _same_version(version)
    return measured(machine, open_bundle(where), index)


def _same_version(version: str) -> None:
    if version != __version__:
        raise InputError(f"a worker has accelsim {__version__}, the study was started by {version}", "install the same")


_TEMPLATES: dict[str, Template] = {}
_MOST_TEMPLATES = 16


def _template(batch: Batch) -> Template:
    """Return the description of a batch, kept from the batch before where it is the same."""
    found = _TEMPLATES.get(batch.digest)
    if found is None:
        if len(_TEMPLATES) >= _MOST_TEMPLATES:
            _TEMPLATES.clear()
        found = _TEMPLATES[batch.digest] = Template(batch.document)
    return found
