"""The good texts that fuzz tests change: every shipped file, and small ones of what the project writes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from accelsim import catalogue, strictyaml

ROOT = Path(__file__).resolve().parents[2]

TINY = """\
name: tiny
source: synthetic
activations: {bits: 4}
weights: {bits: 4}
shapes:
  - {kind: conv, input: [4, 6, 5], filters: 4, kernel: 3, padding: 1, name: c1}
  - {kind: conv, input: [4, 6, 5], filters: 4, kernel: 3, stride: 2, groups: 2, name: c2}
  - {kind: linear, input: 12, filters: 6, name: f1}
  - {kind: recurrent, input: 5, filters: 8, steps: 2, name: r1}
  - {kind: matmul, input: 4, filters: 3, rows: 3, groups: 2, name: m1}
"""
"""A workload of every kind of layer that is captured in a moment."""

OWN = """\
name: own
source: python
target: net.py:make
weights: random
seed: 0
samples: 2
quantization:
  activations: {scheme: affine, bits: 8}
inputs: {files: [a.npy]}
"""

FOLDER = "name: arrays\nsource: npy\nfolder: .\nvalues: auto\nbits: 16\n"

MODEL_CSV = ("c1,conv,1,1\nf1,fc,1,0\nl,lstm,1,0\n", "name,type,stride,padding\na/b:conv:2:0\n")
PRECISION_TXT = ("magnitude, fraction, wgt_magnitude, wgt_fraction\n9;8;\n1;2;\n2;3;\n7;8;\n",)
NCU_CSV = (
    '"ID","Process ID","Kernel Name","Metric Name","Metric Unit","Metric Value"\n'
    '"0","1","k","dram__bytes.sum","byte","1,234"\n"1","1","k2","dram__bytes.sum","Kbyte","5.5"\n',
)
DRAM_TRACE = ("LD 0x40\nST 128\nLD 0x1000\n",)
LABELS_TXT = ("1\n2\n-1\n",)


@cache
def shipped(kind: str) -> dict[str, str]:
    """Return the text of every shipped file of a kind of `accelsim.catalogue`, by name."""
    return {name: catalogue.find(kind, name).read_text(encoding="utf-8") for name in catalogue.names(kind)}


@cache
def data(kind: str) -> list[dict[str, Any]]:
    """Return the content of every shipped file of a kind."""
    return [strictyaml.parse(text, name).data for name, text in shipped(kind).items()]


@cache
def record() -> dict[str, Any]:
    """Return a record of a GPU, made up, cut to one batch, two layers and two kernels."""
    path = sorted((ROOT / "tests" / "gpu" / "synthetic_records").rglob("*.json"))[0]
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found["points"] = found["points"][:1]
    found["counts"]["layers"] = found["counts"]["layers"][:2]
    for point in found["points"]:
        point["modules"], point["kernels"] = point["modules"][:2], point["kernels"][:2]
    return found
