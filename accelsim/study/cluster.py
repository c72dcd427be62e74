"""Workers of a Dask cluster: a scheduler that runs already, or one started here whose workers are SLURM jobs."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from accelsim.errors import ConfigError, InputError, first_line, unknown_name
from accelsim.study.workers import Workers

LOOPBACK = "127.0.0.1"
_BOUND = f"--host {LOOPBACK} --dashboard-address {LOOPBACK}:0"
CONNECT_S = 15.0
WORKERS_S = 60.0
_JOB = {
    "jobs": "1",
    "cores": "1",
    "memory": "4GB",
    "walltime": "01:00:00",
    "interface": "",
    "account": "",
    "python": "",
}


@contextmanager
def dask_workers(address: str, wait_s: float = WORKERS_S) -> Iterator[Workers]:
    """Give the workers of the Dask scheduler at `address` (tcp://HOST:PORT).

    Raises InputError when Dask is not installed, the scheduler cannot be reached or it has no worker in `wait_s`.
    """
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address} ({first_line(error, 120)})",
            f"start one with: dask scheduler {_BOUND}, and: dask worker ADDRESS --nthreads 1 {_BOUND}",
        ) from None
    try:
        try:
            client.wait_for_workers(1, timeout=wait_s)
        except TimeoutError:
            raise InputError(
                f"the Dask scheduler at {address} has no workers",
                f"start one with: dask worker {address} --nthreads 1 {_BOUND}",
            ) from None
        yield _workers(client, f"the Dask scheduler at {address}")
    finally:
        with suppress(Exception):  # a scheduler that is gone cannot be told
            client.close(timeout=5)


@contextmanager
def slurm_workers(text: str) -> Iterator[Workers]:
    """Start a scheduler here and its workers as jobs of a SLURM queue; `text`: QUEUE,jobs=8,cores=16,memory=32GB,...

    Further keys: walltime, account, interface (the network interface that the jobs reach; without one the scheduler
    listens on loopback only) and python (the interpreter on the nodes). Raises ConfigError for an unknown key and
    InputError where there is no SLURM.
    """
    queue, options = _job(text)
    _distributed()
    if shutil.which("sbatch") is None:
        raise InputError(
            "--executor slurm needs the command sbatch, which is not on this machine", "run it on a login node"
        )
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise _missing("dask-jobqueue") from None
    from distributed import Client

    interface, cores = options["interface"], _count(options, "cores")
    if not interface:
        print(
            "warning: the scheduler listens on loopback only: jobs on other nodes cannot reach it; give interface=NAME",
            file=sys.stderr,
        )
    scheduler = {
        "dashboard_address": f"{LOOPBACK}:0",
        **({"interface": interface} if interface else {"host": LOOPBACK}),
    }
    cluster = SLURMCluster(
        queue=queue, cores=cores, processes=cores, memory=options["memory"], walltime=options["walltime"],
        account=options["account"] or None, interface=interface or None, python=options["python"] or sys.executable,
        scheduler_options=scheduler,
        worker_extra_args=["--dashboard-address", f"{LOOPBACK}:0", *([] if interface else ["--host", LOOPBACK])],
    )  # fmt: skip
    try:
        cluster.scale(jobs=_count(options, "jobs"))
        with Client(cluster, set_as_default=False) as client:
            yield _workers(client, f"the jobs of queue {queue}")
    finally:
        with suppress(Exception):
            cluster.close(timeout=10)


def _workers(client: Any, name: str) -> Workers:
    from distributed.scheduler import KilledWorker

    def count() -> int:
        with suppress(Exception):
            return sum(client.nthreads().values())
        return 1

    return Workers(client.get_executor(pure=False), _every(5.0, count), remote=True, name=name, lost=(KilledWorker,))


def _every(seconds: float, ask: Callable[[], int]) -> Callable[[], int]:
    """Return `ask` answered anew at most every `seconds`: each asks the scheduler."""
    import time

    state = [0.0, 0.0]

    def answer() -> int:
        if time.monotonic() >= state[0]:
            state[:] = [time.monotonic() + seconds, float(ask())]
        return int(state[1])

    return answer


def _job(text: str) -> tuple[str, dict[str, str]]:
    queue, *given = (part.strip() for part in text.split(","))
    options = dict(_JOB)
    for part in given:
        key, equals, value = part.partition("=")
        if key not in _JOB:
            raise unknown_name("key of --executor slurm", key, _JOB)
        if not equals or not value:
            raise ConfigError(f"--executor slurm: {part!r} is not of the form KEY=VALUE", "for example jobs=8")
        options[key] = value
    return queue, options


def _count(options: dict[str, str], key: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", options[key]):
        raise ConfigError(f"--executor slurm: {key}={options[key]} is no whole number, 1 to 999999")
    return int(options[key])


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise _missing("distributed") from None
    return distributed


def _missing(package: str) -> InputError:
    return InputError(f"this executor needs {package}, which is not installed", "pip install 'accelsim[cluster]'")
