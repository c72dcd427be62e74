"""What address patterns get of each DRAM part's bandwidth, and how fast they are simulated: `python -m benchmarks.dram`.

Effective bandwidth is bytes asked for over time. Bursts per second are of CPU time of one thread, kernels compiled, median
of --repeats. --traces writes each stream as a load/store trace of Ramulator 2 into a folder as well.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from accelsim import catalogue
from accelsim.hardware.dram import DramDevice, Runs, load_dram, runs_of, service, write_trace

Pattern = Callable[[DramDevice, int], Runs]


def _stream(device: DramDevice, size: int) -> Runs:
    return runs_of(0, min(size, device.capacity_bytes))


def _copy(device: DramDevice, size: int) -> Runs:
    blocks = np.arange(size // 8192)
    starts = np.stack([blocks * 4096, blocks * 4096 + device.capacity_bytes // 2], axis=1).ravel()
    return runs_of(starts, 4096, np.tile([False, True], len(blocks)))


def _stride(stride: int) -> Pattern:
    def pattern(device: DramDevice, size: int) -> Runs:
        count = min(size // device.burst_bytes, device.capacity_bytes // stride)
        return runs_of(np.arange(count) * stride, device.burst_bytes)

    return pattern


def _random(block: int) -> Pattern:
    def pattern(device: DramDevice, size: int) -> Runs:
        span = block or device.burst_bytes
        starts = np.random.default_rng(0).integers(0, device.capacity_bytes // span, size // span) * span
        return runs_of(starts, span)

    return pattern


def _one_bank(device: DramDevice, size: int) -> Runs:
    rows = device.organisation.rows
    return runs_of(
        np.arange(size // 64 // device.burst_bytes) % rows * (device.capacity_bytes // rows), device.burst_bytes
    )


PATTERNS: dict[str, Pattern] = {
    "stream": _stream,
    "copy, 4 KiB in turn": _copy,
    "a burst every 256 B": _stride(256),
    "a burst every 4 KiB": _stride(4096),
    "random blocks of 1 KiB": _random(1024),
    "random bursts": _random(0),
    "rows of one bank": _one_bank,
}
"""One bank: every burst in another row of the first bank. Those streams are 64 times shorter."""


def measure(device: DramDevice, pattern: Pattern, size: int, repeats: int) -> dict[str, float]:
    """Return effective bandwidth, its share of the peak, share of row hits and bursts simulated per CPU second."""
    runs = pattern(device, size)
    served, times = service(runs, device), []
    for _ in range(repeats):
        start = time.thread_time()
        service(runs, device)
        times.append(time.thread_time() - start)
    return {
        "effective_bytes_per_second": served.effective_bytes_per_second,
        "of_peak": served.effective_bytes_per_second / device.peak_bytes_per_second,
        "hits": served.hits / served.bursts,
        "bursts_per_second": served.bursts / statistics.median(times),
    }


def main() -> None:
    """Print a Markdown table of every part and pattern."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--dram", nargs="+", default=catalogue.names("dram"), help="parts: names or paths of YAML files"
    )
    parser.add_argument("--mebi", type=int, default=16, help="bytes of each stream, in units of 2^20")
    parser.add_argument("--set", nargs="*", default=[], help="overrides such as scheduler.policy=in_order")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--traces", type=Path, help="folder to write the streams to")
    options = parser.parse_args()
    print("| part | pattern | effective GB/s | of peak | row hits | M bursts/s simulated |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name in options.dram:
        device = load_dram(name, options.set)
        for label, pattern in PATTERNS.items():
            found = measure(device, pattern, options.mebi << 20, options.repeats)
            print(
                f"| {device.standard} | {label} | {found['effective_bytes_per_second'] / 1e9:.2f} "
                f"| {100 * found['of_peak']:.1f} % | {100 * found['hits']:.1f} % | {found['bursts_per_second'] / 1e6:.1f} |",
                flush=True,
            )
            if options.traces:
                file = f"{device.name}-{label.replace(',', '').replace(' ', '_')}.trace"
                write_trace(pattern(device, options.mebi << 20), device, options.traces / file)


if __name__ == "__main__":
    main()
