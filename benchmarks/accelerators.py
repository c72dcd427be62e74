"""Time the accelerators against DNNsim's recorded times: `python -m benchmarks.accelerators`.

CPU seconds per image in process (kernels compiled, codes in memory), each beside DNNsim's recorded user seconds for the
same machine and options, and their ratio; peak memory over the layer's operands. --whole adds the whole command, reading
the network from a folder with an empty cache. The codes of the shapes `alexnetconv` and `resnet18` are random; DNNsim's own
were others, its time depends little on them. --dnnsim COMMAND times DNNsim itself on this machine instead of trusting the
record: `{network}` and `{machine}` in it are filled in, for example "build/bin/DNNsim batches/{network}-{machine}"; --folders
writes the networks as folders it can read.
"""

from __future__ import annotations

import argparse
import csv
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelsim.accelerators.base import load_hardware
from accelsim.analyzers.profile import Profile, profile
from accelsim.layer import Layer
from benchmarks.networks import SHARED, network, write_folder
from tests.golden_dnnsim import MACHINES

SMALL_BYTES = 1 << 18
"""Layers with smaller operands are left out of the memory figure: there fixed tables dominate."""
NETWORKS = ("resnet20", "squeezenet", "alexnetconv", "resnet18")


def median_s(action: Callable[[], object], repeats: int, clock: Callable[[], float] = time.thread_time) -> float:
    """Return the median duration of `action` in seconds, after one call that is not timed.

    clock: by default the CPU time of this thread, as DNNsim's figures are CPU time of its one.
    """
    action()
    times = []
    for _ in range(repeats):
        start = clock()
        action()
        times.append(clock() - start)
    return statistics.median(times)


def machine(label: str) -> Any:
    """Return the machine of a DNNsim label."""
    name, *options = MACHINES[label]
    return load_hardware(name, [f"accelerator.{option}" for option in options])


def in_process_s(label: str, layers: list[tuple[Layer, Profile]], repeats: int) -> float:
    """Return the median seconds of one image, static profiles known."""
    array = machine(label)
    return median_s(lambda: [array.work(layer, known) for layer, known in layers], repeats)


def most_memory(label: str, layers: list[tuple[Layer, Profile]]) -> float:
    """Return the largest allocation of a layer's replay, over the bytes of its operands."""
    array, most = machine(label), 0.0
    for layer, known in layers:
        operands = layer.activation.codes.nbytes + layer.weight.codes.nbytes
        if operands < SMALL_BYTES:
            continue
        tracemalloc.start()
        array.work(layer, known)
        most = max(most, tracemalloc.get_traced_memory()[1] / operands)
        tracemalloc.stop()
    return most


def whole_process_s(label: str, folder: Path, repeats: int) -> float:
    """Return the median seconds of `accelsim run --csv` on a reference folder in a fresh process.

    The folder is read, checked and replayed each time: the cache of bundles and statistics is a new one.
    """
    name, *options = MACHINES[label]
    settings = [part for option in options for part in ("--set", f"accelerator.{option}")]
    command = [sys.executable, "-m", "accelsim", "run", "--hw", name, "--workload", str(folder), "--csv", *settings]

    def run() -> None:
        with tempfile.TemporaryDirectory() as cache:
            environment = {**os.environ, "ACCELSIM_CACHE": cache}
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)

    return median_s(run, repeats, time.perf_counter)


def peer_s(command: str, name: str, label: str) -> float:
    """Return the user seconds of DNNsim's own run of a machine on a network."""
    before = os.times().children_user
    subprocess.run(shlex.split(command.format(network=name, machine=label)), check=True, stdout=subprocess.DEVNULL)
    return os.times().children_user - before


def recorded() -> dict[tuple[str, str], float]:
    """Return DNNsim's recorded user seconds per network and label."""
    path = SHARED / "golden" / "dnnsim" / "times.csv"
    return {(row["network"], row["machine"]): float(row["user_s_median"]) for row in csv.DictReader(path.open())}


def main() -> None:
    """Print one line per network and machine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=(*NETWORKS, "tiny"))
    parser.add_argument("--machines", nargs="+", default=list(MACHINES), choices=list(MACHINES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--whole", action="store_true", help="time the whole command as well")
    parser.add_argument("--dnnsim", metavar="COMMAND", help="time this command instead of taking the recorded times")
    parser.add_argument("--folders", type=Path, help="keep the networks as folders here")
    arguments = parser.parse_args()
    known = recorded()
    head = ("network", "machine", "ours", "DNNsim", "ratio", "memory/operands", "whole command", "ratio")
    print("{:12} {:18} {:>12} {:>9} {:>8} {:>16} {:>14} {:>7}".format(*head))
    with tempfile.TemporaryDirectory() as place:
        for name in arguments.networks:
            layers = [(layer, profile([layer])) for layer in network(name)]
            folder = (arguments.folders or Path(place)) / name
            if arguments.whole or arguments.folders:
                write_folder([layer for layer, _ in layers], folder)
            for label in arguments.machines:
                theirs = peer_s(arguments.dnnsim, name, label) if arguments.dnnsim else known.get((name, label))
                print(
                    _line(name, label, layers, theirs, arguments.repeats, folder if arguments.whole else None),
                    flush=True,
                )


def _line(
    name: str, label: str, layers: list[tuple[Layer, Profile]], theirs: float | None, repeats: int, folder: Path | None
) -> str:
    seconds = in_process_s(label, layers, repeats)
    line = f"{name:12} {label:18} {seconds * 1e3:9.2f} ms "
    line += f"{theirs:7.2f} s {theirs / seconds:7.0f}x" if theirs else f"{'':9} {'':8}"
    line += f" {most_memory(label, layers):16.1f}"
    if folder is not None:
        whole = whole_process_s(label, folder, min(3, repeats))
        line += f" {whole:12.2f} s" + (f" {theirs / whole:6.1f}x" if theirs else "")
    return line


if __name__ == "__main__":
    main()
