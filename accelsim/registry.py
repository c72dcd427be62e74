"""Catalogues: a folder of modules plus entry points; a decorator is the name."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import threading
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, TypeVar

from accelsim.errors import ConfigError, unknown_name

T = TypeVar("T")


class Registry:
    """A catalogue of `what`, filled by the modules of `package` and by entry points of the same group.

    The group of a catalogue is its package name (for example ``accelsim.accelerators``), so a third
    party adds to it with ``[project.entry-points."accelsim.accelerators"]``.
    """

    def __init__(self, what: str, package: str) -> None:
        self.what = what
        self.package = package
        self._entries: dict[str, Any] = {}
        self._scanned = False
        self._lock = threading.RLock()

    def register(self, name: str) -> Callable[[T], T]:
        """Return the decorator that files an object under `name`. It raises ConfigError when another has that name."""

        def decorate(entry: T) -> T:
            known = self._entries.get(name)
            if known is not None and _identity(known) != _identity(entry):
                raise ConfigError(f"two {self.what}s are called {name!r}: {_identity(known)} and {_identity(entry)}")
            self._entries[name] = entry
            return entry

        return decorate

    def get(self, name: str) -> Any:
        """Return the entry called `name`.

        Raises UnknownNameError with the nearest names when there is none.
        """
        if name not in self._entries and name.isidentifier():  # most entries stand in a module of their name
            module = f"{self.package}.{name}"
            if importlib.util.find_spec(module) is not None:
                importlib.import_module(module)
        if name not in self._entries:
            self._scan()
        if name not in self._entries:
            raise unknown_name(self.what, name, self._entries)
        return self._entries[name]

    def names(self) -> list[str]:
        """List every name in the catalogue, sorted."""
        self._scan()
        return sorted(self._entries)

    def describe(self, name: str) -> str:
        """Return the first line of the entry's docstring."""
        return (self.get(name).__doc__ or "").strip().split("\n")[0]

    def _scan(self) -> None:
        with self._lock:  # another thread waits for the whole catalogue
            if self._scanned:
                return
            self._scanned = True
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self.package}.{module.name}")
            for point in entry_points(group=self.package):
                self.register(point.name)(point.load())


def _identity(entry: Any) -> str:
    return f"{getattr(entry, '__module__', '?')}.{getattr(entry, '__qualname__', repr(entry))}"
