"""Inputs of networks: what is found, which are chosen, how each kind is prepared, what bad input says."""

from __future__ import annotations

import json
import struct
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accelsim.errors import ConfigError, InputError
from accelsim.sources.inputs import shipped
from accelsim.sources.inputs.items import choose, find
from accelsim.sources.inputs.pictures import Preparation, picture
from accelsim.sources.inputs.reading import Taken, numbers, read
from accelsim.sources.inputs.sentences import encoder
from accelsim.sources.inputs.spec import Inputs
from accelsim.sources.inputs.waves import waveform
from accelsim.workload import load_workload, open_trace

Image = pytest.importorskip("PIL.Image")


def image(path: Path, height: int = 40, width: int = 60, seed: int = 0, mode: str = "RGB") -> np.ndarray:
    """Save a picture with detail and return its pixels."""
    rng = np.random.default_rng(seed)
    shape = (height, width) if mode == "L" else (height, width, 3)
    pixels = rng.integers(0, 256, shape, np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def sound(path: Path, values: list[int], width: int = 2, channels: int = 1, rate: int = 8000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        packed = [v.to_bytes(width, "little", signed=width > 1) for v in values]
        file.writeframes(b"".join(packed))
    return path


def test_every_kind_is_found_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "deep/c.bmp", "notes.md"):
        image(tmp_path / "pics" / name) if name != "notes.md" else (tmp_path / "pics" / name).write_text("x")
    np.save(tmp_path / "rows.npy", np.zeros((3, 2)))
    sound(tmp_path / "talk.wav", [1, 2])
    (tmp_path / "lines.txt").write_text("one\n\n two \n")
    files = ["pics", "rows.npy", "talk.wav", "lines.txt", "a sentence", "pics/*.png"]
    found = find(Inputs(files=files), tmp_path)
    assert [item.kind for item in found] == ["picture"] * 3 + ["array"] * 3 + [
        "wave",
        "text",
        "text",
        "text",
        "picture",
    ]
    assert [p.path.name for p in found[:3] if p.path] == ["a.jpg", "b.png", "c.bmp"]
    assert [item.text for item in found[7:10]] == ["one", " two ", "a sentence"]
    assert [item.row for item in found[3:6]] == [0, 1, 2]


def test_a_choice_is_seeded_and_keeps_the_order(tmp_path: Path) -> None:
    for place in range(20):
        image(tmp_path / f"{place:02d}.png", 2, 2)
    items = find(Inputs(files=["."]), tmp_path)
    assert choose(items, 5, None) == items[:5]
    first = choose(items, 5, 0)
    assert first == choose(items, 5, 0) == sorted(first, key=items.index)
    assert len({tuple(map(str, choose(items, 5, seed))) for seed in range(6)}) > 1
    assert choose(items, 20, 3) == choose(items, 50, 3) == items


@pytest.mark.parametrize("size", [(40, 60), (60, 40), (50, 50), (31, 97)])
@pytest.mark.parametrize("preset", [
    {"crop_size": 24, "resize_size": 32}, {"crop_size": 21, "resize_size": 33, "interpolation": "bicubic"},
    {"crop_size": 16, "resize_size": 16, "mean": (0.5, 0.5, 0.5), "std": (0.2, 0.3, 0.4)},
])  # fmt: skip
def test_preparation_is_bit_for_bit_that_of_torchvision(tmp_path: Path, size: Any, preset: dict[str, Any]) -> None:
    from accelsim.sources.torchvision_ops import import_torchvision

    try:
        import_torchvision()
    except ImportError:
        pytest.skip("torchvision is not installed")
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms._presets import ImageClassification

    image(tmp_path / "x.png", *size)
    method = preset.get("interpolation", "bilinear")
    transform = ImageClassification(**{**preset, "interpolation": InterpolationMode(method)})
    expected = transform(Image.open(tmp_path / "x.png")).numpy()[None]
    mine = Preparation(
        preset["resize_size"], preset["crop_size"], method, mean=list(transform.mean), std=list(transform.std)
    )
    assert np.array_equal(picture(tmp_path / "x.png", mine), expected)


def test_colours_scale_and_sizes_are_as_declared(tmp_path: Path) -> None:
    pixels = image(tmp_path / "x.png")
    path = tmp_path / "x.png"
    plain = picture(path, Preparation(scale=1.0))
    assert np.array_equal(plain[0].transpose(1, 2, 0), pixels)
    assert np.array_equal(picture(path, Preparation(scale=1.0, color="bgr")), plain[:, ::-1])
    assert picture(path, Preparation(color="gray")).shape == (1, 1, 40, 60)
    assert picture(path, Preparation(resize=[8, 10])).shape == (1, 3, 8, 10)
    assert picture(path, Preparation(resize=20)).shape == (1, 3, 20, 30)
    assert picture(path, Preparation(resize=20, crop=[20, 6])).shape == (1, 3, 20, 6)
    assert np.array_equal(picture(path, Preparation(crop=2, scale=1.0)), plain[:, :, 19:21, 29:31])
    changed = Preparation(resize=20, mean=[0.5] * 3).declared(Inputs(mean=None, resize=8))
    assert (changed.resize, changed.mean) == (8, None)
    gray = image(tmp_path / "g.png", mode="L")
    assert np.array_equal(picture(tmp_path / "g.png", Preparation(scale=1.0))[0, 1], gray)


def test_rows_of_arrays_are_pictures_or_the_input_itself(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 9, 12, 3), np.uint8)
    np.savez(tmp_path / "both.npz", pixels=pixels, floats=np.ones((4, 3, 5, 5)), ids=np.arange(6).reshape(2, 3))
    taken = Taken("pictures", Preparation(scale=1.0))
    one = Inputs(files=["both.npz"], array="pixels")
    assert np.array_equal(numbers(find(one, tmp_path), one, taken)[1][0].transpose(1, 2, 0), pixels[1])
    one = Inputs(files=["both.npz"], array="floats")
    got = numbers(find(one, tmp_path), one, taken)
    assert (len(got), got[0].shape, got[0].dtype) == (4, (1, 3, 5, 5), np.float32)
    one = Inputs(files=["both.npz"], array="ids")
    with pytest.raises(InputError, match=r"both.npz row 0 is int64 of shape \(3,\); give rows of \(channels, H, W\)"):
        numbers(find(one, tmp_path), one, taken)
    ids = numbers(find(one, tmp_path), one, Taken("text", encode=lambda _: []))
    assert (ids[1].tolist(), ids[1].dtype) == ([[3, 4, 5]], np.int64)


