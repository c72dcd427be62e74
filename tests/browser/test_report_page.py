"""The report in a real browser: nothing is asked of the network, charts are drawn, choosing filters, tables sort."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from accelsim.cli import invoke
from tests.browser.chromium import Browser
from tests.report_runs import LAYERS, results

pytestmark = pytest.mark.slow

VISIBLE = (
    "[...document.querySelectorAll('[data-name={}] tbody tr')].filter(r => !r.hidden).map(r => r.cells[{}].textContent)"
)
DRAWN = (
    "[...document.querySelectorAll('.chart')]"
    ".filter(c => !c.querySelector('svg .mark-rect path, svg .mark-symbol path, svg .mark-line path')).map(c => c.id)"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("results")
    folders = results(root)
    found = {}
    for name, parts in {"runs": ("eyeriss", "compare"), "sweep": ("sweep",)}.items():
        found[name] = root / f"{name}.html"
        assert invoke(["report", *(str(folders[p]) for p in parts), "--out", str(found[name]), "--quiet"]) == 0
    return found


@pytest.fixture
def runs(browser: Browser, pages: dict[str, Path]) -> Browser:
    """Open the report of runs afresh."""
    browser.errors.clear()
    browser.requests.clear()
    browser.resize(1280, 900)
    browser.open(pages["runs"])
    return browser


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["runs", "sweep"])
def test_every_chart_is_drawn_and_nothing_is_asked_for(
    browser: Browser, pages: dict[str, Path], name: str, width: int, theme: str, tmp_path: Path
) -> None:
    browser.errors.clear()
    browser.requests.clear()
    browser.resize(width, 900, width < 600)
    browser.open(pages[name])
    browser.evaluate(f"accelsim.theme('{theme}').then(() => true)")
    assert browser.evaluate("document.querySelectorAll('.chart').length") >= (20 if name == "runs" else 8)
    assert browser.evaluate(DRAWN) == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        browser.evaluate(
            "Math.max(...[...document.querySelectorAll('.chart svg')].map(s => s.getBoundingClientRect().right))"
        )
        <= width
    )
    assert browser.errors == []
    assert {address for address in browser.requests if not address.startswith(("data:", "blob:"))} == {
        pages[name].as_uri()
    }
    picture = Path(os.environ.get("ACCELSIM_PICTURES") or tmp_path) / f"report-{name}-{theme}-{width}.png"
    browser.picture(picture)
    assert picture.stat().st_size > 20_000


def test_choosing_a_layer_filters_charts_and_table(runs: Browser) -> None:
    place = runs.evaluate(
        "(() => { const bar = document.querySelector('#time-layers-0-0 .mark-rect path');"
        " bar.scrollIntoView({block: 'center', behavior: 'instant'});"
        " const r = bar.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
    )
    time.sleep(0.2)
    runs.click(*place)
    runs.wait("accelsim.chosen.size === 1")
    layer = runs.evaluate("[...accelsim.chosen][0]")
    assert layer in LAYERS
    assert set(runs.evaluate(VISIBLE.format("layers", 2))) == {layer}
    assert runs.evaluate("document.getElementById('chosen').textContent") == f"Layers: {layer}"
    runs.wait("document.querySelectorAll('#time-layers-0-0 .mark-rect path[opacity=\"0.22\"]').length === 12")
    assert runs.evaluate("accelsim.views.get('bits-0').signal('chosen')") == [layer]
    runs.evaluate("document.getElementById('all').click()")
    assert len(runs.evaluate(VISIBLE.format("layers", 2))) == 16
    assert runs.errors == []


def test_choosing_a_layer_leaves_the_others_out_of_its_bits(runs: Browser) -> None:
    drawn = "[...document.querySelectorAll('#bits-0 .mark-rect path')].map(p => p.getAttribute('d')).join()"
    before = runs.evaluate(drawn)
    runs.evaluate("accelsim.choose('f3').then(() => true)")
    assert runs.evaluate(drawn) != before
    runs.evaluate("accelsim.choose('f3').then(() => true)")
    assert runs.evaluate(drawn) == before


def test_a_table_sorts_by_numbers_and_finds_words(runs: Browser) -> None:
    header = "[...document.querySelectorAll('[data-name=layers] th')].find(h => h.textContent === 'energy')"
    keys = "[...document.querySelectorAll('[data-name=layers] tbody tr')].map(r => Number(r.cells[8].dataset.key))"
    assert runs.evaluate(f"{header}.cellIndex") == 8
    runs.evaluate(f"{header}.querySelector('button').click()")
    values = runs.evaluate(keys)
    assert values == sorted(values)
    assert runs.evaluate(f"{header}.getAttribute('aria-sort')") == "ascending"
    runs.evaluate(f"{header}.querySelector('button').click()")
    assert runs.evaluate(keys) == sorted(values, reverse=True)
    runs.evaluate(
        "(() => { const i = document.querySelector('[data-table=layers]');"
        " i.value = 'stripes e2'; i.dispatchEvent(new Event('input')); })()"
    )
    assert runs.evaluate(VISIBLE.format("layers", 0)) == ["stripes"]


def test_the_keyboard_reaches_sorting_and_choosing(runs: Browser) -> None:
    runs.key("Tab")
    assert runs.evaluate("document.activeElement.className") == "skip"
    runs.evaluate("document.querySelector('[data-name=layers] th:nth-child(3) button').focus()")
    runs.key("Enter")
    assert (
        runs.evaluate("document.querySelector('[data-name=layers] th:nth-child(3)').getAttribute('aria-sort')")
        == "ascending"
    )
    runs.evaluate(
        "(() => { document.querySelector('.chooser details').open = true; document.querySelector('.boxes input').focus(); })()"
    )
    runs.key(" ")
    runs.wait("accelsim.chosen.size === 1")
    assert runs.evaluate("[...accelsim.chosen][0]") == LAYERS[0]


def test_the_page_prints(runs: Browser) -> None:
    import base64

    data = base64.b64decode(runs.send("Page.printToPDF", printBackground=True)["data"])
    assert data[:5] == b"%PDF-"
    runs.send("Emulation.setEmulatedMedia", media="print")
    hidden = "['nav', '.chooser', '.buttons'].map(s => getComputedStyle(document.querySelector(s)).display)"
    assert runs.evaluate(hidden) == ["none"] * 3
    runs.send("Emulation.setEmulatedMedia", media="")
