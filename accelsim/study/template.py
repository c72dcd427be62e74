"""A machine's YAML read once and changed many times: what `load_hardware` gives, without reading the file again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from accelsim import catalogue, config, strictyaml
from accelsim.accelerators.base import Accelerator, described
from accelsim.errors import ConfigError
from accelsim.hardware.dram import load_dram

_MOST_KEPT = 1 << 13


class Template:
    """The description of a machine, to which settings are applied.

    `machine(settings)` equals ``load_hardware(reference, settings)``; the machines made last are kept.
    """

    def __init__(self, document: strictyaml.Document) -> None:
        self.document = document
        self.digest = config.digest(document.path, document.data)
        self._parsed: dict[str, tuple[tuple[str, ...], Any]] = {}
        self._kept: OrderedDict[tuple[str, ...], Accelerator] = OrderedDict()

    @classmethod
    def of(cls, reference: str) -> Template:
        """Read a machine by path or by the name of a shipped file. Raises ConfigError or UnknownNameError."""
        return cls(strictyaml.read(catalogue.find("hardware", reference)))

    def machine(self, settings: Iterable[str]) -> Accelerator:
        """Return the machine with ``key.path=value`` `settings`. Raises ConfigError as `load_hardware` does."""
        key = tuple(settings)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._made(key)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    def _made(self, settings: tuple[str, ...]) -> Accelerator:
        data = dict(self.document.data)
        own: set[tuple[str, ...]] = set()  # sections that are copies already
        for setting in settings:
            keys, value = self._setting(setting)
            target = data
            for depth, part in enumerate(keys[:-1]):
                at = keys[: depth + 1]
                child = target.get(part, {})
                if not isinstance(child, dict):
                    return self._slowly(settings)
                if at not in own:
                    child = target[part] = dict(child)
                    own.add(at)
                target = child
            target[keys[-1]] = value
            own = {at for at in own if at[: len(keys)] != keys}  # a section given whole is not ours to change
        try:
            return described(strictyaml.Document(self.document.path, data, self.document.lines))
        except ConfigError:
            return self._slowly(settings)

    def _slowly(self, settings: tuple[str, ...]) -> Accelerator:
        """Apply the settings as one run does, for its messages."""
        return described(config.override(self.document, settings))

    def _setting(self, setting: str) -> tuple[tuple[str, ...], Any]:
        """Return the key path and the value of a setting, parsed once."""
        found = self._parsed.get(setting)
        if found is None:
            changed = config.override(strictyaml.Document("", {}), [setting])
            (keys,) = changed.origins
            value: Any = changed.data
            for part in keys:
                value = value[part]
            found = self._parsed[setting] = (tuple(str(k) for k in keys), value)
        return found


def dram_part(machine: Accelerator | None) -> dict[str, Any] | None:
    """Return the parameters of the DRAM part that a machine names, which are no part of its description; None without one.

    They are those that the file has now. Raises what `load_dram` raises.
    """
    dram = getattr(machine, "dram", None)
    part = getattr(dram, "part", None)
    if part is None:
        return None
    path = catalogue.find("dram", part)
    return _part(path, path.stat().st_mtime_ns, getattr(dram, "channels", None))


@lru_cache(maxsize=64)
def _part(path: Path, _changed_ns: int, channels: int | None) -> dict[str, Any]:
    return load_dram(str(path), [f"organisation.channels={channels}"] if channels else []).model_dump(mode="json")
