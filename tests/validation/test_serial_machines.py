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
from accelsim.analyzers.potential import potential, summarise
from accelsim.analyzers.profile import Profile, profile
from accelsim.layer import Layer
from accelsim.quantize import Quantization
from accelsim.trace import Trace

Known = list[tuple[Layer, Profile]]


def trace_of(shared: Path, name: str, bits: int, weight_bits: int = 16) -> Trace:
    """Return a network of the reference data at `bits` bits of activations and `weight_bits` of weights."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("PIL")
    from tests.realdata.inputs import imagenet, noisy, torchvision_like
    from tests.realdata.networks import load

    data = shared / "realdata" / "data"
    inputs = imagenet(data, torchvision_like, 1, 224) if name.startswith("squeezenet") else noisy(data, "L", 96)
    plain = Quantization()
    widths = {"activations": bits, "weights": weight_bits}
    scheme = plain.model_copy(update={r: getattr(plain, r).model_copy(update={"bits": n}) for r, n in widths.items()})
    with torch.random.fork_rng(devices=[]):
        return accelsim.capture(load(shared, name), inputs, name=f"{name}-{bits}-{weight_bits}", quantization=scheme)


def captured(shared: Path, name: str, bits: int) -> Known:
    """Return the layers of a network with their profiles."""
    return [(layer, profile([layer])) for layer in trace_of(shared, name, bits)]


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


@pytest.mark.slow
def test_terms_of_both_operands_leave_a_fortieth_of_the_work(shared: Path) -> None:
    """Laconic's potential is at least 40x over networks of 8 and 16 bits (arXiv 1805.04513), two orders of magnitude where
    weights are pruned; ours is 50x on SqueezeNet 1.1 at 10 bits and 149x on the pruned SqueezeNet 1.0 at 8 bits.
    """
    for name, bits, least in (("squeezenet1_1", 10, 40), ("squeezenet1_0_deepcompressed", 8, 100)):
        table = summarise(potential(trace_of(shared, name, bits, bits)))
        row = table[(table["property"] == "We+Ae") & (table["encoding"] == "ones")].iloc[0]
        assert row["potential_speedup"] >= least


@pytest.mark.slow
def test_schedules_gain_on_a_pruned_network(shared: Path) -> None:
    """Bit-Tactical is 6.7x (TCLp) and 11.3x (TCLe) faster than the dense machine on networks with about a tenth of the weights
    left (ASPLOS 2019); on SqueezeNet 1.0 with a third of them ours are 2.6x and 3.4x. A lookahead of two can gain at most 3x
    over the back end; 16 filters in step gain 1.3x.
    """
    layers = captured(shared, "squeezenet1_0_deepcompressed", 10)
    base = cycles(layers, "dadiannao")
    found = {name: base / cycles(layers, name) for name in ("bit_tactical", "bit_tactical_p", "bit_tactical_e")}
    backs = {
        "bit_tactical_p": base / cycles(layers, "shapeshifter"),
        "bit_tactical_e": base / cycles(layers, "pragmatic"),
    }
    assert 1.2 < found["bit_tactical"] < 3
    assert 2 < found["bit_tactical_p"] < 6.7
    assert found["bit_tactical_p"] < found["bit_tactical_e"] < 11.3
    for name, back in backs.items():
        assert back < found[name] < 3 * back
