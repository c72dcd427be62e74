"""Know which module is running."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch


class ModuleStack:
    """Keep the path of the innermost running submodule of a network; use as a context manager.

    Parts in TorchScript tell nobody that they run: they count as what holds them.
    """

    def __init__(self, module: torch.nn.Module) -> None:
        self._module = module
        self._stack: list[str] = [""]
        self._hooks: list[Any] = []

    @property
    def path(self) -> str:
        """Dotted path of the running submodule, empty for the network itself."""
        return self._stack[-1]

    def __enter__(self) -> ModuleStack:
        for name, part in self._module.named_modules():
            if name and not isinstance(part, torch.jit.RecursiveScriptModule):
                self._hooks.append(part.register_forward_pre_hook(lambda *_, name=name: self._stack.append(name)))
                self._hooks.append(part.register_forward_hook(lambda *_: self._leave(), always_call=True))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._stack[:] = [""]

    def _leave(self) -> None:
        if len(self._stack) > 1:
            self._stack.pop()
