"""Searches: the exact front of a grid that a sweep lists, limits, seeds, resumption, storages, refusals."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.accelerators.base import load_hardware
from accelsim.cli import invoke
from accelsim.errors import AccelsimError, ConfigError, InputError, UnknownNameError
from accelsim.report import text
from accelsim.report.charts.study import pareto as pareto_figures
from accelsim.report.figures import search as search_figures
from accelsim.report.folders import Study
from accelsim.report.text import search as search_text
from accelsim.study import optimiser
from accelsim.study.limits import Limit, bandwidth, limits, sram_bytes
from accelsim.study.pareto import pareto
from accelsim.study.search import Search, search
from accelsim.study.sweep import sweep
from tests.study_networks import bandwidth_key, buffer_key, network, second_buffer_key

pytest.importorskip("optuna")
WEIGHT, INPUT, SPEED = buffer_key("stripes"), second_buffer_key("stripes"), bandwidth_key("stripes")
FREE = [f"{WEIGHT}=1KiB..32KiB", f"{INPUT}=64..1024:x2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(network(tmp_path_factory.mktemp("nets") / "one", 1))


@pytest.fixture(scope="module")
def searched(folder: str, tmp_path_factory: pytest.TempPathFactory) -> Search:
    out = tmp_path_factory.mktemp("out")
    return search("stripes", folder, FREE, ["traffic", "sram"], ["sram=24KiB"], trials=180, seed=3, out=out)


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), max_size=30))
def test_the_front_is_what_nothing_dominates(values: list[tuple[int, int, int]]) -> None:
    assert pareto(values) == [not any(dominates(other, one) for other in values) for one in values]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40))
def test_the_front_of_two_objectives_is_what_nothing_dominates(values: list[tuple[int, int]]) -> None:
    assert pareto(values) == [not any(dominates(other, one) for other in values) for one in values]


def test_the_front_is_the_one_of_the_whole_grid(searched: Search, folder: str) -> None:
    table = sweep("stripes", folder, FREE).table
    sizes = [
        sram_bytes(load_hardware("stripes", [f"{WEIGHT}={int(w)}", f"{INPUT}={int(i)}"]))
        for w, i in zip(table[WEIGHT], table[INPUT], strict=True)
    ]
    table = table.assign(sram_bytes=sizes)
    kept = table[table["sram_bytes"].le(24 * 1024)]
    values = list(zip(kept["dram_bytes"], kept["sram_bytes"], strict=True))
    best = kept[pareto(values)]
    assert 2 < len(best) < len(kept) < len(table)
    expected = best.sort_values(["dram_bytes", "sram_bytes"])[[WEIGHT, INPUT, "dram_bytes", "sram_bytes"]]
    found = searched.front[[WEIGHT, INPUT, "dram_bytes", "sram_bytes"]]
    assert found["dram_bytes"].tolist() == expected["dram_bytes"].tolist()
    assert found["sram_bytes"].tolist() == expected["sram_bytes"].tolist()


def test_limits_are_kept(searched: Search) -> None:
    table = searched.table
    assert len(table) == 180
    assert (table["feasible"] == table["sram_bytes"].le(24 * 1024)).all()
    assert not table[table["pareto"] & ~table["feasible"]].size
    assert table["feasible"].mean() > 0.5  # most trials keep the limit, which half of the grid exceeds


def test_the_same_seed_tries_the_same_and_another_does_not(searched: Search, folder: str) -> None:
    again = search("stripes", folder, FREE, ["traffic", "sram"], ["sram=24KiB"], trials=60, seed=3, storage=None)
    columns = [WEIGHT, INPUT]
    assert again.table[columns].equals(searched.table[columns].iloc[:60])
    other = search("stripes", folder, FREE, ["traffic", "sram"], ["sram=24KiB"], trials=60, seed=4)
    assert not other.table[columns].equals(again.table[columns])


@pytest.mark.parametrize("storage", [pytest.param("study.db", marks=pytest.mark.slow), "study.journal"])
@pytest.mark.parametrize("objectives", [["traffic", "sram"], ["energy"]])
def test_an_interrupted_search_goes_on_as_if_it_had_not_been(
    storage: str, objectives: list[str], folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = search("stripes", folder, FREE, objectives, trials=40, seed=1)
    real, told = optimiser.Optimiser._tell, []

    def interrupted(self: optimiser.Optimiser, trial: object, found: object) -> None:
        told.append(1)
        if len(told) == 17:  # in the midst of a batch
            raise KeyboardInterrupt
        real(self, trial, found)  # type: ignore[arg-type]

    monkeypatch.setattr(optimiser.Optimiser, "_tell", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search("stripes", folder, FREE, objectives, trials=40, seed=1, storage=tmp_path / storage)
    monkeypatch.setattr(optimiser.Optimiser, "_tell", real)
    resumed = search("stripes", folder, FREE, objectives, trials=40, seed=1, storage=tmp_path / storage)
    pd.testing.assert_frame_equal(resumed.table, whole.table, check_exact=True)
    more = search("stripes", folder, FREE, objectives, trials=44, seed=1, storage=tmp_path / storage)
    pd.testing.assert_frame_equal(more.table[[WEIGHT, INPUT]].iloc[:40], whole.table[[WEIGHT, INPUT]])
    assert len(more.table) == 44


def test_one_objective_finds_the_best_of_the_grid(folder: str) -> None:
    free = [f"{SPEED}=1e8..6.4e9", f"{WEIGHT}=1KiB..64KiB"]
    found = search("stripes", folder, free, "latency", ["bandwidth=1e9"], trials=60)
    table = sweep("stripes", folder, free).table
    kept = table[table[SPEED].le(1e9)]
    assert found.front["time_s"].tolist() == [kept["time_s"].min()] * len(found.front)
    assert found.front[SPEED].le(1e9).all()
    assert found.objectives == ("latency",)


def test_several_workloads_count_by_their_geometric_mean(folder: str, tmp_path: Path) -> None:
    other = str(network(tmp_path / "two", 2))
    both = search("stripes", [folder, other], FREE, ["traffic", "edp"], trials=12)
    single = [search("stripes", name, FREE, ["traffic", "edp"], trials=12).table for name in (folder, other)]
    assert single[0][[WEIGHT, INPUT]].equals(both.table[[WEIGHT, INPUT]])  # the first batch depends on the seed alone
    for goal in ("dram_bytes", "edp"):
        means = [math.sqrt(a * b) for a, b in zip(single[0][goal], single[1][goal], strict=True)]
        assert both.table[goal].tolist() == pytest.approx(means)


def test_designs_that_cannot_run_are_told_and_left_out(folder: str) -> None:
    key = buffer_key("eyeriss")
    found = search("eyeriss", folder, [f"{key}=4KiB..64KiB"], ["energy", "traffic"], trials=24)
    refused = found.table[found.table["problem"].ne("")]
    assert len(refused)
    assert not refused["feasible"].any()
    assert not refused["pareto"].any()
    assert refused["energy_pj"].isna().all()
    assert "cannot run" in search_text.summary(found)


@pytest.mark.slow
def test_processes_try_the_same_designs(folder: str) -> None:
    here = search("stripes", folder, FREE, ["traffic", "sram"], trials=24, seed=5)
    there = search("stripes", folder, FREE, ["traffic", "sram"], trials=24, seed=5, executor="local:2")
    pd.testing.assert_frame_equal(here.table, there.table, check_exact=True)


def test_words_are_searched_too(folder: str) -> None:
    found = search("stripes", folder, ["storage.activation=plain,profiled", FREE[0]], ["traffic"], trials=30)
    assert set(found.table["storage.activation"]) == {"plain", "profiled"}
    assert found.front["storage.activation"].eq("profiled").all()


def test_capacity_and_bandwidth_of_every_kind_of_machine() -> None:
    stripes = load_hardware("stripes", [f"{WEIGHT}=1024", f"{INPUT}=512", f"{SPEED}=3e9"])
    assert sram_bytes(stripes) == 1536
    assert bandwidth(stripes) == 3e9
    key = buffer_key("eyeriss")
    small, large = (load_hardware("eyeriss", [f"{key}={size}"]) for size in (65536, 131072))
    assert sram_bytes(large) - sram_bytes(small) == 65536
    assert sram_bytes(small) > 65536 + 168 * 2 * (224 + 12 + 24)
    assert Limit("sram", 3072).excess(stripes, []) == -0.5
    assert Limit("energy_pj", 10).excess(stripes, [{"energy_pj": 5.0}, {"energy_pj": 20.0}]) == 1
    with pytest.raises(ConfigError, match="--limit sram=1MiB"):
        Limit("area", 1).excess(stripes, [])
    with pytest.raises(ConfigError, match="no such column"):
        Limit("enrgy", 1).excess(stripes, [{"energy_pj": 5.0}])
    assert limits(["sram=1MiB"]) == (Limit("sram", 2**20),)


def test_files_and_figure(searched: Search, tmp_path: Path) -> None:
    paths = searched.write(tmp_path, csv=True)
    assert {p.name for p in paths} == {
        "search.json",
        *(f"{n}.{e}" for n in ("search", "search_front") for e in ("parquet", "csv")),
    }
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "search.parquet"), searched.table, check_exact=True)
    info = json.loads((tmp_path / "search.json").read_text())
    assert set(searched.table.columns) <= set(info["columns"])
    assert info["designs"] == 30
    pytest.importorskip("vl_convert")
    svg, png, html = search_figures.write(searched, tmp_path)
    for words in ("DRAM traffic (MB)", "On-chip memory (KiB)", "on the front", "within the limits", "beyond a limit"):
        assert f">{words}" in svg.read_text(encoding="utf-8")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert html.stat().st_size > 1000


def test_the_command_prints_the_front_and_goes_on(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "search",
        "--hw",
        "stripes",
        "--workload",
        folder,
        "--free",
        *FREE,
        "--objective",
        "traffic",
        "sram",
        "--limit",
        "sram=24KiB",
    ]
    assert invoke([*command, "--trials", "24", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for words in (
        "Pareto front of stripes on one",
        "24 trials",
        "of 30 designs",
        "sram at most 24 KiB",
        "search.parquet",
        "search.svg",
    ):
        assert words in printed
    assert (tmp_path / "search.journal").is_file()
    assert invoke([*command, "--trials", "30", "--out", str(tmp_path)]) == 0
    assert "30 trials" in capsys.readouterr().out
    assert invoke([*command, "--trials", "12", "--csv"]) == 0
    assert len(pd.read_csv(io.StringIO(capsys.readouterr().out))) == 12


@pytest.mark.parametrize(
    ("arguments", "code", "fragment"),
    [
        (["--free", f"{WEIGHT}=1024"], 3, "two values or more"),
        (["--free", "workload.samples=1,2"], 3, "key of the machine"),
        (["--free", *FREE, "--objective", "speed"], 4, "unknown objective 'speed'"),
        (["--free", *FREE, "--limit", "sram"], 3, "NAME=NUMBER"),
        (["--free", *FREE, "--limit", "area=3"], 3, "no area that follows its parameters"),
        (["--free", FREE[0], "--set", f"{INPUT}=1,2"], 3, "vary it with --free"),
        (["--free", "clock.frequency=1,2"], 3, "did you mean 'frequency_mhz'"),
        (["--free", *FREE, "--storage", "/proc/none/x.db"], 8, "/proc/none"),
    ],
)
def test_errors_are_one_clear_line(
    arguments: list[str], code: int, fragment: str, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["search", "--hw", "stripes", "--workload", folder, *arguments]) == code
    said = capsys.readouterr().err
    assert fragment in said
    assert said.startswith("accelsim: ")


def test_without_optuna_the_extra_is_named(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"accelsim\[study\]"):
        search("stripes", folder, FREE)


@pytest.mark.parametrize(
    ("goal", "limit", "words"),
    [
        ("speedup", "sram=1MiB", "more of it is better"),
        ("energy_gain", "sram=1MiB", "more of it is better"),
        ("mappings", "sram=1MiB", "unknown objective"),
        ("energy", "problem=1", "no such column of numbers"),
        ("energy", "warnings=1", "no such column of numbers"),
    ],
)
def test_what_cannot_be_made_small_or_bounded_is_refused(goal: str, limit: str, words: str, folder: str) -> None:
    with pytest.raises(AccelsimError, match=words):
        search("stripes", folder, FREE, [goal], [limit], trials=1)


def test_memory_of_a_machine_that_declares_none_is_no_objective(folder: str) -> None:
    with pytest.raises(ConfigError, match="declares no on-chip memory"):
        search("p100", folder, ["clock.frequency_mhz=500,1000"], ["sram"], trials=1)


def test_an_energy_delay_product_has_one_prefix() -> None:
    assert text.quantity(2.5e9, "pJ s") == "2.50 mJ s"
    study = Study("s", "search", pd.DataFrame(), [], {"objectives": ["edp", "energy"]}, [])
    table = pd.DataFrame(
        {"problem": "", "key": ["a", "b"], "machine": "m", "edp": [2.5e9, 3e9], "energy_pj": [4e9, 3e9]}
    )
    found = pareto_figures([replace(study, table=table)])[0]
    assert found.view["layer"][0]["encoding"]["x"]["title"] == "Energy-delay product (J s)"
    assert found.data.set_index("x")["x_written"].to_dict() == {0.0025: "2.50 mJ s", 0.003: "3.00 mJ s"}


def test_an_unknown_objective_has_near_names(folder: str) -> None:
    with pytest.raises(UnknownNameError, match="energy_pj"):
        search("stripes", folder, FREE, ["energy_p"], trials=1)
