"""DRAM bytes of a pass from Nsight Compute (`ncu`), where it is installed and permitted."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from collections.abc import Sequence

from accelsim.gpu.device import NotMeasurable

METRIC = "dram__bytes.sum"
_UNITS = {"byte": 1, "Kbyte": 10**3, "Mbyte": 10**6, "Gbyte": 10**9}
_TIMEOUT_S = 1800


def dram_bytes(arguments: Sequence[str]) -> int:
    """Return the DRAM bytes of the kernels that `accelsim gpu once ARGUMENTS` profiles. Raises NotMeasurable."""
    tool = shutil.which("ncu")
    if tool is None:
        raise NotMeasurable("ncu is not installed")
    command = [tool, "--csv", "--metrics", METRIC, "--profile-from-start", "off", "--target-processes", "all"]
    try:
        done = subprocess.run(
            [*command, sys.executable, "-m", "accelsim", "gpu", "once", *arguments],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotMeasurable(f"ncu did not finish ({type(error).__name__})") from None
    return parsed(done.stdout, done.stderr)


def parsed(output: str, errors: str = "") -> int:
    """Return the sum of the metric over all kernels in what `ncu --csv` printed. Raises NotMeasurable with the reason."""
    text = output + errors
    if "ERR_NVGPUCTRPERM" in text:
        raise NotMeasurable("ncu: no permission for the performance counters (ERR_NVGPUCTRPERM)")
    lines = output.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), None)
    if start is None:
        reason = next((line.strip("= ") for line in text.splitlines() if line.startswith("==ERROR==")), "no counts")
        raise NotMeasurable(f"ncu: {reason}"[:200])
    try:
        counts = [_bytes(row) for row in csv.DictReader(lines[start:]) if row.get("Metric Name") == METRIC]
    except (KeyError, ValueError, TypeError, AttributeError, csv.Error):
        raise NotMeasurable(f"ncu: its rows of {METRIC} are not counts of bytes") from None
    if not counts:
        raise NotMeasurable(f"ncu: no values of {METRIC}")
    return round(sum(counts))


def _bytes(row: dict[str, str]) -> float:
    """Return the bytes of a row. Raises KeyError or ValueError where it has no such count, or one of another unit."""
    count = float((row["Metric Value"] or "0").replace(",", "")) * _UNITS[row["Metric Unit"] or "byte"]
    if not 0 <= count < 2**63:
        raise ValueError(count)
    return count
