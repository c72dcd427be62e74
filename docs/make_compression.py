"""Write docs/compression.md: what storage formats make of the shipped networks. Run as ``python -m docs.make_compression``.

The comparison with published figures reads the reference data (``ACCELSIM_SHARED``); everything is measured now.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from accelsim.analyzers.stored import Coding, stored_bits
from accelsim.analyzers.traffic import smallest, totals, traffic
from accelsim.quantize import Quantization, Scheme
from accelsim.report.text.traffic import ORDER
from accelsim.sources.capture import capture
from accelsim.trace import Trace
from accelsim.workload import load_workload, open_trace
from tests.realdata.inputs import NETWORKS
from tests.realdata.networks import load

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("ACCELSIM_SHARED", ROOT.parent / "shared"))
MARKS = ("<!-- {} -->", "<!-- end -->")

WORKLOADS = (
    "resnet20", "resnet20_pruned", "resnet20_int8", "bert_lstm", "char_lstm", "denoiser", "superres", "segmenter",
)  # fmt: skip

CHIP_ZEROS = {"CONV2": 0.387, "CONV3": 0.725, "CONV4": 0.793, "CONV5": 0.776}
"""Zeros in the input maps of AlexNet as published for the Eyeriss chip (JSSC 2017)."""


def main() -> None:
    """Replace the tables of docs/compression.md by ones measured now; the text stays."""
    page = ROOT / "docs" / "compression.md"
    text = page.read_text(encoding="utf-8")
    for name, lines in (("networks", networks()), ("random zeros", random_zeros()), ("published", published())):
        start, end = (mark.format(name) for mark in MARKS)
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = "\n".join([before + start, "", *lines, "", end]) + after
    page.write_text(text, encoding="utf-8")


def networks() -> Iterator[str]:
    """Give a line per shipped network and operand: bits a value in each format, the smallest that decodes in bold."""
    names = [*ORDER, "entropy"]
    yield "| network | operand | zeros | " + " | ".join(names) + " |"
    yield "| --- | --- |" + " ---: |" * (len(names) + 1)
    for workload in WORKLOADS:
        sums = totals(traffic(open_trace(load_workload(workload))), ["operand"])
        best = {r["operand"]: r["storage"] for r in smallest(sums, ["operand"]).to_dict("records")}
        for role in best:
            rows = sums[sums["operand"] == role].set_index("storage")
            cells = [f"{rows.loc[n, 'bits_per_value']:.2f}" for n in names]
            cells = [f"**{cell}**" if n == best[role] else cell for n, cell in zip(names, cells, strict=True)]
            zeros = f"{100 * rows['zeros'].iloc[0] / rows['values'].iloc[0]:.1f} %"
            yield "| " + " | ".join([workload, role, zeros, *cells]) + " |"


def random_zeros() -> Iterator[str]:
    """Give a line per share of zeros: what Eyeriss' code saves where zeros stand at random, and the two bounds."""
    yield "| zeros as in the input of | zeros | run_length saves | above entropy of zero or not, with 16-bit words |"
    yield "| --- | ---: | ---: | ---: |"
    rng = np.random.default_rng(0)
    for layer, share in CHIP_ZEROS.items():
        values = np.where(rng.random((1, 256, 64, 64)) < share, 0, rng.integers(1, 2**15, (1, 256, 64, 64)))
        bits = stored_bits(values.astype(np.int16), "run_length", Coding(16)) / values.size
        yield f"| {layer} | {100 * share:.1f} % | {_percent(1 - bits / 16)} | {_percent(bits / mask_bound(share) - 1)} |"


def mask_bound(zeros: float) -> float:
    """Return the bits a value of an ideal code of which values are zero, and 16 bits for each that is not."""
    live = 1 - zeros
    return -sum(p * np.log2(p) for p in (zeros, live) if p > 0) + 16 * live


def published() -> Iterator[str]:
    """Give a line per network and width of codes in words of 16 bits: the ratios that papers give."""
    yield (
        "| activations of | code bits | zeros | run_length saves, by layer | run_length / entropy | groups / plain |"
        " groups_masked / plain | profiled / delta | groups / delta |"
    )
    yield "| --- | ---: |" + " ---: |" * 7
    for name in ("squeezenet1_1", "vdsr"):
        for bits in (16, 10):
            with TemporaryDirectory() as folder:
                yield _ratios(f"{name}", bits, _captured(name, bits, Path(folder)))
    for name in ("resnet20", "denoiser", "superres"):
        for bits in (16, 10, 9):
            widths = [f"quantization.{role}.bits={bits}" for role in ("activations", "weights")]
            yield _ratios(f"{name} (shipped)", bits, open_trace(load_workload(name, widths)))


def _captured(name: str, bits: int, folder: Path) -> Trace:
    both = Quantization(activations=Scheme(bits=bits), weights=Scheme(bits=bits))
    return capture(load(SHARED, name), NETWORKS[name](SHARED / "realdata" / "data", True), name, both, folder / name)


def _ratios(name: str, bits: int, trace: Trace) -> str:
    table = traffic(trace, 16)
    table = table[table["operand"] == "activation"]
    whole = totals(table, ["operand"]).set_index("storage")
    layers = totals(table, ["index", "layer"])
    saved = 1 - layers[layers["storage"] == "run_length"]["bits_per_value"] / 16
    size: pd.Series[float] = whole["bits_per_value"]
    zeros = whole.loc["plain", "zeros"] / whole.loc["plain", "values"]
    cells = [
        _percent(zeros),
        f"{_percent(saved.min())} to {_percent(saved.max())}",
        f"{size['run_length'] / size['entropy']:.2f}",
        _percent(size["groups"] / 16),
        _percent(size["groups_masked"] / 16),
        f"{size['profiled'] / size['delta']:.2f}",
        f"{size['groups'] / size['delta']:.2f}",
    ]
    return "| " + " | ".join([name, str(bits), *cells]) + " |"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


if __name__ == "__main__":
    main()
