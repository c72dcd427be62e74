"""Comparison with ZigZag and SCALE-Sim: what they are asked, how ZigZag counts, and that our traffic is never above."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers.collect import scalesim, zigzag
from benchmarks.peers.environment import PEERS
from benchmarks.peers.machine import Machine, shapes
from benchmarks.peers.ours import full_lanes, ours, pipeline
from benchmarks.peers.results import RECORDED, Results
from tests.references.peers import least, traffic

PAIRS = [json.loads(line) for line in RECORDED.read_text().splitlines()]
ZIGZAG = [pair for pair in PAIRS if pair["request"]["peer"] == "zigzag" and "failed" not in pair["answer"]]
SHAPES = {name: shape for network in ("tiny", "alexnet", "resnet18") for name, shape in shapes(network)}


def named(pair: dict[str, Any]) -> str:
    """Return layer, capacity and objective of a recorded pair."""
    asked = pair["request"]
    return f"{asked['layer']['name']}-{asked['machine']['sram_bytes'] // 1024}-{asked['engine']}-{asked['optimise']}"


def loops_of(answer: dict[str, Any]) -> tuple[list[tuple[str, int]], dict[str, int]]:
    """Return ZigZag's loops, innermost first, and how many of them the SRAM's tile of each operand covers."""
    loops = [(dim, size) for level in answer["loops"]["O"] for dim, size in level]
    return loops, {operand: sum(map(len, levels[:-1])) for operand, levels in answer["loops"].items()}


def found_bits(answer: dict[str, Any]) -> dict[str, int]:
    """Return ZigZag's moved bits by operand, read and written together."""
    bits = answer["element_bits"]
    return {operand: round(bits[f"{operand} read"] + bits[f"{operand} written"]) for operand in "IWO"}


@pytest.mark.parametrize("pair", ZIGZAG, ids=named)
def test_zigzag_counts_as_a_walk_over_its_loops(pair: dict[str, Any]) -> None:
    """Its moved elements are those of an obvious walk over its mapping, which fits the capacity."""
    asked, answer = pair["request"], pair["answer"]
    moved, room = traffic(asked["layer"], asked["machine"], *loops_of(answer))
    assert moved == found_bits(answer)
    assert room <= asked["machine"]["sram_bytes"] * 8


@pytest.mark.parametrize("name", ["tiny.rows", "tiny.stride"])
def test_zigzag_finds_the_least_of_its_mappings(name: str) -> None:
    """Trying every order of its loops with every choice of tiles gives what its search found."""
    pairs = [p for p in ZIGZAG if p["request"]["layer"]["name"] == name and p["request"]["optimise"] == "energy"]
    pair = min(pairs, key=lambda pair: int(pair["request"]["machine"]["sram_bytes"]))
    layer, machine = pair["request"]["layer"], pair["request"]["machine"]
    assert least(layer, machine, loops_of(pair["answer"])[0]) == sum(found_bits(pair["answer"]).values())


@pytest.mark.parametrize("pair", [p for p in ZIGZAG if p["request"]["optimise"] == "energy"], ids=named)
def test_our_traffic_is_never_above_zigzags(pair: dict[str, Any]) -> None:
    """Nor, from 64 KiB on, with full lanes above loma's.

    With full lanes annealing once moves less (README): its tiles cover another share of the loops for every operand.
    """
    machine = Machine(**pair["request"]["machine"])
    shape = SHAPES[pair["request"]["layer"]["name"]]
    its = sum(found_bits(pair["answer"]).values())
    lanes = machine.sram_bytes >= 1 << 16 and pair["request"]["engine"] == "loma"
    for rank in (None, full_lanes) if lanes else (None,):
        mine = ours(shape, machine, rank)
        assert mine is not None
        assert sum(mine["dram_bits"].values()) <= its
        assert shape.macs / (machine.rows * machine.columns) <= mine["array_cycles"]
    assert its >= (shape.weights + shape.outputs) * machine.operand_bits


def test_requests_state_the_same_layer() -> None:
    """Sizes of a layer agree between what both peers are asked and the layer itself."""
    shape = SHAPES["resnet18.conv6"]
    layer = zigzag("resnet18.conv6", shape, Machine(1 << 16))["layer"]
    sizes = [layer[name] for name in ("N", "groups", "K", "C", "P", "Q", "R", "S")]
    assert sizes == [1, 1, 128, 64, 28, 28, 3, 3]
    assert (layer["map"], layer["stride"], layer["padding"]) == ([56, 56], [2, 2], [1, 1, 1, 1])
    rows = SHAPES["tiny.rows"]
    flat = scalesim("tiny.rows", rows, Machine(1 << 16))["layer"]
    assert (flat["N"], flat["map"], flat["P"], flat["Q"]) == (1, [8, 1], 8, 1)


def test_networks_have_their_distinct_layers() -> None:
    """AlexNet has five convolutions and three linear layers; ResNet-18 eleven distinct convolutions and one linear."""
    counts = {network: sum(1 for _ in shapes(network)) for network in ("alexnet", "resnet18")}
    assert counts == {"alexnet": 8, "resnet18": 12}


def test_answers_are_kept(tmp_path: Path) -> None:
    """A peer is asked once for a request; another reader of the file asks nobody, and knows what is missing."""
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return {"cpu_s": 1.5, "of": request["layer"]["name"]}

    path, machine = tmp_path / "results.json", Machine(1 << 16)
    requests = [zigzag(name, SHAPES[name], machine) for name in ("tiny.rows", "tiny.square", "tiny.rows")]
    kept = Results(path, answer)
    assert [kept.get(request) for request in requests] == [{"cpu_s": 1.5, "of": r["layer"]["name"]} for r in requests]
    assert len(asked) == 2
    again = Results(path)
    assert again.get(requests[1]) == {"cpu_s": 1.5, "of": "tiny.square"}
    assert again.get(zigzag("tiny.rows", SHAPES["tiny.rows"], Machine(1 << 17))) is None


def test_recorded_answers_are_of_the_pinned_versions() -> None:
    """Every recorded answer names the version that the environments install."""
    pinned = dict(requirement.split("==") for wanted in PEERS.values() for requirement in wanted if "==" in requirement)
    for pair in PAIRS:
        if "failed" not in pair["answer"]:
            package = {"zigzag": "zigzag-dse", "scalesim": "scalesim"}[pair["request"]["peer"]]
            assert pair["answer"]["versions"][package] == pinned[package]


def test_total_cycles_are_at_least_work_and_transfer() -> None:
    """With everything in one tile nothing overlaps: cycles are work plus transfer."""
    from accelsim.dataflows.tiling.problem import Problem
    from accelsim.dataflows.tiling.steps import Steps

    shape, machine = SHAPES["tiny.square"], Machine(1 << 20)
    found = pipeline(Steps(Problem.of(shape), Problem.of(shape).sizes, tuple(range(7))), machine)
    moved = (shape.activations + shape.weights + shape.outputs) * machine.operand_bits / machine.dram_bits_per_cycle
    assert found["compute"] == shape.macs / 256
    assert found["total"] == found["compute"] + moved
