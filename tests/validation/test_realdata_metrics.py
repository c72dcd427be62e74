"""Every trained network of the reference data does what its notes say it does: accuracy, PSNR, detection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("ai_edge_litert")

from tests.realdata.inputs import NETWORKS
from tests.realdata.metrics import METRICS, Metric, sampled
from tests.realdata.networks import FILES


@pytest.fixture
def entries(shared: Path) -> list[str]:
    """Return the names of the reference networks."""
    path = shared / "realdata" / "models.json"
    if not path.is_file():
        pytest.skip(f"trained reference networks not found at {path}")
    return [row["name"] for row in json.loads(path.read_text())]


def test_every_entry_has_a_metric_in_each_of_its_forms(entries: list[str]) -> None:
    assert {metric.folder for metric in METRICS} == set(entries)
    assert {metric.name for metric in METRICS} == set(NETWORKS) | set(FILES)
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(len(m.stated) in (0, len(m.here)) and len(m.stated) == len(m.within) for m in METRICS)


def test_tolerance_of_a_sample_is_three_standard_errors() -> None:
    (bound,) = sampled((50.0,), 200, 200)
    assert bound == pytest.approx(15.0)  # each share of 200 has a standard error of 3.54 points


@pytest.mark.parametrize(
    "metric", [pytest.param(m, id=m.name, marks=() if m.fast else pytest.mark.slow) for m in METRICS]
)
def test_a_network_reaches_the_figure_of_its_notes(metric: Metric, shared: Path, entries: list[str]) -> None:
    found = metric.measure(shared, metric.name)
    assert found == pytest.approx(metric.here, abs=metric.same + 1e-9)
    for figure, stated, within in zip(found, metric.stated, metric.within, strict=True) if metric.stated else ():
        assert figure == pytest.approx(stated, abs=within + 1e-9), metric.note
