"""Laws of the memories around an array, for machines with random levels on layers of every kind."""

from __future__ import annotations

import itertools
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import event, given, settings
from hypothesis import strategies as st

from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import load_hardware
from accelsim.accelerators.demand import Demand, evaluated
from accelsim.accelerators.fleet import Fleet
from accelsim.accelerators.mapper import demand_of
from accelsim.accelerators.tiles import tile_layer
from accelsim.analyzers.profile import profile
from accelsim.analyzers.statistics import statistics
from accelsim.dataflows.tiling.fixed import parse
from accelsim.dataflows.tiling.outer import Space, needs
from accelsim.dataflows.tiling.problem import DIMS, Problem, cuts
from accelsim.dataflows.tiling.steps import Steps
from accelsim.errors import ConfigError, MappingError
from accelsim.hardware.access import leakage_mw, word_pj
from accelsim.layer import Layer, LayerShape
from accelsim.testing.account import check_row, measured
from accelsim.testing.layers import ALL_KINDS, convolve, layer_of, make_layer, with_output
from tests.references.tiling import moved, needed

MACHINES = ("dadiannao", "pragmatic", "scnn", "systolic", "sparten", "bit_tactical_p", "cambricon_x", "shapeshifter")
"""Plain and compressed operands, weights that stream past, a machine for each way of skipping."""

ROLES = ("activation", "weight", "output")

hardware = st.sampled_from(MACHINES)
kinds = st.sampled_from(ALL_KINDS)
seeds = st.integers(0, 5)


@lru_cache(maxsize=256)
def layer(kind: str, seed: int, word: int) -> Layer:
    """Return a random layer with outputs."""
    return with_output(layer_of(kind, seed, word))


@lru_cache(maxsize=64)
def loaded(name: str, batch: int = 1) -> ArrayAccelerator:
    """Return a shipped machine."""
    found = load_hardware(name, [f"batch.size={batch}"])
    assert isinstance(found, ArrayAccelerator)
    return found


@lru_cache(maxsize=512)
def columns_of(name: str, batch: int, kind: str, seed: int) -> dict[str, Any]:
    """Return what a shipped machine measures on a layer."""
    machine = loaded(name, batch)
    part = layer(kind, seed, machine.word_bits)
    return statistics([part])[0] | measured(machine, part)


def rebuilt(machine: ArrayAccelerator, **parts: Any) -> ArrayAccelerator:
    """Return the machine with other sections, checked as those of a file are."""
    return type(machine).model_validate(machine.model_dump() | parts)


def level(**keys: Any) -> dict[str, Any]:
    """Return the section of a level."""
    return {"word_pj": 2.0, "source": "assumed"} | keys


def flat(bandwidth: str | float, bit_pj: float = 15.0) -> dict[str, Any]:
    """Return the section of a DRAM of flat bandwidth."""
    return {"bandwidth": bandwidth, "bit_pj": bit_pj, "source": "assumed"}


@st.composite
def levels(draw: st.DrawFn) -> dict[str, Any]:
    """One level: shared by some operands, or with partitions for some; most layers of the kit do not fit whole."""
    size = st.integers(5, 17).map(lambda power: 2**power)
    roles = draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=3, unique=True))
    keys: dict[str, Any] = {"double_buffered": draw(st.booleans())}
    if draw(st.booleans()):
        keys |= {"size": draw(size), "holds": roles}
    else:
        keys["partitions"] = {role: draw(size) for role in roles}
    keys["compressed"] = draw(st.lists(st.sampled_from(ROLES), max_size=3, unique=True))
    return level(**keys, bytes_per_cycle=draw(st.sampled_from([None, None, 0.5, 8.0])))


def row(machine: ArrayAccelerator, name: str, kind: str, seed: int, tiled: bool = False) -> dict[str, Any]:
    """Return the row of a layer; tiled: with the real work of its tiles."""
    part = layer(kind, seed, machine.word_bits)
    found = columns_of(name, machine.batch.size, kind, seed) | {"layer_name": part.name}
    if tiled:
        found["tile_work"] = partial(machine.measure_tiles, part, profile([part]))
    return machine.replay(part.shape, found)


def held(machine: ArrayAccelerator) -> list[bool]:
    """Whether the outermost level holds activations, weights and outputs."""
    return [place >= 0 for place in next(iter(machine.memory.values())).partition()]


