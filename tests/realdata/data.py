"""Where the data sets of the shipped networks stand, and the mark of tests that measure on them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("ACCELSIM_SHARED", Path(__file__).parents[3] / "shared")) / "realdata" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no test data at {DATA}; set ACCELSIM_SHARED")
