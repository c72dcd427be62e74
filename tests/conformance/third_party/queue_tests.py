"""The conformance kit on a third party's machine, and on what is left of it when one thing is broken."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import queue_machine

from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import load_hardware
from accelsim.dataflows.work import Pairs
from accelsim.testing import AcceleratorConformance

HARDWARE = str(Path(__file__).parent / "queue.yaml")
CALLS = count(1)


class TestQueue(AcceleratorConformance):
    hardware = HARDWARE


class TestQueueDense(AcceleratorConformance):
    hardware = HARDWARE
    settings = ("accelerator.skips=nothing", "batch.size=2")


class TestQueueBytes(AcceleratorConformance):
    hardware = HARDWARE
    settings = ("word_bits=8",)


class Broken(AcceleratorConformance):
    """The machine with the methods of the subclass in place of its own."""

    seeds = (0,)

    @pytest.fixture
    def machine(self):
        good = load_hardware(HARDWARE)
        return type("Broken", (queue_machine.Queue,), self.broken())(**good.model_dump())

    def broken(self):
        return {name: part for name, part in vars(type(self)).items() if name in vars(ArrayAccelerator)}


def picked(pairs, which):
    return Pairs(*(column[which] for column in (pairs.step, pairs.activation, pairs.weight, pairs.output)))


class TestLosesAPair(Broken):
    def pairs(self, layer, profile):
        pairs = queue_machine.Queue.pairs(self, layer, profile)
        weights = layer.weight.codes.reshape(-1)[pairs.weight]
        return picked(pairs, np.arange(pairs.step.size) != np.flatnonzero(weights)[0])


class TestRepeatsAPair(Broken):
    def pairs(self, layer, profile):
        pairs = queue_machine.Queue.pairs(self, layer, profile)
        return picked(pairs, np.append(np.arange(pairs.step.size), 0))


class TestMixesUpWeights(Broken):
    def pairs(self, layer, profile):
        pairs = queue_machine.Queue.pairs(self, layer, profile)
        return replace(pairs, weight=(pairs.weight + 1) % layer.shape.weights)


class TestTakesTooMany(Broken):
    def pairs(self, layer, profile):
        pairs = queue_machine.Queue.pairs(self, layer, profile)
        return replace(pairs, step=pairs.step // 2)


class TestBeatsTheDenseBound(Broken):
    def work(self, layer, profile):
        work = queue_machine.Queue.work(self, layer, profile)
        cycles = -(-work.cycles // 4)
        return replace(
            work, cycles=cycles, dense_cycles=-(-work.dense_cycles // 4), slots={"busy": cycles * work.lanes}
        )


class TestSlowerThanDense(Broken):
    def work(self, layer, profile):
        work = queue_machine.Queue.work(self, layer, profile)
        slots = {**work.slots, "wait_lane": (work.dense_cycles + 1) * work.lanes}
        return replace(work, cycles=work.cycles + work.dense_cycles + 1, slots=slots)


class TestStaleName(Broken):
    def measurement(self):
        return "queue"


class TestRemembersTheLastLayer(Broken):
    def work(self, layer, profile):
        work = queue_machine.Queue.work(self, layer, profile)
        more = next(CALLS)
        slots = {**work.slots, "fill": more * work.lanes}
        return replace(work, cycles=work.cycles + more, slots=slots)


class TestLikesZerosLess(Broken):
    def work(self, layer, profile):
        work = queue_machine.Queue.work(self, layer, profile)
        more = 0 if layer.activation.codes.any() else 10000
        slots = {**work.slots, "fill": more * work.lanes}
        return replace(work, cycles=work.cycles + more, dense_cycles=work.dense_cycles + more, slots=slots)


class TestReadsMemoryOrder(Broken):
    def work(self, layer, profile):
        work = queue_machine.Queue.work(self, layer, profile)
        more = int(layer.activation.codes.flags.c_contiguous)
        slots = {**work.slots, "fill": more * work.lanes}
        return replace(work, cycles=work.cycles + more, dense_cycles=work.dense_cycles + more, slots=slots)


class TestSlowsDownWithLanes(Broken):
    def work(self, layer, profile):
        lanes = self.accelerator.lanes
        work = queue_machine.Queue.work(self, layer, profile)
        more = 1000 * lanes
        slots = {**work.slots, "wait_lane": more * lanes}
        return replace(work, cycles=work.cycles + more, dense_cycles=work.dense_cycles + more, slots=slots)


class TestFreeEnergy(Broken):
    def replay(self, shape, statistics):
        return queue_machine.Queue.replay(self, shape, statistics) | {"energy_pj": 0.0}


class TestForgetsTheBatch(Broken):
    def work(self, layer, profile):
        one = self.model_copy(update={"batch": self.batch.model_copy(update={"size": 1})})
        return queue_machine.Queue.work(one, layer, profile)


class TestWrongCosts(Broken):
    def costs(self, profile):
        return (lambda v: np.ones(v.shape)), (lambda v: np.ones(v.shape))


class TestLeakyAccount(Broken):
    def measure(self, layer, profile):
        found = queue_machine.Queue.measure(self, layer, profile)
        return found | {"slots_pad_lane": found["slots_pad_lane"] + 1}