@given(hardware, kinds, seeds, levels(), st.integers(1, 2), st.sampled_from([0.05e9, 1e9, 100e9]), st.booleans())
@settings(max_examples=120, deadline=None)
def test_every_row_adds_up(
    name: str, kind: str, seed: int, memory: dict[str, Any], batch: int, bandwidth: float, dense: bool
) -> None:
    """Traffic lies between every operand once and no reuse at all; time covers work and transfers; energy its parts."""
    machine = rebuilt(loaded(name, batch), memory={"buffer": memory}, dram=flat(bandwidth))
    machine = machine.dense() if dense else machine
    part, columns = layer(kind, seed, machine.word_bits), columns_of(name, batch, kind, seed)
    try:
        found = row(machine, name, kind, seed)
    except MappingError as error:
        if "buffer" not in str(error) or "--set" not in str(error):
            raise
        return
    if not dense:
        check_row(found, columns, machine, part)
    demand = demand_of(machine, part.shape, columns)
    problem, s = demand.problem, demand.problem.shape
    no_reuse = (
        demand.off_chip().maps[0, 0, 0] * s.K,
        demand.stored[1] * s.steps * s.N * s.P * s.Q,
        demand.stored[2] + 2 * (s.C - 1) * s.outputs * demand.psum_bits,
    )
    assert found["dram_bytes"] * 8 <= sum(no_reuse) * (1 + 1e-12)
    per_bit = machine.clock.frequency_mhz * 1e6 / (8 * bandwidth)
    moves = found["dram_weight_bytes"] if machine.own_link() else found["dram_bytes"]
    assert found["total_cycles"] >= moves * 8 * per_bit * (1 - 1e-9)
    assert min(found[f"stall_{part}_cycles"] for part in ("dram", "port")) >= -1e-9
    assert found["fill_drain_cycles"] >= 0
    assert found["energy_dram_pj"] == pytest.approx(found["dram_bytes"] * 8 * 15.0)
    words = (found["buffer_read_bytes"] + found["buffer_write_bytes"]) * 8 / machine.word_bits
    assert found["energy_buffer_pj"] == pytest.approx(words * 2.0)
    back = found["dram_psum_bytes"] / 2
    entered = [found["dram_activation_bytes"], found["dram_weight_bytes"], back]
    keeps = held(machine)
    from_dram = sum(bytes_ for bytes_, there in zip(entered, keeps, strict=True) if there)
    to_dram = (found["dram_output_bytes"] - back) * keeps[2]
    assert found["buffer_write_bytes"] >= from_dram * (1 - 1e-9)
    assert found["buffer_read_bytes"] >= to_dram * (1 - 1e-9)
    tile, order = parse(found["mapping"], problem)
    if not keeps[2]:
        assert found["buffer_write_bytes"] == pytest.approx(from_dram)
    if problem.sizes[0] * np.prod([-(-n // t) for n, t in zip(problem.sizes, tile, strict=True)]) < 400:
        _, _, _visits, spilled = moved(problem, [tile], [order], (keeps[0], keeps[1], keeps[2]))
        assert back * 8 == pytest.approx(spilled * demand.psum_bits)


@given(hardware, kinds, seeds, st.sampled_from(["dram", "traffic"]), st.booleans(), st.booleans(), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_a_larger_buffer_never_means_more_traffic(
    name: str, kind: str, seed: int, objective: str, doubled: bool, dense: bool, grows: int
) -> None:
    """Nor does a larger partition; and machines replayed together give what each gives alone, to the last bit."""
    sizes = [2**power + odd for power in range(6, 18, 2) for odd in (0, 2 ** (power - 2) + 1)]
    machines = []
    for size in sizes:
        if grows == 3:
            keys: dict[str, Any] = {"size": size}
        elif grows == 4:
            keys = {"size": size, "partitions": {"activation": 3000, "weight": 1000, "output": 96}}
        else:
            keys = {"partitions": {role: size if grows == place else 2048 for place, role in enumerate(ROLES)}}
        memory = {"buffer": level(double_buffered=doubled, **keys)}
        found = rebuilt(
            loaded(name), memory=memory, mapping={"objective": objective}, dram=flat(1e8 + 1e6 * (size % 7))
        )
        machines.append(found.dense() if dense else found)
    rows, fitting = [], []
    for machine in machines:
        try:
            rows.append(row(machine, name, kind, seed))
            fitting.append(machine)
        except MappingError:
            assert not rows, "a layer that fits a buffer fits a larger one"
    if not rows:
        return
    traffic = [one["dram_bytes"] for one in rows]
    assert all(after <= before for before, after in itertools.pairwise(traffic))
    part = layer(kind, seed, fitting[0].word_bits)
    together = fitting[0].replay_many(Fleet(fitting), part.shape, columns_of(name, 1, kind, seed))
    for place, one in enumerate(rows):
        for column, value in one.items():
            many = together[column]
            assert (many[place] if isinstance(many, np.ndarray) else many) == value, column


@given(hardware, kinds, seeds, levels(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_more_bandwidth_never_means_more_cycles(
    name: str, kind: str, seed: int, memory: dict[str, Any], dense: bool
) -> None:
    """At a fixed objective of traffic, whatever the buffer; the same for the port of a level."""
    rates = [1e6, 1e8, 3e8, 1e9, 5e9, 1e11, 1e15]
    machines = [rebuilt(loaded(name), memory={"buffer": memory}, dram=flat(rate)) for rate in rates]
    ports = [
        rebuilt(loaded(name), memory={"buffer": memory | {"bytes_per_cycle": port}}, dram=flat(1e9))
        for port in (0.01, 0.5, 3.0, 1e6, None)
    ]
    for family in (machines, ports):
        try:
            found = [row(m.dense() if dense else m, name, kind, seed) for m in family]
        except MappingError:
            return
        cycles = [one["total_cycles"] for one in found]
        assert all(after <= before * (1 + 1e-12) for before, after in itertools.pairwise(cycles)), cycles
        assert len({one["dram_bytes"] for one in found}) == 1


@given(hardware, kinds, seeds, st.integers(1, 2))
@settings(max_examples=80, deadline=None)
def test_tiles_of_a_layer_compute_its_outputs(name: str, kind: str, seed: int, batch: int) -> None:
    """Tiles taken as layers of their own give exactly the outputs of the layer, partial sums of channels added."""
    rng = np.random.default_rng([seed, batch])
    part = layer_of(kind, seed, loaded(name).word_bits)
    problem = Problem.of(part.shape, batch)
    s = problem.shape
    tile = [1, *(int(rng.integers(max(1, size // 3), size + 1)) for size in problem.sizes[1:])]
    found = np.zeros((s.steps, s.N, s.groups, s.K, s.P, s.Q), np.int64)
    ranges = [list(zip(*(edge.tolist() for edge in cuts(problem.sizes[d], tile[d])), strict=True)) for d in range(1, 7)]
    for place in np.ndindex(*(len(r) for r in ranges)):
        chosen = [r[i] for r, i in zip(ranges, place, strict=True)]
        (g, n, k, _, p, q) = (slice(*edges) for edges in chosen)
        made = tile_layer(part, problem, chosen)
        found[:, n, g, k, p, q] += convolve(made).reshape(
            s.steps, made.shape.N, made.shape.groups, made.shape.K, made.shape.P, made.shape.Q
        )
    one = convolve(part).reshape(s.steps, part.shape.N, part.shape.groups, s.K, s.P, s.Q)
    assert (found == np.tile(one, (1, s.N // part.shape.N, s.groups // part.shape.groups, 1, 1, 1))).all()


@given(hardware, kinds, seeds, levels(), st.integers(1, 2), st.booleans())
@settings(max_examples=80, deadline=None)
def test_the_printed_mapping_reproduces_its_row(
    name: str, kind: str, seed: int, memory: dict[str, Any], batch: int, dense: bool
) -> None:
    """Fixing the mapping that a run prints, by the name of the layer or for all, gives the same row."""
    machine = rebuilt(loaded(name, batch), memory={"buffer": memory})
    machine = machine.dense() if dense else machine
    try:
        found = row(machine, name, kind, seed)
    except MappingError:
        return
    fixed = machine.model_copy(
        update={"mapping": machine.mapping.model_copy(update={"layers": {f"{kind}-{seed}": found["mapping"]}})}
    )
    again = row(fixed, name, kind, seed)
    for column, value in found.items():
        assert again[column] == (value if isinstance(value, str) else pytest.approx(value)), column
    other = machine.model_copy(
        update={"mapping": machine.mapping.model_copy(update={"layers": {"another": "K1", "*": found["mapping"]}})}
    )
    assert row(other, name, kind, seed) == again


@given(hardware, kinds, seeds, levels(), st.sampled_from([1e7, 1e9, 1e11]), st.sampled_from([0.0, 50.0]))
@settings(max_examples=30, deadline=None)
def test_an_objective_is_best_in_its_own_figure(
    name: str, kind: str, seed: int, memory: dict[str, Any], bandwidth: float, static: float
) -> None:
    """Latency, energy and EDP, as estimated, are never worse than those of the mapping for DRAM; traffic never less."""
    base = rebuilt(loaded(name), memory={"buffer": memory | {"leakage_mw": 2 * static}}, dram=flat(bandwidth))
    base = rebuilt(base, energy=base.energy.model_dump() | {"static_mw": static})
    part, columns = layer(kind, seed, base.word_bits), columns_of(name, 1, kind, seed)
    demand = demand_of(base, part.shape, columns)
    problem, w = demand.problem, demand.widths
    figures, _, tiles = Space(problem, demand.units).evaluate(demand.off_chip(), w, demand.room)
    capacities = np.asarray(next(iter(base.memory.values())).capacities()) * 8
    takes = np.asarray([needs(problem, tuple(tile), w, demand.room) for tile in tiles.tolist()])
    fits = (takes <= capacities).all(axis=1)
    if not fits.any():
        return
    goals = estimates(base, demand, figures, tiles, float(columns["compute_cycles"]))
    traffic = figures[:, :3].sum(axis=1)
    event(f"{fits.sum() > 1}")
    for objective, goal in {"dram": traffic, "traffic": traffic, **goals}.items():
        found = row(rebuilt(base, mapping={"objective": objective}), name, kind, seed)
        tile, _ = parse(found["mapping"], problem)
        place = int(np.flatnonzero((tiles == tile).all(axis=1))[0])
        assert fits[place]
        assert goal[place] == pytest.approx(goal[fits].min(), rel=1e-12), objective
        assert found["dram_bytes"] * 8 == pytest.approx(traffic[place])
        if static == 0:
            moved_pj = found["energy_dram_pj"] + found["energy_buffer_pj"]
            assert goals["energy"][place] == pytest.approx(moved_pj), "the estimate is what the row then says"


def estimates(machine: ArrayAccelerator, demand: Demand, figures: Any, tiles: Any, cycles: float) -> dict[str, Any]:
    """Return latency, energy and EDP of every tiling, as the mapper says that it estimates them."""
    per_bit = machine.clock.frequency_mhz * 1e6 / (8 * machine.dram.bytes_per_second)
    bits, first = figures[:, :3].sum(axis=1), figures[:, 7]
    work = cycles * figures[:, 6] / figures[:, 6].min()
    hidden = np.maximum(work + np.minimum(first, bits) * per_bit, bits * per_bit)
    latency = hidden if demand.doubled else work + bits * per_bit
    problem, w = demand.problem, demand.widths
    accesses = []
    for tile, moves in zip(tiles.tolist(), figures[:, :3], strict=True):
        steps = Steps(problem, tuple(tile), tuple(range(7)))
        a, f, back, up = steps.reads((w.activation, w.weight, w.output, w.psum)).sum(axis=1)
        each = moves + np.asarray([a, f, back + up])
        accesses.append(sum(bits for bits, there in zip(each, demand.room.held, strict=True) if there))
    energy = bits * 15.0 + np.asarray(accesses) * 2.0 / machine.word_bits
    leaks = sum(leakage_mw(level, machine.energy.technology_nm) for level in machine.memory.values())
    static = machine.energy.static_mw + leaks
    energy = energy + static * 1e9 * latency / (machine.clock.frequency_mhz * 1e6)
    return {"latency": latency, "energy": energy, "edp": latency * energy}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_energy_as_objective_counts_what_buffers_leak(seed: int) -> None:
    """Where next to all energy is leakage of a buffer, the mapping of least energy takes no more time than any other."""
    base = rebuilt(
        loaded("systolic_ws"),
        memory={"buffer": {"partitions": {"activation": 512, "weight": 512}, "leakage_mw": 1e6, "source": "assumed"}},
        dram=flat(1e9),
    )
    cycles = {
        objective: row(rebuilt(base, mapping={"objective": objective}), "systolic_ws", "rows", seed)["total_cycles"]
        for objective in ("latency", "energy")
    }
    assert cycles["energy"] <= cycles["latency"]


@pytest.mark.parametrize("kind", ["dilated", "grouped", "linear", "recurrent", "matmul"])
@pytest.mark.parametrize("name", ["cambricon_x", "systolic_ws"])
def test_reads_and_writes_of_a_level_cost_what_the_model_says_of_each(name: str, kind: str) -> None:
    """Of a wide memory a write costs twice a read; the estimate of the mapper is what the row then says."""
    level = {"partitions": {"activation": 700, "weight": 500, "output": 300}, "width_bits": 256, "leakage_mw": 0.0}
    base = rebuilt(loaded(name), memory={"buffer": level | {"source": "assumed"}}, dram=flat(1e9))
    base = rebuilt(base, energy=base.energy.model_dump() | {"static_mw": 0.0})
    found = {
        way: row(rebuilt(base, mapping={"objective": way}), name, kind, 1) for way in ("energy", "dram", "latency")
    }
    moved = {way: each["energy_dram_pj"] + each["energy_buffer_pj"] for way, each in found.items()}
    assert moved["energy"] == pytest.approx(min(moved.values()))
    (buffer,), node, word = base.memory.values(), base.energy.technology_nm, base.word_bits
    read, write = (word_pj(buffer, word, node, way) * 8 / word for way in (False, True))
    assert write > 1.5 * read
    best = found["energy"]
    assert best["energy_buffer_pj"] == pytest.approx(
        best["buffer_read_bytes"] * read + best["buffer_write_bytes"] * write
    )
    demand = demand_of(base, layer(kind, 1, word).shape, columns_of(name, 1, kind, 1))
    figures, (reads, writes) = evaluated(demand)
    at = np.isclose(figures[:, :3].sum(axis=1), best["dram_bytes"] * 8)
    at &= np.isclose(reads, best["buffer_read_bytes"] * 8) & np.isclose(writes, best["buffer_write_bytes"] * 8)
    assert at.any()


@st.composite
def nested(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Two or three levels, smaller and smaller, each holding no operand that the one around it does not."""
    roles, found = list(ROLES), []
    for deep in range(draw(st.integers(2, 3))):
        roles = draw(st.sampled_from([roles, roles, *([role] for role in roles)]))
        size = st.integers(10 - 3 * deep, 14 - 3 * deep).map(lambda power: 2**power)
        if draw(st.booleans()):
            keys: dict[str, Any] = {"size": 2 * draw(size), "holds": roles}
        else:
            keys = {"partitions": {role: draw(size) for role in roles}}
        found.append(level(**keys, double_buffered=draw(st.booleans())))
    return found


@given(
    st.sampled_from(["dadiannao", "pragmatic", "systolic", "scnn"]),
    kinds,
    seeds,
    nested(),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_levels_pass_on_what_the_walk_counts(
    name: str, kind: str, seed: int, sections: list[dict[str, Any]], dense: bool
) -> None:
    """Each level reads and writes what a walk over all loops of the printed mapping counts; mappings fit their levels."""
    names = ["outer", "middle", "inner"][: len(sections)]
    memory = dict(zip(names, sections, strict=True))
    machine = rebuilt(loaded(name), memory=memory)
    machine = machine.dense() if dense else machine
    try:
        found = row(machine, name, kind, seed)
    except MappingError as error:
        if not any(f"memory.{one}" in str(error) for one in names):
            raise
        return
    part = layer(kind, seed, machine.word_bits)
    demand = demand_of(machine, part.shape, columns_of(name, 1, kind, seed))
    problem, word, psum = demand.problem, machine.word_bits, demand.psum_bits
    tiles, orders, around = [], [], problem.sizes
    for text in found["mapping"].split(" | "):
        bare = text.split(" ", 1)[1] if tiles else text
        tile, order = parsed(bare, around)
        tiles.append(tile)
        orders.append(order)
        around = tile
    if np.prod([-(-a // b) for a, b in zip(problem.sizes, tiles[-1], strict=True)]) > 3000:
        event("too many steps to walk")
        return
    event(f"walked {len(tiles)} levels")
    outputs = problem.values("output")
    keeps = [[place >= 0 for place in one.partition()] for one in machine.memory.values()]
    moves = []
    for deep, kept in enumerate(keeps):
        a, w, visits, back = moved(problem, tiles[: deep + 1], orders[: deep + 1], tuple(kept))
        assert visits - outputs == back
        moves.append([a * word, w * word, back * psum, outputs * word + back * psum])
    a, w, visits, back = moved(problem, tiles, orders, (False, False, False))
    moves.append([a * word, w * word, back * psum, outputs * word + back * psum])
    outermost = found["dram_psum_bytes"] / 2
    assert outermost * 8 == pytest.approx(moves[0][2])
    moves[0] = [8 * found["dram_activation_bytes"], 8 * found["dram_weight_bytes"], 8 * outermost]
    moves[0].append(8 * (found["dram_output_bytes"] - outermost))
    for deep, (one, kept) in enumerate(zip(names, keeps, strict=True)):
        outside, inside = moves[deep], moves[deep + 1]
        reads = sum(bits for bits, there in zip(inside[:3], kept, strict=True) if there) + outside[3] * kept[2]
        writes = sum(bits for bits, there in zip(outside[:3], kept, strict=True) if there) + inside[3] * kept[2]
        assert found[f"{one}_read_bytes"] * 8 == pytest.approx(reads)
        assert found[f"{one}_write_bytes"] * 8 == pytest.approx(writes)
        capacities = np.asarray(machine.memory[one].capacities()) * 8
        if deep:
            takes = needed(
                problem,
                tiles[deep],
                (word, word, word, psum),
                machine.memory[one].partition(),
                machine.memory[one].double_buffered,
            )
            assert (np.asarray(takes) <= capacities).all()


def parsed(text: str, around: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return tile sizes and loop order of the printed mapping of a level inside tiles of `around`."""
    tile, order = [1, *around[1:]], []
    if text != "whole":
        sizes, loops = text.split(" / ")
        for size in sizes.split():
            tile[DIMS.index(size[0])] = int(size[1:])
        order = [DIMS.index(loop) for loop in loops.split()]
    return tuple(tile), (*(d for d in range(7) if d not in order), *order)


@given(hardware, kinds, seeds, levels(), st.integers(1, 2), st.sampled_from([1e8, 1e9, 1e11]))
@settings(max_examples=40, deadline=None)
def test_the_real_work_of_tiles_adds_up(
    name: str, kind: str, seed: int, memory: dict[str, Any], batch: int, bandwidth: float
) -> None:
    """With every tile measured, time covers work and transfers, traffic is that of the search, and so for a fixed one."""
    machine = rebuilt(loaded(name, batch), memory={"buffer": memory}, dram=flat(bandwidth))
    part, columns = layer(kind, seed, machine.word_bits), columns_of(name, batch, kind, seed)
    try:
        spread = row(machine, name, kind, seed)
    except MappingError:
        return
    if spread["tiles"] > 200:
        return
    found = row(machine, name, kind, seed, tiled=True)
    check_row(found, columns, machine, part)
    moves = found["dram_weight_bytes"] if machine.own_link() else found["dram_bytes"]
    assert found["total_cycles"] >= moves * machine.clock.frequency_mhz * 1e6 / bandwidth * (1 - 1e-9)
    assert all(found[one] == spread[one] for one in spread if one.endswith("_bytes") or one == "mapping")
    assert not found["spread_tiles"]
    fixed = rebuilt(machine, mapping={"layers": {"*": found["mapping"]}})
    again = row(fixed, name, kind, seed, tiled=True)
    assert all(again[one] == (v if isinstance(v, str) else pytest.approx(v)) for one, v in found.items())


@given(hardware, kinds, seeds, st.data())
@settings(max_examples=40, deadline=None)
def test_a_fixed_mapping_moves_what_the_walk_moves(name: str, kind: str, seed: int, data: Any) -> None:
    """Any tile sizes and any order: sums that spill, weights and activations move as often as in a walk."""
    machine = loaded(name)
    part, columns = layer(kind, seed, machine.word_bits), columns_of(name, 1, kind, seed)
    sizes = Problem.of(part.shape).sizes
    tile = (1, *(data.draw(st.integers(max(1, size // 3), size)) for size in sizes[1:]))
    order = (0, *data.draw(st.permutations(range(1, 7))))
    text = " ".join(f"{d}{t}" for d, t in zip(DIMS, tile, strict=True)) + " / " + " ".join(DIMS[d] for d in order)
    machine = rebuilt(
        machine, mapping={"layers": {part.name: text}, "psum_bits": 24}, memory={"buffer": level(size="1GiB")}
    )
    found = row(machine, name, kind, seed, tiled=True)
    problem = Problem.of(part.shape)
    a, w, visits, back = moved(problem, [tile], [order], (True, True, True))
    assert found["dram_psum_bytes"] * 8 == pytest.approx(2 * back * 24)
    stored = columns["stored_weight_bits"] + columns["weight_metadata_bits"]
    assert found["dram_weight_bytes"] * 8 == pytest.approx(w / problem.values("weight") * stored)
    if machine.storage.activation == "plain":
        assert found["dram_activation_bytes"] * 8 == pytest.approx(a * machine.word_bits)
    assert visits == problem.values("output") + back


@given(st.sampled_from(["dadiannao", "scnn", "systolic", "shapeshifter"]), kinds, seeds, levels(), st.data())
@settings(max_examples=25, deadline=None)
def test_a_dram_part_is_never_faster_than_its_peak(
    name: str, kind: str, seed: int, memory: dict[str, Any], data: Any
) -> None:
    """Time covers the bytes at the peak of the part; a flat bandwidth of that peak is slower by a burst a step at most.

    A burst that two steps share has moved with the first one.
    """
    part = data.draw(st.sampled_from(["ddr3", "ddr4", "lpddr4", "hbm2", "hbm3"]))
    machine = rebuilt(loaded(name), memory={"buffer": memory}, dram={"part": part, "bit_pj": 15.0, "source": "assumed"})
    peak = machine.dram.bytes_per_second
    try:
        found = row(machine, name, kind, seed)
    except MappingError:
        return
    ideal = row(rebuilt(machine, dram=flat(peak)), name, kind, seed)
    per_byte = machine.clock.frequency_mhz * 1e6 / peak
    moves = found["dram_weight_bytes"] if machine.own_link() else found["dram_bytes"]
    event(f"more than one step: {found['tiles'] > 1}")
    assert found["total_cycles"] >= moves * per_byte * (1 - 1e-9)
    device = machine.dram.device()
    burst = device.channels * device.burst_bytes * per_byte
    assert found["total_cycles"] >= ideal["total_cycles"] * (1 - 1e-9) - (found["tiles"] + 2) * burst
    assert found["mapping"] == ideal["mapping"]


def written_file(folder: Path, memory: dict[str, Any], name: str = "pragmatic", **parts: Any) -> str:
    """Write a machine with other sections and return its path."""
    data = loaded(name).model_dump(mode="json") | {"memory": memory} | parts
    path = folder / "machine.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("memory", "said"),
    [
        ({"buffer": level(size=1, partitions={"weight": 64, "output": 64})}, "leaves a partition without a byte"),
        ({"buffer": level()}, "give size, or partitions"),
        ({"buffer": level(partitions={})}, "partitions hold no operand"),
        ({"buffer": level(size=0)}, "memory.buffer.size"),
        ({"buffer": level(size=1024, holds=[])}, "memory.buffer.holds"),
        ({"buffer": level(size=1024, holds=["inputs"])}, "memory.buffer.holds"),
        ({"buffer": level(size=1024, bytes_per_cycle=0)}, "bytes_per_cycle"),
        ({"dram": level(size=1024)}, "'dram'"),
        ({"a buffer": level(size=1024)}, "'a buffer'"),
        ({}, "memory has no level"),
        ({"far": level(size=4096, holds=["weight"]), "near": level(size=512)}, "memory.near holds an operand"),
        ({"far": level(partitions={"weight": 64}), "near": level(partitions={"output": 8})}, "memory.near"),
    ],
)
def test_a_memory_that_cannot_be_is_refused(memory: dict[str, Any], said: str, tmp_path: Path) -> None:
    """The file is named, and what is wrong with which key."""
    with pytest.raises(ConfigError) as error:
        load_hardware(written_file(tmp_path, memory))
    assert said in str(error.value)
    assert "machine.yaml" in str(error.value)


def test_a_file_with_two_levels_is_read_and_set(tmp_path: Path) -> None:
    """Levels keep their order; `--set` reaches any of them; a larger inner level never reads more around it."""
    memory = {"around": level(size="64KiB"), "near": level(partitions={"activation": 256, "weight": 256})}
    path = written_file(tmp_path, memory)
    assert list(load_hardware(path).memory) == ["around", "near"]
    part = layer("conv", 1, 16)
    columns = columns_of("pragmatic", 1, "conv", 1)
    read = []
    for size in (64, 128, 256, 512, 1024, 4096, 1 << 16):
        machine = load_hardware(path, [f"memory.near.partitions.{role}={size}" for role in ("activation", "weight")])
        assert machine.memory["near"].total_bytes == 2 * size
        read.append(machine.replay(part.shape, columns)["around_read_bytes"])
    assert read == sorted(read, reverse=True)
    assert read[-1] < read[0]


@pytest.mark.parametrize("inner", [False, True])
def test_too_small_a_level_says_what_it_needs(inner: bool) -> None:
    """One line: the level, what the smallest tiles take, what it has, and how to enlarge it; the figure is right."""
    memory = {"near": level(size=2 if inner else 4)}
    machine = rebuilt(loaded("pragmatic"), memory={"far": level(size="1MiB"), **memory} if inner else memory)
    with pytest.raises(MappingError) as error:
        row(machine, "pragmatic", "conv", 1)
    text = str(error.value)
    assert "\n" not in text
    assert "near" in text
    assert "enlarge memory.near with --set" in text
    if not inner:
        needs_bytes = int(text.split("take ")[1].split(" B of near")[0])
        assert row(rebuilt(machine, memory={"near": level(size=needs_bytes)}), "pragmatic", "conv", 1)["dram_bytes"] > 0
        with pytest.raises(MappingError):
            row(rebuilt(machine, memory={"near": level(size=needs_bytes - 1)}), "pragmatic", "conv", 1)


def test_a_printed_mapping_of_two_levels_is_read_back() -> None:
    """The text of a run can be fixed as it is, or its outermost level alone; another one inside is refused."""
    memory = {"far": level(size="4KiB"), "near": level(size=256)}
    machine = rebuilt(loaded("pragmatic"), memory=memory)
    found = row(machine, "pragmatic", "conv", 1)
    outermost, inside = str(found["mapping"]).split(" | ")
    for text in (found["mapping"], outermost):
        again = row(rebuilt(machine, mapping={"layers": {"*": text}}), "pragmatic", "conv", 1)
        assert all(again[one] == (v if isinstance(v, str) else pytest.approx(v)) for one, v in found.items())
    with pytest.raises(ConfigError, match="levels inside the outermost are searched") as error:
        row(rebuilt(machine, mapping={"layers": {"*": f"{outermost} | near K1 / K"}}), "pragmatic", "conv", 1)
    assert inside in str(error.value)


@pytest.mark.parametrize("text", ["K999 / K", "K4 C4 / N X", "K 4", "rubbish"])
def test_a_mapping_that_cannot_be_is_refused(text: str) -> None:
    """One line that names the mapping."""
    machine = rebuilt(loaded("pragmatic"), mapping={"layers": {"*": text}})
    with pytest.raises(ConfigError) as error:
        row(machine, "pragmatic", "conv", 1)
    assert repr(text) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [*MACHINES, "dual_side_tensor_core", "ucnn", "tpu_v1"])
@pytest.mark.parametrize("kind", ["heads", "depthwise", "grouped", "rows"])
def test_layers_are_not_cut_to_the_harm_of_the_array(name: str, kind: str) -> None:
    """Where many tilings move equally little, that of a few whole groups, rows and filters is taken."""
    shape = {
        "heads": LayerShape("matmul", 64, 12, 64, 64, 1, 1, 1, 1, 1, 1),
        "depthwise": LayerShape("conv", 1, 96, 1, 1, 14, 14, 3, 3, 14, 14, (1, 1), (1,) * 4),
        "grouped": LayerShape("conv", 1, 4, 32, 64, 14, 14, 3, 3, 14, 14, (1, 1), (1,) * 4),
        "rows": LayerShape("linear", 64, 1, 256, 256, 1, 1, 1, 1, 1, 1),
    }[kind]
    machine = rebuilt(loaded(name), memory={"buffer": level(size="4MiB")})
    part = make_layer(shape, np.random.default_rng(0), bits=min(8, machine.word_bits), word=machine.word_bits)
    work = {"tile_work": partial(machine.measure_tiles, part, profile([part]))}
    found = machine.replay(shape, statistics([part])[0] | measured(machine, part) | work)
    assert found["tiling_cycles"] <= 0.6 * found["compute_cycles"], found["mapping"]
