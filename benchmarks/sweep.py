"""Points per second of a sweep, beside a run per point: `python -m benchmarks.sweep`.

The statistics of the workload exist (they are counted once per trace, whatever the number of points). The first figure
is `accelsim.sweep` in this process, from the settings of each point to the finished table; the second loads the machine
and calls `accelsim.simulate` for a few of the same points, as a script without `sweep` would. Both are per second of CPU
time, so one core without other load would reach them, and their ratio does not depend on the computer. The parts say
where a point's time goes: evaluation is the workers' part, the others are that of the process that hands out points.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import accelsim
from accelsim.accelerators.base import load_hardware
from accelsim.config import digest
from accelsim.sim import cautions
from accelsim.study.evaluate import Outcome, counted, evaluate_many
from accelsim.study.grid import grid
from accelsim.study.store import Store
from accelsim.study.sweep import sweep
from accelsim.study.template import Template
from accelsim.trace import Trace

CAPACITIES = {
    "eyeriss": "memory.global_buffer.size=16KiB..1MiB:+{step}",
    "pragmatic": "memory.buffer.partitions.weight=16KiB..1MiB:+{step}",
    "stripes": "memory.buffer.partitions.weight=16KiB..1MiB:+{step}",
}
BANDWIDTHS = "dram.bandwidth=1e9,2e9,4e9,8e9,16e9,32e9,64e9,128e9"


def axes(machine: str, points: int, keys: list[str]) -> list[str]:
    """Return the settings of about `points` points: a capacity and eight bandwidths, or `keys` as given."""
    step = max(64, (2**20 - 2**14) // max(1, points // 8 - 1) // 64 * 64)
    return keys or [CAPACITIES[machine].format(step=step), BANDWIDTHS]


def rates(machine: str, workload: str, samples: int, settings: list[str], plain: int) -> dict[str, float]:
    """Return points per second of a sweep and of a run per point, and the seconds of each part of a point."""
    trace = accelsim.open_trace(accelsim.load_workload(workload, [f"samples={samples}"]))
    settings = [*settings, f"workload.samples={samples}"]
    points = list(grid([machine], [workload], settings).points())
    accelsim.simulate(load_hardware(machine, points[0].settings), trace)  # statistics and kernels
    some = points[:: max(1, len(points) // plain)][:plain]
    start = time.process_time()
    for point in some:
        result = accelsim.simulate(load_hardware(machine, point.settings), trace)
        result.total("energy_pj")
    single = (time.process_time() - start) / len(some)
    with TemporaryDirectory() as folder:
        start = time.process_time()
        sweep(machine, workload, settings, Path(folder))
        whole = (time.process_time() - start) / len(points)
    return {"points": len(points), "single_s": single, "sweep_s": whole} | parts(
        machine, trace, [p.settings for p in points]
    )


def parts(machine: str, trace: Trace, settings: list[tuple[str, ...]]) -> dict[str, float]:
    """Return the seconds of a point spent on its description, its key, the checks, the evaluation and the store."""
    template = Template.of(machine)
    marks = [time.process_time()]
    machines = [template.machine(lines) for lines in settings]
    marks.append(time.process_time())
    keys = [digest(one, trace.key, trace.digest) for one in machines]
    marks.append(time.process_time())
    for one in machines:
        cautions(one, trace)
    marks.append(time.process_time())
    statistics = counted(machines[0], trace)
    marks.append(time.process_time())
    found: list[Outcome] = []
    for place in range(0, len(machines), 1024):
        found += evaluate_many(machines[place : place + 1024], statistics)
    marks.append(time.process_time())
    with TemporaryDirectory() as folder:
        store = Store(Path(folder), flush_s=0.0)
        store.add(dict(zip(keys, found, strict=True)))
        store.points()
    marks.append(time.process_time())
    spent = [after - before for before, after in pairwise(marks)]
    names = ("describe_s", "key_s", "check_s", "statistics_s", "evaluate_s", "store_s")
    return {name: seconds / len(settings) for name, seconds in zip(names, spent, strict=True)}


def main() -> None:
    """Print a line per machine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", nargs="+", default=list(CAPACITIES))
    parser.add_argument("--workload", default="resnet20")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--points", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=10, help="points that are run one by one")
    parser.add_argument(
        "--set", dest="settings", nargs="+", default=[], help="axes instead of a capacity and bandwidths"
    )
    arguments = parser.parse_args()
    head = ("machine", "points", "sweep", "run each", "ratio", "describe", "key", "check", "evaluate", "store")
    print("{:12} {:>7} {:>12} {:>12} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9}".format(*head))
    for machine in arguments.machines:
        found = rates(
            machine,
            arguments.workload,
            arguments.samples,
            axes(machine, arguments.points, arguments.settings),
            arguments.runs,
        )
        pieces = " ".join(f"{found[f'{name}_s'] * 1e6:6.0f} us" for name in head[5:])
        print(
            f"{machine:12} {found['points']:7.0f} {1 / found['sweep_s']:8.0f} 1/s {1 / found['single_s']:8.1f} 1/s"
            f" {found['single_s'] / found['sweep_s']:6.1f}x {pieces}",
            flush=True,
        )


if __name__ == "__main__":
    main()
