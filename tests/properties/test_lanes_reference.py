"""Lane arrays agree with a slow walk of their schedule, on random layers, geometries and options."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import load_hardware
from accelsim.analyzers.profile import profile
from accelsim.dataflows.lanes.grid import lay
from accelsim.layer import LayerShape
from accelsim.testing.layers import ALL_KINDS, described, make_layer, shape_of
from tests import golden_dnnsim
from tests.references.lanes import Array, Machine

CASES = 96
MOST_STEPS = 1200

OPTIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "dadiannao": {},
    "stripes": {},
    "shapeshifter": {"group_size": (1, 2, 3), "minor_bit": (False, True), "column_registers": (0, 0, 1, 2)},
    "pragmatic": {
        "first_stage_bits": (0, 1, 2, 3, 4),
        "encoding": ("ones", "naf", "booth_radix4", "run_recoding"),
        "column_registers": (0, 0, 1, 2),
    },
    "loom": {
        "bits_per_cycle": (1, 2, 4),
        "dynamic_weights": (False, True),
        "group_size": (1, 2, 3),
        "minor_bit": (False, True),
    },
    "laconic": {"encoding": ("ones", "naf", "booth_radix4", "run_recoding")},
    "diffy_pragmatic": {"first_stage_bits": (0, 2, 4), "encoding": ("ones", "naf"), "column_registers": (0, 0, 1)},
    "diffy_shapeshifter": {"group_size": (1, 2), "minor_bit": (False, True), "column_registers": (0, 0, 1)},
}
"""What each machine can be set to."""


@lru_cache(maxsize=16)
def shipped(name: str) -> ArrayAccelerator:
    machine = load_hardware(name)
    assert isinstance(machine, ArrayAccelerator)
    return machine


def machine_of(kind: str, array: Array, options: dict[str, Any]) -> ArrayAccelerator:
    """Return the machine that a reference of `kind` stands for."""
    name, _, backend = kind.partition("_")
    base = shipped(name)
    data = base.model_dump()
    data["accelerator"] |= {**vars(array), **options, **({"backend": backend} if backend else {})}
    return type(base).model_validate(data)


@pytest.mark.parametrize("kind", OPTIONS)
def test_machine_agrees_with_a_walk_of_its_schedule(kind: str) -> None:
    rng = np.random.default_rng(list(OPTIONS).index(kind))
    done: dict[str, int] = dict.fromkeys(ALL_KINDS, 0)
    while min(done.values()) < CASES // len(ALL_KINDS):
        layer_kind = min(done, key=lambda name: done[name])
        array = Array(
            *(int(rng.choice(sizes)) for sizes in ((3, 4, 16), (2, 3, 4, 5), (2, 3, 4), (1, 2, 3))),
            pe_width=int(rng.choice((8, 16, 16))),
            linear_rows=str(rng.choice(("continue", "restart"))),
            first_layer=str(rng.choice(("space_to_depth", "space_to_depth", "plain"))),
        )
        shape = shape_of(layer_kind, rng)
        if shape.macs > MOST_STEPS * array.lanes * array.rows * array.columns * array.tiles:
            continue
        density = float(rng.choice((0.0, 0.3, 0.9))), float(rng.choice((0.1, 0.9)))
        layer = make_layer(
            shape, rng, density, bits=int(rng.choice((4, 9, 16))), signed=bool(rng.integers(2)),
            index=int(layer_kind != "first"), name=layer_kind,
        )  # fmt: skip
        options = {name: rng.choice(np.asarray(values)).item() for name, values in OPTIONS[kind].items()}
        reference = Machine(kind, array, **options)
        found = machine_of(kind, array, options).work(layer, profile([layer])).cycles
        expected = reference.cycles(layer)
        assert found == expected, f"{described(layer)}, {array}, {options}: {found} cycles, the walk takes {expected}"
        done[layer_kind] += 1


@pytest.mark.parametrize("label", golden_dnnsim.MACHINES)
def test_the_walk_itself_agrees_with_dnnsim(label: str, shared: Path) -> None:
    folder = shared / "golden" / "dnnsim" / "tiny"
    name, *settings = golden_dnnsim.MACHINES[label]
    options: dict[str, Any] = {}
    for setting in settings:
        key, _, text = setting.partition("=")
        options[key] = {"true": True, "false": False}.get(text, int(text) if text.isdigit() else text)
    kind = f"{name}_{options.pop('backend', 'pragmatic')}" if name == "diffy" else name
    array = Array(columns=options.pop("columns", 1 if name == "dadiannao" else 16))
    if kind not in OPTIONS or not (folder / f"{label}.csv").is_file():
        pytest.skip(f"no walk, or no reference, for {label}")
    machine = Machine(kind, array, **options)
    found = {layer.name: machine.cycles(layer) for layer in golden_dnnsim.layers(folder)}
    assert found == golden_dnnsim.results(folder, label)


@pytest.mark.parametrize("name", ["pragmatic", "shapeshifter", "stripes", "loom", "diffy", "laconic"])
def test_dnnsims_windows_of_oblong_outputs_add_up(name: str) -> None:
    """DNNsim takes the second coordinate of a window from the wrong side: its account is of the windows it really reads."""
    base = shipped(name)
    data = base.model_dump()
    data["accelerator"] |= {"dnnsim_compat": True, "columns": 4, "lanes": 4}
    machine = type(base).model_validate(data)
    rng = np.random.default_rng(0)
    for shape in (
        LayerShape("conv", 1, 1, 3, 6, 5, 7, 3, 3, 3, 5),
        LayerShape("matmul", 5, 3, 6, 4, 1, 1, 1, 1, 1, 1),
    ):
        layer = make_layer(shape, rng, (0.3, 0.9))
        work = machine.work(layer, profile([layer]))
        assert sum(work.slots.values()) == work.lanes * work.cycles
        if name == "pragmatic" and shape.kind == "conv":
            (laid,) = lay(layer, machine.accelerator, 16, 16)
            pixels = np.add.outer(laid.window_bases(), laid.tap_offsets())
            ones = np.bitwise_count(np.abs(laid.activation[0, 0].transpose(0, 2, 1).reshape(6, -1)[:, pixels]))
            assert machine.accelerator.encoding == "ones"
            assert work.slots["busy"] == shape.K * int(ones.sum())
