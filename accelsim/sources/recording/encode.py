"""Find the range of tensors and encode them to integer codes, in pieces that stay in the cache.

NumPy and not torch: one thread without barriers, while the other cores write the bundle.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from accelsim.layer import Operand
from accelsim.quantize import Codec, FormatCodec
from accelsim.sources.losses import Losses

PIECE = 16384
"""Values encoded at a time: five passes over 64 KiB cost a fraction of five passes over a large tensor."""


def encode(codec: Codec, values: torch.Tensor) -> npt.NDArray[np.integer]:
    """Return the codes of `values`, bit for bit those of ``codec.encode`` on the same numbers."""
    if values.dtype not in (torch.float32, torch.float64):
        values = values.float()
    if codec.axis is not None:
        return codec.encode(values.detach().numpy())
    scale, zero = float(codec.scale), int(codec.zero_point)
    low, high = codec.limits
    flat = values.detach().contiguous().view(-1).numpy()
    codes = np.empty(flat.size, codec.dtype)
    # multiplying by a power of two is exact in single precision too, away from the ends of its range
    exact = np.frexp(scale)[0] == 0.5 and 2.0**-100 < scale < 2.0**100
    kind = flat.dtype if exact else np.dtype(np.float64)
    factor = kind.type(1.0 / scale)
    work = np.empty(min(PIECE, flat.size), kind)
    for start in range(0, flat.size, PIECE):
        piece = flat[start : start + PIECE]
        buffer = work[: piece.size]
        with np.errstate(over="ignore"):  # masks saturate
            np.multiply(piece, factor, out=buffer, dtype=kind)
        np.rint(buffer, out=buffer)
        if zero:
            np.add(buffer, zero, out=buffer)
        np.maximum(buffer, low, out=buffer)
        np.minimum(buffer, high, out=buffer)
        np.copyto(codes[start : start + PIECE], buffer, casting="unsafe")
    return codes.reshape(tuple(values.shape))


def coded(codec: Codec | FormatCodec, values: torch.Tensor, sets: int, lost: Losses) -> Operand:
    """Return `values` as an operand; adds to `lost` what a number format cannot hold.

    sets: parts of the channels that blocks of a number format do not cross.
    """
    if isinstance(codec, Codec):
        return codec.operand(encode(codec, values))
    if values.dtype not in (torch.float32, torch.float64):
        values = values.float()
    real = values.detach().contiguous().numpy()
    operand = codec.coded(real, sets)
    assert operand.patterns is not None
    lost.add(real, operand.patterns)
    return operand


def extremes(values: torch.Tensor) -> tuple[float, float]:
    """Return the smallest and largest value; NaN when there is one."""
    values = values.detach()
    other = values.device.type != "cpu" or values.dtype not in (torch.float32, torch.float64)
    if values.numel() <= PIECE or other:
        low, high = torch.aminmax(values)
        return float(low), float(high)
    flat = values.contiguous().view(-1).numpy()
    pieces = [flat[start : start + PIECE] for start in range(0, flat.size, PIECE)]
    found = [(piece.min(), piece.max()) for piece in pieces]  # one piece at a time: the second pass hits the cache
    return float(np.min([low for low, _ in found])), float(np.max([high for _, high in found]))
