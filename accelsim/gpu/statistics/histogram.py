"""Count every value of a tensor on its device; only the bins come to the host."""

from __future__ import annotations

import torch

from accelsim.analyzers.histogram import Histogram

CHUNK = 1 << 26
"""Values counted at a time: the widened copy of a chunk is what the count needs of memory."""


def value_histogram(values: torch.Tensor) -> Histogram:
    """Count zero-centred integer `values` of any shape, as `analyzers.histogram.array_histogram` does on the host."""
    flat = values.reshape(-1)
    if flat.dtype == torch.int16:  # bins for all of them: one pass less over memory
        low, high = -(2**15), 2**15 - 1
    else:
        low, high = (int(end) for end in torch.aminmax(flat))
    counts = torch.zeros(high - low + 1, dtype=torch.int64, device=flat.device)
    for chunk in torch.split(flat, CHUNK):
        counts += torch.bincount(chunk.to(torch.int32) - low, minlength=counts.numel())
    return Histogram(low, counts.cpu().numpy()).shifted(0)
