"""Trace events of a run and the requests of its DRAM: read back, against the columns of the run."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from accelsim import sim
from accelsim.accelerators import placement
from accelsim.accelerators.base import load_hardware
from accelsim.cli import invoke
from accelsim.errors import ConfigError, StorageError
from accelsim.hardware.dram import load_dram, read_trace
from accelsim.layer import LayerShape
from accelsim.results import RunResult
from accelsim.testing.bundles import write_bundle
from accelsim.testing.layers import make_layer, random_layers, with_output
from accelsim.timeline import check_requests, write, write_requests, write_timeline
from accelsim.trace import Trace

SMALL = ["memory.buffer.partitions.activation=400", "memory.buffer.partitions.weight=500"]
SHARED = "memory.buffer={size: 1500, word_pj: 1.0, source: test}"
INNER = (
    "memory={buffer: {size: 3000, word_pj: 1.0, bytes_per_cycle: 16, source: test},"
    " near: {size: 300, word_pj: 0.1, bytes_per_cycle: 16, source: test}}"
)
MACHINES: dict[str, tuple[str, list[str]]] = {
    "pragmatic": ("pragmatic", []),
    "scnn": ("scnn", []),
    "systolic": ("systolic", []),
    "link of its own": ("tpu_v1", ["word_bits=16", "accelerator.activation_bytes_per_second=2e9"]),
    "small": ("stripes", SMALL),
    "shared": ("dadiannao", [SHARED]),
    "in turn": ("dadiannao", [SHARED, "memory.buffer.double_buffered=false"]),
    "spilling": ("dadiannao", [SHARED.replace("1500", "5000"), 'mapping.layers={"*": "C1 K1 / C K"}']),
    "port": ("dadiannao", [*SMALL, "memory.buffer.bytes_per_cycle=32"]),
    "two levels": ("dadiannao", [INNER]),
    "compressed": ("scnn", ["memory.buffer.partitions.activation=300"]),
    "DRAM part": ("dadiannao", [SHARED, "dram.part=ddr4"]),
    "part in turn": ("shapeshifter", [*SMALL, "dram.part=lpddr4", "memory.buffer.double_buffered=false"]),
    "stays on chip": ("dadiannao", ["mapping.resident=true"]),
}


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    layers = [with_output(layer) for layer in random_layers(3)]
    rng = np.random.default_rng(0)
    shape = LayerShape("conv", 1, 1, 8, 8, 6, 6, 3, 3, 6, 6, (1, 1), (1, 1, 1, 1))
    for place in range(3):  # each takes the outputs of the one before
        layer = with_output(make_layer(shape, rng, name=f"chain-{place}"))
        if place:
            assert layers[-1].output is not None
            layer = with_output(replace(layer, activation=layers[-1].output))
        layers.append(layer)
    return write_bundle(tmp_path_factory.mktemp("timeline") / "bundle", layers)


class Parsed:
    """A timeline read back; times in picoseconds."""

    def __init__(self, path: Path) -> None:
        self.file = json.loads(path.read_text(), parse_float=str)
        self.events: list[dict[str, Any]] = self.file["traceEvents"]
        names = {e["tid"]: e["args"]["name"] for e in self.events if e["name"] == "thread_name"}
        self.slices: dict[str, list[tuple[int, int, str, dict[str, float]]]] = defaultdict(list)
        for event in self.events:
            if event["ph"] == "X":
                start, length = picoseconds(event["ts"]), picoseconds(event["dur"])
                args = {k: float(v) for k, v in event["args"].items() if k.endswith("bytes") or k == "cycles"}
                self.slices[names[event["tid"]]].append((start, start + length, event["name"], args))

    @cached_property
    def counters(self) -> dict[str, list[tuple[int, float]]]:
        found: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for event in self.events:
            if event["ph"] == "C":
                (value,) = event["args"].values()  # Perfetto takes one value
                found[event["name"]].append((picoseconds(event["ts"]), float(value)))
        return found

    def within(self, track: str, start: int, end: int) -> list[tuple[int, int, str, dict[str, float]]]:
        """Return the slices of a layer; one that takes no time at its very end is still its own."""
        return [s for s in self.slices[track] if start <= s[0] and s[1] <= end and (s[1] > start or s[0] < s[1])]


def picoseconds(text: str) -> int:
    whole, part = text.split(".")
    assert len(part) == 6
    return int(whole) * 10**6 + int(part)


def timeline(machine: Any, trace: Trace, folder: Path) -> tuple[RunResult, Parsed, list[str]]:
    result = sim.run(machine, trace)
    warnings = write_timeline(machine, trace, result, folder / "t.json")
    return result, Parsed(folder / "t.json"), warnings


Ran = tuple[Any, RunResult, Parsed]


@pytest.fixture(scope="module", params=MACHINES)
def ran(request: pytest.FixtureRequest, trace: Trace, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    machine = load_hardware(*MACHINES[request.param])
    result, parsed, warnings = timeline(machine, trace, tmp_path_factory.mktemp("ran"))
    assert not warnings
    return machine, result, parsed


def layers_of(result: RunResult, parsed: Parsed) -> Iterator[tuple[pd.Series, int, int]]:
    rows = list(result.layers.iterrows())
    assert [name for _, _, name, _ in parsed.slices["layers"]] == [row["layer"] for _, row in rows]
    for (_, row), (start, end, _, _) in zip(rows, parsed.slices["layers"], strict=True):
        yield row, start, end


def cycles(slices: list[tuple[int, int, str, dict[str, float]]], *names: str) -> float:
    return sum(args["cycles"] for _, _, name, args in slices if not names or name in names)


def test_a_timeline_adds_up_to_the_run(ran: Ran) -> None:
    """Slices never overlap; by layer they sum up to every column of time, and to the bytes of every operand."""
    machine, result, parsed = ran
    for track, slices in parsed.slices.items():
        assert all(a[1] <= b[0] for a, b in pairwise(slices)), track
    ps = 1e6 / machine.clock.frequency_mhz
    offset = 0.0
    for row, start, end in layers_of(result, parsed):
        offset += row["total_cycles"]
        assert abs(end - offset * ps) <= 1 + 1e-9 * end
        array, stalls = parsed.within("array", start, end), parsed.within("stalls", start, end)
        close = pytest.approx
        slack = 1e-3 * (len(array) + len(stalls) + 1)
        assert cycles(array) == close(row["compute_cycles"] + row["tiling_cycles"], abs=slack)
        assert len(array) == row["tiles"] or cycles(array) == 0
        assert cycles(stalls, "dram") == close(row["stall_dram_cycles"], abs=slack)
        assert cycles(stalls, "port") == close(row["stall_port_cycles"], abs=slack)
        assert cycles(stalls, "fill", "drain") == close(row["fill_drain_cycles"], abs=slack)
        assert cycles(array) + cycles(stalls) == close(row["total_cycles"], abs=slack)
        assert max(s[1] for s in array + stalls) == end
        moved = parsed.within("DRAM channel", start, end)
        held_back = ("activation", "output") if machine.own_link() else ()
        for role in ("activation", "weight", "output"):
            found = sum(args.get(f"{role}_bytes", 0) for *_, args in moved)
            expected = 0 if role in held_back else row[f"dram_{role}_bytes"]
            assert found == close(expected, rel=1e-6, abs=1e-3 * (len(moved) + 1)), (row["layer"], role)
        assert all(s in moved for s in parsed.within("buffer fill and drain", start, end))
    assert sum(map(len, parsed.slices.values())) == sum(
        len(parsed.within(track, start, end)) for track in parsed.slices for _, start, end in layers_of(result, parsed)
    )


def test_counters_stay_below_capacity_and_bandwidth(ran: Ran) -> None:
    machine, _, parsed = ran
    outer = next(iter(machine.memory.values()))
    peak = machine.dram.bytes_per_second / 1e9
    for counter, values in parsed.counters.items():
        assert values == sorted(values, key=lambda v: v[0]), counter
        assert values[-1][1] == 0, counter
        assert all(value >= 0 for _, value in values), counter
    assert max(v for _, v in parsed.counters["DRAM bandwidth (GB/s)"]) <= peak + 1e-3
    roles = {role: parsed.counters.get(f"buffer {role} (B)", []) for role in ("activation", "weight", "output")}
    assert sum(map(bool, roles.values())) == sum(place >= 0 for place in outer.partition())
    room: dict[int, float] = defaultdict(float)
    times = sorted({at for values in roles.values() for at, _ in values})
    for at in times[:-1]:
        now: dict[int, float] = defaultdict(float)
        for role, place in zip(roles, outer.partition(), strict=True):
            if place >= 0:
                now[place] += [value for t, value in roles[role] if t <= at][-1]
        room = {place: max(room[place], now[place]) for place in now} if room else now
    assert all(value <= outer.capacities()[place] + 1e-2 for place, value in room.items())


def test_outputs_that_stay_on_chip_stay_in_the_timeline(trace: Trace, tmp_path: Path) -> None:
    result, parsed, _ = timeline(load_hardware(*MACHINES["stays on chip"]), trace, tmp_path)
    chain = [part for part in layers_of(result, parsed) if part[0]["layer"].startswith("chain")]
    assert [row["resident_input"] for row, _, _ in chain] == [False, True, True]
    kept = parsed.counters["buffer kept for other layers (B)"]
    for row, start, end in chain:
        moved = [name for _, _, name, _ in parsed.within("DRAM channel", start, end)]
        assert any("activation" in name for name in moved) == (not row["resident_input"])
        assert any("output" in name for name in moved) == (not row["resident_output"])
        assert max(value for at, value in kept if start <= at < end) >= 8 * 6 * 6 * 2


def test_steps_beyond_the_limit_share_slices(trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("small", "in turn"):
        machine: Any = load_hardware(*MACHINES[name])
        result, whole, _ = timeline(machine, trace, tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(write, "MOST_SLOTS", 0)
            patch.setattr(write, "LEAST_SLOTS", 5)
            _, merged, warnings = timeline(machine, trace, tmp_path)
        assert len(warnings) == 1
        assert "in 5)" in warnings[0]
        assert warnings[0] in merged.file["otherData"]["warnings"]
        for _, start, end in layers_of(result, whole):
            assert len(merged.within("array", start, end)) <= 5
            for track in ("array", "stalls", "DRAM channel"):
                assert cycles(merged.within(track, start, end)) == pytest.approx(
                    cycles(whole.within(track, start, end)), abs=1
                )
        for slices in merged.slices.values():
            assert all(a[1] <= b[0] for a, b in pairwise(slices))


def test_a_walk_of_too_many_steps_is_one_slice(trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "MOST_STEPS", 3)
    machine: Any = load_hardware(*MACHINES["small"])
    result, parsed, (warning,) = timeline(machine, trace, tmp_path)
    for row, start, end in layers_of(result, parsed):
        array, stalls = parsed.within("array", start, end), parsed.within("stalls", start, end)
        assert cycles(array) + cycles(stalls) == pytest.approx(row["total_cycles"], abs=0.1)
        assert (f"({row['tiles']} in 1)" in warning) == (row["tiles"] > 3)
        moved = parsed.within("DRAM channel", start, end)
        size = sum(value for *_, args in moved for key, value in args.items() if key.endswith("bytes"))
        assert size == pytest.approx(row["dram_bytes"], abs=0.1)
    with pytest.raises(ConfigError, match="requests are followed for at most"):
        write_requests(machine, trace, result, tmp_path / "requests")
    assert not (tmp_path / "requests" / "index.json").exists()


def test_eyeriss_shows_its_phases(trace: Trace, tmp_path: Path) -> None:
    machine = load_hardware("eyeriss")
    result, parsed, warnings = timeline(machine, trace, tmp_path)
    assert not warnings
    for row, start, end in layers_of(result, parsed):
        stalls = parsed.within("stalls", start, end)
        assert cycles(parsed.within("array", start, end)) == pytest.approx(row["processing_cycles"], abs=0.01)
        maps = cycles(stalls, "dram: input maps", "dram: output maps")
        assert maps == pytest.approx(row["map_stall_cycles"], abs=0.01)
        assert cycles(stalls, "dram: filters") == pytest.approx(row["filter_stall_cycles"], abs=0.01)
        moved = sum(sum(v for k, v in s[3].items() if k != "cycles") for s in parsed.within("DRAM channel", start, end))
        assert moved == pytest.approx(row["dram_bytes"], abs=0.01)
    for slices in parsed.slices.values():
        assert all(a[1] <= b[0] for a, b in pairwise(slices))
    assert max(v for _, v in parsed.counters["DRAM bandwidth (GB/s)"]) == pytest.approx(0.48, abs=1e-3)


def test_a_timeline_appears_whole_or_not_at_all(trace: Trace, tmp_path: Path) -> None:
    machine = load_hardware("dadiannao")
    result = sim.run(machine, trace)
    with pytest.raises(ConfigError, match="no sample 1"):
        write_timeline(machine, trace, result, tmp_path / "t.json", 1)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_timeline(machine, trace, result, tmp_path / "file" / "t.json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "name", ["shared", "spilling", "in turn", "DRAM part", "compressed", "link of its own", "stays on chip"]
)
def test_requests_are_the_traffic_of_the_run(name: str, trace: Trace, tmp_path: Path) -> None:
    """Bursts read and written hold the bytes of the run, and touch no more than their edges besides.

    Columns that a stride steps over lie between others in a run: they are requested, the rows are not.
    """
    machine: Any = load_hardware(*MACHINES[name])
    result = sim.run(machine, trace)
    warnings = write_requests(machine, trace, result, tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    assert index["warnings"] == warnings
    assert any("64 bytes" in line for line in warnings) == (machine.dram.part is None)
    burst = index["burst_bytes"]
    assert burst == (load_dram("ddr4").burst_bytes if machine.dram.part else 64)
    for place, (entry, (_, row)) in enumerate(zip(index["layers"], result.layers.iterrows(), strict=True)):
        assert (entry["layer"], entry["steps"]) == (row["layer"], row["tiles"])
        found = read_trace(tmp_path / entry["file"], burst)
        assert len(found) == entry["requests"]
        assert entry["read_bytes"] <= burst * int((~found.write).sum())
        assert entry["written_bytes"] <= burst * int(found.write.sum())
        own = machine.own_link() is not None
        sums = row["dram_psum_bytes"] / 2
        read = row["dram_weight_bytes"] + (0 if own else row["dram_activation_bytes"] + sums)
        written = 0 if own else row["dram_output_bytes"] - sums
        if machine.storage.activation == "plain":
            shape = trace.layer(place).shape
            between = 0 if shape.transposed or shape.stride[1] <= shape.S else row["dram_activation_bytes"]
            assert read <= entry["read_bytes"] <= read + (shape.stride[1] - 1) * between
            assert entry["written_bytes"] == written
        assert entry["read_bytes"] + entry["written_bytes"] > 0
    assert (result.layers["dram_psum_bytes"] > 0).any() or name not in ("spilling", "compressed")
    assert {path.name for path in tmp_path.iterdir()} == {"index.json", *(e["file"] for e in index["layers"])}


def test_machines_without_addresses_are_refused() -> None:
    with pytest.raises(ConfigError, match="eyeriss has no address stream"):
        check_requests(load_hardware("eyeriss"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a workload of two samples as a folder of arrays."""
    rng = np.random.default_rng(1)
    found = tmp_path / "net"
    found.mkdir()
    (found / "model.csv").write_text("a,conv,1,1\nb,fc,1,0\n")
    for name, activation, weight in (("a", (2, 3, 6, 6), (4, 3, 3, 3)), ("b", (2, 144), (5, 144))):
        np.save(found / f"act-{name}-0.npy", rng.integers(0, 99, activation))
        np.save(found / f"wgt-{name}.npy", rng.integers(-99, 99, weight))
    return found


