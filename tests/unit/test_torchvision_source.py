"""The torchvision source: every kind of network, weights from cache and file, pruned ones, what goes wrong."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from accelsim.errors import ConfigError, InputError, UnknownNameError  # noqa: E402
from accelsim.sources.python import UNTRAINED  # noqa: E402
from accelsim.sources.state import read_state  # noqa: E402
from accelsim.sources.torchvision_ops import import_torchvision  # noqa: E402
from accelsim.sources.vision import build as building  # noqa: E402
from accelsim.trace import Trace  # noqa: E402
from accelsim.workload import load_workload, open_trace  # noqa: E402

try:
    models = import_torchvision().models
except ImportError:
    pytest.skip("torchvision is not installed", allow_module_level=True)

SMALL = "inputs={files: photos, resize: 72, crop: 64}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for seed in range(2):
        pixels = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(pixels).resize((120, 90)).save(tmp_path / "photos" / f"{seed}.png")
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def opened(folder: Path, model: str, weights: str = "random", *settings: str) -> Trace:
    path = folder / "net.yaml"
    path.write_text(f"name: net\nsource: torchvision\nmodel: {model}\nweights: {weights}\n", encoding="utf-8")
    return open_trace(load_workload(path, settings))


def state_of(name: str, **options: Any) -> dict[str, Any]:
    torch.manual_seed(1)
    return {k: v.clone() for k, v in models.get_model(name, weights=None, **options).state_dict().items()}


def flops(name: str, side: int, **options: Any) -> int:
    """Return torch's count for one picture: two operations a MAC, so the MACs of a capture of two."""
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        models.get_model(name, weights=None, **options).eval()(torch.empty(1, 3, side, side))
    return int(counter.get_total_flops())


@pytest.mark.parametrize("name", ["squeezenet1_1", "shufflenet_v2_x0_5", "lraspp_mobilenet_v3_large"])
def test_every_product_of_random_networks_is_captured_and_they_are_marked(folder: Path, name: str) -> None:
    trace = opened(folder, name, "random", SMALL, "samples=2")
    assert trace.manifest["unsupported"] == []
    backbone = {"weights_backbone": None} if "lraspp" in name else {}
    assert trace.manifest["captured_macs"] == flops(name, 64, **backbone)
    assert (trace.manifest["trained"], trace.warnings) == (False, [UNTRAINED])
    assert trace.samples == 2


def test_without_inputs_it_runs_on_the_shipped_pictures_and_says_so(folder: Path) -> None:
    trace = opened(folder, "squeezenet1_1", "random", "samples=2")
    assert any("32 x 32 sample pictures shipped with accelsim" in warning for warning in trace.warnings)
    assert next(iter(trace)).activation.codes.shape == (1, 3, 224, 224)
    assert load_workload(folder / "net.yaml", ["samples=12"]).inputs == 10


def test_the_file_gives_the_preparation_of_the_published_weights(folder: Path) -> None:
    torch.save(state_of("squeezenet1_1"), folder / "w.pth")
    trace = opened(folder, "squeezenet1_1", "w.pth", "inputs=photos", "inputs={files: photos, seed: null}")
    assert trace.manifest["trained"] is True
    assert "prepared as for SqueezeNet1_1_Weights.IMAGENET1K_V1 (resize 256, crop 224, bilinear" in trace.warnings[0]
    transform = models.SqueezeNet1_1_Weights.DEFAULT.transforms()
    expected = transform(Image.open(folder / "photos" / "0.png"))[None].numpy()
    first = next(iter(trace)).activation
    assert np.abs(first.values() - expected).max() <= first.scale / 2
    declared = "inputs={files: photos, resize: 64, crop: 64, mean: [0.5], std: [0.25]}"
    assert opened(folder, "squeezenet1_1", "w.pth", declared).warnings == []


