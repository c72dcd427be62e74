"""Bundles on disk: what may be replaced, what is refused, statistics that know their bundle; no torch."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accelsim import strictyaml
from accelsim.analyzers.codes import centred_values
from accelsim.errors import BundleError, ConfigError, InputError, StorageError
from accelsim.files.writing import write_atomically
from accelsim.layer import Layer, LayerShape, Operand
from accelsim.testing.bundles import write_bundle
from accelsim.trace import LayerRecord, Trace, TraceWriter, layer_entry, operand_entry

SHAPE = LayerShape("linear", 1, 1, 2, 8, 1, 1, 1, 1, 1, 1)


def write(target: Path, seed: int = 0, replace: bool = False, key: str = "k", **more: Any) -> Trace:
    """Write the bundle of one linear layer whose codes follow from `seed`."""
    rng = np.random.default_rng(seed)
    codes = {
        role: Operand(rng.integers(-99, 99, getattr(SHAPE, f"{role}_shape")).astype(np.int16), 16)
        for role in ("activation", "weight", "output")
    }
    with TraceWriter(target, replace) as writer:
        weight = writer.add("0-weight", {"weight": codes["weight"].codes})
        sample = writer.add("0-0", {role: codes[role].codes for role in ("activation", "output")})
        operands = {role: operand_entry(operand) for role, operand in codes.items()}
        record = LayerRecord(0, "fc", (SHAPE,), operands, weight, (sample,))
        entries = {"key": key, "name": "one", "samples": 1, "layers": [layer_entry(record)], "warnings": []}
        return Trace(writer.finish({**entries, **more}))


def total(trace: Trace) -> int:
    return int(trace.layer(0).weight.codes.astype(int).sum())


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("holds", ["notes.txt", "layers/holiday.jpg", "results/manifest.json", "manifest.json/x"])
def test_a_folder_of_something_else_is_never_replaced(holds: str, replace: bool, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / holds).parent.mkdir(parents=True)
    (home / holds).write_text("mine")
    with pytest.raises(StorageError, match="no trace bundle") as caught:
        write(home, replace=replace)
    assert "\n" not in str(caught.value)
    assert (home / holds).read_text() == "mine"
    assert list(tmp_path.iterdir()) == [home]


def test_a_file_a_foreign_manifest_and_a_parent_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError, match="is a file"):
        write(tmp_path / "file", replace=True)
    with pytest.raises(StorageError, match=r"file is a file, not a folder"):
        write(tmp_path / "file" / "bundle", replace=True)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "manifest.json").write_text('{"format": "web app"}')
    (tmp_path / "web" / "index.html").write_text("mine")
    with pytest.raises(StorageError, match=r"index\.html"):
        write(tmp_path / "web", replace=True)
    (tmp_path / "web" / "index.html").unlink()
    with pytest.raises(StorageError, match="of another kind"):
        write(tmp_path / "web", replace=True)
    monkeypatch.chdir(tmp_path)
    for place in (".", "..", "/"):
        with pytest.raises(StorageError):
            write(Path(place), replace=True)


def test_an_empty_folder_a_bundle_and_its_remains_are_replaced(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    target.mkdir()
    first = write(target, 0)
    second = write(target, 1, replace=True)
    assert total(first.__class__(target)) == total(second)
    (target / "manifest.json").write_text("{")
    third = write(target, 2, replace=True)
    (target / "manifest.json").unlink()
    assert total(write(target, 2, replace=True)) == total(third)
    (tmp_path / "link").symlink_to(target)
    linked = write(tmp_path / "link", 3, replace=True)
    assert total(Trace(target)) == total(linked)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle", "link"]


def test_the_same_complete_bundle_stays_even_with_replace(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    write(target)
    before = target.stat().st_ino
    write(target, replace=True)
    assert target.stat().st_ino == before
    write(target, seed=1)  # the same key: the first one stays
    assert target.stat().st_ino == before
    write(target, replace=True, warnings=["another"])
    assert target.stat().st_ino != before
    with pytest.raises(StorageError, match="another bundle is there"):
        write(target, key="other")
    damaged = next((target / "layers").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x7f")
    repaired = write(target, replace=True, warnings=["another"])
    assert total(repaired) == total(write(tmp_path / "fresh"))


@pytest.mark.parametrize("atomic", [True, False])
def test_a_reader_always_finds_a_bundle_while_it_is_replaced(
    atomic: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not atomic:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    target = tmp_path / "bundle"
    write(target)
    failures: list[Exception] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                assert Trace(target).samples == 1
            except Exception as error:
                failures.append(error)

    def replace(start: int) -> None:
        try:
            for seed in range(start, start + 40):
                write(target, seed, replace=True)
        except Exception as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=replace, args=(start,)) for start in (0, 1000)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert failures == []
    assert list(tmp_path.iterdir()) == [target]


PROCESS = """
import sys, torch
from accelsim.sources.capture import capture
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)).eval()
for step in range(20):
    trace = capture(model, [(torch.ones(1, 6),)], name="race", warnings=[f"{sys.argv[1]}"] * (step % 2))
    assert len(trace.layers) == 2
