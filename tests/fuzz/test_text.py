"""Every text that accelsim reads, changed at random: a clean error or a valid result."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import BaseModel

from accelsim import strictyaml
from accelsim.accelerators.base import described
from accelsim.config import validate
from accelsim.errors import AccelsimError
from accelsim.gpu.records import Spread
from accelsim.hardware.dram.device import DramDevice, Timing
from accelsim.hardware.energy.source import Action, EnergySource
from accelsim.hardware.hierarchy import Dram, Level, MappingRules
from accelsim.quantize import Quantization
from accelsim.sources.synthesis.shapes import Shape
from accelsim.sources.synthesis.values import Values
from tests.fuzz import coverage_guided, examples, mutations
from tests.fuzz.documents import changed, section, text_of
from tests.fuzz.harness import Tally, bounded_memory, kept_inside
from tests.fuzz.text_targets import TARGETS, families, folder

SEED = random.randrange(1 << 30) if os.environ.get("HYPOTHESIS_PROFILE") == "random" else 1
"""The same cases in every run of make test, others in make test-all; a failed case is shown whole."""

SECTIONS: tuple[type[BaseModel], ...] = (
    Level, Dram, MappingRules, Quantization, Shape, Values, Timing, Action, Spread,
)  # fmt: skip
GRAMMAR = {"few": 60, "many": 2500}
PER_SECTION = {"few": 8, "many": 150}
GUIDED = {"yaml": 4000, "axis": 6000, "grid": 4000, "mapping": 6000, "ncu": 4000, "model.csv": 3000, "record": 3000}
"""Cases of the coverage-guided runs."""


@pytest.fixture(autouse=True, scope="module")
def _no_litter() -> Iterator[None]:
    yield
    shutil.rmtree(folder(), ignore_errors=True)
    folder.cache_clear()


def fuzz(name: str, cases: int) -> Tally:
    """Give `cases` changed examples to the parser of a family."""
    family, tally = families()[name], Tally()
    with bounded_memory(), kept_inside(folder()):
        for text in mutations.cases(family.examples, cases, SEED):
            tally.run(lambda: family.parse(text), text)  # noqa: B023
    return tally


@pytest.mark.parametrize("name", families())
def test_examples_are_good(name: str) -> None:
    for text in families()[name].examples:
        if text in (examples.OWN, examples.FOLDER):  # they name files of the user's that are not here
            with pytest.raises(AccelsimError, match=r"a\.npy|model\.csv"):
                families()[name].parse(text)
        else:
            try:
                families()[name].parse(text)
            except AccelsimError as error:
                if "is not installed" not in str(error):  # one names a package that is large
                    raise


@pytest.mark.parametrize("name", families())
def test_changed_at_random(name: str) -> None:
    cases = families()[name].few
    assert fuzz(name, cases).cases == cases


@pytest.mark.slow
@pytest.mark.parametrize("name", families())
def test_changed_at_random_many_times(name: str) -> None:
    cases = families()[name].many
    tally = fuzz(name, cases)
    assert tally.cases == cases
    assert 0 < tally.valid < cases, f"{tally.outcomes}: the changes are too strong or too weak to find anything"


def test_there_are_sixty_thousand_cases_of_text() -> None:
    grammar = 2 * GRAMMAR["many"] + len(SECTIONS) * PER_SECTION["many"]
    assert sum(family.many for family in families().values()) + grammar >= 60_000
    assert sum(family.few for family in families().values()) + sum(GUIDED.values()) >= 30_000


def _by_grammar(cases: int) -> settings:
    return settings(
        max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
    )  # fmt: skip


@pytest.mark.parametrize("size", ["few", pytest.param("many", marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["hardware", "others"])
def test_documents_with_odd_values(kind: str, size: str) -> None:
    models = {"dram": DramDevice, "energy": EnergySource}
    known = [(described, item) for item in examples.data("hardware")]
    if kind == "others":
        known = [(lambda d, m=m: validate(m, d), item) for name, m in models.items() for item in examples.data(name)]
    readers = {id(item): read for read, item in known}
    names = {str(item.get("name")): item for _, item in known}
    tally = Tally()

    @_by_grammar(GRAMMAR[size])
    @given(changed(list(names.values())))
    def check(document: dict[str, object]) -> None:
        read = readers[id(names[str(document["name"])])] if str(document.get("name")) in names else known[0][0]
        tally.run(lambda: read(strictyaml.Document("x.yaml", document)), document)
        if tally.cases % 20 == 0:
            tally.run(lambda: strictyaml.parse(text_of(document)), document)

    check()
    assert tally.cases >= GRAMMAR[size]


@pytest.mark.parametrize("size", ["few", pytest.param("many", marks=pytest.mark.slow)])
@pytest.mark.parametrize("model", SECTIONS, ids=lambda model: model.__name__)
def test_sections_by_their_schema(model: type[BaseModel], size: str) -> None:
    tally = Tally()

    @_by_grammar(PER_SECTION[size])
    @given(section(model))
    def check(document: dict[str, object]) -> None:
        tally.run(lambda: validate(model, strictyaml.Document("x.yaml", document)), document)  # type: ignore[type-var]

    check()
    assert tally.cases >= PER_SECTION[size]


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_guided_by_coverage(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    for place, text in enumerate(families()[name].examples):
        (tmp_path / f"{place}").write_text(text, encoding="utf-8")
    said = coverage_guided.run(name, GUIDED[name], tmp_path, seed=SEED)
    assert f"Done {GUIDED[name]} runs" in said
