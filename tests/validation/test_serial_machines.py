"""Speedups of the serial machines over DaDianNao beside the published ones, on the networks that can be had here.

The papers' networks (AlexNet to VGG-19, at profiled precisions of 5 to 13 bits of which software discards the rest) are
not available; SqueezeNet 1.1 at 9 and 10 bits of activations is the nearest stand-in. Nothing was tuned to these figures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import accelsim
from accelsim.accelerators.base import load_hardware
from accelsim.analyzers.profile import Profile, profile
from accelsim.layer import Layer
from accelsim.quantize import Quantization

Known = list[tuple[Layer, Profile]]


def captured(shared: Path, name: str, bits: int) -> Known:
    """Return the layers of a network of the reference data at `bits` bits of activations."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("PIL")
    from tests.realdata_inputs import imagenet, noisy, torchvision_like
    from tests.realdata_networks import load

    data = shared / "realdata" / "data"
    inputs = imagenet(data, torchvision_like, 1, 224) if name == "squeezenet1_1" else noisy(data, "L", 96)
    scheme = Quantization()
    scheme = scheme.model_copy(update={"activations": scheme.activations.model_copy(update={"bits": bits})})
    with torch.random.fork_rng(devices=[]):
        trace = accelsim.capture(load(shared, name), inputs, name=f"{name}-{bits}", quantization=scheme)
    return [(layer, profile([layer])) for layer in trace]


def cycles(layers: Known, name: str, *options: str) -> int:
    machine: Any = load_hardware(name, [f"accelerator.{option}" for option in options])
    return sum(machine.work(layer, known).cycles for layer, known in layers)


def speedups(layers: Known) -> dict[str, float]:
    base = cycles(layers, "dadiannao")
    machines = {
        "stripes": ("stripes",),
        "shapeshifter": ("shapeshifter",),
        "single stage": ("pragmatic", "first_stage_bits=4"),
        "2 bits": ("pragmatic",),
        "2 bits, 1 register": ("pragmatic", "column_registers=1"),
        "recoded, 1 register": ("pragmatic", "column_registers=1", "encoding=naf"),
        "diffy": ("diffy",),
    }
    return {label: base / cycles(layers, *machine) for label, machine in machines.items()}


def test_squeezenet_stands_where_the_papers_networks_do(shared: Path) -> None:
    """Stripes 1.30 to 4.51x, mean 1.92x (MICRO 2016); Bit-Pragmatic single stage 2.11 to 2.97x, mean 2.59x, with two
    stages and one register 3.06x, with improved offset encoding 4.31x (MICRO 2017). At 10 bits ours are 1.72, 2.67, 3.20
    and 4.27; at 9 bits they lie 12 to 15 % higher, as a shorter precision must.
    """
    found = speedups(captured(shared, "squeezenet1_1", 10))
    assert 1.30 <= found["stripes"] <= 4.51
    assert 2.11 <= found["single stage"] <= 2.97
    assert found["2 bits, 1 register"] == pytest.approx(3.06, rel=0.10)
    assert found["recoded, 1 register"] == pytest.approx(4.31, rel=0.10)
    shorter = speedups(captured(shared, "squeezenet1_1", 9))
    for label, ratio in found.items():
        assert 1.0 < shorter[label] / ratio < 1.2, label
    order = ("stripes", "shapeshifter", "2 bits", "2 bits, 1 register", "recoded, 1 register")
    ratios = [found[label] for label in order]
    assert ratios == sorted(ratios)


def test_differences_help_an_imaging_network(shared: Path) -> None:
    """Diffy is 1.41x faster than Bit-Pragmatic on five imaging CNNs at HD (MICRO 2018); ours 1.1 to 1.3x on a denoiser of
    small noisy crops, where neighbours differ more.
    """
    found = speedups(captured(shared, "dncnn_s25", 10))
    assert 1.05 < found["diffy"] / found["2 bits"] < 1.41
