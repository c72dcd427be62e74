"""Counting parameters, MACs and activations: every rule of both conventions on networks counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from accelsim.compactness import Compactness, compactness, operations
from accelsim.compactness.footprint import live_values
from accelsim.errors import InputError, UnknownNameError

torch = pytest.importorskip("torch")
nn = torch.nn

SHAPE = (1, 3, 8, 8)
INPUT = 3 * 8 * 8


class Residual(nn.Module):
    """x -> conv -> norm -> relu = y; relu(y + conv(y)); the mean of it all."""

    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4)
        self.second, self.relu = nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(inplace)

    def forward(self, x: Any) -> Any:
        y = self.relu(self.norm(self.first(x)))
        return self.relu(self.second(y) + y).mean((2, 3))


class Dense(nn.Module):
    """Concatenates x with a convolution of its normalised self: x is read after the normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1)

    def forward(self, x: Any) -> Any:
        return torch.cat([x, self.conv(self.norm(x).relu_())], 1)


def counts(module: Any, convention: str, *inputs: Any) -> tuple[int, int, int]:
    found = compactness(module, *(inputs or (SHAPE,)), convention=convention)
    return found.parameters, found.activations, found.macs


@pytest.mark.parametrize("inplace", [True, False])
def test_layers_in_place_count_under_netscope_alone_however_they_are_written(inplace: bool) -> None:
    net = Residual(inplace)
    learned, values, macs = 12 + 8 + 4 * 37, 4 * 64, 64 * (12 + 4 * 36)
    # conv, BatchNorm, Scale, ReLU, conv, sum, ReLU and the mean; Scale multiplies once a value
    assert counts(net, "netscope") == (learned, INPUT + 7 * values + 4, macs + values)
    # both convolutions, the sum and the mean
    assert counts(net, "unique-tensors") == (learned, INPUT + 3 * values + 4, macs)


def test_a_layer_cannot_write_over_what_is_read_later() -> None:
    # the normalisation needs memory of its own, the ReLU after it none
    assert counts(Dense(), "unique-tensors") == (14, INPUT + INPUT + 2 * 64 + 5 * 64, 64 * 6)
    assert counts(Dense(), "netscope") == (14, INPUT + 3 * INPUT + 2 * 64 + 5 * 64, 64 * 6 + INPUT)


def test_what_the_network_returns_is_not_written_over() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.last = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 1, 1)

        def forward(self, x: Any) -> dict[str, Any]:
            y = self.conv(x)
            return {"before": y, "after": [self.last(torch.relu(y))]}

    steps = operations(Both(), SHAPE)
    assert [(step.kind, step.stored, step.returned) for step in steps[1:]] == [
        ("conv2d", True, True), ("relu", True, False), ("conv2d", True, True),
    ]  # fmt: skip
    assert live_values(steps) == [INPUT, INPUT + 256, 256 + 256, 256 + 256 + 64]


def test_response_normalisation_has_two_parameters_and_a_mac_per_channel_of_its_window() -> None:
    net = nn.Sequential(nn.LocalResponseNorm(5), nn.Dropout(), nn.Flatten(), nn.Linear(INPUT, 10), nn.Softmax(1))
    learned = 11 * INPUT - INPUT + 10
    assert counts(net, "netscope") == (learned + 2, 3 * INPUT + 20, 10 * INPUT + 5 * INPUT)
    assert counts(net, "unique-tensors") == (learned, 2 * INPUT + 20, 10 * INPUT)


def test_a_normalisation_without_factors_is_one_layer() -> None:
    net = nn.BatchNorm2d(3, affine=False)
    assert counts(net, "netscope") == (0, 2 * INPUT, 0)


def test_grouped_and_transposed_convolutions_and_attention_products() -> None:
    grouped = nn.Conv2d(4, 8, 3, groups=2, bias=False)
    assert counts(grouped, "unique-tensors", (1, 4, 5, 5)) == (8 * 2 * 9, 100 + 72, 9 * 8 * 18)
    transposed = nn.ConvTranspose2d(3, 2, 2, stride=2, bias=False)
    assert counts(transposed, "unique-tensors")[1:] == (INPUT + 2 * 256, 64 * 3 * 2 * 4)

    class Product(nn.Module):
        def forward(self, a: Any, b: Any) -> Any:
            return (a @ b.transpose(1, 2)).softmax(-1)

    assert counts(Product(), "unique-tensors", (2, 4, 6), (2, 5, 6)) == (0, 48 + 60 + 40 + 40, 2 * 4 * 5 * 6)


def test_views_and_pieces_add_nothing() -> None:
    class Pieces(nn.Module):
        def forward(self, x: Any) -> Any:
            first, second = x.flatten(2).chunk(2, dim=2)
            return first[:, :, 1:].unsqueeze(0) + second[:, :, 1:]

    assert [(step.kind, step.outputs) for step in operations(Pieces(), SHAPE)] == [("input", INPUT), ("add", 93)]


def test_the_module_is_neither_run_nor_changed() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.device("meta"):
        weightless = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    assert compactness(net, SHAPE) == compactness(net, torch.ones(SHAPE)) == compactness(weightless, SHAPE)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(part.training for part in net.modules())


def test_ratios_follow_from_the_counts() -> None:
    found = Compactness("netscope", parameters=2, activations=6, macs=48)
    assert (found.macs_per_parameter, found.macs_per_activation) == (24, 8)
    assert (found.activations_per_parameter, found.arithmetic_intensity) == (3, 6)


def test_an_unknown_convention_is_named_before_anything_runs() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'netscope'"):
        compactness(nn.Identity(), SHAPE, convention="netscop")


def test_a_network_that_must_see_values_is_refused() -> None:
    class Branching(nn.Module):
        def forward(self, x: Any) -> Any:
            return x if x.sum() > 0 else -x

    for net in (Branching(), nn.Linear(5, 5)):
        with pytest.raises(InputError, match=f"{type(net).__name__} cannot be counted on shapes alone"):
            compactness(net, SHAPE)
