"""Denoiser, super-resolution and segmenter of the zoo: generated samples, recipes, and the figures of their cards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from accelsim import zoo
from accelsim.workload import load_workload, open_trace
from accelsim.zoo.data import leaves, photographs, shapes
from accelsim.zoo.networks.segmenter import Segmenter, prepare
from accelsim.zoo.networks.superres import enlarged
from accelsim.zoo.recipes import denoiser as make_denoiser
from accelsim.zoo.recipes import segmenter as make_segmenter
from accelsim.zoo.recipes import superres as make_superres
from accelsim.zoo.training import fitting
from tests.realdata.data import DATA, needs_data


def stored(name: str) -> dict[str, torch.Tensor]:
    return load_file(zoo.folder(name) / "samples.safetensors")


def test_dead_leaves_repeat_and_look_like_pictures() -> None:
    first, again, other = (leaves.picture(48, 3, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (3, 48, 48)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    steps = np.abs(np.diff(first[0].astype(int), axis=1)).ravel()
    assert first.std() > 25
    assert np.median(steps) < 12 < 40 < np.percentile(steps, 99)  # flat leaves, sharp edges


def test_scenes_tell_the_texture_of_every_pixel() -> None:
    behind = np.full((3, 64, 64), 128, np.uint8)
    seen = set()
    for seed in range(12):
        picture, labels = shapes.scene(behind, np.random.default_rng(seed))
        again, _ = shapes.scene(behind, np.random.default_rng(seed))
        assert np.array_equal(picture, again)
        off = np.abs(picture.astype(int) - 128).max(0)
        assert np.percentile(off[labels == 0], 99) < 20  # background and noise of sigma 4
        assert off[labels > 0].mean() > 20
        seen |= set(np.unique(labels).tolist())
    assert seen == set(range(len(shapes.CLASSES)))


def test_crops_are_pieces_turned_and_psnr_is_that_of_the_noise() -> None:
    images = torch.arange(64).reshape(1, 1, 8, 8)
    random = torch.Generator().manual_seed(0)
    for piece in photographs.crops(images, 40, 3, random)[:, 0]:
        rows = {int(abs(d)) for d in piece.diff(dim=0).flatten()} | {int(abs(d)) for d in piece.diff(dim=1).flatten()}
        assert rows == {1, 8}
    clean = torch.zeros(1, 1, 6, 6)
    noisy = clean + 0.1
    noisy[..., 0, :] = 9
    assert photographs.psnr(noisy, clean, border=1) == pytest.approx(20)


@pytest.mark.parametrize("name", ["denoiser", "superres", "segmenter"])
@torch.no_grad()
def test_samples_give_what_the_card_says(name: str) -> None:
    net, rows, samples, kept = zoo.load(name), zoo.card(name)["samples"], zoo.samples(name), stored(name)
    assert len(rows) == len(samples) >= 3
    for i, ((x,), row) in enumerate(zip(samples, rows, strict=True)):
        out = net(x)
        if name == "denoiser":
            clean = kept["clean"][i : i + 1] / 255
            assert photographs.psnr(x, clean) == pytest.approx(row["noisy"], abs=0.01)
            assert photographs.psnr(out, clean) == pytest.approx(row["denoised"], abs=0.02)
            assert row["denoised"] > row["noisy"] + 3
        elif name == "superres":
            assert out.shape[2:] == (2 * x.shape[2], 2 * x.shape[3])
            assert row["enlarged"] > row["bicubic"] + 2
        else:
            right = (out.argmax(1)[0] == kept["labels"][i]).double().mean()
            assert float(right) == pytest.approx(row["right"], abs=0.002)


def test_the_samples_of_superres_are_halved_dead_leaves_and_gain_what_the_card_says() -> None:
    random = np.random.default_rng(5)
    net, rows = zoo.load("superres"), zoo.card("superres")["samples"]
    for small, row in zip(stored("superres")["small"][:2], rows, strict=False):
        large = torch.from_numpy(leaves.picture(2 * small.shape[-1], 1, random))[None]
        assert torch.equal((make_superres.halved(large / 255)[0] * 255).round().to(torch.uint8), small)
        assert make_superres.measure(net, [large])[0] == pytest.approx(row["enlarged"], abs=0.02)


@pytest.mark.parametrize("name", ["denoiser", "superres", "segmenter"])
def test_workloads_are_captured_whole(name: str, tmp_path: Path) -> None:
    trace = open_trace(load_workload(name, ["samples=1"]), cache=tmp_path)
    assert trace.manifest["unsupported"] == []
    convs = [m for m in zoo.load(name).modules() if isinstance(m, torch.nn.Conv2d | torch.nn.ConvTranspose2d)]
    assert len(trace.layers) == len(convs)
    assert sum(record.shapes[0].transposed for record in trace.layers) == (3 if name == "segmenter" else 0)


def test_a_users_own_picture_is_an_input(tmp_path: Path) -> None:
    from PIL import Image

    from accelsim.zoo.reading import read

    path = tmp_path / "p.png"
    Image.fromarray(np.arange(40 * 50 * 3, dtype=np.uint8).reshape(40, 50, 3)).save(path)
    expected = {"denoiser": (1, 1, 40, 50), "superres": (1, 1, 40, 50), "segmenter": (1, 3, 64, 64)}
    for name, shape in expected.items():
        ((x,),) = read(name, [path])
        assert tuple(x.shape) == shape
        assert x.dtype == torch.float32
        assert x.abs().max() <= 1


@pytest.mark.slow
def test_fitting_learns_and_repeats() -> None:
    recipe = fitting.Recipe(steps=12, batch=4, learning_rate=1e-2, bf16=False, refresh_batches=2)

    def batch(random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        behind = torch.full((recipe.batch, 3, 32, 32), 128, dtype=torch.uint8)
        return make_segmenter.scenes(behind, np.random.default_rng(int(torch.randint(1000, (), generator=random))))

    def trained() -> tuple[Segmenter, list[str]]:
        lines: list[str] = []
        torch.manual_seed(0)
        net = Segmenter((4, 4, 8, 8))
        fitting.fit(net, batch, F.cross_entropy, recipe, log=lines.append)
        return net, lines

    (first, lines), (again, _) = trained(), trained()
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True))
    assert len(lines) == 1
    assert not first.training
    pictures, labels = batch(torch.Generator().manual_seed(9))
    with torch.no_grad():
        assert float(F.cross_entropy(first(pictures), labels)) < np.log(len(shapes.CLASSES))


def test_the_learning_rate_rises_and_falls() -> None:
    recipe = fitting.Recipe(steps=100, batch=1, learning_rate=1.0, warmup=0.1)
    rates = [fitting.learning_rate(p, recipe.learning_rate, recipe.warmup) for p in (0, 0.05, 0.1, 0.55, 1)]
    assert rates == pytest.approx([0, 0.5, 1, 0.5, 0], abs=1e-9)
    assert fitting.shortened(recipe, 3, 8) == replace(recipe, steps=300, seed=8)
    assert fitting.shortened(recipe, None, 8).steps == 100


def test_missing_photographs_say_where(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no photographs in .*set12"):
        photographs.read(tmp_path / "set12")


@needs_data
@torch.no_grad()
def test_denoiser_reaches_its_figure_on_four_photographs_of_set12() -> None:
    card, net = zoo.card("denoiser"), zoo.load("denoiser")
    pictures = photographs.read(DATA / "set12")[:4]
    value, noisy, filtered = make_denoiser.measure(net, pictures)
    assert noisy == pytest.approx(20.17, abs=0.05)
    assert value > filtered + 1
    assert value == pytest.approx(card["value"], abs=1)


@needs_data
def test_superres_reaches_its_figure_on_set5() -> None:
    card = zoo.card("superres")
    value, bicubic = make_superres.measure(zoo.load("superres"), photographs.read(DATA / "set5"))
    assert value == pytest.approx(card["value"], abs=0.02)
    assert bicubic == pytest.approx(card["baselines"]["bicubic"], abs=0.02)
    x = torch.rand(1, 1, 6, 6)
    assert enlarged(x).shape == (1, 1, 12, 12)


@needs_data
def test_segmenter_reaches_its_figure_on_a_part_of_the_test_pictures() -> None:
    card = zoo.card("segmenter")
    pictures, labels = make_segmenter.held_out_scenes(DATA, 100)
    overlap, pixels = make_segmenter.measure(zoo.load("segmenter"), pictures, labels)
    assert sum(overlap) / len(overlap) == pytest.approx(card["value"], abs=0.05)
    assert pixels == pytest.approx(card["pixels_right"], abs=0.03)
    assert prepare(torch.tensor([0, 255])).tolist() == [-1, 1]
