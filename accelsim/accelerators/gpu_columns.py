"""The result columns of a GPU that no other machine has."""

from __future__ import annotations

from accelsim.accelerators.surroundings import declare_levels
from accelsim.columns import Column, declare


def declare_columns() -> None:
    """Add the columns to the dictionary."""
    declare_levels(["l2"])
    declare(
        Column("kernel", "", "kernel that the model chose: units, tile of outputs, parts of the reduction", sums=False),
        Column("kernels", "", "kernels that follow each other: one, or one a recurrent step"),
        Column("two_of_four", "", "whether sparse tensor cores run the layer at twice the rate", sums=False),
        Column("bound_by", "", "what takes the time: arithmetic, l2, dram or launch", sums=False),
        Column("l2_cycles", "cycle", "second-level cache alone", "l2_bytes / (bytes a cycle)"),
        Column("dram_cycles", "cycle", "memory alone", "dram_bytes / bandwidth x clock"),
        Column("launch_cycles", "cycle", "between kernels", "kernels x launch.kernel_s x clock"),
        Column(
            "bound_s", "s", "roofline: all products at peak rate, or every value moved once, whichever takes longer"
        ),
        Column(
            "tile_efficiency",
            "",
            "share of the products in the tiles that the layer has",
            "macs / (blocks x products of a tile)",
            sums=False,
        ),
        Column("wave_efficiency", "", "share of the SMs that have a block", "blocks / (waves x SMs)", sums=False),
        Column(
            "peak_share", "", "achieved share of the peak rate of the GPU", "macs / (total_cycles x peak)", sums=False
        ),
        Column("l2_bytes", "B", "read from and written to the second-level cache by the blocks"),
    )
