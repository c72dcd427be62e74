"""Functions that the workshop calls in its children."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def sweep(net: str, out: str, settings: list[str]) -> None:
    """Sweep and write the tables, without figures; the points that were run here go to standard output."""
    from accelsim.study import points, store
    from accelsim.study.sweep import sweep as run

    store.FLUSH_S = 0.0
    points.BATCH_S = 0.0
    count = counted()
    run("stripes", net, settings, out).write(Path(out))
    print(json.dumps({"run": count}))


def counted() -> list[int]:
    """Return how many points each batch of this process had, filled as they are run."""
    from accelsim.study import points

    sizes: list[int] = []
    real = points.timed

    def timed(machines: Any, *others: Any) -> Any:
        sizes.append(len(machines))
        return real(machines, *others)

    points.timed = timed
    return sizes


def search(net: str, out: str, trials: int) -> None:
    """Search and write the tables, without figures; the points that were run here go to standard output."""
    from accelsim.study import store
    from accelsim.study.search import search as run

    store.FLUSH_S = 0.0
    count = counted()
    free = ["memory.buffer.partitions.weight=1KiB..64KiB", "dram.bandwidth=1e8..1e10:x10"]
    run("stripes", net, free, trials=trials, out=out).write(Path(out))
    print(json.dumps({"run": count}))


def record(out: str) -> None:
    """Record a made-up network on a made-up device; the batches that were measured here go to standard output."""
    from accelsim.gpu.measure import record as measure
    from tests.gpu.fake_device import FakeDevice

    class Repeatable(FakeDevice):
        """Measures the same whatever was measured before."""

        def prepare(self, reference: str, mode: Any, batch: int) -> Any:
            self.rng, self.now, self.joules = np.random.default_rng(batch), 0.0, 100.0
            return super().prepare(reference, mode, batch)

    device = Repeatable()
    measure(device, "SYNTHETIC-conv", Path(out), batches=(1, 2, 4, 8), energy_s=5.0)
    print(json.dumps({"run": [len(device.prepared)]}))


def share(out: str) -> None:
    """Explore weight sharing of a shipped network on few inputs, without figures."""
    from accelsim.study.sharing.candidates import Sharing
    from accelsim.study.sharing.explore import Plan
    from accelsim.study.sharing.share import share as run

    plan = Plan(subset=2, combinations=4, points=2)
    found = run("denoiser", Sharing(sizes=(4, 16)), plan=plan, most_inputs=2)
    found.write(Path(out))
    print(json.dumps({"run": [found.exploration.info["computed"]]}), file=sys.stdout)
