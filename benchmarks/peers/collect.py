"""Requests to the peers, and asking them for what is not recorded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelsim.layer import LayerShape
from benchmarks.peers.environment import ask
from benchmarks.peers.machine import Machine, described

LOOPS = 6
"""ZigZag's own limit of loops to order (`lpf_limit`): prime factors beyond it are merged."""


def zigzag(
    name: str, shape: LayerShape, machine: Machine, engine: str = "loma", loops: int = LOOPS, optimise: str = "energy"
) -> dict[str, Any]:
    """Return the request to ZigZag; "energy" is off-chip traffic alone here."""
    return {
        "peer": "zigzag", "engine": engine, "loops": loops, "optimise": optimise, "machine": asdict(machine),
        "layer": described(name, shape),
    }  # fmt: skip


def scalesim(name: str, shape: LayerShape, machine: Machine, dataflow: str = "ws") -> dict[str, Any]:
    """Return the request to SCALE-Sim, which knows no batches: rows of a linear layer are those of a map."""
    layer = described(name, shape)
    if shape.kind == "linear":
        layer.update(N=1, map=[shape.N, 1], P=shape.N)
    return {"peer": "scalesim", "dataflow": dataflow, "mode": "CALC", "machine": asdict(machine), "layer": layer}


def scalesim_cycles(shape: LayerShape, machine: Machine) -> int:
    """Return about how many cycles SCALE-Sim steps through, one by one: folds of the array times fill, windows and drain."""
    folds = -(-shape.C * shape.R * shape.S // machine.rows) * -(-shape.K // machine.columns) * shape.groups
    return folds * (2 * machine.rows + machine.columns + shape.N * shape.P * shape.Q - 2)


def asker(cache: Path, timeout_s: float) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that asks a request's peer and says so; what takes too long is an answer too."""

    def get(request: dict[str, Any]) -> dict[str, Any]:
        what = f"{request['peer']} {request['layer']['name']} {request['machine']['sram_bytes'] // 1024} KiB"
        print(what, file=sys.stderr, flush=True)
        try:
            return ask(request["peer"], request, cache, timeout_s)
        except subprocess.TimeoutExpired:
            return {"failed": f"more than {timeout_s:.0f} s"}
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"{what}: exit code {error.returncode}") from None

    return get
