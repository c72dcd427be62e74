"""The context in which torch runs recurrent layers and attention as plain matrix products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def decomposed() -> Iterator[None]:
    """Run what is inside without gradients and without fused LSTM, GRU, encoder or attention kernels.

    oneDNN off, the fast path of multi-head attention off, scaled dot product attention as explicit products
    (MATH); everything is put back at the end. FlopCounterMode needs the same to see the products of an LSTM.
    """
    fast_path = torch.backends.mha.get_fastpath_enabled()
    onednn = torch._C._get_mkldnn_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    torch._C._set_mkldnn_enabled(False)
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch._C._set_mkldnn_enabled(onednn)
        torch.backends.mha.set_fastpath_enabled(fast_path)


def with_onednn(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call `function` with oneDNN on: inside `decomposed`, convolutions keep their fast kernels this way."""
    torch._C._set_mkldnn_enabled(True)
    try:
        return function(*args, **kwargs)
    finally:
        torch._C._set_mkldnn_enabled(False)


@contextmanager
def evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Put `module` in evaluation mode inside and give every submodule its own mode back."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training
