"""Write what is known about a training run: `run.json` beside new weights, `card.yaml` beside shipped ones."""

from __future__ import annotations

import datetime
import json
import platform
import time
from pathlib import Path
from typing import Any

import torch
import yaml

REQUIRED = (
    "name", "task", "data", "split", "seed", "date", "metric", "value", "baselines", "recipe", "training",
    "parameters", "stored_as", "samples", "limits",
)  # fmt: skip
"""Keys that every card has."""


def circumstances(device: str, **more: Any) -> dict[str, Any]:
    """Return where and when training ran: date, device, torch version, threads, CPU minutes so far, and `more`."""
    return {
        "date": datetime.date.today(),
        "device": torch.cuda.get_device_name() if device == "cuda" else "CPU",
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "cpu_minutes": round(time.process_time() / 60, 1),
        **more,
    }


def save_run(out: Path, run: dict[str, Any]) -> None:
    """Write `out`/run.json; dates become text."""
    (out / "run.json").write_text(json.dumps(run, indent=1, default=str) + "\n", encoding="utf-8")


def load_run(out: Path) -> dict[str, Any]:
    """Read `out`/run.json back; the date is a date again."""
    run: dict[str, Any] = json.loads((out / "run.json").read_text(encoding="utf-8"))
    run["date"] = datetime.date.fromisoformat(run["date"])
    return run


def write(out: Path, card: dict[str, Any]) -> None:
    """Write `out`/card.yaml; ValueError names the required keys that are missing."""
    missing = [key for key in REQUIRED if key not in card]
    if missing:
        raise ValueError(f"the card lacks {', '.join(missing)}")
    text = yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=110)
    (out / "card.yaml").write_text(text, encoding="utf-8")
