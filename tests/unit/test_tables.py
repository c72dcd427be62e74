"""Tables of results that contradict what a table of layers is, digests right or absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from accelsim.tables import read_table, write_table

ROW = {"index": [0], "layer": ["a"], "sample": [0], "speedup": [1.5]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"speedup": [[1.0, 2.0]]}, "column speedup holds lists"),
        ({"sample": [None]}, "column sample has rows without a value"),
        ({name: [] for name in ROW}, "has no rows"),
    ],
)
def test_tables_of_layers_that_are_none(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    write_table(pd.DataFrame(ROW), tmp_path, "layers")
    assert read_table(tmp_path, "layers", {}).to_dict("list") == ROW
    write_table(pd.DataFrame({**ROW, **changes}), tmp_path, "layers")
    with pytest.raises(ValueError, match=said):
        read_table(tmp_path, "layers", {})
