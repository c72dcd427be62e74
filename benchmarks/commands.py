"""Time the commands as users run them: `python -m benchmarks.commands --page`.

Every figure is CPU time (user and system) of whole processes, so another load on the machine disturbs it little, and is
also given as a ratio to starting Python with NumPy and Numba imported, measured in between on the same machine. Of each command:

- warm: the median of --repeats runs once the network is captured, its statistics are kept and the kernels are compiled.
- imports: of that, importing every module the command loads; nothing else is done.
- first: the very first run, with an empty cache and no kernel compiled; compiling: what it takes longer than a run with
  an empty cache and compiled kernels.
- memory: the largest resident size of the warm and of the first run.

--package DIR measures the accelsim of another folder, --json FILE keeps what was measured, --before FILE puts the warm times
kept before beside those measured now. --page writes docs/speed.md; with --kept FILE from figures kept before, at once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelsim.files.writing import write_atomically

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "speed.md"
REFERENCE = "import numpy, numba"
COMMANDS = {
    "help": "--help",
    "list": "list hw",
    "capture": "capture --workload {network}",
    "run": "run --hw eyeriss --workload {network}",
    "run on lanes": "run --hw pragmatic --workload {network}",
    "analyze": "analyze --workload {network}",
    "potential": "potential --workload {network}",
    "traffic": "traffic --workload {network}",
    "compare": "compare --hw dadiannao stripes pragmatic --workload {network}",
    "sweep": "sweep --hw eyeriss --workload {network} --set memory.global_buffer.size=16KiB..1MiB --out {new}",
    "report": "report {made}",
}
"""Name to arguments; {new}: a folder that is not there yet, {made}: one that `run --out` wrote."""

_LOADED = "import sys\nfrom accelsim.cli import invoke\ninvoke(sys.argv[1:])\nprint('\\n'.join(['', *sys.modules]), file=sys.stderr)"
_IMPORT = """
import contextlib, importlib, sys
for name in open(sys.argv[1]).read().split():
    with contextlib.suppress(Exception):
        importlib.import_module(name)
"""


Found = dict[str, Any]
"""What was measured: machine, network, reference and `commands`, a row of figures for each."""


@dataclass(frozen=True)
class Spent:
    """CPU seconds and largest resident size of a process."""

    cpu_s: float
    peak_bytes: int


class Place:
    """Folders of the caches and of results, and the environment that points to them."""

    def __init__(self, folder: Path, package: Path) -> None:
        self.folder, self.package = folder, package
        self._count = 0

    def new(self) -> Path:
        """Return a folder that is not there yet."""
        self._count += 1
        return self.folder / f"folder{self._count}"

    def environment(self, traces: Path, kernels: Path) -> dict[str, str]:
        """Return the environment of a command with these caches; byte code is kept, as an installation keeps it."""
        own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return own | {
            "ACCELSIM_CACHE": str(traces),
            "NUMBA_CACHE_DIR": str(kernels),
            "PYTHONPATH": str(self.package),
        }


def spent(command: list[str], environment: dict[str, str], folder: Path) -> tuple[Spent, str]:
    """Run a command and return what it took and its standard error. Raises CalledProcessError when it fails."""
    with tempfile.TemporaryFile(mode="w+") as error:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=error)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        error.seek(0)
        text = error.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=text)
    return Spent(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024), text


def measured(names: list[str], network: str, repeats: int, package: Path, first: bool = True) -> Iterator[Found]:
    """Yield what is measured so far, JSON-able, after each of the commands `names`. first: whether first runs are, too."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), package)
        warm = place.environment(place.new(), place.new())
        made = str(place.new())
        if any("{made}" in COMMANDS[name] for name in names):
            spent(_command(COMMANDS["run"] + " --out {new}", network, Path(made), ""), warm, place.folder)
        references: list[float] = []
        rows: dict[str, dict[str, float]] = {}
        for name in names:

            def once(environment: dict[str, str], line: str = COMMANDS[name]) -> Spent:
                return spent(_command(line, network, place.new(), made), environment, place.folder)[0]

            once(warm)
            runs = []
            for _ in range(repeats):
                references.append(spent([sys.executable, "-c", REFERENCE], warm, place.folder)[0].cpu_s)
                runs.append(once(warm))
            rows[name] = {
                "warm_s": statistics.median(run.cpu_s for run in runs),
                "imports_s": _imports_s(_command(COMMANDS[name], network, place.new(), made), warm, place, repeats),
                "warm_peak_bytes": max(run.peak_bytes for run in runs),
            }
            if first:
                kernels = place.new()
                start = once(place.environment(place.new(), kernels))
                compiled = once(place.environment(place.new(), kernels))
                rows[name] |= {
                    "first_s": start.cpu_s,
                    "compiling_s": max(0.0, start.cpu_s - compiled.cpu_s),
                    "first_peak_bytes": start.peak_bytes,
                }
            print(_line(name, rows[name], statistics.median(references)), flush=True)
            yield {
                "machine": f"{_cores()} ({platform.machine()}), Python {platform.python_version()}",
                "network": network,
                "reference": REFERENCE,
                "reference_s": statistics.median(references),
                "commands": rows,
            }


