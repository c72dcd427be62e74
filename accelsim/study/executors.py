"""Where points are evaluated: this process, worker processes, a Dask cluster, or the jobs of a SLURM queue."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from accelsim.errors import InputError
from accelsim.study.workers import Workers

MOST_PROCESSES = 1024
"""Processes of one machine; more are a slip of the pen."""


@contextmanager
def open_workers(text: str = "local:1") -> Iterator[Workers]:
    """Give the workers that `text` names, and let go of them afterwards.

    ``local:N``: N processes of this machine, this one where N is 1. ``dask://HOST:PORT``: a running Dask scheduler.
    ``slurm:QUEUE,jobs=8,cores=16,memory=32GB``: jobs of a SLURM queue. Raises InputError when they cannot be had.
    """
    kind, colon, rest = text.partition(":")
    if kind == "local":
        count = _whole(rest, text) if colon else 1
        with _processes(count) if count > 1 else _here() as found:
            yield found
    elif kind in ("dask", "tcp", "tls") and rest.startswith("//"):
        from accelsim.study.cluster import dask_workers

        with dask_workers(f"{'tcp' if kind == 'dask' else kind}:{rest}") as found:
            yield found
    elif kind == "slurm" and rest:
        from accelsim.study.cluster import slurm_workers

        with slurm_workers(rest) as found:
            yield found
    else:
        raise InputError(
            f"--executor {text!r} is not known",
            "give local:N, dask://HOST:PORT or slurm:QUEUE,jobs=N,cores=N,memory=GB",
        )


@contextmanager
def _here() -> Iterator[Workers]:
    yield Workers()


@contextmanager
def _processes(count: int) -> Iterator[Workers]:
    import multiprocessing

    def make() -> Executor:
        return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _started)

    workers = Workers(make(), lambda: count, make, name=f"{count} processes")
    try:
        yield workers
    finally:
        assert workers.executor is not None
        workers.executor.shutdown(wait=True, cancel_futures=True)


def _started() -> None:
    """Prepare a worker process: an interrupt is the parent's business, and without a parent there is none left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        import multiprocessing

        process = multiprocessing.parent_process()
        if process is not None:
            process.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _whole(text: str, given: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= MOST_PROCESSES:
        raise InputError(
            f"--executor {given!r}: the number of processes is a whole number above 0, at most {MOST_PROCESSES}",
            "for example local:4",
        )
    return count
