"""Searches over tilings against a walk of all of them, step by step: nothing is cheaper, and everything is counted."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accelsim.dataflows.tiling.fixed import parse, written
from accelsim.dataflows.tiling.inner import best_inside
from accelsim.dataflows.tiling.nest import Nest
from accelsim.dataflows.tiling.orders import ORDERS
from accelsim.dataflows.tiling.outer import Room, Space, Stored, Tilings, Widths, fetched_maps, needs, tilings
from accelsim.dataflows.tiling.pipeline import Pipeline
from accelsim.dataflows.tiling.problem import DIMS, OPERANDS, Problem, candidates, tile_sizes
from accelsim.dataflows.tiling.steps import Steps, measured_sizes
from accelsim.errors import ConfigError
from accelsim.layer import LayerShape
from tests.references.tiling import every_order, every_tile, moved, needed

PARTITIONS = (
    (0, 0, 0),
    (0, 1, 2),
    (0, 1, 0),
    (0, -1, -1),
    (0, 1, -1),
    (-1, 0, -1),
    (-1, 0, 1),
    (0, -1, 1),
    (-1, -1, 0),
)
"""Shared, one for each operand, two that share, and operands that stream past."""

partitions = st.sampled_from(PARTITIONS)
widths = st.tuples(*(st.integers(1, 9) for _ in range(3)), st.integers(4, 20))


@st.composite
def shapes(draw: st.DrawFn, most: int = 36) -> LayerShape:
    """Small layers of every kind: at most `most` positions of the loops that tilings cut."""
    kind = draw(st.sampled_from(("conv", "conv", "conv", "transposed", "linear", "recurrent", "matmul")))
    small = st.integers(1, 3)
    if kind in ("linear", "recurrent", "matmul"):
        groups = draw(small) if kind == "matmul" else 1
        steps = draw(st.integers(2, 3)) if kind == "recurrent" else 1
        n, k, c = (draw(st.integers(1, 4)) for _ in range(3))
        assume(steps * groups * n * k * c <= most)
        return LayerShape(kind, n, groups, k, c, 1, 1, 1, 1, 1, 1, steps=steps)
    groups, n, k, c = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(small), draw(small)
    r, s, stride, dilation = draw(small), draw(small), (draw(small), draw(small)), (draw(st.integers(1, 2)), 1)
    h, w = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    reach = [(taps - 1) * d for taps, d in zip((r, s), dilation, strict=True)]
    pads = [draw(st.integers(0, reach[edge // 2] + 1)) for edge in range(4)]
    if kind == "transposed":
        rest = draw(st.integers(0, 1))
        p, q = (
            (size - 1) * stride[a] + reach[a] + 1 - pads[2 * a] - pads[2 * a + 1] + rest
            for a, size in enumerate((h, w))
        )
    else:
        p, q = ((size + pads[2 * a] + pads[2 * a + 1] - reach[a] - 1) // stride[a] + 1 for a, size in enumerate((h, w)))
    assume(p >= 1 and q >= 1 and groups * n * k * c * p * q <= most)
    padding = (pads[0], pads[1], pads[2], pads[3])
    return LayerShape(
        "conv", n, groups, k, c, h, w, r, s, p, q, stride, padding, dilation, transposed=kind == "transposed"
    )


def searched(problem: Problem, pixel: Any, width: tuple[int, ...], room: Room) -> Tilings:
    """Return what the search finds; pixel: bits of an activation at each place."""
    s = problem.shape
    a, w, o, psum = width
    plane = np.asarray(pixel, np.float64) * s.steps * s.N * s.groups * s.C
    stored = Stored(fetched_maps(problem, plane), float(w * s.weights), float(o * s.outputs), float(psum * s.outputs))
    return tilings(Space(problem), stored, Widths(a, w, o, psum), room)


def off_chip(problem: Problem, tile: Any, order: Any, width: Any, held: Any, pixel: Any) -> tuple[int, int, int]:
    """Bits of each operand that one tiling moves, by walking it: partial sums written in all visits but the last."""
    a, w, visits, back = moved(problem, [tile], [order], held, pixel)
    assert visits - problem.values("output") == back, "a visit that is not the first reads back what one before wrote"
    return a, w * width[1], problem.values("output") * width[2] + 2 * back * width[3]


@given(shapes(), partitions, st.booleans(), widths, st.integers(0, 9), st.booleans())
@settings(max_examples=40, deadline=None)
def test_no_tiling_moves_less_off_chip(
    shape: LayerShape, partition: tuple[int, int, int], doubled: bool, width: tuple[int, int, int, int], seed: int,
    even: bool,
) -> None:  # fmt: skip
    """At every capacity the search finds the least over tile sizes and all loop orders, and what it finds fits.

    Where pixels take different sizes, others than the candidates may cut rows and columns at smaller ones; they are
    left out.
    """
    problem, room = Problem(shape), Room(partition, doubled)
    rng = np.random.default_rng(seed)
    size = (shape.H, shape.W)
    pixel = np.full(size, width[0]) if even else rng.integers(0, 9, size)
    table = []
    for tile in every_tile(problem):
        if not even and any(tile[d] not in tile_sizes(problem, d) for d in (5, 6)):
            continue
        cost = min(sum(off_chip(problem, tile, o, width, room.held, pixel)) for o in every_order(problem, tile))
        table.append((needed(problem, tile, width, partition, doubled), cost))
    takes, costs = np.asarray([t for t, _ in table], np.float64), np.asarray([c for _, c in table])
    found = searched(problem, pixel, width, room)
    capacities = np.unique(takes, axis=0)
    rows = found.first_fit(capacities)
    assert (rows >= 0).all()
    for capacity, row in zip(capacities, rows.tolist(), strict=True):
        tile, order = tuple(found.tiles[row].tolist()), tuple(ORDERS[found.orders[row]].tolist())
        assert (np.asarray(needed(problem, tile, width, partition, doubled)) <= capacity).all()
        assert off_chip(problem, tile, order, width, room.held, pixel) == tuple(found.bits[row])
        assert found.bits[row].sum() == costs[(takes <= capacity).all(axis=1)].min(), (capacity, tile, order)


@st.composite
def nests(draw: st.DrawFn, levels: int = 3) -> tuple[Problem, list[tuple[int, ...]], list[tuple[int, ...]]]:
    """One to `levels` levels of tiles, each within the one around it, in any loop order (steps outermost)."""
    problem = Problem(draw(shapes(40)))
    around, tiles, orders = problem.sizes, [], []
    for _ in range(draw(st.integers(1, levels))):
        around = (1, *(draw(st.integers(1, size)) for size in around[1:]))
        tiles.append(around)
        orders.append((0, *draw(st.permutations(range(1, 7)))))
    return problem, tiles, orders


@given(nests())
@settings(max_examples=120, deadline=None)
def test_fills_and_rereads_are_those_of_the_walk(given_nest: Any) -> None:
    """What a level fetches, and what passes it in all, equal the walk over every loop, at one to three levels."""
    problem, tiles, orders = given_nest
    found = Nest(problem, tuple(tiles), tuple(orders))
    a, w, visits, _ = moved(problem, tiles, orders, (True, True, True))
    assert (a, w, visits) == tuple(found.fetched(o) for o in OPERANDS)
    streamed = moved(problem, tiles, orders, (False, False, False))
    assert streamed[:3] == tuple(found.used(o) for o in OPERANDS)
    assert all(found.fetched(o) <= found.used(o) for o in OPERANDS)
    assert found.fetched("activation") >= problem.values("activation")


@given(shapes(18), partitions, st.booleans(), st.data())
@settings(max_examples=20, deadline=None)
def test_no_inner_tiling_moves_less(shape: LayerShape, partition: Any, doubled: bool, data: Any) -> None:
    """An inner level takes the tile and order, of all that are candidates, that bring the fewest bits into it and past it."""
    problem = Problem(shape)
    tile = (1, *(data.draw(st.integers(1, size)) for size in problem.sizes[1:]))
    order = (0, *data.draw(st.permutations(range(1, 7))))
    word, psum = 3, 7
    room = Room(partition, doubled)
    table = []
    for inside in product((1,), *(candidates(size).tolist() for size in tile[1:])):
        need = needed(problem, inside, (word, word, word, psum), partition, doubled)
        costs = []
        for row in ORDERS.tolist():
            a, w, _, back = moved(problem, [tile, inside], [order, tuple(row)], room.held)
            costs.append((a + w + problem.values("output")) * word + 2 * back * psum)
        table.append((need, min(costs)))
    takes, costs = np.asarray([t for t, _ in table], np.float64), np.asarray([c for _, c in table])
    for capacity in np.unique(takes, axis=0)[:12]:
        limits = tuple(int(bits) for bits in capacity)
        found = best_inside(Nest(problem, (tile,), (order,)), room, (float(word),) * 3, float(psum), limits)
        assert found is not None
        inside, chosen = found.tiles[-1], found.orders[-1]
        assert (np.asarray(needed(problem, inside, (word, word, word, psum), partition, doubled)) <= capacity).all()
        a, w, visits, back = moved(problem, [tile, inside], [order, chosen], room.held)
        assert visits - problem.values("output") == back
        bits = (a + w + problem.values("output")) * word + 2 * back * psum
        assert bits == costs[(takes <= capacity).all(axis=1)].min()
    least = tuple(int(bits) - 1 for bits in takes.min(axis=0))
    assert best_inside(Nest(problem, (tile,), (order,)), room, (float(word),) * 3, float(psum), least) is None


@given(nests(1), partitions, widths, st.integers(0, 9))
@settings(max_examples=150, deadline=None)
def test_steps_move_what_the_walk_moves(given_nest: Any, partition: Any, width: Any, seed: int) -> None:
    """The bits of all steps sum to those of the walk, for each operand: spilled sums are written and read back."""
    problem, (tile,), (order,) = given_nest
    shape, held = problem.shape, Room(partition).held
    rng = np.random.default_rng(seed)
    pixel = rng.integers(0, 9, (shape.H, shape.W))
    filters = rng.integers(0, 9, shape.groups * shape.K)
    outputs = rng.integers(0, 9, (shape.P, shape.Q))
    steps = Steps(problem, tile, order, held)
    images = shape.N * shape.groups
    sizes = measured_sizes(
        steps,
        pixel * float(images * shape.C),
        filters * float(shape.C * problem.kernel),
        outputs * float(images * shape.K),
        float(width[3]),
    )
    into, out = steps.traffic(sizes)
    a, _, visits, back = moved(problem, [tile], [order], held, pixel)
    assert np.isclose(into[0].sum(), a)
    assert not out[:2].any()
    weights = moved(problem, [tile], [order], held)[1] / problem.values("weight")
    assert np.isclose(into[1].sum(), weights * filters.sum() * shape.C * problem.kernel)
    final = outputs.sum() * images * shape.K * shape.steps
    assert np.isclose(into[2].sum(), back * width[3])
    assert np.isclose(out[2].sum(), final + back * width[3])
    assert visits == problem.values("output") + back


@given(nests(1), widths)
@settings(max_examples=100, deadline=None)
def test_the_array_reads_its_tile_in_every_step(given_nest: Any, width: Any) -> None:
    """What passes between the buffer and the array equals the walk in which nothing stays."""
    problem, (tile,), (order,) = given_nest
    a, w, visits, back = moved(problem, [tile], [order], (False, False, False))
    passed = Steps(problem, tile, order).reads(width).sum(axis=1)
    last = width[3] if tile[4] < problem.sizes[4] else width[2]
    assert passed.tolist() == [a * width[0], w * width[1], back * width[3], visits * last]


@given(nests(1), partitions, st.booleans(), widths)
@settings(max_examples=100, deadline=None)
def test_room_is_that_of_the_largest_tiles(given_nest: Any, partition: Any, doubled: bool, width: Any) -> None:
    """A mapping that the user fixes takes the room that is counted tile by tile."""
    problem, (tile,), _ = given_nest
    expected = needed(problem, tile, width, partition, doubled)
    assert needs(problem, tile, Widths(*map(float, width)), Room(partition, doubled)).tolist() == expected


@given(nests(1))
@settings(max_examples=200, deadline=None)
def test_a_written_mapping_is_read_back(given_nest: Any) -> None:
    """Tile sizes come back, and the loops that are cut come back in their order."""
    problem, (tile,), (order,) = given_nest
    text = written(problem, tile, order)
    again, places = parse(text, problem)
    cut = [d for d in order if tile[d] < problem.sizes[d]]
    assert again == tile
    assert [d for d in places if d in cut] == cut
    assert sorted(places) == list(range(7))
    assert written(problem, again, places) == text


@pytest.mark.parametrize(
    "text",
    ["K0", "K9", "X3", "K 3", "K3.5", "T2", "K2 / K K", "K2 / Y", "K2 / K T", "/ /", "K2 K3", "k2", "whole K2", "-"],
)
def test_a_mapping_that_is_none_is_refused_in_a_line(text: str) -> None:
    """Sizes out of range, unknown or repeated loops, and steps inside others are each named."""
    problem = Problem(LayerShape("recurrent", 2, 1, 4, 5, 1, 1, 1, 1, 1, 1, steps=3))
    with pytest.raises(ConfigError) as error:
        parse(text, problem)
    assert repr(text) in str(error.value)
    assert "\n" not in str(error.value)


@given(st.lists(st.tuples(*(st.integers(0, 20) for _ in range(4))), min_size=1, max_size=8), st.booleans(), st.data())
@settings(max_examples=150, deadline=None)
def test_pipeline_is_that_of_steps_one_by_one(steps: Any, doubled: bool, data: Any) -> None:
    """Cycles equal a walk over the steps, at every rate; never below work or transfers; more bandwidth never slower."""
    compute, into, beside, out = (np.asarray(column, np.float64) for column in zip(*steps, strict=True))
    pipeline = Pipeline.of(compute, into, beside, out, doubled)
    rates = np.sort(
        np.asarray(data.draw(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, 8.0]), min_size=1, max_size=4)))
    )
    total, ends = pipeline.cycles(rates)
    for rate, found, edge in zip(rates, total, ends, strict=True):
        moves = (into.sum() + beside.sum() + out.sum()) * rate
        if doubled:
            expected = (into[0] + out[-1]) * rate
            for i in range(len(steps)):
                beyond = into[i + 1] if i + 1 < len(steps) else 0.0
                expected += max(compute[i], (beside[i] + beyond + (out[i - 1] if i else 0.0)) * rate)
        else:
            expected = compute.sum() + moves
        assert np.isclose(found, expected)
        assert np.isclose(edge, (into[0] + out[-1]) * rate)
        assert found >= max(compute.sum(), moves) - 1e-9
        assert np.isclose(pipeline.scaled(float(rate)).cycles(np.ones(1))[0][0], found)
    assert (np.diff(total) >= -1e-9).all()
    port = pipeline.limited(np.asarray([beside.sum() + 1]), 2.0)
    if compute.sum():
        assert np.isclose(port.compute.sum(), max(compute.sum(), (beside.sum() + 1) / 2))


@given(st.integers(1, 60), st.integers(1, 20))
def test_candidates_have_every_number_of_tiles(size: int, unit: int) -> None:
    """With the finest unit each number of tiles is there once, in its smallest size; all are within the loop."""
    assert sorted({-(-size // t) for t in range(1, size + 1)}) == sorted(
        -(-size // t) for t in candidates(size).tolist()
    )
    found = candidates(size, unit)
    assert found[0] == 1
    assert found[-1] == size
    assert all(t < unit or t % unit == 0 or t == size for t in found)


def test_every_order_is_no_better_than_the_five() -> None:
    """Over all 720 orders and several tilings of one layer, the five of the search hold the best."""
    problem = Problem(LayerShape("conv", 2, 1, 4, 3, 5, 5, 3, 3, 3, 3))
    for tile in ((1, 1, 1, 2, 1, 1, 3), (1, 1, 2, 2, 2, 2, 2)):

        def cost(order: Any, tile: Any = tile) -> int:
            return sum(off_chip(problem, tile, order, (1, 1, 1, 2), (True,) * 3, np.ones((5, 5), np.int64)))

        assert min(cost(tuple(o)) for o in ORDERS.tolist()) == min(cost((0, *o)) for o in permutations(range(1, 7)))
    assert len(DIMS) == 7
