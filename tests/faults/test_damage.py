"""A byte that is altered anywhere in what accelsim keeps is told of, mended, or changes nothing."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from accelsim.errors import AccelsimError, BundleError, InputError
from accelsim.layer import Layer, LayerShape, Operand
from accelsim.report.folders import load
from accelsim.results import RunResult
from accelsim.study.evaluate import Outcome
from accelsim.study.journal import Journal
from accelsim.study.store import Store
from accelsim.testing.bundles import write_bundle
from accelsim.trace import Trace, kept

SHAPE = LayerShape("linear", 1, 1, 2, 8, 1, 1, 1, 1, 1, 1)
FAST = 12
Look = Callable[[], object]


def layers() -> list[Layer]:
    rng = np.random.default_rng(0)
    made = {
        role: Operand(rng.integers(-99, 99, getattr(SHAPE, f"{role}_shape")).astype(np.int16), 16)
        for role in ("activation", "weight", "output")
    }
    return [Layer("fc", 0, 0, SHAPE, made["activation"], made["weight"], made["output"])]


def codes(trace: Trace) -> object:
    """Return all that a bundle holds."""
    return [(layer.name, layer.shape, layer.activation.codes.tolist(), layer.weight.codes.tolist()) for layer in trace]


def damages(data: bytes, every: bool, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield altered contents of a file: a byte changed, the end cut off, nothing left, something behind."""
    rng = random.Random(seed)
    ends = [0, 1, len(data) // 2, len(data) - 9, len(data) - 1]
    places = range(len(data)) if every else sorted({*ends, *rng.sample(range(len(data)), min(FAST, len(data)))})
    for place in places:
        if 0 <= place < len(data):
            value = data[place] ^ (1 << rng.randrange(8) if every else rng.randrange(1, 256))
            yield f"byte {place} is {value}", data[:place] + bytes([value]) + data[place + 1 :]
    for length in range(len(data)) if every and len(data) < 3000 else {0, 1, len(data) // 2, len(data) - 1}:
        yield f"{length} bytes are left", data[:length]
    yield "a byte more", data + b"\0"


def harmless_or_told(path: Path, look: Look, every: bool) -> int:
    """Damage a file in many ways: looking gives the same as ever, or one line; return how many were told of."""
    data, expected, told = path.read_bytes(), look(), 0
    for what, damaged in damages(data, every):
        path.write_bytes(damaged)
        words: list[str] = []
        try:
            assert look() == expected, what
        except AccelsimError as error:
            words.append(str(error))
        told += len(words)
        assert "\n" not in "".join(words), what
    path.unlink()
    path.mkdir()
    with pytest.raises(AccelsimError):
        look()
    path.rmdir()
    path.write_bytes(data)
    assert look() == expected
    return told


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["some", "every"])
def every(request: pytest.FixtureRequest) -> bool:
    """Return whether each byte is altered, or some."""
    return bool(request.param)


def test_a_damaged_bundle_is_told_of(every: bool, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", layers()).path
    for path in [bundle / "manifest.json", *(bundle / "layers").iterdir()]:
        assert harmless_or_told(path, lambda: codes(Trace(bundle)), every) > 10


def test_a_damaged_bundle_of_the_cache_is_made_again(
    every: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(place: Path, _: bool) -> Trace:
        fresh = write_bundle(place.with_name("fresh"), layers())
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(fresh.path, place)
        return Trace(place)

    target = tmp_path / "traces" / "bundle"
    expected = codes(kept(target, make))
    files = [target / "manifest.json", *(target / "layers").iterdir()]
    for path in files:
        data = path.read_bytes()
        for what, damaged in damages(data, every):
            monkeypatch.setattr("accelsim.files.caution._told", set())
            path.write_bytes(damaged)
            assert codes(kept(target, make)) == expected, what
            assert damaged.strip() == data.strip() or "captured again" in capsys.readouterr().err or path == files[0]
        path.unlink()
        path.mkdir()
        assert codes(kept(target, make)) == expected
    shutil.rmtree(target)
    target.write_text("a file")
    assert codes(kept(target, make)) == expected


def test_damaged_statistics_are_counted_again(every: bool, tmp_path: Path) -> None:
    trace = write_bundle(tmp_path / "bundle", layers())
    expected = {"zeros": 12, "share": 0.5, "names": ["a", "b"]}

    def look() -> object:
        return Trace(trace.path).remembered("sum", lambda: expected)

    path = trace.path / "statistics" / "sum.json"
    assert look() == expected
    data = path.read_bytes()
    for _, damaged in damages(data, every):
        path.write_bytes(damaged)
        assert look() == expected
        assert json.loads(path.read_text())["data"] == expected
    path.unlink()
    path.mkdir()
    assert look() == expected


def test_damaged_rows_of_a_dense_machine_are_found_again(
    every: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accelsim.accelerators.base import load_hardware
    from accelsim.study import dense

    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path))
    machine = load_hardware("dadiannao")
    row = dense.dense_row(machine, SHAPE)
    monkeypatch.setattr(dense, "dense_row", lambda *_: row)
    expected = dense.dense_totals(machine, {SHAPE: 2})
    (path,) = (tmp_path / "dense").iterdir()
    for what, damaged in damages(path.read_bytes(), every):
        path.write_bytes(damaged)
        assert dense.dense_totals(machine, {SHAPE: 2}) == expected, what


def test_damaged_parts_of_a_study_are_run_again(every: bool, tmp_path: Path) -> None:
    row = {"problem": "", "warnings": "", "macs": 12.0, "energy_pj": 0.1}
    folder = tmp_path / "points"
    for number in range(2):
        Store(folder).add({str(number): Outcome(row | {"macs": float(number)})})
        store = Store(folder, flush_s=0.0)
        store.add({str(number): Outcome(row | {"macs": float(number)})})
    expected = Store(folder).points().sort_values("key", ignore_index=True)
    first = sorted(folder.iterdir())[0]
    data = first.read_bytes()
    for what, damaged in damages(data, every):
        first.write_bytes(damaged)
        found = Store(folder)
        assert len(found) == 1, what
        assert not first.exists()
    first.write_bytes(data)
    pd.testing.assert_frame_equal(Store(folder).points().sort_values("key", ignore_index=True), expected)


def test_scores_without_a_column_of_problems_are_read_back(tmp_path: Path) -> None:
    Store(tmp_path, flush_s=0.0).add({"one": Outcome({"score": 0.5})})
    assert "one" in Store(tmp_path)


def test_a_damaged_journal_goes_on_from_what_stands_before(every: bool, tmp_path: Path) -> None:
    path = tmp_path / "search.journal"
    entries = [{"op_code": n, "worker_id": "w", "value": n / 3, "words": ["a", n]} for n in range(6)]
    Journal(path).append_logs(entries[:2])
    Journal(path).append_logs(entries[2:])
    assert list(Journal(path).read_logs(0)) == entries
    assert list(Journal(path).read_logs(4)) == entries[4:]
    data = path.read_bytes()
    for what, damaged in damages(data, every):
        path.write_bytes(damaged)
        journal = Journal(path)
        found = [{k: v for k, v in entry.items() if k in entries[0]} for entry in journal.read_logs(0)]
        assert found == entries[: len(found)], what
        journal.append_logs(entries[len(found) :])
        again = [{k: v for k, v in entry.items() if k in entries[0]} for entry in Journal(path).read_logs(0)]
        assert again == entries, what


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run."""
    folder = tmp_path_factory.mktemp("run")
    table = pd.DataFrame(
        {
            "index": [0, 1], "layer": ["a", "b"], "sample": [0, 0], "kind": ["conv", "linear"], "macs": [12.0, 7.0],
            "total_cycles": [3.0, 4.0], "baseline_cycles": [6.0, 4.0], "energy_pj": [0.1, 0.2],
        }
    )  # fmt: skip
    info = {"accelsim": "0.1.0", "hardware": {"name": "m"}, "batch": 1, "trace": {"name": "net"}, "peak": {}}
    RunResult(table, info, ["one"]).write(folder, beside={"bits": table[["index", "macs"]].assign(workload="net")})
    return folder


@pytest.mark.parametrize("name", ["run.json", "layers.parquet", "bits.parquet"])
def test_damaged_results_are_told_of(name: str, every: bool, result: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(result, tmp_path / "run"))

    def look() -> object:
        (run,) = load([folder]).runs
        tables = [run.layers, run.bits]
        return [None if t is None else t.to_dict("records") for t in tables], run.machine, run.warnings

    if name == "bits.parquet":
        data = (folder / name).read_bytes()
        for what, damaged in damages(data, every):
            (folder / name).write_bytes(damaged)
            with pytest.raises(InputError, match="damaged"):
                assert look(), what
    else:
        assert harmless_or_told(folder / name, look, every) > 10


def test_results_of_two_runs_mixed_are_told_of(result: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(result, tmp_path / "run"))
    read = RunResult.read(folder)
    other = RunResult(read.layers.assign(macs=1.0), read.info, read.warnings)
    other.write(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "layers.parquet", folder)
    for look in (lambda: RunResult.read(folder), lambda: load([folder])):
        with pytest.raises(InputError, match="of another run"):
            look()


def test_a_bundle_that_is_made_again_with_other_codes_says_so(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    write_bundle(target, layers())

    def again() -> None:
        shutil.rmtree(target)
        write_bundle(
            target, [layers()[0].__class__("other", 0, 0, SHAPE, *[layers()[0].activation, layers()[0].weight])]
        )

    trace = Trace(target, again)
    (target / trace.layers[0].sample_files[0]).write_bytes(b"")
    with pytest.raises(BundleError, match="captured again; run the command again"):
        trace.layer(0)