@pytest.mark.parametrize(("name", "expected"), [
    ("vit_b_16", (256, 224, "bilinear")), ("efficientnet_b0", (256, 224, "bicubic")),
    ("inception_v3", (342, 299, "bilinear")), ("fcn_resnet50", (520, None, "bilinear")),
    ("resnet50", (232, 224, "bilinear")), ("fasterrcnn_resnet50_fpn", (None, None, "bilinear")),
])  # fmt: skip
def test_metadata_says_how_pictures_are_prepared(name: str, expected: tuple[Any, ...]) -> None:
    found = building.metadata(name, "DEFAULT")
    assert found is not None
    assert (found.resize, found.crop, found.interpolation) == expected
    assert (found.mean is None) == (name == "fasterrcnn_resnet50_fpn")
    assert building.metadata("r3d_18", "DEFAULT") is None


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "inside.pth", "parallel.pt", "half.pth"])
def test_a_state_dict_of_any_file_gives_the_same_codes(folder: Path, name: str) -> None:
    from safetensors.torch import save_file

    state = {k: v.half().float() for k, v in state_of("squeezenet1_1", num_classes=4).items()}
    save_file(state, folder / "w.safetensors")
    torch.save(state, folder / "w.pth")
    torch.save({"epoch": 3, "state_dict": state}, folder / "inside.pth")
    torch.save({f"module.{k}": v for k, v in state.items()}, folder / "parallel.pt")
    torch.save({k: v.half() for k, v in state.items()}, folder / "half.pth")
    trace = opened(folder, "squeezenet1_1", name, SMALL, "options={num_classes: 4}")
    for layer in trace:
        values = state[f"{layer.name}.weight"].numpy()
        assert np.abs(layer.weight.values() - values).max() <= layer.weight.scale / 2


def test_pruned_weights_load_like_any_other_and_keep_their_zeros(folder: Path) -> None:
    state = state_of("squeezenet1_1", num_classes=4)
    masks = {}
    for name, tensor in state.items():
        if tensor.dim() == 4 and tensor.shape[1] % 4 == 0:  # 2:4 along the input channels
            groups = tensor.abs().reshape(tensor.shape[0], -1, 4, *tensor.shape[2:])
            order = groups.argsort(2).argsort(2)
            masks[name] = (order >= 2).reshape(tensor.shape).float()
        elif tensor.dim() == 4:  # unstructured, 80 %
            masks[name] = (tensor.abs() > tensor.abs().flatten().kthvalue(int(0.8 * tensor.numel()))[0]).float()
    plain = {k: v * masks[k] if k in masks else v for k, v in state.items()}
    pairs = {k: v for k, v in state.items() if k not in masks}
    pairs |= {f"{k}_orig": state[k] for k in masks} | {f"{k}_mask": m for k, m in masks.items()}
    sparse = {k: v.to_sparse() if v.dim() == 4 else v for k, v in plain.items()}
    traces = []
    for name, content in (("plain.pth", plain), ("pairs.pth", pairs), ("sparse.pth", sparse)):
        torch.save(content, folder / name)
        traces.append(opened(folder, "squeezenet1_1", name, SMALL, "options={num_classes: 4}"))
    for layer, *others in zip(*traces, strict=True):
        codes = layer.weight.codes
        assert all(np.array_equal(codes, other.weight.codes) for other in others)
        kept = masks[f"{layer.name}.weight"].numpy()
        assert not codes[kept == 0].any()
        if codes.shape[1] % 4 == 0:
            nonzero = (codes.reshape(codes.shape[0], -1, 4, *codes.shape[2:]) != 0).sum(2)
            assert nonzero.max() <= 2
            assert (codes == 0).mean() == pytest.approx(0.5, abs=0.01)
        else:
            assert (codes == 0).mean() == pytest.approx(0.8, abs=0.01)


def test_published_weights_come_from_the_cache_of_torchvision(folder: Path) -> None:
    entry = models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    (folder / "torch" / "hub" / "checkpoints").mkdir(parents=True)
    state = state_of("squeezenet1_1")
    torch.save(state, folder / "torch" / "hub" / "checkpoints" / entry.url.rpartition("/")[2])
    for name in ("DEFAULT", "IMAGENET1K_V1"):
        trace = opened(folder, "squeezenet1_1", name, SMALL)
        assert (trace.manifest["trained"], trace.warnings) == (True, [])
        first = next(iter(trace)).weight
        assert np.abs(first.values() - state["features.0.weight"].numpy()).max() <= first.scale / 2


