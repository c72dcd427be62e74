"""Energies in the YAMLs of machines are those of the tables that their sections name."""

from __future__ import annotations

import pytest

from accelsim import load_hardware
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.hardware.energy import load_energy, register_pj, scale_energy, sram_points

REGISTERS = {
    ("dadiannao", "psum_word_pj"): 16,
    ("sparten", "psum_word_pj"): 16,
    ("bit_fusion", "weight_word_pj"): 16,
    ("dcnn", "weight_word_pj"): 16,
    ("scnn", "weight_word_pj"): 20,
    ("scnn", "psum_word_pj"): 24,
    ("annotated", "psum_word_pj"): 32,
}
"""Energies that are said to be those of a register of so many bits."""

MAC_PJ = {"systolic": 3.89, "tpu_v1": 0.701}
"""Multiply-accumulate of 16 x 16 and of 8 x 8 bits, as the comments print it."""


def machine_of(name: str) -> ArrayAccelerator:
    machine = load_hardware(name)
    assert isinstance(machine, ArrayAccelerator)
    return machine


@pytest.mark.parametrize(("name", "key"), REGISTERS)
def test_registers_cost_what_aladdins_cost_in_the_node(name: str, key: str) -> None:
    energy = machine_of(name).energy
    assert energy.technology_nm is not None
    expected = register_pj(REGISTERS[name, key], energy.technology_nm)
    assert getattr(energy, key) == pytest.approx(expected, rel=0.025)  # printed to two or three digits


@pytest.mark.parametrize(("name", "registers"), [("systolic", 3), ("tpu_v1", 2)])
def test_a_systolic_element_is_a_multiplier_and_registers_of_16_bits(name: str, registers: int) -> None:
    energy = machine_of(name).energy
    assert energy.technology_nm is not None
    expected = MAC_PJ[name] + registers * register_pj(16, energy.technology_nm)
    assert energy.operation_pj == pytest.approx(expected, rel=3e-3)


def test_smaller_multipliers_are_scaled_between_nodes() -> None:
    assert scale_energy(1.06, 45.0, 32.0) == pytest.approx(MAC_PJ["tpu_v1"], rel=5e-3)


@pytest.mark.parametrize(
    ("name", "size", "width", "words"),
    [
        ("eyeriss_v2", 32768, 64, 8),
        ("bit_fusion", 32768, 64, 4),
        ("sparten", 2 << 20, 256, 16),
        ("systolic", 32768, 64, 4),
    ],
)
def test_a_word_of_a_buffer_is_its_share_of_an_access(name: str, size: int, width: int, words: int) -> None:
    machine = machine_of(name)
    (level,) = machine.memory.values()
    points = {tuple(row[:3]): row[3] for row in sram_points().points}
    assert level.word_pj == pytest.approx(points[machine.energy.technology_nm, size, width] / words, rel=5e-3)


def test_eie_spends_what_its_units_draw() -> None:
    energy, table = machine_of("eie").energy, load_energy("eie_45nm")
    assert energy.operation_pj == pytest.approx(
        sum(table.pj(name) for name in ("arithmetic", "pointer_read", "activation_queue")), rel=1e-3
    )
    assert energy.weight_word_pj == pytest.approx(table.pj("matrix_read"), rel=1e-3)
    assert 2 * energy.psum_word_pj == pytest.approx(table.pj("activation_registers"), rel=3e-3)
