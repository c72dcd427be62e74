"""What a network keeps beside its weights from one run to the next: put back, so that every run starts alike."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any

import torch

_TORCHS = frozenset(torch.nn.Module().__dict__)
"""Attributes that torch itself keeps of a module."""
_COLLECTIONS = (list, dict, OrderedDict, set, deque)


class Attributes:
    """The attributes, buffers and parameters of a module's parts as they are when this is made.

    Of attributes the object, the items of plain collections and the values of tensors; of buffers and parameters which
    tensor has the name (see `Weights.restore` for their values).
    """

    def __init__(self, module: torch.nn.Module) -> None:
        self._parts = [
            (part, _attributes(part), [(table, dict(table)) for table in (part._buffers, part._parameters)])
            for part in module.modules()
            if not isinstance(part, torch.jit.ScriptModule)
        ]

    def restore(self) -> None:
        """Put everything back; attributes that came later are taken off."""
        for part, attributes, tables in self._parts:
            for name in part.__dict__.keys() - attributes.keys() - _TORCHS:
                del part.__dict__[name]
            for name, (value, content) in attributes.items():
                part.__dict__[name] = value
                _refill(value, content)
            for table, entries in tables:
                if table.keys() != entries.keys() or any(table[name] is not entries[name] for name in entries):
                    _refill(table, entries)


def _attributes(part: torch.nn.Module) -> dict[str, tuple[Any, Any]]:
    return {name: (value, _content(value)) for name, value in part.__dict__.items() if name not in _TORCHS}


def _content(value: Any) -> Any:
    """Return a copy of what may change inside an attribute, None where nothing is known to."""
    if type(value) in _COLLECTIONS:
        return value.copy()
    return value.detach().clone() if type(value) is torch.Tensor and not value.is_quantized else None


def _refill(value: Any, content: Any) -> None:
    if content is None:
        return
    if isinstance(value, torch.Tensor):
        if not torch.equal(value, content):
            value.detach().copy_(content)
        return
    value.clear()
    value.extend(content) if isinstance(value, list | deque) else value.update(content)