def test_a_file_builds_the_same_network_as_the_published_weights(folder: Path) -> None:
    """GoogLeNet's published weights want the input rescaled, which torchvision does only when it loads them itself."""
    entry = models.GoogLeNet_Weights.IMAGENET1K_V1
    (folder / "torch" / "hub" / "checkpoints").mkdir(parents=True)
    path = folder / "torch" / "hub" / "checkpoints" / entry.url.rpartition("/")[2]
    torch.save(state_of("googlenet", init_weights=False), path)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        published, local = (
            building.build("googlenet", weights, file, {}, 0).module(image)
            for weights, file in (("DEFAULT", None), ("", path))
        )
    assert torch.equal(published, local)


def test_without_a_connection_one_line_says_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("torch.hub.urlopen", refuse)
    with pytest.raises(InputError) as caught:
        opened(folder, "squeezenet1_1", "DEFAULT")
    text = str(caught.value)
    assert "\n" not in text
    for part in ("Name or service", "squeezenet1_1-b8a52dc0.pth", str(folder / "torch"), "weights: path/to/file"):
        assert part in text


class Evil:
    def __reduce__(self) -> Any:
        return (print, ("this code ran",))


def bad_file(folder: Path, kind: str) -> None:
    path = folder / "w.pth"
    if kind == "code":
        torch.save({"features.0.weight": Evil()}, path)
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Evil()))
    elif kind == "module":
        torch.save(models.squeezenet1_1(num_classes=2), path)
    elif kind == "text":
        path.write_text("not weights")
    elif kind == "truncated":
        torch.save(state_of("squeezenet1_1"), path)
        path.write_bytes(path.read_bytes()[:100_000])
    elif kind == "objects":
        torch.save({"features.0.weight": torch.ones(1), "lr": 0.1}, path)
    elif kind == "list":
        torch.save([torch.ones(1)], path)
    elif kind == "other":
        torch.save(state_of("squeezenet1_1", num_classes=4), path)


@pytest.mark.parametrize(("kind", "words"), [
    ("code", "it holds Python objects besides tensors, which could run code"),
    ("pickle", "w.pth cannot be read: it holds Python objects"),
    ("module", "w.pth cannot be read: it holds Python objects"),
    ("text", "w.pth cannot be read"),
    ("truncated", "w.pth cannot be read"),
    ("objects", "w.pth hold more than tensors: lr"),
    ("list", "w.pth hold a list, not a state dict"),
    ("other", "of another shape classifier.1.weight, classifier.1.bias; .*num_classes: N"),
    ("lost", "w.pth are missing"),
])  # fmt: skip
def test_weights_that_cannot_be_used_are_one_clear_line(
    folder: Path, kind: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bad_file(folder, kind)
    with pytest.raises(InputError, match=words) as caught:
        opened(folder, "squeezenet1_1", "w.pth", SMALL)
    assert "\n" not in str(caught.value)
    assert "this code ran" not in capfd.readouterr().out


@pytest.mark.parametrize(("model", "setting", "words"), [
    ("resnt18", "seed=0", "unknown torchvision network 'resnt18'; did you mean 'resnet18'"),
    ("squeezenet1_1", "weights=IMAGENET1K_V3", "unknown squeezenet1_1 weights 'IMAGENET1K_V3'; did you mean"),
    ("squeezenet1_1", "part=back", "has no part 'back'; its parts: features, classifier"),
    ("squeezenet1_1", "options={classes: 3}", "squeezenet1_1 cannot be built: .*classes"),
    ("r3d_18", "seed=0", "give rows of arrays: r3d_18 takes no pictures"),
    ("squeezenet1_1", "inputs=photos/0.wav", "photos/0.wav is missing"),
])  # fmt: skip
def test_what_torchvision_does_not_have_is_named(folder: Path, model: str, setting: str, words: str) -> None:
    with pytest.raises((InputError, UnknownNameError), match=words) as caught:
        opened(folder, model, "random", SMALL, setting)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"options\.depth"):
        opened(folder, model, "random", "options={depth: [1]}")


