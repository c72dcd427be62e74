"""Write docs/models.md: what is in the values of real trained networks. Run as ``python -m docs.make_models``.

Reads the reference data (``ACCELSIM_SHARED``); captures one network after another into a temporary folder. Names of
tables ("Classification", "Trained by this project") as arguments: those are measured again, the others stay as they are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd

from accelsim import zoo
from accelsim.analyzers.analyze import analyze
from accelsim.trace import Trace
from accelsim.workload import load_workload, open_trace
from tests.realdata.inputs import NETWORKS
from tests.realdata.metrics import METRICS
from tests.realdata.networks import FILES, file_trace, load, module_trace

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("ACCELSIM_SHARED", ROOT.parent / "shared"))

CATEGORIES = {
    "Classification": (
        "squeezenet1_0_deepcompressed", "squeezenet1_1", "mobilenet_v1_100_224", "mobilenet_v1_025_224",
        "mobilenet_v2_qat", "tinydarknet", "resnet20_cifar10", "resnet56_cifar10", "resnet20_thinned_cifar10",
        "resnet8_mlperf_tiny_fp32", "bnn_cnv_w1a1",
    ),
    "Segmentation and imaging": (
        "espnet_cityscapes", "espnet_camvid", "enet_camvid", "cgnet_camvid", "dncnn_s25", "dncnn_color25",
        "ffdnet_gray", "vdsr", "fsrcnn_x2", "espcn_x2", "demosaicnet_bayer",
    ),
    "LSTM, speech and language": (
        "kws_lstm_s", "kws_lstm_l", "kws_gru_s", "kwt1", "dtln", "silero_vad", "char_rnn_shakespeare",
        "mnist_lstm_fp32", "lyra_wavegru_sparse",
    ),
    "Quantised": (
        "mobilenet_v1_025_224_uint8", "mobilenet_v2_qat_int8", "mcunet_imagenet_int8", "resnet8_mlperf_tiny_int8",
        "vww_mlperf_tiny_int8", "deeplabv3_mnv2_dm05_pascal_uint8", "kws_dscnn_mlperf_tiny_fp32",
        "kws_dscnn_mlperf_tiny_int8", "dtln_stage1_int8", "mnist_lstm_int8",
    ),
    "Trained by this project": tuple(zoo.names()),
}  # fmt: skip

INTRODUCTION = """\
# What is in the values of real trained networks

Trained by others, but for the last table of the first half, on real inputs; neither weights nor data of theirs are part of this
project. Written by `python -m docs.make_models` from the reference data; `tests/validation/test_realdata.py` runs every network
through capture, analysis and a run on Eyeriss, `tests/validation/test_realdata_metrics.py` checks the second half of this page.

## Zeros, effectual bits, precision

* **Values are zero-centred**: a real zero is the code equal to the zero point. Only the column *raw* counts stored codes of 0.
* **Padding zeros are left out**: an activation is a stored input of a layer, counted once however often it is used, the network's
  own input among them. (`accelsim analyze` counts padding in unless told `--padding out`.)
* **Codes** of the first three tables are 16-bit fixed point with a power-of-two scale per layer and operand, whatever the weights
  came from (codebooks, int8, +-1: decoded first). *bfloat16* are the zeros of the same values in that format, which holds all but
  the very smallest (5e-41): what is 0 beyond these is too small for 16 bits beside the largest of its layer. Half of the weights of
  `cgnet_camvid` are smaller still: filters that training switched off.
* **Quantised** networks have their own codes, of 8 bits before the zero point is taken off. `kws_dscnn_mlperf_tiny_fp32` is
  called fp32 and is a mixture: its 1 x 1 convolutions have int8 weights and quantise their inputs themselves; the others, in
  real numbers, are taken at 16 bits.
* **bits** are the one-bits of the magnitude per value, zeros included; **terms** the digits other than 0 of its non-adjacent form,
  the fewest any recoding needs. **width** is what a value takes when 16 consecutive channels at one position share a width that
  loses nothing, sign included where the tensor has negative values (+-1 of `bnn_cnv_w1a1` is +-16384: one bit, all of the width).
* **Means** are over the values of all layers: large maps and large layers weigh more. A product of two activations (attention) has
  two operands that count as activations. Weights are as the network holds them; batch normalisation is not folded in.
* **Inputs**: one photograph (two for `squeezenet1_1`), a street frame of 480 x 360, 180 pixels square of a photograph for denoising
  and demosaicking, 128 for super-resolution before it is enlarged (180 after), two pictures of CIFAR-10, two clips of a second, two
  digits, 80 characters, 43 frames of speech (8 in `dtln_stage1_int8`, 2 windows in `silero_vad`). These are measurements of
  examples, not means over a data set.
* Of `lyra_wavegru_sparse` there are only weights.
* **Trained by this project**: the shipped workloads on all of their samples; what they reach is in the README. `resnet20_int8` has
  codes of its own.
"""

METRIC_NOTES = """\
## Do they work?

The task metric of every network, run by the same definitions that are captured. *Notes* are the figures that came with the
reference data. On the same inputs the tests ask for agreement within rounding or the draw of the noise, where inputs differ within
three standard errors of both samples (1 to 8 points; 6 and 3 points on CamVid, whose overlaps follow no such law), and on the inputs
here for the figures of this page.

