"""Request streams as files of Ramulator 2's load/store format: one line "LD address" or "ST address" for each burst."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from accelsim.errors import InputError
from accelsim.hardware.dram.flat import FlatDram
from accelsim.hardware.dram.runs import Runs, burst_chunks, joined, runs_of
from accelsim.hardware.dram.service import Device
from accelsim.storage import write_chunks_atomically


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
            for number, line in enumerate(file, 1):
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
    words = line.rstrip("\n").split(" ")
    try:
        if len(words) != 2 or words[0] not in ("LD", "ST"):
            raise ValueError
        byte = int(words[1], 16) if words[1].lower().startswith("0x") else int(words[1])
    except ValueError:
        raise InputError(
            f"{path}:{number}: {line.rstrip()!r} is not of the form 'LD address' or 'ST address'"
        ) from None
    if byte < 0 or byte % burst_bytes:
        raise InputError(f"{path}:{number}: address {words[1]} is not that of a burst of {burst_bytes} bytes")
    return words[0], byte
