"""The shipped networks: they load, run on their samples, and are as accurate as their cards say."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from accelsim import zoo
from accelsim.zoo import tokenizer, weight_files
from accelsim.zoo.data import cifar, sst
from accelsim.zoo.networks.bert_lstm import BertLstm, Shape
from accelsim.zoo.training import cards
from tests.realdata.data import DATA, needs_data

NAMES = zoo.names()
CLASSIFIERS = [name for name in NAMES if "predicted" in zoo.card(name)["samples"][0]]
LESS_IS_BETTER = ("char_lstm",)


def test_names_are_sorted_and_hold_the_first_networks() -> None:
    assert sorted(NAMES) == NAMES
    assert {"bert_lstm", "resnet20", "resnet20_int8"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_network_has_a_recipe_a_workload_and_its_definition(name: str) -> None:
    from accelsim.workload import load_workload
    from accelsim.zoo.train import recipes

    assert name in recipes()
    assert load_workload(name).model.network == name
    assert all(path.is_file() for path in zoo.definitions(name))


def test_listing_and_cards_do_not_import_torch() -> None:
    code = "import sys; from accelsim import zoo; zoo.card(zoo.names()[0]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("function", [zoo.card, zoo.load, zoo.samples, zoo.folder])
def test_unknown_name_lists_the_known_ones(function) -> None:
    with pytest.raises(KeyError, match=r"resnet21.*bert_lstm, .*resnet20"):
        function("resnet21")


@pytest.mark.parametrize("name", NAMES)
def test_card_has_every_required_key_and_beats_its_baselines(name: str) -> None:
    card = zoo.card(name)
    assert set(cards.REQUIRED) <= set(card)
    assert card["name"] == name
    assert card["parameters"] == sum(p.numel() for p in zoo.load(name).parameters())
    for row in card["baselines"].values():
        figure = row["test"] if isinstance(row, dict) else row
        assert card["value"] < figure if name in LESS_IS_BETTER else card["value"] > figure


@pytest.mark.parametrize("name", NAMES)
def test_files_are_small(name: str) -> None:
    assert (zoo.folder(name) / "weights.safetensors").stat().st_size < 1.6e6
    assert (zoo.folder(name) / "samples.safetensors").stat().st_size < 50_000


@pytest.mark.parametrize("name", CLASSIFIERS)
@torch.no_grad()
def test_samples_are_classified_as_the_card_says(name: str) -> None:
    net, card, samples = zoo.load(name), zoo.card(name), zoo.samples(name)
    classes = sorted({row["label"] for row in card["samples"]})
    assert not net.training
    assert len(samples) == len(card["samples"]) >= 8
    assert len(classes) == (2 if name == "bert_lstm" else 10)
    for inputs, row in zip(samples, card["samples"], strict=True):
        logits = net(*inputs)
        assert logits.shape == (1, len(classes))
        assert bool(logits.isfinite().all())
        assert classes[int(logits.argmax())] == row["predicted"]
    right = sum(row["label"] == row["predicted"] for row in card["samples"])
    least = 0.7 if card["value"] >= 0.8 else card["value"] - 0.25  # ten samples scatter by some 13 %
    assert right >= least * len(samples)


def test_sample_shapes_and_types() -> None:
    for (image,) in zoo.samples("resnet20"):
        assert image.shape == (1, 3, 32, 32)
        assert image.dtype == torch.float32
        assert 0.2 < float(image.std()) < 3
    for (ids,), row in zip(zoo.samples("bert_lstm"), zoo.card("bert_lstm")["samples"], strict=True):
        assert ids.shape == (1, row["tokens"])
        assert ids.dtype == torch.int64
        assert 8 <= row["tokens"] <= 40


def test_sample_ids_are_the_tokens_of_the_text_in_the_card() -> None:
    pytest.importorskip("tokenizers")
    pieces = tokenizer.load(zoo.folder("bert_lstm") / "vocab.txt")
    assert pieces.get_vocab_size() == Shape.vocabulary
    for (ids,), row in zip(zoo.samples("bert_lstm"), zoo.card("bert_lstm")["samples"], strict=True):
        assert pieces.encode(row["text"]).ids == ids[0].tolist()


@torch.no_grad()
def test_padding_with_a_mask_changes_nothing() -> None:
    from accelsim.zoo.training.batches import pad

    net, samples = zoo.load("bert_lstm"), zoo.samples("bert_lstm")
    alone = torch.cat([net(*inputs) for inputs in samples])
    together = net(*pad([ids[0].tolist() for (ids,) in samples]))
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_stored_weights_come_back_within_their_precision(tmp_path: Path) -> None:
    net = BertLstm(Shape(vocabulary=50, word=16, hidden=32, intermediate=64, layers=1), lstm=8)
    weight_files.save(net, tmp_path / "w.safetensors", torch.float16, ("encoder.word.weight",))
    back = weight_files.load_into(
        BertLstm(Shape(vocabulary=50, word=16, hidden=32, intermediate=64, layers=1), lstm=8),
        tmp_path / "w.safetensors",
    )
    for name, tensor in net.state_dict().items():
        step = float(tensor.abs().max()) / (127 if name == "encoder.word.weight" else 1024)
        assert float((back.state_dict()[name] - tensor).abs().max()) <= 0.51 * step, name


def test_a_card_of_images_states_the_accuracy_on_all_of_them(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    from accelsim.zoo.networks.resnet20 import normalise
    from accelsim.zoo.training import cifar_card

    rng = np.random.default_rng(2)
    files = [io.BytesIO() for _ in range(30)]
    for file in files:
        image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(file, "jpeg")
    packed = [np.frombuffer(file.getvalue(), np.uint8) for file in files]
    labels = np.arange(30) % 10
    (tmp_path / "cifar10").mkdir()
    ends = np.cumsum([0, *(len(p) for p in packed)])
    np.savez(tmp_path / "cifar10" / "test_jpeg.npz", jpeg=np.concatenate(packed), offsets=ends, labels=labels)
    cards.save_run(tmp_path, cards.circumstances("cpu", seed=3))
    net = zoo.load("resnet20")
    cifar_card.pack(
        "some", net, tmp_path, tmp_path, before="unchanged", stored_as="float32", limits=["noise"], zeros=0.5
    )
    card = yaml.safe_load((tmp_path / "card.yaml").read_text())
    images, found = cifar.read(tmp_path, "test")
    right = int((net(normalise(images)).argmax(1) == found).sum())
    assert card["value"] == card["before"]["value"] == round(right / 30, 4)
    assert (card["seed"], card["zeros"], card["recipe"].split()[3]) == (3, 0.5, "some")
    assert [row["test_image"] for row in card["samples"]] == list(range(10))
    assert torch.equal(load_file(tmp_path / "samples.safetensors")["images"], images[:10])


@pytest.mark.slow
def test_resnet20_recipe_is_deterministic() -> None:
    from accelsim.zoo.training.resnet20 import Recipe, train

    random = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (48, 3, 32, 32), generator=random, dtype=torch.uint8)
    labels = torch.arange(48) % 10
    recipe = Recipe(epochs=2, batch=16, refresh_batches=1)
    lines: list[str] = []
    first, again = (train(images, labels, recipe, log=lines.append).state_dict() for _ in range(2))
    assert len(lines) == 4
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["labels", "logits"])
def test_bert_lstm_recipe_is_deterministic_and_learns(kind: str) -> None:
    from accelsim.zoo.training.bert_lstm import Recipe, accuracy, train

    random = torch.Generator().manual_seed(1)
    rows = [torch.randint(5, 30, (6 + i % 3,), generator=random).tolist() for i in range(60)]
    labels = [int(sum(row) % 2) for row in rows]
    for row, label in zip(rows, labels, strict=True):
        row[2] = 3 + label  # the token that tells
    hard = torch.tensor(labels)
    target = hard if kind == "labels" else torch.nn.functional.one_hot(hard, 2).float() * 4 - 2
    shape = Shape(vocabulary=30, word=16, hidden=32, intermediate=64, layers=2)
    recipe = Recipe(epochs=8, batch=8, lstm=8, learning_rate=3e-3)
    first, again = (train(rows, target, recipe, shape, log=lambda _: None) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert accuracy(first, rows, labels, shape.positions) > 0.9


def test_made_up_texts_are_distinct_and_repeatable() -> None:
    from accelsim.zoo.training import augment

    words = ["good", "great", "bad", "poor", "film", "##s", "a"]
    near = augment.neighbours(words, torch.eye(7) + 0.5 * torch.eye(7).flip(0), count=2)
    assert set(near) == {"good", "great", "bad", "poor", "film"}
    sentences = ["a good film", "a bad film of the year"]
    made = augment.texts(sentences, near, phrases=4, replaced=4, joined=2, seed=3)
    assert made == augment.texts(sentences, near, phrases=4, replaced=4, joined=2, seed=3)
    assert len(set(made)) == len(made)
    assert not set(made) & set(sentences)


def test_bag_of_words_learns_a_word_that_tells() -> None:
    from accelsim.zoo.training import baseline

    split = [sst.Sentence(i % 2, f"{'fine' if i % 2 else 'dull'} film number {i}") for i in range(40)]
    for pairs in (False, True):
        for weighted in (False, True):
            assert baseline.fit(split[:20], split[20:30], split[30:], pairs, weighted)["test"] == 1.0


def test_bad_data_says_where(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="cifar10"):
        cifar.read(tmp_path, "test")
    with pytest.raises(FileNotFoundError, match="text"):
        sst.read(tmp_path, "test")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "stsa.binary.test").write_text("1 fine\n2 odd\n", encoding="utf-8")
    with pytest.raises(ValueError, match=":2: expected"):
        sst.read(tmp_path, "test")


@pytest.mark.slow
@needs_data
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_accuracy_on_the_whole_test_split_is_the_cards(name: str) -> None:
    net, value = zoo.load(name), zoo.card(name)["value"]
    if name != "bert_lstm":
        from accelsim.zoo.training.resnet20 import accuracy as of_images

        measured = of_images(net, *cifar.read(DATA, "test"))
    else:
        from accelsim.zoo.training.bert_lstm import accuracy as of_texts

        pieces = tokenizer.load(zoo.folder(name) / "vocab.txt")
        split = sst.read(DATA, "test")
        ids = [encoding.ids for encoding in pieces.encode_batch([s.text for s in split])]
        measured = of_texts(net, ids, [s.label for s in split], Shape.positions)
    assert measured == pytest.approx(value, abs=0.001)
