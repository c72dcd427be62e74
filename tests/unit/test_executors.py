"""Executors: worker processes, a real Dask cluster, a SLURM queue; lost workers, bundles fetched, clear refusals."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import accelsim
from accelsim import __version__
from accelsim.accelerators.base import load_hardware
from accelsim.cli import invoke
from accelsim.errors import AccelsimError, BundleError, ConfigError, InputError, MappingError, UnknownNameError
from accelsim.sim import measured
from accelsim.study import bundles, cluster, tasks
from accelsim.study.bundles import BundleReference, open_bundle, reference
from accelsim.study.evaluate import counted
from accelsim.study.executors import open_workers
from accelsim.study.grid import grid
from accelsim.study.points import Points
from accelsim.study.store import Store
from accelsim.study.sweep import open_traces, sweep
from accelsim.study.tasks import Batch, evaluate_batch, measure_layer
from accelsim.study.template import Template
from accelsim.study.workers import MOST_ATTEMPTS, Task
from accelsim.trace import Trace
from tests.study_networks import bandwidth_key, buffer_key, network
from tests.study_workers import KillingStore, dask_cluster, die, die_once, refuse, square

SIZE, SPEED = buffer_key("stripes"), bandwidth_key("stripes")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(network(tmp_path_factory.mktemp("nets") / "one", 1))


@pytest.fixture(scope="module")
def trace(folder: str) -> Trace:
    return accelsim.open_trace(accelsim.load_workload(folder))


@pytest.fixture(autouse=True)
def forget_bundles() -> Iterator[None]:
    open_bundle.cache_clear()
    yield
    open_bundle.cache_clear()


def test_processes_survive_one_of_them_and_raise_the_tasks_errors(tmp_path: Path) -> None:
    with open_workers("local:2") as workers:
        tasks = [Task(square, (n,), n) for n in range(20)]
        tasks.insert(7, Task(die_once, (441, str(tmp_path / "mark")), 21))
        found = {task.label: result for task, result in workers.completed(iter(tasks))}
        assert found == {n: n * n for n in (*range(20), 21)}
        with pytest.raises(MappingError, match="does not fit; make it larger"):
            list(workers.completed(iter([Task(refuse, ())])))


@pytest.mark.slow
def test_a_task_that_always_ends_its_worker_is_given_up() -> None:
    with open_workers("local:2") as workers, pytest.raises(InputError, match=f"{MOST_ATTEMPTS} times"):
        list(workers.completed(iter([Task(die, ())])))


def test_processes_give_the_same_bits(folder: str) -> None:
    axes = [f"stripes:{SIZE}=1KiB..64KiB", f"stripes:{SPEED}=1e8..8e8"]
    here = sweep(["stripes", "eyeriss"], folder, axes, layers=True)
    there = sweep(["stripes", "eyeriss"], folder, axes, executor="local:2", layers=True)
    pd.testing.assert_frame_equal(here.table, there.table, check_exact=True)
    assert here.layers is not None
    assert there.layers is not None
    pd.testing.assert_frame_equal(here.layers, there.layers, check_exact=True)


def test_a_batch_carries_all_that_a_worker_needs(trace: Trace) -> None:
    template = Template.of("stripes")
    settings = ((f"{SIZE}=2048",), (f"{SIZE}=4096",))
    statistics = counted(template.machine(()), trace)
    found = evaluate_batch(Batch(template.document, template.digest, settings, statistics, reference(trace)))
    for given, outcome in zip(settings, found.outcomes, strict=True):
        result = accelsim.simulate(load_hardware("stripes", given), trace)
        assert outcome.row["energy_pj"] == result.total("energy_pj")
    other = Batch(template.document, template.digest, settings, statistics, reference(trace), version="0.0.0")
    with pytest.raises(InputError, match=r"started by 0\.0\.0"):
        evaluate_batch(other)


def far(trace: Trace, url: str) -> BundleReference:
    """Return the bundle as seen from a machine without this one's file system."""
    return BundleReference(f"/nowhere/{trace.path.name}", trace.digest, url)


