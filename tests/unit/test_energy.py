"""Energy tables and models: every number has a source, published anchors come back, the fit is as far off as stated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accelsim import catalogue, strictyaml
from accelsim.cli import invoke
from accelsim.columns import COLUMNS
from accelsim.errors import ConfigError, InputError, UnknownNameError
from accelsim.hardware.energy import (
    Band,
    EnergyTable,
    add_band,
    add_pj,
    dram_figures,
    dram_kinds,
    dram_pj_per_bit,
    energy_band,
    load_energy,
    multiply_band,
    multiply_pj,
    register_pj,
    scale_energy,
    sram_beyond,
    sram_fits,
    sram_leakage_mw,
    sram_pj,
    sram_points,
)
from accelsim.hardware.energy.sram import fit_power_law
from accelsim.report.text.energy import energy_names

DOCS = Path(__file__).resolve().parents[2] / "docs" / "energy.md"


@pytest.mark.parametrize("name", catalogue.names("energy"))
def test_every_number_of_a_table_has_a_source(name: str) -> None:
    table = load_energy(name)
    assert table.name == name
    assert len(table.source) > 10
    assert all(action.source for action in table.actions.values())
    assert table.technology_nm or table.is_relative or name.startswith("tetris")


def test_every_number_of_a_model_has_a_source() -> None:
    for path in sorted((catalogue.folder("energy") / "models").glob("*.yaml")):
        document = strictyaml.read(path)
        assert document.data["source"], path
    assert all(len(figure.source) > 10 for figures in dram_figures().values() for figure in figures)
    assert all(band.sources for band in map(dram_pj_per_bit, dram_kinds()))


def test_horowitz_figures_come_back() -> None:
    assert [add_pj(bits, 45) for bits in (8, 16, 32)] == pytest.approx([0.03, 0.05, 0.1], rel=1e-12)
    assert [multiply_pj(bits, bits, 45) for bits in (8, 32)] == pytest.approx([0.2, 3.1], rel=1e-12)
    assert add_pj(24, 45) == pytest.approx(0.075)  # half way between 16 and 32 bits
    assert add_pj(4, 45) == pytest.approx(0.015)
    assert add_pj(64, 45) == pytest.approx(0.2)
    assert multiply_pj(16, 16, 45) == pytest.approx(0.8, rel=0.02)  # the square of the width would give 0.8
    assert load_energy("horowitz_45nm").pj("dram") == 1300.0
    assert load_energy("horowitz_45nm").volt == 0.9


def test_components_of_the_shipped_machines_come_back() -> None:
    """The 65, 22 and 7 nm figures of hwcomponents 1.0.114 for the same tables and the same rule."""
    assert [register_pj(16, node) for node in (65, 22, 7)] == pytest.approx([0.206, 0.049, 0.016], abs=5e-4)
    thirty_two = [add_pj(32, node, "aladdin_40nm") for node in (65, 45, 40, 32, 22, 16, 7)]
    assert thirty_two == pytest.approx([0.300, 0.242, 0.210, 0.159, 0.071, 0.042, 0.023], abs=5e-4)
    assert multiply_pj(16, 1, 65, "aladdin_40nm") == pytest.approx(0.283, abs=5e-4)


def test_voltage_lowers_energy_as_the_polynomials_say() -> None:
    at = {nm: (3.755 * v * v - 4.398 * v + 1.975) for nm, v in ((65, 1.1),)}
    to = 0.2958 * 0.85**2 - 0.1241 * 0.85 + 0.03024
    assert scale_energy(2.0, 65, 16, 1.1, 0.85) == pytest.approx(2.0 * to / at[65], rel=1e-12)


@pytest.mark.parametrize(
    ("column", "node", "rms", "worst"),
    [
        ("read_pj", 90, 0.243, 2.07),
        ("read_pj", 65, 0.246, 2.00),
        ("read_pj", 45, 0.197, 1.89),
        ("read_pj", 32, 0.199, 1.72),
        ("read_pj", 22, 0.159, 1.54),
        ("write_pj", 90, 0.111, 1.37),
        ("write_pj", 65, 0.121, 1.43),
        ("write_pj", 45, 0.089, 1.23),
        ("write_pj", 32, 0.097, 1.25),
        ("write_pj", 22, 0.093, 1.19),
        ("leakage_mw", 90, 0.077, 1.24),
        ("leakage_mw", 65, 0.078, 1.14),
        ("leakage_mw", 45, 0.047, 1.10),
        ("leakage_mw", 32, 0.060, 1.13),
        ("leakage_mw", 22, 0.090, 1.21),
    ],
)
def test_the_fit_is_as_far_from_its_points_as_stated(column: str, node: float, rms: float, worst: float) -> None:
    points = sram_points()
    here = points.column("technology_nm") == node
    sizes, widths = points.column("size_bytes")[here], points.column("width_bits")[here]
    if column == "leakage_mw":
        model = sram_leakage_mw(sizes, node)
    else:
        model = sram_pj(sizes, widths, node, write=column == "write_pj")
    errors = np.log(model / points.column(column)[here])
    assert float(np.sqrt(np.mean(errors**2))) == pytest.approx(rms, abs=6e-4)
    assert float(np.exp(np.abs(errors).max())) == pytest.approx(worst, abs=6e-3)
    law = sram_fits(column)[node]
    assert (law.rms, law.worst) == pytest.approx((rms, worst), abs=6e-3)
    assert abs(float(np.mean(errors))) < 1e-9  # least squares leave no bias


def test_a_power_law_finds_the_law_it_was_made_from() -> None:
    sizes, widths = np.meshgrid([1e3, 1e4, 1e6], [32.0, 64.0, 512.0])
    law = fit_power_law(sizes.ravel(), widths.ravel(), (0.01 * sizes**0.5 * widths**0.7).ravel())
    assert (np.exp(law.ln_factor), law.by_size, law.by_width) == pytest.approx((0.01, 0.5, 0.7))
    assert (law.rms, law.worst) == pytest.approx((0.0, 1.0), abs=1e-9)
    with pytest.raises(ConfigError, match="fall with size"):
        fit_power_law(sizes.ravel(), widths.ravel(), (1 / sizes).ravel())


@pytest.mark.parametrize(
    ("name", "action", "node"),
    [
        ("horowitz_45nm", "sram_8KiB", 45),
        ("horowitz_45nm", "sram_32KiB", 45),
        ("horowitz_45nm", "sram_1MiB", 45),
        ("sparseloop_eyeriss", "weight_scratchpad_read", 45),
        ("sparseloop_eyeriss", "global_buffer_read", 45),
        ("eyeriss_isscc2016", "global_buffer", 65),
    ],
)
def test_the_sram_model_is_within_a_factor_of_two_of_published_points(name: str, action: str, node: float) -> None:
    published = load_energy(name).actions[action]
    model = sram_pj(published.size_bytes or 0, published.bits, node)
    assert 0.5 < model / published.value < 2


def test_sram_outside_its_points_is_said() -> None:
    assert sram_beyond(32768, 64) == ""
    assert "100 bytes, fitted from 1024" in sram_beyond([100], 64)
    assert "8 to 64 bits wide" in sram_beyond(2048, [8, 64])
    with pytest.raises(ConfigError, match="above zero"):
        sram_pj([1024, 0], 64, 45)
    assert sram_pj(32768, 64, 16) == pytest.approx(sram_pj(32768, 64, 22) * (16 / 22) ** 0.5)


def test_currents_of_a_device_give_its_figure() -> None:
    (device,) = [f for f in dram_figures()["ddr4"] if f.volt is not None]
    assert device.low == pytest.approx(1.2 * 168 * 4 * 0.63 / 64)  # four clocks of 0.63 ns for 8 x 8 bits
    assert device.high == device.low


def test_dram_bands_span_the_sources() -> None:
    ddr3 = dram_pj_per_bit("ddr3")
    assert (ddr3.low, ddr3.high) == (9.0, 70.0)
    assert ddr3.nominal == pytest.approx((54 * 70) ** 0.5)  # of those that count the pins
    assert ddr3.spread > 7
    assert "pins alone" not in " ".join(dram_pj_per_bit("lpddr3").sources)
    assert dram_pj_per_bit("lpddr3").low == pytest.approx(1.2 * 250 * 5 / 256)
    with pytest.raises(UnknownNameError, match="did you mean"):
        dram_pj_per_bit("lpddr")


def test_the_band_of_a_row() -> None:
    row = {"energy_pj": 1000.0, "energy_dram_pj": 600.0, "dram_bytes": 5.0}  # 15 pJ a bit
    band = energy_band(row, "ddr3")
    assert (band.low, band.nominal, band.high) == (400 + 40 * 9, 1000, 400 + 40 * 70)
    with pytest.raises(InputError, match="dram_bytes"):
        energy_band({"energy_pj": 1.0, "energy_dram_pj": 1.0}, "ddr3")
    with pytest.raises(ValueError, match="not low, nominal and high"):
        Band(low=2, nominal=1, high=3)


def test_tables_disagree_and_the_bands_say_so() -> None:
    assert multiply_band(8, 8, 45).spread == pytest.approx(4.56, abs=0.01)
    assert add_band(32, 45).spread == pytest.approx(2.42, abs=0.01)
    assert multiply_band(8, 8, 45).nominal == multiply_pj(8, 8, 45)


def test_a_relative_table_needs_a_unit() -> None:
    eyeriss = load_energy("eyeriss_relative")
    with pytest.raises(ConfigError, match="counts in units of one 16-bit multiply-accumulate"):
        eyeriss.pj("dram")
    assert eyeriss.anchored(2.0).pj("dram") == 400.0
    with pytest.raises(ConfigError, match="already"):
        eyeriss.anchored(2.0).anchored(2.0)


def test_a_table_moves_to_another_node_without_its_dram() -> None:
    chip = load_energy("eyeriss_isscc2016")
    moved = chip.at(45)
    assert moved.technology_nm == 45
    assert moved.pj("dram") == chip.pj("dram")
    assert moved.pj("mac") == pytest.approx(scale_energy(2.0, 65, 45))
    with pytest.raises(ConfigError, match="cannot be scaled"):
        load_energy("tetris_planar").at(45)
    with pytest.raises(UnknownNameError, match="did you mean 'dram'"):
        chip.pj("drm")


def test_a_wrong_table_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\ndescription: x\nsource: assumed\nactions:\n  mac: {part: mac, bits: 8, pj: 1.0, relative: 2.0}\n"
    )
    with pytest.raises(ConfigError, match=r"mine\.yaml:5.*give pj or relative"):
        load_energy(str(path))
    path.write_text("name: mine\ndescription: x\nactions:\n  mac: {part: mac, bits: 8, pj: 1.0}\n")
    with pytest.raises(ConfigError, match="source: required key is missing"):
        load_energy(str(path))


def test_the_table_of_a_machine_still_scales() -> None:
    table = EnergyTable(
        word_bits=16, mac_pj=2.0, scratchpad_pj=1.0, array_pj=4.0, global_buffer_pj=15.0, dram_pj=460.0,
        static_mw=30.0, gated_fraction=0.0, source="assumed",
    )  # fmt: skip
    assert table.scaled(8).mac_pj == 0.5
    assert table.scaled(8).dram_pj == 230.0


def test_list_and_explain_name_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["list", "energy"]) == 0
    listed = capsys.readouterr().out
    for name in (*catalogue.names("energy"), *dram_kinds(), "sram", "scaling"):
        assert f"\n{name} " in f"\n{listed}", name
        assert invoke(["explain", name]) == 0
        assert len(capsys.readouterr().out.splitlines()) >= 2
    assert not set(energy_names()) & set(COLUMNS)  # explain takes both
    assert invoke(["explain", "horowitz"]) == 4
    assert "did you mean 'horowitz_45nm'" in capsys.readouterr().err


def test_the_page_shows_what_the_models_give() -> None:
    """Every row of the tables in docs/energy.md that names a point or a kind of DRAM is recomputed."""
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in DOCS.read_text().splitlines() if "|" in line]
    points = [r for r in rows if r[0].startswith("`") and "." in r[0]]
    assert len(points) >= 8
    for label, node, size, width, published, model, ratio in points:
        table, name = label.strip("`").split(".")
        action = load_energy(table).actions[name]
        assert float(published) == action.value
        assert (int(width), float(node)) == (action.bits, load_energy(table).technology_nm)
        expected = sram_pj(action.size_bytes or 0, action.bits, float(node), write=name.endswith("write"))
        assert float(model) == pytest.approx(expected, rel=6e-3), size
        assert float(ratio) == pytest.approx(expected / action.value, abs=6e-3)
    bands = [r for r in rows if r[0].strip("`") in dram_kinds()]
    assert {r[0].strip("`") for r in bands} == set(dram_kinds())
    for kind, low, nominal, high, *_ in bands:
        band = dram_pj_per_bit(kind.strip("`"))
        assert [float(low), float(nominal), float(high)] == pytest.approx([band.low, band.nominal, band.high], rel=6e-3)
