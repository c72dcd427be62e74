"""The command line: exit codes, one clear line for every error, light imports."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from accelsim import catalogue
from accelsim.cli import invoke
from accelsim.errors import EXIT_CODES
from accelsim.results import RunResult
from accelsim.units import picojoules

RUN = ["run", "--hw", "configs/eyeriss.yaml", "--workload", "bert_lstm"]


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split("\n"))


def test_help_imports_nothing_heavy() -> None:
    loaded = modules_after("from accelsim.cli import invoke\ninvoke(['--help'])\ninvoke(['run', '--help'])")
    assert not loaded & {"torch", "numba", "pandas", "numpy", "pyarrow"}


def test_warm_run_never_imports_torch() -> None:
    assert invoke(RUN) == 0
    loaded = modules_after(f"from accelsim.cli import invoke\nassert invoke({RUN!r}) == 0")
    assert "torch" not in loaded


def test_run_writes_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke([*RUN, "--out", str(tmp_path / "out"), "--csv"]) == 0
    printed = capsys.readouterr().out
    for word in ("total", "speedup", "DRAM filter", "lstm", "qk", "Energy on eyeriss", "ineffectual"):
        assert word in printed
    table = pd.read_parquet(tmp_path / "out" / "layers.parquet")
    info = json.loads((tmp_path / "out" / "run.json").read_text())
    assert set(table.columns) <= set(info["columns"])
    assert all(info["columns"][c]["meaning"] for c in table.columns)
    assert len(pd.read_csv(tmp_path / "out" / "layers.csv")) == len(table)
    assert info["trace"]["key"]


@pytest.mark.parametrize(("machine", "cycles"), [("eyeriss", "processing_cycles"), ("stripes", "compute_cycles")])
def test_csv_without_a_folder_is_all_that_is_printed(
    machine: str, cycles: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = ["run", "--hw", machine, "--workload", "bert_lstm", "--set", "workload.samples=2"]
    assert invoke([*command, "--csv"]) == 0
    printed = capsys.readouterr()
    table = pd.read_csv(io.StringIO(printed.out))
    assert printed.out.startswith("machine,layer,compute_cycles,sample,kind,macs,total_cycles,")
    assert set(table["machine"]) == {machine}
    assert all(line.startswith("warning: ") for line in printed.err.splitlines())
    assert invoke([*command, "--out", str(tmp_path)]) == 0
    layers = pd.read_parquet(tmp_path / "layers.parquet")
    assert table["compute_cycles"].tolist() == layers[cycles].tolist()
    assert set(table.columns) - {"machine", "compute_cycles"} == set(layers.columns) - {"compute_cycles"}
    assert len(table) == 2 * layers["layer"].nunique()


@pytest.mark.parametrize("network", ["tiny", "resnet20"])
def test_a_folder_of_arrays_is_a_workload(network: str, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared / "golden" / "dnnsim" / network
    assert invoke(["run", "--hw", "stripes", "--workload", str(folder), "--csv"]) == 0
    ours = pd.read_csv(io.StringIO(capsys.readouterr().out))
    theirs = pd.read_csv(folder / "Stripes.csv").iloc[: len(ours)]
    assert ours[["layer", "compute_cycles"]].values.tolist() == theirs[["Layer", "compute_cycles"]].values.tolist()


def cells(printed: str, title: str) -> dict[str, list[str]]:
    """Return the cells of each row of the table `title`, by the first one."""
    lines = printed[printed.index(title) :].splitlines()
    end = next(i for i, line in enumerate(lines) if line.startswith(" total"))
    rows = [re.split(r" {2,}", line.strip()) for line in lines[1 : end + 1] if line.startswith(" ")]
    return {row[0]: row[1:] for row in rows if len(row) > 2}


@pytest.mark.parametrize("machine", ["dadiannao", "stripes", "pragmatic"])
def test_run_on_a_compute_array(machine: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert invoke(["run", "--hw", machine, "--workload", "bert_lstm", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert max(len(line.rstrip()) for line in printed.split("one input:")[0].splitlines()) <= 160
    result = RunResult.read(tmp_path)
    assert set(result.layers.columns) <= set(json.loads((tmp_path / "run.json").read_text())["columns"])
    account = cells(printed, f"Where the lane slots of {machine} go")
    assert set(account) == {"layer", "total", *result.layers["layer"]}
    for row in [row for name, row in account.items() if name != "layer"]:
        *shares, ideal, achieved = (float(cell.rstrip(" %x")) for cell in row)
        assert sum(shares) == pytest.approx(100, abs=0.06 * len(shares))
        assert ideal >= achieved >= 1
    time = cells(printed, f"Time and traffic on {machine}, one input")
    assert time["total"][-1] == f"{result.total('baseline_cycles') / result.total('total_cycles'):.2f}x"
    energy = cells(printed, f"Energy on {machine}, one input, by part")
    parts = [c for c in result.layers if re.fullmatch(r"energy_\w+_pj", c)]
    assert sum(map(result.total, parts)) == pytest.approx(result.total("energy_pj"))
    assert energy["total"][-3] == picojoules(result.total("energy_pj"))
    means = result.by_layer().set_index("layer")
    assert energy["classifier"][-3] == picojoules(means.loc["classifier", "energy_pj"])


@pytest.mark.parametrize(
    ("arguments", "code", "fragment"),
    [
        (["run", "--hw", "eyeris", "--workload", "bert_lstm"], 4, "did you mean 'eyeriss'"),
        (["run", "--hw", "eyeriss", "--workload", "bert_lsm"], 4, "did you mean 'bert_lstm'"),
        (["run", "--hw", "eyeriss"], 2, "--workload"),
        (["run", "--wrong"], 2, "--wrong"),
        (["explain", "total_cycle"], 4, "did you mean"),
        (["list", "nothing"], 4, "catalogue"),
        ([*RUN, "--set", "array.rows=0"], 3, "array.rows"),
        ([*RUN, "--set", "array.rowz=3"], 3, "did you mean 'rows'"),
        ([*RUN, "--set", "scratchpads.filter_words=0"], 7, "filter"),
        ([*RUN, "--set", "workload.samples=0"], 3, "samples"),
        ([*RUN, "--set", "workload.network=bert_lstn"], 3, "did you mean 'bert_lstm'"),
        ([*RUN, "--set", "workload.inputs=[missing.txt]"], 5, "missing.txt"),
        ([*RUN, "--set", "workload.inputs=['  ']"], 5, "sentence is empty"),
        (["run", "--hw", "eyeriss", "--workload", "resnet20", "--set", "workload.inputs=[no.png]"], 5, "no.png"),
        (["analyze", "--workload", "bert_lstm", "--csv"], 3, "--out"),
        (["run", "--hw", "nowhere/eyeriss.yaml", "--workload", "bert_lstm"], 5, "no such file"),
        ([*RUN, "--set", "clock.frequency_mhz=.inf"], 3, "finite"),
        ([*RUN, "--set", "word_bits=8", "--set", "compression.value_bits=8"], 3, "16-bit codes"),
        (["analyze", "--workload", "bert_lstm", "--padding", "maybe"], 3, "give in or out"),
    ],
)
def test_errors_are_one_clear_line(
    arguments: list[str], code: int, fragment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code in EXIT_CODES
    assert invoke(arguments) == code
    said = capsys.readouterr().err
    assert fragment in said
    assert said.startswith("accelsim: ")
    assert "Traceback" not in said


def test_full_disk_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(partial: Path, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("accelsim.files.writing.os.replace", full)
    assert invoke([*RUN, "--out", str(tmp_path / "out")]) == 8
    assert "No space left" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_every_error_code_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["list", "exit-codes"]) == 0
    printed = capsys.readouterr().out
    assert all(text in printed for text in EXIT_CODES.values())


@pytest.mark.parametrize(
    "what", ["hw", "workloads", "accelerators", "dataflows", "analyzers", "sources", "zoo", "dram"]
)
def test_lists(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["list", what]) == 0
    lines = capsys.readouterr().out.strip().split("\n")
    assert all(len(line.split(None, 1)) == 2 for line in lines)


def test_lists_hold_the_shipped_files(capsys: pytest.CaptureFixture[str]) -> None:
    invoke(["list", "hw"])
    assert {line.split()[0] for line in capsys.readouterr().out.strip().split("\n")} == set(catalogue.names("hardware"))


def test_explain_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["explain", "all"]) == 0
    assert "total_cycles [cycle]" in capsys.readouterr().out


def test_an_unreadable_picture_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("PIL")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    setting = f"workload.inputs=[{tmp_path / 'broken.png'}]"
    assert invoke(["run", "--hw", "eyeriss", "--workload", "resnet20", "--set", setting]) == 5
    assert "broken.png cannot be read" in capsys.readouterr().err


def test_own_sentences_take_the_place_of_the_samples(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tokenizers")
    assert invoke([*RUN, "--set", "workload.inputs=[a fine film, two hours of my life that I will not get back]"]) == 0
    assert "means over 2 captured samples" in capsys.readouterr().out
