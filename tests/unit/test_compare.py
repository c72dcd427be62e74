"""Comparisons: ratios over a baseline, means over layers and workloads, equal machines, tables, files and figures."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import accelsim
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.cli import invoke
from accelsim.cli.lists import spread
from accelsim.cli.options import addressed
from accelsim.columns import COLUMNS
from accelsim.comparison import RATIOS, Comparison, equalised, geomean
from accelsim.errors import ConfigError, UnknownNameError
from accelsim.report import palette
from accelsim.report.figures import compare as figures
from accelsim.report.figures import drawing
from accelsim.report.text import compare as compare_text
from accelsim.trace import Trace
from tests.study_networks import network

MACHINES = ("dadiannao", "stripes", "pragmatic")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("nets")
    return [network(root / "one", 1), network(root / "two", 2, images=1)]


@pytest.fixture(scope="module")
def traces(folders: list[Path]) -> list[Trace]:
    return [accelsim.open_trace(accelsim.load_workload(path)) for path in folders]


@pytest.fixture(scope="module")
def comparison(traces: list[Trace]) -> Comparison:
    return accelsim.compare([accelsim.load_hardware(name) for name in MACHINES], traces)


def totals(name: str, trace: Trace) -> dict[str, float]:
    result = accelsim.simulate(accelsim.load_hardware(name), trace)
    return {column: result.total(column) for column in ("time_s", "compute_cycles", "energy_pj", "dram_bytes")}


def statistic(comparison: Comparison, workload: str, machine: str, name: str) -> pd.Series:
    table = comparison.summary
    chosen = (table["workload"] == workload) & (table["machine"] == machine) & (table["statistic"] == name)
    assert chosen.sum() == 1
    return table[chosen].iloc[0]


def test_ratios_are_those_of_single_runs(comparison: Comparison, traces: list[Trace]) -> None:
    for trace in traces:
        base = totals("dadiannao", trace)
        for machine in MACHINES:
            own, found = totals(machine, trace), statistic(comparison, trace.manifest["name"], machine, "network")
            assert found["relative_speedup"] == pytest.approx(base["time_s"] / own["time_s"])
            assert found["relative_compute_speedup"] == pytest.approx(base["compute_cycles"] / own["compute_cycles"])
            assert found["relative_energy_gain"] == pytest.approx(base["energy_pj"] / own["energy_pj"])
            assert found["relative_traffic"] == pytest.approx(own["dram_bytes"] / base["dram_bytes"])
    layers = comparison.layers.set_index(["workload", "machine", "layer"])
    for (workload, _, layer), row in layers.iterrows():
        base_row = layers.loc[(workload, "dadiannao", layer)]
        assert row["relative_speedup"] == pytest.approx(base_row["time_s"] / row["time_s"])
        assert row["relative_energy_gain"] == pytest.approx(base_row["energy_pj"] / row["energy_pj"])


def test_the_baseline_is_one(comparison: Comparison) -> None:
    for table in (comparison.layers, comparison.summary):
        own = table[table["machine"] == "dadiannao"]
        known = [name for name in RATIOS if name != "potential_speedup"]  # it exploits no property
        assert np.allclose(own[known], 1)
        assert own["potential_speedup"].isna().all()


def test_means_over_layers_and_over_workloads(comparison: Comparison) -> None:
    for machine in MACHINES:
        for ratio in RATIOS:
            means = []
            for workload in ("one", "two"):
                rows = comparison.layers.query("workload == @workload and machine == @machine")[ratio]
                found = statistic(comparison, workload, machine, "layers")[ratio]
                assert found == pytest.approx(math.prod(rows) ** (1 / len(rows)), nan_ok=True)
                means.append(found)
            overall = statistic(comparison, "geomean", machine, "layers")[ratio]
            assert overall == pytest.approx(math.sqrt(means[0] * means[1]), nan_ok=True)
    assert geomean(pd.Series([2.0, 8.0])) == pytest.approx(4)


def test_nothing_is_faster_than_its_ideal_and_stripes_ideal_is_its_potential(comparison: Comparison) -> None:
    layers = comparison.layers
    assert (layers["ideal_cycles"] <= layers["compute_cycles"] + 1e-9).all()
    stripes = layers[layers["machine"] == "stripes"]
    assert np.allclose(stripes["relative_ideal_speedup"], stripes["potential_speedup"])
    assert set(stripes["property"]) == {"Ap_static precision"}
    assert np.allclose(stripes["potential_speedup"], 1.6)  # 10 of 16 bits


def test_work_is_that_of_one_input_as_every_count_is(comparison: Comparison, traces: list[Trace]) -> None:
    layers = comparison.layers[comparison.layers["machine"] == "stripes"]
    assert traces[0].samples == 2
    assert (layers["baseline_work"] == layers["macs"] * 256).all()


def test_machines_are_made_equal(traces: list[Trace]) -> None:
    base = accelsim.load_hardware("dadiannao", ["dram.bandwidth=1.0e+9"])
    small = accelsim.load_hardware("stripes", ["accelerator.tiles=2"])
    assert isinstance(base, ArrayAccelerator)
    equal = equalised(small, base, "multipliers")
    assert isinstance(equal, ArrayAccelerator)
    assert equal.multiplier_bits() == base.multiplier_bits()
    assert equal.dram.bandwidth == 1e9
    assert equalised(small, base, "none") is small
    found = accelsim.compare([base, small], traces[0])
    assert found.machines["scale"].tolist() == [1, 8]
    as_they_are = accelsim.compare([base, small], traces[0], equal="none")
    assert as_they_are.machines["dram_bytes_per_second"].tolist() == [1e9, 25.6e9]
    assert "geomean" not in set(found.summary["workload"])


def test_what_cannot_be_compared_is_said(traces: list[Trace]) -> None:
    dadiannao, eyeriss = accelsim.load_hardware("dadiannao"), accelsim.load_hardware("eyeriss")
    with pytest.raises(ConfigError, match="eyeriss has no multiplier bits to make equal; --equal none"):
        accelsim.compare([dadiannao, eyeriss], traces)
    odd = accelsim.load_hardware("dadiannao", ["accelerator.tiles=3"])
    with pytest.raises(ConfigError, match=r"stripes cannot be scaled .*196,608 multiplier bits as dadiannao"):
        accelsim.compare(
            [odd, accelsim.load_hardware("stripes", ["accelerator.tiles=16", "accelerator.lanes=32"])], traces
        )
    with pytest.raises(UnknownNameError, match="did you mean 'dadiannao'"):
        accelsim.compare([dadiannao], traces, baseline="dadianao")
    with pytest.raises(ConfigError, match="'maybe'; give multipliers or none"):
        accelsim.compare([dadiannao], traces, equal="maybe")  # type: ignore[arg-type]
    for machines, runs in (([], traces), ([dadiannao], [])):
        with pytest.raises(ConfigError, match="at least one"):
            accelsim.compare(machines, runs)


def test_machines_of_another_kind_and_batches_are_held_per_input(traces: list[Trace]) -> None:
    machines = [accelsim.load_hardware(name) for name in ("eyeriss", "stripes")]
    found = accelsim.compare(machines, traces[0], equal="none")
    own = accelsim.simulate(machines[0], traces[0])
    eyeriss = statistic(found, "one", "eyeriss", "network")
    assert eyeriss["time_s"] == pytest.approx(own.total("time_s") / 4)
    assert eyeriss["compute_cycles"] == pytest.approx(own.total("processing_cycles") / 4)
    stripes = statistic(found, "one", "stripes", "network")
    assert stripes["relative_speedup"] == pytest.approx(
        own.total("time_s") / 4 / totals("stripes", traces[0])["time_s"]
    )
    assert math.isnan(stripes["relative_ideal_speedup"])


def test_names_used_twice_are_numbered(traces: list[Trace]) -> None:
    slow = accelsim.load_hardware("stripes", ["clock.frequency_mhz=500"])
    found = accelsim.compare([accelsim.load_hardware("stripes"), slow], [traces[0], traces[0]], baseline="stripes-2")
    assert set(found.layers["machine"]) == {"stripes", "stripes-2"}
    assert set(found.layers["workload"]) == {"one", "one-2"}
    assert statistic(found, "one", "stripes", "network")["relative_compute_speedup"] == pytest.approx(2)


def test_files_carry_their_columns(comparison: Comparison, tmp_path: Path) -> None:
    paths = comparison.write(tmp_path, csv=True)
    assert {p.name for p in paths} == {
        *(
            f"compare_{table}.{ending}"
            for table in ("layers", "summary", "machines", "runs")
            for ending in ("parquet", "csv")
        ),
        "compare.json",
    }
    info = json.loads((tmp_path / "compare.json").read_text())
    for table in ("layers", "summary", "machines"):
        kept = pd.read_parquet(tmp_path / f"compare_{table}.parquet")
        pd.testing.assert_frame_equal(kept, getattr(comparison, table), check_dtype=False)
        assert set(kept.columns) <= set(info["columns"]) <= set(COLUMNS)
    assert info["baseline"] == "dadiannao"
    assert set(info["hardware"]) == set(MACHINES)
    assert info["traces"]["one"]["fingerprint"]


def test_figures_show_every_machine_and_workload(comparison: Comparison, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    svg, png = figures.write(comparison, tmp_path)
    drawn = svg.read_text(encoding="utf-8")
    for word in (
        "stripes",
        "pragmatic",
        "one",
        "two",
        "geomean",
        "Speedup",
        "Energy efficiency",
        "DRAM bytes",
        "achieved",
    ):
        assert f">{word}" in drawn
    assert png.read_bytes().startswith(b"\x89PNG")
    assert len(set(palette.COLOURS)) == len(palette.COLOURS)
    spec = figures.chart(comparison).to_dict()
    values = [row for rows in spec["datasets"].values() for row in rows if "relative_speedup" in row]
    expected = statistic(comparison, "geomean", "pragmatic", "network")["relative_speedup"]
    assert [r["relative_speedup"] for r in values if r["machine"] == "pragmatic" and r["workload"] == "geomean"] == [
        pytest.approx(expected)
    ]


def test_without_altair_a_comparison_is_written_all_the_same(
    folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    command = ["compare", "--hw", "dadiannao", "stripes", "--workload", str(folders[0]), "--out", str(tmp_path)]
    assert invoke(command) == 0
    said = capsys.readouterr().err
    assert [line for line in said.splitlines() if "plots" in line] == [f"warning: {drawing.MISSING}"]
    assert (tmp_path / "compare_layers.parquet").is_file()
    assert not list(tmp_path.glob("compare.*g"))


def test_the_command_prints_layers_and_means(folders: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["compare", "--hw", *MACHINES[1:], "--workload", *map(str, folders), "--baseline", "dadiannao"]
    assert invoke([*command, "--set", "pragmatic:accelerator.first_stage_bits=4", "one:samples=1"]) == 0
    printed = capsys.readouterr().out
    for words in ("baseline dadiannao", "on one, layer by layer", "geomean of workloads", "1,048,576", "network"):
        assert words in printed
    assert max(len(line.rstrip()) for line in printed.split("warning: ")[0].splitlines()) <= 160


def test_csv_alone_is_all_that_is_printed(folders: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["compare", "--hw", "dadiannao", "stripes", "--workload", str(folders[0]), "--csv"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert table["machine"].tolist() == ["dadiannao"] * 3 + ["stripes"] * 3


@pytest.mark.parametrize(
    ("arguments", "code", "fragment"),
    [
        (["--hw", "dadiannao", "strips"], 4, "did you mean 'stripes'"),
        (["--hw", "dadiannao", "eyeriss"], 3, "--equal none"),
        (["--hw", "stripes", "--baseline", "dadianao"], 4, "did you mean 'dadiannao'"),
        (["--hw", "stripes", "--equal", "size"], 3, "give multipliers or none"),
        (["--hw", "stripes", "--set", "pragmatic:word_bits=8"], 4, "unknown machine or workload"),
        (["--hw", "stripes", "dadiannao", "--set", "stripes:accelerator.tilez=8"], 3, "did you mean 'tiles'"),
        (["--hw"], 2, "--hw"),
    ],
)
def test_errors_are_one_clear_line(
    arguments: list[str], code: int, fragment: str, folders: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["compare", "--workload", str(folders[0]), *arguments]) == code
    said = capsys.readouterr().err
    assert fragment in said
    assert said.startswith("accelsim: ")


def test_lists_of_values_and_whom_settings_are_for() -> None:
    names = {"--hw", "--set"}
    assert spread(["--hw", "a", "b", "--out", "x", "--hw=c", "d"], names) == [
        "--hw", "a", "--hw", "b", "--out", "x", "--hw=c", "--hw", "d",
    ]  # fmt: skip
    assert spread(["stray", "--csv", "more"], names) == ["stray", "--csv", "more"]
    given = ["a=1", "workload.b=2", "my:c=3", "dir/net:workload.d=4:5", "net:e=6"]
    found = addressed(given, ["hw/my.yaml", "other"], ["dir/net"])
    assert found.machines == {"hw/my.yaml": ["a=1", "c=3"], "other": ["a=1"]}
    assert found.workloads == {"dir/net": ["b=2", "d=4:5", "e=6"]}


def test_the_report_says_what_is_not_known(traces: list[Trace]) -> None:
    machines = [accelsim.load_hardware(name) for name in ("dadiannao", "eyeriss")]
    tables = compare_text.tables(accelsim.compare(machines, traces[0], equal="none"))
    cells = [list(column.cells) for column in tables[-1].columns]
    assert cells[2] == ["eyeriss", "eyeriss"]
    assert cells[5] == cells[6] == ["-", "-"]
