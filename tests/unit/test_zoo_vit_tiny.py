"""The small transformer of the zoo: attention products in its trace, what it learns from, its figure."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from accelsim import zoo
from accelsim.workload import load_workload, open_trace
from accelsim.zoo.data import cifar
from accelsim.zoo.recipes.vit_tiny import LABELS, targets
from tests.realdata.data import DATA, needs_data


def test_both_products_of_every_attention_are_captured(tmp_path: Path) -> None:
    trace = open_trace(load_workload("vit_tiny", ["samples=1"]), cache=tmp_path)
    assert trace.manifest["unsupported"] == []
    kinds = [record.shapes[0].kind for record in trace.layers]
    layers = len(zoo.load("vit_tiny").layers)
    assert (kinds.count("conv"), kinds.count("matmul")) == (3, 2 * layers)
    assert kinds.count("linear") == 6 * layers + 1


def test_targets_are_probabilities_that_favour_the_label() -> None:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (6, 3, 32, 32), generator=random, dtype=torch.uint8)
    labels = torch.arange(6)
    found = targets(zoo.load("resnet20"), images, labels, "cpu")
    assert found.shape == (6, 10)
    torch.testing.assert_close(found.sum(1), torch.ones(6))
    assert bool((found.gather(1, labels[:, None]) >= LABELS).all())


@needs_data
def test_a_part_of_the_test_images_is_classified_as_well_as_the_card_says() -> None:
    from accelsim.zoo.training.resnet20 import accuracy

    images, labels = cifar.read(DATA, "test")
    card = zoo.card("vit_tiny")
    assert accuracy(zoo.load("vit_tiny"), images[::5], labels[::5]) == pytest.approx(card["value"], abs=0.03)
