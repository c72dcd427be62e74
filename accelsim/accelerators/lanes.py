"""Base of the accelerators that are tiles x rows x columns x lanes."""

from __future__ import annotations

from typing import ClassVar

from accelsim.accelerators.array import ArrayAccelerator, Parameters
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.lanes.grid import Grid
from accelsim.dataflows.lanes.pairs import dense_pairs
from accelsim.dataflows.work import Pairs
from accelsim.layer import Layer, LayerShape

SERIAL_BITS = 16
"""A bit-serial lane multiplies one bit by a word of 16 bits each cycle."""


class GridParameters(Grid, Parameters):
    """A lane array as the section `accelerator` of a YAML."""


class GridAccelerator(ArrayAccelerator):
    """Base of the machines on a lane array; a subclass adds its own parameters and `work`."""

    accelerator: GridParameters
    grows: ClassVar[str] = "tiles"
    bit_parallel: ClassVar[bool] = False
    lane_bits: ClassVar[int] = SERIAL_BITS
    rows_may_miss_values: ClassVar[bool] = True
    """Whether a row of a serial linear layer finds its values in one column alone, whichever column it is issued to."""

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle: 256 in a bit-parallel lane of 16 bits, 16 in a bit-serial one."""
        lane = self.accelerator.pe_width**2 if self.bit_parallel else self.lane_bits
        return self.accelerator.size * lane

    def units(self) -> tuple[int, int, int]:
        """Return the filters of all tiles, the channels of the lanes and the windows of the columns."""
        array = self.accelerator
        return array.rows * array.tiles, array.lanes, array.columns

    def laid_bits(self, profile: Profile) -> tuple[int, int]:
        """Return the bits of activations and weights that take columns and rows; bit-parallel lanes take words."""
        bits = profile.activation_bits, profile.weight_bits
        return (min(bits[0], self.word_bits), min(bits[1], self.word_bits)) if self.bit_parallel else bits

    def stored_blocks(self, shape: LayerShape, channels: int) -> int:
        """Return how many blocks of `channels` channels the activations of a batch are kept in.

        A block lies in one pixel and one group; the channels of a depthwise layer count as one group.
        """
        blocks = -(-shape.groups // channels) if shape.depthwise else shape.groups * -(-shape.C // channels)
        return self.batch.size * shape.steps * shape.N * shape.H * shape.W * blocks

    def notes(self) -> list[str]:
        """Return the rules that a reader of results should know."""
        found = [
            f"{self.name}: groups of a grouped convolution run one after another; a depthwise layer works on one tile;"
            " element-wise operators and pooling are not simulated"
        ]
        if self.rows_may_miss_values and not self.bit_parallel and self.accelerator.linear_rows == "continue":
            found.append(
                f"{self.name}: in linear layers of one row a time row that is issued to a column without its values costs the"
                " least, as in DNNsim; --set accelerator.linear_rows=restart charges every row"
            )
        return found

    def pairs(self, layer: Layer, profile: Profile) -> Pairs | None:
        """Return the pairs of the dense schedule: every product of real operands, zeros among them."""
        return dense_pairs(layer, self.accelerator, *self.laid_bits(profile))