def _command(line: str, network: str, new: Path, made: str) -> list[str]:
    filled = [part.format(network=network, new=new, made=made) for part in shlex.split(line)]
    return [sys.executable, "-m", "accelsim", *filled]


def _imports_s(command: list[str], environment: dict[str, str], place: Place, repeats: int) -> float:
    """Return the CPU time of importing the modules that a command loads."""
    _, told = spent([sys.executable, "-c", _LOADED, *command[3:]], environment, place.folder)
    names = place.new()
    names.write_text("\n".join(n for n in told.split("\n") if n.replace(".", "").isidentifier() and n != "__main__"))
    script = [sys.executable, "-c", _IMPORT, str(names)]
    return statistics.median(spent(script, environment, place.folder)[0].cpu_s for _ in range(repeats))


def _line(name: str, row: dict[str, float], reference_s: float) -> str:
    found = (
        f"{name:13} warm {row['warm_s']:6.2f} s {row['warm_s'] / reference_s:5.1f}x, imports {row['imports_s']:5.2f} s"
    )
    if "first_s" in row:
        found += f", first {row['first_s']:6.2f} s, of that compiling {row['compiling_s']:6.2f} s"
    return found + f", {row['warm_peak_bytes'] / 1e6:5.0f} MB"


def page(found: Found, before: Found | None) -> str:
    """Return the page of the documentation: a row per command."""
    rows, reference = found["commands"], float(found["reference_s"])
    head = ["command", "warm", "x start", "imports", "first run", "of that compiling", "memory warm", "memory first"]
    if before is not None:
        head.insert(3, "x start before")
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for name, row in rows.items():
        cells = [
            f"`accelsim {_shown(name, str(found['network']))}`",
            f"{row['warm_s']:.2f} s",
            f"{row['warm_s'] / reference:.1f}",
        ]
        if before is not None:
            cells.append(_ratio_before(name, before))
        cells += [f"{row['imports_s']:.2f} s", _seconds(row.get("first_s")), _seconds(row.get("compiling_s"))]
        cells += [f"{row['warm_peak_bytes'] / 1e6:.0f} MB", f"{row.get('first_peak_bytes', 0) / 1e6:.0f} MB"]
        lines.append(f"| {' | '.join(cells)} |")
    told = _TEXT.format(machine=found["machine"], network=found["network"], reference=REFERENCE, start=reference)
    if before is not None:
        told += "\n`x start before`: the same of the version before the last review of speed.\n"
    return told + "\n" + "\n".join(lines) + "\n"


def _shown(name: str, network: str) -> str:
    return COMMANDS[name].format(network=network, new="out/", made="out/")


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def _ratio_before(name: str, before: Found) -> str:
    row = before["commands"].get(name)
    return f"{row['warm_s'] / float(before['reference_s']):.1f}" if row else ""


_TEXT = """# Speed of the commands

Made by `python -m benchmarks.commands --page` on {machine}, other work running beside it. All figures are CPU time
(user and system) of whole processes on the workload `{network}`; `x start` is the ratio to starting Python with NumPy and
Numba (`{reference}`), {start:.2f} s there, which is what holds on another computer.

Warm: the network is captured, its statistics are kept and the kernels are compiled. Imports: the part of a warm run that
goes into importing modules. First run: nothing is kept, not even a compiled kernel; the network comes with its weights, and is
captured and counted. Of that compiling: the difference to a run that captures and counts with compiled kernels, so half a
second of it may be noise. Kernels are compiled once per installation, into the package's folder or, where that cannot be written, the
user's cache (`NUMBA_CACHE_DIR` moves it).
"""


def _cores() -> str:
    number = len(os.sched_getaffinity(0))
    return f"{number} core{'s' if number > 1 else ''}"


def main() -> None:
    """Print a line per command; write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", nargs="+", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--network", default="bert_lstm", help="workload of the commands")
    parser.add_argument("--repeats", type=int, default=3, help="warm runs of each command")
    parser.add_argument("--warm-only", action="store_true", help="leave out first runs, which compile kernels")
    parser.add_argument("--package", type=Path, default=ROOT, help="folder that holds the accelsim to measure")
    parser.add_argument("--json", type=Path, help="file to keep the figures in")
    parser.add_argument("--before", type=Path, help="figures kept before")
    parser.add_argument("--page", action="store_true", help="write docs/speed.md")
    parser.add_argument("--kept", type=Path, help="write the page from the figures of this file and measure nothing")
    options = parser.parse_args()
    before = json.loads(options.before.read_text(encoding="utf-8")) if options.before else None
    if options.kept:
        write_atomically(PAGE, page(json.loads(options.kept.read_text(encoding="utf-8")), before).encode())
        return
    package = options.package.resolve()
    for found in measured(options.commands, options.network, options.repeats, package, not options.warm_only):
        if options.page:
            write_atomically(PAGE, page(found, before).encode())
        if options.json:
            write_atomically(options.json, json.dumps(found, indent=1).encode())


if __name__ == "__main__":
    main()
