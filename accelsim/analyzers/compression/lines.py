"""Base-delta-immediate: memory lines as one base and narrow differences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import frozen
from accelsim.analyzers.compression import ordered
from accelsim.analyzers.compression.tensor import Coding, Tensor

LINE_BYTES = 32
TAG_BITS = 4


@ordered("base_delta", integers=True)
def base_delta(tensor: Tensor, coding: Coding, charges: npt.NDArray[np.int64]) -> None:
    """Store lines of 32 bytes by the smallest of nine encodings, each behind a tag of 4 bits (base-delta-immediate).

    Words stand in C order in 8, 16 or 32 bits, the least that holds `bits`, little endian. A line is all zero (tag
    alone), one repeated element of 8 bytes, elements of 8, 4 or 2 bytes as signed differences of 1, 2 or 4 bytes (fewer
    than the element) to 0 or to the first element that is too large for that, with a bit each that tells which, or
    plain. A last line of fewer values is plain. At most a tag per line more than plain words.
    Source: Pekhimenko et al., PACT 2012; tag and bits of the elements are counted because a decoder needs them.
    """
    from accelsim.analyzers.kernels.lines import charge_lines

    word_bytes = 1 if coding.bits <= 8 else 2 if coding.bits <= 16 else 4
    flat = tensor.flat.reshape(-1)[: tensor.flat.size // (LINE_BYTES // word_bytes) * (LINE_BYTES // word_bytes)]
    words = flat if flat.itemsize == word_bytes else flat.astype(f"<i{word_bytes}")
    lines = frozen(words.view(np.uint64).reshape(-1, LINE_BYTES // 8))
    charge_lines(lines, tensor.flat.shape, word_bytes, TAG_BITS, charges)
