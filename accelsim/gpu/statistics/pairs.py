"""Window sums and filter sums on a device: exact sums over all products without visiting them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from accelsim.analyzers.conventions import Padding
from accelsim.analyzers.cost_tables import Table
from accelsim.analyzers.pairs import Axis, Sums, axes, padding_products
from accelsim.gpu.statistics.groups import DeviceGroups
from accelsim.layer import LayerShape


def window_sums(shape: LayerShape, values: torch.Tensor, low: int, tables: Sequence[Table], padding: Padding) -> Sums:
    """Return, per table, the summed cost of the activations that each weight position meets.

    Arguments and result (on the host, int64) are those of `analyzers.pairs.window_sums`.
    """
    positions = values.reshape(values.shape[0], shape.groups * shape.C, shape.H, shape.W)
    sums = _window_sums(shape, positions, low, tables, padding)
    return sums.reshape(len(tables), shape.groups, shape.C, shape.R, shape.S)


def group_window_sums(
    shape: LayerShape, groups: DeviceGroups, tables: Sequence[Table], members: npt.NDArray[np.int64], padding: Padding
) -> Sums:
    """Return `window_sums` of costs that groups of channels share, as `analyzers.pairs.group_window_sums`."""
    batch, sets, blocks, _ = groups.unions.shape
    positions = groups.unions.reshape(batch, sets * blocks, shape.H, shape.W)
    sums = _window_sums(shape, positions, 0, tables, padding)
    return np.repeat(sums.reshape(len(tables), sets, blocks, shape.R, shape.S), members, axis=2)


def filter_sums(shape: LayerShape, values: torch.Tensor, low: int, tables: Sequence[Table]) -> Sums:
    """Return, per table, the summed cost over filters at each weight position (`analyzers.pairs.filter_sums`)."""
    sums = _over_filters(values.reshape(shape.groups, shape.K, -1), low, tables)
    return sums.reshape(len(tables), shape.groups, shape.C, shape.R, shape.S)


def group_filter_sums(
    shape: LayerShape, groups: DeviceGroups, tables: Sequence[Table], members: npt.NDArray[np.int64]
) -> Sums:
    """Return `filter_sums` of costs that groups of channels share, as `analyzers.pairs.group_filter_sums`."""
    sums = _over_filters(groups.unions.reshape(shape.groups, shape.K, -1), 0, tables)
    shaped = sums.reshape(len(tables), shape.groups, groups.unions.shape[2], shape.R, shape.S)
    return np.repeat(shaped, members, axis=2)


def _over_filters(values: torch.Tensor, low: int, tables: Sequence[Table]) -> Sums:
    return np.stack([_costs(values, low, table).sum(dim=1).cpu().numpy() for table in tables])


def _window_sums(
    shape: LayerShape, positions: torch.Tensor, low: int, tables: Sequence[Table], padding: Padding
) -> Sums:
    """positions: (batch, channels, H, W). Result: (tables, channels, R, S)."""
    rows, columns = axes(shape, padding)
    found = []
    for table in tables:
        cost = torch.zeros(positions.shape[1:], dtype=torch.int64, device=positions.device)
        for item in positions:  # one input at a time: a cost takes eight bytes
            cost += _costs(item, low, table)
        sums = _taps(_taps(cost, columns).transpose(1, 2), rows).transpose(1, 2).cpu().numpy()
        if padding == "in" and any(shape.padding):
            sums = sums + padding_products(shape) * int(table[-low])
        found.append(sums)
    return np.stack(found)


def _taps(values: torch.Tensor, axis: Axis) -> torch.Tensor:
    """Sum the last axis over the positions that each kernel offset meets: (..., size) -> (..., taps)."""
    sums = [
        values[..., int(first) : int(last) + 1 : axis.step].sum(dim=-1)
        if last >= first
        else values.new_zeros(values.shape[:-1])
        for first, last in zip(axis.first, axis.last, strict=True)
    ]
    return torch.stack(sums, dim=-1)


def _costs(values: torch.Tensor, low: int, table: Table) -> torch.Tensor:
    on_device = torch.from_numpy(table.astype(np.int64)).to(values.device)
    return on_device[values.to(torch.int64) - low]
