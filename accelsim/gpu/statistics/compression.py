"""Sizes in the storage formats on a device: those of single values from the bins, the others in vector form.

Every format of the catalogue but those that third parties add is there, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from accelsim.analyzers.codes import Codes
from accelsim.analyzers.compression.format import StorageFormat, ValueWise
from accelsim.analyzers.compression.groups import field_bits
from accelsim.analyzers.compression.lines import LINE_BYTES, TAG_BITS
from accelsim.analyzers.compression.runs import (
    EIE_INDEX_BITS,
    EIE_POINTER_BITS,
    EYERISS_PAIRS,
    EYERISS_RUN_BITS,
    SCNN_RUN_BITS,
)
from accelsim.analyzers.compression.tensor import Coding, Tensor
from accelsim.analyzers.histogram import Histogram
from accelsim.analyzers.runlength import row_length
from accelsim.errors import ConfigError
from accelsim.gpu.statistics.groups import channel_groups, live_counts
from accelsim.gpu.statistics.histogram import value_histogram


@dataclass(frozen=True)
class DeviceTensor(Tensor):
    """Zero-centred values (N, C, H, W) that stay on their device; the host sees their number and their histogram."""

    on_device: torch.Tensor = field(kw_only=True)

    @classmethod
    def of(cls, values: torch.Tensor) -> DeviceTensor:
        """Wrap a tensor; what the host takes for its values is a single zero, repeated."""
        return cls(np.broadcast_to(np.zeros((), np.int16), tuple(values.shape)), on_device=values)

    @cached_property
    def histogram(self) -> Histogram:
        """How often each value occurs."""
        return value_histogram(self.on_device)

    @property
    def signed(self) -> bool:
        """Whether a value is negative."""
        return self.histogram.minimum < 0

    def stored_bits(self, form: StorageFormat, coding: Coding) -> int:
        """Return the size in a storage format. Raises ConfigError for one of a third party that sees the order of values."""
        form.check(coding)
        if isinstance(form, ValueWise):
            return form.total(self, coding)
        if form.name not in _ORDERED:
            raise ConfigError(f"{form.name} has no form for devices", "leave --device out")
        return _ORDERED[form.name](self, coding)

    def like(self, values: Codes) -> DeviceTensor:
        """Move another tensor to the device."""
        return DeviceTensor.of(torch.from_numpy(np.array(values)).to(self.on_device.device))


def _groups(tensor: DeviceTensor, coding: Coding) -> int:
    return _group_bits(tensor.on_device, coding, tensor.signed)


def _group_bits(values: torch.Tensor, coding: Coding, signed: bool) -> int:
    found = channel_groups(values, 1, (coding.group_values,), signed)[coding.group_values]
    width = found.widths().clamp(max=coding.bits) + coding.exponent_bits
    per_block = width.sum(dim=(0, 1, 3)).cpu().numpy()
    return int(per_block @ found.members) + field_bits(coding) * found.unions.numel()


def _groups_masked(tensor: DeviceTensor, coding: Coding) -> int:
    values = tensor.on_device
    found = channel_groups(values, 1, (coding.group_values,), tensor.signed)[coding.group_values]
    width = found.widths().clamp(max=coding.bits) + coding.exponent_bits
    live = live_counts(values, coding.group_values)
    return int((live * width).sum()) + values.numel() + field_bits(coding) * found.unions.numel()


def _delta(tensor: DeviceTensor, coding: Coding) -> int:
    values = tensor.on_device.to(torch.int64)
    changes = values.clone()
    changes[..., 1:] -= values[..., :-1]
    half = 1 << (coding.bits - 1)
    changes = ((changes + half) & ((1 << coding.bits) - 1)) - half
    return _group_bits(changes.to(torch.int32), coding, signed=True)


def _run_length(tensor: DeviceTensor, coding: Coding) -> int:
    return _words(tensor.on_device, tensor.on_device.numel(), coding)


def _run_length_rows(tensor: DeviceTensor, coding: Coding) -> int:
    values = tensor.on_device
    return min(_words(values, row_length(tuple(values.shape)), coding), values.numel() * coding.bits)


def _zero_run(tensor: DeviceTensor, coding: Coding) -> int:
    run_bits = coding.run_bits or SCNN_RUN_BITS
    values = tensor.on_device
    return int(_entries(values, values.numel(), run_bits, False).sum()) * (run_bits + coding.bits)


def _relative_index(tensor: DeviceTensor, coding: Coding) -> int:
    run_bits = coding.run_bits or EIE_INDEX_BITS
    values = tensor.on_device
    row = values[0].numel()
    entries = int(_entries(values, row, run_bits, False).sum())
    return entries * (run_bits + coding.bits) + values.shape[0] * max(EIE_POINTER_BITS, row.bit_length())


def _words(values: torch.Tensor, length: int, coding: Coding) -> int:
    run_bits = coding.run_bits or EYERISS_RUN_BITS
    word_bits = EYERISS_PAIRS * (run_bits + coding.bits) + 1
    pairs = _entries(values, length, run_bits, True)
    return int(((pairs + EYERISS_PAIRS - 1) // EYERISS_PAIRS).sum()) * word_bits


def _entries(values: torch.Tensor, length: int, run_bits: int, trailing: bool) -> torch.Tensor:
    """Count the (zero run, value) pairs of each row of `length` values; a run of 2^run_bits zeros takes one of its own.

    trailing: zeros at the end of a row are stored.
    """
    flat, most = values.reshape(-1), 1 << run_bits
    rows = flat.numel() // length
    place = flat.nonzero().reshape(-1)
    row = place // length
    before = torch.cat([place.new_full((1,), -1), place[:-1]]) if place.numel() else place
    start = torch.maximum(before, row * length - 1)
    pairs = place.new_zeros(rows).index_add_(0, row, (place - start - 1) // most + 1)
    if trailing:
        last = torch.arange(rows, device=flat.device) * length - 1
        last = last.scatter_reduce(0, row, place, "amax")
        left = torch.arange(1, rows + 1, device=flat.device) * length - 1 - last
        pairs = pairs + (left + most - 1) // most
    return pairs


def _base_delta(tensor: DeviceTensor, coding: Coding) -> int:
    word_bytes = 1 if coding.bits <= 8 else 2 if coding.bits <= 16 else 4
    word = {1: torch.int8, 2: torch.int16, 4: torch.int32}[word_bytes]
    flat = tensor.on_device.reshape(-1)
    length = LINE_BYTES // word_bytes
    lines = flat.numel() // length
    rest = flat.numel() - lines * length
    plain = TAG_BITS + rest * 8 * word_bytes if rest else 0
    if not lines:
        return plain
    whole = flat[: lines * length].to(word).contiguous()
    least = torch.full((lines,), 8 * LINE_BYTES, dtype=torch.int64, device=flat.device)
    for element_bytes, kind in ((8, torch.int64), (4, torch.int32), (2, torch.int16)):
        elements = whole.view(torch.uint8).view(kind).reshape(lines, -1)
        fitting = torch.ones(lines, dtype=torch.bool, device=flat.device)
        delta_bytes = element_bytes // 2
        while delta_bytes >= 1:
            fitting &= _fits(elements, delta_bytes)
            size = 8 * element_bytes + elements.shape[1] * (1 + 8 * delta_bytes)
            least = torch.where(fitting, least.clamp(max=size), least)
            delta_bytes //= 2
    parts = whole.view(torch.uint8).view(torch.int64).reshape(lines, -1)
    same = (parts == parts[:, :1]).all(dim=1)
    least = torch.where(same, torch.where(parts[:, 0] == 0, 0, 64), least)
    return int(least.sum()) + lines * TAG_BITS + plain


def _fits(elements: torch.Tensor, delta_bytes: int) -> torch.Tensor:
    """Tell of each line whether every element is near 0, or near the first that is not (differences wrap)."""
    half = 1 << (8 * delta_bytes - 1)
    near = (elements >= -half) & (elements < half)
    first = (~near).to(torch.uint8).argmax(dim=1, keepdim=True)
    apart = elements - elements.gather(1, first)
    return (near | ((apart >= -half) & (apart < half))).all(dim=1)


_ORDERED: dict[str, Callable[[DeviceTensor, Coding], int]] = {
    "groups": _groups,
    "groups_masked": _groups_masked,
    "delta": _delta,
    "run_length": _run_length,
    "run_length_rows": _run_length_rows,
    "zero_run": _zero_run,
    "relative_index": _relative_index,
    "base_delta": _base_delta,
}
