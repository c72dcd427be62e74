"""Write the synthetic records of tests/gpu/synthetic_records with the test double: python -m tests.gpu.make_synthetic."""

from __future__ import annotations

from pathlib import Path

from accelsim.gpu.measure import record
from accelsim.gpu.records import Mode
from tests.gpu.fake_device import SHAPES, FakeDevice

FOLDER = Path(__file__).parent / "synthetic_records"
MODES = (Mode(number="float16"), Mode(number="float16", values="zeros"))


def main(folder: Path = FOLDER) -> list[Path]:
    """Write a record per made-up network, and one of zeros for the first; return the paths."""
    made = [record(FakeDevice(), name, folder, MODES[0], (1, 16)) for name in SHAPES]
    return [*made, record(FakeDevice(), next(iter(SHAPES)), folder, MODES[1], (1, 16))]


if __name__ == "__main__":
    for written in main():
        print(written)
