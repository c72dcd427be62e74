"""Meaning of the result columns of Eyeriss."""

from __future__ import annotations

from accelsim.columns import COLUMNS, Column, declare

_OPERANDS = {"ifmap": "input feature map", "filter": "filter", "psum": "partial sum"}
_MOVES = {
    "ifmap": "from the buses into PEs, copies of a multicast counted",
    "filter": "from the buses into PEs, copies of a multicast counted",
    "psum": "from PE to PE",
}
_CROSSES = {
    "ifmap": "read by the array from",
    "filter": "read by the array from",
    "psum": "written to and read back from",
}
_STORED = {"ifmap": "input feature map", "filter": "filter", "ofmap": "output feature map"}
_CHIP = (
    Column(
        "macs_done",
        "MAC",
        "multiplications whose activation is not zero",
        "macs x share of products with a non-zero activation",
    ),
    Column(
        "macs_gated",
        "MAC",
        "multiplications kept idle by a zero activation; they take time, not energy",
        "macs - macs_done",
    ),
    Column("active_pes", "PE", "processing elements the mapping uses", "r x t x min(R, rows) x e", sums=False),
    Column(
        "utilisation",
        "share",
        "multiplications over what all PEs could do in the processing time",
        "macs / pe_cycles",
        sums=False,
    ),
    Column(
        "approximate",
        "",
        "whether the layer was mapped by a near equivalent (a transposed convolution that is no exact sub-pixel one)",
        sums=False,
    ),
    Column("processing_cycles", "cycle", "the array works: all passes, loads of the scratchpads included"),
    Column(
        "map_stall_cycles",
        "cycle",
        "the array waits for feature maps to and from DRAM",
        "(dram_ifmap_bytes + dram_ofmap_bytes) / DRAM bytes per cycle",
    ),
    Column(
        "filter_stall_cycles",
        "cycle",
        "the array waits for filters that DRAM delivers slower than it uses them",
        "max(0, dram_filter_bytes / DRAM bytes per cycle - processing_cycles)",
    ),
    Column("compute_bound_cycles", "cycle", "processing time if only the multipliers limited it"),
    Column("psum_bus_bound_cycles", "cycle", "processing time if only the partial-sum bus limited it"),
    Column("ifmap_bus_bound_cycles", "cycle", "processing time if only the input bus limited it"),
    Column("fill_cycles", "cycle", "part of processing spent filling scratchpads at the start of passes"),
    Column("pe_cycles", "PE cycle", "processing time of every PE of the array", "processing_cycles x rows x columns"),
    Column(
        "global_buffer_bytes",
        "B",
        "bytes between global buffer and array (the chip's published figure: fills from DRAM not counted)",
        "sum of global_buffer_{ifmap,psum,filter}_bytes",
    ),
    Column("energy_mac_pj", "pJ", "multipliers", "mac_pj x (macs_done + gated_fraction x macs_gated)"),
)


def declare_columns() -> None:
    """Add the columns of an Eyeriss run to the dictionary."""
    declare(*_CHIP)
    for name, text in _OPERANDS.items():
        _declare_moved(name, text)
    for name, text in _STORED.items():
        declare(
            Column(
                f"global_buffer_fill_{name}_bytes", "B", f"{text} bytes between DRAM and global buffer, uncompressed"
            ),
            Column(f"dram_{name}_bytes", "B", f"{text} bytes between DRAM and chip, as stored (maps run-length coded)"),
            Column(f"energy_dram_{name}_pj", "pJ", f"{text} accesses of DRAM", "dram_pj x words as stored"),
        )
    for level in ("scratchpad", "array", "global_buffer"):
        parts = " + ".join(f"energy_{level}_{name}_pj" for name in _OPERANDS)
        if f"energy_{level}_pj" not in COLUMNS:  # another machine may have a level of this name
            declare(Column(f"energy_{level}_pj", "pJ", f"all accesses of the level {level.replace('_', ' ')}", parts))


def _declare_moved(name: str, text: str) -> None:
    declare(
        Column(f"spad_{name}_reads", "word", f"{text} words read from scratchpads"),
        Column(f"spad_{name}_writes", "word", f"{text} words written into scratchpads"),
        Column(
            f"array_{name}_words",
            "word",
            f"{text} words moved {_MOVES[name]}",
        ),
        Column(f"global_buffer_{name}_bytes", "B", f"{text} bytes {_CROSSES[name]} the global buffer"),
        Column(
            f"energy_scratchpad_{name}_pj",
            "pJ",
            f"{text} accesses of scratchpads",
            "scratchpad_pj x (reads + writes)",
        ),
        Column(f"energy_array_{name}_pj", "pJ", f"{text} words on the array's network", "array_pj x words"),
        Column(
            f"energy_global_buffer_{name}_pj",
            "pJ",
            f"{text} accesses of the global buffer, DRAM fills and drains included",
            "global_buffer_pj x words",
        ),
    )
