"""Pruned networks: checkpoints with masks, exact zeros, blocks of 2:4, and checkpoints that would run code."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils import parametrize, prune  # noqa: E402

import accelsim  # noqa: E402
from accelsim.analyzers.analyze import analyze  # noqa: E402
from accelsim.analyzers.structure import n_of_m  # noqa: E402
from accelsim.errors import InputError  # noqa: E402
from accelsim.sources.state import read_state  # noqa: E402
from accelsim.trace import Trace  # noqa: E402
from accelsim.workload import load_workload, open_trace  # noqa: E402

NET = """
import torch
from torch import nn
from torch.nn.utils import prune

def make():
    net = nn.Sequential(nn.Conv2d(8, 12, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(108, 10, bias=False))
    torch.manual_seed(1)
    return net, [(torch.randn(1, 8, 5, 5),)]

def make_pruned():
    net, inputs = make()
    prune.identity(net[0], "weight")
    prune.identity(net[3], "weight")
    return net, inputs
"""
INTEGERS = [
    {"scheme": "fixed_point", "bits": 16},
    {"scheme": "symmetric", "bits": 4, "per_channel": True},
    {"scheme": "affine", "bits": 8},
    {"scheme": "affine", "bits": 8, "per_channel": True},
    {"scheme": "bfloat16"},
    {"scheme": "mxfp4"},
]


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(8, 12, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(108, 10, bias=False)).eval()


def pruned(seed: int = 0) -> nn.Sequential:
    """Return a network whose weights are kept beside their masks."""
    net = network(seed)
    prune.l1_unstructured(net[0], "weight", 0.7)
    prune.random_structured(net[3], "weight", 0.5, dim=0)
    return net


def masks(net: nn.Sequential) -> list[Any]:
    return [net[place].weight_mask.numpy() for place in (0, 3)]


def workload(folder: Path, weights: str, target: str = "make", scheme: dict[str, Any] | None = None) -> Trace:
    (folder / "net.py").write_text(NET, encoding="utf-8")
    path = folder / "net.yaml"
    text = f"name: net\nsource: python\ntarget: net.py:{target}\nweights: {weights}\n"
    path.write_text(text + (f"quantization: {{weights: {scheme}}}\n" if scheme else ""), encoding="utf-8")
    return open_trace(load_workload(path))


def zeros(trace: Trace, index: int) -> Any:
    weight = trace.layer(index).weight
    if weight.patterns is not None:
        assert np.array_equal(weight.values() == 0, weight.codes == 0)
    return weight.centre() == 0


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_weights_beside_their_masks_are_captured_with_exact_zeros(ending: str, tmp_path: Path) -> None:
    net = pruned()
    state, file = net.state_dict(), tmp_path / f"w.{ending}"
    assert set(state) == {"0.bias", "0.weight_orig", "0.weight_mask", "3.weight_orig", "3.weight_mask"}
    save_file(state, file) if ending == "safetensors" else torch.save({"model": state}, file)
    trace = workload(tmp_path, file.name)
    assert trace.manifest["trained"] is not False
    for index, mask in enumerate(masks(net)):
        real = net[(0, 3)[index]].weight.detach().numpy()
        assert np.array_equal(zeros(trace, index).reshape(mask.shape), mask == 0)  # and no other code is 0 at 16 bits
        step = float(trace.layer(index).weight.scale)
        assert np.abs(trace.layer(index).weight.values().reshape(real.shape) - real).max() <= step / 2
    rows = analyze(trace).query("operand == 'weight'")
    assert rows["zero_fraction"].tolist() == pytest.approx([0.7, 0.5], abs=0.002)


@pytest.mark.parametrize("scheme", INTEGERS, ids=lambda s: "-".join(str(v) for v in s.values()))
def test_a_pruned_weight_is_a_zero_in_every_scheme(scheme: dict[str, Any], tmp_path: Path) -> None:
    net = pruned()
    torch.save(net.state_dict(), tmp_path / "w.pth")
    trace = workload(tmp_path, "w.pth", scheme=scheme)
    for index, mask in enumerate(masks(net)):
        weight = trace.layer(index).weight
        assert zeros(trace, index).reshape(mask.shape)[mask == 0].all()
        assert np.all(weight.values().reshape(mask.shape)[mask == 0] == 0)
    assert trace.layer(0).weight.centred is (scheme["scheme"] != "affine")


def test_a_module_that_prunes_itself_runs_on_the_same_weights(tmp_path: Path) -> None:
    torch.save(pruned().state_dict(), tmp_path / "w.pth")
    before, after = workload(tmp_path, "w.pth"), workload(tmp_path, "w.pth", "make_pruned")
    merged = read_state(tmp_path / "w.pth")
    assert set(merged) == {"0.bias", "0.weight", "3.weight"}
    torch.save(merged, tmp_path / "merged.pth")
    third = workload(tmp_path, "merged.pth", "make_pruned")
    for index in (0, 1):
        codes = [trace.layer(index).weight.codes for trace in (before, after, third)]
        assert np.array_equal(codes[0], codes[1])
        assert np.array_equal(codes[0], codes[2])
    assert [record.name for record in after.layers] == ["0", "3"]


class Masked(nn.Module):
    """A parametrisation as sparsifiers leave it in a network."""

    def __init__(self, mask: Any) -> None:
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: Any) -> Any:
        return self.mask * weight


def test_weights_under_a_parametrisation_with_a_mask(tmp_path: Path) -> None:
    net = network()
    mask = torch.rand(12, 4, 3, 3) < 0.3
    parametrize.register_parametrization(net[0], "weight", Masked(mask))
    torch.save(net.state_dict(), tmp_path / "w.pth")
    assert "0.parametrizations.weight.0.mask" in net.state_dict()
    trace = workload(tmp_path, "w.pth")
    assert np.array_equal(zeros(trace, 0), ~mask.numpy())
    live = accelsim.capture(net, [(torch.randn(1, 8, 5, 5),)], out=tmp_path / "live")
    assert np.array_equal(live.layer(0).weight.codes, trace.layer(0).weight.codes)
    assert live.layers[0].name == "0"


def test_a_live_module_that_prunes_itself_keeps_names_and_zeros(tmp_path: Path) -> None:
    net = pruned()
    trace = accelsim.capture(net, [(torch.randn(1, 8, 5, 5),)] * 2, out=tmp_path / "live")
    assert [record.name for record in trace.layers] == ["0", "3"]
    for index, mask in enumerate(masks(net)):
        assert np.array_equal(zeros(trace, index).reshape(mask.shape), mask == 0)


def slow_share(values: Any, n: int, m: int) -> float:
    good = total = 0
    for filter_ in values.reshape(*values.shape[:2], -1):
        for place in range(filter_.shape[1]):
            for start in range(0, filter_.shape[0], m):
                total += 1
                good += sum(bool(v) for v in filter_[start : start + m, place]) <= n
    return good / total


@pytest.mark.parametrize("shape", [(5, 4, 1, 1), (7, 6, 3, 2), (3, 1, 3, 3), (2, 17, 1, 1), (1, 3, 5, 5)])
def test_the_share_of_blocks_agrees_with_a_plain_count(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(shape) + shape[1])
    values = (rng.integers(-3, 4, shape) * (rng.random(shape) < 0.6)).astype(np.int16)
    for n, m in ((2, 4), (1, 4), (4, 8)):
        assert n_of_m(values, n, m) == pytest.approx(slow_share(values, n, m))


def two_of_four(weight: Any) -> Any:
    """Keep the two largest of every four input channels."""
    blocks = weight.detach().transpose(1, -1).reshape(-1, 4)
    drop = blocks.abs().argsort(1)[:, :2]
    kept = torch.ones_like(blocks).scatter(1, drop, 0.0)
    shape = weight.transpose(1, -1).shape
    return (blocks * kept).reshape(shape).transpose(1, -1)


def test_analyze_shows_which_layers_keep_to_two_of_four(tmp_path: Path) -> None:
    net = network()
    with torch.no_grad():
        net[0].weight.copy_(two_of_four(net[0].weight))
    save_file(net.state_dict(), tmp_path / "w.safetensors")
    trace = workload(tmp_path, "w.safetensors", scheme={"scheme": "affine", "bits": 8})
    table = analyze(trace)
    weights = table.query("operand == 'weight'").set_index("layer")
    assert weights.loc["0", "two_of_four_fraction"] == 1.0
    assert weights.loc["0", "zero_fraction"] == pytest.approx(0.5, abs=0.01)
    centred = trace.layer(1).weight.centre()
    assert weights.loc["3", "two_of_four_fraction"] == pytest.approx(slow_share(centred, 2, 4))
    assert weights.loc["3", "two_of_four_fraction"] < 0.2
    assert table.query("operand != 'weight'")["two_of_four_fraction"].isna().all()
    command = [sys.executable, "-m", "accelsim", "analyze", "--workload", str(tmp_path / "net.yaml")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "2:4" in printed
    line = next(line for line in printed.splitlines() if line.split()[:2] == ["0", "weight"])
    assert "100.0 %" in line


def test_the_structured_machine_gains_where_blocks_keep_to_it(tmp_path: Path) -> None:
    def cycles(net: nn.Module, folder: str) -> float:
        trace = accelsim.capture(net, [(torch.randn(1, 8, 5, 5),)], out=tmp_path / folder)
        layers = accelsim.simulate(accelsim.load_hardware("sparse_tensor_core"), trace).layers
        return float(layers["compute_cycles"].iloc[0])

    dense, sparse = network(), network()
    with torch.no_grad():
        sparse[0].weight.copy_(two_of_four(sparse[0].weight))
    assert cycles(sparse, "sparse") < cycles(dense, "dense")


class Code:
    """Pickled, it runs a command when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.command = f"touch {path}"

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def _written(kind: str, path: Path, content: Any) -> None:
    if kind == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")


@pytest.mark.parametrize("inside", ["alone", "beside tensors", "in a checkpoint"])
@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle"])
def test_a_checkpoint_with_code_in_it_is_refused_and_never_run(kind: str, inside: str, tmp_path: Path) -> None:
    made = tmp_path / "made"
    state = network().state_dict()
    content = {
        "alone": Code(made),
        "beside tensors": {**state, "0.bias": Code(made)},
        "in a checkpoint": {"state_dict": state, "epoch": Code(made)},
    }[inside]
    _written(kind, tmp_path / "w.pth", content)
    with pytest.raises(InputError, match=r"w\.pth cannot be read: it holds Python objects besides tensors") as caught:
        workload(tmp_path, "w.pth")
    assert "\n" not in str(caught.value)
    assert "could run code" in str(caught.value)
    assert not made.exists()
    if kind == "pickle":
        pickle.loads((tmp_path / "w.pth").read_bytes())
        assert made.exists()  # the file does what it is refused for


def test_the_command_line_refuses_it_in_one_line(tmp_path: Path) -> None:
    made = tmp_path / "made"
    torch.save({"state_dict": Code(made)}, tmp_path / "w.pth")
    with pytest.raises(InputError):
        workload(tmp_path, "w.pth")
    command = [sys.executable, "-m", "accelsim", "run", "--hw", "eyeriss", "--workload", str(tmp_path / "net.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.strip()]) <= 2
    assert "could run code" in done.stderr.replace("\n", " ")
    assert not made.exists()
