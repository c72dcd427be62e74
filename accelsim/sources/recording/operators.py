"""What each operator means to a capture: a product, an element-wise step, a view, or a gap in it."""

from __future__ import annotations

import re
from enum import Enum
from functools import cache
from typing import Any

import torch
from torch.utils.flop_counter import flop_registry

from accelsim.sources.recording.products import READERS

BATCH_NORM = torch.ops.aten.native_batch_norm


class Role(Enum):
    """How capture treats an operator."""

    PRODUCT = "captured"
    ELEMENTWISE = "followed to the stored output"
    VIEW = "rearranges"
    SOFTMAX = "marks the score product of an attention"
    UNSUPPORTED = "a matrix product that is not captured"
    FFT = "arithmetic that is not simulated"
    OTHER = "ends the chain to the stored output"


ELEMENTWISE = frozenset(
    """relu hardtanh clamp clamp_min clamp_max gelu silu hardswish hardsigmoid leaky_relu prelu _prelu_kernel rrelu
    sigmoid tanh elu celu selu softplus mish threshold add sub rsub mul div neg abs sqrt rsqrt square pow exp log
    where masked_fill maximum minimum dropout native_dropout native_batch_norm _native_batch_norm_legit_no_training
    _to_copy clone contiguous view _unsafe_view reshape _reshape_alias unsqueeze squeeze alias detach
    lift_fresh""".split()
)
"""Operators that keep the order of elements: see accelsim.sources.recording.outputs."""

VIEWS = frozenset("t transpose permute expand slice select narrow unbind split unsafe_split chunk cat stack".split())

_PRODUCT = re.compile(
    r"(^|_)([a-z]*mm|mv|dot|matmul|einsum|bilinear|trilinear|linear|q?conv(olution)?|lstm|gru|rnn|attention|cdist)"
    r"([123]d)?(_|$)"
)
_NO_PRODUCT = re.compile(r"^_?upsample|grid_sampler|linspace|interpolate|_backward|prepack|^_thnn_fused_")


@cache
def role(function: Any) -> Role:
    """Return the role of an operator (an OpOverload of any library)."""
    packet, name = function.overloadpacket, function.overloadpacket.__name__.rstrip("_")
    if packet in READERS:
        return Role.PRODUCT
    if name in ELEMENTWISE:
        return Role.ELEMENTWISE
    if "softmax" in name:
        return Role.SOFTMAX
    if name in VIEWS:
        return Role.VIEW
    if "fft" in name:
        return Role.FFT
    if packet in flop_registry or (_PRODUCT.search(name) and not _NO_PRODUCT.search(name)):
        return Role.UNSUPPORTED
    return Role.OTHER


@cache
def composite(function: Any) -> bool:
    """Whether an operator is made of others: it arrives whole where tensors are of inference mode."""
    key = torch._C.DispatchKey.CompositeImplicitAutograd
    return torch._C._dispatch_has_kernel_for_dispatch_key(function.name(), key)


def written(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[torch.Tensor]:
    """Return the tensors that an operator writes."""
    places, found = _written(function), list[torch.Tensor]()
    if not places or (function.overloadpacket is BATCH_NORM and not args[5]):  # in evaluation it writes nothing
        return found
    for place, name in places:
        value = args[place] if place < len(args) else kwargs.get(name)
        items = value if isinstance(value, list | tuple) else [value]
        found.extend(item for item in items if isinstance(item, torch.Tensor))
    return found


@cache
def _written(function: Any) -> tuple[tuple[int, str], ...]:
    """Return place and name of the arguments that an operator writes."""
    if function.overloadpacket is BATCH_NORM:  # its schema says nothing of the running statistics
        return (3, "running_mean"), (4, "running_var")
    places = enumerate(function._schema.arguments)
    return tuple((i, a.name) for i, a in places if a.alias_info is not None and a.alias_info.is_write)


def macs(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> int | None:
    """Return the multiply-accumulates of an operator by FlopCounterMode's formula / 2, None when it has none."""
    packet = function.overloadpacket
    if packet in flop_registry:
        return int(flop_registry[packet](*args, **kwargs, out_val=result)) // 2
    first = {"_int_mm": 0, "addbmm": 1, "_grouped_mm": 0}.get(packet.__name__)
    if first is not None:
        a, b = args[first], args[first + 1]
        values = a[0].numel() if a.dim() > b.dim() else a.numel()  # the columns of b are split over the matrices of a
        return int(values * b.shape[-1])
    return None
