"""Workload files, content keys, cached bundles, weights of the python source; a warm run that never loads torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from accelsim import catalogue
from accelsim.errors import BundleError, ConfigError, InputError, UnknownNameError
from accelsim.sources import SOURCES
from accelsim.trace import Trace
from accelsim.workload import Workload, load_workload, open_trace

MODEL = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, {width}, 3)
        self.lstm = torch.nn.LSTM(36, 4)

    def forward(self, x):
        return self.lstm(torch.relu(self.conv(x)).flatten(2)[0])[0]

def make():
    return Net(), [(torch.randn(1, 1, 8, 8),) for _ in range(3)]

def nothing():
    return Net(), []

def wrong():
    return Net()

def fails():
    raise KeyError("no data")

def leaves():
    raise SystemExit(3)

def tensor():
    return Net(), torch.ones(2, 1, 8, 8)
"""

YAML = """name: small
description: a network of the tests
source: python
target: small_net.py:make
samples: 2
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "small_net.py").write_text(MODEL.format(width=3), encoding="utf-8")
    (tmp_path / "leaves.py").write_text("raise SystemExit(4)", encoding="utf-8")
    (tmp_path / "small.yaml").write_text(YAML, encoding="utf-8")
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    return tmp_path


def workload(folder: Path, *settings: str) -> Workload:
    return load_workload(folder / "small.yaml", settings)


def python(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_the_catalogue_of_sources_loads_no_torch() -> None:
    code = "import sys, accelsim.workload as w; print(w.SOURCES.names()); assert 'torch' not in sys.modules"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(f"'{name}'" in result.stdout for name in ("python", "timm", "zoo"))
    assert all(SOURCES.describe(name) for name in SOURCES.names())


@pytest.mark.parametrize("name", catalogue.names("workload"))
def test_every_shipped_workload_is_valid(name: str) -> None:
    assert load_workload(name).name == name


def test_a_second_opening_uses_the_bundle_and_never_loads_torch(folder: Path) -> None:
    pytest.importorskip("torch")
    trace = open_trace(workload(folder))
    assert [r.name for r in trace.layers] == ["conv", "lstm.ih_l0", "lstm.hh_l0"]
    assert trace.samples == 2
    assert (trace.manifest["name"], trace.manifest["trained"]) == ("small", False)
    assert any("untrained" in w for w in trace.warnings)
    code = """
