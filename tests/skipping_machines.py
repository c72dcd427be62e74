"""What the tests of the zero-skipping machines share: small arrays, their walk held against their work."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from typing import Any

from accelsim import load_hardware
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.analyzers.profile import profile
from accelsim.dataflows.work import Work
from accelsim.layer import Layer
from accelsim.testing.account import check_account, effectual_pairs, measured
from accelsim.testing.layers import ALL_KINDS, full_layer, layer_of, with_codes
from accelsim.testing.outputs import check_pairs


def small(name: str, **parameters: Any) -> ArrayAccelerator:
    """Return the shipped machine `name` with other parameters of its array."""
    machine = load_hardware(name, [f"accelerator.{key}={value}" for key, value in parameters.items()])
    assert isinstance(machine, ArrayAccelerator)
    return machine


def layers(seeds: int = 4, first: int = 0) -> Iterator[Layer]:
    """Yield layers of every kind: half zeros, without a zero, and with all activations or all weights zero."""
    for kind in ALL_KINDS:
        for seed in range(first, first + seeds):
            yield layer_of(kind, seed)
        yield full_layer(kind, first)
        yield with_codes(layer_of(kind, first), activation=0)
        yield with_codes(layer_of(kind, first), weight=0)


def done(machine: ArrayAccelerator, layer: Layer) -> Work:
    """Return the work of `machine` on `layer` alone."""
    return machine.work(layer, profile([layer]))


def check_walk(machine: ArrayAccelerator, layer: Layer, cycles: int, slots: Mapping[str, int]) -> None:
    """Raise AssertionError unless the machine's work is that of a walk: cycles and every slot."""
    work = done(machine, layer)
    assert work.cycles == cycles, f"{layer.name}: {work.cycles} cycles, the walk takes {cycles}"
    found = {name: n for name, n in work.slots.items() if n}
    assert found == {name: n for name, n in slots.items() if n}, layer.name


def check_laws(machine: ArrayAccelerator, layer: Layer) -> None:
    """Raise AssertionError unless account, operand pairs and effectual slots of a layer are right and in time."""
    work, pairs = done(machine, layer), machine.pairs(layer, profile([layer]))
    assert pairs is not None
    check_pairs(pairs, layer, work.lanes)
    assert pairs.step.max(initial=0) < work.cycles
    columns = measured(machine, layer)
    check_account(columns, layer.name)
    assert columns["slots_effectual"] == effectual_pairs(layer)
    assert work.cycles * work.lanes >= work.slots["busy"]


def check_description(name: str) -> None:
    """Raise AssertionError unless the shipped YAML survives a dump, a pickle and scaling by two."""
    machine = load_hardware(name)
    assert isinstance(machine, ArrayAccelerator)
    assert type(machine).model_validate(machine.model_dump()) == machine
    assert pickle.loads(pickle.dumps(machine)) == machine
    assert machine.scaled(2).multiplier_bits() == 2 * machine.multiplier_bits()
