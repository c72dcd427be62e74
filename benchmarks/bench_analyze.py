"""Time the value-wise analysis of large tensors against copying them: `python -m benchmarks.bench_analyze`."""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np

from accelsim.analyzers.encodings import ENCODINGS
from accelsim.analyzers.histogram import value_histogram
from accelsim.layer import Operand

PROPERTIES = ("nonzero", *ENCODINGS, "precision", "precision_trimmed")


def median_s(action: Callable[[], object], repeats: int) -> float:
    """Return the median duration of `action` in seconds, after one call that is not timed."""
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def every_property(operand: Operand, workers: int) -> dict[str, int]:
    """Return every value-wise property: sums of all costs, zeros, extremes, distinct values."""
    histogram = value_histogram(operand, workers)
    found = {name: histogram.total(name, operand.bits) for name in PROPERTIES}
    return {
        **found,
        "zeros": histogram.zeros,
        "minimum": histogram.minimum,
        "maximum": histogram.maximum,
        "distinct": histogram.distinct,
        "union": histogram.union,
    }


def main() -> None:
    """Print, per distribution and number of threads, the median times and bandwidth relative to numpy.copy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebi", type=int, default=64, help="values, in units of 2^20")
    parser.add_argument("--sigma", type=float, default=3000.0, help="standard deviation of the codes")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--workers", type=int, nargs="+", default=sorted({1, len(os.sched_getaffinity(0))}))
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    gaussian = rng.standard_normal(options.mebi << 20, dtype=np.float32) * np.float32(options.sigma)
    codes = np.clip(np.rint(gaussian), -32767, 32767).astype(np.int16)
    del gaussian
    for name, array in (("Gaussian", codes), ("after ReLU", np.maximum(codes, 0))):
        copy_s = median_s(lambda a=array: np.copy(a), options.repeats)
        for workers in options.workers:
            operand = Operand(array, 16)
            analyze_s = median_s(lambda o=operand, w=workers: every_property(o, w), options.repeats)
            print(
                f"{name:10}  {array.size >> 20} Mi int16  {workers} threads  analysis {1e3 * analyze_s:6.1f} ms"
                f"  copy {1e3 * copy_s:6.1f} ms  bandwidth ratio {copy_s / analyze_s:.2f}"
            )


if __name__ == "__main__":
    main()
