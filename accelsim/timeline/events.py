"""Slices and counter values in cycles, and how they are written as trace events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

PROCESS = 1
"""Number of the only process; every track is a thread of it."""


class Slice(NamedTuple):
    """Something that a track does: from `start`, for `cycles`."""

    track: str
    name: str
    start: float
    cycles: float
    args: Mapping[str, Any]
    always: bool = False
    """Whether it is written even if it takes no time."""


class Value(NamedTuple):
    """A counter has `value` from cycle `at` on."""

    counter: str
    at: float
    value: float


@dataclass
class Writer:
    """Turns slices and values into trace events, times in microseconds to the picosecond.

    ps_per_cycle: duration of a cycle. tracks: their names, top first. Slices of a track must come in their order; they
    are cut where rounding would make them overlap. Equal values of a counter in a row are written once.
    """

    ps_per_cycle: float
    tracks: tuple[str, ...]
    _ends: dict[str, int] = field(default_factory=dict)
    _values: dict[str, float] = field(default_factory=dict)

    def heads(self, process: str) -> list[str]:
        """Return the events that name and order the tracks."""
        found = [_named("process_name", 0, {"name": process})]
        for number, track in enumerate(self.tracks, 1):
            found.append(_named("thread_name", number, {"name": track}))
            found.append(_named("thread_sort_index", number, {"sort_index": number}))
        return found

    def written(self, event: Slice | Value, offset: float) -> str:
        """Return an event that stands `offset` cycles later; "" for what shows nothing."""
        if isinstance(event, Value):
            if self._values.get(event.counter) == event.value:
                return ""
            self._values[event.counter] = event.value
            at = round((offset + event.at) * self.ps_per_cycle)
            head = {"ph": "C", "pid": PROCESS, "name": event.counter}
            return _timed(head, f'"ts":{_us(at)}', {"value": event.value})
        if event.cycles <= 0 and not event.always:
            return ""
        start = max(round((offset + event.start) * self.ps_per_cycle), self._ends.get(event.track, 0))
        end = max(round((offset + event.start + event.cycles) * self.ps_per_cycle), start)
        self._ends[event.track] = end
        head = {"ph": "X", "pid": PROCESS, "tid": self.tracks.index(event.track) + 1, "name": event.name}
        times = f'"ts":{_us(start)},"dur":{_us(end - start)}'
        return _timed(head, times, {"cycles": round(event.cycles, 3), **event.args})


def _us(ps: int) -> str:
    """Return picoseconds as microseconds, digit by digit: readers cut what they cannot hold, and never round up."""
    return f"{ps // 10**6}.{ps % 10**6:06d}"


def _timed(head: Mapping[str, Any], times: str, args: Mapping[str, Any]) -> str:
    return f'{_json(head)[:-1]},{times},"args":{_json(args)}}}'


def _named(what: str, thread: int, args: Mapping[str, Any]) -> str:
    return _json({"ph": "M", "pid": PROCESS, "tid": thread, "name": what, "args": args})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
