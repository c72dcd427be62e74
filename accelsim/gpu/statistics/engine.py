"""The engine of a device for `accelsim analyze`, `potential` and `traffic`: the numbers of the host's kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from accelsim.analyzers.codes import centred_bits
from accelsim.analyzers.conventions import Padding
from accelsim.analyzers.cost_tables import Table, cost_table
from accelsim.analyzers.histogram import Histogram
from accelsim.analyzers.potential import PRECISIONS, Key, OperandCosts
from accelsim.analyzers.precision import set_widths
from accelsim.gpu.statistics import groups, pairs
from accelsim.gpu.statistics.compression import DeviceTensor
from accelsim.gpu.statistics.histogram import value_histogram
from accelsim.gpu.statistics.tensors import centred, maps, on_device
from accelsim.layer import Layer, LayerShape


class DeviceEngine:
    """Counts operands on `device`: those of a bundle are moved there, those of a capture are there already."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def histogram(self, operand: Any) -> Histogram:
        """Count the zero-centred values."""
        return value_histogram(centred(operand, self.device))

    def stored_histogram(self, operand: Any) -> Histogram:
        """Count the codes as they are stored."""
        return value_histogram(on_device(operand.codes, self.device))

    def group_widths(self, operand: Any, sets: int, signed: bool) -> dict[tuple[int, bool], int]:
        """Return the summed widths of groups of GROUP_SIZES channels."""
        found = groups.channel_groups(maps(centred(operand, self.device)), sets, signed=signed)
        return {(size, cut): group.total_width(cut) for size, group in found.items() for cut in (False, True)}

    def two_of_four(self, operand: Any) -> float:
        """Return the share of blocks of four channels with at most two values other than 0."""
        return groups.n_of_m(centred(operand, self.device))

    def operand_costs(
        self, shape: LayerShape, operand: Any, encodings: tuple[str, ...], padding: Padding | None
    ) -> OperandCosts:
        """Return every cost sum of an operand: the activation's when `padding` is given, else the weight's."""
        values, bits = centred(operand, self.device), centred_bits(operand)
        histogram = value_histogram(values)
        low, high = histogram.low, histogram.high
        keys: list[Key] = [("nonzero", 0), *((n, 0) for n in encodings), *((n, 1) for n in PRECISIONS)]
        tables: list[Table] = [np.ones(high - low + 1, np.uint16), *(cost_table(n, bits, low, high) for n, _ in keys)]
        if padding:
            sums = pairs.window_sums(shape, values, low, tables, padding)
        else:
            sums = pairs.filter_sums(shape, values, low, tables)
        found = dict(zip([("one", 0), *keys], sums, strict=True))
        sets = shape.groups if padding else 1
        for size, group in groups.channel_groups(values, sets, signed=histogram.signed).items():
            index = np.arange(int(group.unions.max()) + 1)
            widths = [set_widths(index, group.signed, n.endswith("trimmed")).astype(np.uint16) for n in PRECISIONS]
            if padding:
                shared = pairs.group_window_sums(shape, group, widths, group.members, padding)
            else:
                shared = pairs.group_filter_sums(shape, group, widths, group.members)
            found |= {(n, size): s for n, s in zip(PRECISIONS, shared, strict=True)}
        return OperandCosts(found, histogram.union, histogram.signed)

    def tensor(self, operand: Any, layer: Layer) -> DeviceTensor:
        """Return the values of an operand as (N, channels, height, width), for their size in storage formats."""
        values = centred(operand, self.device)
        if values.dim() != 4:
            shape = layer.shape.output_shape
            whole = values.numel() == int(np.prod(shape))
            values = values.reshape(shape) if whole else maps(values)
        return DeviceTensor.of(values)
