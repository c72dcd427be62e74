"""Machines with odd but allowed numbers replay a small network: every count is finite and the account adds up."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from accelsim import config, strictyaml
from accelsim.accelerators.base import described
from accelsim.errors import AccelsimError
from accelsim.sim import run
from accelsim.trace import Trace
from accelsim.workload import load_workload, open_trace
from tests.fuzz import examples, mutations
from tests.fuzz.harness import Tally, bounded_memory, kept_inside
from tests.fuzz.test_text import SEED

FEW, MANY = 12, 1200
PARTS = {"few": 4, "many": 150}
WHOLE = (0, 1, 2, 3, 4, 5, 7, 8, 16, 100, 1000, 65536, 2**20, 2**31 - 1, 2**31, 2**40, 2**50, 2**62)
FRACTIONS = (0.0, 1e-30, 1e-9, 0.001, 0.5, 1.0, 1e9, 1e18, 1e30)
WORDS = (
    "plain",
    "groups",
    "huffman",
    "energy",
    "latency",
    "traffic",
    "{}",
    "[]",
    "[weight]",
    "null",
    "1KiB",
    "1GiB",
    "ddr4",
    "x",
)
SIGNED = {"tiling_cycles"}
"""Columns that may be below 0: tiles may be quicker than the layer in one piece."""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    path = tmp_path_factory.mktemp("replays") / "tiny.yaml"
    path.write_text(examples.TINY)
    return open_trace(load_workload(path))


def leaves(section: dict[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield key path and value of what a replay may depend on."""
    for key, value in section.items():
        if isinstance(value, dict):
            yield from leaves(value, (*at, key))
        elif key not in ("source", "description", "name", "type", "accelerator", "note"):
            yield (*at, key), value


def odd(value: Any, rng: random.Random, key: str) -> str:
    """Return another value of the same kind; batches stay small, as time and memory grow with them."""
    if isinstance(value, bool):
        return rng.choice(("true", "false"))
    if isinstance(value, int):
        return str(rng.choice(WHOLE[:9] if key == "size" else WHOLE))
    return str(rng.choice(FRACTIONS if isinstance(value, float) else WORDS))


def check(frame: pd.DataFrame) -> None:
    """Hold a result to what every result must be."""
    for name in frame.select_dtypes("number"):
        values = frame[name].to_numpy(float)
        assert not np.isinf(values).any(), f"{name} is infinite"
        assert name in SIGNED or not (values < 0).any(), f"{name} is below 0"
    for name in ("total_cycles", "energy_pj", "dram_bytes", "speedup", "macs"):
        assert frame[name].notna().all(), f"{name} is missing"
    assert (frame["total_cycles"] > 0).all()
    parts = frame.filter(regex="^energy_.+_pj$")
    if "energy_mac_pj" in frame:  # eyeriss shows its energy in two ways
        return
    assert np.allclose(parts.sum(axis=1), frame["energy_pj"]), "energies do not add up"


@pytest.mark.parametrize("cases", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_machines_with_odd_numbers(cases: int, trace: Trace, tmp_path: Path, cache: Path) -> None:
    documents = {name: strictyaml.parse(text, name) for name, text in examples.shipped("hardware").items()}
    chosen = list(documents) if cases == MANY else ["eyeriss", "scnn", "stripes", "h200"]
    rng, tally = random.Random(SEED), Tally(seconds=60)
    replayed = 0

    def case(name: str, settings: list[str]) -> None:
        nonlocal replayed
        machine = described(config.override(documents[name], settings))
        check(run(machine, trace).rows())
        replayed += 1

    for name in chosen:
        case(name, [])  # compiles, which may take longer than a case may
    with bounded_memory(2**31), kept_inside(tmp_path, cache), np.errstate(all="ignore"):
        for name in itertools.islice(itertools.cycle(chosen), cases):
            places = list(leaves(documents[name].data))
            changed = [rng.choice(places) for _ in range(rng.choice((1, 1, 2, 3)))]
            settings = [f"{'.'.join(at)}={odd(value, rng, at[-1])}" for at, value in changed]
            tally.run(lambda: case(name, settings), (name, settings))  # noqa: B023
    assert tally.cases == cases
    assert replayed > cases // 8


@pytest.mark.parametrize("size", ["few", pytest.param("many", marks=pytest.mark.slow)])
def test_drams_with_odd_timings(size: str, trace: Trace, tmp_path: Path, cache: Path) -> None:
    texts = list(examples.shipped("dram").values())
    machine = strictyaml.parse(examples.shipped("hardware")["eie"], "eie")
    rng, tally = random.Random(SEED), Tally(seconds=60)
    replayed = 0

    def case(text: str, path: Path) -> None:
        nonlocal replayed
        path.write_text(text, encoding="utf-8")
        part = f"dram={{source: assumed, part: {path}, bit_pj: 1.0}}"
        check(run(described(config.override(machine, [part])), trace).rows())
        replayed += 1

    case(texts[0], tmp_path / "shipped.yaml")  # compiles, which may take longer than a case may
    with bounded_memory(2**31), kept_inside(tmp_path, cache):
        while tally.cases < PARTS[size]:
            lines = rng.choice(texts).splitlines(keepends=True)
            place = rng.choice([i for i, line in enumerate(lines) if line.startswith("  ") and "source" not in line])
            key = lines[place].partition(":")[0]
            lines[place] = f"{key}: {rng.choice((*WHOLE, 12, 24, 48, 64, 128, 1024, 1e9))}\n"
            text, path = "".join(lines), tmp_path / f"part{tally.cases}.yaml"
            tally.run(lambda: case(text, path), "".join(lines))  # noqa: B023
    assert tally.cases == PARTS[size]
    assert replayed or size == "few"


def test_mappings_of_the_user_are_read_or_refused(trace: Trace) -> None:
    machine = strictyaml.parse(examples.shipped("hardware")["dadiannao"], "dadiannao")
    rng, outcomes = random.Random(SEED), set()
    for _ in range(12):
        text = mutations.text(rng.choice(("K2 C2 / K C", "P3 Q2 / P Q K", "whole", "K1")), rng).replace("\0", "")
        try:
            changed = config.override(machine, [f"mapping={{layers: {{c1: {strict(text)}}}}}"])
            check(run(described(changed), trace).rows())
            outcomes.add("valid")
        except AccelsimError:
            outcomes.add("refused")
    assert outcomes == {"valid", "refused"}


def strict(text: str) -> str:
    """Return a text as a quoted word of YAML."""
    import json

    return json.dumps(text)
