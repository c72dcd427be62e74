"""Result tables as files: Parquet that tells what its columns mean, JSON that knows the digests of both."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim.columns import COLUMNS, describe
from accelsim.errors import first_line, shortened
from accelsim.files.writing import write_together

if TYPE_CHECKING:
    import pandas as pd

MOST_CELLS = 1 << 28
"""Cells of a table that is read; a few bytes of Parquet may tell of any number of them."""

_OF_LAYERS = {"layers": ("index", "layer", "sample"), "compare_layers": ("index", "workload", "machine")}
COUNTS = re.compile(r"(_cycles|_bytes|_pj|_s)$|^slots|^macs")
"""Names of columns of a run that are counts, whoever declares them."""


def write_table(table: pd.DataFrame, folder: Path, stem: str, csv: bool = False) -> list[Path]:
    """Write `table` as STEM.parquet (and STEM.csv) into `folder`; return the paths. Raises StorageError."""
    files = _files({stem: table}, csv)
    write_together({folder / name: data for name, data in files.items()})
    return [folder / name for name in files]


def write_results(
    folder: Path, tables: Mapping[str, pd.DataFrame], name: str, info: Mapping[str, Any], csv: bool = False
) -> list[Path]:
    """Write `tables` as Parquet (and CSV) and `info` as the JSON file `name`, which knows the SHA-256 of each; return the paths.

    Results that were there are replaced once all of the new ones are on disk. Raises StorageError.
    """
    files = _files(tables, csv)
    digests = {file: hashlib.sha256(data).hexdigest() for file, data in files.items() if file.endswith(".parquet")}
    text = json.dumps({**info, "files": digests}, indent=1)
    whole = {**json.loads(text), "sha256": _digest(json.loads(text))}
    files[name] = json.dumps(whole, indent=1).encode()
    write_together({folder / file: data for file, data in files.items()})
    return [folder / file for file in files]


def read_info(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what `write_results` wrote as JSON, and the SHA-256 of the tables beside it. Raises ValueError, OSError."""
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{path.name} holds no results") from None
    if not isinstance(info, dict):
        raise ValueError(f"{path.name} holds no results")
    claimed = info.pop("sha256", None)
    if claimed is not None and claimed != _digest(info):
        raise ValueError(f"{path.name} was altered or is damaged")
    files, told = info.pop("files", {}), info.get("warnings")
    if not isinstance(files, dict) or not isinstance(told, list) or not all(isinstance(line, str) for line in told):
        raise ValueError(f"{path.name} is damaged")
    return info, files


def read_table(folder: Path, stem: str, files: Mapping[str, str]) -> pd.DataFrame:
    """Return STEM.parquet as `write_results` wrote it; files: see `read_info`. Raises ValueError, OSError.

    A table of a run's layers must tell of layers, its counts must be numbers, and no cell may hold a list.
    """
    data = (folder / f"{stem}.parquet").read_bytes()
    claimed = files.get(f"{stem}.parquet")
    if claimed is not None and claimed != hashlib.sha256(data).hexdigest():
        raise ValueError(f"{stem}.parquet was altered, is damaged or is of another run than the JSON file beside it")
    table = table_of(data, f"{stem}.parquet")
    _check_layers(table, stem)
    _check_cells(table, data, stem)
    return table


def table_of(data: bytes, name: str) -> pd.DataFrame:
    """Return the table in the bytes of a Parquet file called `name`, of at most MOST_CELLS cells. Raises ValueError."""
    import pandas as pd
    import pyarrow.parquet as pq

    try:
        told = pq.read_metadata(io.BytesIO(data))
        if told.num_rows * told.num_columns > MOST_CELLS:
            raise ValueError(f"{told.num_rows} rows of {told.num_columns} columns")
        table = pd.read_parquet(io.BytesIO(data))
    except Exception as error:  # the libraries raise many kinds, as what the file says leads them
        raise ValueError(f"{name} cannot be read ({first_line(error)})") from None
    return table


def _check_layers(table: pd.DataFrame, stem: str) -> None:
    """Raise ValueError when a table of layers does not say of which layers its rows are, or has none."""
    if stem not in _OF_LAYERS:
        return
    missing = [name for name in _OF_LAYERS[stem] if name not in table]
    if missing:
        raise ValueError(f"{stem}.parquet has no column {missing[0]}")
    if table.empty:
        raise ValueError(f"{stem}.parquet has no rows")
    holes = [name for name in _OF_LAYERS[stem] if table[name].isna().any()]
    if holes:
        raise ValueError(f"{stem}.parquet: column {holes[0]} has rows without a value")


def _check_cells(table: pd.DataFrame, data: bytes, stem: str) -> None:
    """Raise ValueError when a column of `table`, read from `data`, holds lists, or counts that are no numbers."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    nested = [field.name for field in pq.read_schema(io.BytesIO(data)) if pa.types.is_nested(field.type)]
    if nested:
        raise ValueError(f"{stem}.parquet: column {shortened(nested[0])} holds lists")
    for name in table.columns:
        counts = (name in COLUMNS and COLUMNS[name].sums) or COUNTS.search(str(name))
        if counts and not pd.api.types.is_numeric_dtype(table[name]):
            raise ValueError(f"{stem}.parquet: column {shortened(str(name))} holds no numbers")


def _digest(info: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(info, sort_keys=True).encode()).hexdigest()


def _files(tables: Mapping[str, pd.DataFrame], csv: bool) -> dict[str, bytes]:
    files = {f"{stem}.parquet": parquet(table) for stem, table in tables.items()}
    if csv:
        files |= {f"{stem}.csv": table.to_csv(index=False).encode() for stem, table in tables.items()}
    return files


def parquet(table: pd.DataFrame) -> bytes:
    """Return `table` as a Parquet file in memory, unit and meaning of each column in its metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    notes = describe(table.columns)
    fields = [f.with_metadata(notes[f.name]) if f.name in notes else f for f in arrow.schema]
    buffer = io.BytesIO()
    pq.write_table(arrow.cast(pa.schema(fields, metadata=arrow.schema.metadata)), buffer, write_page_checksum=True)
    return buffer.getvalue()
