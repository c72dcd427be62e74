"""Runs that are refused: what fits neither the machine nor its own baseline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import accelsim
from accelsim.errors import MappingError
from accelsim.layer import LayerShape
from accelsim.testing import make_layer, write_bundle


def test_a_memory_that_holds_compressed_tiles_alone_is_refused_in_one_line(tmp_path: Path) -> None:
    """The machine is held against itself without compression, which must fit, too."""
    shape = LayerShape("conv", 1, 1, 64, 64, 14, 14, 3, 3, 14, 14, padding=(1, 1, 1, 1))
    trace = write_bundle(tmp_path / "b", [make_layer(shape, np.random.default_rng(0), density=(0.1, 0.1))])
    machine = accelsim.load_hardware("shapeshifter", ["memory.buffer.size=256"])
    with pytest.raises(MappingError, match=r"cannot run 1 layer.*\n.*without compression, as its baseline"):
        accelsim.simulate(machine, trace)
