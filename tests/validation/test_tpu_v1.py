"""TPU v1 against the six applications of Jouppi et al., ISCA 2017 (tables 1 and 3): measured rates stay below the model's.

The paper gives weights, operations per weight byte and batch of each application, not its layers. Whatever the
layers are, a weight byte that is loaded is used by that many windows, so one square layer of full tiles with that
many windows has the application's roofline: time is the longer of streaming the weights at 34 GB/s and of the array.
"""

from __future__ import annotations

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.systolic import Systolic
from accelsim.analyzers.profile import profile
from accelsim.analyzers.statistics import statistics
from accelsim.layer import Layer, LayerShape, Operand

MEASURED = {  # application: operations (MACs) per weight byte, measured TOPS
    "MLP0": (200, 12.3),
    "MLP1": (168, 9.7),
    "LSTM0": (64, 3.7),
    "LSTM1": (96, 2.8),
    "CNN0": (2888, 86.0),
    "CNN1": (1750, 14.1),
}
PEAK = 2 * 256 * 256 * 700e6 / 1e12


@pytest.fixture(scope="module")
def tpu() -> Systolic:
    found = load_hardware("tpu_v1")
    assert isinstance(found, Systolic)
    return found


def tops(tpu: Systolic, windows: int, side: int = 2048) -> float:
    shape = LayerShape("linear", windows, 1, side, side, 1, 1, 1, 1, 1, 1)
    codes = np.ones(shape.activation_shape, np.int8), np.ones(shape.weight_shape, np.int8)
    layer = Layer("layer", 1, 0, shape, Operand(codes[0], 8), Operand(codes[1], 8))
    row = tpu.replay(shape, statistics([layer])[0] | tpu.measure(layer, profile([layer])))
    return 2 * shape.macs / float(row["time_s"]) / 1e12


def test_peak_is_92_tops() -> None:
    assert pytest.approx(92, rel=0.005) == PEAK


@pytest.mark.parametrize("application", MEASURED)
def test_measured_rate_is_below_the_bound(tpu: Systolic, application: str) -> None:
    windows, measured = MEASURED[application]
    bound = tops(tpu, windows)
    assert measured <= bound <= PEAK


@pytest.mark.parametrize("application", ["MLP0", "MLP1", "LSTM0", "LSTM1"])
def test_weight_memory_bounds_the_applications_that_lie_left_of_the_ridge(tpu: Systolic, application: str) -> None:
    windows, measured = MEASURED[application]
    assert tops(tpu, windows) == pytest.approx(2 * 34e9 * windows / 1e12, rel=0.001)
    reached = measured / tops(tpu, windows)
    assert reached > (0.4 if application == "LSTM1" else 0.8)  # LSTM1: 43 % of the bound


def test_the_array_bounds_the_convolutional_applications(tpu: Systolic) -> None:
    """CNN0 reaches 90 % of the peak. CNN1 is a known miss: 14.1 of 90 TOPS, since only half of its time is matrix
    work (28 % waits for weights, 23 % for values that are not yet there) and half of the array is not used."""
    bounds = {name: tops(tpu, MEASURED[name][0]) for name in ("CNN0", "CNN1")}
    assert bounds["CNN0"] > 0.95 * PEAK
    assert MEASURED["CNN0"][1] / bounds["CNN0"] > 0.9
    assert MEASURED["CNN1"][1] / bounds["CNN1"] < 0.2
