"""Metadata beside operands: of every input of a batch, at the energy of the buffer of its own operand."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.layer import LayerShape
from accelsim.testing.account import measured, row_of
from accelsim.testing.layers import ALL_KINDS, layer_of

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


@pytest.mark.parametrize("name", ["shapeshifter", "cnvlutin", "bit_tactical_p", "cambricon_x", "eie", "eyeriss_v2"])
def test_metadata_costs_what_a_word_of_its_operand_costs(name: str) -> None:
    layer = layer_of("dilated", 0)
    machine, energies = machine_of(name), (("activation", 5.0), ("weight", 300.0), ("psum", 70_000.0))
    machine = machine.model_copy(
        update={"energy": machine.energy.model_copy(update={f"{role}_word_pj": pj for role, pj in energies})}
    )
    found, row = measured(machine, layer), row_of(machine, layer)
    apart = name not in ("eie", "eyeriss_v2")  # whose tables have the indices in the access of a word
    words = {
        role: found[f"{role}_reads"] + apart * found[f"{role}_metadata_bits"] / machine.word_bits
        for role in ("activation", "weight")
    }
    words["psum"] = found["psum_reads"] + found["psum_writes"] + found["output_writes"]
    assert found["activation_metadata_bits"] + found["weight_metadata_bits"] > 0
    assert row["energy_local_pj"] == pytest.approx(sum(words[role] * pj for role, pj in energies))
