"""Differences of neighbouring windows (Diffy): what a pixel holds for all windows but the first of a run."""

from __future__ import annotations

import numpy as np

from accelsim.analyzers.codes import Codes, frozen
from accelsim.dataflows.lanes.grid import Laid


def differences(laid: Laid) -> Codes:
    """Return a(x) - a(x - stride) along the first spatial axis, wrapped to 16 bits, the shape of `laid.activation`.

    The first `stride` pixels keep their values. Source: Diffy (MICRO'18); wrapping as in isakedo/DNNsim.
    """
    values = laid.activation.astype(np.int16)
    step = laid.stride[0]
    found = values.copy()
    found[..., step:, :] = values[..., step:, :] - values[..., : values.shape[-2] - step, :]
    return frozen(found)
