"""Run cases of a family of bad files in another process: a crash of a library is a failure with a number, not the end.

python -m tests.fuzz.child npy_folders 0 1000      # cases 0 to 999
python -m tests.fuzz.child npy_folders 17          # case 17 alone, in this process, with its traceback
"""

from __future__ import annotations

import faulthandler
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.families import family
from tests.fuzz.harness import CASE_S, Tally, bounded_memory, kept_inside

ROOT = Path(__file__).resolve().parents[2]
MORE_BYTES = 3 << 29
"""Address space that the cases of a family may take beyond what is loaded."""
MOST_RESIDENT_BYTES = 1 << 30
"""Memory that a family may really use beyond what is loaded."""


@dataclass
class Found:
    """What came of the cases. failures: by the number of the case. grown_bytes: memory the cases took at most."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)
    grown_bytes: int = 0

    @property
    def cases(self) -> int:
        """How many cases were run."""
        return self.outcomes.total()


def run(name: str, count: int, start: int = 0) -> Found:
    """Run cases `start` to `start + count` of a family; after a crash go on with the case behind it."""
    found, place, end = Found(), start, start + count
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    while place < end and len(found.failures) < 20:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "tests.fuzz.child", name, str(place), str(end - place), folder]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            progress = Path(folder) / "progress"
            told = progress.read_text(encoding="utf-8").splitlines() if progress.is_file() else []
        for line in told:
            case = json.loads(line)
            if "outcomes" in case:
                found.outcomes.update(case["outcomes"])
                found.grown_bytes = max(found.grown_bytes, case["grown_bytes"])
            elif "failure" in case:
                found.failures[case["case"]] = case["failure"]
        if done.returncode == 0:
            break
        reached = [json.loads(line)["case"] for line in told if line.startswith('{"case"')]
        assert reached, f"{name}: the process ended with status {done.returncode}: {done.stderr[-4000:]}"
        found.failures[reached[-1]] = f"the process ended with status {done.returncode}: {_last(done.stderr)}"
        found.outcomes["crash"] += 1
        place = reached[-1] + 1
    return found


def _last(text: str) -> str:
    """Return what a dying process said, of the places in its stack those of the project and the library it called."""
    lines = text[-20_000:].splitlines()
    stack = [place for place, line in enumerate(lines) if line.startswith("Current thread")]
    here = [line.strip() for line in lines[stack[-1] if stack else 0 :] if line.startswith("  File")]
    return "; ".join(
        [line for line in lines if not line.startswith(("  File", "Thread", "Ext")) and line][:4] + here[:6]
    )


def _rng(name: str, case: int) -> random.Random:
    return random.Random(f"{name} {case}")


def _all(name: str, start: int, count: int, folder: Path) -> None:
    """Run cases and tell of them in the file `progress` of `folder`: the case that is running, failures, the sums."""
    tally = Tally()
    work = folder / "work"
    work.mkdir()
    os.chdir(work)
    one = family(name)(work)
    for case in range(-3, 0):  # what is imported or compiled at first is no memory of a case
        Tally(60).run(lambda case=case: one(_rng(name, case)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (folder / "progress").open("w", encoding="utf-8", buffering=1) as progress:
        with bounded_memory(MORE_BYTES), kept_inside(work):
            for case in range(start, start + count):
                progress.write(json.dumps({"case": case}) + "\n")
                faulthandler.dump_traceback_later(3 * CASE_S, exit=True)  # a loop inside a library hears no alarm
                try:
                    tally.run(lambda case=case: one(_rng(name, case)))
                except AssertionError as error:
                    tally.outcomes["failure"] += 1
                    progress.write(json.dumps({"case": case, "failure": str(error)[:1000]}) + "\n")
                if case % 100 == 99:  # what came before a crash is counted
                    _tell(progress, tally, before)
        faulthandler.cancel_dump_traceback_later()
        _tell(progress, tally, before)


def _tell(progress, tally: Tally, before: int) -> None:  # type: ignore[no-untyped-def]
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    progress.write(json.dumps({"outcomes": dict(tally.outcomes), "grown_bytes": grown}) + "\n")
    tally.outcomes.clear()


def main(arguments: list[str]) -> None:
    """Run the cases that the command line names."""
    name, start, *rest = arguments
    faulthandler.enable()
    if rest and len(rest) == 2:
        _all(name, int(start), int(rest[0]), Path(rest[1]))
        os._exit(0)  # how libraries take themselves down is no case
    if rest:
        found = run(name, int(rest[0]), int(start))
        print(name, dict(found.outcomes), f"{found.grown_bytes / 2**20:.0f} MiB")
        for case, reason in found.failures.items():
            print(f"{name} {case}: {reason}\n")
        sys.exit(1 if found.failures else 0)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print(family(name)(Path(folder))(_rng(name, int(start))))


if __name__ == "__main__":
    main(sys.argv[1:])
