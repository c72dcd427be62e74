"""Answers of the peers, kept in a file so that a comparison need not run them again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelsim.files.writing import write_atomically

RECORDED = Path(__file__).with_name("results.json")
"""What `python -m benchmarks.peers` got from the peers, with their versions: requests and answers, one pair a line."""

Answer = dict[str, Any]


class Results:
    """Answers by request; `get` asks the peer for what is missing and writes the file after every answer."""

    def __init__(self, path: Path = RECORDED, ask: Callable[[Answer], Answer] | None = None) -> None:
        self.path, self._ask = path, ask
        self._found: dict[str, Answer] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                pair = json.loads(line)
                self._found[_key(pair["request"])] = pair["answer"]

    def get(self, request: Answer) -> Answer | None:
        """Return the answer, None where it is not recorded and nobody may be asked.

        An answer {"failed": reason} stands for a peer that gave up.
        """
        key = _key(request)
        if key not in self._found and self._ask is not None:
            self._found[key] = self._ask(request)
            self._write()
        return self._found.get(key)

    def _write(self) -> None:
        pairs = [{"request": json.loads(key), "answer": answer} for key, answer in sorted(self._found.items())]
        text = "".join(json.dumps(pair, sort_keys=True) + "\n" for pair in pairs)
        write_atomically(self.path, text.encode())


def _key(request: Answer) -> str:
    return json.dumps(request, sort_keys=True)
