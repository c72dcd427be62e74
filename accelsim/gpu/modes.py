"""Modes of a recording: zeros or random numbers for values, number formats of the products, 2:4 weights."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from accelsim.gpu.records import Mode

_FLOATS = {"float32": torch.float32, "tf32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_LEAST_ROWS = 32
"""Rows that 8-bit products are filled up to: the kernels take no fewer than 17, in multiples of 8 or 16."""


def adapted(
    module: nn.Module, inputs: Sequence[Any], mode: Mode, device: torch.device
) -> tuple[nn.Module, tuple[Any, ...], list[str]]:
    """Return a copy of `module` and its inputs on `device` in a mode, and notes of what the mode does not reach."""
    made, notes = copy.deepcopy(module).eval(), []
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.dim() > 1 and parameter.is_floating_point():
                parameter.copy_(valued(parameter, mode.values, generator))
    given = [valued(a, mode.values, generator) if _real(a) else a for a in inputs]
    if mode.sparsity == "2:4":
        notes += _prune(made)
    kind = _FLOATS.get(mode.number, torch.float16)
    made = made.to(device=device, dtype=kind)
    moved = tuple(a.to(device, kind) if _real(a) else a.to(device) if isinstance(a, torch.Tensor) else a for a in given)
    if mode.number in ("int8", "fp8"):
        notes += _narrowed(made, mode.number)
    elif mode.sparsity == "2:4":
        notes += _sparse(made, device)
    return made, moved, notes


def valued(values: torch.Tensor, how: str, generator: torch.Generator) -> torch.Tensor:
    """Return `values` as they are, random numbers with their mean and spread, or zeros."""
    if how == "zeros":
        return torch.zeros_like(values)
    if how == "random":
        spread = float(values.std()) if values.numel() > 1 else 1.0
        return torch.randn(values.shape, generator=generator).to(values) * spread + float(values.mean())
    return values


def two_of_four(weight: torch.Tensor) -> torch.Tensor:
    """Return (filters, channels) with the two smallest magnitudes of four consecutive channels set to zero."""
    blocks = weight.reshape(weight.shape[0], -1, 4)
    keep = blocks.abs().topk(2, dim=2).indices
    mask = torch.zeros_like(blocks, dtype=torch.bool).scatter_(2, keep, True)
    return (blocks * mask).reshape(weight.shape)


class NarrowLinear(nn.Module):
    """A linear layer whose product takes 8-bit operands: int8, or FP8 (e4m3); inputs are scaled to their largest value."""

    def __init__(self, linear: nn.Linear, number: str) -> None:
        super().__init__()
        self.number, self.features = number, linear.out_features
        weight = linear.weight.detach().float()
        self.scale = weight.abs().amax().clamp(min=1e-12) / self._largest
        self.weight = nn.Parameter(self._narrow(weight / self.scale), requires_grad=False)
        self.bias = linear.bias

    @property
    def _largest(self) -> float:
        return 127.0 if self.number == "int8" else 448.0

    def _narrow(self, values: torch.Tensor) -> torch.Tensor:
        return values.round().to(torch.int8) if self.number == "int8" else values.to(torch.float8_e4m3fn)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply with 8-bit operands and scale back."""
        flat = x.reshape(-1, x.shape[-1])
        rows = flat.shape[0]
        flat = nn.functional.pad(flat, (0, 0, 0, max(_LEAST_ROWS - rows, -rows % 16)))
        scale = flat.abs().amax().float().clamp(min=1e-12) / self._largest
        codes = self._narrow(flat.float() / scale)
        if self.number == "int8":
            found = (torch._int_mm(codes, self.weight.t()) * (scale * self.scale)).to(x.dtype)  # sums leave 16 bits
        else:
            found = torch._scaled_mm(codes, self.weight.t(), scale, self.scale, out_dtype=x.dtype)
        found = found[:rows] + self.bias if self.bias is not None else found[:rows]
        return found.reshape(*x.shape[:-1], self.features)


def _narrowed(module: nn.Module, number: str) -> list[str]:
    done = _replaced(module, lambda linear: NarrowLinear(linear, number), 16)
    return [
        f"{number}: {done} linear layers; convolutions and all else in float16, inputs are quantised by kernels of their own"
    ]


def _prune(module: nn.Module) -> list[str]:
    count = 0
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Linear) and part.in_features % 4 == 0:
                part.weight.copy_(two_of_four(part.weight))
                count += 1
    return [f"2:4: weights of {count} linear layers; convolutions stay dense (no sparse kernels for them)"]


def _sparse(module: nn.Module, device: torch.device) -> list[str]:
    """Hand pruned weights to sparse tensor cores, where the device has them and the sizes suit them."""
    if device.type != "cuda" or next(module.parameters()).dtype == torch.float32:
        return ["2:4: weights are zero in place, sparse kernels did not run (they need CUDA and 16 bits)"]
    done = 0
    for part in module.modules():
        if isinstance(part, nn.Linear) and part.in_features % 64 == 0 and part.out_features % 64 == 0:
            part.weight = nn.Parameter(
                torch.sparse.to_sparse_semi_structured(part.weight.detach()), requires_grad=False
            )
            done += 1
    return [f"2:4: sparse kernels run {done} linear layers"]


def _replaced(module: nn.Module, make: Any, multiple: int) -> int:
    count = 0
    for name, part in list(module.named_children()):
        if isinstance(part, nn.Linear) and part.in_features % multiple == 0 and part.out_features % multiple == 0:
            setattr(module, name, make(part))
            count += 1
        else:
            count += _replaced(part, make, multiple)
    return count


def _real(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()