Not reproduced, for want of data: figures of ImageNet to better than a few points, of CamVid's whole test set, of
`espnet_cityscapes` (no labelled frames of Cityscapes; on CamVid it is out of its domain), and the agreement of `dtln`,
`silero_vad` and `kwt1` with ONNX and TFLite files that are not among the data: no ONNX file is.
"""


class Summary(NamedTuple):
    """Means over all values of one role of operands."""

    width: str
    zeros: float
    raw: float
    bits: float
    terms: float
    shared: float


def main(chosen: list[str]) -> None:
    """Write docs/models.md, the tables `chosen`, or all without a choice, measured now."""
    page = ROOT / "docs" / "models.md"
    kept = _kept(page.read_text(encoding="utf-8")) if chosen else {}
    sections = [INTRODUCTION]
    for category, names in CATEGORIES.items():
        table = _table(category, names) if not chosen or category in chosen else kept[category]
        sections.append("\n".join([f"### {category}", "", *table]) + "\n")
    sections.append(METRIC_NOTES)
    sections.append("\n".join(_metrics()) + "\n")
    page.write_text("\n".join(sections), encoding="utf-8")


def _kept(text: str) -> dict[str, list[str]]:
    """Return the lines of each table of a page, by its name."""
    parts = (part.split("\n") for part in text.partition("\n## Do they work?")[0].split("\n### ")[1:])
    return {lines[0]: [line for line in lines if line.startswith("| ")] for lines in parts}


def _table(category: str, names: tuple[str, ...]) -> Iterator[str]:
    quantised = category == "Quantised"
    other = "raw" if quantised else "bfloat16"
    sides = [f"{side} {what}" for side in ("A", "W") for what in ("zeros", other, "bits", "terms", "width")]
    yield "| " + " | ".join(["network", "code A, W", *sides]) + " |"
    yield "| --- | --- |" + " ---: |" * len(sides)
    for name in names:
        own_codes = name in zoo.names() and zoo.integer(name)
        with TemporaryDirectory() as folder:
            rows = _summaries(_captured(name, Path(folder), "fixed_point"))
        other = {role: summary.raw for role, summary in rows.items()}
        if not quantised and not own_codes:
            with TemporaryDirectory() as folder:
                other = {role: s.zeros for role, s in _summaries(_captured(name, Path(folder), "bfloat16")).items()}
        cells = [_cells(summary, other[role]) for role, summary in rows.items()]
        if own_codes:
            cells = [[zeros, "-", *rest] for zeros, _, *rest in cells]
        if name == "lyra_wavegru_sparse":  # its states are not those of any input
            cells[0] = ["-"] * len(cells[0])
        widths = ", ".join(dict.fromkeys(summary.width for summary in rows.values()))
        yield "| " + " | ".join([name, widths, *cells[0], *cells[1]]) + " |"
        print(name, file=sys.stderr)


def _captured(name: str, folder: Path, scheme: str) -> Trace:
    schemes = [f"quantization.{role}.scheme={scheme}" for role in ("activations", "weights")]
    if name in zoo.names():
        return open_trace(load_workload(name, [] if zoo.integer(name) else schemes), cache=folder)
    if name in FILES:
        return file_trace(SHARED, name, folder, schemes)
    return module_trace(load(SHARED, name), name, NETWORKS[name](SHARED / "realdata" / "data", True), folder, scheme)


def _summaries(trace: Trace) -> dict[str, Summary]:
    """Return what `analyze` says of the activations and of the network's own weights, each weight once."""
    table = analyze(trace, padding="out")
    own = table["layer"].isin([record.name for record in trace.layers if record.weight_file is not None])
    weight = (table["operand"] == "weight") & own
    roles = {
        "A": table[(table["operand"] == "activation") | ((table["operand"] == "weight") & ~own)],
        "W": table[weight & (table["sample"] == 0)],
    }
    return {role: _mean(rows) for role, rows in roles.items()}


def _mean(rows: pd.DataFrame) -> Summary:
    values = rows["values"].to_numpy(np.float64)

    def mean(column: str) -> float:
        return float(np.average(rows[column].to_numpy(np.float64), weights=values))

    width = "/".join(str(bits) for bits in sorted(rows["bits"].unique()))
    return Summary(
        width, *(mean(c) for c in ("zero_fraction", "raw_zero_fraction", "ones_mean", "naf_mean", "precision_mean_16"))
    )


def _cells(summary: Summary, other: float) -> list[str]:
    values = summary.bits, summary.terms, summary.shared
    return [f"{100 * summary.zeros:.1f} %", f"{100 * other:.1f} %", *(f"{value:.2f}" for value in values)]


def _metrics() -> Iterator[str]:
    yield "| network | metric | notes | here | what differs |"
    yield "| --- | --- | --- | --- | --- |"
    for metric in METRICS:
        yield f"| {metric.name} | {metric.unit} | {_figures(metric.stated)} | {_figures(metric.here)} | {metric.note} |"


def _figures(figures: tuple[float, ...]) -> str:
    return ", ".join(f"{figure:g}" for figure in figures) or "none"


if __name__ == "__main__":
    main(sys.argv[1:])
