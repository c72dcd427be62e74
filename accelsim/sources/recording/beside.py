"""Products of a quantised network that none of its quantised modules computes."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from accelsim.sources.eager import Eager
from accelsim.sources.recording.modules import ModuleStack
from accelsim.sources.recording.operators import Role, macs, role
from accelsim.sources.unsupported import Unsupported


class Beside(Eager, TorchDispatchMode):
    """Count what multiplies outside the modules called `layers`; use as a context manager around the forward pass."""

    def __init__(self, modules: ModuleStack, layers: Container[str]) -> None:
        super().__init__()
        self._modules, self._layers = modules, layers
        self.found: dict[tuple[str, str], Unsupported] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if role(function) in (Role.PRODUCT, Role.UNSUPPORTED) and self._modules.path not in self._layers:
            name, module, count = str(function.overloadpacket), self._modules.path, macs(function, args, kwargs, result)
            entry = self.found.setdefault((module, name), Unsupported(module, name, 0, _REASON))
            entry.macs = None if count is None or entry.macs is None else entry.macs + count
        return result


_REASON = "it takes real numbers, or no module holds its codes"
