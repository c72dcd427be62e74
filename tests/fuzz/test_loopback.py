"""What listens on the network while a study runs: loopback only, unless an interface is named."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from accelsim.study import cluster
from accelsim.study.executors import open_workers
from accelsim.study.workers import Task, Workers
from tests.study_workers import dask_cluster, square

SBATCH = """#!/bin/sh
cat "$1" > {folder}/job.sh 2>/dev/null || cat > {folder}/job.sh
setsid sh {folder}/job.sh > {folder}/job.log 2>&1 < /dev/null &
echo $! >> {folder}/pids
echo "Submitted batch job $!"
"""


def listening(pids: list[int], children: bool = True) -> set[str]:
    """Return the addresses on which processes (and their descendants) listen."""
    found = set()
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            for one in (process, *(process.children(recursive=True) if children else ())):
                with contextlib.suppress(psutil.NoSuchProcess):
                    found |= {c.laddr.ip for c in one.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    return found


def only_loopback(addresses: set[str]) -> bool:
    """Whether there are addresses, and all of them are loopback ones."""
    return bool(addresses) and all(ipaddress.ip_address(address).is_loopback for address in addresses)


def work(workers: Workers) -> None:
    """Have a task done, so that every worker is there and has opened what it opens."""
    assert [result for _, result in workers.completed(iter([Task(square, (3,))]))] == [9]


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder of a queue whose jobs are processes of this machine."""
    pytest.importorskip("dask_jobqueue")
    for name, text in (("sbatch", SBATCH.format(folder=tmp_path)), ("scancel", "#!/bin/sh\nkill -- -$1 2>/dev/null\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    yield tmp_path
    for pid in jobs(tmp_path):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def jobs(folder: Path) -> list[int]:
    """Return the processes of the jobs."""
    return [int(pid) for pid in (folder / "pids").read_text().split()] if (folder / "pids").exists() else []


@pytest.mark.slow
def test_jobs_and_their_scheduler_listen_on_loopback(slurm: Path) -> None:
    with open_workers("slurm:short,jobs=1,cores=1,memory=1GB") as workers:
        work(workers)
        here, there = listening([os.getpid()]), listening(jobs(slurm))
    assert only_loopback(here), here
    assert only_loopback(there), there


@pytest.mark.slow
def test_a_named_interface_is_bound_to(slurm: Path) -> None:
    with open_workers("slurm:short,jobs=1,cores=1,memory=1GB,interface=lo") as workers:
        work(workers)
        addresses = listening([os.getpid(), *jobs(slurm)])
    job = (slurm / "job.sh").read_text()
    assert "--interface lo" in job
    assert only_loopback(addresses), "lo is the interface of loopback"


@pytest.mark.slow
def test_a_client_of_a_dask_scheduler_opens_nothing(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    before = listening([os.getpid()], children=False)
    with dask_cluster(tmp_path, 1) as (address, processes):
        with open_workers(address.replace("tcp:", "dask:")) as workers:
            work(workers)
            assert listening([os.getpid()], children=False) == before
        assert only_loopback(listening([process.pid for process in processes]))


def test_worker_processes_of_this_machine_open_no_port() -> None:
    before = listening([os.getpid()])
    with open_workers("local:2") as workers:
        work(workers)
        assert listening([os.getpid()]) == before


def test_loopback_is_what_is_told_to_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    jobqueue = pytest.importorskip("dask_jobqueue")
    given: dict[str, object] = {}

    class Refused(Exception):
        """The cluster is not made."""

    def refuse(**options: object) -> None:
        given.update(options)
        raise Refused

    monkeypatch.setattr(jobqueue, "SLURMCluster", refuse)
    monkeypatch.setattr(cluster.shutil, "which", lambda _: "/bin/sbatch")
    for text, scheduler in (("q", {"host": "127.0.0.1"}), ("q,interface=ib0", {"interface": "ib0"})):
        with pytest.raises(Refused), cluster.slurm_workers(text):
            pass
        told = given["scheduler_options"]
        assert isinstance(told, dict)
        assert scheduler.items() <= told.items()
        assert told["dashboard_address"] == "127.0.0.1:0"
        told_workers = " ".join(given["worker_extra_args"])  # type: ignore[call-overload]
        assert "--dashboard-address 127.0.0.1:0" in told_workers
        assert ("--host 127.0.0.1" in told_workers) == (text == "q")
