"""Read the codes that torchao tensors hold, and those that their kernels turn activations into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from accelsim.layer import Operand

ROWS = 256
"""Channels read at a time from weights that only their kernel can unpack."""


def is_torchao(value: Any) -> bool:
    """Whether a value is a tensor of torchao, without importing torchao."""
    kind: Any = type(value)
    return isinstance(value, torch.Tensor) and of_torchao(kind)


@lru_cache(maxsize=1024)
def of_torchao(kind: Any) -> bool:
    """Whether a class is one of torchao's, or derived from one."""
    return any(base.__module__.partition(".")[0] == "torchao" for base in kind.__mro__)


def parts(tensor: Any) -> list[torch.Tensor]:
    """Return the plain tensors inside a torchao tensor, its codes first."""
    found = [getattr(tensor, name) for name in tensor.__tensor_flatten__()[0]]
    return [part for whole in found for part in (parts(whole) if is_torchao(whole) else [whole])]


@dataclass(frozen=True)
class Held:
    """The codes of a weight as its torchao tensor holds them.

    codes: in the tensor's own shape. operand: the same in the normal form (filters, channels, rows, columns). offset:
    real number added to code x scale, per block like the scale, None where there is a zero point instead: such
    weights need not have a code for a real zero.
    """

    codes: torch.Tensor
    operand: Operand
    offset: torch.Tensor | None = None

    @property
    def group(self) -> int:
        """Channels of a filter that share a scale, 0 when all do."""
        if not self.operand.blocks:
            return 0
        return self.operand.codes.shape[1] // np.shape(self.operand.scale)[1]

    def values(self) -> torch.Tensor:
        """Return the real weights in the tensor's shape, in single precision."""
        real = self.operand.values()
        if self.offset is not None:
            real = real + self.operand.spread(_numbers(self.offset, self.operand.codes.ndim))
        return torch.from_numpy(real.astype(np.float32)).reshape(self.codes.shape)


def held(tensor: Any) -> Held | None:
    """Return the codes of a torchao tensor of two or four dimensions, None of a class that is not known here."""
    reader = _READERS.get(type(tensor).__name__)
    if reader is None or tensor.dim() not in (2, 4) or (found := reader(tensor)) is None:
        return None
    codes, bits, scale, zero, offset = found
    offset = None if offset is None or not bool(offset.any()) else offset
    return Held(codes, operand(codes, bits, scale, zero, 4), offset)


def quantised_activation(weight: Any, x: torch.Tensor) -> Operand | None:
    """Return the codes that the kernel of `weight` makes of its input and multiplies, None when it makes none.

    x: (..., channels), or the maps (N, channels, H, W) of a convolution; the operand's codes are (rows, channels, 1, 1)
    or those maps.
    """
    if getattr(weight, "act_quant_kwargs", None) is not None:
        from torchao.quantization.quantize_.common.quantize_tensor_kwargs import _choose_quant_func_and_quantize_tensor

        given = {"scale": weight.act_quant_scale, "zero_point": weight.act_quant_zero_point}
        found = _choose_quant_func_and_quantize_tensor(x, weight.act_quant_kwargs, **given)
        codes, scale, zero = found.qdata, found.scale, found.zero_point
    elif getattr(weight, "activation_quantization", None) is not None:
        codes, scale, zero = _per_token(x)
    else:
        return None
    if weight.dim() == 2:
        codes, scale = codes.reshape(-1, codes.shape[-1]), scale.reshape(-1, scale.shape[-1])
        zero = None if zero is None else zero.reshape(scale.shape)
    return operand(codes, 8, scale, zero, 4)


def prepared(weight: Any, x: torch.Tensor) -> torch.Tensor:
    """Return the activations as they meet the weights: multiplied by the tensor's scale for them, if it has one."""
    before = getattr(weight, "act_pre_scale", None)
    return x if before is None else x * before


def stacked(operands: list[Operand]) -> Operand:
    """Return the activations of several calls one after another."""
    first = operands[0]
    codes = np.concatenate([part.codes for part in operands])
    if first.axis is None and not first.blocks:  # one scale a call becomes one a row, unless all are the same
        same = all((part.scale, part.zero_point) == (first.scale, first.zero_point) for part in operands)
        if same:
            return Operand(codes, first.bits, first.signed, first.scale, first.zero_point)
        scale = np.concatenate([np.full(len(part.codes), part.scale) for part in operands])
        zero = np.concatenate([np.full(len(part.codes), part.zero_point) for part in operands])
        return Operand(codes, first.bits, first.signed, scale, zero, 0)
    scale = np.concatenate([np.asarray(part.scale) for part in operands])
    zero = np.concatenate([np.broadcast_to(part.zero_point, np.shape(part.scale)) for part in operands])
    return Operand(codes, first.bits, first.signed, scale, zero, first.axis)


