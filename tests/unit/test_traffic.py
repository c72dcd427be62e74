"""`accelsim traffic`: every size is that of the format, sums add up, the smallest is named, warnings are given."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from accelsim.analyzers.codes import centred_values
from accelsim.analyzers.compression import COMPRESSIONS, storage_format, valuewise
from accelsim.analyzers.compression.format import Costs
from accelsim.analyzers.compression.tensor import Coding, Tensor
from accelsim.analyzers.stored import stored_bits
from accelsim.analyzers.traffic import OPERANDS, layer_traffic, smallest, totals, traffic
from accelsim.cli import invoke
from accelsim.columns import COLUMNS
from accelsim.errors import ConfigError
from accelsim.report.text import traffic as traffic_text
from accelsim.trace import Trace
from accelsim.workload import load_workload, open_trace
from tests.references.compression import needed


def trace_of(name: str, *settings: str) -> Trace:
    return open_trace(load_workload(name, settings))


@pytest.fixture(scope="module")
def quantised() -> Trace:
    return trace_of("resnet20_int8", "samples=2")


def test_every_size_is_that_of_the_format(quantised: Trace) -> None:
    table = traffic(quantised)
    assert set(table.columns) <= set(COLUMNS) | {"index", "layer", "sample", "kind"}
    assert set(table["storage"]) == set(COMPRESSIONS.names()) - {"nonzero"}
    for index in (0, 7):
        layers = [quantised.layer(index, s) for s in range(2)]
        for role in OPERANDS:
            values = [centred_values(getattr(layer, role)) for layer in layers]
            signed = any(v.min() < 0 for v in values)
            precision = max(needed(int(x), signed) for v in values for x in (v.min(), v.max()))
            for sample in range(2):
                rows = table[(table["index"] == index) & (table["operand"] == role) & (table["sample"] == sample)]
                for row in rows.to_dict("records"):
                    each = values[sample].reshape(*values[sample].shape[:2], -1, values[sample].shape[-1])
                    assert row["stored_bits"] == stored_bits(each, row["storage"], Coding(8, precision))
                    assert row["values"] == each.size
                    assert row["zeros"] == np.count_nonzero(each == 0)
                    assert row["plain_bits"] == 8 * each.size


def test_totals_are_sums_over_layers_and_means_over_samples(quantised: Trace) -> None:
    table = traffic(quantised)
    sums = totals(table, ["operand"]).set_index(["operand", "storage"])
    some = table[(table["operand"] == "activation") & (table["storage"] == "zero_run")]
    assert sums.loc[("activation", "zero_run"), "stored_bits"] == some["stored_bits"].sum() / 2
    weights = sum(r.shapes[0].weights for r in quantised.layers)
    assert sums.loc[("weight", "plain"), "stored_bits"] == 8 * weights
    best = smallest(sums.reset_index(), ["operand"]).set_index("operand")
    for role in OPERANDS:
        decoding = [name for name in COMPRESSIONS.names() if storage_format(name).decodes]
        assert best.loc[role, "stored_bits"] == min(sums.loc[(role, name), "stored_bits"] for name in decoding)
        assert sums.loc[(role, "entropy"), "stored_bits"] <= sums.loc[(role, "huffman"), "stored_bits"]


def test_the_second_call_reads_what_the_first_kept(quantised: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = traffic(quantised)
    monkeypatch.setattr(Trace, "layer", lambda *_: pytest.fail("the codes were read again"))
    pd.testing.assert_frame_equal(traffic(quantised), before)


def test_wider_words_and_other_groups_are_other_tables(quantised: Trace) -> None:
    own, wide = totals(traffic(quantised), ["operand"]), totals(traffic(quantised, 16), ["operand"])
    plain = [t[t["storage"] == "plain"]["stored_bits"].sum() for t in (own, wide)]
    assert plain[1] == 2 * plain[0]
    small = totals(traffic(quantised, group_values=4), ["operand"])
    masked = [t[t["storage"] == "groups"]["stored_bits"].tolist() for t in (own, small)]
    assert masked[0] != masked[1]
    with pytest.raises(ConfigError, match="words of 6 bits cannot hold the codes"):
        traffic(quantised, 6)
    with pytest.raises(ConfigError, match="group_values is 0"):
        traffic(quantised, group_values=0)


def test_number_formats_leave_out_what_subtracts_codes_and_say_so() -> None:
    trace = trace_of("resnet20_bfloat16", "samples=1")
    table = traffic(trace)
    assert not set(table["storage"]) & {"delta", "base_delta"}
    assert "delta are left out" in " ".join(traffic_text.warnings(table, trace))
    layer = trace.layer(3)
    patterns = layer.activation.patterns
    assert patterns is not None
    rows = {r["storage"]: r for r in layer_traffic([layer], COMPRESSIONS.names()) if r["operand"] == "activation"}
    counts = np.unique(patterns.codes, return_counts=True)[1]
    share = counts / counts.sum()
    assert rows["entropy"]["stored_bits"] == np.ceil(-(counts @ np.log2(share)) * (1 - 1e-12))
    assert rows["plain"]["stored_bits"] == 16 * patterns.codes.size
    values = centred_values(layer.activation)
    assert rows["groups"]["stored_bits"] == stored_bits(values, "groups", Coding(16)) + 8 * values.size


def test_attention_and_recurrent_layers_are_measured() -> None:
    trace = trace_of("bert_lstm", "samples=2")
    table = traffic(trace)
    kinds = {"linear", "recurrent", "matmul"}
    assert kinds <= set(table["kind"])
    product = table[(table["kind"] == "matmul") & (table["operand"] == "weight") & (table["storage"] == "groups")]
    assert product.groupby("layer")["stored_bits"].nunique().max() > 1  # a dynamic operand differs between samples


def test_a_format_from_outside_is_in_the_table(quantised: Trace) -> None:
    def nibbles(tensor: Tensor, coding: Coding) -> Costs:
        """Store nothing but half a byte a value."""
        return Costs(4)

    valuewise("nibbles", decodes=False)(nibbles)
    try:
        table = traffic(quantised)
        rows = table[table["storage"] == "nibbles"]
        assert (rows["stored_bits"] == 4 * rows["values"]).all()
        out = Console(file=io.StringIO(), width=200)
        out.print(traffic_text.network(table, quantised))
        assert "nibbles" in out.file.getvalue()  # type: ignore[attr-defined]
    finally:
        del COMPRESSIONS._entries["nibbles"]


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["traffic", "--workload", "resnet20_int8", "--set", "samples=2"]
    assert invoke([*command, "--out", str(tmp_path), "--csv"]) == 0
    printed = capsys.readouterr().out
    for word in (
        "smallest",
        "entropy",
        "groups_masked",
        "zero-centred",
        "words of 8 bits",
        "bits/value",
        "stage1.0.conv1",
    ):
        assert word in printed
    table = pd.read_parquet(tmp_path / "traffic.parquet")
    assert len(pd.read_csv(tmp_path / "traffic.csv")) == len(table)
    assert invoke([*command, "--layer", "stage1.0.conv1", "fc", "--width", "16"]) == 0
    printed = capsys.readouterr().out
    assert "stage1.0.conv2" not in printed
    assert "words of 16 bits" in printed
    assert invoke([*command, "--layer", "stage1.0.conv"]) == 4
    assert "did you mean" in capsys.readouterr().err
    assert invoke(["list", "compressions"]) == 0
    assert "relative_index" in capsys.readouterr().out
    assert invoke(["explain", "stored_bits"]) == 0
