"""Laws of the DRAM model: exact agreement with a slow reference, and bounds that follow from the timings."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim import catalogue
from accelsim.errors import ConfigError, InputError
from accelsim.hardware.dram import (
    DramDevice,
    Runs,
    box_runs,
    flat,
    joined,
    load_dram,
    read_trace,
    runs_of,
    service,
    write_trace,
)
from accelsim.hardware.dram.runs import burst_chunks
from tests.references.dram import broken_rules, serve_all

PARTS = catalogue.names("dram")


@st.composite
def devices(draw: st.DrawFn, policy: tuple[str, ...] = ("in_order", "first_ready")) -> DramDevice:
    """Return a small part with any timings that its file may declare, refreshed often."""

    def clocks(most: int, least: int = 0) -> int:
        return draw(st.integers(least, most))

    def count(most_bits: int) -> int:
        return 1 << clocks(most_bits)

    per_clock = draw(st.sampled_from((1, 2, 4)))
    length = per_clock * count(2)
    burst = length // per_clock
    t: dict[str, int] = {
        name: clocks(12) for name in ("t_cl", "t_cwl", "t_rcd", "t_rcd_write", "t_rp", "t_rtp", "t_wr")
    }
    t |= {"t_ras": clocks(30), "t_rc": clocks(40), "t_faw": clocks(60), "t_rtrs": clocks(3), "t_ppd": clocks(15)}
    t |= {"t_rp_all": t["t_rp"] + clocks(4), "t_ccd_s": burst + clocks(2), "t_rrd_s": clocks(6), "t_wtr_s": clocks(6)}
    t |= {f"{name}_l": t[f"{name}_s"] + clocks(4) for name in ("t_ccd", "t_rrd", "t_wtr")}
    t |= {"t_rtw": max(0, t["t_cl"] + burst - t["t_cwl"]) + clocks(3), "t_rfc": clocks(40)}
    t["t_refi"] = (
        1 + clocks(300) + sum(t[n] for n in ("t_rfc", "t_rp_all", "t_ras", "t_wr", "t_rcd", "t_rcd_write", "t_cwl"))
    )
    order = draw(st.permutations(("row", "bank", "bank_group", "rank", "column", "channel")))
    parts = {"channels": count(1), "ranks": count(1), "bank_groups": count(2), "banks": count(2), "rows": 8}
    parts |= {"columns": length * count(2), "bus_bits": 8, "burst_length": length, "transfers_per_clock": per_clock}
    return DramDevice.model_validate(
        {
            "name": "drawn",
            "standard": "any",
            "source": "drawn",
            "organisation": {**parts, "source": "drawn"},
            "clock": {"frequency_mhz": 1000.0, "source": "drawn"},
            "timing_clocks": {**t, "source": "drawn"},
            "mapping": {
                "order": order,
                "bank_hash": draw(st.sampled_from(("none", "row_xor"))),
                "source": "drawn",
            },
            "scheduler": {
                "policy": draw(st.sampled_from(policy)),
                "queue_bursts": clocks(6, 1),
                "most_passes": clocks(3),
                "source": "drawn",
            },
        }
    )


@st.composite
def streams(draw: st.DrawFn, device: DramDevice, most: int = 12, longest: int = 4) -> Runs:
    """Return a short stream, over few rows, of single bursts and runs that need not fill their bursts."""
    starts, sizes, writes, segments, segment = [], [], [], [], 0
    for _ in range(draw(st.integers(0, most))):
        start = draw(st.integers(0, device.capacity_bytes - 1))
        starts.append(start)
        sizes.append(min(draw(st.integers(1, longest * device.burst_bytes)), device.capacity_bytes - start))
        writes.append(draw(st.booleans()))
        segment += draw(st.sampled_from((0, 0, 1, 2)))
        segments.append(segment)
    return runs_of(np.array(starts, np.int64), np.array(sizes, np.int64), np.array(writes, np.bool_), segments or 0)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_kernel_equals_reference_and_every_rule_holds(data: st.DataObject) -> None:
    device = data.draw(devices())
    check_equal(device, data.draw(streams(device)))


def check_equal(device: DramDevice, runs: Runs, clock_ns: float = 1.0) -> None:
    """Compare the kernel with the reference, clock by clock, and the reference with the rules."""
    served, slow = service(runs, device), serve_all(runs, device)
    ends = np.maximum.accumulate([slow.finish.get(s, 0) for s in range(runs.segments)] or [0])
    assert np.allclose(np.cumsum(served.segment_ns) / clock_ns, ends[: runs.segments], rtol=1e-12, atol=0)
    for name in ("hits", "misses", "conflicts", "turnarounds", "refreshes"):
        assert getattr(served, name) == slow.counts.get(name, 0), name
    assert served.read_bytes == slow.counts.get("reads", 0) * device.burst_bytes
    assert served.written_bytes == slow.counts.get("writes", 0) * device.burst_bytes
    assert served.misses + served.conflicts == sum(command.kind == "ACT" for command in slow.commands)
    assert broken_rules(device, slow.commands) == []


def test_the_very_first_burst_is_passed_by_one_that_goes_sooner() -> None:
    device = load_dram(PARTS[0], ["scheduler.policy=first_ready"])
    slow_write = {"t_rcd_write": device.timing_clocks.t_rcd + 1}  # so the read goes first, with no command before it
    device = device.model_copy(update={"timing_clocks": device.timing_clocks.model_copy(update=slow_write)})
    runs = runs_of(np.array([0, 0]), np.array([1, 1]), np.array([True, False]), np.array([0, 1]))
    check_equal(device, runs, clock_ns=device.clock_ns)
    assert service(runs, device).segment_ns[1] == 0


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("policy", ["in_order", "first_ready"])
def test_shipped_part_equals_reference(name: str, policy: str) -> None:
    device = load_dram(name, [f"scheduler.policy={policy}", "organisation.channels=2", "scheduler.queue_bursts=8"])
    rng, burst = np.random.default_rng(1), device.burst_bytes
    row = device.capacity_bytes // device.organisation.rows
    starts = rng.integers(0, 3, 40) * row + rng.integers(0, row - 4 * burst, 40)
    runs = runs_of(starts, rng.integers(1, 4 * burst, 40), rng.random(40) < 0.3, np.arange(40) // 10)
    served, slow = service(runs, device), serve_all(runs, device)
    ends = np.maximum.accumulate([slow.finish[s] for s in range(4)])
    assert np.allclose(np.cumsum(served.segment_ns), ends * device.clock_ns, rtol=1e-12)
    assert served.hits == slow.counts["hits"]
    assert broken_rules(device, slow.commands) == []


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_laws_of_any_stream(data: st.DataObject) -> None:
    device = data.draw(devices())
    runs = data.draw(streams(device, most=60, longest=40))
    served = service(runs, device)
    assert served.hits + served.misses + served.conflicts == runs.bursts(device.burst_bytes).sum()
    assert served.bytes_moved == served.bursts * device.burst_bytes >= served.bytes_asked == runs.bytes.sum()
    assert served.effective_bytes_per_second <= device.peak_bytes_per_second * (1 + 1e-12)
    assert served.bytes_moved <= device.peak_bytes_per_second * served.time_ns * 1e-9 * (1 + 1e-12)
    assert np.all(served.segment_ns >= 0)
    assert len(served.segment_ns) == runs.segments
    assert served.time_ns == sum(served.segment_ns.tolist())


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_segments_only_divide_the_time(data: st.DataObject) -> None:
    device = data.draw(devices())
    runs = data.draw(streams(device, most=40, longest=20))
    whole = service(runs_of(runs.start_byte, runs.bytes, runs.write, 0), device)
    served = service(runs, device)
    assert served.time_ns == whole.time_ns
    assert (served.hits, served.misses, served.conflicts) == (whole.hits, whole.misses, whole.conflicts)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_one_run_more_never_takes_less_time(data: st.DataObject) -> None:
    device = data.draw(devices(policy=("in_order",)))
    runs = data.draw(streams(device, most=40, longest=20))
    times = [service(_first(runs, n), device).time_ns for n in range(len(runs) + 1)]
    assert all(a <= b for a, b in itertools.pairwise(times))


def _first(runs: Runs, n: int) -> Runs:
    return Runs(runs.start_byte[:n], runs.bytes[:n], runs.write[:n], runs.segment[:n])


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("policy", ["in_order", "first_ready"])
def test_long_stream_comes_close_to_peak(name: str, policy: str) -> None:
    device = load_dram(name, [f"scheduler.policy={policy}"])
    t, burst, size = device.timing_clocks, device.burst_clocks, 16 << 20
    served = service(runs_of(0, size), device)
    data_clocks = size // device.burst_bytes // device.channels * burst
    # a refresh keeps a channel from rows for t_ras of the last opened, t_rp_all, t_rfc; then a row per group is opened
    opening = device.organisation.bank_groups * max(t.t_rrd_l, t.t_rrd_s) + t.t_rcd
    lost = t.t_ras + t.t_rp_all + t.t_rfc + opening + t.t_ccd_l
    refreshes = served.refreshes / device.channels
    clocks = served.time_ns / device.clock_ns
    assert data_clocks + refreshes * t.t_rfc <= clocks
    assert clocks <= t.t_cl + opening + data_clocks + math.ceil(refreshes) * lost
    assert served.effective_bytes_per_second > 0.9 * device.peak_bytes_per_second


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("write", [False, True])
def test_rows_of_one_bank_follow_each_other_at_the_row_cycle(name: str, write: bool) -> None:
    device = load_dram(name)
    t, n = device.timing_clocks, 20
    stride = device.capacity_bytes // device.organisation.rows
    assert device.mapping.order[0] == "row"
    served = service(runs_of(np.arange(n) * stride, device.burst_bytes, write), device)
    one = service(runs_of(0, device.burst_bytes, write), device)
    cycle = max(t.t_rc, t.t_ras + t.t_rp, t.t_rcd + t.t_rtp + t.t_rp)
    if write:
        cycle = max(t.t_rc, t.t_rcd_write + t.t_cwl + device.burst_clocks + t.t_wr + t.t_rp)
    else:
        assert cycle == t.t_rc
    assert (served.time_ns - one.time_ns) / device.clock_ns == pytest.approx((n - 1) * cycle, abs=1e-6)
    assert (served.misses, served.conflicts) == (1, n - 1)


@pytest.mark.parametrize("name", PARTS)
def test_refresh_costs_time(name: str) -> None:
    device = load_dram(name)
    rare = load_dram(name, ["timing_clocks.t_refi=1000000000"])
    runs = runs_of(0, 8 << 20)
    assert service(runs, rare).refreshes == 0
    assert service(runs, rare).time_ns < service(runs, device).time_ns


def test_flat_device_takes_bytes_over_bandwidth() -> None:
    runs = runs_of([0, 100, 7], [10, 30, 60], [False, True, False], [0, 0, 2])
    served = service(runs, flat(1e9))
    assert served.segment_ns.tolist() == [40.0, 0.0, 60.0]
    assert (served.read_bytes, served.written_bytes, served.effective_bytes_per_second) == (70, 30, 1e9)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_box_covers_its_values_and_no_byte_twice(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)))
    boxes = data.draw(st.integers(1, 3))
    corners = [
        [sorted((data.draw(st.integers(0, n)), data.draw(st.integers(0, n)))) for n in shape] for _ in range(boxes)
    ]
    layout: Any = data.draw(st.sampled_from(("NCHW", "NHWC")))
    per_value = data.draw(st.sampled_from((1, 2, 4, 0.5, 0.3, 1.7)))
    low, high = (np.array([[pair[i] for pair in box] for box in corners]) for i in (0, 1))
    runs = box_runs(shape, low, high, per_value, 10, layout, segment=np.arange(boxes))
    order = [0, *range(2, len(shape)), 1] if layout == "NHWC" and len(shape) > 1 else list(range(len(shape)))
    stored = np.arange(math.prod(shape)).reshape([shape[d] for d in order]).transpose(np.argsort(order))
    for t in range(boxes):
        wanted = set()
        for value in stored[tuple(slice(a, b) for a, b in corners[t])].ravel().tolist():
            wanted |= set(range(10 + math.floor(value * per_value), 10 + math.ceil((value + 1) * per_value)))
        kept = runs.segment == t
        spans = list(zip(runs.start_byte[kept].tolist(), runs.bytes[kept].tolist()))
        covered = [byte for start, size in spans for byte in range(start, start + size)]
        assert sorted(covered) == sorted(wanted)
        assert all(a + n < b for (a, n), (b, _) in itertools.pairwise(spans))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_trace_reads_back_as_the_same_bursts(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    device = data.draw(devices())
    runs = data.draw(streams(device, most=20, longest=30))
    path = tmp_path_factory.mktemp("trace") / "requests.trace"
    if not len(runs):
        with pytest.raises(InputError, match="no requests"):
            write_trace(runs, device, path)
        assert not path.exists()
        return
    lines = write_trace(runs, device, path)
    again = read_trace(path, device.burst_bytes)
    assert lines == len(again) == runs.bursts(device.burst_bytes).sum()
    expected = []
    for start, size, write in zip(runs.start_byte.tolist(), runs.bytes.tolist(), runs.write.tolist()):
        first, last = start // device.burst_bytes, (start + size - 1) // device.burst_bytes
        expected += [(number * device.burst_bytes, write) for number in range(first, last + 1)]
    assert list(zip(again.start_byte.tolist(), again.write.tolist())) == expected
    assert service(again, device).time_ns == service(runs, device).time_ns


def test_trace_is_two_words_a_line_and_written_whole(tmp_path: Path) -> None:
    device = load_dram("ddr4")
    write_trace(runs_of([100, 4096], [64, 1], [False, True]), device, tmp_path / "a.trace")
    assert (tmp_path / "a.trace").read_text() == "LD 0x40\nLD 0x80\nST 0x1000\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.trace"]
    for text in ("LD\n", "LD 3\n", "XX 0x40\n", "LD 0x40 1\n", "LD -64\n"):
        (tmp_path / "bad.trace").write_text(f"LD 0\n{text}")
        with pytest.raises(InputError, match=":2:"):
            read_trace(tmp_path / "bad.trace", 64)
    with pytest.raises(InputError, match="not bursts"):
        write_trace(runs_of(0, 64), flat(1e9), tmp_path / "c.trace")


def test_chunks_hold_all_bursts() -> None:
    runs = runs_of([0, 1000], [300, 500], [False, True])
    whole = [np.concatenate(parts) for parts in zip(*burst_chunks(runs, 64, 10**6))]
    pieces = [np.concatenate(parts) for parts in zip(*burst_chunks(runs, 64, 3))]
    assert all(np.array_equal(a, b) for a, b in zip(whole, pieces))
    assert len(whole[0]) == 5 + 9


def test_wrong_streams_and_boxes_are_refused() -> None:
    device = load_dram("ddr3")
    for wrong in ({"start_byte": -1, "size_bytes": 4}, {"start_byte": 0, "size_bytes": 0}):
        with pytest.raises(InputError):
            runs_of(**wrong)
    with pytest.raises(InputError, match="must not fall"):
        runs_of([0, 0], 1, False, [1, 0])
    with pytest.raises(InputError, match="beyond"):
        service(runs_of(device.capacity_bytes, 1), device)
    with pytest.raises(InputError, match="outside"):
        box_runs((2, 2), (0, 0), (2, 3), 1)
    with pytest.raises(InputError, match="do not fit"):
        box_runs((2, 2), (0,), (2,), 1)
    with pytest.raises(ConfigError):
        flat(0)
    assert service(joined([]), device).time_ns == 0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("organisation.channels=3", "power of two"),
        ("timing_clocks.t_ccd_s=3", "overlap"),
        ("timing_clocks.t_ccd_l=3", "below t_ccd_s"),
        ("timing_clocks.t_rtw=1", "overlap"),
        ("timing_clocks.t_rp_all=1", "below t_rp"),
        ("timing_clocks.t_refi=100", "no time"),
        ("mapping.order=[row, bank]", "each of"),
        ("organisation.burst_length=2048", "longer than a row"),
        ("scheduler.policy=first", "policy"),
    ],
)
def test_impossible_parts_are_refused(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dram("ddr4", [setting])


@pytest.mark.parametrize(
    ("name", "gigabytes_per_second", "burst_bytes", "gibibytes"),
    [
        ("ddr3", 12.8, 64, 4),
        ("ddr4", 25.6, 64, 8),
        ("lpddr4", 12.8, 32, 1),
        ("hbm2", 256, 32, 8),
        ("hbm3", 819.2, 32, 8),
    ],
)
def test_shipped_parts(name: str, gigabytes_per_second: float, burst_bytes: int, gibibytes: int) -> None:
    device = load_dram(name)
    assert device.peak_bytes_per_second == pytest.approx(gigabytes_per_second * 1e9)
    assert (device.burst_bytes, device.capacity_bytes) == (burst_bytes, gibibytes << 30)
    assert all(section.source for section in (device.organisation, device.clock, device.timing_clocks, device.mapping))


def test_more_channels_are_faster() -> None:
    runs = runs_of(0, 4 << 20)
    times = [service(runs, load_dram("ddr4", [f"organisation.channels={n}"])).time_ns for n in (1, 2, 4, 8)]
    assert all(a > 1.8 * b for a, b in itertools.pairwise(times))
