"""Encode tensors to integer codes with torch, in pieces that stay in the cache."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from accelsim.quantize import Codec

PIECE = 32768
"""Values encoded at a time: four passes over 128 KiB cost a fraction of four passes over a large tensor."""


def encode(codec: Codec, values: torch.Tensor) -> npt.NDArray[np.integer]:
    """Return the codes of `values`, bit for bit those of ``codec.encode`` on the same numbers."""
    if values.dtype not in (torch.float32, torch.float64):
        values = values.float()
    if codec.axis is not None:
        return codec.encode(values.numpy())
    scale, zero = float(codec.scale), int(codec.zero_point)
    low, high = codec.limits
    exact = np.frexp(scale)[0] == 0.5 and 2.0**-100 < scale < 2.0**100
    flat = values.contiguous().view(-1)
    codes = np.empty(tuple(values.shape), codec.dtype)
    # torch cannot convert to uint16: its codes pass through int32
    target = (
        torch.from_numpy(codes.reshape(-1))
        if codec.dtype != np.uint16
        else torch.empty(flat.numel(), dtype=torch.int32)
    )
    work = torch.empty(min(PIECE, flat.numel()), dtype=flat.dtype if exact else torch.float64)
    for start in range(0, flat.numel(), PIECE):
        piece = flat[start : start + PIECE]
        buffer = work[: piece.numel()]
        if exact:
            torch.mul(piece, 1.0 / scale, out=buffer)
        else:
            buffer.copy_(piece).mul_(1.0 / scale)
        buffer.round_()
        if zero:
            buffer.add_(zero)
        target[start : start + PIECE].copy_(buffer.clamp_(low, high))
    if codec.dtype == np.uint16:
        codes.reshape(-1)[:] = target.numpy()
    return codes
