"""EIE: non-zero activations are broadcast to queues, before packed columns of weights."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import ArrayAccelerator, Cost, Parameters
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.products import products
from accelsim.dataflows.skipping.columns import Queues, column_pairs, column_work
from accelsim.dataflows.skipping.follow import by_place, followed
from accelsim.dataflows.work import Pairs, Work, joined, repeated
from accelsim.layer import Layer


class EIEArray(Parameters):
    """Array of processing elements with one multiplier each.

    pes: PEs; output k is computed by PE k mod `pes`. fifo_depth: activations in the queue of a PE, the one
    it works on at its head among them. index_bits: width of the count of zeros before a weight. accumulators: outputs of a PE in
    one run over the inputs. pointer_bits: width of the place of a column's first entry.
    """

    type: Literal["eie"]
    pes: int = Field(ge=1)
    fifo_depth: int = Field(ge=1)
    index_bits: int = Field(ge=1, le=16)
    accumulators: int = Field(ge=1)
    pointer_bits: int = Field(ge=1, le=64)


@accelerator("eie")
class EIE(ArrayAccelerator):
    """Packed matrix times sparse vector (Han et al., ISCA 2016): only non-zero activations meet non-zero weights.

    Weights are kept per column and PE as (zeros before it, weight); more zeros than `index_bits` can count cost a
    placeholder of a zero weight, which takes its cycle. A vector's non-zero activations are found in order and
    broadcast one a cycle to the queue of every PE, unless one of them is full. A PE does one entry a cycle and
    takes the next activation when it is through; an activation whose column is empty in the PE costs it a cycle
    (for the pointers). The search for activations looks at one value of each PE at a time and needs a cycle to
    leave a row that ends in a zero, as in the authors' C++ model. A vector ends with the last PE. Outputs beyond
    pes x accumulators are further runs over the vector.
    The machine is meant for linear layers; for the others: the rows of linear layers, recurrent steps and attention
    products are vectors one after another; a convolution is one vector per window (channels fastest, padding zeros
    included), group by group, which leaves all but K PEs idle in depthwise layers; transposed convolutions run
    phase by phase. The second operand of an attention product is not known beforehand and not packed.
    """

    accelerator: EIEArray

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work of the queues, stepped event by event."""
        packed = not layer.dynamic_weight
        found = products(layer, self.batch.size)
        return joined([repeated(column_work(part, self._queues(), packed), part.repeats) for part in found])

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return the pairs cycle by cycle, for one input."""
        operands, queues, packed = (
            (by_place(layer.activation), by_place(layer.weight)),
            self._queues(),
            not layer.dynamic_weight,
        )
        return followed(layer, lambda places, outputs, n: column_pairs(places, outputs, *operands, queues, packed, n))

    def exploits(self) -> tuple[str, str, int]:
        """Return the zeros of both operands."""
        return "W+A", "", 0

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return one slot for every product of operands other than zero."""
        return (lambda v: (v != 0).astype(np.uint8)), (lambda v: (v != 0).astype(np.uint8))

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle of all multipliers."""
        return self.accelerator.pes * self.word_bits**2

    def notes(self) -> list[str]:
        """Return what is approximated."""
        return [
            f"{self.name}: weights keep their own codes: the codebook of 16 shared weights is not applied",
            f"{self.name}: vectors longer than the activation registers are not reloaded, and the pipeline of a PE is not drained",
        ]

    def _queues(self) -> Queues:
        array = self.accelerator
        sizes = (array.pes, array.fifo_depth, array.index_bits, array.accumulators, array.pointer_bits)
        return Queues(*sizes, self.word_bits)
