"""The archives hold what a stranger expects, and the main command works from the wheel, in an empty folder and cache."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

import accelsim

ROOT = Path(__file__).resolve().parents[2]
INSIDE = ("hwconfigs", "workloads")
"""Folders beside the package that a wheel carries inside it."""


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the source archive and the wheel that was built from it alone."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def wheel(archives: Path) -> zipfile.ZipFile:
    (path,) = archives.glob("*.whl")
    assert path.name == f"accelsim-{accelsim.__version__}-py3-none-any.whl"
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> dict[str, list[str]]:
    (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    headers = HeaderParser().parsestr(wheel.read(name).decode())
    return {key: headers.get_all(key, []) for key in headers}


def tree(folder: str) -> set[str]:
    """Return the files of a folder of the checkout, from its root, but what running them leaves."""
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    left = {"docs/_build", "docs/reference"}
    names = {path.relative_to(ROOT).as_posix() for path in found}
    return {name for name in names if not any(name.startswith(f"{folder}/") for folder in left)}


def excerpt() -> list[str]:
    """Return the lines that README quotes of the main command, single spaces between words."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    quoted = readme.partition("An excerpt of what it prints:")[2].partition("\n\n    ")[2].partition("\n\nA ")[0]
    return [" ".join(line.split()) for line in quoted.split("\n") if line.strip()]


def test_the_wheel_holds_the_package_and_its_data_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    held = {n for n in wheel.namelist() if ".dist-info/" not in n}
    assert held == tree("accelsim") | {f"accelsim/{name}" for folder in INSIDE for name in tree(folder)}
    notices = {Path(n).name for n in wheel.namelist() if "/licenses/" in n}
    assert notices == {"LICENSE", "NOTICE"}


def test_the_source_archive_holds_everything_to_build_test_and_document(archives: Path) -> None:
    (path,) = archives.glob("*.tar.gz")
    assert path.name == f"accelsim-{accelsim.__version__}.tar.gz"
    with tarfile.open(path) as archive:
        names = {m.name.partition("/")[2] for m in archive.getmembers() if m.isfile()}
    for folder in ("accelsim", "benchmarks", "docs", "gpuruns", "tests", *INSIDE):
        assert tree(folder) <= names, folder
    roots = {name for name in names if "/" not in name}
    files = "CHANGELOG.md CITATION.cff CONTRIBUTING.md LICENSE MANIFEST.in Makefile NOTICE README.md constraints.txt"
    assert roots == {*files.split(), "PKG-INFO", "pyproject.toml", "setup.cfg", "setup.py"}
    assert not [n for n in names if "__pycache__" in n or n.endswith((".pyc", ".nbi", ".nbc")) or "_build/" in n]


def test_the_metadata_are_complete(metadata: dict[str, list[str]]) -> None:
    assert metadata["Version"] == [accelsim.__version__]
    assert metadata["License-Expression"] == ["Apache-2.0"]
    assert all(metadata[key] for key in ("Author", "Keywords", "Summary", "Classifier"))
    assert metadata["Requires-Python"] == [">=3.11"]
    bounds = [line for line in metadata["Requires-Dist"] if "extra ==" not in line]
    assert len(bounds) > 9
    assert all(">=" in line for line in bounds)


def test_the_extra_all_is_every_feature_and_no_tool(metadata: dict[str, list[str]]) -> None:
    (line,) = (line for line in metadata["Requires-Dist"] if line.endswith('extra == "all"'))
    extras = set(re.search(r"\[(.*)\]", line)[1].split(","))
    assert extras == set(metadata["Provides-Extra"]) - {"all", "docs", "fuzz", "test", "testing"}


def test_run_from_a_wheel(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    site = tmp_path / "site"
    wheel.extractall(site)
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(site), "ACCELSIM_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "accelsim", "run", "--hw", "configs/eyeriss.yaml", "--workload", "bert_lstm"]
    done = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed = " ".join(done.stdout.split())
    missing = [line for line in excerpt() if line not in printed]
    assert not missing
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
