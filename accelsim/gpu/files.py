"""Files of records: their names, reading, writing and finding them. Nothing here loads torch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from accelsim.errors import InputError
from accelsim.files.writing import write_atomically
from accelsim.gpu.records import VERSION, Mode, Record


def record_path(folder: Path, device: str, network: str, mode: Mode) -> Path:
    """Return the file of a record: FOLDER/DEVICE/NETWORK-MODE.json, in plain letters."""
    words = re.split(r"[^a-z0-9]+", device.lower().removeprefix("nvidia"))
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", network)
    return folder / "-".join(filter(None, words))[:100] / f"{plain[:100]}-{mode.label}.json"


def read_record(path: Path) -> Record:
    """Read a record. Raises InputError in one line: unreadable, of a newer version, or against the schema and where."""
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})", "give a file that `gpu record` wrote") from None
    except ValueError as error:
        raise InputError(f"{path}: no JSON ({error})", "give a file that `gpu record` wrote") from None
    if isinstance(data, dict) and isinstance(data.get("version"), int) and data["version"] > VERSION:
        raise InputError(f"{path}: record version {data['version']}, known up to {VERSION}", "use a newer accelsim")
    try:
        return Record.model_validate(data)
    except ValidationError as error:
        first, *others = error.errors()
        where = ".".join(str(part) for part in first["loc"]) or "record"
        more = f" ({len(others)} more problems)" if others else ""
        raise InputError(
            f"{path}: {where}: {first['msg']}{more}", "see `accelsim gpu schema`, or record it again"
        ) from None


def write_record(path: Path, record: Record) -> None:
    """Write a record so that it is never half there. Raises StorageError."""
    checked = Record.model_validate(record.model_dump(mode="json"))
    write_atomically(path, (json.dumps(checked.model_dump(mode="json"), indent=1) + "\n").encode())


def find_records(places: Iterable[Path]) -> list[Path]:
    """Return the record files among `places`, those inside folders included. Raises InputError for a place without one."""
    found: list[Path] = []
    for place in places:
        here = sorted(place.rglob("*.json")) if place.is_dir() else [place]
        if not here:
            raise InputError(f"{place}: no record in this folder", "accelsim gpu record makes them, on a CUDA device")
        found += here
    return list(dict.fromkeys(found))
