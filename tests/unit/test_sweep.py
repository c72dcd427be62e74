"""Sweeps: axes, the grid, points equal to plain runs, order and workers without influence, resumption, tables, figures."""

from __future__ import annotations

import importlib
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accelsim
from accelsim import catalogue
from accelsim.accelerators.base import load_hardware
from accelsim.cli import invoke
from accelsim.columns import COLUMNS
from accelsim.errors import ConfigError, UnknownNameError
from accelsim.layer import LayerShape
from accelsim.report.figures import sweep as sweep_figures
from accelsim.report.text import sweep as sweep_text
from accelsim.study import evaluate, points
from accelsim.study.dense import dense_totals
from accelsim.study.grid import Axis, grid
from accelsim.study.knee import METRICS, TOLERANCE, knee, knees
from accelsim.study.points import Points
from accelsim.study.store import Store
from accelsim.study.sweep import Sweep, open_traces, sweep
from accelsim.study.template import Template
from accelsim.study.values import number, values
from accelsim.study.workers import Workers
from accelsim.trace import Trace
from tests.study_networks import bandwidth_key, buffer_key, network

EYERISS, STRIPES = buffer_key("eyeriss"), buffer_key("stripes")
BANDWIDTH = bandwidth_key("stripes")
AXES = [f"eyeriss:{EYERISS}=4KiB..64KiB:x4", f"stripes:{STRIPES}=1KiB..16KiB:x4", f"stripes:{BANDWIDTH}=1e8,1e10"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("nets")
    return [str(network(root / "one", 1)), str(network(root / "two", 2, images=1))]


@pytest.fixture(scope="module")
def swept(folders: list[str], tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return sweep(["eyeriss", "stripes"], folders, AXES, tmp_path_factory.mktemp("out"), layers=True)


def evaluator(machines: list[str], folders: list[str], settings: list[str], store: Store) -> tuple[Points, list[Any]]:
    spanned = list(grid(machines, folders, settings).points())
    return Points({name: Template.of(name) for name in machines}, open_traces(spanned), store, Workers()), spanned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16KiB..128KiB:x2", ["16384", "32768", "65536", "131072"]),
        ("16KiB..100KiB", ["16384", "32768", "65536"]),
        ("8..32:+8", ["8", "16", "24", "32"]),
        ("0.1..0.5:+0.2", ["0.1", "0.3", "0.5"]),
        ("5e9,10e9", ["5e9", "10e9"]),
        ("1GB/s..4GB/s", ["1000000000", "2000000000", "4000000000"]),
        ("[1, 2],[3,4]", ["[1, 2]", "[3,4]"]),
        ("{a: [1, 2]}", ["{a: [1, 2]}"]),
        ("'a,b'", ["'a,b'"]),
        ("plain, groups", ["plain", "groups"]),
        ("../x", ["../x"]),
        ("7..7", ["7"]),
    ],
)
def test_values_of_an_axis(text: str, expected: list[str]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize("text", ["64..16", "0..8:x2", "1..8:x1", "1..8:+0", "1..1e9:+1", "1,,2", "4..9:xtwo"])
def test_ranges_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"range|list"):
        values(text)


@given(st.integers(1, 10**4), st.integers(2, 9), st.integers(0, 12))
def test_a_geometric_range_has_every_power_and_its_end(first: int, factor: int, count: int) -> None:
    found = [number(v) for v in values(f"{first}..{first * factor**count}:x{factor}")]
    assert found == [first * factor**i for i in range(count + 1)]


@given(st.integers(-0, 10**6), st.integers(1, 10**5), st.integers(0, 50))
def test_an_arithmetic_range_has_every_step_and_its_end(first: int, step: int, count: int) -> None:
    assert values(f"{first}..{first + step * count}:+{step}") == [str(first + step * i) for i in range(count + 1)]


