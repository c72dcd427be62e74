"""Statistics of torch tensors equal those of the Numba kernels bit for bit, on CPU tensors and on CUDA where it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.analyzers.codes import Codes, centred_values, frozen
from accelsim.analyzers.compression import COMPRESSIONS, storage_format
from accelsim.analyzers.compression.tensor import Coding, Tensor
from accelsim.analyzers.cost_tables import cost_table
from accelsim.analyzers.groups import channel_groups
from accelsim.analyzers.histogram import array_histogram
from accelsim.analyzers.pairs import filter_sums, group_filter_sums, group_window_sums, window_sums
from accelsim.analyzers.structure import n_of_m
from accelsim.gpu.statistics import compression, groups, pairs
from accelsim.gpu.statistics.histogram import value_histogram
from accelsim.gpu.statistics.tensors import centred
from tests.properties.analyzer_layers import layers

torch.set_num_threads(1)
CUDA = pytest.param(
    "cuda",
    marks=[
        pytest.mark.cuda,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, there is none"),
    ],
)
each_device = pytest.mark.parametrize("device", ["cpu", CUDA])


@st.composite
def maps(draw: st.DrawFn) -> Codes:
    """Draw zero-centred values of (N, C, H, W) with runs of zeros, equal values and both ends of the range."""
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 5), st.integers(1, 9)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    wide = draw(st.sampled_from([1, 3, 100, 2**14]))
    values = np.rint(rng.standard_normal(shape) * wide).clip(-(2**15), 2**15 - 1)
    if draw(st.booleans()):
        values = np.abs(values).clip(0, 2**15 - 1)
    values[rng.random(shape) < draw(st.sampled_from([0.0, 0.5, 0.97, 1.0]))] = 0
    if draw(st.booleans()):
        values.flat[0] = -(2**15)
    return frozen(values.astype(draw(st.sampled_from([np.int16, np.int32]))))


@each_device
@settings(max_examples=40, deadline=None)
@given(values=maps(), sets=st.sampled_from([1, 1, 2]))
def test_histogram_groups_and_patterns(device: str, values: Codes, sets: int) -> None:
    tensor = torch.from_numpy(values.copy()).to(device)
    expected, found = array_histogram(values), value_histogram(tensor)
    assert (expected.low, expected.counts.tolist()) == (found.low, found.counts.tolist())
    assert groups.n_of_m(tensor) == n_of_m(values)
    sets = sets if values.shape[1] % sets == 0 else 1
    reference = channel_groups(values, sets, (3, 6, 16, 64, 256))
    for size, group in groups.channel_groups(tensor, sets, (3, 6, 16, 64, 256)).items():
        assert np.array_equal(group.unions.cpu().numpy(), reference[size].unions)
        for trimmed in (False, True):
            assert group.total_width(trimmed) == reference[size].total_width(trimmed)


@each_device
@settings(max_examples=40, deadline=None)
@given(drawn=layers(), padding=st.sampled_from(["in", "out"]))
def test_window_and_filter_sums(device: str, drawn, padding) -> None:
    (layer,) = drawn
    shape = layer.shape
    for role in ("activation", "weight"):
        values = centred_values(getattr(layer, role))
        tensor = centred(getattr(layer, role), torch.device(device))
        assert np.array_equal(tensor.cpu().numpy(), values)
        low, high = min(int(values.min()), 0), max(int(values.max()), 0)
        tables = [cost_table(name, 17, low, high) for name in ("nonzero", "booth_radix4")]
        group, on_device = channel_groups(values)[16], groups.channel_groups(tensor)[16]
        widths = [cost_table("precision", 17, 0, int(group.unions.max()))]
        if role == "activation":
            assert np.array_equal(
                pairs.window_sums(shape, tensor, low, tables, padding), window_sums(shape, values, low, tables, padding)
            )
            if shape.groups == 1:
                args = (widths, group.members, padding)
                assert np.array_equal(
                    pairs.group_window_sums(shape, on_device, *args), group_window_sums(shape, group.unions, *args)
                )
        else:
            assert np.array_equal(
                pairs.filter_sums(shape, tensor, low, tables), filter_sums(shape, values, low, tables)
            )
            assert np.array_equal(
                pairs.group_filter_sums(shape, on_device, widths, group.members),
                group_filter_sums(shape, group.unions, widths, group.members),
            )


@each_device
@settings(max_examples=60, deadline=None)
@given(values=maps(), group=st.sampled_from([1, 5, 16, 64]), run=st.sampled_from([None, 1, 2, 8]))
def test_sizes_in_every_storage_format(device: str, values: Codes, group: int, run: int | None) -> None:
    coding = Coding(17 if values.dtype == np.int32 else 16, 9, group, run)
    tensor = compression.DeviceTensor.of(torch.from_numpy(values.copy()).to(device))
    for name in COMPRESSIONS.names():
        expected = storage_format(name).total(Tensor(values), coding)
        assert tensor.stored_bits(storage_format(name), coding) == expected, name


@each_device
@pytest.mark.parametrize("bits", [4, 8, 16, 24])
@pytest.mark.parametrize("step", [0, 1, 100, 40000])
def test_lines_of_bases_and_differences(device: str, bits: int, step: int) -> None:
    """Neighbouring values, in every width of the words; a last line that is not full."""
    place = np.arange(2 * 3 * 5 * 11) * step
    values = ((place + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)).reshape(2, 3, 5, 11)
    values = values.astype(np.int16 if bits <= 16 else np.int32)
    tensor = compression.DeviceTensor.of(torch.from_numpy(values).to(device))
    for name in ("base_delta", "delta"):
        expected = storage_format(name).total(Tensor(values), Coding(bits))
        assert tensor.stored_bits(storage_format(name), Coding(bits)) == expected, name
