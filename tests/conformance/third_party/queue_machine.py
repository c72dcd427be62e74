"""The machine of a third party: one file and one YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from pydantic import Field

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import ArrayAccelerator, Cost, Parameters
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.products import Product, indexed, products
from accelsim.dataflows.work import Pairs, Work
from accelsim.layer import Layer


class QueueArray(Parameters):
    """A few multipliers behind a queue."""

    type: Literal["queue"]
    lanes: int = Field(ge=1)
    skips: Literal["nothing", "zeros"]


@accelerator("queue")
class Queue(ArrayAccelerator):
    """One output at a time: the activations of its window, zeros left out, queue up before `lanes` multipliers."""

    accelerator: QueueArray

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work of emptying the queue of every output; an empty one takes a cycle."""
        lanes, inputs = self.accelerator.lanes, self.batch.size
        cycles = dense = busy = empty = 0
        for product in products(layer):
            values = windows(product)
            kept = (values != 0) if self.accelerator.skips == "zeros" else np.ones(values.shape, bool)
            lengths = kept.sum(axis=-1)
            busy += inputs * product.K * int(lengths.sum())
            empty += inputs * product.K * int((lengths == 0).sum())
            cycles += inputs * product.K * int(np.maximum(1, -(-lengths // lanes)).sum())
            dense += inputs * product.K * lengths.size * -(-values.shape[-1] // lanes)
        slots = {"busy": busy, "minimum": empty * lanes, "pad_lane": (cycles - empty) * lanes - busy}
        return Work(cycles, dense, lanes, slots, {"activation_reads": busy, "weight_reads": busy})

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return the pairs output by output."""
        found, begin = [], 0
        for product, places, outputs in laid(layer):
            values = np.repeat(windows(product)[:, :, None], product.K, axis=2)
            kept = (values != 0) if self.accelerator.skips == "zeros" else np.ones(values.shape, bool)
            steps = np.maximum(1, -(-kept.sum(axis=-1) // self.accelerator.lanes))
            first = begin + (np.cumsum(steps) - steps.reshape(-1)).reshape(steps.shape)
            step = first[..., None] + (np.cumsum(kept, axis=-1) - 1) // self.accelerator.lanes
            activation = np.broadcast_to(windows(places)[:, :, None], kept.shape)
            weight = np.broadcast_to(places.weight.reshape(places.groups, places.K, 1, 1, -1), kept.shape)
            output = np.broadcast_to(outputs[..., None], kept.shape)
            found.append([step[kept], activation[kept] - 1, weight[kept] - 1, output[kept]])
            begin += int(steps.sum())
        return Pairs(*np.concatenate(found, axis=1).astype(np.int64))

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return a slot for every product that is not skipped."""
        skips = self.accelerator.skips == "zeros"
        return (lambda v: (v != 0).astype(int) if skips else np.ones(v.shape)), (lambda v: np.ones(v.shape))

    def multiplier_bits(self) -> int:
        """Return 256 one-bit products a lane."""
        return 256 * self.accelerator.lanes

    def scaled(self, factor: float) -> Queue:
        """Return the machine with `factor` times the lanes."""
        array = self.accelerator.model_copy(update={"lanes": int(self.accelerator.lanes * factor)})
        return self.model_copy(update={"accelerator": array})


def windows(product: Product) -> np.ndarray:
    """Return the activations of every window: (images, groups, P, Q, C * R * S)."""
    x = np.arange(product.P)[:, None] * product.stride[0] + np.arange(product.R) * product.dilation[0]
    y = np.arange(product.Q)[:, None] * product.stride[1] + np.arange(product.S) * product.dilation[1]
    found = product.activation[:, :, :, x[:, None, :, None], y[None, :, None, :]].transpose(0, 1, 3, 4, 2, 5, 6)
    return found.reshape(*found.shape[:4], -1)


def laid(layer: Layer) -> Iterator[tuple[Product, Product, Any]]:
    """Yield the products of a layer with codes and with places, and the places of their outputs."""
    for product, (places, outputs) in zip(products(layer), indexed(layer), strict=True):
        yield product, places, outputs
