"""What keeps torch's compiler out of commands that compile nothing with it."""

from __future__ import annotations

import sys
from typing import Any


class Eager:
    """Mixin, before `TorchDispatchMode`, of modes that watch a network run.

    PyTorch hides the handler of a mode from its compiler, and for that imports all of it (`torch._dynamo`) at the first operator:
    longer than most networks take. Here the handler is hidden where the compiler is loaded when the mode is entered.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __enter__(self) -> Any:
        mode: Any = type(self)
        if "torch._dynamo" in sys.modules and "_hidden" not in vars(mode):
            import torch

            mode.__torch_dispatch__ = torch._dynamo.disable(mode.__torch_dispatch__, recursive=True)
            mode._hidden = True
        return super().__enter__()  # type: ignore[misc]
