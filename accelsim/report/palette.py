"""The colours of every figure: one per machine, property, operand, part of the time and level of memory.

Okabe and Ito's colours, which colour-blind readers tell apart, then some of Tol's.
"""

from __future__ import annotations

from collections.abc import Sequence

COLOURS = [
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000", "#999999", "#882255", "#44AA99",
    "#AA4499",
]  # fmt: skip

_MACHINES = {
    "dadiannao": "#999999",
    "eyeriss": "#009E73",
    "stripes": "#56B4E9",
    "pragmatic": "#0072B2",
    "laconic": "#D55E00",
    "loom": "#CC79A7",
    "shapeshifter": "#44AA99",
    "scnn": "#E69F00",
    "cnvlutin": "#F0E442",
    "sparten": "#AA4499",
    "bit_tactical": "#882255",
    "bit_fusion": "#882255",
    "diffy": "#CC79A7",
    "tpu_v1": "#000000",
    "nvdla_full": "#AA4499",
    "eyeriss_v2": "#44AA99",
    "eie": "#D55E00",
    "cambricon_x": "#CC79A7",
    "ucnn": "#56B4E9",
}
PROPERTIES = {
    "A": "#56B4E9",
    "W": "#E69F00",
    "W+A": "#009E73",
    "Ap": "#CC79A7",
    "Wp+Ap": "#AA4499",
    "W+Ap": "#882255",
    "Ae": "#0072B2",
    "We+Ae": "#D55E00",
    "W+Ae": "#44AA99",
}
OPERANDS = {
    "activation": "#56B4E9",
    "weight": "#E69F00",
    "output": "#009E73",
    "partial sum": "#CC79A7",
    "all operands": "#999999",
}
PARTS = {
    "work": "#0072B2",
    "tiles": "#56B4E9",
    "wait for DRAM": "#D55E00",
    "wait for port": "#E69F00",
    "fill and drain": "#CC79A7",
    "other": "#999999",
}
GROUPS = {
    "effectual": "#0072B2",
    "busy": "#0072B2",
    "zero operand": "#56B4E9",
    "synchronisation": "#D55E00",
    "wasted": "#E69F00",
    "padding": "#999999",
    "tiles": "#44AA99",
    "memory": "#CC79A7",
}
"""What lanes and cycles go to, in the order of the figures."""

STAGES = {
    "potential of the values": "diamond",
    "lanes never waiting": "triangle-up",
    "array alone": "circle",
    "with memory": "square",
}
"""Shapes of the steps from what values allow to what a machine reaches."""

DARK = {"#000000": "#E8E8E8", "#882255": "#D0608F", "#AA4499": "#C873BC", "#0072B2": "#3D9BD9"}
"""What replaces a colour on a dark ground, where it would hardly be seen."""

HEAT = {"light": ["#F4F8FB", "#9CC9E3", "#2E86BF", "#08306B"], "dark": ["#12212E", "#1F5B86", "#4FA3D9", "#D6ECFA"]}
"""Ramp of shares from none to all on either ground."""


def machine_colours(labels: Sequence[str], machines: Sequence[str] | None = None) -> dict[str, str]:
    """Return a colour for each of `labels`: that of its machine where it is the first to take it, else the next free.

    machines: the machine behind each label; the labels themselves by default.

    >>> machine_colours(["stripes", "pragmatic"])
    {'stripes': '#56B4E9', 'pragmatic': '#0072B2'}
    """
    found: dict[str, str] = {}
    own = {label: _MACHINES.get(machine) for label, machine in zip(labels, machines or labels, strict=True)}
    for label, colour in own.items():
        if colour is not None and colour not in found.values():
            found[label] = colour
    kept = set(found.values())
    free = [colour for colour in COLOURS if colour not in kept] or COLOURS
    for place, label in enumerate(label for label in own if label not in found):
        found[label] = free[place % len(free)]
    return {label: found[label] for label in own}
