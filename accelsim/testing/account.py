"""What the account of a layer must add up to, recomputed product by product from the definition."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from accelsim.accelerators.array import ArrayAccelerator, Cost
from accelsim.analyzers.profile import Profile, profile
from accelsim.analyzers.statistics import statistics
from accelsim.dataflows.products import indexed, products
from accelsim.dataflows.tiling.problem import Problem
from accelsim.dataflows.work import READS, REASONS
from accelsim.layer import Layer
from accelsim.testing.layers import described
from accelsim.testing.outputs import true_pairs


def measured(machine: ArrayAccelerator, layer: Layer, given: Profile | None = None) -> dict[str, Any]:
    """Return what `machine` measures on `layer`; given: its profile, else that of this sample alone."""
    return machine.measure(layer, given or profile([layer]))


def row_of(machine: ArrayAccelerator, layer: Layer) -> dict[str, Any]:
    """Return the result row of `layer` as a run computes it."""
    given = profile([layer])
    work = {"tile_work": partial(machine.measure_tiles, layer, given), "layer_name": layer.name}
    return machine.replay(layer.shape, statistics([layer])[0] | measured(machine, layer, given) | work)


def effectual_pairs(layer: Layer) -> int:
    """Return the number of products whose operands are both other than zero, one by one."""
    activation, weight, _ = true_pairs(layer)
    acts, weights = layer.activation.centre().reshape(-1), layer.weight.centre().reshape(-1)
    return int(np.count_nonzero((acts[activation] != 0) & (weights[weight] != 0)))


def pair_costs(layer: Layer, costs: tuple[Cost, Cost], padding: bool = True) -> int:
    """Return the sum over all products of `layer` of cost_act x cost_wgt, for one input.

    padding: whether products with padding zeros count, at the cost of a zero.
    """
    total = 0
    for product, (places, _) in zip(products(layer), indexed(layer), strict=True):
        acts = costs[0](product.activation.astype(np.int32)).astype(np.int64)
        if not padding:
            acts = acts * (places.activation > 0)
        weights = costs[1](product.weight.astype(np.int32)).astype(np.int64).sum(axis=1)
        for r in range(product.R):
            for s in range(product.S):
                x, y = r * product.dilation[0], s * product.dilation[1]
                rows = slice(x, x + (product.P - 1) * product.stride[0] + 1, product.stride[0])
                columns = slice(y, y + (product.Q - 1) * product.stride[1] + 1, product.stride[1])
                total += int((acts[..., rows, columns].sum(axis=(0, 3, 4)) * weights[..., r, s]).sum())
    return total


def check_account(columns: Mapping[str, Any], where: str) -> None:
    """Raise AssertionError unless the measured `columns` of a layer are a complete account without a negative entry."""
    slots, cycles = columns["slots"], columns["compute_cycles"]
    parts = {name: columns[f"slots_{name}"] for name in REASONS}
    assert sum(parts.values()) == slots, f"{where}: slots {parts} do not sum to {slots}"
    negative = [name for name, count in columns.items() if isinstance(count, int | float) and count < 0]
    assert not negative, f"{where}: negative entries {negative}"
    missing = [name for name in READS if name not in columns]
    assert not missing, f"{where}: {missing} are not counted"
    busy = columns["slots_busy"]
    assert cycles > 0, f"{where}: it takes no time"
    assert slots % cycles == 0, f"{where}: {slots} slots are no whole number of lanes in {cycles} cycles"
    assert busy <= slots, f"{where}: {busy} busy slots in {slots}: {cycles} cycles are too few"
    assert "slots_effectual" in columns, f"{where}: neither `costs` nor `Work.effectual` splits the busy slots"
    split = columns["slots_effectual"], columns["slots_ineffectual"]
    assert sum(split) == busy, f"{where}: effectual and ineffectual slots {split} do not sum to {busy} busy ones"


def check_row(row: Mapping[str, Any], columns: Mapping[str, Any], machine: ArrayAccelerator, layer: Layer) -> None:
    """Raise AssertionError unless time, traffic and energy of a result `row` agree with each other."""
    where = described(layer)
    compute, total = row["compute_cycles"], row["total_cycles"]
    worked = compute + row["tiling_cycles"]
    assert total >= worked * (1 - 1e-12), f"{where}: total_cycles {total} below {worked} cycles of work"
    assert np.isclose(total, worked + row["stall_cycles"]), (
        f"{where}: stalls {row['stall_cycles']} do not lead to {total}"
    )
    energies = {name: value for name, value in row.items() if name.startswith("energy_") and name != "energy_pj"}
    assert min(energies.values()) >= 0, f"{where}: negative energy in {energies}"
    assert np.isclose(row["energy_pj"], sum(energies.values())), f"{where}: {energies} do not sum to {row['energy_pj']}"
    batch = machine.batch.size
    for role in ("activation", "weight", "output"):
        copies = batch if role != "weight" or layer.dynamic_weight else 1
        least, moved = copies * needed_bits(columns, role, layer) / 8, row[f"dram_{role}_bytes"]
        assert moved >= least * (1 - 1e-12), f"{where}: {moved} bytes of {role}s moved, {least} are stored"
    parts = sum(row[f"dram_{role}_bytes"] for role in ("activation", "weight", "output"))
    assert np.isclose(row["dram_bytes"], parts), f"{where}: dram_bytes {row['dram_bytes']} is not {parts}"
    assert row["macs"] == batch * layer.shape.macs, f"{where}: {row['macs']} MACs, expected {batch * layer.shape.macs}"


def needed_bits(columns: Mapping[str, Any], role: str, layer: Layer) -> float:
    """Return the stored bits of an operand that a layer cannot do without: rows no window touches stay off chip."""
    stored = float(columns[f"stored_{role}_bits"])
    if role != "activation":
        return stored
    if "needed_activation_bits" in columns:
        return float(columns["needed_activation_bits"])
    return stored * Problem.of(layer.shape).values(role) / layer.shape.activations
