"""Request streams as files of Ramulator 2's load/store format: one line "LD address" or "ST address" for each burst."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from accelsim.errors import InputError, shortened
from accelsim.files.writing import write_chunks_atomically
from accelsim.hardware.dram.flat import FlatDram
from accelsim.hardware.dram.runs import Runs, burst_chunks, joined, runs_of
from accelsim.hardware.dram.service import Device

_REQUEST = re.compile(r"(LD|ST) (0[xX][0-9a-fA-F]{1,16}|[0-9]{1,19})")
_LONGEST = 256  # letters of a line that are read


def write_trace(runs: Runs, device: Device, path: Path) -> int:
    """Write `runs` as a load/store trace at `path`, a line per burst of `device`; return the number of lines.

    Addresses are those of the first byte of each burst, in hexadecimal, and the file appears whole or not at all. Such
    files have no room for comments. Source: LoadStoreTrace of Ramulator 2
    (src/ramulator/frontend/impl/memory_trace/loadstore_trace.cpp). Raises StorageError; InputError for a flat device
    without bursts, and for an empty stream, which the simulator cannot replay.
    """
    if isinstance(device, FlatDram) and device.burst_bytes < 2:
        raise InputError(f"{device.name} moves bytes, not bursts", "give a DRAM part, for example ddr4")
    if not len(runs):
        raise InputError("there are no requests to write")
    write_chunks_atomically(path, _lines(runs, device.burst_bytes))
    return int(runs.bursts(device.burst_bytes).sum())


def _lines(runs: Runs, burst_bytes: int) -> Iterator[bytes]:
    for address, write in burst_chunks(runs, burst_bytes):
        words = ("ST" if stored else "LD" for stored in write.tolist())
        lines = (f"{word} {byte:#x}\n" for word, byte in zip(words, address.tolist()))
        yield "".join(lines).encode("ascii")


def read_trace(path: Path, burst_bytes: int) -> Runs:
    """Read a load/store trace back, a run of one burst per line, all of segment 0.

    Addresses are decimal or hexadecimal after 0x. Raises InputError naming the line for anything else, and where an
    address is not that of a burst.
    """
    parts, address, write = [runs_of([], [])], list[int](), list[bool]()

    def flush() -> None:
        parts.append(runs_of(np.array(address, np.int64), burst_bytes, np.array(write, np.bool_)))
        address.clear()
        write.clear()

    try:
        with path.open(encoding="ascii") as file:
            for number, line in enumerate(iter(lambda: file.readline(_LONGEST), ""), 1):
                word, byte = _read_line(path, number, line, burst_bytes)
                address.append(byte)
                write.append(word == "ST")
                if len(address) == 1 << 16:
                    flush()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    flush()
    return joined(parts)


def _read_line(path: Path, number: int, line: str, burst_bytes: int) -> tuple[str, int]:
    found = _REQUEST.fullmatch(line.rstrip("\n"))
    if found is None:
        raise InputError(
            f"{path}:{number}: {shortened(line.rstrip())!r} is not of the form 'LD address' or 'ST address'"
        )
    word, byte = found[1], int(found[2], 0 if found[2][:2].lower() == "0x" else 10)
    if byte % burst_bytes or byte >= 1 << 62:
        raise InputError(f"{path}:{number}: address {found[2]} is not that of a burst of {burst_bytes} bytes")
    return word, byte
