"""The command line: exit codes, one clear line for every error, light imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from accelsim import catalogue
from accelsim.cli import invoke
from accelsim.errors import EXIT_CODES

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
        ([*RUN, "--csv"], 3, "--out"),
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
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert invoke([*RUN, "--out", str(tmp_path / "out")]) == 8
    assert "No space left" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_every_error_code_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["list", "exit-codes"]) == 0
    printed = capsys.readouterr().out
    assert all(text in printed for text in EXIT_CODES.values())


@pytest.mark.parametrize("what", ["hw", "workloads", "accelerators", "dataflows", "analyzers", "sources", "zoo"])
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
