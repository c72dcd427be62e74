"""The documentation's reference covers the code, and the pages build without a warning, offline."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from accelsim import catalogue
from accelsim.accelerators import ACCELERATORS
from accelsim.analyzers import ANALYZERS
from accelsim.analyzers.compression import COMPRESSIONS
from accelsim.sources import SOURCES

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = ("http://www.w3.org/", "https://www.w3.org/")
"""Addresses that name a standard and load nothing."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the pages of the reference, written by a process of their own."""
    folder = tmp_path_factory.mktemp("reference")
    code = "import sys; from pathlib import Path; from docs.generate.write import write; write(Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}


def rows(page: str) -> list[list[str]]:
    """Return the cells of the tables of a page."""
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in page.split("\n") if line.startswith("| ")]


@pytest.mark.parametrize("name", ["machine_keys", "workload_keys", "dram_keys"])
def test_every_key_has_a_type_and_a_meaning(pages: dict[str, str], name: str) -> None:
    found = [[cell.strip() for cell in row] for row in rows(pages[name]) if len(row) == 4]
    assert len(found) > 15
    bare = [row[0] for row in found if not row[1] or not row[3] or row[1] == "value"]
    assert not bare


def test_every_column_command_and_entry_is_there(pages: dict[str, str]) -> None:
    from accelsim import columns
    from accelsim.report.vocabulary import learn

    learn()
    missing = [n for n in columns.COLUMNS if f"`{n}`" not in pages["columns"] and n not in columns._NAMED_BY_USERS]
    assert not missing
    for command in (
        "run",
        "compare",
        "sweep",
        "search",
        "analyze",
        "potential",
        "traffic",
        "capture",
        "export",
        "list",
    ):
        assert f"## accelsim {command}\n" in pages["command_line"]
    assert "`--equal" in pages["command_line"]
    for name in ACCELERATORS.names():
        assert f"## {name}\n" in pages["machines"]
        assert f"## type {name}\n" in pages["machine_keys"]
    for name in catalogue.names("hardware"):
        assert name == "annotated" or f"### hwconfigs/{name}.yaml\n" in pages["machines"]
    for registry in (ANALYZERS, COMPRESSIONS, SOURCES):
        for name in registry.names():
            assert f"### {name} ({registry.what})\n" in pages["catalogues"]


def test_no_page_holds_a_path_of_this_machine(pages: dict[str, str]) -> None:
    written = {path: path.read_text(encoding="utf-8") for path in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]}
    for name, page in {**pages, **written}.items():
        assert str(ROOT) not in page, name
        assert str(Path.home()) + os.sep not in page, name


def test_all_files_name_this_version_and_one_date() -> None:
    import accelsim

    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", changes, re.MULTILINE)
    assert newest is not None
    assert newest[1] == accelsim.__version__
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == accelsim.__version__
    assert str(citation["date-released"]) == newest[2]
    assert citation["license"] == "Apache-2.0"
    assert "version = attr: accelsim.__version__" in (ROOT / "setup.cfg").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_recorded_validation_is_what_the_command_gives() -> None:
    from accelsim.papers import PAPERS
    from accelsim.report.text.paper_page import page

    recorded = (ROOT / "docs" / "validation" / "eyeriss.md").read_text(encoding="utf-8")
    assert page("eyeriss", PAPERS.get("eyeriss")()) == recorded


def test_the_pages_build_without_a_warning_and_load_nothing(tmp_path: Path) -> None:
    pytest.importorskip("myst_nb", reason="pip install 'accelsim[docs]'")
    options = ["-D", f"nb_execution_cache_path={tmp_path / 'notebooks'}", "-d", str(tmp_path / "doctrees")]
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", *options, "docs", str(tmp_path / "html")]
    environment = {**os.environ, "ACCELSIM_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    built = list((tmp_path / "html").rglob("*.html"))
    assert {"index", "first_run", "own_network", "own_accelerator", "columns", "machines"} <= {
        path.stem for path in built
    }
    for path in built:
        text = path.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"(https?:[^\"]*)", text)
        assert not [address for address in loaded if not address.startswith(ALLOWED)], path.name
        assert str(ROOT) not in text, path.name
    ran = (tmp_path / "html" / "tutorials" / "own_accelerator.html").read_text(encoding="utf-8")
    assert re.search(r"\d+ passed, 12 skipped", ran)