import sys
from accelsim.workload import load_workload, open_trace
trace = open_trace(load_workload('small.yaml'))
assert 'torch' not in sys.modules, 'torch was loaded'
print(trace.key, sum(layer.shape.macs for layer in trace))
"""
    out, error = python(code, folder).communicate()
    assert not error
    assert out.split() == [trace.key, str(trace.manifest["captured_macs"])]


def test_the_key_follows_what_the_trace_depends_on(folder: Path) -> None:
    keys = {workload(folder).key}
    assert workload(folder, "description=another").key in keys
    for setting in ("samples=1", "seed=1", "quantization.activations.bits=8", "weights=made"):
        keys.add(workload(folder, setting).key)
    (folder / "small_net.py").write_text(MODEL.format(width=5), encoding="utf-8")
    keys.add(workload(folder).key)
    assert len(keys) == 6


def test_the_manifest_tells_how_to_repeat_the_capture(folder: Path) -> None:
    pytest.importorskip("torch")
    asked = workload(folder, f"target={folder}/small_net.py:make", "seed=4")
    manifest = open_trace(asked).manifest
    assert manifest["workload"]["name"] == "small"
    assert manifest["workload"]["samples"] == 2
    assert manifest["workload"]["model"] == {
        "target": "small_net.py:make", "weights": "random", "seed": 4, "inputs": {},
    }  # fmt: skip
    assert manifest["workload"]["quantization"] == manifest["quantization"]
    assert manifest["fingerprint"] == {**asked.model.fingerprint(), "target": "small_net.py:make"}
    assert {"torch", "accelsim", "capture_version"} <= set(manifest)
    assert str(folder) not in json.dumps(manifest)


def test_every_problem_of_a_file_is_named_with_its_line(folder: Path) -> None:
    path = folder / "bad.yaml"
    path.write_text(
        "name: bad name\nsource: python\ntarget: nowhere\nsamples: 0\nsedd: 3\nquantization:\n  weights:\n    bits: 40\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_workload(path)
    text = str(caught.value)
    assert "5 problems" in text
    for line, key in ((1, "name"), (3, "target"), (4, "samples"), (5, "sedd"), (8, "quantization.weights.bits")):
        assert f"{path}:{line}: {key}" in text
    assert "'seed'" in text
    path.write_text("name: bad\nsource: pyhton\nsamples: none\n")
    with pytest.raises(
        ConfigError, match=r"bad\.yaml:2: source: unknown source 'pyhton'; did you mean 'python'"
    ) as caught:
        load_workload(path)
    assert "2 problems" in str(caught.value)
    with pytest.raises(UnknownNameError, match="did you mean"):
        load_workload("resnet21")


@pytest.mark.parametrize(("setting", "words"), [
    ("samples=9", "samples is 9, the source has 3"),
    ("target=small_net.py:nothing", "samples is 2, the source has 0"),
    ("target=small_net.py:wrong", "must return"),
    ("target=small_net.py:fails", "KeyError"),
    ("target=small_net.py:leaves", "SystemExit: 3"),
    ("target=leaves.py:make", "importing it fails: SystemExit: 4"),
    ("target=small_net.py:tensor", "must return"),
    ("target=small_net.py:missing", "has no function missing"),
    ("target=other.py:make", "no file"),
    ("target=no_such_package.net:make", "no module no_such_package"),
    ("weights=lost.safetensors", "lost.safetensors are missing"),
])  # fmt: skip
def test_what_the_python_source_cannot_use_is_one_clear_line(folder: Path, setting: str, words: str) -> None:
    pytest.importorskip("torch")
    with pytest.raises(InputError, match=words) as caught:
        open_trace(workload(folder, setting))
    assert "\n" not in str(caught.value)


def test_weights_come_from_a_safetensors_file_key_by_key(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    sys.path.insert(0, str(folder))
    try:
        import small_net
    finally:
        sys.path.remove(str(folder))
    state = {k: v.clone() for k, v in small_net.Net().state_dict().items()}
    state["conv.weight"] = torch.full_like(state["conv.weight"], 0.5)
    save_file(state, folder / "w.safetensors")
    trace = open_trace(workload(folder, "weights=w.safetensors", "target=small_net:make"))
    assert trace.manifest["trained"] is True
    assert trace.warnings == []
    assert (trace.layer(0).weight.values() == 0.5).all()
    before = workload(folder, "weights=w.safetensors").key
    state["extra"] = state.pop("lstm.weight_ih_l0")
    state["conv.bias"] = torch.zeros(7)
    save_file(state, folder / "w.safetensors")
    assert workload(folder, "weights=w.safetensors").key != before
    with pytest.raises(InputError) as caught:
        open_trace(workload(folder, "weights=w.safetensors"))
    for part in ("missing lstm.weight_ih_l0", "unexpected extra", "of another shape conv.bias"):
        assert part in str(caught.value)
    (folder / "w.safetensors").write_bytes(b"rubbish")
    with pytest.raises(InputError, match="cannot be read"):
        open_trace(workload(folder, "weights=w.safetensors"))


def test_two_processes_capture_the_same_bundle_at_once(folder: Path) -> None:
    pytest.importorskip("torch")
    code = (
        "from accelsim.workload import *; t = open_trace(load_workload('small.yaml')); print(t.key, sum(1 for _ in t))"
    )
    both = [python(code, folder) for _ in range(2)]
    results = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], results
    assert results[0][0] == results[1][0]
    traces = list((folder / "cache" / "traces").iterdir())
    assert len(traces) == 1
    assert not traces[0].name.endswith(".partial")


def test_an_interrupted_capture_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from accelsim.trace import TraceWriter

    real = TraceWriter.add

    def interrupt(self: TraceWriter, name: str, tensors: dict) -> str:
        if "lstm" in name:
            raise KeyboardInterrupt
        return real(self, name, tensors)

    monkeypatch.setattr(TraceWriter, "add", interrupt)
    with pytest.raises(KeyboardInterrupt):
        open_trace(workload(folder))
    assert not list((folder / "cache" / "traces").iterdir())
    monkeypatch.undo()


@pytest.mark.parametrize("damage", ["truncated", "altered", "lost", "manifest", "future"])
def test_a_damaged_bundle_is_refused_and_captured_again_from_its_workload(
    folder: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    trace = open_trace(workload(folder))
    victim = trace.path / trace.layers[0].sample_files[0]
    manifest = trace.path / "manifest.json"
    if damage == "truncated":
        victim.write_bytes(victim.read_bytes()[:-2])
    elif damage == "altered":
        data = bytearray(victim.read_bytes())
        data[-1] ^= 1
        victim.write_bytes(data)
    elif damage == "lost":
        victim.unlink()
    elif damage == "manifest":
        manifest.write_text(manifest.read_text().replace('"samples": 2', '"samples": 1'))
    else:
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format_version": 99}))
    with pytest.raises(BundleError) as caught:
        list(Trace(trace.path))
    assert "\n" not in str(caught.value)
    assert str(trace.path) in str(caught.value)
    repaired = open_trace(workload(folder))
    assert sum(layer.shape.macs for layer in repaired) == trace.manifest["captured_macs"]
    assert repaired.digest == trace.digest
    assert str(caught.value.message) in capsys.readouterr().err
    assert [layer.name for layer in Trace(trace.path)] == [layer.name for layer in repaired]


MEMORY = """
import resource, sys
import torch
from accelsim.sources.capture import capture

depth = int(sys.argv[1])
layers = [torch.nn.Sequential(torch.nn.Conv2d(16, 16, 3, padding=1), torch.nn.ReLU()) for _ in range(depth)]
module = torch.nn.Sequential(*layers)
x = torch.randn(1, 16, 256, 256)
with torch.no_grad():
    module(x)
capture(torch.nn.Sequential(layers[0]), [x], out=sys.argv[2] + "/warm")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
capture(module, [x], out=sys.argv[2] + "/bundle")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
def test_memory_follows_the_largest_layer_and_not_the_network(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    grown = []
    for depth in (40, 120):  # 4 MB of activations a layer: 160 MB and 480 MB of them, and as much of outputs
        result = subprocess.run(
            [sys.executable, "-c", MEMORY, str(depth), str(tmp_path)], capture_output=True, text=True, check=True
        )
        grown.append(float(result.stdout))
    assert grown[1] <= grown[0] + 40
    assert grown[1] < 240  # the room of KEPT_BYTES, the codes waiting to be written, and a few layers
