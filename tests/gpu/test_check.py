"""`accelsim gpu check` on the synthetic records: ratios, correlations, claims; nothing of them passes for a measurement."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from accelsim.cli import invoke
from accelsim.compactness.correlation import rank_correlation
from accelsim.errors import ConfigError, InputError
from accelsim.gpu import claims
from accelsim.gpu.crosscheck import crosscheck, errors, load, machine_of, own_times
from accelsim.gpu.files import read_record
from accelsim.gpu.records import KINDS
from tests.gpu.make_synthetic import FOLDER, main


@pytest.fixture(scope="module")
def records():
    return load([FOLDER])


def test_the_fixture_is_what_the_test_double_gives(tmp_path: Path) -> None:
    for path in main(tmp_path):
        made, kept = read_record(path), read_record(FOLDER / path.relative_to(tmp_path))
        assert made.counts == kept.counts
        for one, other in zip(made.measured, kept.measured, strict=True):
            assert one.time_s.median == pytest.approx(other.time_s.median), "python -m tests.gpu.make_synthetic"


def test_every_name_in_the_fixture_says_synthetic() -> None:
    for path in sorted(FOLDER.rglob("*.json")):
        assert path.name.startswith("SYNTHETIC")
        data = json.loads(path.read_text())
        for name in (data["network"], data["workload"], data["device"]["name"], data["date"], *data["notes"]):
            assert name.startswith("SYNTHETIC")
        for point in data["points"]:
            assert all(item["name"].startswith("SYNTHETIC") for item in point["kernels"])
            assert all(item["module"].startswith("SYNTHETIC") for item in point["modules"])


def test_rows_and_ratios(records) -> None:
    found = crosscheck(records)
    assert found.synthetic
    assert found.networks["synthetic"].all()
    assert any(line.startswith("SYNTHETIC records") for line in found.warnings)
    assert len(found.networks) == sum(len(record.measured) for record in records)
    assert len(found.modules) == sum(len(point.modules) for record in records for point in record.measured)
    nets = found.networks
    assert (nets["time_ratio"] == nets["simulated_s"] / nets["measured_s"]).all()
    assert nets["mac_ratio"].to_numpy() == pytest.approx(1.0)
    # the test double moves every value once, as the model does of layers that fit its cache
    assert nets["byte_ratio"].to_numpy() == pytest.approx(1.0)
    logs = [math.log(ratio) for ratio in nets["time_ratio"]]
    assert (found.modules["bound_s"] <= found.modules["simulated_s"]).all()
    spread = errors(found.networks["simulated_s"], found.networks["measured_s"])
    assert spread.geomean == pytest.approx(math.exp(sum(logs) / len(logs)))
    assert min(nets["time_ratio"]) <= spread.low <= spread.geomean <= spread.high <= max(nets["time_ratio"])
    assert spread.within2 == sum(abs(log) <= math.log(2) for log in logs) / len(logs)
    assert spread.rows == len(nets)


def test_rank_correlations() -> None:
    a = pd.Series([1.0, 2.0, 3.0, 4.0])
    assert rank_correlation(a, a**3) == pytest.approx(1.0)
    assert rank_correlation(a, -a) == pytest.approx(-1.0)
    assert rank_correlation(pd.Series([1, 2, 2, 3]), pd.Series([1, 3, 2, 4])) == pytest.approx(3 / math.sqrt(10))
    assert math.isnan(rank_correlation(a[:2], a[:2]))
    assert math.isnan(rank_correlation(a, a * 0))


def test_time_of_modules_inside_others_counts_once() -> None:
    times = own_times({"a": 5.0, "a.b": 2.0, "a.b.c": 1.5, "ab": 1.0})
    assert times == pytest.approx({"a": 3.0, "a.b": 0.5, "a.b.c": 1.5, "ab": 1.0})


def test_claims_and_modes(records) -> None:
    points = claims.points(records)
    table = claims.claims(points)
    real = table[(table["mode"] == "float16-real") & (table["batch"] == 1)]
    assert len(real) == len(claims.CLAIMS)
    assert (real["networks"] == 4).all()
    one = real[real["effect"] == "allocated_bytes"].set_index("cause")["correlation"]
    group = points[(points["mode"] == "float16-real") & (points["batch"] == 1)]
    assert one["parameters"] == pytest.approx(rank_correlation(group["parameters"], group["allocated_bytes"]))
    assert points[[f"{kind}_share" for kind in KINDS]].sum(axis=1).to_numpy() == pytest.approx(1.0)
    gained = claims.profits(points).set_index(["network", "batch", "mode"])
    zeros = gained.loc[("SYNTHETIC-conv", 1, "float16-zeros")]
    assert zeros["mode_energy_gain"] == pytest.approx(4.0, rel=0.05)
    assert zeros["mode_speedup"] == pytest.approx(1.0, rel=0.05)


def test_synthetic_and_real_are_never_mixed(tmp_path: Path) -> None:
    source = next(FOLDER.rglob("*.json"))
    shutil.copy(source, tmp_path / "one.json")
    text = source.read_text().replace("SYNTHETIC", "TEST").replace('"synthetic": true', '"synthetic": false')
    (tmp_path / "two.json").write_text(text)
    with pytest.raises(InputError, match="never mixed"):
        load([tmp_path])


def test_which_machine(records) -> None:
    record = records[0]
    assert machine_of(record).name == "h100"
    assert machine_of(record, "h200").name == "h200"
    unknown = record.model_copy(update={"device": record.device.model_copy(update={"name": "SYNTHETIC abacus"})})
    with pytest.raises(ConfigError, match="no machine is known for SYNTHETIC abacus"):
        machine_of(unknown)
    with pytest.raises(ConfigError, match="eyeriss is no GPU"):
        machine_of(record, "eyeriss")
    narrow = record.model_copy(update={"mode": record.mode.model_copy(update={"number": "int8", "sparsity": "2:4"})})
    assert machine_of(narrow).word_bits == 8
    assert machine_of(narrow).accelerator.sparsity


def test_command_marks_every_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["gpu", "check", str(FOLDER), "--modules", "--out", str(tmp_path), "--csv"]) == 0
    printed = capsys.readouterr().out
    titles = ("Networks:", "Modules:", "How far", "Kernels by kind", "Claims about", "Does the GPU profit?")
    lines = printed.splitlines()
    assert sum(line.startswith("SYNTHETIC " + title) for line in lines for title in titles) == len(titles)
    for stem in ("gpu_modules", "gpu_networks", "gpu_points", "gpu_claims", "gpu_profits"):
        assert pd.read_csv(tmp_path / f"{stem}.csv")["synthetic"].all()
    assert "SYNTHETIC: time" in (tmp_path / "gpu_check.svg").read_text()


def test_checking_loads_no_torch() -> None:
    program = (
        "import sys; from accelsim.cli import invoke;"
        f"code = invoke(['gpu', 'check', {str(FOLDER)!r}]); sys.exit(code or ('torch' in sys.modules) * 99)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