def test_a_grid_is_the_product_of_what_is_addressed() -> None:
    spanned = grid(["a", "dir/b.yaml"], ["w", "v"], ["x=1,2", "b:y=3,4", "a:x=5..20", "z=9", "workload.n=1,2", "v:n=7"])
    found = [(p.machine, p.workload, dict(p.at), p.settings, p.workload_settings) for p in spanned.points()]
    assert len(found) == len(spanned) == 3 * 2 + 3 * 1 + 2 * 2 * 2 + 2 * 2
    assert found[0] == ("a", "w", {"x": "5", "workload.n": "1"}, ("z=9", "x=5"), ("n=1",))
    assert found[-1] == ("dir/b.yaml", "v", {"x": "2", "y": "4"}, ("z=9", "x=2", "y=4"), ("n=7",))
    with pytest.raises(UnknownNameError, match="machine or workload"):
        grid(["a"], ["w"], ["c:x=1"])
    with pytest.raises(ConfigError, match="KEY=VALUES"):
        grid(["a"], ["w"], ["x"])


def test_a_key_of_the_workloads_given_to_a_machine_is_refused() -> None:
    with pytest.raises(ConfigError, match="a key of the workloads"):
        grid(["a"], ["w"], ["a:workload.samples=1,2"])
    both = grid(["net"], ["net"], ["net:workload.samples=1,2"])
    assert [(axis.key, axis.workloads) for axis in both.axes] == [("workload.samples", ("net",))]


@pytest.mark.parametrize(
    ("key", "unit", "text"),
    [
        ("batch.size", "", "16"),
        ("accelerator.group_size", "", "16"),
        ("workload.image_size", "", "16"),
        ("memory.buffer.size", "B", "16 B"),
        ("l2.size", "B", "16 B"),
        ("memory.buffer.partitions.weight", "B", "16 B"),
        ("memory.buffer.bytes_per_cycle", "B/cycle", "16 B/cycle"),
        ("dram.bandwidth", "B/s", "16 B/s"),
        ("clock.frequency_mhz", "MHz", "16 MHz"),
    ],
)
def test_an_axis_has_the_unit_of_its_key(key: str, unit: str, text: str) -> None:
    axis = Axis(key, ("16", "32"))
    assert (axis.unit, sweep_text.written(axis, 16.0)) == (unit, text)


def test_values_of_an_axis_keep_their_digits() -> None:
    assert sweep_text.written(Axis("array.columns", ("1048576", "1048577")), 1048577.0) == "1048577"


@pytest.mark.parametrize("name", ["eyeriss", "stripes", "scnn", "systolic"])
def test_a_template_gives_the_machine_that_is_loaded(name: str) -> None:
    template = Template.of(name)
    for settings in (
        [],
        ["clock.frequency_mhz=123", "batch.size=3"],
        ["clock={frequency_mhz: 7, source: here}", "clock.frequency_mhz=8", "name=other"],
        [f"{buffer_key(name)}=65536"],
    ):
        assert template.machine(settings) == load_hardware(name, settings)
    for wrong in (["clock.frequency=1"], ["clock.frequency_mhz=-1"], ["name.x=1"], ["word_bits"]):
        with pytest.raises(ConfigError) as fast:
            template.machine(wrong)
        with pytest.raises(ConfigError) as slow:
            load_hardware(name, wrong)
        assert str(fast.value) == str(slow.value)


def test_each_point_is_a_plain_run_with_its_settings(swept: Sweep, folders: list[str]) -> None:
    traces = {Path(f).name: accelsim.open_trace(accelsim.load_workload(f)) for f in folders}
    done = swept.table[swept.table["problem"].eq("")]
    assert len(swept.table) == 2 * (3 + 3 * 2)
    assert {"eyeriss", "stripes"} == set(done["machine"])
    for row in done.to_dict("records"):
        keys = [axis.key for axis in swept.axes if not pd.isna(row[axis.key])]
        settings = [
            f"{key}={int(row[key]) if 'bandwidth' not in key and 'second' not in key else row[key]}" for key in keys
        ]
        result = accelsim.simulate(load_hardware(row["machine"], settings), traces[row["workload"]])
        counts = [c for c in result.layers.columns if c in COLUMNS and COLUMNS[c].sums]
        assert len(counts) > 20
        assert {c: result.total(c) for c in counts} == {c: row[c] for c in counts}
        assert row["speedup"] == result.total("baseline_cycles") / result.total("total_cycles")
        assert row["warnings"].split("\n") == result.warnings
        assert (
            evaluate.evaluate(load_hardware(row["machine"], settings), traces[row["workload"]])["energy_pj"]
            == row["energy_pj"]
        )


