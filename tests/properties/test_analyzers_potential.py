"""Potential work against the loop over every product, and the orders that must hold between properties."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.analyzers.analyze import layer_properties
from accelsim.analyzers.codes import centred_bits, centred_values
from accelsim.analyzers.encodings import ENCODINGS
from accelsim.analyzers.potential import layer_potential
from tests.properties.analyzer_layers import layers
from tests.references import values as reference

paddings = st.sampled_from(["in", "out"])


def works(rows) -> dict[tuple[int, str, str, int], int]:
    return {(r["sample"], r["property"], r["encoding"], r["group"]): r["work"] for r in rows}


def expected_works(drawn, width: int, padding: str) -> dict[tuple[int, str, str, int], int]:
    """Visit every product of every sample with costs from the slow reference."""
    result: dict[tuple[int, str, str, int], int] = {}
    operands = {"a": [x.activation for x in drawn], "w": [x.weight for x in drawn]}
    static = {}
    for role, found in operands.items():
        values = [int(v) for o in found for v in centred_values(o).ravel()]
        signed = min(values) < 0
        static[role] = {t: reference.width(values, signed, t) for t in (False, True)}
    for layer in drawn:
        shape, costs, zero = layer.shape, {}, {}
        for role, operand in (("a", layer.activation), ("w", layer.weight)):
            values, bits = centred_values(operand), centred_bits(operand)
            signed = bool(values.min() < 0)
            every = {
                **{n: np.vectorize(getattr(reference, n)) for n in ENCODINGS if n != "ones_twos_complement"},
                "ones_twos_complement": np.vectorize(lambda v, bits=bits: reference.ones_twos_complement(int(v), bits)),
            }
            for name, function in every.items():
                costs[role, name] = function(values.astype(int))
                zero[role, name] = 0
            costs[role, "nz"], zero[role, "nz"] = (values != 0).astype(int), 0
            costs[role, "1"], zero[role, "1"] = np.ones(values.shape, int), 1
            for trimmed in (False, True):
                for size in (1, 16):
                    sets = shape.groups if role == "a" else 1
                    costs[role, (trimmed, size)] = np.asarray(
                        reference.group_widths(values, size, sets, signed, trimmed)
                    )
                    zero[role, (trimmed, size)] = 1 + signed

        def total(a, w, costs=costs, zero=zero, shape=shape) -> int:
            return reference.pair_work(shape, costs["a", a], costs["w", w], zero["a", a], padding)

        s = layer.sample
        result[s, "A", "", 0] = total("nz", "1") * width**2
        result[s, "W", "", 0] = total("1", "nz") * width**2
        result[s, "W+A", "", 0] = total("nz", "nz") * width**2
        for trimmed, name in ((False, "precision"), (True, "precision_trimmed")):
            result[s, "Ap_static", name, 0] = total("1", "1") * static["a"][trimmed] * width
            result[s, "Wp_static+Ap_static", name, 0] = total("1", "1") * static["a"][trimmed] * static["w"][trimmed]
            for size in (1, 16):
                dynamic = (trimmed, size)
                result[s, "Ap", name, size] = total(dynamic, "1") * width
                result[s, "W+Ap", name, size] = total(dynamic, "nz") * width
                result[s, "Wp_static+Ap", name, size] = total(dynamic, "1") * static["w"][trimmed]
                result[s, "Wp+Ap", name, size] = total(dynamic, dynamic)
        for name in ENCODINGS:
            result[s, "Ae", name, 0] = total(name, "1") * width
            result[s, "W+Ae", name, 0] = total(name, "nz") * width
            result[s, "We+Ae", name, 0] = total(name, name)
    return result


@given(layers(samples=2), paddings)
@settings(max_examples=40, deadline=None)
def test_work_equals_the_loop_over_products(drawn, padding: str) -> None:
    found = works(layer_potential(drawn, 16, padding))
    expected = expected_works(drawn, 16, padding)
    assert {key: found[key] for key in expected} == expected


@given(layers(samples=2), paddings)
@settings(max_examples=40, deadline=None)
def test_a_machine_that_skips_more_never_works_more(drawn, padding: str) -> None:
    rows = layer_potential(drawn, 16, padding)
    found = works(rows)
    for layer in drawn:
        get = {key[1:]: work for key, work in found.items() if key[0] == layer.sample}
        macs = layer.shape.macs if padding == "in" else layer.shape.macs_inside
        baseline = macs * 256
        assert all(r["baseline_work"] == baseline for r in rows if r["sample"] == layer.sample)
        assert get["W+A", "", 0] <= min(get["A", "", 0], get["W", "", 0]) <= baseline
        for name in ("precision", "precision_trimmed"):
            order = [get["Ap", name, size] for size in (1, 16, 64, 256)] + [get["Ap_static", name, 0]]
            assert order == sorted(order)
            order = [get["Wp+Ap", name, size] for size in (1, 16, 64, 256)] + [get["Wp_static+Ap_static", name, 0]]
            assert order == sorted(order)
            for size in (1, 16, 64, 256):
                assert get["Wp+Ap", name, size] <= get["Wp_static+Ap", name, size]
                assert get["W+Ap", name, size] <= get["Ap", name, size]
                assert get["Ap", "precision_trimmed", size] <= get["Ap", "precision", size]
        for family in ("Ae", "W+Ae", "We+Ae"):
            assert get[family, "naf", 0] <= get[family, "run_recoding", 0] <= get[family, "ones", 0]
        assert all(get["W+Ae", n, 0] <= get["Ae", n, 0] for n in ENCODINGS)


@given(layers(samples=2), paddings)
@settings(max_examples=40, deadline=None)
def test_properties_of_operands(drawn, padding: str) -> None:
    rows = pd.DataFrame(layer_properties(drawn, padding))
    for layer in drawn:
        mine = rows[rows["sample"] == layer.sample].set_index("operand")
        values = centred_values(layer.activation)
        if padding == "in" and not layer.shape.transposed:
            top, bottom, left, right = layer.shape.padding
            values = np.pad(values, ((0, 0), (0, 0), (top, bottom), (left, right)))
        row = mine.loc["activation"]
        flat = [int(v) for v in values.ravel()]
        assert row["values"] == len(flat)
        assert row["zeros"] == flat.count(0)
        assert row["zero_fraction"] == pytest.approx(flat.count(0) / len(flat))
        assert (row["minimum"], row["maximum"]) == (min(flat), max(flat))
        assert row["distinct"] == len(set(flat))
        assert row["naf_mean"] == pytest.approx(sum(map(reference.naf, flat)) / len(flat))
        if any(flat):
            live = [reference.ones(v) for v in flat if v]
            assert row["ones_mean_nonzero"] == pytest.approx(sum(live) / len(live))
        else:
            assert np.isnan(row["ones_mean_nonzero"])
        widths = reference.group_widths(values, 16, layer.shape.groups, bool(row["signed"]), True)
        assert row["precision_mean_trimmed_16"] == pytest.approx(np.mean(widths))
        assert row["precision_mean_256"] <= row["precision_static"]
        assert ("output" in mine.index) == (layer.output is not None)
