"""Codes as torch tensors on a device, and as the multiplier sees them: zero-centred."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from accelsim.errors import ConfigError
from accelsim.layer import Operand


@dataclass(frozen=True)
class DeviceOperand:
    """An operand whose codes never left the device; the fields are those of `accelsim.layer.Operand`.

    codes: integer tensor. zero_point: one number, or a NumPy array with one per slice along `axis`.
    """

    codes: torch.Tensor
    bits: int
    signed: bool = True
    scale: Any = 1.0
    zero_point: Any = 0
    axis: int | None = None
    precision: int | None = None
    patterns: None = None

    @property
    def centred(self) -> bool:
        """Whether the code of a real zero is 0."""
        return not np.any(self.zero_point)


def device_of(name: str) -> torch.device:
    """Return the torch device `name`. Raises ConfigError in one line when it is none, or is not there."""
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"{name!r} is no device", "give cpu or cuda") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError("no CUDA device is available", "use --device cpu, or leave --device out")
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device {name!r} is not supported", "give cpu or cuda")
    return device


def on_device(codes: Any, device: torch.device) -> torch.Tensor:
    """Return integer `codes` (NumPy array or tensor) as a tensor on `device`; unsigned 16-bit ones become int32."""
    if isinstance(codes, torch.Tensor):
        tensor = codes
    else:
        array = np.asarray(codes)
        tensor = torch.from_numpy(np.array(array.astype(np.int32) if array.dtype == np.uint16 else array))
    return tensor.to(device)


def centred(operand: Operand | DeviceOperand, device: torch.device) -> torch.Tensor:
    """Return code minus zero point of every value: int16 of signed 8- and 16-bit codes without zero point, else int32."""
    codes = on_device(operand.codes, device)
    if operand.centred:
        return codes if codes.dtype in (torch.int16, torch.int32) else codes.to(torch.int16)
    zero = torch.from_numpy(np.array(np.asarray(_spread(operand), np.int32))).to(device)
    return codes.to(torch.int32) - zero


def maps(values: torch.Tensor) -> torch.Tensor:
    """Return values as (batch, channels, height, width)."""
    return values if values.dim() == 4 else values.reshape(*values.shape[:2], -1, 1)


def _spread(operand: Operand | DeviceOperand) -> Any:
    """Return the zero points shaped to broadcast over the codes."""
    if isinstance(operand, Operand):
        return operand.spread(operand.zero_point)
    zero = np.asarray(operand.zero_point)
    if operand.axis is None or zero.ndim == 0:
        return zero
    shape = [1] * operand.codes.dim()
    shape[operand.axis] = zero.size
    return zero.reshape(shape)
