"""Bad folders of results: bytes changed, and information and tables that contradict each other."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from accelsim.report.folders import load
from accelsim.report.page.html import page
from accelsim.results import RunResult
from accelsim.study.store import Store
from accelsim.tables import parquet
from tests.fuzz import binary_mutations
from tests.fuzz.families import Case
from tests.fuzz.families.bundles import _change
from tests.report_runs import results


def _use(folder: Path, rng: random.Random) -> Any:
    if (folder / "run.json").is_file() and rng.random() < 0.5:
        found = RunResult.read(folder)
        return repr(found), found.rows(), found._repr_html_()
    read = load([folder])
    return page(read) if rng.random() < 0.02 else read


def result_folders(folder: Path) -> Case:
    """Folders of results: files changed; information and tables that contradict each other, their digests right or gone."""
    good = results(folder / "good")
    damaged, contradictory = _damaged(folder, good), _contradictory(folder, good)
    return lambda rng: (damaged if rng.random() < 0.4 else contradictory)(rng)


def _damaged(folder: Path, good: dict[str, Path]) -> Case:
    """Change a byte anywhere, cut, empty, take away or exchange a file."""

    def one(rng: random.Random) -> Any:
        bad, origin = folder / "bad", good[rng.choice(sorted(good))]
        files = sorted(path.name for path in origin.iterdir() if path.is_file())
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(origin, bad)
        name = rng.choice(files)
        if rng.random() < 0.5 and (bad / "run.json").is_file():  # as before results told their own digests
            _strip(bad)
        data = (bad / name).read_bytes()
        kind = rng.randrange(5)
        if kind == 0:
            (bad / name).unlink()
        elif kind == 1:
            (bad / name).write_bytes((bad / rng.choice(files)).read_bytes())
        else:
            (bad / name).write_bytes(rng.choice((binary_mutations.flipped, binary_mutations.data))(data, rng))
        return _use(bad, rng)

    return one


def _contradictory(folder: Path, good: dict[str, Path]) -> Case:
    """Change information or tables, their digests right or left out."""

    def one(rng: random.Random) -> Any:
        bad, origin = folder / "bad", good[rng.choice(sorted(good))]
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(origin, bad)
        marker = next(path for path in bad.glob("*.json"))
        info = json.loads(marker.read_text(encoding="utf-8"))
        for key in ("sha256", "files"):
            info.pop(key, None)
        if rng.random() < 0.5:
            _change(info, rng)
        else:
            path = bad / rng.choice(sorted(p.name for p in bad.glob("*.parquet")))
            try:
                path.write_bytes(parquet(_table(pd.read_parquet(path), rng)))
            except Exception:  # what no table can hold
                return None
        if rng.random() < 0.3:
            info["files"] = rng.choice(([], 3, None, {"layers.parquet": 3}, {"layers.parquet": "0" * 64}))
        if rng.random() < 0.3:
            info["sha256"] = hashlib.sha256(json.dumps(info, sort_keys=True).encode()).hexdigest()
        marker.write_text(json.dumps(info), encoding="utf-8", errors="replace")
        return _use(bad, rng)

    return one


def study_parts(folder: Path) -> Case:
    """Parts of an interrupted study: changed, of other columns, named as if they were whole."""
    table = pd.DataFrame({"key": ["a", "b"], "problem": ["", "x"], "total_cycles": [1.0, 2.0]})

    def one(rng: random.Random) -> Any:
        place = folder / "parts"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        try:
            data = parquet(_table(table, rng))
        except Exception:  # what no table can hold
            return None
        if rng.random() < 0.5:
            data = binary_mutations.data(data, rng)
        kind = rng.choice(("points", "layers"))
        (place / f"{kind}-{hashlib.sha256(data).hexdigest()[:24]}.parquet").write_bytes(data)
        store = Store(place, layers=rng.random() < 0.5)
        return len(store), store.points(), store.per_layer()

    return one


def _strip(folder: Path) -> None:
    marker = folder / "run.json"
    info = json.loads(marker.read_text(encoding="utf-8"))
    for key in ("sha256", "files"):
        info.pop(key, None)
    marker.write_text(json.dumps(info), encoding="utf-8")


def _table(table: pd.DataFrame, rng: random.Random) -> pd.DataFrame:
    """Return a table with a column dropped, renamed, of another type or of other values; or other rows."""
    kind, name = rng.randrange(8), rng.choice(list(table.columns))
    if kind == 0:
        return table.drop(columns=name)
    if kind == 1:
        return table.rename(columns={name: rng.choice(("other", "", "../x", "layer", "index"))})
    if kind == 2:
        return table.assign(**{name: rng.choice(("text", None, 0, -1, 2**62, float("nan"), float("inf"), True))})
    if kind == 3:
        return table.iloc[: rng.choice((0, 1))]
    if kind == 4:
        return pd.concat([table, table])
    if kind == 5:
        return table.assign(**{name: [[1, 2]] * len(table)})
    if kind == 6:
        return table.assign(**{name: table[name].astype(str)})
    return table.assign(**{name: np.random.default_rng(rng.randrange(99)).integers(-(2**62), 2**62, len(table))})
