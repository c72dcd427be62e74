"""Time and memory of the commands against the size of the work: `python -m benchmarks.scale --page`.

Three kinds of work grow: codes (blocks of the decoder of 7 billion parameters), layers (of a network of small ones) and
points (of a sweep). Every figure is CPU time, user and system, and peak memory of whole processes whose cache is empty, so
capture is in it. What a unit costs is told by the difference to the smallest size, which leaves starting Python out:
(time - least) / (size - least). Beside it stands the time that NumPy takes to copy the same bytes on the same machine,
measured in between: the codes themselves, the bundle of the layers, the table of the points.

Rows are kept in benchmarks/scale.csv, those of a command replaced when it is measured again; --page draws docs/scale.svg.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from accelsim.files.writing import write_atomically
from benchmarks.commands import ROOT, spent

TABLE = ROOT / "benchmarks" / "scale.csv"
HEAD = ["work", "command", "size", "cpu_s", "each_us", "copies", "peak_mb"]
"""each_us: CPU time of a unit; copies: how many copies of its bytes take as long; peak_mb: peak memory of the process."""


@dataclass(frozen=True)
class Series:
    """A command against a kind of work: the units of work, the sizes, and the bytes of a unit.

    command: words with {size}, {network} (a file of so many small layers) and {out} (a folder) to be filled in.
    """

    work: str
    command: str
    sizes: tuple[int, ...]
    bytes_each: float
    units_each: int = 1
    """Units of work in one step of the size."""


_BLOCK = 4 * 4096**2 + 3 * 4096 * 11008
_POINTS = (
    "sweep --hw pragmatic --workload {network} --out {out} --set memory.buffer.partitions.weight=1KiB..100KiB:+1KiB"
    " --set dram.bandwidth=1e9..10e9:+1e9 --set memory.buffer.partitions.activation=1KiB..{size}KiB:+1KiB"
)
_BLOCKS = (1, 2, 8, 32)
_LAYERS = (10, 100, 300, 1000, 3000)
SERIES = {
    "analyze": Series(
        "codes", "analyze --workload decoder_7b --set decoder.blocks={size}", _BLOCKS, 1.0, units_each=_BLOCK
    ),
    "run": Series(
        "codes", "run --hw pragmatic --workload decoder_7b --set workload.decoder.blocks={size}", _BLOCKS, 1.0,
        units_each=_BLOCK,
    ),
    "analyze layers": Series("layers", "analyze --workload {network}", _LAYERS, 64 * 64 * 2 + 64 * 4 * 2),
    "run layers": Series(
        "layers", "run --hw pragmatic --workload {network} --timeline {out}/timeline.json", _LAYERS, 64 * 68 * 2
    ),
    "compare layers": Series(
        "layers", "compare --hw stripes --hw pragmatic --workload {network}", _LAYERS, 64 * 68 * 2
    ),
    "sweep": Series("points", _POINTS, (1, 10, 30, 100), 60 * 8.0, units_each=1000),
}  # fmt: skip


def network(layers: int, folder: Path) -> Path:
    """Write a workload of so many small layers."""
    shape = "{{kind: linear, input: 64, filters: 64, rows: 4, name: block{0}}}"
    lines = ["name: deep", "source: synthetic", "shapes:", *(f"- {shape.format(n)}" for n in range(layers))]
    path = folder / "deep.yaml"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def copy_ns_each_byte(size_bytes: int = 1 << 26) -> float:
    """Return the CPU time in which NumPy copies a byte of a large array (median of nine)."""
    source, target = np.ones(size_bytes, np.uint8), np.empty(size_bytes, np.uint8)
    times = []
    for _ in range(9):
        start = time.process_time()
        np.copyto(target, source)
        times.append(time.process_time() - start)
    return statistics.median(times) * 1e9 / size_bytes


def measured(name: str, sizes: tuple[int, ...] = ()) -> Iterator[dict[str, Any]]:
    """Yield a row per size of a series, the smallest first; what a unit costs is unknown there."""
    series = SERIES[name]
    least: tuple[int, float] | None = None
    for size in sorted(sizes or series.sizes):
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            layers = size if series.work == "layers" else 10
            filled = series.command.format(size=size, network=network(layers, folder), out=folder / "out")
            environment = {**os.environ, "ACCELSIM_CACHE": str(folder / "cache")}
            used, _ = spent([sys.executable, "-m", "accelsim", *filled.split()], environment, folder)
        row: dict[str, Any] = {"work": series.work, "command": name.split()[0], "size": size * series.units_each}
        row |= {"cpu_s": used.cpu_s, "each_us": float("nan"), "copies": float("nan"), "peak_mb": used.peak_bytes / 1e6}
        if least is None:
            least = row["size"], used.cpu_s
        else:
            row["each_us"] = (used.cpu_s - least[1]) / (row["size"] - least[0]) * 1e6
            row["copies"] = row["each_us"] * 1e3 / (copy_ns_each_byte() * series.bytes_each)
        yield row


def kept(rows: list[dict[str, Any]], path: Path = TABLE) -> pd.DataFrame:
    """Put rows into the table at `path` in place of those of the same work and command, and return it."""
    new = pd.DataFrame(rows, columns=HEAD)
    if path.is_file():
        old = pd.read_csv(path)
        again = pd.MultiIndex.from_frame(old[["work", "command"]]).isin(list(zip(new["work"], new["command"])))
        new = pd.concat([old[~again], new], ignore_index=True)
    order = {series.work: place for place, series in enumerate(SERIES.values())}
    new = new.sort_values(["work", "command", "size"], key=lambda c: c.map(order) if c.name == "work" else c)
    write_atomically(path, new.to_csv(index=False, float_format="%.4g").encode())
    return new


KINDS = {
    "codes": ("Codes", "code", "ns", 1e3),
    "layers": ("Layers", "layer", "ms", 1e-3),
    "points": ("Points of a sweep", "point", "us", 1.0),
}
"""Of each kind of work: what the axis and a unit are called, the unit of time, and how many of it are 1 us."""


def figure(table: pd.DataFrame) -> Any:
    """Return what a unit costs and the peak memory against the size of the work, a column of panels for each kind."""
    import altair as alt

    from accelsim.report.figures.drawing import styled
    from accelsim.report.palette import COLOURS

    commands = list(dict.fromkeys(table["command"]))
    colours = alt.Scale(domain=commands, range=COLOURS[: len(commands)])
    rows: list[list[Any]] = [[], []]
    for work, (heading, unit, time_unit, scale) in KINDS.items():
        own = table[table["work"].eq(work)].assign(each=lambda t, s=scale: t["each_us"] * s)
        x = alt.X("size:Q", title=heading, **_logarithmic(alt, own["size"], 1.4, "~s", steps=(1, 3)))
        named = (("each", f"CPU time of a {unit} ({time_unit})"), ("peak_mb", "Peak memory (MB)"))
        for (column, title), row in zip(named, rows, strict=True):
            known = own[own[column] > 0]
            shared = {
                "x": x,
                "y": alt.Y(f"{column}:Q", title=title, **_logarithmic(alt, known[column], 3.0, "~g")),
                "color": alt.Color("command:N", scale=colours, legend=alt.Legend(title=None)),
            }
            lines = alt.Chart(known).mark_line(strokeWidth=1.6).encode(**shared)
            marks = alt.Chart(known).mark_point(filled=True, size=36, opacity=1).encode(**shared)
            row.append(alt.layer(lines, marks).properties(width=200, height=170))
    return styled(alt.vconcat(*(alt.hconcat(*row, spacing=24) for row in rows), spacing=16))


def _logarithmic(
    alt: Any, values: pd.Series[Any], beyond: float, form: str, steps: tuple[int, ...] = (1, 2, 5)
) -> dict[str, Any]:
    """Return scale and axis of a logarithmic channel that reaches `beyond` times past its values, round ticks alone."""
    low, high = float(values.min()) / beyond, float(values.max()) * beyond
    ticks = [n * 10.0**e for e in range(-6, 13) for n in steps if low <= n * 10.0**e <= high]
    return {
        "scale": alt.Scale(type="log", domain=[low, high], nice=False),
        "axis": alt.Axis(values=ticks, format=form),
    }


def main() -> None:
    """Measure, print and keep the rows; draw the figure of the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", nargs="*", default=list(SERIES), choices=[*SERIES, []], help="all by default")
    parser.add_argument(
        "--most", type=int, default=0, help="largest size of a series, in blocks, layers or 1,000 points"
    )
    parser.add_argument("--page", action="store_true", help="draw docs/scale.svg from the rows kept")
    arguments = parser.parse_args()
    for name in arguments.series:
        sizes = tuple(s for s in SERIES[name].sizes if not arguments.most or s <= arguments.most)
        rows = []
        for row in measured(name, sizes):
            rows.append(row)
            print(" ".join(f"{key} {row[key]:,.4g}" if key in HEAD[2:] else str(row[key]) for key in HEAD), flush=True)
        kept(rows)
    if arguments.page:
        from accelsim.report.figures.drawing import write

        write(lambda: figure(pd.read_csv(TABLE)), ROOT / "docs", "scale", ("svg",))


if __name__ == "__main__":
    main()
