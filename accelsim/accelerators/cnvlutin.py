"""Cnvlutin: every lane skips the zero activations of its own bricks."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import Cost
from accelsim.accelerators.lanes import GridAccelerator, GridParameters
from accelsim.analyzers.codes import centred_values
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.lanes.grid import Laid, lay
from accelsim.dataflows.lanes.pairs import dense_pairs, laid_places
from accelsim.dataflows.lanes.parallel import parallel_work
from accelsim.dataflows.skipping.bricks import Bricks, Synchronise, brick_pairs, brick_work
from accelsim.dataflows.work import Pairs, Work, joined, repeated
from accelsim.layer import Layer, LayerShape


class CnvlutinArray(GridParameters):
    """Array of bit-parallel lanes fed with bricks of (value, offset).

    brick_size: channels of a brick. empty_brick_cycles: what a brick of zeros takes. synchronise: where the lanes
    of a window wait for each other. conventional: which layers run as on DaDianNao, their activations not encoded:
    the `first` of the network; also those of `short` windows, with fewer bricks than there are lanes; or also those
    that would be `slower` encoded, on the very input: the most that a flag per layer can gain.
    """

    type: Literal["cnvlutin"]
    brick_size: int = Field(default=16, ge=1, le=255)
    empty_brick_cycles: int = Field(default=1, ge=1)
    synchronise: Synchronise = "window"
    conventional: Literal["first", "short", "slower", "never"] = "short"


@accelerator("cnvlutin")
class Cnvlutin(GridAccelerator):
    """Zero activations skipped per lane (Albericio et al., ISCA 2016): a window lasts as long as its slowest lane.

    DaDianNao whose lanes each have weights of their own: activations are kept as bricks of (value, offset) without
    zeros (ZFNAf), a lane takes whole bricks, one value a cycle against all filters of all tiles, and the offset
    picks the weight. Bricks of a window go to the lanes in turn, channels fastest; with channels a multiple of
    lanes x brick_size that gives each lane all bricks of the same channels, the slices of the paper. Lanes meet at
    the end of a window. A brick without a value takes a cycle, as in the authors' simulator.
    Where the paper says nothing: padding zeros are bricks without values; groups run one after another; depthwise
    layers put as many channels into a brick as a tile has rows, with each channel's filter on a row of its own,
    on one tile; the rows of linear layers, recurrent steps and attention products are windows of one pixel;
    transposed convolutions run phase by phase without inserted zeros; with several columns the windows of a set
    wait for each other. A lane without a brick idles, so a layer whose windows have few bricks would be slower
    than on DaDianNao; the paper has a flag per layer for conventional processing and uses it for the first layer,
    here it also marks layers with fewer bricks in a window than lanes (see `conventional`).
    """

    accelerator: CnvlutinArray
    bit_parallel = True

    @model_validator(mode="after")
    def _whole_words(self) -> Self:
        if self.accelerator.pe_width < self.word_bits:
            raise ValueError(
                f"a lane takes whole words: accelerator.pe_width must be at least word_bits = {self.word_bits}"
            )
        return self

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work whose windows last as long as the slowest lane, conventional layers one cycle a step."""
        width = self.accelerator.pe_width  # every operand is taken whole
        laid = lay(layer, self.accelerator, width, width, self.batch.size)
        if not self._conventional(layer, laid):
            whole = joined([repeated(brick_work(part, self._bricks()), part.repeats) for part in laid])
            if self.accelerator.conventional != "slower" or whole.cycles <= whole.dense_cycles:
                return replace(whole, metadata={"activation": self._offset_bits(layer.shape)})
        return joined([repeated(parallel_work(part), part.repeats) for part in laid])

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return the pairs cycle by cycle, for one input."""
        width, begin, found = self.accelerator.pe_width, 0, []
        values = np.concatenate([[0], centred_values(layer.activation).reshape(-1)])
        if not self.work(layer, profile).metadata:  # no offsets: a conventional layer
            return dense_pairs(layer, self.accelerator, width, width)
        for part, outputs in laid_places(layer, self.accelerator, width, width):
            places, begin = brick_pairs(part, outputs, values, self._bricks(), begin)
            found.append(places)
        return Pairs(*np.concatenate(found, axis=1))

    def exploits(self) -> tuple[str, str, int]:
        """Return the zero activations."""
        return "A", "", 0

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return one slot for every product of an activation other than zero."""
        return (lambda v: (v != 0).astype(np.uint8)), (lambda v: np.ones(v.shape))

    def notes(self) -> list[str]:
        """Return what is approximated."""
        array = self.accelerator
        found = [
            *super().notes(),
            f"{self.name}: bricks arrive in time: conflicts of the banks of the activation memory are not modelled",
        ]
        if array.conventional == "short":
            found.append(
                f"{self.name}: layers whose windows have fewer than {array.lanes} bricks run unencoded, as on DaDianNao; "
                "the paper says so of the first layer alone (accelerator.conventional=first)"
            )
        return found

    def _bricks(self) -> Bricks:
        array = self.accelerator
        return Bricks(array.brick_size, array.empty_brick_cycles, array.synchronise)

    def _conventional(self, layer: Layer, parts: list[Laid]) -> bool:
        array = self.accelerator
        if array.conventional == "never":
            return False
        bricks = max(laid.taps * -(-laid.channels // array.brick_size) for laid in parts)
        return layer.index == 0 or (array.conventional == "short" and bricks < array.lanes)

    def _offset_bits(self, shape: LayerShape) -> int:
        """Return the bits of the offsets: one beside every place of a brick, used or not, as the paper stores them."""
        size = self.accelerator.brick_size
        return self.stored_blocks(shape, size) * size * (size - 1).bit_length()
