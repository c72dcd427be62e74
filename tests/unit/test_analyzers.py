"""Analyzers: published numbers, the catalogue, tables kept with a bundle, and what is refused."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from accelsim.analyzers import ANALYZERS
from accelsim.analyzers.analyze import analyze, padding_positions
from accelsim.analyzers.cost_tables import cost_table
from accelsim.analyzers.potential import potential, summarise
from accelsim.analyzers.runlength import run_length_bits
from accelsim.analyzers.statistics import layer_statistics, warm
from accelsim.columns import COLUMNS
from accelsim.errors import ConfigError, UnknownNameError
from accelsim.layer import LayerShape, Operand
from accelsim.trace import LayerRecord, Trace, TraceWriter, layer_entry, operand_entry

CONV = LayerShape("conv", 1, 1, 4, 3, 6, 5, 3, 3, 6, 5, padding=(1, 1, 1, 1))
HEAD = LayerShape("matmul", 3, 2, 5, 20, 1, 1, 1, 1, 1, 1)


@pytest.fixture
def trace(tmp_path) -> Trace:
    """A bundle of a padded convolution and an attention product on two samples."""
    rng = np.random.default_rng(3)

    def codes(shape, zeros=0.5):
        return Operand(np.where(rng.random(shape) < zeros, 0, rng.integers(-99, 3000, shape)).astype(np.int16), 16)

    entries = []
    with TraceWriter(tmp_path / "bundle") as writer:
        for index, shape in enumerate((CONV, HEAD)):
            weight = codes(shape.weight_shape)
            static = index == 0
            weight_file = writer.add(f"{index}-weight", {"weight": weight.codes}) if static else None
            files = []
            for sample in range(2):
                tensors = {"activation": codes(shape.activation_shape).codes, "output": codes(shape.output_shape).codes}
                if not static:
                    tensors["weight"] = codes(shape.weight_shape).codes
                files.append(writer.add(f"{index}-{sample}", tensors))
            parameters = {role: operand_entry(weight) for role in ("activation", "weight", "output")}
            record = LayerRecord(index, f"layer{index}", (shape, shape), parameters, weight_file, tuple(files))
            entries.append(layer_entry(record))
        path = writer.finish({"key": "k", "name": "two", "samples": 2, "layers": entries, "warnings": []})
    return Trace(path)


@pytest.mark.parametrize(
    ("name", "top", "mean"),
    [
        ("ones", 127, 3.5),
        ("ones", 255, 4.0),
        ("ones", 32767, 7.5),
        ("naf", 127, 2.7734375),
        ("naf", 255, 3.109375),
        ("naf", 32767, 5.444),
        ("booth_radix4", 127, 3.0),
        ("booth_radix4", 255, 3.5),
        ("booth_radix4", 32767, 6.0),
        ("run_recoding", 32767, 5.66),
    ],
)
def test_mean_terms_over_uniform_magnitudes(name: str, top: int, mean: float) -> None:
    table = cost_table(name, 17, 0, top)
    assert table.mean() == pytest.approx(mean, abs=1e-9 if mean * 2**15 % 1 == 0 else 6e-3)


def test_how_often_recodings_differ_from_the_non_adjacent_form() -> None:
    naf = cost_table("naf", 17, 0, 32767)
    assert np.count_nonzero(cost_table("run_recoding", 17, 0, 32767) != naf) == 6147
    assert np.count_nonzero(cost_table("booth_radix4", 17, 0, 32767) != naf) == 15581


def test_widest_negative_code_has_a_magnitude() -> None:
    assert cost_table("ones", 16, -32768, -32768).tolist() == [1]
    assert ANALYZERS.get("naf")(np.asarray([-32768], np.int16), 16).tolist() == [1]


def test_catalogue_names_and_unknown_name() -> None:
    known = {"nonzero", "ones", "ones_twos_complement", "naf", "booth_radix4", "run_recoding"}
    assert known | {"precision", "precision_trimmed"} <= set(ANALYZERS.names())
    assert all(ANALYZERS.describe(name).endswith((".", ").")) for name in known)
    with pytest.raises(UnknownNameError, match="booth_radix4"):
        cost_table("booth_radix8", 8, 0, 1)


@pytest.mark.parametrize("wrong", [lambda c, b: c[:1], lambda c, b: c * 0.5, lambda c, b: c * 0 - 1])
def test_an_analyzer_that_is_no_cost_is_refused(monkeypatch, wrong) -> None:
    monkeypatch.setitem(ANALYZERS._entries, "wrong", wrong)
    with pytest.raises(ConfigError, match="wrong"):
        cost_table("wrong", 11, 0, 5)


def test_rooms_stay_light() -> None:
    """The catalogue loads neither Numba nor pandas; remembered statistics load no Numba."""
    check = "import sys, accelsim.analyzers; assert not {'numba', 'pandas'} & set(sys.modules)"
    check += "; import accelsim.analyzers.statistics, accelsim.analyzers.potential, accelsim.analyzers.analyze"
    check += "; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_statistics_are_counted_once(trace: Trace, monkeypatch) -> None:
    warm(trace)
    monkeypatch.setattr("accelsim.analyzers.statistics.statistics", None)
    found = [layer_statistics(trace, index, sample) for index in range(2) for sample in range(2)]
    for row, layer in zip(found, trace, strict=True):
        assert row["macs"] == layer.shape.macs
        assert row["macs_both_nonzero"] <= min(row["macs_activation_nonzero"], row["macs_weight_nonzero"])
        assert row["activation_zeros"] == np.count_nonzero(layer.activation.codes == 0)
        assert row["output_rlc_bits"] == run_length_bits(layer.output.codes)


def test_tables_are_kept_and_declared(trace: Trace, monkeypatch) -> None:
    first = potential(trace), analyze(trace)
    monkeypatch.setattr("accelsim.analyzers.potential.layer_potential", None)
    monkeypatch.setattr("accelsim.analyzers.analyze.layer_properties", None)
    again = potential(Trace(trace.path)), analyze(Trace(trace.path))
    for one, other in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(one, other)
        assert set(one.columns) - {"index", "layer", "sample", "kind"} <= set(COLUMNS)


def test_network_speedup_is_a_ratio_of_sums(trace: Trace) -> None:
    table = potential(trace, padding="out")
    totals = summarise(table).set_index(["property", "encoding", "group"])
    part = table[(table["property"] == "W+A")]
    assert totals.loc[("W+A", "", 0), "potential_speedup"] == part["baseline_work"].sum() / part["work"].sum()
    nothing = table.assign(work=0)
    assert (summarise(nothing)["potential_speedup"] == math.inf).all()


def test_attention_products_have_two_dynamic_operands(trace: Trace) -> None:
    table = analyze(trace)
    weights = table[(table["layer"] == "layer1") & (table["operand"] == "weight")]
    assert weights["zeros"].nunique() == 2
    same = table[(table["layer"] == "layer0") & (table["operand"] == "weight")]
    assert same["zeros"].nunique() == 1


def test_padding_zeros_count_when_they_are_in(trace: Trace) -> None:
    inside, outside = (analyze(trace, padding=p).query("index == 0 and operand == 'activation'") for p in ("in", "out"))
    assert (inside["values"] - outside["values"] == 3 * (8 * 7 - 6 * 5)).all()
    assert (inside["zeros"] - outside["zeros"] == inside["values"] - outside["values"]).all()


def test_a_negative_padding_adds_no_zeros() -> None:
    shape = LayerShape("conv", 1, 1, 1, 3, 5, 5, 1, 1, 4, 7, padding=(-1, 0, 2, 0))
    assert padding_positions(shape) == 3 * 5 * 2


def test_codes_wider_than_the_baseline_are_refused(trace: Trace) -> None:
    with pytest.raises(ConfigError, match="16 bits"):
        potential(trace, width=8)


def test_more_encodings_on_request(trace: Trace, monkeypatch) -> None:
    monkeypatch.setitem(ANALYZERS._entries, "always_two", lambda codes, bits: codes * 0 + 2)
    table = potential(trace, encodings=["always_two"])
    ae = table[table["property"] == "We+Ae"]
    assert (ae["work"] * 64 == ae["baseline_work"]).all()
    assert "always_two_mean" in analyze(trace, encodings=["always_two"])


def test_affine_codes_report_both_views() -> None:
    from accelsim.analyzers.analyze import operand_properties

    codes = np.asarray([0, 0, 128, 128, 128, 200, 255, 7], np.uint8).reshape(1, 8, 1, 1)
    row = operand_properties(Operand(codes, 8, signed=False, zero_point=128))
    assert (row["zero_fraction"], row["raw_zero_fraction"]) == (3 / 8, 2 / 8)
    assert (row["minimum"], row["maximum"], row["signed"]) == (-128, 127, True)


@pytest.mark.parametrize(
    ("values", "pairs"),
    [([1], 1), ([0], 1), ([0] * 31 + [5], 1), ([0] * 32, 1), ([0] * 33, 2), ([0] * 64 + [1], 3), ([1, 2, 3, 4], 4)],
)
def test_run_length_words(values: list[int], pairs: int) -> None:
    assert run_length_bits(np.asarray(values, np.int16)) == 64 * -(-pairs // 3)


def test_run_length_word_too_small() -> None:
    with pytest.raises(ConfigError, match="at least 64 bits"):
        run_length_bits(np.zeros(4, np.int16), word_bits=60)
