"""Laws of the energy models: larger never costs less, scaling composes, parts sum, bands hold what they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.errors import ConfigError
from accelsim.hardware.energy import (
    Band,
    add_pj,
    dram_kinds,
    dram_pj_per_bit,
    energy_band,
    multiply_pj,
    register_pj,
    scale_energy,
    scaling_rule,
    sram_leakage_mw,
    sram_pj,
)

sizes = st.floats(16, 2**26)
widths = st.floats(1, 2048)
sram_nodes = st.floats(7, 90)
nodes = st.floats(7, 130)
bits = st.integers(1, 64)
volts = st.floats(0.6, 1.2)


@given(sizes, sizes, widths, widths, sram_nodes, st.booleans())
def test_a_larger_or_wider_sram_never_costs_less(
    one: float, other: float, narrow: float, wide: float, node: float, write: bool
) -> None:
    (small, large), (narrow, wide) = sorted((one, other)), sorted((narrow, wide))
    base = sram_pj(small, narrow, node, write)
    assert 0 < base <= sram_pj(large, narrow, node, write)
    assert base <= sram_pj(small, wide, node, write)
    assert sram_leakage_mw(small, node) <= sram_leakage_mw(large, node)


@given(sizes, widths, st.tuples(sram_nodes, sram_nodes), st.booleans())
def test_an_sram_access_never_costs_less_in_an_older_node(
    size: float, width: float, pair: tuple[float, float], write: bool
) -> None:
    newer, older = sorted(pair)
    assert sram_pj(size, width, newer, write) <= sram_pj(size, width, older, write) * (1 + 1e-12)


@given(st.lists(sizes, min_size=1, max_size=20), widths, sram_nodes)
def test_an_array_of_sizes_gives_what_each_size_gives(many: list[float], width: float, node: float) -> None:
    together = sram_pj(np.array(many), width, node)
    assert together == pytest.approx([sram_pj(size, width, node) for size in many], rel=1e-12)


@given(st.floats(0, 1e9), nodes, nodes, nodes)
def test_scaling_is_transitive_and_the_identity_at_home(pj: float, a: float, b: float, c: float) -> None:
    assert scale_energy(pj, a, a) == pj
    assert scale_energy(scale_energy(pj, a, b), b, c) == pytest.approx(scale_energy(pj, a, c), rel=1e-12)


@given(nodes, nodes, volts, volts)
def test_a_newer_node_and_a_lower_voltage_never_cost_more(a: float, b: float, low: float, high: float) -> None:
    (new, old), (low, high) = sorted((a, b)), sorted((low, high))
    assert scale_energy(1.0, old, new, high, high) <= 1 + 1e-12
    assert scale_energy(1.0, old, old, high, low) <= 1 + 1e-12


@pytest.mark.parametrize("node", [6.9, 130.5])
def test_a_node_outside_the_rule_is_refused(node: float) -> None:
    with pytest.raises(ConfigError, match="outside the rule"):
        scale_energy(1.0, node, node)
    with pytest.raises(ConfigError, match="outside the SRAM model"):
        sram_pj(1024, 64, node)
    with pytest.raises(ConfigError, match="V is outside the rule"):
        scale_energy(1.0, 45, 32, 2.5)


@given(bits, bits, bits, nodes)
def test_arithmetic_rises_with_the_width(a: int, b: int, more: int, node: float) -> None:
    assert multiply_pj(a, b, node) == multiply_pj(b, a, node)
    assert 0 < multiply_pj(a, b, node) < multiply_pj(a + more, b, node)
    assert 0 < add_pj(a, node) < add_pj(a + more, node)
    assert register_pj(a, node) + register_pj(b, node) == pytest.approx(register_pj(a + b, node))
    for table in ("aladdin_40nm", "horowitz_45nm"):
        assert multiply_pj(a, b, node, table) < multiply_pj(a + more, b, node, table)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=9), st.floats(0, 1e6))
def test_a_band_holds_what_it_is_made_of(values: list[float], amount: float) -> None:
    band = Band.of(values)
    assert (band.low, band.high) == (min(values), max(values))
    assert sum(v <= band.nominal * (1 + 1e-9) for v in values) * 2 >= len(values)
    assert sum(v >= band.nominal * (1 - 1e-9) for v in values) * 2 >= len(values)
    assert Band.of(v * amount for v in values).high == pytest.approx(band.times(amount).high)


@given(st.sampled_from(dram_kinds()), st.floats(0, 1e6), st.floats(0, 1e9), st.floats(0.1, 200))
def test_the_band_of_a_row_holds_its_own_energy(kind: str, dram_bytes: float, on_chip: float, per_bit: float) -> None:
    own = 8 * dram_bytes * per_bit
    row = {"energy_pj": on_chip + own, "energy_dram_pj": own, "dram_bytes": dram_bytes}
    band, said = energy_band(row, kind), dram_pj_per_bit(kind)
    assert band.nominal == row["energy_pj"]
    assert band.low == pytest.approx(on_chip + 8 * dram_bytes * min(said.low, per_bit), abs=1e-3)
    assert band.high == pytest.approx(on_chip + 8 * dram_bytes * max(said.high, per_bit), abs=1e-3)


def test_relative_energies_of_the_rule_fall_from_node_to_node() -> None:
    rule = scaling_rule()
    for volt in np.linspace(rule.lowest_volt, rule.highest_volt, 25):
        energies = [node.at(float(volt)) for node in sorted(rule.nodes, key=lambda n: n.technology_nm)]
        assert energies == sorted(energies)
        assert energies[0] > 0