def test_a_bundle_is_fetched_once_and_checked(trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    machine = load_hardware("stripes")
    remote = tmp_path / "bucket" / trace.path.name
    shutil.copytree(trace.path, remote)
    assert reference(trace, f"file://{remote.parent}/").url == f"file://{remote}"
    where = far(trace, f"file://{remote}")
    far_off, here = measure_layer(where, machine, 0, __version__), measured(machine, trace, 0)
    for one, other in zip(far_off, here, strict=True):
        assert {n: v for n, v in one.items() if n != "tile_work"} == {
            n: v for n, v in other.items() if n != "tile_work"
        }
    fetched = open_bundle(where).path
    assert fetched.is_relative_to(tmp_path / "cache")
    shutil.rmtree(remote)
    open_bundle.cache_clear()
    assert open_bundle(where).path == fetched
    assert [layer.name for layer in open_bundle(where)] == [layer.name for layer in trace]
    assert not list(fetched.parent.glob(".*"))


def test_a_batch_measures_tiles_on_the_bundle_that_its_worker_has(
    trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    shutil.copytree(trace.path, tmp_path / "bucket")
    template, settings = Template.of("stripes"), ((f"{SIZE}=2048",),)
    statistics = counted(template.machine(()), trace)
    batch = Batch(
        template.document, template.digest, settings, statistics, far(trace, f"file://{tmp_path}/bucket"), "far"
    )
    here = Batch(template.document, template.digest, settings, statistics, reference(trace))
    assert evaluate_batch(batch).outcomes[0].row == evaluate_batch(here).outcomes[0].row
    kept = tasks._counted(batch)
    assert tasks._counted(batch) is kept
    tiles = [given["tile_work"] for _, _, given in kept.entries if "tile_work" in given]
    assert all(Path(one.bundle).is_relative_to(tmp_path / "cache") for one in tiles)
    assert tasks.bare(statistics).entries[0][2]["placements"] == {}


def test_another_or_a_damaged_bundle_is_refused(trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    remote = tmp_path / "bucket" / trace.path.name
    shutil.copytree(trace.path, remote)
    url = f"file://{remote}"
    with pytest.raises(BundleError, match="is another bundle"):
        open_bundle(BundleReference("/nowhere/x", "0" * 64, url))
    file = sorted((remote / "layers").iterdir())[0]
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(BundleError, match="was altered"):
        open_bundle(far(trace, url))
    file.unlink()
    with pytest.raises(InputError, match="cannot be fetched"):
        open_bundle(far(trace, url))
    with pytest.raises(InputError, match="--bundles URL"):
        open_bundle(far(trace, ""))
    assert not list((tmp_path / "cache").rglob("*.safetensors"))
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(InputError, match=r"accelsim\[cluster\]"):
        open_bundle(far(trace, url))
    with pytest.raises(BundleError, match="stands outside"):
        bundles._inside(tmp_path, "../x")


@pytest.mark.slow
def test_dask_workers_share_the_work_and_one_may_die(folder: str, tmp_path: Path) -> None:
    axes = [f"{SIZE}=1KiB..200KiB:+1KiB", f"{SPEED}=1e8,2e8,4e8"]
    expected = sweep("stripes", folder, axes)
    spanned = list(grid(["stripes"], [folder], axes).points())
    templates, traces = {"stripes": Template.of("stripes")}, open_traces(spanned)
    with dask_cluster(tmp_path) as (address, processes), open_workers(address.replace("tcp://", "dask://")) as workers:
        store = KillingStore(tmp_path / "points", flush_s=0.0)
        store.victim = processes[1]
        keys = Points(templates, traces, store, workers).run(spanned, bar=False)
        assert [process.poll() is None for process in processes] == [True, False, True]
    assert keys == expected.table["key"].tolist()
    found = store.points().set_index("key").loc[keys].reset_index()
    shared = [name for name in expected.table.columns if name in found]
    assert len(shared) > 20
    pd.testing.assert_frame_equal(found[shared], expected.table[shared], check_exact=True)


@pytest.mark.slow
def test_a_dask_sweep_by_the_command_and_bundles_at_a_url(
    folder: str, trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = [f"{SIZE}=1KiB..8KiB"]
    expected = sweep("stripes", folder, axes).table
    bucket = tmp_path / "bucket"
    shutil.copytree(trace.path, bucket / trace.path.name)
    command = ["sweep", "--hw", "stripes", "--workload", folder, "--set", *axes, "--out", str(tmp_path / "out")]
    with dask_cluster(tmp_path) as (address, _):
        assert invoke([*command, "--executor", address, "--bundles", f"file://{bucket}"]) == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / "sweep.parquet"), expected, check_exact=True)


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_an_error_and_what_was_finished_is_kept(folder: str, tmp_path: Path) -> None:
    axes = [f"{SIZE}=1KiB..4000KiB:+1KiB", f"{SPEED}=1e8,2e8,4e8"]
    spanned = list(grid(["stripes"], [folder], axes).points())
    templates, traces = {"stripes": Template.of("stripes")}, open_traces(spanned)
    store = KillingStore(tmp_path / "points", flush_s=0.0)
    with dask_cluster(tmp_path, 1) as (address, processes), open_workers(address) as workers:
        store.victim = processes[0]
        with pytest.raises(InputError, match=r"connection to the Dask scheduler at .* is lost"):
            Points(templates, traces, store, workers).run(spanned, bar=False)
    assert 0 < len(Store(tmp_path / "points")) == len(store) < len(spanned)


SBATCH = """#!/bin/sh
echo "$@" >> {folder}/calls
for script; do :; done
cp "$script" {folder}/job.sh
setsid sh {folder}/job.sh > {folder}/job.log 2>&1 &
echo $! >> {folder}/pids
echo "Submitted batch job $!"
"""


@pytest.mark.slow
def test_slurm_jobs_do_the_work(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue")
    for name, text in (("sbatch", SBATCH.format(folder=tmp_path)), ("scancel", "#!/bin/sh\nkill -- -$1 2>/dev/null\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    axes = [f"{SIZE}=1KiB..32KiB"]
    try:
        found = sweep("stripes", folder, axes, executor="slurm:short,jobs=1,cores=1,memory=1GB")
    finally:
        for pid in (tmp_path / "pids").read_text().split() if (tmp_path / "pids").exists() else ():
            os.system(f"kill -- -{int(pid)} 2>/dev/null")
    pd.testing.assert_frame_equal(found.table, sweep("stripes", folder, axes).table, check_exact=True)
    job = (tmp_path / "job.sh").read_text()
    assert "#SBATCH -p short" in job
    assert "--host 127.0.0.1" in job


@pytest.mark.parametrize(
    ("text", "kind", "fragment"),
    [
        ("cloud", InputError, "local:N, dask://HOST:PORT or slurm:QUEUE"),
        ("local:two", InputError, "whole number above 0"),
        ("slurm:", InputError, "is not known"),
        ("slurm:short,job=3", UnknownNameError, "did you mean 'jobs'"),
        ("slurm:short,jobs", ConfigError, "KEY=VALUE"),
        ("slurm:short,jobs=3", InputError, "sbatch"),
    ],
)
def test_executors_that_are_none_are_refused(
    text: str, kind: type[AccelsimError], fragment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(kind, match=fragment), open_workers(text):
        pass


def test_a_scheduler_that_does_not_answer_is_one_line(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.3)
    command = ["sweep", "--hw", "stripes", "--workload", folder, "--executor", "dask://127.0.0.1:9"]
    start = time.monotonic()
    assert invoke(command) == 5
    assert time.monotonic() - start < 20
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("accelsim: ")]
    assert len(said) == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in said[0]


@pytest.mark.parametrize("module", ["distributed", "dask_jobqueue"])
def test_missing_extras_are_named(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sbatch").write_text("#!/bin/sh\n")
    (tmp_path / "sbatch").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, module, None)
    text = "slurm:short" if module == "dask_jobqueue" else "dask://127.0.0.1:8786"
    with pytest.raises(InputError, match=r"accelsim\[cluster\]"), open_workers(text):
        pass


def test_a_store_in_memory_keeps_no_file(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(sweep("stripes", folder, [f"{SIZE}=1024"]).table) == 1
    assert not list(tmp_path.iterdir())
    assert len(Store()) == 0
