"""Keep weights in a small safetensors file and put them back: float16 or float32, tables as 8-bit codes."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)


def save(net: nn.Module, path: Path, dtype: torch.dtype = torch.float32, coded: Collection[str] = ()) -> None:
    """Write a network's state: floating tensors as `dtype`, those named in `coded` as int8 with a scale per row.

    A coded tensor (rows, columns) becomes `name.codes` int8 and `name.scale` float16 (rows,), value = code * scale.
    """
    out: dict[str, Tensor] = {}
    for name, tensor in net.state_dict().items():
        tensor = tensor.detach().cpu().contiguous()
        if name in coded:
            scale = (tensor.abs().amax(1) / 127).clamp(min=1e-7).half()
            codes = (tensor / scale.float()[:, None]).round().clamp(-127, 127)
            out[f"{name}.codes"], out[f"{name}.scale"] = codes.to(torch.int8), scale
        else:
            out[name] = tensor.to(dtype) if tensor.is_floating_point() else tensor
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(out, path)


def load_into(net: Net, path: Path) -> Net:
    """Fill a network with the state that `save` wrote and return it; all floating tensors become float32.

    Raises RuntimeError where names or shapes differ from the network's.
    """
    state: dict[str, Tensor] = {}
    stored = load_file(path)
    for name, tensor in stored.items():
        if name.endswith(".codes"):
            name = name.removesuffix(".codes")
            tensor = tensor.float() * stored[f"{name}.scale"].float()[:, None]
        elif name.endswith(".scale") and name.removesuffix(".scale") + ".codes" in stored:
            continue
        state[name] = tensor.float() if tensor.is_floating_point() else tensor
    net.load_state_dict(state)
    return net
