"""Compare this project with ZigZag and SCALE-Sim on the same layers and an equal machine: `python -m benchmarks.peers`.

The machine: 16 x 16 multipliers of 16 bits (input by output channels), one shared SRAM, a DRAM channel of 64 bits a cycle,
nothing compressed. Answers of the peers are read from benchmarks/peers/results.json; with --ask, what is missing there is
computed: each peer is installed from PyPI in an environment of its own below --cache and run there, one layer at a time on
one thread. --fresh FILE starts from an empty file; --page writes the table into the documentation.
benchmarks/peers/README.md says how each tool counts.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from math import exp, log
from pathlib import Path
from statistics import median

from accelsim.files.writing import write_atomically
from accelsim.units import binary_bytes, parse_bytes
from benchmarks.peers.collect import asker
from benchmarks.peers.compare import Row, rows
from benchmarks.peers.results import RECORDED, Results

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "validation" / "peers.md"
COLUMNS = (  # heading, width
    ("layer", 16),
    ("ours", 9), ("all lanes", 9), ("loma", 9), ("ZigZag", 9), ("SCALE-Sim", 9),
    ("ours/ZigZag", 11), ("all lanes", 9),
    ("moved by ours", 20), ("moved by ZigZag", 20),
    ("cycles", 10), ("ZigZag", 10), ("SCALE-Sim", 10),
    ("CPU s", 7), ("loma", 7), ("salsa", 7), ("SCALE-Sim", 9),
)  # fmt: skip
HEAD = " ".join(f"{text:>{width}}" for text, width in COLUMNS)
TOLD = """Traffic in Mbit: ours with any tile, and with all lanes in use; ZigZag by order search (loma), and the better of that and
annealing (salsa, one seed, asked where loma moves something twice). Ratios to the better one. Moved: how often each operand
crosses (I inputs, W weights, O outputs and partial sums). Cycles of the fastest mapping. CPU seconds of one search.
"""


def line(row: Row) -> str:
    """Return a row as text."""
    totals = [None if (bits := row.total(tool)) is None else bits / 1e6 for tool in TOOLS]
    shown = [row.name, *(_number(total, ".3f") for total in totals)]
    shown += [_number(row.ratio(tool), ".3f") for tool in ("ours", "full")]
    shown += [row.times("ours"), row.times("zigzag")]
    shown += [_number(row.totals.get(tool), ",.0f") for tool in ("ours", "zigzag", "scalesim")]
    shown += [_number(row.seconds.get(tool), ".3f") for tool in ("ours", "loma", "salsa", "scalesim")]
    return " ".join(f"{text:>{width}}" for text, (_, width) in zip(shown, COLUMNS, strict=True))


TOOLS = ("ours", "full", "loma", "zigzag", "scalesim")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def summary(found: list[Row]) -> list[str]:
    """Return what the rows say together: traffic never above ZigZag's or where, and how much faster."""
    said = []
    for tool, label in (("ours", "any tile"), ("full", "all lanes")):
        ratios = [(ratio, row) for row in found if (ratio := row.ratio(tool)) is not None]
        if ratios:
            mean = exp(sum(log(ratio) for ratio, _ in ratios) / len(ratios))
            above = [
                f"{row.name} at {binary_bytes(row.machine.sram_bytes)}" for ratio, row in ratios if ratio > 1 + 1e-9
            ]
            said.append(
                f"{label}: {mean:.3f} of ZigZag's traffic (geometric mean of {len(ratios)}), {min(ratios, key=_first)[0]:.3f} to "
                f"{max(ratios, key=_first)[0]:.3f}; above it: {', '.join(above) or 'nowhere'}"
            )
    for peer in ("loma", "salsa", "scalesim"):
        pairs = [row.seconds for row in found if peer in row.seconds and "ours" in row.seconds]
        if pairs:
            whole = [seconds[peer] / seconds["ours"] for seconds in pairs]
            said.append(
                f"{peer}: our search of a layer is {median(whole):,.0f} times as fast (median of {len(pairs)}; least "
                f"{min(whole):,.0f}); one more capacity in the same space takes "
                f"{median(s['ours_point'] for s in pairs) * 1e6:.0f} us"
            )
    return said


def _first(pair: tuple[float, Row]) -> float:
    return pair[0]


def main() -> None:
    """Print the comparison, asking the peers and writing the page if told to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--networks", nargs="+", default=["alexnet", "resnet18"], choices=["alexnet", "resnet18", "tiny"]
    )
    parser.add_argument("--sram", nargs="+", default=["64KiB", "256KiB", "1MiB"])
    parser.add_argument("--ask", action="store_true", help="ask the peers for what is not recorded")
    parser.add_argument(
        "--cache", type=Path, default=Path.home() / ".cache" / "accelsim-peers", help="for their environments"
    )
    parser.add_argument("--fresh", type=Path, metavar="FILE", help="record here instead of in the repository")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds a peer may take for a layer")
    parser.add_argument("--scalesim", action="store_true", help="SCALE-Sim too (minutes for a large layer)")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.relative_to(ROOT)} too")
    given = parser.parse_args()
    asking = asker(given.cache, given.timeout) if given.ask else None
    results = Results(given.fresh or RECORDED, asking)
    sizes = [int(parse_bytes(size)) for size in given.sram]
    lines = []
    for text in told(rows(given.networks, sizes, results, given.scalesim or not given.ask)):
        print(text, flush=True)
        lines += text.split("\n")
    if given.page:
        write_atomically(PAGE, page(lines).encode())


def told(found: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of the comparison as its rows come: a table for each capacity, and what they say together."""
    yield TOLD
    seen: list[Row] = []
    for row in found:
        if not seen or row.machine != seen[-1].machine:
            yield f"\nSRAM of {binary_bytes(row.machine.sram_bytes)}\n{HEAD}"
        yield line(row)
        seen.append(row)
    yield "\n" + "\n".join(summary(seen))


def page(lines: list[str]) -> str:
    """Return the page of the documentation that shows the comparison."""
    text = "\n".join(line.rstrip() for line in lines).strip()
    return f"""# ZigZag and SCALE-Sim on an equal machine

    python -m benchmarks.peers

[](../project/peers.md) says how each of them counts, and what is equal.

```text
{text}
```
"""


if __name__ == "__main__":
    main()
