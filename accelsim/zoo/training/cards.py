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
from torch import nn

FLOAT16 = "float16, used as float32"
ONE_RUN = "One run with one seed; the spread over seeds was not measured."
"""Words of several cards."""

REQUIRED = (
    "name", "task", "data", "split", "seed", "date", "metric", "value", "baselines", "recipe", "training",
    "parameters", "stored_as", "samples", "limits",
)  # fmt: skip
"""Keys that every card has, in their order; further ones stand behind the value."""


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
    """Write `out`/run.json, which `write` reads; dates become text."""
    (out / "run.json").write_text(json.dumps(run, indent=1, default=str) + "\n", encoding="utf-8")


def training(out: Path) -> dict[str, Any]:
    """Read `out`/run.json back; the date stays text."""
    run: dict[str, Any] = json.loads((out / "run.json").read_text(encoding="utf-8"))
    return run


def write(out: Path, net: nn.Module, card: dict[str, Any], options: str = "") -> None:
    """Write `out`/card.yaml: what the recipe says of `net` in `card`, and what `out`/run.json says of its training.

    options: of the command that trains it, beside data and folder. ValueError names the required keys that are missing.
    """
    run = training(out)
    known = card | {
        "seed": run.pop("seed"),
        "date": datetime.date.fromisoformat(run.pop("date")),
        "recipe": f"python -m accelsim.zoo.train {card.get('name')} --data DIR --out DIR{options}",
        "training": run,
        "parameters": sum(p.numel() for p in net.parameters()),
    }
    missing = [key for key in REQUIRED if key not in known]
    if missing:
        raise ValueError(f"the card lacks {', '.join(missing)}")
    place = REQUIRED.index("value") + 1
    order = (*REQUIRED[:place], *(key for key in card if key not in REQUIRED), *REQUIRED[place:])
    text = yaml.safe_dump({key: known[key] for key in order}, sort_keys=False, allow_unicode=True, width=110)
    (out / "card.yaml").write_text(text, encoding="utf-8")