def test_the_backbone_of_a_detector_runs_on_its_own_resized_pictures(folder: Path) -> None:
    name = "ssdlite320_mobilenet_v3_large"
    trace = opened(folder, name, "random", "inputs=photos", "part=backbone")
    assert next(iter(trace)).activation.codes.shape == (1, 3, 320, 320)
    assert trace.manifest["unsupported"] == []
    if not torch._C._dispatch_has_kernel_for_dispatch_key("torchvision::nms", "CPU"):
        with pytest.raises(InputError, match=r"part: backbone"):
            opened(folder, name, "random", "inputs=photos")


def test_the_key_needs_no_torch_and_follows_the_weights(folder: Path) -> None:
    torch.save(state_of("squeezenet1_1"), folder / "w.pth")
    trace = opened(folder, "squeezenet1_1", "w.pth", SMALL)
    code = (
        "import sys; from accelsim.workload import *; "
        f"t = open_trace(load_workload('net.yaml', [{SMALL!r}])); assert 'torch' not in sys.modules; print(t.key)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == trace.key
    assert str(folder) not in json.dumps(trace.manifest)
    torch.save({k: v + 1 for k, v in state_of("squeezenet1_1").items()}, folder / "w.pth")
    assert load_workload(folder / "net.yaml", [SMALL]).key != trace.key


def test_a_quantised_network_gives_its_own_codes(folder: Path) -> None:
    """An integer convolution of the codes with the network's scales gives the codes that the network computed."""
    trace = opened(folder, "quantized_resnet18", "random", SMALL, "samples=2")
    assert UNTRAINED in trace.warnings
    assert trace.manifest["unsupported"] == []
    module = building.build("quantized_resnet18", "random", None, {}, 0).module
    assert trace.manifest["captured_macs"] == flops("resnet18", 64)
    assert len(trace.layers) == 21
    for layer in trace:
        shape, part = layer.shape, module.get_submodule(layer.name)
        x, w = (torch.from_numpy(operand.centre().astype(np.float64)) for operand in (layer.activation, layer.weight))
        (top, _, left, _) = shape.padding
        sums = torch.conv2d(x, w, None, shape.stride, (top, left), shape.dilation, shape.groups).numpy()
        scale = layer.activation.scale * np.asarray(layer.weight.scale).reshape(1, -1, 1, 1)
        real = sums * scale + part.bias().detach().double().numpy().reshape(1, -1, 1, 1)
        assert layer.output is not None
        codes = np.rint(real / layer.output.scale) + layer.output.zero_point
        low = layer.output.zero_point if "ReLU" in type(part).__name__ else 0
        difference = np.abs(np.clip(codes, low, 255) - layer.output.codes.astype(int))
        assert difference.max() <= 1, layer.name
        assert (difference != 0).mean() < 0.01
    assert (
        opened(folder, "quantized_resnet18", "random", SMALL, "options={quantize: false}").manifest["trained"] is False
    )


def test_a_quantised_state_dict_is_read_without_running_code(folder: Path) -> None:
    module = building.build("quantized_resnet18", "random", None, {}, 5).module
    torch.save(module.state_dict(), folder / "q.pth")
    trace = opened(folder, "quantized_resnet18", "q.pth", SMALL)
    for layer in trace:
        weight = module.get_submodule(layer.name).weight().int_repr().numpy()
        assert np.array_equal(layer.weight.codes.reshape(weight.shape), weight)
    torch.save(state_of("resnet18"), folder / "q.pth")
    with pytest.raises(InputError, match="do not fit the quantised network"):
        opened(folder, "quantized_resnet18", "q.pth", SMALL)
    assert len(read_state(folder / "q.pth")) == 122
