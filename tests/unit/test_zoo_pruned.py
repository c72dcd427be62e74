"""The pruned ResNet-20: its zeros, its schedule, its accuracy, and the zeros of its workload's trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from accelsim import zoo
from accelsim.workload import load_workload, open_trace
from accelsim.zoo.data import cifar
from accelsim.zoo.networks.resnet20 import ResNet20
from accelsim.zoo.training.resnet20_pruned import Recipe, prunable, prune, score, train, zeros, zeros_at
from tests.realdata.data import DATA, needs_data


def test_four_fifths_of_the_weights_are_zero_and_less_than_two_points_are_lost() -> None:
    net, card = zoo.load("resnet20_pruned"), zoo.card("resnet20_pruned")
    assert zeros(net) == pytest.approx(card["zeros"], abs=1e-4)
    assert sum(int((p == 0).sum()) for p in net.parameters()) / card["parameters"] >= 0.8
    assert card["value"] > card["before"]["value"] - 0.02
    assert all(bool((w != 0).any()) for w in prunable(net))


def test_the_zero_fraction_rises_as_a_cubic_and_stays() -> None:
    recipe = Recipe(zeros=0.8, pruned_by=0.5)
    assert [zeros_at(p, recipe) for p in (0.0, 0.5, 0.9)] == pytest.approx([0, 0.8, 0.8])
    assert zeros_at(0.25, recipe) == pytest.approx(0.8 * (1 - 0.5**3))


def test_the_score_is_the_square_over_the_squares_not_smaller() -> None:
    found = score(torch.tensor([[1.0, -3.0], [2.0, 0.0]]))
    assert found.flatten().tolist() == pytest.approx([1 / 14, 1.0, 4 / 13, 0.0])


def test_pruning_takes_the_fraction_asked_for_and_leaves_every_layer_its_largest() -> None:
    torch.manual_seed(0)
    net = ResNet20()
    before = [w.detach().clone() for w in prunable(net)]
    masks = prune(net, 0.9)
    assert zeros(net) == pytest.approx(0.9, abs=1e-4)
    for weight, was in zip(prunable(net), before, strict=True):
        assert torch.equal(weight.detach(), was * masks[weight])
        assert bool(masks[weight].flatten()[was.abs().argmax()])


@pytest.mark.slow
def test_a_pruned_weight_stays_zero_and_the_recipe_repeats() -> None:
    random = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (16, 3, 32, 32), generator=random, dtype=torch.uint8)
    labels = torch.arange(16) % 10
    recipe = Recipe(epochs=1, batch=8, every=1, refresh_batches=1, bf16=False)
    nets = [train(images, labels, zoo.load("resnet20"), recipe, log=lambda _: None) for _ in range(2)]
    assert zeros(nets[0]) == pytest.approx(0.81, abs=1e-4)
    first, again = (net.state_dict() for net in nets)
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_the_trace_holds_the_zeros(tmp_path: Path) -> None:
    trace = open_trace(load_workload("resnet20_pruned", ["samples=1"]), cache=tmp_path)
    weights = [layer.weight.codes for layer in trace]
    share = sum(int(np.count_nonzero(w == 0)) for w in weights) / sum(w.size for w in weights)
    assert share >= zoo.card("resnet20_pruned")["zeros"]  # small weights may round to zero as well


@needs_data
def test_a_part_of_the_test_images_is_classified_as_well_as_the_card_says() -> None:
    from accelsim.zoo.training.resnet20 import accuracy

    images, labels = cifar.read(DATA, "test")
    card = zoo.card("resnet20_pruned")
    assert accuracy(zoo.load("resnet20_pruned"), images[::10], labels[::10]) == pytest.approx(card["value"], abs=0.03)