def test_the_command_line_writes_both(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "--hw", "dadiannao", "--workload", str(folder)]
    over_time = ["--timeline", str(tmp_path / "t.json"), "--dram-trace", str(tmp_path / "requests"), "--sample", "1"]
    assert invoke([*command, *over_time, "--csv"]) == 0
    printed = capsys.readouterr()
    table = pd.read_csv(io.StringIO(printed.out))
    assert "requests are of 64 bytes" in printed.err
    found = Parsed(tmp_path / "t.json")
    rows = table[table["sample"] == 1]
    assert float(found.file["otherData"]["total_cycles"]) == pytest.approx(rows["total_cycles"].sum(), rel=1e-9)
    assert len(json.loads((tmp_path / "requests" / "index.json").read_text())["layers"]) == len(rows) == 2
    assert invoke([*command, *over_time]) == 0
    printed = capsys.readouterr()
    assert "t.json" in printed.out.split("wrote ")[1]
    assert "warning: dram-trace" in printed.out
    assert invoke([*command, "--timeline", str(tmp_path / "t.json"), "--sample", "2"]) == 3
    assert "--sample 2: the workload has 2 samples" in capsys.readouterr().err
    other = ["run", "--hw", "eyeriss", "--workload", str(folder), "--dram-trace", str(tmp_path / "no")]
    assert invoke(other) == 3
    assert "no address stream" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
