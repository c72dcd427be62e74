"""The timm source: networks by name, from a folder, with weights of a file; how their pictures are prepared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from accelsim.errors import ConfigError, InputError, UnknownNameError  # noqa: E402
from accelsim.sources.inputs.pictures import picture  # noqa: E402
from accelsim.sources.state import UNTRAINED  # noqa: E402
from accelsim.sources.torchvision_ops import import_torchvision  # noqa: E402
from accelsim.sources.vision.timm_build import build  # noqa: E402
from accelsim.trace import Trace  # noqa: E402
from accelsim.workload import load_workload, open_trace  # noqa: E402

try:
    import_torchvision()
    import timm
except ImportError:
    pytest.skip("timm is not installed", allow_module_level=True)

NAME, SMALL = "mobilenetv3_small_050", "inputs={files: photos, resize: 40, crop: 32}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (30, 45, 3), np.uint8)
    Image.fromarray(pixels).resize((450, 300)).save(tmp_path / "photos" / "a.png")
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    return tmp_path


def opened(folder: Path, model: str, weights: str, *settings: str) -> Trace:
    path = folder / "net.yaml"
    path.write_text(f"name: net\nsource: timm\nmodel: {model}\nweights: {weights}\n", encoding="utf-8")
    return open_trace(load_workload(path, settings))


def state() -> dict[str, Any]:
    torch.manual_seed(3)
    return {k: v.clone() for k, v in timm.create_model(NAME, num_classes=5).state_dict().items()}


@pytest.mark.parametrize(("name", "side", "attention"), [(NAME, 32, 0), ("vit_tiny_patch16_224", 224, 24)])
def test_every_product_of_a_random_network_is_captured_and_it_is_marked(
    folder: Path, name: str, side: int, attention: int
) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    settings = [SMALL] if side == 32 else ["inputs=photos"]
    trace = opened(folder, name, "random", *settings)
    module = timm.create_model(name).eval()
    from accelsim.sources.recording.context import decomposed

    with decomposed(), FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, 3, side, side))
    assert 2 * trace.manifest["captured_macs"] == counter.get_total_flops()
    assert trace.manifest["unsupported"] == []
    assert sum(record.shapes[0].kind == "matmul" for record in trace.layers) == attention
    assert (trace.manifest["trained"], trace.warnings) == (False, [UNTRAINED])


@pytest.mark.parametrize("name", [NAME, "vit_tiny_patch16_224", "mobilenetv3_small_100.lamb_in1k", "resnet10t"])
def test_pictures_are_prepared_bit_for_bit_as_timm_does(folder: Path, name: str) -> None:
    module, preparation = build(name, None, "random", None, {}, 0)
    config = timm.data.resolve_model_data_config(module)
    transform = timm.data.create_transform(**config, is_training=False)
    path = folder / "photos" / "a.png"
    expected = transform(Image.open(path))[None].numpy()
    assert np.array_equal(picture(path, preparation), expected)


def test_weights_come_from_a_file_or_a_folder(folder: Path) -> None:
    from safetensors.torch import save_file

    weights = state()
    torch.save(weights, folder / "w.pth")
    first = opened(folder, NAME, "w.pth", SMALL, "options={num_classes: 5}")
    assert first.manifest["trained"] is True
    assert "prepared as for timm's mobilenetv3_small_050" in first.warnings[0]
    (folder / "mine").mkdir()
    save_file(weights, folder / "mine" / "model.safetensors")
    config = {
        "input_size": [3, 48, 48],
        "mean": [0.1] * 3,
        "std": [0.9] * 3,
        "crop_pct": 0.8,
        "interpolation": "bilinear",
    }
    text = json.dumps({"architecture": NAME, "num_classes": 5, "pretrained_cfg": config})
    (folder / "mine" / "config.json").write_text(text, encoding="utf-8")
    local = opened(folder, "mine", "DEFAULT", "inputs=photos")
    assert (local.manifest["trained"], local.warnings) == (True, [])
    assert next(iter(local)).activation.codes.shape == (1, 3, 48, 48)
    for one, other in zip(first, local, strict=True):
        assert np.array_equal(one.weight.codes, other.weight.codes)
        expected = weights[f"{one.name}.weight"].numpy()
        assert np.abs(one.weight.values().reshape(expected.shape) - expected).max() <= one.weight.scale / 2
    before = load_workload(folder / "net.yaml", ["inputs=photos"]).key
    save_file({k: v + 1 for k, v in weights.items()}, folder / "mine" / "model.safetensors")
    assert load_workload(folder / "net.yaml", ["inputs=photos"]).key != before
    assert opened(folder, "mine", "random", SMALL).manifest["trained"] is False


def test_what_cannot_be_built_is_one_clear_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(state(), folder / "w.pth")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (folder / "empty").mkdir()
    for model, weights, settings, words in (
        ("mobilenetv3_smal_050", "random", [], "unknown timm network .*did you mean 'mobilenetv3_small_050'"),
        (NAME, "w.pth", [], "of another shape .*num_classes: N"),
        (NAME, "lost.pth", [], "lost.pth are missing"),
        (NAME, "random", ["options={widht: 3}"], f"{NAME} cannot be built: .*widht"),
        (NAME, "DEFAULT", [], "cannot be built: .*without a connection give `weights: path/to/file`"),
        ("empty", "random", [], "config.json"),
    ):
        with pytest.raises((InputError, UnknownNameError), match=words) as caught:
            opened(folder, model, weights, SMALL, *settings)
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="weights"):
        opened(folder, NAME, "DEFUALT", SMALL)
