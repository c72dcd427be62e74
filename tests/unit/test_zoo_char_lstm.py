"""The character LSTM of the zoo: its vocabulary, its samples, the n-grams it is held against, its figure."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from accelsim import zoo
from accelsim.errors import InputError
from accelsim.workload import load_workload, open_trace
from accelsim.zoo.networks.char_lstm import CHARACTERS, encode
from accelsim.zoo.reading import read
from accelsim.zoo.recipes import char_lstm as make_char_lstm
from accelsim.zoo.training import ngrams
from tests.realdata.data import DATA, needs_data


def test_the_vocabulary_is_sorted_and_says_what_it_lacks() -> None:
    assert sorted(set(CHARACTERS)) == list(CHARACTERS)
    assert len(CHARACTERS) == 65
    assert "".join(CHARACTERS[i] for i in encode("To be, or not")) == "To be, or not"
    with pytest.raises(ValueError, match="character '7' is not in the vocabulary"):
        encode("a 7")


def test_samples_are_the_passages_of_the_card_and_cost_what_it_says() -> None:
    net, rows = zoo.load("char_lstm"), zoo.card("char_lstm")["samples"]
    samples = zoo.samples("char_lstm")
    assert len(samples) == len(rows) == 8
    for (ids,), row in zip(samples, rows, strict=True):
        assert "".join(CHARACTERS[i] for i in ids[0]) == row["text"][:-1]
        assert make_char_lstm.bits(net, row["text"]) == pytest.approx(row["bits"], abs=0.002)
        assert row["bits"] < 4


def test_every_gate_of_both_layers_is_captured_step_by_step(tmp_path: Path) -> None:
    trace = open_trace(load_workload("char_lstm", ["samples=1"]), cache=tmp_path)
    assert trace.manifest["unsupported"] == []
    steps = {record.name: record.shapes[0].steps for record in trace.layers}
    assert steps["lstm.hh_l0"] == steps["lstm.hh_l1"] == 64
    assert {"lstm.ih_l0", "lstm.ih_l1", "classifier"} <= set(steps)


def test_a_users_own_sentence_is_an_input() -> None:
    ((ids,),) = read("char_lstm", ["What light?"])
    assert ids.shape == (1, 11)
    assert ids.dtype == torch.int64
    with pytest.raises(InputError, match="not in the vocabulary"):
        read("char_lstm", ["#"])


def test_ngrams_know_a_sure_thing_and_fall_back_on_the_uniform() -> None:
    assert ngrams.bits("ab" * 500, "ab" * 50, 2, 65) < 0.2
    assert ngrams.bits("a" * 10, "b", 1, 64) > 6
    text = "the cat sat on the mat and the rat sat on the cat " * 5
    assert ngrams.bits(text, text, 3, 65) < ngrams.bits(text, text, 1, 65)
    # one order: (count + distinct * uniform) / (total + distinct)
    assert ngrams.bits("aab", "a", 1, 4) == pytest.approx(-math.log2((2 + 2 / 4) / (3 + 2)))


@needs_data
def test_the_held_out_part_costs_what_the_card_says() -> None:
    card, parts = zoo.card("char_lstm"), make_char_lstm.read(DATA)
    assert [len(part) for part in parts] == [180_000, 10_000, 10_000]
    assert make_char_lstm.bits(zoo.load("char_lstm"), parts[2]) == pytest.approx(card["value"], abs=0.002)


def test_a_missing_text_says_where(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no text at"):
        make_char_lstm.read(tmp_path)