def operand(codes: torch.Tensor, bits: int, scale: torch.Tensor, zero: torch.Tensor | None, ndim: int) -> Operand:
    """Wrap signed codes whose scale and zero point stand in blocks of equal size; axes of size 1 are appended."""
    array = codes.detach().numpy()
    array = array.reshape(*array.shape, *[1] * (ndim - array.ndim))
    scales = _numbers(scale, ndim)
    zeros = np.zeros(scales.shape, np.int64) if zero is None else _numbers(zero, ndim).astype(np.int64)
    zeros = np.broadcast_to(zeros, scales.shape)
    wide = [axis for axis, count in enumerate(scales.shape) if count > 1]
    if not wide:
        return Operand(array, bits, True, float(scales.item()), int(zeros.item()))
    if len(wide) == 1 and scales.shape[wide[0]] == array.shape[wide[0]]:
        return Operand(array, bits, True, scales.reshape(-1), zeros.reshape(-1), wide[0])
    return Operand(array, bits, True, scales, zeros)


def _numbers(tensor: torch.Tensor, ndim: int) -> npt.NDArray[np.float64]:
    return tensor.detach().double().numpy().reshape(*tensor.shape, *[1] * (ndim - tensor.dim()))


def _per_token(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Quantise as IntxUnpackedToInt8Tensor does: asymmetrically to int8, one scale for each row of the last axis."""
    from torchao.quantization.quant_primitives import MappingType, choose_qparams_affine, quantize_affine

    block, limits = (*[1] * (x.dim() - 1), x.shape[-1]), (-128, 127)
    scale, zero = choose_qparams_affine(
        x, MappingType.ASYMMETRIC, block, torch.int8, *limits, zero_point_dtype=torch.int8
    )
    codes = quantize_affine(x, block, scale, zero, torch.int8, *limits)
    return codes, scale.unsqueeze(-1), zero.unsqueeze(-1)


_Found = tuple[torch.Tensor, int, torch.Tensor, torch.Tensor | None, torch.Tensor | None]
"""Codes, their width, and per block: scale, zero point, offset."""


def _int8(tensor: Any) -> _Found | None:
    return tensor.qdata, 8, tensor.scale, tensor.zero_point, None


def _intx(tensor: Any) -> _Found | None:
    """One-bit codes (-1 and 0) are given as two-bit ones."""
    bits = max(int(str(tensor.target_dtype).removeprefix("torch.int")), 2)
    zero = tensor.zero_point
    if zero.is_floating_point() and not bool((zero == zero.round()).all()):
        return tensor.qdata, bits, tensor.scale, None, -zero.double() * tensor.scale.double()
    return tensor.qdata, bits, tensor.scale, zero, None


def _int4(tensor: Any) -> _Found | None:
    """Two codes a byte, the even channel in the low half; value = code x scale + zero_point."""
    packed = tensor.qdata.view(torch.uint8).to(torch.int16)
    halves = torch.stack([packed & 15, packed >> 4], -1).reshape(*packed.shape[:-1], -1)
    codes = (halves - 16 * (halves > 7)).to(torch.int8)
    return codes, 4, tensor.scale.t(), None, tensor.zero_point.t()


def _int4_opaque(tensor: Any) -> _Found | None:
    """Multiply the packed weights by the identity, with scales 1: only the kernel knows how they are packed."""
    if getattr(tensor, "act_mapping_type", None) is not None:
        return None
    filters, channels = tensor.shape
    neutral = torch.zeros(channels // tensor.block_size[1], tensor.qdata.shape[0], 2)
    neutral[:, :, 0] = 1
    codes = torch.empty(filters, channels, dtype=torch.int8)
    for start in range(0, channels, ROWS):
        one = torch.eye(channels)[start : start + ROWS]
        found = torch.ops.aten._weight_int4pack_mm_for_cpu(one, tensor.qdata, tensor.block_size[1], neutral)
        codes[:, start : start + ROWS] = found[:, :filters].t()
    scale, offset = tensor.scale_and_zero[:, :filters].unbind(-1)
    return codes, 4, scale.t(), None, offset.t()


_READERS: dict[str, Callable[[Any], _Found | None]] = {
    "Int8Tensor": _int8,
    "IntxUnpackedToInt8Tensor": _intx,
    "Int4Tensor": _int4,
    "Int4OpaqueTensor": _int4_opaque,
}
KNOWN = ", ".join(_READERS)
"""Classes of torchao whose codes are read."""
NO_CPU_KERNEL = frozenset({"Int4Tensor"})
"""Classes that torchao multiplies on other devices alone."""