def test_rows_per_layer_are_those_of_a_run(swept: Sweep, folders: list[str]) -> None:
    assert swept.layers is not None
    trace = accelsim.open_trace(accelsim.load_workload(folders[0]))
    size, speed = swept.axes[1].values[1], swept.axes[2].values[0]
    result = accelsim.simulate(load_hardware("stripes", [f"{STRIPES}={size}", f"{BANDWIDTH}={speed}"]), trace)
    table = swept.layers
    chosen = table["machine"].eq("stripes") & table["workload"].eq("one") & table[STRIPES].eq(float(size))
    own = table[chosen & table[BANDWIDTH].eq(float(speed))].reset_index(drop=True)
    assert len(own) == len(result.layers)
    for column in result.layers.columns:
        assert own[column].tolist() == result.layers.sort_values(["index", "sample"])[column].tolist()


def test_neither_order_nor_repetition_changes_a_row(folders: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    real = evaluate.totals_together
    monkeypatch.setattr(
        evaluate, "totals_together", lambda machines, *a: counted.extend(machines) or real(machines, *a)
    )
    tables = []
    for seed in (0, 1):
        engine, spanned = evaluator(["stripes"], folders, [f"{STRIPES}=1KiB..8KiB,2_048,4_096"], Store())
        order = [*spanned, *spanned]
        random.Random(seed).shuffle(order)
        keys = engine.run(order, bar=False)
        assert keys == engine.run(order, bar=False)
        tables.append(engine.store.points().sort_values("key", ignore_index=True))
    assert len(tables[0]) == 8  # 4 sizes, two of them written twice, on 2 workloads
    assert len(counted) == 2 * 8
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True, check_like=False)


