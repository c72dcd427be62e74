"""Make the files of `bert_lstm`: teacher, made-up texts, small network, measurements, samples and card."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from accelsim.zoo import tokenizer, weight_files
from accelsim.zoo.data import sst
from accelsim.zoo.networks.bert_lstm import BertLstm, Shape
from accelsim.zoo.training import augment, baseline, cards, teacher
from accelsim.zoo.training.bert_lstm import Recipe, accuracy, predict, project
from accelsim.zoo.training.bert_lstm import train as fit

CODED = ("encoder.word.weight",)
"""Stored as 8-bit codes: a table that is looked up, never multiplied. The rest is float16."""
PHRASES, REPLACED, JOINED = 24, 24, 10
TEACHER_EPOCHS = 4
Log = Callable[[str], None]


def train(
    data: Path, out: Path, device: str, epochs: int | None, seed: int,
    teacher_path: Path | None, vocabulary: Path, log: Log = print,
) -> None:  # fmt: skip
    """Train and write `out`/weights.safetensors, `out`/vocab.txt and `out`/run.json.

    With a teacher: fine-tune it, make texts, fit its logits. Without: fit the labels of the training sentences.
    """
    sentences = sst.read(data, "train")
    texts = [s.text for s in sentences]
    if not vocabulary.is_file():
        tokens = tokenizer.train_vocabulary(texts, Shape.vocabulary)
        vocabulary.write_text("\n".join(tokens) + "\n", encoding="utf-8")
    if vocabulary.resolve() != (out / "vocab.txt").resolve():
        shutil.copyfile(vocabulary, out / "vocab.txt")
    pieces = tokenizer.load(out / "vocab.txt")
    shape = Shape(vocabulary=pieces.get_vocab_size())
    recipe = Recipe(seed=seed) if epochs is None else Recipe(seed=seed, epochs=epochs)
    target, words, about = torch.tensor([s.label for s in sentences]), None, None
    if teacher_path is not None:
        texts, target, words, about = _taught(data, teacher_path, pieces, shape.word, device, seed, log)
    ids = [encoding.ids for encoding in pieces.encode_batch(texts)]
    net = fit(ids, target, recipe, shape, words, device, log)
    weight_files.save(net, out / "weights.safetensors", torch.float16, CODED)
    cards.save_run(out, cards.circumstances(device, seed=seed, epochs=recipe.epochs, texts=len(texts), teacher=about))


def pack(data: Path, out: Path) -> None:
    """Measure `out`/weights.safetensors as stored on dev and test, and write samples and card beside it."""
    splits = {name: sst.read(data, name) for name in ("train", "dev", "test")}
    pieces = tokenizer.load(out / "vocab.txt")
    shape = Shape(vocabulary=pieces.get_vocab_size())
    net = weight_files.load_into(BertLstm(shape), out / "weights.safetensors").eval()
    ids = {name: [e.ids for e in pieces.encode_batch([s.text for s in split])] for name, split in splits.items()}
    value = {n: round(accuracy(net, ids[n], [s.label for s in splits[n]], shape.positions), 4) for n in splits}
    chosen = choose(splits["test"], ids["test"])
    rows = [ids["test"][i] for i in chosen]
    predicted = predict(net, rows, shape.positions).argmax(1).tolist()
    lengths = torch.tensor([len(row) for row in rows])
    end_to_end = torch.tensor([i for row in rows for i in row], dtype=torch.int32)
    save_file({"ids": end_to_end, "lengths": lengths}, out / "samples.safetensors")
    samples = [
        {"label": sst.LABELS[s.label], "predicted": sst.LABELS[p], "tokens": len(row), "text": s.text}
        for s, p, row in zip((splits["test"][i] for i in chosen), predicted, rows, strict=True)
    ]
    cut = sum(len(row) > shape.positions for row in ids["test"])
    taught = cards.training(out)["teacher"] is not None
    options = " --teacher MINILM_DIR" if taught else ""
    cards.write(out, net, _card(taught, net, splits, value, samples, cut), options)


def choose(sentences: Sequence[sst.Sentence], ids: Sequence[Sequence[int]], each: int = 4) -> list[int]:
    """Return the numbers of the first sentences of 8 to 40 tokens, `each` of either label."""
    fit_in = [i for i, row in enumerate(ids) if 8 <= len(row) <= 40]
    return [i for label in (0, 1) for i in [j for j in fit_in if sentences[j].label == label][:each]]


def _taught(
    data: Path, path: Path, pieces: Any, width: int, device: str, seed: int, log: Log
) -> tuple[list[str], Tensor, Tensor, dict[str, Any]]:
    """Return the texts to learn from, the teacher's logits, the first word embedding, and words for the card."""
    sentences = sst.read(data, "train")
    large = teacher.Teacher(path)
    embedding = large.encoder.word.weight.detach().clone()
    known = large.tokenizer.get_vocab()
    near = augment.neighbours(sorted(known, key=known.__getitem__), embedding)
    teacher.fine_tune(
        large, [s.text for s in sentences], [s.label for s in sentences], TEACHER_EPOCHS, seed, device, log=log
    )
    about: dict[str, Any] = {"network": "all-MiniLM-L6-v2 (Apache-2.0), fine-tuned on the training sentences"}
    for name in ("dev", "test"):
        split = sst.read(data, name)
        guess = teacher.logits(large, [s.text for s in split], device).argmax(1)
        right = (guess == torch.tensor([s.label for s in split])).double().mean().item()
        about[f"accuracy_{name}"] = round(right, 4)
    log(f"teacher: {about}")
    texts = [s.text for s in sentences]
    texts += augment.texts(texts, near, PHRASES, REPLACED, JOINED, seed)
    logits = teacher.logits(large, texts, device)
    log(f"{len(texts)} texts have the teacher's logits")
    rows = []
    for token in sorted(pieces.get_vocab(), key=pieces.get_vocab().__getitem__):
        spelled = large.tokenizer.encode(token.removeprefix("##"), add_special_tokens=False).ids
        rows.append([known[token]] if token in known else spelled)
    return texts, logits, project(embedding, rows, width), about


