"""Run a computation over the layers of a trace in threads, with a progress bar when it takes long."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from accelsim.trace import Trace


def over_layers(trace: Trace, compute: Callable[[int], list[Any]], label: str, workers: int = 2) -> list[Any]:
    """Return the concatenated lists of `compute(index)` for every layer, in layer order.

    Kernels release the interpreter lock, so threads help. The bar goes to stderr after two seconds, and only to
    a terminal.
    """
    from tqdm import tqdm

    start = time.monotonic()
    count = len(trace.layers)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        results = pool.map(compute, range(count))
        bar = tqdm(results, total=count, desc=label, unit="layer", file=sys.stderr, disable=None, delay=2.0)
        found = [row for rows in bar for row in rows]
    logging.getLogger(__name__).info("%s: %d layers, %.2f s", label, count, time.monotonic() - start)
    return found
