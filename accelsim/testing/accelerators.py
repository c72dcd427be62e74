"""Conformance of an accelerator: laws that every machine obeys, whatever it skips."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from accelsim import sim
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import load_hardware
from accelsim.analyzers.profile import profile
from accelsim.layer import Layer
from accelsim.testing.account import (
    check_account,
    check_row,
    effectual_pairs,
    measured,
    pair_costs,
    row_of,
)
from accelsim.testing.bundles import numbered, write_bundle
from accelsim.testing.identity import changed, sent, with_batch, written_and_read
from accelsim.testing.layers import ALL_KINDS, described, full_layer, layer_of, with_codes, with_output
from accelsim.testing.outputs import check_pairs
from accelsim.testing.representations import representations

each_kind = pytest.mark.parametrize("kind", ALL_KINDS)


class AcceleratorConformance:
    """Inherit, set `hardware`, and pytest runs every law on layers of every kind.

        class TestMine(AcceleratorConformance):
            hardware = "path/to/mine.yaml"

    Or override the fixture `machine`. Little layers leave most of a large array idle: inherit a second time with
    `settings` that make it small. The flags are promises that nearly every machine keeps; a subclass turns off the
    one that its machine does not make, and says why.
    """

    hardware: ClassVar[str] = ""
    """Name or path of the machine's YAML."""
    settings: ClassVar[Sequence[str]] = ()
    """Overrides ``key.path=value`` of it."""
    seeds: ClassVar[Sequence[int]] = (0, 1)
    """Each makes one layer of every kind; even ones without negative activations."""
    alternatives: ClassVar[Mapping[str, Any]] = {}
    """Another valid value of a parameter of `accelerator`, where doubling or counting up gives none."""

    exact_outputs: ClassVar[bool] = True
    """No product of two non-zero operands is lost (False for machines that predict or round)."""
    every_product_takes_a_slot: ClassVar[bool] = True
    """A product of two non-zero operands takes a lane for a cycle at least (False where products are reused)."""
    never_slower_than_dense: ClassVar[bool] = True
    """Skipping never costs cycles against the same machine without."""
    zeros_never_cost_more: ClassVar[bool] = True
    """A layer of zeros takes no longer than the same layer with values."""
    monotonic_in_size: ClassVar[bool] = True
    """`scaled(2)` is never slower."""
    batch_repeats_convolutions: ClassVar[bool] = True
    """A convolution of a batch takes as many times the cycles of one input."""
    batching_never_slower: ClassVar[bool] = True
    """A linear layer of a batch takes no longer than its inputs one after another."""
    padding_is_work: ClassVar[bool] = True
    """Padding zeros go through the lanes like other zeros (matters where `costs` gives a zero a cost)."""
    busy_beyond_pairs: ClassVar[Mapping[str, str]] = {}
    """Kinds of layers whose busy slots exceed the pair sum of `costs`, with the reason."""

    @pytest.fixture
    def machine(self) -> ArrayAccelerator:
        """The machine to test."""
        return loaded(self.hardware, tuple(self.settings))

    def layers(self, machine: ArrayAccelerator, kind: str) -> list[Layer]:
        """Return the random layers of a kind, their codes as wide as the machine's words."""
        return [layer_of(kind, seed, machine.word_bits) for seed in self.seeds]

    @each_kind
    def test_account_is_complete(self, machine: ArrayAccelerator, kind: str) -> None:
        """Slots sum to lanes x cycles, none is negative, busy slots split in effectual and ineffectual."""
        for layer in self.layers(machine, kind):
            work = machine.work(layer, profile([layer]))
            columns = measured(machine, layer)
            check_account(columns, described(layer))
            assert work.cycles == columns["compute_cycles"], (
                f"{described(layer)}: `work` and `measure` differ in cycles"
            )
            assert work.lanes * work.cycles == columns["slots"], (
                f"{described(layer)}: `work` and `measure` differ in lanes"
            )

    @each_kind
    def test_outputs_follow_from_the_pairs_visited(self, machine: ArrayAccelerator, kind: str) -> None:
        """Outputs recomputed from the schedule equal an integer convolution."""
        if not self.exact_outputs:
            pytest.skip("the machine does not promise exact outputs (exact_outputs = False)")
        for layer in self.layers(machine, kind):
            given = profile([layer])
            pairs = machine.pairs(layer, given)
            if pairs is None:
                pytest.skip(f"{machine.name} gives no operand pairs: `pairs` returns None")
            single = with_batch(machine, 1).work(layer, given)
            check_pairs(pairs, layer, single.lanes)
            room = single.lanes * single.cycles
            assert pairs.step.size <= room, f"{described(layer)}: {pairs.step.size} pairs in {room} lane slots"

    @each_kind
    def test_zeros_end_and_cost_no_more(self, machine: ArrayAccelerator, kind: str) -> None:
        """Zero operands end in a finite count, no larger than that of values under the same static profile."""
        for layer in self.layers(machine, kind):
            given = profile([layer])
            dense = machine.work(layer, given).cycles
            for what, zeros in (
                ("activations", with_codes(layer, activation=0)),
                ("weights", with_codes(layer, weight=0)),
                ("operands", with_codes(layer, 0, 0)),
            ):
                check_account(measured(machine, zeros), f"{described(layer)} with zero {what}")
                found = machine.work(zeros, given).cycles
                if self.zeros_never_cost_more:
                    message = f"{described(layer)}: {found} cycles with zero {what}, {dense} with values"
                    assert found <= dense, message

    @each_kind
    def test_larger_is_never_slower(self, machine: ArrayAccelerator, kind: str) -> None:
        """Twice the multipliers take no more cycles."""
        if not self.monotonic_in_size:
            pytest.skip("the machine does not promise it (monotonic_in_size = False)")
        larger = machine.scaled(2)
        bits = machine.multiplier_bits(), larger.multiplier_bits()
        assert bits[1] == 2 * bits[0], f"scaled(2) has {bits[1]} multiplier bits, the machine {bits[0]}"
        for layer in [*self.layers(machine, kind), full_layer(kind, 0, machine.word_bits)]:
            before, after = (m.work(layer, profile([layer])).cycles for m in (machine, larger))
            assert after <= before, f"{described(layer)}: {after} cycles on twice the multipliers, {before} before"

    @each_kind
    def test_ideals_are_never_beaten(self, machine: ArrayAccelerator, kind: str) -> None:
        """The dense schedule and that of full operands need a lane slot for every product; skipping never loses."""
        inputs = machine.batch.size
        for layer in [*self.layers(machine, kind), full_layer(kind, 0, machine.word_bits)]:
            work, where = machine.work(layer, profile([layer])), described(layer)
            room, products = work.dense_cycles * work.lanes, inputs * layer.shape.macs_inside
            assert room >= products, f"{where}: the dense schedule has {room} lane slots for {products} products"
            room, products = work.cycles * work.lanes, inputs * effectual_pairs(layer)
            if self.every_product_takes_a_slot:
                assert room >= products, f"{where}: {room} lane slots for {products} products of non-zero operands"
            if self.never_slower_than_dense:
                cycles = work.cycles, work.dense_cycles
                assert cycles[0] <= cycles[1], f"{where}: {cycles[0]} cycles with skipping, {cycles[1]} without"

    @each_kind
    def test_busy_is_the_pair_sum_of_the_costs(self, machine: ArrayAccelerator, kind: str) -> None:
        """Busy slots equal the sum over all products of what `costs` says a lane spends on them."""
        for layer in [*self.layers(machine, kind), full_layer(kind, 0, machine.word_bits)]:
            costs = machine.costs(profile([layer]))
            if costs is None:
                pytest.skip(f"{machine.name} gives no cost per value: `costs` returns None")
            expected = machine.batch.size * pair_costs(layer, costs, self.padding_is_work)
            columns = measured(machine, layer)
            busy, slots = columns["slots_busy"], columns["slots"]
            assert busy <= slots, f"{described(layer)}: {busy} busy slots in {slots}"
            if kind in self.busy_beyond_pairs:
                assert busy >= expected, (
                    f"{described(layer)}: {busy} busy slots, the pair sum of the costs is {expected}"
                )
            else:
                assert busy == expected, (
                    f"{described(layer)}: {busy} busy slots, the pair sum of the costs is {expected}"
                )

    @each_kind
    def test_a_batch_repeats_convolutions(self, machine: ArrayAccelerator, kind: str) -> None:
        """Convolutions of a batch take as many times longer, linear layers no more than that."""
        one, three = with_batch(machine, 1), with_batch(machine, 3)
        assert one.measurement() != three.measurement(), "machines of batch 1 and 3 measure under the same name"
        for layer in self.layers(machine, kind):
            single, batch = (m.work(layer, profile([layer])).cycles for m in (one, three))
            where = f"{described(layer)}: {batch} cycles for 3 inputs, {single} for one"
            check_account(measured(three, layer), f"{described(layer)}, batch of 3")
            if layer.shape.kind == "conv" and self.batch_repeats_convolutions:
                assert batch == 3 * single, where
            if self.batching_never_slower:
                assert batch <= 3 * single, where

    @each_kind
    def test_time_traffic_and_energy_agree(self, machine: ArrayAccelerator, kind: str) -> None:
        """Energy is the sum of its parts, DRAM moves each operand once at least, waiting only adds time."""
        for layer in map(with_output, self.layers(machine, kind)):
            columns, row = measured(machine, layer), row_of(machine, layer)
            check_row(row, columns, machine, layer)
            dense = row_of(machine.dense(), layer)
            cycles = dense["compute_cycles"], columns["dense_cycles"]
            assert cycles[0] == cycles[1], (
                f"{described(layer)}: dense() takes {cycles[0]} cycles, dense_cycles is {cycles[1]}"
            )
            assert dense["macs"] == row["macs"], f"{described(layer)}: dense() does other work"

    @each_kind
    def test_results_depend_on_values_alone(self, machine: ArrayAccelerator, kind: str, tmp_path: Path) -> None:
        """Neither memory layout, mapping, zero points nor a second run changes what is measured."""
        layer = with_output(self.layers(machine, kind)[-1])
        expected = measured(machine, layer)
        assert json.loads(json.dumps(expected)) == expected, f"{described(layer)}: the columns are not plain numbers"
        for what, same in representations(layer, tmp_path):
            found = measured(machine, same)
            differ = {name: (expected[name], found[name]) for name in expected if found[name] != expected[name]}
            assert not differ, f"{described(layer)}, {what}: (as given, so) {differ}"

    def test_order_and_threads_do_not_matter(self, machine: ArrayAccelerator, tmp_path: Path) -> None:
        """A replay gives the rows that each layer gives alone, in any order, in one thread and in four."""
        layers = numbered([with_output(self.layers(machine, kind)[0]) for kind in ALL_KINDS])
        expected = [row_of(machine, layer) for layer in layers]
        rng = np.random.default_rng(0)
        for threads, order in ((1, range(len(layers))[::-1]), (4, rng.permutation(len(layers)))):
            with ThreadPoolExecutor(threads) as pool:
                found = list(pool.map(lambda index: row_of(machine, layers[index]), order))
            for index, row in zip(order, found, strict=True):
                assert row == expected[index], f"{described(layers[index])}: other results in {threads} threads"
        replayed = sim.run(machine, write_bundle(tmp_path / "bundle", layers)).layers
        for index, row in enumerate(expected):
            record = replayed.iloc[index]
            differ = {name: (value, record[name]) for name, value in row.items() if record[name] != value}
            assert not differ, f"{described(layers[index])}: (alone, in a replay) {differ}"

    def test_description_is_the_machine(self, machine: ArrayAccelerator, tmp_path: Path) -> None:
        """A machine written as YAML and read, pickled, or copied is the same machine with the same results."""
        layer = self.layers(machine, "conv")[0]
        others = {
            "written and read": written_and_read(machine, tmp_path),
            "pickled": sent(machine),
            "copied": copy.deepcopy(machine),
        }
        for what, other in others.items():
            assert other == machine, f"{machine.name} {what} differs: {_difference(machine, other)}"
            names = machine.measurement(), other.measurement()
            assert names[0] == names[1], f"{machine.name} {what} measures as {names[1]}, before as {names[0]}"
            assert measured(other, layer) == measured(machine, layer), f"{machine.name} {what} measures otherwise"

    def test_every_parameter_counts(self, machine: ArrayAccelerator) -> None:
        """Changing any parameter of the array changes the name under which its measurements are kept."""
        for name, other in changed(machine, self.alternatives):
            assert other is not None, f"accelerator.{name}: no other valid value found, name one in `alternatives`"
            same = other.measurement() == machine.measurement()
            assert not same, f"accelerator.{name} does not change measurement(): stale results would be read"


@lru_cache(maxsize=64)
def loaded(hardware: str, settings: tuple[str, ...]) -> ArrayAccelerator:
    """Return the machine of a YAML; AssertionError when it is none that this kit can test."""
    assert hardware, "set `hardware` to the name or path of a YAML, or override the fixture `machine`"
    machine = load_hardware(hardware, settings)
    assert isinstance(machine, ArrayAccelerator), f"{hardware} is a {type(machine).__name__}, no ArrayAccelerator"
    return machine


def _difference(one: ArrayAccelerator, other: ArrayAccelerator) -> dict[str, Any]:
    first, second = one.model_dump(), other.model_dump()
    return {key: (first[key], second.get(key)) for key in first if first[key] != second.get(key)}
