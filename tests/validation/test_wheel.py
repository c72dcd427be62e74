"""The main command works from an installed wheel, in an empty folder, with an empty cache."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_run_from_a_wheel(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "wheel"), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(site)
    assert "accelsim/hwconfigs/eyeriss.yaml" in names
    assert "accelsim/workloads/bert_lstm.yaml" in names
    assert {f"accelsim/workloads/files/{n}" for n in ("resnet20_qdq.onnx", "denoiser_int8.tflite")} <= set(names)
    assert any(n.startswith("accelsim/zoo/weights/bert_lstm/") for n in names)
    assert not any(n.startswith(("tests/", "benchmarks/")) for n in names)
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(site), "ACCELSIM_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "accelsim", "run", "--hw", "configs/eyeriss.yaml", "--workload", "bert_lstm"]
    done = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "total" in done.stdout
    where = subprocess.run(
        [sys.executable, "-c", "import accelsim; print(accelsim.__file__)"],
        cwd=empty,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(site))
    assert list(empty.iterdir()) == []
