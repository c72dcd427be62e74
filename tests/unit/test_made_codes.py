"""Codes that are not kept: drawn anew the same, in any order, next to no disk, memory of one layer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import accelsim
from accelsim.accelerators.base import load_hardware
from accelsim.analyzers.analyze import analyze
from accelsim.analyzers.potential import potential
from accelsim.errors import BundleError, ConfigError
from accelsim.sources.makers import synthetic as maker
from accelsim.sources.synthesis.decoder import Decoder
from accelsim.sources.synthesis.quantiles import codes_at, levels
from accelsim.sources.synthesis.shapes import Shape
from accelsim.sources.synthesis.values import Values, draw
from accelsim.trace import Trace
from accelsim.trace.manifest import digest_of
from accelsim.workload import load_workload, open_trace

SMALL = ["decoder.blocks=2", "decoder.hidden=64", "decoder.heads=4", "decoder.mlp=96", "decoder.vocabulary=80"]
MEASURE = """
import sys
from accelsim.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert end.code == 0, end.code
status = open("/proc/self/status").read()
print("peak_kb", status.partition("VmHWM:")[2].split()[0])
"""


def opened(folder: Path, *settings: str) -> Trace:
    return open_trace(load_workload("decoder_7b", [*SMALL, "decoder.tokens=6", *settings]), cache=folder)


@pytest.mark.parametrize("recipe", [
    {"bits": 8, "distribution": "gaussian", "typical": 0.15, "zeros": 0.02}, {"bits": 16, "clusters": 5},
    {"bits": 4, "distribution": "lognormal", "signed": False}, {"bits": 16, "distribution": "uniform", "zeros": 0.3},
    {"bits": 8, "zeros": 1.0},
])  # fmt: skip
def test_the_table_gives_the_code_of_every_number(recipe: dict[str, Any]) -> None:
    values = Values(**recipe)
    found = levels(values)
    at = codes_at(values, found.thresholds)
    assert np.array_equal(at, found.codes)
    before = codes_at(values, found.thresholds[1:] - 2.0**-53)
    assert np.array_equal(before, found.codes[:-1])
    size = (3, 41, 50, 17)  # longer than a block, and no multiple of one
    assert np.array_equal(
        draw(values, size, np.random.default_rng(5)).codes, codes_at(values, np.random.default_rng(5).random(size))
    )


def test_rows_of_a_correlated_tensor_do_not_depend_on_how_many_are_drawn_at_a_time() -> None:
    values = Values(correlation=0.7, channel_correlation=0.3, bits=8)
    whole = draw(values, (9, 8, 60, 70), np.random.default_rng(1)).codes  # a block holds one row
    generator = np.random.default_rng(1)
    apart = [draw(values, (3, 8, 60, 70), generator).codes for _ in range(3)]
    assert np.array_equal(whole, np.concatenate(apart))


def test_codes_are_the_same_kept_or_not(tmp_path: Path) -> None:
    made, kept = (opened(tmp_path, f"keep_codes={keep}", "samples=2") for keep in ("false", "true"))
    assert not made.keeps_codes
    assert kept.keeps_codes
    assert not list((made.path / "layers").iterdir())
    assert [record.parameters(1) for record in made.layers] == [record.parameters(1) for record in kept.layers]
    for index in reversed(range(len(kept.layers))):
        for sample in (1, 0):
            one, other = made.layer(index, sample), kept.layer(index, sample)
            assert (one.name, one.shape) == (other.name, other.shape)
            assert np.array_equal(one.activation.codes, other.activation.codes)
            assert np.array_equal(one.weight.codes, other.weight.codes)
            assert one.activation.scale == other.activation.scale
            assert not one.weight.codes.flags.writeable
    for measure in (analyze, potential):
        pd.testing.assert_frame_equal(measure(made), measure(kept))
    machine = load_hardware("pragmatic")
    pd.testing.assert_frame_equal(accelsim.simulate(machine, made).layers, accelsim.simulate(machine, kept).layers)
    assert any("synthetic" in warning for warning in made.warnings)


def test_samples_in_use_share_their_weights(tmp_path: Path) -> None:
    trace = opened(tmp_path, "samples=2")
    first, second = trace.layer(0, 0), trace.layer(0, 1)
    assert first.weight is second.weight
    scores = next(record.index for record in trace.layers if record.name.endswith("scores"))
    assert not np.array_equal(trace.layer(scores, 0).weight.codes, trace.layer(scores, 1).weight.codes)


@pytest.mark.parametrize(("change", "words"), [
    ({"generator": "0"}, "draws other numbers"), ({"version": 99}, "recipe of version 99"),
    ({"seed": "x"}, "recipe has 1 problem"), ({"shapes": []}, "has no layer"),
])  # fmt: skip
def test_a_recipe_that_cannot_be_followed_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    trace = opened(tmp_path)
    path = trace.path / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["made"]["recipe"] |= change
    del manifest["digest"]
    path.write_text(json.dumps({**manifest, "digest": digest_of(manifest)}), encoding="utf-8")
    with pytest.raises(BundleError, match=words):
        Trace(trace.path).layer(0)
    manifest["made"] = {"maker": "nobody"}
    path.write_text(json.dumps({**manifest, "digest": digest_of(manifest)}), encoding="utf-8")
    with pytest.raises(BundleError, match=r"nobody|not complete"):
        Trace(trace.path)


def test_another_generator_is_another_workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_workload("decoder_7b").key
    monkeypatch.setattr("accelsim.sources.synthetic.generator_mark", lambda: "other")
    assert load_workload("decoder_7b").key != before
    assert maker.generator_mark() == maker.generator_mark()


def test_the_decoder_has_the_published_number_of_parameters() -> None:
    bounds = [Shape.model_validate(entry).bounds for entry in Decoder().layers()]
    weights = sum(b.weights for b in bounds if b.kind == "linear")
    embedding, norms = 32000 * 4096, (2 * 32 + 1) * 4096
    assert weights + embedding + norms == 6_738_415_616
    products = [b for b in bounds if b.kind == "matmul"]
    assert sum(b.macs for b in products) == 32 * 2 * 128 * 128 * 4096
    step = [Shape.model_validate(entry).bounds for entry in Decoder(tokens=1, context=128).layers()]
    assert sum(b.macs for b in step if b.kind == "linear") == weights
    with pytest.raises(ConfigError, match="does not split into 3 heads"):
        load_workload("decoder_7b", ["decoder.heads=3"])


def peak_mb(folder: Path, *arguments: str) -> float:
    environment = {**os.environ, "ACCELSIM_CACHE": str(folder)}
    command = [sys.executable, "-c", MEASURE, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout.split("peak_kb")[1]) / 1e3


def test_memory_of_an_analysis_does_not_grow_with_the_layers(tmp_path: Path) -> None:
    """Six blocks more have 75 million codes more; two of the largest layers, 4 million each, are in use at a time."""
    sizes = ["decoder.hidden=1024", "decoder.mlp=4096", "decoder.vocabulary=4096", "decoder.tokens=4"]
    peaks = []
    for blocks in (1, 6):
        settings = [f"--set={text}" for text in (f"decoder.blocks={blocks}", *sizes)]
        peaks.append(peak_mb(tmp_path, "analyze", "--workload", "decoder_7b", *settings))
    assert peaks[1] - peaks[0] < 25
    bundles = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert bundles < 2e6


@pytest.mark.slow
@pytest.mark.parametrize("command", [["analyze"], ["run", "--hw", "pragmatic"]])
def test_memory_of_the_7b_decoder_is_that_of_a_layer(tmp_path: Path, command: list[str]) -> None:
    """The vocabulary is the largest layer, 131 million codes, beside which another of 45 million is in use."""
    small = ["decoder.hidden=64", "decoder.heads=2", "decoder.mlp=64", "decoder.vocabulary=64"]
    largest, peaks = 131.072, []
    for settings in ([*small, "decoder.blocks=1"], ["decoder.blocks=1"], ["decoder.blocks=4"]):
        given = [f"--set=workload.{text}" for text in settings]
        peaks.append(peak_mb(tmp_path, *command, "--workload", "decoder_7b", *given))
    base, one, four = peaks
    assert one - base < 5 * largest
    assert abs(four - one) < 0.5 * largest
