"""The conformance kit on every shipped machine that is a compute array, as shipped and made small."""

from __future__ import annotations

from typing import Any

from accelsim import catalogue
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import load_hardware
from accelsim.accelerators.lanes import GridAccelerator
from accelsim.testing import AcceleratorConformance

LANES = {
    # the rows of a batch are the windows of a set, which wait for each other; a row alone goes to successive columns
    "batching_never_slower": False,
    "busy_beyond_pairs": {
        "depthwise": "each row sees the channels of all lanes; the zeros of the diagonal filters are busy slots",
        "first": "space to depth fills maps and kernels up with zeros that go through the lanes",
    },
}
"""What holds for every tiles x rows x columns x lanes machine."""

SMALL_LANES = ("lanes=4", "rows=3", "columns=4", "tiles=2")
"""Geometry of which layers of a few channels and filters fill all lanes."""

SYSTOLIC = {
    # a wider array takes longer to fill and to drain, which little layers do not make up for
    "monotonic_in_size": False,
}
"""What holds for every systolic array."""

PROMISES: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("systolic_os", "systolic_ws", "systolic_is"), SYSTOLIC),
    # the images of a batch stream through the same weights
    "tpu_v1": {**SYSTOLIC, "batch_repeats_convolutions": False},
}
"""What a machine does not promise, with the reason."""


def classes() -> dict[str, type]:
    """Return a test class per machine, and one per small variant."""
    found: dict[str, type] = {}
    for name in catalogue.names("hardware"):
        machine = load_hardware(name)
        if not isinstance(machine, ArrayAccelerator):
            continue
        lanes = isinstance(machine, GridAccelerator)
        promises = {**(LANES if lanes else {}), **PROMISES.get(name, {}), "hardware": name, "__module__": __name__}
        title = "Test" + "".join(part.capitalize() for part in name.replace("-", "_").split("_"))
        found[title] = type(title, (AcceleratorConformance,), promises)
        if lanes:
            settings = tuple(f"accelerator.{setting}" for setting in SMALL_LANES)
            found[f"{title}Small"] = type(
                f"{title}Small", (AcceleratorConformance,), {**promises, "settings": settings}
            )
    return found


globals().update(classes())
