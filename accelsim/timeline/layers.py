"""The layers of a finished run once more, one by one with the statistics that it replayed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from accelsim.accelerators.base import Accelerator
from accelsim.errors import ConfigError
from accelsim.layer import LayerShape
from accelsim.results import RunResult
from accelsim.sim import measured
from accelsim.trace import Trace

Visit = tuple[dict[str, Any], LayerShape, dict[str, Any]]
"""The row of a layer on one sample, its shape and its statistics."""


def visits(machine: Accelerator, trace: Trace, result: RunResult, sample: int) -> Iterator[Visit]:
    """Yield the layers of `result`, a run of `trace` on `machine`, on one sample in their order.

    Outputs stay on chip where they did in the run. Raises ConfigError where there is no such sample.
    """
    if not 0 <= sample < trace.samples:
        raise ConfigError(f"no sample {sample}", f"the workload has {trace.samples}, counted from 0")
    rows = result.layers[result.layers["sample"] == sample].to_dict("records")
    for place, row in enumerate(rows):
        index = int(row["index"])
        following = rows[place + 1] if place + 1 < len(rows) else {}
        stays = {
            "resident_input": bool(row.get("resident_input", False)),
            "resident_output": bool(row.get("resident_output", False)),
            "kept_output": bool(following.get("resident_input", False)),
        }
        statistics = measured(machine, trace, index)[sample]
        yield {str(k): v for k, v in row.items()}, trace.layers[index].shapes[sample], statistics | stays