def test_statistics_are_counted_once_for_all_points(folders: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    real = points.measured

    def spy(machine: Any, trace: Trace, index: int) -> Any:
        asked.append((trace.key, index))
        return real(machine, trace, index)

    monkeypatch.setattr(points, "measured", spy)
    engine, spanned = evaluator(["stripes"], folders, [f"{STRIPES}=1KiB..64KiB", f"{BANDWIDTH}=1e8,1e9"], Store())
    engine.run(spanned, bar=False)
    engine.run(spanned, bar=False)
    assert len(asked) == len(set(asked)) == 6


def test_points_that_cannot_run_are_rows_with_the_reason(swept: Sweep, folders: list[str]) -> None:
    refused = swept.table[swept.table["problem"].ne("")]
    assert set(refused["machine"]) == {"eyeriss"}
    assert refused["problem"].str.contains("eyeriss cannot run").all()
    assert refused["total_cycles"].isna().all()
    assert any("points cannot be run" in line for line in swept.warnings)
    mixed = sweep("stripes", folders[0], ["clock.frequency_mhz=-1,500"])
    assert mixed.table["problem"].str.contains("greater than 0").tolist() == [True, False]
    with pytest.raises(ConfigError, match="did you mean 'frequency_mhz'"):
        sweep("stripes", folders[0], ["clock.frequency=1,2"])


def test_a_sweep_goes_on_where_it_was_and_grows(
    folders: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sweep("stripes", folders, [f"{STRIPES}=1KiB..4KiB"], tmp_path)
    counted = []
    real, alone = evaluate.totals_together, evaluate._one
    monkeypatch.setattr(evaluate, "_one", lambda *a: counted.append(a[0]) or alone(*a))
    monkeypatch.setattr(
        evaluate, "totals_together", lambda machines, *a: counted.extend(machines) or real(machines, *a)
    )
    again = sweep("stripes", folders, [f"{STRIPES}=1KiB..4KiB"], tmp_path)
    assert not counted
    pd.testing.assert_frame_equal(first.table, again.table, check_exact=True)
    more = sweep("stripes", folders, [f"{STRIPES}=1KiB..16KiB"], tmp_path)
    assert len(counted) == 4
    fresh = sweep("stripes", folders, [f"{STRIPES}=1KiB..16KiB"])
    pd.testing.assert_frame_equal(more.table, fresh.table, check_exact=True)
    counted.clear()
    with_layers = sweep("stripes", folders, [f"{STRIPES}=1KiB..4KiB"], tmp_path, layers=True)
    assert len(counted) == 6  # the rows per layer were not kept before
    assert with_layers.layers is not None
    (tmp_path / "points" / "points-0-broken.parquet").write_bytes(b"PAR1 half a file")
    pd.testing.assert_frame_equal(sweep("stripes", folders, [f"{STRIPES}=1KiB..4KiB"], tmp_path).table, first.table)


def test_an_earlier_sweep_of_another_machine_leaves_no_column(folders: list[str], tmp_path: Path) -> None:
    sweep("eyeriss", folders[1], (), tmp_path)
    again, fresh = (sweep("stripes", folders[1], (), out).table for out in (tmp_path, None))
    pd.testing.assert_frame_equal(again, fresh)


def test_a_killed_sweep_loses_nothing_that_was_written(folders: list[str], tmp_path: Path) -> None:
    axes = [f"{STRIPES}=256..40000:+256", f"{BANDWIDTH}=1e8,1e9"]
    settings = [part for axis in axes for part in ("--set", axis)]
    script = (
        "import sys, accelsim.study.store as s, accelsim.study.points as p; s.FLUSH_S = 0.0; p.BATCH_S = 0.005;"
        "from accelsim.cli import main; main(sys.argv[1:])"
    )
    arguments = ["sweep", "--hw", "stripes", "--workload", *folders, *settings, "--out", str(tmp_path), "--csv"]
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    parts = tmp_path / "points"
    deadline = time.monotonic() + 60
    while len(list(parts.glob("points-*.parquet"))) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = sum(len(pd.read_parquet(path)) for path in parts.glob("points-*.parquet"))
    engine, spanned = evaluator(["stripes"], folders, axes, Store(parts))
    assert 0 < kept == len(engine.store) < len(spanned)
    resumed = sweep("stripes", folders, axes, tmp_path)
    pd.testing.assert_frame_equal(resumed.table, sweep("stripes", folders, axes).table, check_exact=True)
    assert len(list(parts.glob("points-*.parquet"))) == 1


def test_files_carry_their_columns(swept: Sweep, tmp_path: Path) -> None:
    paths = swept.write(tmp_path, csv=True)
    names = {"sweep", "sweep_knees", "sweep_layers"}
    assert {p.name for p in paths} == {"sweep.json", *(f"{n}.{e}" for n in names for e in ("parquet", "csv"))}
    kept = pd.read_parquet(tmp_path / "sweep.parquet")
    pd.testing.assert_frame_equal(kept, swept.table, check_exact=True)
    info = json.loads((tmp_path / "sweep.json").read_text())
    assert set(kept.columns) <= set(info["columns"])
    assert info["columns"][EYERISS]["unit"] == "B"
    assert [axis["key"] for axis in info["axes"]] == [EYERISS, STRIPES, BANDWIDTH]
    assert (kept["energy_gain"].dropna() >= 1).all()


def test_the_knee_is_the_smallest_size_near_the_best() -> None:
    assert knee([8, 4, 2, 1], [50, 52, 60, 100]) == 4
    assert knee([1], [3]) == 1
    assert knee([1, 2, 3, 4], [10.5, 30, 10, 10]) == 1
    assert knee([1, 2, 3, 4], [11.5, 30, 10, 10]) == 3


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=12))
def test_a_knee_is_good_enough_and_nothing_smaller_beside_it_is(costs: list[float]) -> None:
    costs = sorted(costs, reverse=True)
    at = knee(range(len(costs)), costs)
    limit = costs[-1] * (1 + TOLERANCE)
    assert costs[int(at)] <= limit
    assert all(cost > limit for cost in costs[: int(at)])


