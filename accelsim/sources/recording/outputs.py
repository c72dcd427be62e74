"""Follow each product's result to the value that is stored: through the element-wise operators after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

Close = Callable[[Any, torch.Tensor], None]


class Outputs:
    """The stored output of every product that is still under way.

    The rule. A product's result is followed through operators that work element by element and keep the order
    of elements (bias and batch normalisation, activation functions, arithmetic with scalars or tensors,
    dropout, views of the same size) as long as the first operator to read it is one of them and its result has
    as many elements. Any other first reader (another product, pooling, a permutation, a slice, a reduction,
    concatenation, softmax) stops it: the value read then is the stored output. Where an element-wise operator
    joins two such results (a residual addition), the later product takes the sum and the earlier one stops. A
    second reader never matters.
    """

    def __init__(self, close: Close) -> None:
        self._close = close
        self._heads: dict[int, tuple[torch.Tensor, Any, int]] = {}
        self._count = 0

    def begin(self, result: torch.Tensor, owner: Any) -> None:
        """Start to follow the `result` of a product; `owner` is handed to `close` with the stored output."""
        self._count += 1
        self._heads[id(result)] = (result, owner, self._count)

    def read(self, tensors: Sequence[torch.Tensor], elementwise: bool) -> tuple[torch.Tensor, Any, int] | None:
        """Take note, before it runs, that an operator reads `tensors`; return the result that it may carry on."""
        heads = self._heads
        if not heads:
            return None
        found = [heads.pop(id(t)) for t in tensors if id(t) in heads]
        if not found:
            return None
        carried = max(found, key=lambda head: head[2]) if elementwise else None
        for head in found:
            if head is not carried:
                self._close(head[1], head[0])
        return carried

    def carry(self, head: tuple[torch.Tensor, Any, int], result: Any) -> None:
        """Carry on with the `result` of an element-wise operator, or stop before it when its size differs."""
        if isinstance(result, tuple):
            result = result[0]
        tensor, owner, count = head
        if isinstance(result, torch.Tensor) and result.numel() == tensor.numel() and result.is_floating_point():
            self._heads[id(result)] = (result, owner, count)
        else:
            self._close(owner, tensor)

    def end(self) -> None:
        """Store what nothing has read by the end of the forward pass."""
        while self._heads:
            tensor, owner, _ = self._heads.pop(next(iter(self._heads)))
            self._close(owner, tensor)