def _card(
    taught: bool, net: BertLstm, splits: dict[str, list[sst.Sentence]], value: dict[str, float],
    samples: list[dict[str, Any]], cut: int,
) -> dict[str, Any]:  # fmt: skip
    sizes = {name: len(split) for name, split in splits.items()}
    bags = {
        f"bag of words, {'words and pairs' if pairs else 'words'}, {'tf-idf' if weighted else 'present or not'}": (
            baseline.fit(splits["train"], splits["dev"], splits["test"], pairs, weighted)
        )
        for pairs in (False, True)
        for weighted in (False, True)
    }
    bags = {name: {key: round(number, 6) for key, number in bag.items()} for name, bag in bags.items()}
    return {
        "name": "bert_lstm",
        "task": "whether a sentence of a film review is negative or positive",
        "data": {
            "files": [f"text/stsa.binary.{name} ({n:,} sentences)" for name, n in sizes.items()],
            "source": "SST-2: the binary Stanford Sentiment Treebank (Socher et al. 2013), sentences only",
            "licence": "none stated with the copy used; the sentences are not shipped but for the samples below",
        },
        "split": f"official: trained on {sizes['train']:,}, choices made on {sizes['dev']} (dev), measured on "
        f"{sizes['test']:,} (test); two test sentences also occur in the training split as distributed",
        "metric": "accuracy on the test split, weights as stored",
        "value": value["test"],
        "dev": value["dev"],
        "train": value["train"],
        "baselines": bags,
        "stored_as": "float16; the word embedding as int8 codes with one float16 scale a token; used as float32",
        "samples": samples,
        "limits": [
            "The vocabulary was trained by the tokenizers library, which breaks ties differently in each run; "
            "training again reads the shipped vocab.txt.",
            f"Texts are cut at {net.encoder.position.num_embeddings} tokens; {cut} test sentences are longer.",
            f"{cards.ONE_RUN} That a run repeats bit for bit was seen with 80 sentences, not with all.",
        ]
        + taught
        * [
            "Learnt from a teacher's logits, not from the labels directly; the texts are the training sentences, "
            "phrases of them, and both with words replaced by neighbours in the teacher's embedding. The word "
            "embedding started from a projection of the teacher's. No other text and no dev or test text was used, "
            "but for what the teacher itself was trained on before.",
        ],
    }
