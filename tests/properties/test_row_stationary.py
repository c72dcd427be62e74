"""Laws of the row-stationary mapper: agreement with the slow walk, feasibility, conservation, monotonicity."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accelsim.accelerators.base import load_hardware
from accelsim.accelerators.eyeriss import Eyeriss
from accelsim.dataflows.convolution import Convolution, convolutions
from accelsim.dataflows.row_stationary.array import RowStationaryArray
from accelsim.dataflows.row_stationary.search import best, counts
from accelsim.errors import MappingError
from accelsim.layer import LayerShape
from tests.references.row_stationary import walk


def eyeriss(*overrides: str) -> Eyeriss:
    machine = load_hardware("eyeriss", overrides)
    assert isinstance(machine, Eyeriss)
    return machine


def array(*overrides: str) -> RowStationaryArray:
    return eyeriss(*overrides)._machine()


@st.composite
def forms(draw: st.DrawFn) -> Convolution:
    small = st.integers(1, 6)
    r, s = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    stride, dilation = (
        (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        (draw(st.integers(1, 2)), draw(st.integers(1, 2))),
    )
    pad = (draw(st.integers(0, r // 2)), draw(st.integers(0, s // 2)))
    h, w = draw(st.integers(6, 20)), draw(st.integers(6, 20))
    e = (h + 2 * pad[0] - dilation[0] * (r - 1) - 1) // stride[0] + 1
    f = (w + 2 * pad[1] - dilation[1] * (s - 1) - 1) // stride[1] + 1
    assume(e > 0 and f > 0)
    counts_ = [draw(small) for _ in range(2)] + [draw(st.integers(1, 20)) for _ in range(2)]
    return Convolution(*counts_, e, f, r, s, h, w, stride, dilation, pad)


@settings(max_examples=60, deadline=None)
@given(forms(), st.sampled_from(["", "array.rows=6", "scratchpads.filter_words=40", "memory.global_buffer.size=16384"]))
def test_counts_agree_with_walking_every_pass(form: Convolution, override: str) -> None:
    machine = array(*[override] if override else [])
    chosen, mapping, count = best([form], machine, 0.7)
    slow = walk(chosen, mapping, machine)
    assert count.cycles == pytest.approx(slow["cycles"], rel=1e-9)
    assert count.glb_ifmap == slow["glb_ifmap"]
    assert count.glb_psum == slow["glb_psum"]
    assert count.glb_filter == slow["glb_filter"]
    assert count.dram_ifmap == slow["dram_ifmap"]
    assert count.dram_filter == slow["dram_filter"]
    assert count.ifmap_delivered == slow["delivered"]
    assert count.psum_hops == slow["hops"]
    assert count.macs == form.macs


@settings(max_examples=60, deadline=None)
@given(forms())
def test_a_mapping_fits_the_machine(form: Convolution) -> None:
    machine = array()
    _, m, _ = best([form], machine, 1.0)
    spads, buffer = machine.scratchpads, machine.buffer
    assert m.p * m.q * form.S <= spads.filter_words
    assert m.q * form.S <= spads.ifmap_words
    assert m.p <= spads.psum_words
    assert m.active_pes == m.r * m.t * form.R * m.e <= machine.array.size
    assert m.ifmap_banks + m.psum_banks <= buffer.banks
    held = (
        (m.e - 1) * form.stride[0] + (form.R - 1) * form.dilation[0] + 1,
        (m.f - 1) * form.stride[1] + (form.S - 1) * form.dilation[1] + 1,
    )
    assert 2 * m.n * min(m.q * m.r, form.C) * math.prod(held) <= m.ifmap_banks * buffer.bank_size
    assert 2 * m.n * m.e * m.f * min(m.m, form.M) <= m.psum_banks * buffer.bank_size


@settings(max_examples=40, deadline=None)
@given(forms())
def test_bounds_and_compulsory_traffic(form: Convolution) -> None:
    _, m, count = best([form], array(), 1.0)
    assert count.cycles >= count.bound_compute
    assert count.cycles >= count.bound_psum_bus - 1e-6
    assert count.cycles >= count.bound_ifmap_bus - 1e-6
    assert count.cycles * m.active_pes >= count.macs
    assert count.dram_filter >= form.G * form.M * form.C * form.R * form.S
    assert count.dram_ofmap == form.G * form.N * form.M * form.E * form.F


@settings(max_examples=40, deadline=None)
@given(forms())
def test_the_input_bus_carries_the_words_that_leave_the_buffer(form: Convolution) -> None:
    """Rows and columns that no tap meets, between wide strides or dilated taps, stay in the buffer."""
    machine = array()
    _, _, count = best([form], machine, 1.0)
    assert count.bound_ifmap_bus * machine.buses.ifmap_words == pytest.approx(count.glb_ifmap)


def shape(**changes: object) -> LayerShape:
    base = LayerShape("conv", 1, 1, 64, 32, 28, 28, 3, 3, 28, 28, (1, 1), (1, 1, 1, 1))
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def replay(machine: Eyeriss, layer: LayerShape, live: float = 0.5, share: float = 0.8) -> dict[str, float | int | str]:
    return machine.replay(
        layer,
        {
            "macs": layer.macs,
            "macs_activation_nonzero": live * layer.macs,
            "activation_share": share,
            "output_share": share,
        },
    )


SHAPES = [
    shape(),
    shape(groups=32, K=1, C=1),
    shape(kind="linear", N=20, K=100, C=128, H=1, W=1, R=1, S=1, P=1, Q=1, padding=(0, 0, 0, 0)),
    shape(kind="recurrent", steps=7, K=512, C=128, H=1, W=1, R=1, S=1, P=1, Q=1, padding=(0, 0, 0, 0)),
    shape(kind="matmul", groups=2, N=17, K=17, C=64, H=1, W=1, R=1, S=1, P=1, Q=1, padding=(0, 0, 0, 0)),
    shape(R=15, S=15, padding=(7, 7, 7, 7)),
    shape(P=55, Q=55, transposed=True, stride=(2, 2)),
    shape(H=1, W=49, R=1, S=9, P=1, Q=41, padding=(0, 0, 0, 0)),
]


@pytest.mark.parametrize("layer", SHAPES, ids=lambda s: f"{s.kind}-{s.groups}-{s.R}x{s.S}{'T' if s.transposed else ''}")
def test_conservation_and_gating(layer: LayerShape) -> None:
    machine = eyeriss()
    row = replay(machine, layer)
    assert row["macs"] == machine.batch.size * layer.macs
    assert row["macs_done"] + row["macs_gated"] == row["macs"]
    levels = [row[f"energy_{name}_pj"] for name in ("mac", "scratchpad", "array", "global_buffer", "dram", "static")]
    assert sum(levels) == pytest.approx(row["energy_pj"])
    assert row["dram_bytes"] == pytest.approx(sum(row[f"dram_{name}_bytes"] for name in ("ifmap", "filter", "ofmap")))
    idle = replay(machine, layer, live=0.1)
    assert idle["processing_cycles"] == row["processing_cycles"]
    assert idle["energy_pj"] < row["energy_pj"]
    plain = replay(machine.dense(), layer)
    assert plain["energy_pj"] > row["energy_pj"]
    assert plain["macs_gated"] == 0
    assert 0 < row["utilisation"] <= 1


def test_a_row_folding_never_changes_the_products() -> None:
    for layer in SHAPES[2:5]:
        assert all(form.macs == layer.macs for form in convolutions(layer))


def test_buffer_size_changes_mapping_traffic_time_and_energy() -> None:
    layer = shape(K=512, C=512)
    small, normal, large = (replay(eyeriss(f"memory.global_buffer.size={n}"), layer) for n in (20480, 102400, 409600))
    for name in ("mapping", "dram_bytes", "global_buffer_bytes", "processing_cycles", "energy_pj"):
        assert len({small[name], normal[name], large[name]}) > 1, name
    assert small["dram_bytes"] >= normal["dram_bytes"] >= large["dram_bytes"]


@pytest.mark.parametrize(
    ("override", "fragment"),
    [
        ("scratchpads.filter_words=0", "filter scratchpad holds 0"),
        ("memory.global_buffer.size=8192", "2 for partial sums are needed, the global buffer has 2"),
        ("memory.global_buffer.filter_size=10", "takes 18 B of the filter buffer, which has 10 B"),
    ],
)
def test_a_layer_that_does_not_fit_says_why(override: str, fragment: str) -> None:
    with pytest.raises(MappingError, match=fragment):
        replay(eyeriss(override), shape())


def test_counts_are_those_of_the_choice() -> None:
    machine = array()
    form, mapping, count = best(convolutions(shape()), machine, 0.5)
    assert counts(form, mapping, machine) == count
