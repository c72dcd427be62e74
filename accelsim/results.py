"""Result tables: one row per layer and sample, a dictionary of columns, Parquet and JSON in and out."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim.errors import ConfigError, InputError, shortened, unknown_name
from accelsim.notebook import counted, page
from accelsim.storage import write_together
from accelsim.units import engineering, picojoules

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """Meaning of a result column: its unit, what it counts and how it is computed."""

    name: str
    unit: str
    meaning: str
    formula: str = ""
    sums: bool = True


COLUMNS: dict[str, Column] = {}

_SHOWN: dict[str, Callable[[float], str]] = {
    "kind": str,
    "macs": engineering,
    "total_cycles": engineering,
    "time_s": lambda value: engineering(value, "s"),
    "dram_bytes": lambda value: engineering(value, "B"),
    "energy_pj": picojoules,
    "speedup": lambda value: f"{value:.2f}x",
}
_TITLES = {"time_s": "time", "energy_pj": "energy", "dram_bytes": "DRAM traffic"}


MOST_CELLS = 1 << 28
"""Cells of a table that is read; a few bytes of Parquet may tell of any number of them."""

_OF_LAYERS = {"layers": ("index", "layer", "sample"), "compare_layers": ("index", "workload", "machine")}
_COUNTS = re.compile(r"(_cycles|_bytes|_pj|_s)$|^slots|^macs")

_NAMED_BY_USERS: set[str] = set()


def declare(*columns: Column, named_by_user: bool = False) -> None:
    """Add `columns` to the dictionary; called by the module that computes them.

    named_by_user: after a part of a machine that its YAML names; gives way to what a module declares. Raises
    ConfigError when a name already has another meaning.
    """
    for column in columns:
        known = COLUMNS.get(column.name)
        if named_by_user and known is not None:
            continue
        if known not in (None, column) and column.name not in _NAMED_BY_USERS:
            raise ConfigError(f"two result columns are called {column.name!r}", "give one of them another name")
        COLUMNS[column.name] = column
        if named_by_user:
            _NAMED_BY_USERS.add(column.name)
        else:
            _NAMED_BY_USERS.discard(column.name)


def column(name: str) -> Column:
    """Return the dictionary entry of `name`. Raises UnknownNameError with the nearest names."""
    if name not in COLUMNS:
        raise unknown_name("column", name, COLUMNS)
    return COLUMNS[name]


@dataclass(frozen=True)
class RunResult:
    """A finished run: `layers` has one row per layer and sample, `info` everything needed to repeat it."""

    layers: pd.DataFrame
    info: dict[str, Any]
    warnings: list[str] = field(default_factory=list)

    def by_layer(self) -> pd.DataFrame:
        """Return one row per layer: counts averaged over the samples, in layer order."""
        return self._grouped(["index", "layer"])

    def rows(self) -> pd.DataFrame:
        """Return the rows for a CSV: machine, layer and compute_cycles first (processing_cycles where there are none)."""
        import pandas as pd

        cycles = self.layers["compute_cycles" if "compute_cycles" in self.layers else "processing_cycles"]
        first = {"machine": self.info["hardware"]["name"], "layer": self.layers["layer"], "compute_cycles": cycles}
        order = [
            "sample",
            "kind",
            "macs",
            "total_cycles",
            "time_s",
            "speedup",
            "dram_bytes",
            "energy_pj",
            "energy_gain",
        ]
        others = [*order, *(c for c in self.layers.columns if c not in (*first, *order))]
        rows = pd.DataFrame({**first, **{name: self.layers[name] for name in others if name in self.layers}})
        return marked(rows, self.warnings)

    def total(self, name: str) -> float:
        """Return the mean over samples of the network total of the count column `name`."""
        return float(self.layers[name].sum()) / self.layers["sample"].nunique()

    def write(self, folder: Path, csv: bool = False, beside: Mapping[str, pd.DataFrame] | None = None) -> list[Path]:
        """Write layers.parquet and run.json (and layers.csv) into `folder`; return the paths. beside: other tables."""
        layers = marked(self.layers, self.warnings)
        others = {name: marked(table, self.warnings) for name, table in (beside or {}).items()}
        info = {**self.info, "warnings": self.warnings, "columns": describe(layers.columns)}
        return write_results(folder, {"layers": layers, **others}, "run.json", info, csv)

    @classmethod
    def read(cls, folder: Path) -> RunResult:
        """Read what `write` wrote. Raises InputError when a file is missing or damaged."""
        try:
            info, files = read_info(folder / "run.json")
            for name in ("hardware", "trace"):
                if not isinstance(info.get(name), dict) or "name" not in info[name]:
                    raise ValueError(f"run.json names no {name}")
            layers = read_table(folder, "layers", files)
        except (OSError, ValueError) as error:
            raise InputError(f"{folder}: not a readable run ({error})", "give the folder written by --out") from None
        return cls(layers, {k: v for k, v in info.items() if k not in ("warnings", "columns")}, info["warnings"])

    def __repr__(self) -> str:
        """Return network, machine and totals in one line."""
        size = (
            f"{counted(self.layers['layer'].nunique(), 'layer')}, {counted(self.layers['sample'].nunique(), 'sample')}"
        )
        facts = "; ".join(f"{name} {value}" for name, value in self._facts().items())
        return f"<RunResult: {self._title()}, {size}: {facts}; {counted(len(self.warnings), 'warning')}>"

    def _repr_html_(self) -> str:
        """Return totals and one row per layer, for a notebook."""
        shown = {name: show for name, show in _SHOWN.items() if name in self.layers}
        rows = [[row["layer"], *(show(row[n]) for n, show in shown.items())] for _, row in self.by_layer().iterrows()]
        return page(self._title(), self._facts(), ["layer", *shown], rows, self.warnings)

    def _title(self) -> str:
        trace, machine = self.info.get("trace", {}).get("name", "a trace"), self.info.get("hardware", {}).get("name")
        return f"{titled(str(trace), self.warnings)} on {machine or 'a machine'}"

    def _facts(self) -> dict[str, str]:
        names = [name for name in ("time_s", "energy_pj", "dram_bytes") if name in self.layers]
        totals = {name: self.total(name) for name in (*names, "baseline_cycles", "total_cycles") if name in self.layers}
        facts = {_TITLES[name]: _SHOWN[name](totals[name]) for name in names}
        if totals.get("baseline_cycles") and totals.get("total_cycles"):
            facts["speedup over no skipping"] = f"{totals['baseline_cycles'] / totals['total_cycles']:.2f}x"
        return {**facts, "batch": str(self.info.get("batch", "?"))}

    def _grouped(self, keys: list[str]) -> pd.DataFrame:
        sums = [c for c in self.layers.columns if c in COLUMNS and COLUMNS[c].sums and c not in keys]
        others = [c for c in self.layers.columns if c not in sums and c not in (*keys, "sample")]
        groups = self.layers.groupby(keys, sort=True)
        return groups[sums].mean().join(groups[others].first()).reset_index()


declare(
    Column(
        "trained", "", "False: the weights are random, and its values say nothing about a trained network", sums=False
    )
)


def untrained(warnings: Iterable[str]) -> bool:
    """Tell from the warnings of a trace or a result whether weights are random."""
    return any("(untrained)" in line for line in warnings)


def titled(name: str, warnings: Iterable[str]) -> str:
    """Return the name that tables and plots show of a network: with "(untrained)" behind it where weights are random."""
    return f"{name} (untrained)" if untrained(warnings) else name


def marked(table: pd.DataFrame, warnings: Iterable[str]) -> pd.DataFrame:
    """Return `table` with a last column `trained`, False, where weights are random; else as it is."""
    return table.assign(trained=False) if untrained(warnings) else table


def describe(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return unit, meaning and formula of each declared column among `names`."""
    known = (COLUMNS[n] for n in names if n in COLUMNS)
    return {c.name: {"unit": c.unit, "meaning": c.meaning, "formula": c.formula} for c in known}


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

    A table of a run's layers must tell of layers, and its counts must be numbers.
    """
    import pandas as pd

    data = (folder / f"{stem}.parquet").read_bytes()
    claimed = files.get(f"{stem}.parquet")
    if claimed is not None and claimed != hashlib.sha256(data).hexdigest():
        raise ValueError(f"{stem}.parquet was altered, is damaged or is of another run than the JSON file beside it")
    table = table_of(data, f"{stem}.parquet")
    if stem in _OF_LAYERS:
        missing = [name for name in _OF_LAYERS[stem] if name not in table]
        if missing:
            raise ValueError(f"{stem}.parquet has no column {missing[0]}")
    for name in table.columns:
        counts = (name in COLUMNS and COLUMNS[name].sums) or _COUNTS.search(str(name))
        if counts and not pd.api.types.is_numeric_dtype(table[name]):
            raise ValueError(f"{stem}.parquet: column {shortened(str(name))} holds no numbers")
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
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{name} cannot be read ({shortened(reason, 200)})") from None
    return table


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