def test_sizes_of_one_machine_beside_words_of_another_are_numbers() -> None:
    axes = (Axis("x", ("8", "16", "128"), ("a",), ("w",)), Axis("x", ("none", "8"), ("b",), ("w",)))
    other = Axis("y", ("1", "2"), ("a", "b"), ("w",))
    rows = [("a", "8", 9.0), ("a", "16", 2.0), ("a", "128", 2.0), ("b", "none", 5.0), ("b", "8", 4.0)]
    table = pd.DataFrame(
        [
            {"machine": m, "workload": "w", "problem": "", "x": x, "y": y, **dict.fromkeys(METRICS, cost * y)}
            for m, x, cost in rows
            for y in (1.0, 2.0)
        ]
    )
    found = knees(table, (*axes, other))
    own = found[found["axis"].eq("x")]
    assert set(own["machine"]) == {"a"}
    assert own["knee"].tolist() == [16.0] * len(METRICS)
    assert own["at_smallest"].tolist() == [18.0] * len(METRICS)
    along = found[found["axis"].eq("y")].set_index(["machine", "metric"])["best"]
    assert along["a", "energy_pj"] == 2.0


def test_knees_are_per_axis_machine_workload_and_metric(swept: Sweep) -> None:
    found = swept.knees
    assert set(zip(found["axis"], found["machine"], strict=True)) == {
        (EYERISS, "eyeriss"),
        (STRIPES, "stripes"),
        (BANDWIDTH, "stripes"),
    }
    assert len(found) == 3 * 2 * 3
    row = found[(found["axis"] == STRIPES) & (found["workload"] == "one") & (found["metric"] == "dram_bytes")].iloc[0]
    table = swept.table[(swept.table["workload"] == "one") & swept.table[BANDWIDTH].eq(1e10)]
    assert row["best"] == table["dram_bytes"].min()
    assert row["at_knee"] == table.set_index(STRIPES)["dram_bytes"][row["knee"]]


