"""Kernels of a run: which kind a name stands for, the share of each, and the gaps between them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from accelsim.gpu.records import Gaps, KernelTime, Kind

_KINDS: dict[Kind, str] = {
    "memory": r"^\[?mem(cpy|set)|copy_kernel|direct_copy|cat_?array|transpose|nchwtonhwc|nhwctonchw|fill|index_select"
    r"|gather|scatter",
    "normalisation": r"batch_?norm|layer_?norm|group_?norm|instance_?norm|rms_?norm|softmax|bn_fw|welford",
    "gemv": r"gemv|gemmsn|dot_kernel",
    "convolution": r"conv|winograd|wgrad|dgrad|fprop|depthwise|implicit|fft2d",
    "gemm": r"gemm|cutlass|wgmma|hmma|imma|_mm_|matmul|splitk|cublas|xmma|scaled_mm|spmm",
    "elementwise": r"elementwise|vectorized|relu|gelu|sigmoid|tanh|add|mul|pointwise|activation|bias|clamp|threshold"
    r"|unrolled|pool|reduce|lstm|gru",
}
_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _KINDS.items())


class Span(NamedTuple):
    """One kernel that ran: its name, its start and its duration in seconds."""

    name: str
    start_s: float
    duration_s: float


def kind_of(name: str) -> Kind:
    """Return the kind of a kernel by the words in its name; the first kind whose word it holds.

    >>> kind_of("sm90_xmma_gemm_f16f16_f16f32_f32_tn_n_tilesize128x128x64"), kind_of("gemvNSP_kernel")
    ('gemm', 'gemv')
    >>> kind_of("void at::native::vectorized_elementwise_kernel<4, ...>"), kind_of("Memcpy DtoD (Device -> Device)")
    ('elementwise', 'memory')
    >>> kind_of("sm80_xmma_fprop_implicit_gemm_tf32f32"), kind_of("void cudnn::bn_fw_inf_1C11_kernel_NCHW")
    ('convolution', 'normalisation')
    """
    return next((kind for kind, pattern in _PATTERNS if pattern.search(name)), "other")


def by_name(spans: Sequence[Span], passes: int = 1) -> list[KernelTime]:
    """Return count and time of the kernels of each name in one pass, the longest first.

    passes: how often the network ran in `spans`; counts are rounded to whole kernels of a pass.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for span in spans:
        found[span.name].append(span.duration_s)
    total = sum(span.duration_s for span in spans) or 1.0
    rows = [
        KernelTime(
            name=name,
            kind=kind_of(name),
            count=max(1, round(len(times) / passes)),
            time_s=sum(times) / passes,
            share=min(1.0, sum(times) / total),
        )
        for name, times in found.items()
    ]
    return sorted(rows, key=lambda row: -row.time_s)


def gaps(spans: Sequence[Span], passes: int = 1) -> Gaps:
    """Return the time in one pass during which no kernel ran between the first and the last."""
    ordered = sorted(spans, key=lambda span: span.start_s)
    between: list[float] = []
    end = ordered[0].start_s if ordered else 0.0
    for span in ordered:
        if span.start_s > end:
            between.append(span.start_s - end)
        end = max(end, span.start_s + span.duration_s)
    whole = end - ordered[0].start_s if ordered else 0.0
    share = min(1.0, sum(between) / whole) if whole else 0.0
    return Gaps(
        count=round(len(between) / passes),
        time_s=sum(between) / passes,
        median_s=median(between) if between else 0.0,
        share=share,
    )
