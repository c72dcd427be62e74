"""Rows about layers: what names a layer in each of them, and tables of all layers kept with the bundle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from accelsim.analyzers.progress import over_layers
from accelsim.layer import Layer
from accelsim.trace import Trace

Row = dict[str, Any]


def head(layer: Layer) -> Row:
    """Return the first columns of a row: index, layer (its name), sample and kind."""
    return {"index": layer.index, "layer": layer.name, "sample": layer.sample, "kind": layer.shape.kind}


def layer_table(trace: Trace, rows: Callable[[int], list[Row]], label: str, kept: str | None) -> pd.DataFrame:
    """Return the rows of `rows(index)` for every layer, in layer order, all with the same keys, as one table.

    label: of the progress bar. kept: name under which the bundle keeps the table; None does not keep it.
    """

    def compute() -> dict[str, list[Any]]:
        return _columns(over_layers(trace, rows, label))

    return pd.DataFrame(compute() if kept is None else trace.remembered(kept, compute))


def _columns(rows: list[Row]) -> dict[str, list[Any]]:
    """Return one list per key, which is smaller and quicker to keep than the rows."""
    return {key: [row[key] for row in rows] for key in rows[0]} if rows else {}
