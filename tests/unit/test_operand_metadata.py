"""Metadata beside operands: of every input of a batch, read with its words at the energy of their buffer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.layer import Layer, LayerShape
from accelsim.testing.account import measured, row_of
from accelsim.testing.layers import ALL_KINDS, layer_of

COSTS = {"activation": 5.0, "weight": 300.0, "psum": 70_000.0}
FIELDS = {"shapeshifter": [], "diffy": ["accelerator.backend=shapeshifter"]}


def machine_of(name: str, *settings: str) -> ArrayAccelerator:
    machine = load_hardware(name, [*FIELDS.get(name, []), *settings])
    assert isinstance(machine, ArrayAccelerator)
    return machine


def fields(shape: LayerShape, lanes: int) -> int:
    """Count the blocks of channels that a precision field belongs to, one by one."""
    depthwise = shape.C == 1 and shape.groups > 1
    groups = [range(shape.groups)] if depthwise else [range(shape.C)] * shape.groups
    blocks = [channel for channels in groups for channel in channels if channel % lanes == 0]
    return len(blocks) * int(np.prod([shape.steps, shape.N, shape.H, shape.W]))


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("name", FIELDS)
def test_every_stored_block_of_lanes_has_a_precision_field(name: str, kind: str) -> None:
    layer = layer_of(kind, 0)
    for batch in (1, 3):
        found = measured(machine_of(name, f"batch.size={batch}"), layer)
        assert found["activation_metadata_bits"] == 4 * batch * fields(layer.shape, 16)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_offsets_of_cnvlutin_are_those_of_every_input(kind: str) -> None:
    layer = layer_of(kind, 0)
    one, three = (
        measured(machine_of("cnvlutin", "accelerator.conventional=never", f"batch.size={batch}"), layer)
        for batch in (1, 3)
    )
    assert one["activation_metadata_bits"] == 16 * 4 * fields(layer.shape, 16)
    assert three["activation_metadata_bits"] == 3 * one["activation_metadata_bits"]


def test_eie_and_eyeriss_v2_have_indices_in_the_access_of_a_word() -> None:
    for name in ("eie", "eyeriss_v2"):
        found, row, machine = replayed(name, layer_of("dilated", 0))
        assert found["weight_metadata_bits"] > 0
        assert row["energy_local_pj"] == pytest.approx(local_pj(found, machine))


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(
    "name", ["shapeshifter", "cnvlutin", "bit_tactical_p", "cambricon_x", "ucnn", "sparse_tensor_core"]
)
def test_metadata_is_read_with_its_words_and_costs_as_much(name: str, batch: int) -> None:
    layer = layer_of("dilated", 0)  # 5 x 5 windows of 17 channels
    if name == "sparse_tensor_core":
        codes = layer.weight.codes.copy()
        codes[:, 2::4] = codes[:, 3::4] = 0  # two of four, everywhere
        layer = replace(layer, weight=replace(layer.weight, codes=codes))
    found, row, machine = replayed(name, layer, f"batch.size={batch}")
    words = {role: found[f"{role}_reads"] for role in ("activation", "weight")}
    bits = {
        "shapeshifter": (
            found["activation_metadata_bits"] * words["activation"] / (batch * layer.shape.activations),
            0,
        ),
        "cnvlutin": (found["activation_metadata_bits"] * words["activation"] / (batch * layer.shape.activations), 0),
        "bit_tactical_p": (0, 3 * words["weight"]),  # eight places that a weight may come from
        "cambricon_x": (0, 8 * words["weight"]),
        "ucnn": (0, 4 * batch * found["weight_metadata_bits"]),  # 25 windows in sets of eight lanes
        "sparse_tensor_core": (0, 2 * words["weight"]),
    }[name]
    assert max(bits) > 0
    assert row["energy_local_pj"] == pytest.approx(local_pj(found, machine, *bits))


def replayed(name: str, layer: Layer, *settings: str) -> tuple[dict[str, Any], dict[str, Any], ArrayAccelerator]:
    """Return what a machine measures, its row and the machine, whose local buffers cost 5, 300 and 70,000 pJ a word."""
    costs = (f"energy.{role}_word_pj={pj}" for role, pj in COSTS.items())
    machine = machine_of(name, *costs, *settings)
    return measured(machine, layer), row_of(machine, layer), machine


def local_pj(found: dict[str, Any], machine: ArrayAccelerator, activation: float = 0, weight: float = 0) -> float:
    """Return the energy of the words that are read or written, and of bits of metadata beside activations and weights."""
    words = {role: found[f"{role}_reads"] for role in ("activation", "weight")}
    words["psum"] = found["psum_reads"] + found["psum_writes"] + found["output_writes"]
    words["activation"] += activation / machine.word_bits
    words["weight"] += weight / machine.word_bits
    return sum(words[role] * pj for role, pj in COSTS.items())