def test_a_network_may_write_into_rows_of_a_mapped_array(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    np.save(tmp_path / "rows.npy", np.ones((2, 4), np.float32))
    one = Inputs(files=["rows.npy"])
    (tensor,) = read(find(one, tmp_path), one, Taken("anything", anything=True))[0]
    tensor.sub_(1)  # of the mapped memory it would end the process
    assert not tensor.any()
    assert np.load(tmp_path / "rows.npy").all()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sound_of_every_width_is_in_one_range(tmp_path: Path, width: int) -> None:
    half = 2 ** (8 * width - 1)
    values = [0, half // 2, half - 1, -half]
    stored = [v + half for v in values] if width == 1 else values
    wave_ = waveform(sound(tmp_path / "x.wav", stored, width), Inputs())
    assert wave_.shape == (1, 4)
    assert wave_[0] == pytest.approx([0, 0.5, 1 - 1 / half, -1], abs=1e-6)


def test_sound_is_cut_filled_framed_and_mixed(tmp_path: Path) -> None:
    path = sound(tmp_path / "x.wav", list(range(0, 1000, 100)))
    assert waveform(path, Inputs(length=4)).shape == (1, 4)
    assert waveform(path, Inputs(length=14))[0, 10:].tolist() == [0] * 4
    frames = waveform(path, Inputs(frame=4, hop=3)) * 32768
    assert frames[0].tolist() == [[0, 100, 200, 300], [300, 400, 500, 600], [600, 700, 800, 900]]
    assert waveform(path, Inputs(frame=5)).shape == (1, 2, 5)
    stereo = sound(tmp_path / "s.wav", [100, 300, -200, 0], channels=2)
    assert (waveform(stereo, Inputs()) * 32768).tolist() == [[200, -100]]
    with pytest.raises(InputError, match="8000 samples a second, expected 16000"):
        waveform(path, Inputs(rate=16000))


def test_sentences_are_split_by_a_tokenizer_file(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    from accelsim.zoo import tokenizer

    words = [*tokenizer.SPECIAL, "a", "good", "film"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    tokenizer.build(words).save(str(tmp_path / "tokenizer.json"))
    inputs = Inputs(files=["a GOOD film", "zzz"], length=4)
    for name in ("vocab.txt", "tokenizer.json"):
        taken = Taken("text", encode=encoder(tmp_path / name))
        first, second = numbers(find(inputs, tmp_path), inputs, taken)
        assert first.tolist() == [[2, 4, 5, 3]]  # cut, [SEP] kept
        assert second.tolist() == [[2, 1, 3]]


def text_named_png(folder: Path) -> Inputs:
    (folder / "x.png").write_text("not a picture")
    return Inputs(files=["x.png"])


def cut_jpeg(folder: Path) -> Inputs:
    image(folder / "x.jpg", 80, 80)
    (folder / "x.jpg").write_bytes((folder / "x.jpg").read_bytes()[:900])
    return Inputs(files=["x.jpg"])


def empty_folder(folder: Path) -> Inputs:
    (folder / "empty").mkdir()
    return Inputs(files=["empty"])


def objects(folder: Path) -> Inputs:
    np.save(folder / "x.npy", np.array([{"a": 1}, None], object), allow_pickle=True)
    return Inputs(files=["x.npy"])


def cut_npz(folder: Path) -> Inputs:
    np.savez(folder / "x.npz", a=np.zeros((50, 50)))
    (folder / "x.npz").write_bytes((folder / "x.npz").read_bytes()[:-60])
    return Inputs(files=["x.npz"])


def two_arrays(folder: Path) -> Inputs:
    np.savez(folder / "x.npz", a=np.zeros(3), b=np.zeros(3))
    return Inputs(files=["x.npz"])


def no_such_array(folder: Path) -> Inputs:
    np.savez(folder / "x.npz", a=np.zeros(3))
    return Inputs(files=["x.npz"], array="c")


def no_rows(folder: Path) -> Inputs:
    np.save(folder / "x.npy", np.zeros((0, 3)))
    return Inputs(files=["x.npy"])


def text_named_wav(folder: Path) -> Inputs:
    (folder / "x.wav").write_text("not a sound")
    return Inputs(files=["x.wav"])


def float_wav(folder: Path) -> Inputs:
    header = b"RIFF" + struct.pack("<I", 40) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, 8000, 32000, 4, 32)
    (folder / "x.wav").write_bytes(header + b"data" + struct.pack("<If", 4, 0.5))
    return Inputs(files=["x.wav"])


def blank_text(folder: Path) -> Inputs:
    (folder / "x.txt").write_text("\n \n")
    return Inputs(files=["x.txt"])


def latin_text(folder: Path) -> Inputs:
    (folder / "x.txt").write_bytes(b"caf\xe9\n")
    return Inputs(files=["x.txt"])


def other_file(folder: Path) -> Inputs:
    (folder / "x.tfrecord").write_text("x")
    return Inputs(files=["x.tfrecord"])


def small_picture(folder: Path) -> Inputs:
    image(folder / "x.png", 10, 30)
    return Inputs(files=["x.png"], crop=16)


def two_means(folder: Path) -> Inputs:
    image(folder / "x.png")
    return Inputs(files=["x.png"], mean=[0.5, 0.5])


BAD: list[tuple[Callable[[Path], Inputs], str]] = [
    (text_named_png, r"picture .*x\.png cannot be read \(it is no picture\)"),
    (cut_jpeg, r"picture .*x\.jpg cannot be read \(.*truncated"),
    (empty_folder, "empty holds no pictures and no WAV files"),
    (objects, "x.npy cannot be read as an array .*Python objects"),
    (cut_npz, "x.npz cannot be read as an array"),
    (two_arrays, "x.npz holds the arrays a, b; choose one with `array`"),
    (no_such_array, "x.npz holds no array 'c'; it holds a"),
    (no_rows, r"x.npy: an array of shape \(0, 3\) has no rows"),
    (text_named_wav, "x.wav cannot be read as a WAV file"),
    (float_wav, "x.wav cannot be read as a WAV file .*format"),
    (blank_text, "x.txt holds no sentence"),
    (latin_text, "x.txt cannot be read"),
    (other_file, "files ending in .tfrecord are not read"),
    (small_picture, "10 x 30 pixels are fewer than the crop of 16 x 16; declare a larger `resize`"),
    (two_means, "mean has 2 numbers, the picture 3 channels"),
    (lambda _: Inputs(files=["lost.png"]), "input lost.png is missing"),
    (lambda _: Inputs(files=["photos/lost"]), "input photos/lost is missing"),
    (lambda _: Inputs(files=["photos"]), "input 'photos' is neither a file nor a folder; give anything readable"),
]


@pytest.mark.parametrize(("make", "words"), BAD, ids=[words[:30] for _, words in BAD])
def test_bad_input_is_one_clear_line(tmp_path: Path, make: Callable[[Path], Inputs], words: str) -> None:
    inputs = make(tmp_path)
    taken = Taken("anything readable", Preparation().declared(inputs), anything=True)
    with pytest.raises(InputError, match=words) as caught:
        numbers(find(inputs, tmp_path), inputs, taken)
    assert "\n" not in str(caught.value)


MODEL = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 2, 3)

    def forward(self, x):
        return self.conv(x)

def module():
    return Net()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pytest.importorskip("torch")
    (tmp_path / "net.py").write_text(MODEL, encoding="utf-8")
    for place in range(6):
        image(tmp_path / "photos" / f"{place}.png", 20, 30, seed=place)
    text = "name: own\nsource: python\ntarget: net.py:module\nsamples: 3\ninputs:\n  files: photos\n  resize: 10\n"
    (tmp_path / "own.yaml").write_text(text + "  mean: [0.5]\n", encoding="utf-8")
    return tmp_path


def test_a_module_of_the_user_runs_on_declared_inputs(folder: Path) -> None:
    trace = open_trace(load_workload(folder / "own.yaml"), cache=folder / "cache")
    assert trace.samples == 3
    chosen = choose(find(Inputs(files=["photos"]), folder), 3, 0)
    for layer, item in zip(trace, chosen, strict=True):
        assert item.path is not None
        expected = picture(item.path, Preparation(resize=10, mean=[0.5]))
        assert np.abs(layer.activation.values() - expected).max() <= 2**-16
    origin = trace.manifest["workload"]["model"]["inputs"]
    assert origin == {"files": ["photos"], "mean": [0.5], "resize": 10}
    assert str(folder) not in json.dumps(trace.manifest)


def test_the_key_follows_the_content_of_the_chosen_inputs(folder: Path) -> None:
    def key(*settings: str) -> str:
        return load_workload(folder / "own.yaml", settings).key

    keys = {key(), key("inputs.seed=1"), key("inputs.resize=9"), key("samples=2"), key("inputs.seed=null")}
    assert len(keys) == 5
    chosen = choose(find(Inputs(files=["photos"]), folder), 3, 0)
    image(chosen[0].path or folder, 20, 30, seed=99)
    assert key() not in keys
    before = key()
    left_out = next(p for p in sorted((folder / "photos").iterdir()) if p not in [item.path for item in chosen])
    image(left_out, 20, 30, seed=98)
    assert key() == before


@pytest.mark.parametrize(("setting", "words"), [
    ("inputs={files: photos, resiz: 3}", "inputs.resiz: unknown key; did you mean 'resize'"),
    ("inputs={files: photos, resize: 0}", "at least 1 pixel"),
    ("inputs={files: photos, crop: [1, 2, 3]}", r"expected one number or \[height, width\]"),
    ("inputs={files: photos, std: [0.0]}", "every channel's must be above 0"),
    ("inputs={files: photos, interpolation: cubic}", "'bicubic'"),
    ("inputs=[3]", "inputs.files.0: Input should be a valid string"),
])  # fmt: skip
def test_a_wrong_key_is_named(folder: Path, setting: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_workload(folder / "own.yaml", [setting])


def test_shipped_inputs_are_there_without_torch() -> None:
    assert [p.shape for p in shipped.pictures()] == [(32, 32, 3)] * shipped.PICTURES
    assert len(shipped.sentences()) == 8