def test_the_figure_shows_every_axis_and_marks_knees(swept: Sweep, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    svg, png, html = sweep_figures.write(swept, tmp_path)
    drawn = svg.read_text(encoding="utf-8")
    for words in (
        "DRAM traffic (",
        "Cycles (",
        "Energy (",
        EYERISS,
        STRIPES,
        BANDWIDTH,
        "one on stripes",
        "16 KiB",
        "100 MB/s",
        "10.0 GB/s",
    ):
        assert f">{words}" in drawn, words
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "https://cdn" not in html.read_text(encoding="utf-8")


def test_one_point_has_no_figure_and_no_knee(folders: list[str], tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    one = sweep("stripes", folders[0], [f"{STRIPES}=4096"])
    assert len(one.table) == 1
    assert one.axes == ()
    assert sweep_figures.write(one, tmp_path) == []
    assert len(sweep_text.tables(one)) == 1
    assert [p.name for p in one.write(tmp_path)] == ["sweep.parquet", "sweep.json"]


def test_words_are_an_axis_too(folders: list[str], tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    found = sweep("stripes", folders[0], ["storage.activation=plain,profiled"])
    assert found.table["storage.activation"].tolist() == ["plain", "profiled"]
    assert found.table["dram_bytes"].is_monotonic_decreasing
    assert not len(found.knees)
    assert ">profiled" in sweep_figures.write(found, tmp_path)[0].read_text()


def test_a_dram_part_that_was_changed_gives_other_points(folders: list[str], tmp_path: Path) -> None:
    text = catalogue.find("dram", "ddr4").read_text(encoding="utf-8")
    part = tmp_path / "mine.yaml"
    slower = re.sub(r"(frequency_mhz: *)[0-9.]+", r"\g<1>100", text)
    assert slower != text
    settings = [f"dram={{part: '{part}', kind: ddr4, source: mine}}"]
    product = {LayerShape("linear", 1, 1, 64, 64, 1, 1, 1, 1, 1, 1): 1}
    seconds, dense = [], []
    for content in (text, slower):
        part.write_text(content, encoding="utf-8")
        table = sweep("stripes", folders[0], settings, tmp_path / "out").table
        assert not table["problem"].iloc[0]
        seconds.append(table["time_s"].iloc[0])
        dense.append(dense_totals(load_hardware("stripes", settings), product)["time_s"])
    assert seconds[0] < seconds[1]
    assert dense[0] < dense[1]


def test_what_is_kept_of_a_machine_of_others_is_of_its_code(
    folders: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    product = {LayerShape("linear", 1, 1, 64, 64, 1, 1, 1, 1, 1, 1): 1}
    trace = accelsim.open_trace(accelsim.load_workload(folders[1]))
    found = []
    for factor in (1, 3):
        (tmp_path / "mine_of_a_test.py").write_text(
            "from dataclasses import replace\n\nfrom accelsim.accelerators.stripes import Stripes\n\n\nclass Mine(Stripes):\n"
            "    def work(self, layer, profile):\n        own = super().work(layer, profile)\n"
            f"        return replace(own, dense_cycles={factor} * own.dense_cycles)\n"
        )
        sys.modules.pop("mine_of_a_test", None)
        importlib.invalidate_caches()
        mine = importlib.import_module("mine_of_a_test").Mine(**dict(load_hardware("stripes", [f"{BANDWIDTH}=1e15"])))
        cycles = accelsim.simulate(mine, trace).total("dense_cycles")
        found.append([cycles, evaluate.evaluate(mine, trace)["dense_cycles"], dense_totals(mine, product)["time_s"]])
    assert found[1] == pytest.approx([3 * value for value in found[0]], rel=1e-2)


def test_the_command_prints_points_and_knees(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "sweep",
        "--hw",
        "stripes",
        "--workload",
        *folders,
        "--set",
        f"{STRIPES}=1KiB..16KiB:x4",
        f"{BANDWIDTH}=1e9,4e9",
    ]
    assert invoke([*command, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for words in (
        "Sweep of 12 points",
        "Where more stops helping",
        "16 KiB",
        "4.00 GB/s",
        "DRAM traffic",
        "sweep.parquet",
        "sweep.svg",
    ):
        assert words in printed
    assert invoke([*command, "--csv"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    pd.testing.assert_frame_equal(
        table[["total_cycles", "energy_pj"]], pd.read_parquet(tmp_path / "sweep.parquet")[["total_cycles", "energy_pj"]]
    )


@pytest.mark.parametrize(
    ("arguments", "code", "fragment"),
    [
        (["--hw", "strips"], 4, "did you mean 'stripes'"),
        (["--hw", "stripes", "--set", "clock.frequency_mhz=8..2"], 3, "ends before it begins"),
        (["--hw", "stripes", "--set", "clock.frequency=1,2"], 3, "did you mean 'frequency_mhz'"),
        (["--hw", "stripes", "--set", "scnn:batch.size=1,2"], 4, "unknown machine or workload"),
        (["--hw", "stripes", "--executor", "cloud"], 5, "local:N"),
        (["--hw", "stripes", "--executor", "local:0"], 5, "above 0"),
        (["--hw", "eyeriss", "--set", f"{EYERISS}=1KiB..2KiB"], 7, "none of the points can be run"),
    ],
)
def test_errors_are_one_clear_line(
    arguments: list[str], code: int, fragment: str, folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["sweep", "--workload", folders[0], *arguments]) == code
    said = capsys.readouterr().err
    assert fragment in said
    assert said.startswith("accelsim: ")
