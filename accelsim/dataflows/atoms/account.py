"""Cycles and slots of a convolution core: documented pipeline or performance spreadsheet, direct or Winograd."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.dataflows.atoms.grid import DIRECT_TILE, NARROW_BITS, WINOGRAD_TILE, AtomGrid, AtomRun
from accelsim.dataflows.work import Work, joined
from accelsim.errors import MappingError

WINOGRAD_OUTPUTS = 4


def atom_work(runs: Sequence[AtomRun], grid: AtomGrid, bits: int, full: int) -> Work:
    """Return the work of `runs` one after another.

    bits: of the wider operand; above 8 a product takes two multipliers, and only half of the kernels fit. full: the
    same without saving. Without skipping the core convolves directly.

    pipeline: a run takes kernel groups x channel blocks x taps x max(windows, least_stripe) cycles (NVDLA unit
    description: atomic, stripe, block, channel and group operations). Winograd takes 16 products a channel, so
    16 x channels / atomic_c blocks, one tap, and tiles of 2 x 2 outputs, both output sides rounded up to 4.
    spreadsheet: products over multipliers, 2.25 times fewer with Winograd, channels and kernels of convolutions
    rounded up to granules.
    """
    dense = sum(_direct(run, grid, full).cycles for run in runs)
    parts = [_best(run, grid, bits) for run in runs]
    work = joined(parts)
    return Work(work.cycles, dense, work.lanes, work.slots, work.reads)


def transforms(run: AtomRun, grid: AtomGrid, bits: int) -> bool:
    """Return whether `run` uses Winograd: where the core can and it takes fewer cycles."""
    if not grid.winograd or not run.tiles:
        return False
    return _winograd(run, grid, bits).cycles < _direct(run, grid, bits).cycles


def kernels_at_once(grid: AtomGrid, bits: int) -> int:
    """Return the kernels of an atomic operation. Raises MappingError for wide operands on a core of one cell."""
    if bits <= NARROW_BITS:
        return grid.atomic_k
    if grid.atomic_k == 1:
        raise MappingError(
            f"operands of {bits} bits take the multipliers of two cells, the core has one",
            "--set accelerator.atomic_k=2",
        )
    return grid.atomic_k // 2


def stripes(run: AtomRun, grid: AtomGrid, transformed: bool = False) -> int:
    """Return how many stripes share their weights: least_stripe long, the last up to nearly twice that."""
    return max(1, (run.padded if transformed else run.windows) // grid.least_stripe)


def slots_per_product(bits: int) -> int:
    """Return the 8-bit multipliers that a product takes."""
    return 1 if bits <= NARROW_BITS else 2


def _best(run: AtomRun, grid: AtomGrid, bits: int) -> Work:
    return _winograd(run, grid, bits) if transforms(run, grid, bits) else _direct(run, grid, bits)


def _direct(run: AtomRun, grid: AtomGrid, bits: int) -> Work:
    share = slots_per_product(bits)
    if grid.cycle_model == "spreadsheet":
        return _optimum(run, grid, share, 1, 1)
    groups, blocks = -(-run.kernels // kernels_at_once(grid, bits)), -(-run.channels // grid.atomic_c)
    steps = run.times * run.taps * run.windows
    busy = share * steps * run.channels * run.kernels
    slots = {
        "busy": busy,
        "pad_lane": share * steps * (blocks * grid.atomic_c - run.channels) * run.kernels,
        "fill": run.times * groups * blocks * run.taps * max(0, grid.least_stripe - run.windows) * grid.size,
    }
    cycles = run.times * groups * blocks * run.taps * max(run.windows, grid.least_stripe)
    slots["pad_row"] = cycles * grid.size - sum(slots.values())
    return Work(cycles, cycles, grid.size, slots, _reads(run, grid, groups, blocks * run.taps))


def _winograd(run: AtomRun, grid: AtomGrid, bits: int) -> Work:
    share = slots_per_product(bits)
    if grid.cycle_model == "spreadsheet":
        return _optimum(run, grid, share, WINOGRAD_TILE, DIRECT_TILE)
    groups, blocks = -(-run.kernels // kernels_at_once(grid, bits)), -(-WINOGRAD_TILE * run.channels // grid.atomic_c)
    each = share * run.times * run.kernels
    slots = {
        "busy": each * run.tiles * WINOGRAD_TILE * run.channels,
        "outside": each * (run.padded - run.tiles) * WINOGRAD_TILE * run.channels,
        "pad_lane": each * run.padded * (blocks * grid.atomic_c - WINOGRAD_TILE * run.channels),
        "fill": run.times * groups * blocks * max(0, grid.least_stripe - run.padded) * grid.size,
    }
    cycles = run.times * groups * blocks * max(run.padded, grid.least_stripe)
    slots["pad_row"] = cycles * grid.size - sum(slots.values())
    return Work(cycles, cycles, grid.size, slots, _winograd_reads(run, grid, groups, blocks))


def _optimum(run: AtomRun, grid: AtomGrid, share: int, numerator: int, denominator: int) -> Work:
    """Return the spreadsheet's figure: products x numerator / denominator over multipliers, rounded up per run."""
    channels, kernels = run.channels, run.kernels
    if run.convolution:
        granule = grid.picture_granule if run.picture else grid.channel_granule
        channels = -(-channels // granule) * granule
        kernels = -(-kernels // grid.kernel_granule) * grid.kernel_granule
    steps = share * run.windows * run.taps * numerator
    cycles = run.times * -(-steps * channels * kernels // (denominator * grid.size))
    busy = run.times * (steps * run.channels * run.kernels // denominator)
    rows = run.times * (steps * channels * (kernels - run.kernels) // denominator)
    slots = {"busy": busy, "pad_row": rows, "pad_lane": cycles * grid.size - busy - rows}
    groups, blocks = -(-run.kernels // grid.atomic_k), -(-run.channels // grid.atomic_c)
    reads = (
        _winograd_reads(run, grid, groups, -(-WINOGRAD_TILE * run.channels // grid.atomic_c))
        if numerator != denominator
        else _reads(run, grid, groups, blocks * run.taps)
    )
    return Work(cycles, cycles, grid.size, slots, reads)


def _reads(run: AtomRun, grid: AtomGrid, groups: int, sums: int) -> dict[str, int]:
    """Return the words read: a pixel per atomic operation, weights once a stripe; sums stay in the accumulator."""
    values, outputs = run.taps * run.channels, run.times * run.windows * run.kernels
    return {
        "activation_reads": run.times * run.windows * values * groups,
        "weight_reads": run.times * values * run.kernels * stripes(run, grid),
        "psum_reads": outputs * (sums - 1),
        "psum_writes": outputs * (sums - 1),
        "output_writes": outputs,
    }


def _winograd_reads(run: AtomRun, grid: AtomGrid, groups: int, sums: int) -> dict[str, int]:
    sixteen, outputs = WINOGRAD_TILE * run.channels, run.times * run.padded * WINOGRAD_OUTPUTS * run.kernels
    return {
        "activation_reads": run.times * run.padded * sixteen * groups,
        "weight_reads": run.times * sixteen * run.kernels * stripes(run, grid, transformed=True),
        "psum_reads": outputs * (sums - 1),
        "psum_writes": outputs * (sums - 1),
        "output_writes": run.times * run.windows * run.kernels,
    }