"""


def test_processes_that_capture_the_same_network_do_not_disturb_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path))
    command = [sys.executable, "-c", PROCESS]
    running = [subprocess.Popen([*command, str(i)], stderr=subprocess.PIPE, text=True) for i in range(3)]
    errors = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors
    (left,) = (tmp_path / "traces").iterdir()
    assert len(Trace(left).layers) == 2


def test_statistics_are_kept_and_know_their_bundle(tmp_path: Path) -> None:
    trace = write(tmp_path / "bundle")
    assert trace.remembered("sum", lambda: [total(trace)]) == [total(trace)]
    assert Trace(trace.path).remembered("sum", lambda: pytest.fail("computed twice")) == [total(trace)]
    copy = shutil.copytree(trace.path, tmp_path / "copy")
    assert Trace(Path(copy)).remembered("sum", lambda: None) == [total(trace)]
    other = write(tmp_path / "other", 1)
    shutil.copytree(trace.path / "statistics", other.path / "statistics")
    assert other.remembered("sum", lambda: [total(other)]) == [total(other)]
    assert total(other) != total(trace)


@pytest.mark.parametrize("text", ["[]", "null", "{}", "[" * 100_000, '{"bundle": 1', "altered", "old"])
def test_altered_statistics_are_computed_again(text: str, tmp_path: Path) -> None:
    trace = write(tmp_path / "bundle")
    trace.remembered("sum", lambda: {"zeros": 12})
    path = trace.path / "statistics" / "sum.json"
    texts = {"altered": path.read_text().replace("12", "13"), "old": '{"zeros": 13}'}
    path.write_text(texts.get(text, text))
    assert trace.remembered("sum", lambda: {"zeros": 12}) == {"zeros": 12}
    assert json.loads(path.read_text())["data"] == {"zeros": 12}


def test_an_open_trace_whose_folder_was_replaced_is_refused(tmp_path: Path) -> None:
    trace = write(tmp_path / "bundle")
    total(trace)  # its files are checked by now
    replaced = write(tmp_path / "bundle", 1, replace=True)
    replaced.remembered("sum", lambda: [total(replaced)])
    with pytest.raises(BundleError, match="altered"):
        trace.layer(0)
    with pytest.raises(BundleError, match="altered"):
        trace.remembered("sum", lambda: [total(trace)])
    shutil.rmtree(tmp_path / "bundle")
    with pytest.raises(BundleError, match="cannot be read"):
        trace.layer(0)


@pytest.mark.parametrize(("index", "sample", "words"), [
    (99, 0, "no layer 99; this trace has layers 0 to 0"), (-1, 0, "no layer -1"), (0, 1, "no sample 1"),
    (0, -1, "no sample -1; this trace has samples 0 to 0"),
])  # fmt: skip
def test_a_layer_or_sample_out_of_range_names_the_range(index: int, sample: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        write(tmp_path / "bundle").layer(index, sample)


def test_writing_below_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for path in (tmp_path / "out" / "run.json", tmp_path / "out" / "deep" / "run.json"):
        with pytest.raises(StorageError, match=r"out is a file, not a folder"):
            write_atomically(path, b"{}")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("inside", [True, False])
def test_a_cache_that_cannot_be_written_says_how_to_move_it(
    inside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path if inside else tmp_path / "elsewhere"))

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("accelsim.files.writing.os.replace", refuse)
    with pytest.raises(StorageError, match="Permission denied") as caught:
        write_atomically(tmp_path / "x.json", b"{}")
    assert ("ACCELSIM_CACHE" in caught.value.hint) is inside


def test_an_alias_inside_its_own_anchor_is_refused_with_its_line() -> None:
    for text in ("name: x\na: &a [*a]\n", "name: x\na: &a {b: [1, *a]}\n"):
        with pytest.raises(ConfigError, match=r"f\.yaml:2: an alias stands inside its own anchor"):
            strictyaml.parse(text, "f.yaml")
    with pytest.raises(ConfigError, match="nested too deeply"):
        strictyaml.parse("a: " + "[" * 5000 + "]" * 5000, "f.yaml")
    assert strictyaml.parse("a: &a [1]\nb: *a\nc: [*a, *a]\n").data == {"a": [1], "b": [1], "c": [[1], [1]]}


def test_a_scale_and_zero_point_per_block_come_back_from_the_bundle(tmp_path: Path) -> None:
    codes = np.arange(-8, 8, dtype=np.int8).reshape(2, 8, 1, 1)
    scale = np.array([[0.5, 0.1], [3.0, 1e-9]]).reshape(2, 2, 1, 1)
    zero = np.array([[-8, 0], [1, 7]]).reshape(2, 2, 1, 1)
    activation = Operand(np.ones(SHAPE.activation_shape, np.int16), 16)
    given = Layer("fc", 0, 0, SHAPE, activation, Operand(codes, 4, True, scale, zero))
    expected = [
        [(int(code) - zero[k, c // 4, 0, 0]) * scale[k, c // 4, 0, 0] for c, code in enumerate(row)]
        for k, row in enumerate(codes[:, :, 0, 0])
    ]
    trace = write_bundle(tmp_path / "b", [given])
    weight = trace.layer(0).weight
    assert trace.layers[0].operands["weight"]["scale"] is None  # type: ignore[index]
    assert weight.values()[:, :, 0, 0].tolist() == expected
    assert np.array_equal(weight.centre(), centred_values(weight))
    assert np.array_equal(weight.centre()[1, :, 0, 0], codes[1, :, 0, 0] - np.repeat([1, 7], 4))
    without = Operand(codes, 4, True, scale)
    assert without.centred
    assert np.array_equal(without.values()[0, :, 0, 0], codes[0, :, 0, 0] * np.repeat([0.5, 0.1], 4))


@pytest.mark.parametrize("zero", [1 << 30, np.full((2, 2, 1, 1), -(1 << 30))])
def test_a_zero_point_that_no_code_can_have_is_refused(zero: Any, tmp_path: Path) -> None:
    """Analyses have a bin for every value between 0 and the codes: such a bundle would take gigabytes."""
    codes = Operand(np.ones(SHAPE.weight_shape, np.int8), 8, True, np.ones(np.shape(zero)), zero)
    activation = Operand(np.ones(SHAPE.activation_shape, np.int16), 16)
    with pytest.raises(BundleError, match="zero"):
        write_bundle(tmp_path / "b", [Layer("fc", 0, 0, SHAPE, activation, codes)]).layer(0)
