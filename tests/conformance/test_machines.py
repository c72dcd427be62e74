"""The conformance kit on every shipped machine that is a compute array, as shipped and made small."""

from __future__ import annotations

from typing import Any

from accelsim import catalogue
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import load_hardware
from accelsim.accelerators.lanes import GridAccelerator
from accelsim.testing import AcceleratorConformance

UNPACKED = {"matmul": "the second operand of an attention product is not known beforehand, its zeros are not left out"}

LANES: dict[str, Any] = {
    # the rows of a batch are the windows of a set, which wait for each other; a row alone goes to successive columns
    "batching_never_slower": False,
    "busy_beyond_pairs": {
        "depthwise": "each row sees the channels of all lanes; the zeros of the diagonal filters are busy slots",
        "first": "space to depth fills maps and kernels up with zeros that go through the lanes",
    },
    # `continue` is DNNsim's rule, whose rows miss their values in all passes over the filters but the first
    "settings": ("accelerator.linear_rows=restart",),
}
"""What holds for every tiles x rows x columns x lanes machine."""

# a longer side takes longer to fill and drain; reported cycles are one less per layer, whatever the batch
SYSTOLIC = {"monotonic_in_size": False, "batching_never_slower": False}

PROMISES: dict[str, dict[str, Any]] = {
    "bit_tactical": {"busy_beyond_pairs": UNPACKED},
    # the slot of a weight that is zero takes the activation of its own place, which may be a long one
    "bit_tactical_e": {"busy_beyond_pairs": UNPACKED, "zeros_never_cost_more": False},
    "bit_tactical_p": {"busy_beyond_pairs": UNPACKED, "zeros_never_cost_more": False},
    "cambricon_x": {"busy_beyond_pairs": UNPACKED},
    # a lane takes whole bricks: with fewer bricks in a window than lanes, the others idle
    "cnvlutin": {"never_slower_than_dense": False, "settings": ("accelerator.conventional=first",)},
    "eie": {"busy_beyond_pairs": UNPACKED},
    "eyeriss_v2": {"busy_beyond_pairs": UNPACKED},
    # bank conflicts are no part of the dense schedule; other tiles and more rows cut vectors and filters otherwise
    "scnn": {"never_slower_than_dense": False, "monotonic_in_size": False, "batching_never_slower": False},
    # Winograd: 16 multiplications for 36 products
    "nvdla_full": {"every_product_takes_a_slot": False},
    # the images of a batch share the cores (and output tiles)
    "dual_side_tensor_core": {"batch_repeats_convolutions": False},
    "sparse_tensor_core": {"batch_repeats_convolutions": False},
    **dict.fromkeys(("systolic", "systolic_is", "systolic_os", "systolic_ws"), SYSTOLIC),
    # a longer side takes longer to fill and drain; the images of a batch share the weights of a tile
    "tpu_v1": {"monotonic_in_size": False, "batch_repeats_convolutions": False},
    # runs of several filters that end with one entry of their table wait for the lane's multiplier
    "ucnn": {"never_slower_than_dense": False, "busy_beyond_pairs": UNPACKED},
}
"""What a machine does not promise, with the reason."""

SMALL: dict[str, tuple[str, ...]] = {
    "cambricon_x": ("pes=3", "multipliers=2", "select_from=4", "step_bits=2"),
    "eyeriss_v2": ("pes=5", "filters=3", "inputs=4"),
    "eie": ("pes=4", "fifo_depth=2", "accumulators=2"),
    "ucnn": ("pes=2", "lanes=2", "channels=4"),
    "bit_fusion": ("rows=3", "columns=4"),
    "scnn": ("pe_columns=2", "pe_rows=2", "accumulators=64"),
    "dcnn": ("pe_columns=2", "pe_rows=2", "channels=2"),
    "sparten": ("clusters=2", "units=3", "chunk=8", "balance=chunks"),
    # not with narrow lanes: a weight wider than a lane takes its whole width in each of its rows, as in DNNsim
    "loom": ("lanes=4", "rows=3", "columns=4", "tiles=2"),
    "cnvlutin": ("lanes=4", "rows=4", "columns=4", "tiles=2"),
    "systolic_is": ("rows=4", "columns=3"),
    "systolic_os": ("rows=4", "columns=3"),
    "systolic_ws": ("rows=4", "columns=3"),
    "tpu_v1": ("rows=4", "columns=3"),
}
"""Parameters with which layers of a few channels and filters fill a machine."""

SMALL_LANES = ("lanes=4", "rows=4", "columns=4", "tiles=2", "pe_width=8")
"""The same for lane arrays, whose operands then take two columns and rows."""


def classes() -> dict[str, type]:
    """Return a test class per machine, and one per small variant."""
    found: dict[str, type] = {}
    for name in catalogue.names("hardware"):
        machine = load_hardware(name)
        if not isinstance(machine, ArrayAccelerator):
            continue
        lanes = isinstance(machine, GridAccelerator)
        promises = {"settings": (), **(LANES if lanes else {}), **PROMISES.get(name, {}), "hardware": name}
        title = "Test" + "".join(part.capitalize() for part in name.split("_"))
        found[title] = type(title, (AcceleratorConformance,), promises)
        if small := SMALL.get(name, SMALL_LANES if lanes else ()):
            promises["settings"] = (*promises["settings"], *(f"accelerator.{setting}" for setting in small))
            found[f"{title}Small"] = type(f"{title}Small", (AcceleratorConformance,), promises)
    return found


globals().update(classes())
