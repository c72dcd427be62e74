"""Report and figures: what is drawn adds up to what was simulated, pages stand alone, files have the width of a column."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest

from accelsim.cli import invoke
from accelsim.errors import ConfigError, InputError, UnknownNameError
from accelsim.report import palette
from accelsim.report.charts import KINDS, RUN_KINDS, figures
from accelsim.report.charts import files as paper
from accelsim.report.charts.account import account_table, losses_table, potential_table
from accelsim.report.charts.figure import SCHEMA
from accelsim.report.charts.layers import energy_table, time_table, traffic_table
from accelsim.report.charts.roofline import roofline, roofline_table
from accelsim.report.charts.study import front_table
from accelsim.report.charts.study import pareto as pareto_figures
from accelsim.report.charts.study import sweep as sweep_figures
from accelsim.report.charts.values import bits_table, heatmap, shares_table
from accelsim.report.figures import drawing
from accelsim.report.folders import Results, Run, Study, load
from accelsim.report.page import html
from accelsim.report.page.cards import cards
from accelsim.report.page.tables import tables
from accelsim.results import RunResult
from tests.report_runs import LAYERS, network, results


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return results(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def loaded(folders: dict[str, Path]) -> Results:
    return load([folders[name] for name in ("eyeriss", "compare", "sweep")])


@pytest.fixture(scope="module")
def page(loaded: Results) -> str:
    return html.page(loaded)


def by_run(loaded: Results) -> dict[str, Run]:
    return {run.label: run for run in loaded.runs}


def test_a_run_beside_a_comparison_is_no_part_of_it(folders: dict[str, Path]) -> None:
    own, held = cards(load([folders["pragmatic"]]))[0], cards(load([folders["compare"]]))
    beside = cards(load([folders["pragmatic"], folders["compare"]]))
    assert "over dadiannao" not in own.figures[0].against
    assert beside[0].figures == own.figures
    assert ["over dadiannao" in card.figures[0].against for card in beside[1:]] == [False, True, True]
    assert [card.figures for card in beside[1:]] == [card.figures for card in held]


def test_runs_are_those_that_were_written(folders: dict[str, Path], loaded: Results) -> None:
    assert [run.label for run in loaded.runs] == ["eyeriss", "dadiannao", "stripes", "pragmatic"]
    eyeriss = RunResult.read(folders["eyeriss"])
    for name in ("energy_pj", "dram_bytes", "total_cycles", "macs"):
        assert by_run(loaded)["eyeriss"].total(name) == pytest.approx(eyeriss.total(name) / eyeriss.info["batch"])


def test_a_machine_alone_and_in_a_comparison_tells_the_same(folders: dict[str, Path], loaded: Results) -> None:
    alone = load([folders["pragmatic"]]).runs[0]
    both = replace(by_run(loaded)["pragmatic"])
    for name in ("macs", "compute_cycles", "slots_busy"):
        assert alone.layers[name].sum() / alone.total("macs") > 0
        assert set(alone.layers["layer"]) == set(both.layers["layer"]) == set(LAYERS)
    assert alone.shares is not None
    assert both.shares is not None
    pd.testing.assert_series_equal(alone.shares["A"].reset_index(drop=True), both.shares["A"].reset_index(drop=True))


def test_parts_of_time_and_energy_and_traffic_add_up(loaded: Results) -> None:
    time, energy, traffic = time_table(loaded.runs), energy_table(loaded.runs), traffic_table(loaded.runs)
    for label, run in by_run(loaded).items():
        for table, value, column, scale in (
            (time, "time_s", "time_s", 1.0), (time, "cycles", "total_cycles", 1.0), (energy, "energy_j", "energy_pj", 1e-12),
            (traffic, "bytes", "dram_bytes", 1.0),
        ):  # fmt: skip
            drawn = table[table["run"].eq(label)].groupby("layer")[value].sum()
            own = run.layers.set_index("layer")[column] * scale
            assert drawn.to_dict() == pytest.approx(own.to_dict(), rel=1e-9), (label, value)


def test_partial_sums_in_dram_are_drawn_once(tmp_path: Path) -> None:
    net, small = str(network(tmp_path / "net")), "memory.buffer.partitions"
    keys = [f"{small}.weight=256", f"{small}.activation=128"]
    assert invoke(["run", "--quiet", "--hw", "stripes", "--workload", net, "--set", *keys, "--out", str(tmp_path)]) == 0
    run = load([tmp_path]).runs[0]
    drawn = traffic_table([run]).groupby("operand")["bytes"].sum()
    assert drawn["partial sum"] == run.total("dram_psum_bytes") > 0
    assert drawn["output"] + drawn["partial sum"] == run.total("dram_output_bytes")
    assert drawn.sum() == pytest.approx(run.total("dram_bytes"))


def test_the_account_is_complete_and_losses_add_up_to_the_time(loaded: Results) -> None:
    table = account_table(loaded.runs)
    assert set(table["run"]) == {"dadiannao", "stripes", "pragmatic"}
    assert table.groupby(["run", "layer"])["share"].sum().tolist() == pytest.approx([1.0] * 12)
    losses = losses_table(loaded.runs)
    for label in ("dadiannao", "stripes", "pragmatic"):
        own = losses[losses["run"].eq(label) & losses["cause"].ne("without skipping")]
        assert own["cycles"].sum() == pytest.approx(by_run(loaded)[label].total("total_cycles"))


def test_stages_fall_from_what_values_allow_to_the_array(loaded: Results) -> None:
    stages = potential_table(loaded.runs).set_index(["run", "stage"])["speedup"]
    assert stages["pragmatic", "lanes never waiting"] >= stages["pragmatic", "array alone"] >= 1
    run = by_run(loaded)["pragmatic"]
    assert run.exploited is not None
    work = run.exploited[["work", "baseline_work"]].sum()
    assert stages["pragmatic", "potential of the values"] == pytest.approx(work["baseline_work"] / work["work"])
    assert stages["pragmatic", "with memory"] == pytest.approx(run.total("baseline_cycles") / run.total("total_cycles"))


def test_without_skipping_no_layer_is_above_its_roof(loaded: Results) -> None:
    table = roofline_table([by_run(loaded)["dadiannao"], by_run(loaded)["eyeriss"]])
    for label, own in table.groupby("run"):
        peak = by_run(loaded)[str(label)].peak
        points = own[own["what"].eq("layer")]
        assert len(points) == len(LAYERS)
        roof = (points["macs_per_byte"] * peak["dram_bytes_per_second"]).clip(upper=peak["macs_per_second"])
        assert (points["macs_per_second"] <= roof * (1 + 1e-9)).all()


def test_layers_without_traffic_are_said_to_be_missing_below_the_roof(loaded: Results) -> None:
    run = by_run(loaded)["dadiannao"]
    assert "no place here" not in roofline([run])[0].note
    layers = run.layers.assign(dram_bytes=[0, *run.layers["dram_bytes"][1:]])
    assert roofline([replace(run, layers=layers)])[0].note.endswith("have no place here: 1.")


def test_shares_and_bits_are_those_of_the_values(folders: dict[str, Path], loaded: Results) -> None:
    shares = shares_table(loaded.runs)
    assert shares["share"].between(0, 1).all()
    assert set(shares["layer"]) == {*LAYERS, "total"}
    bits = bits_table(loaded.runs).set_index(["layer", "operand", "bit"])
    for layer in LAYERS:
        for operand, stem in (("activation", f"act-{layer}-0"), ("weight", f"wgt-{layer}")):
            values = np.abs(np.load(folders["eyeriss"].parent / "net" / f"{stem}.npy").astype(int))
            for bit in (0, 3, 8):
                row = bits.loc[(layer, operand, bit)]
                assert (row["bit_values"], row["bit_set_values"]) == (values.size, int(((values >> bit) & 1).sum()))


def test_shares_name_the_words_that_they_are_of(loaded: Results) -> None:
    run = next(run for run in loaded.runs if run.shares is not None)
    other = replace(run, workload="other", hardware={**run.hardware, "word_bits": 8})
    assert "share of 16-bit x 16-bit work" in heatmap([run])[0].note
    assert f"n: 16 ({run.workload}), 8 (other)" in heatmap([run, other])[0].note


def test_a_front_is_what_no_point_beats(loaded: Results) -> None:
    table = front_table(loaded.studies[0], "time_s", "energy_pj")
    assert len(table) == 30
    for _, own in table.groupby("line"):
        points = own[["x", "y"]].to_numpy()
        for (x, y), front in zip(points, own["front"], strict=True):
            beaten = any((a <= x and b <= y) and (a < x or b < y) for a, b in points)
            assert not (front and beaten)
            assert front or beaten


def test_points_that_are_equal_are_on_the_front_together(loaded: Results) -> None:
    table = (
        loaded.studies[0]
        .table.iloc[:4]
        .assign(key=list("abcd"), machine="m", time_s=[1.0, 1.0, 2.0, 2.0], energy_pj=[5.0, 5.0, 5.0, 3.0])
    )
    found = front_table(replace(loaded.studies[0], table=table), "time_s", "energy_pj")
    assert sorted(zip(found["x"], found["y"] * 1e12, found["front"], strict=True)) == [
        (1.0, 5.0, True), (1.0, 5.0, True), (2.0, 3.0, True), (2.0, 5.0, False),
    ]  # fmt: skip


def test_the_knee_of_the_time_is_that_of_the_time(tmp_path: Path) -> None:
    net = str(network(tmp_path / "net"))
    axis = "clock.frequency_mhz=100..1600"
    assert (
        invoke(["sweep", "--quiet", "--hw", "stripes", "--workload", net, "--set", axis, "--out", str(tmp_path)]) == 0
    )
    time = sweep_figures(load([tmp_path]).studies)[0].data.query("metric == 'Time (s)'")
    assert time["knee"].sum() == 1
    assert float(time.loc[time["knee"], "value"].iloc[0]) <= 1.1 * time["value"].min()


def test_the_objectives_of_a_search_have_columns() -> None:
    points = pd.DataFrame({"problem": "", "machine": "m", "edp": [2.5e9], "macs": [3e6], "pareto": True})
    info = {"objectives": ["edp", "macs"], "columns": {"macs": {"unit": "MAC"}}}
    shown = tables(Results(studies=[Study("s", "search", points, [], info, [])]))[0]
    cells = dict(zip(shown.head, (cell.text for cell in shown.rows[0].cells), strict=True))
    assert (cells["energy-delay product"], cells["macs"]) == ("2.50 mJ s", "3.00 MMAC")


def test_points_that_are_left_out_are_told() -> None:
    rng = np.random.default_rng(0)
    points = pd.DataFrame({"problem": "", "machine": "m", "workload": "w", "key": [str(i) for i in range(3200)]})
    points = points.assign(time_s=rng.random(3200), energy_pj=rng.random(3200), dram_bytes=1.0)
    told = pareto_figures([Study("s", "sweep", points, [], {}, [])])[0]
    assert (~told.data["front"]).sum() == 3000
    assert "3,000 are drawn" in told.note
    alike = points.assign(key=[str(i % 100) for i in range(3200)])
    assert "are drawn" not in pareto_figures([Study("s", "sweep", alike.iloc[:], [], {}, [])])[0].note


def test_a_front_stands_whole_in_the_table_of_points() -> None:
    x = np.arange(1000.0)
    points = pd.DataFrame({"problem": "", "machine": "m", "time_s": x, "energy_pj": 999 - x, "pareto": x % 50 == 7})
    info = {"objectives": ["latency", "energy"]}
    shown = tables(Results(studies=[Study("s", "search", points, [], info, [])]))[0]
    assert sum(row.cells[shown.head.index("on the front")].text == "yes" for row in shown.rows) == 20
    assert "the front" in shown.note


def test_a_logarithmic_axis_leaves_out_what_it_cannot_show() -> None:
    shape = drawing.logarithmic(alt.X, "a", [0.0, math.nan, 2e15, 4e15], "a").to_dict()
    assert shape["scale"]["domain"] == [2e15 / 1.3, 4e15 * 1.3]
    assert shape["axis"]["values"] == [2e15, 5e15]
    assert drawing.logarithmic(alt.X, "a", [], "a").to_dict()["axis"]["values"] == [1.0]


def test_ratios_of_several_samples_are_of_their_means(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "index": 0, "layer": "a", "kind": "conv", "sample": [0, 1], "baseline_cycles": [100.0, 100.0],
            "total_cycles": [20.0, 80.0], "time_s": [1.0, 3.0], "dram_bytes": 8.0, "energy_pj": [1.0, 3.0], "macs": 4,
            "baseline_energy_pj": 4.0, "speedup": [5.0, 1.25], "energy_gain": [4.0, 4 / 3], "slots": [0.0, 0.0],
            "slots_busy": 0.0, "lane_use": 0.0,
        }
    )  # fmt: skip
    info = {"hardware": {"name": "m"}, "trace": {"name": "t"}, "batch": 2, "accelsim": "0"}
    result = RunResult(rows, info)
    result.write(tmp_path)
    shown = load([tmp_path]).runs[0].layers
    for table in (result.by_layer(), shown):
        assert table[["speedup", "energy_gain", "lane_use"]].iloc[0].tolist() == [2.0, 2.0, 0.0]
    assert shown["time_s"].tolist() == [1.0]  # mean over the samples, of one input


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_is_valid_and_has_data(kind: str, loaded: Results) -> None:
    found = figures(loaded, kind)
    assert found
    for figure in found:
        assert len(figure.data)
        assert figure.title
        for _, view in figure.panels:
            spec = {"$schema": SCHEMA, "data": {"values": []}, "params": [{"name": "chosen", "value": []}], **view}
            (alt.LayerChart if "layer" in view else alt.Chart).from_dict(spec)


@pytest.mark.parametrize(
    ("kind", "width", "points"), [("time", "single", 252.0), ("account", "double", 515.5), ("sweep", "5", 360.0)]
)
def test_files_have_the_width_of_a_column(
    kind: str, width: str, points: float, loaded: Results, folders: dict[str, Path], tmp_path: Path
) -> None:
    names = ["eyeriss", "compare", "sweep"]
    out = tmp_path / "figure.svg"
    assert invoke(["plot", kind, *(str(folders[n]) for n in names), "--out", str(out), "--width", width, "--csv"]) == 0
    drawn = re.search(r'<svg[^>]* width="([0-9.]+)"', out.read_text())
    assert drawn is not None
    assert float(drawn[1]) == pytest.approx(points, abs=1)
    data = pd.read_csv(tmp_path / "figure.csv")
    assert data.shape == figures(loaded, kind)[0].data.shape


def test_pdf_and_png(loaded: Results, tmp_path: Path) -> None:
    figure = figures(loaded, "heatmap")[0]
    pdf, png = (paper.write(figure, tmp_path / f"f{end}", 3.5)[0].read_bytes() for end in (".pdf", ".png"))
    box = re.search(rb"MediaBox *\[0 0 ([0-9.]+)", pdf)
    assert box is not None
    assert float(box[1]) == pytest.approx(252, abs=1)
    assert png[:4] == b"\x89PNG"
    assert int.from_bytes(png[16:20], "big") == pytest.approx(3.5 * paper.PPI, abs=5)


def test_plot_refuses_what_it_cannot_draw(folders: dict[str, Path], tmp_path: Path, loaded: Results) -> None:
    run = str(folders["eyeriss"])
    assert invoke(["plot", "tiem", run, "--out", "a.pdf"]) == UnknownNameError.exit_code
    assert invoke(["plot", "time", run, "--out", "a.gif"]) == ConfigError.exit_code
    assert invoke(["plot", "time", run, "--out", "a.pdf", "--width", "wide"]) == ConfigError.exit_code
    assert invoke(["plot", "sweep", run, "--out", str(tmp_path / "a.pdf")]) == InputError.exit_code
    assert invoke(["plot", "time", str(tmp_path), "--out", "a.pdf"]) == InputError.exit_code
    with pytest.raises(UnknownNameError, match="part"):
        paper.part(figures(loaded, "time"), "madee")


def test_damaged_results_are_told(folders: dict[str, Path], tmp_path: Path) -> None:
    for name in ("run.json", "layers.parquet"):
        (tmp_path / name).write_bytes((folders["eyeriss"] / name).read_bytes())
    assert load([tmp_path]).runs[0].shares is None
    (tmp_path / "layers.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="not readable"):
        load([tmp_path])
    (tmp_path / "run.json").write_text('{"accelsim": "0"}')
    with pytest.raises(InputError):
        load([tmp_path])


def test_the_page_stands_alone(page: str, loaded: Results) -> None:
    assert len(page.encode()) < 2_000_000
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r'(src|href)="(?!#|data:)', own)
    assert "default-src 'none'" in own
    for run in loaded.runs:
        assert f"<h3>{run.label}</h3>" in own
        for line in run.warnings:
            assert line.partition(": ")[2].replace("&", "&amp;") in own.replace("&#39;", "'")
    for kind in RUN_KINDS:
        assert f'<section id="{kind}"' in own


def test_pages_carry_the_notices_of_their_libraries(page: str) -> None:
    from accelsim.report.page.libraries import libraries, notices, with_notices

    assert "--" not in notices()  # it stands in a comment
    assert page.index(notices()) < page.index(libraries()[:200])
    other = with_notices("<!DOCTYPE html>\n<html></html>")
    assert other.startswith("<!DOCTYPE html>\n<!--")
    assert other.endswith("-->\n<html></html>")
    assert notices() in other


def test_the_libraries_of_pages_are_put_together_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import vl_convert

    from accelsim.report.page.libraries import libraries, standing_alone

    made: list[str] = []
    text = "a = '<\\/script>'\r\n"
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(
        vl_convert, "javascript_bundle", lambda vl_version: made.append(vl_version) or "a = '</script>'\r\n"
    )

    def again() -> int:
        libraries.cache_clear()
        assert libraries("v6_1") == text
        return len(made)

    try:
        assert (again(), again()) == (1, 1)
        (kept,) = (tmp_path / "libraries").iterdir()
        kept.write_bytes(kept.read_bytes()[:-1])
        assert (again(), again()) == (2, 2)
        page = standing_alone({"$schema": SCHEMA, "mark": "point"}, "v6_1")
        assert page.count(text) == 1
        assert "vegaEmbed(" in page
        assert '<script src="' not in page
    finally:
        libraries.cache_clear()


def test_the_data_of_the_page_are_those_of_the_figures(page: str, loaded: Results) -> None:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])["data"]
    figure = figures(loaded, "energy")[0]
    columns = data[figure.key]
    words = [columns["layer"]["words"][i] for i in columns["layer"]["at"]]
    assert words == figure.data["layer"].tolist()
    assert columns["energy_j"] == pytest.approx(figure.data["energy_j"].tolist(), rel=1e-6)


def test_names_cannot_break_out_of_the_page(loaded: Results) -> None:
    bad = "</script><img src=x onerror=alert(1)>"
    run = by_run(loaded)["eyeriss"]
    layers = run.layers.assign(layer=[bad, *run.layers["layer"][1:]])
    page = html.page(replace(loaded, runs=[replace(run, layers=layers, workload=bad)], held=[]), title=bad)
    assert "<img src=x" not in page
    assert page.count("</script>") == 3


def test_untrained_networks_are_marked(loaded: Results) -> None:
    run = replace(by_run(loaded)["eyeriss"], workload="net (untrained)")
    page = html.page(replace(loaded, runs=[run]))
    assert "Random weights" in page
    assert "Random weights" not in html.page(replace(loaded, runs=[by_run(loaded)["eyeriss"]]))


def test_machines_keep_their_colour() -> None:
    several = palette.machine_colours(["laconic", "stripes", "mine", "pragmatic", "other"])
    assert len(set(several.values())) == 5
    assert all(palette.machine_colours([name])[name] == several[name] for name in ("laconic", "stripes", "pragmatic"))
    again = palette.machine_colours(["stripes", "stripes (2)"], ["stripes", "stripes"])
    assert again["stripes"] == several["stripes"] != again["stripes (2)"]
