"""Write a trace as a folder that DNNsim, and the npy source, can read."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np

from accelsim.analyzers.codes import Codes, centred_values
from accelsim.analyzers.profile import layer_profile
from accelsim.errors import InputError
from accelsim.files.writing import write_atomically
from accelsim.layer import LayerShape
from accelsim.sources.dnnsim.model import Line
from accelsim.trace import LayerRecord, Trace

WIDEST = 2**15 - 1
"""Largest magnitude of a code: DNNsim reads codes as 16 bits."""


def export(trace: Trace, folder: Path) -> list[str]:
    """Write model.csv, precision.txt, act-LAYER-SAMPLE.npy and wgt-LAYER.npy into `folder`; return what is left out.

    Arrays are zero-centred codes as float32, which the format asks for; a sample is a batch of one image. Precisions
    are those of the workload, or the least that lose nothing on any sample, all of them before the point. Layers
    without a form there (several rows, dilated, transposed, other groups, products of two activations, unequal
    strides or paddings, sizes that differ between samples, codes beyond 16 bits) are left out, one line each. Raises
    InputError when no layer is left or two are called the same, StorageError when the folder cannot be written.
    """
    lines: list[tuple[Line, int, int]] = []
    left_out: list[str] = []
    for record in trace.layers:
        reason = _obstacle(trace, record)
        if reason:
            share = sum(s.macs for s in record.shapes) / max(1, sum(s.macs for r in trace.layers for s in r.shapes))
            left_out.append(f"layer {record.name} is left out: {reason} ({share:.1%} of the MACs)")
            continue
        line = _line(record)
        if any(line.name == other.name for other, _, _ in lines):
            raise InputError(f"two layers would be called {line.name!r}", "rename one of them")
        known = layer_profile(trace, record.index)
        lines.append((line, known.activation_bits, known.weight_bits))
        _write_arrays(trace, record, line.name, folder)
    if not lines:
        raise InputError(f"no layer of {trace.manifest.get('name')} has a form in DNNsim's format", "; ".join(left_out))
    model = "".join(f"{line.name},{line.kind},{line.stride},{line.padding}\n" for line, _, _ in lines)
    write_atomically(folder / "model.csv", model.encode())
    rows = ([a for _, a, _ in lines], [0] * len(lines), [w for _, _, w in lines], [0] * len(lines))
    text = "".join("".join(f"{number};" for number in row) + "\n" for row in rows)
    title = "magnitude (sign included), fraction, weight magnitude, weight fraction\n"
    write_atomically(folder / "precision.txt", (title + text).encode())
    return left_out


def _obstacle(trace: Trace, record: LayerRecord) -> str:
    """Return why a layer has no form in the format; empty when it has one."""
    shape = record.shapes[0]
    named = [str(o["format"]) for role, o in record.operands.items() if o and role != "output" and "format" in o]
    if named:
        return f"its codes are {named[0]}, not integers"
    if any(other != shape for other in record.shapes):
        return "its size differs between samples"
    if shape.kind == "matmul":
        return "both operands are activations"
    if shape.kind != "conv":
        return f"it has {shape.N} rows" if shape.N > 1 else _wide(trace, record)
    problems = (
        (shape.transposed, "it is transposed"),
        (shape.dilation != (1, 1), "it is dilated"),
        (shape.N > 1, f"it has {shape.N} images"),
        (shape.stride[0] != shape.stride[1], "its strides differ"),
        (len(set(shape.padding)) > 1, "its paddings differ"),
        (shape.groups > 2 and shape.C > 1, f"it has {shape.groups} groups"),
    )
    found = [text for holds, text in problems if holds]
    return found[0] if found else _wide(trace, record)


def _wide(trace: Trace, record: LayerRecord) -> str:
    for sample in range(trace.samples):
        layer = trace.layer(record.index, sample)
        for operand in (layer.activation, layer.weight):
            values = centred_values(operand)
            if int(values.max(initial=0)) > WIDEST or int(values.min(initial=0)) < -WIDEST - 1:
                return "its centred codes need more than 16 bits"
    return ""


def _line(record: LayerRecord) -> Line:
    shape = record.shapes[0]
    kind = {"conv": "conv", "linear": "fc", "recurrent": "rnn"}[shape.kind]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", record.name)[:150]
    return Line(name, kind, shape.stride[0], shape.padding[0])


def _write_arrays(trace: Trace, record: LayerRecord, name: str, folder: Path) -> None:
    for sample in range(trace.samples):
        layer = trace.layer(record.index, sample)
        codes = centred_values(layer.activation).reshape(_array_shape(layer.shape))
        write_atomically(folder / f"act-{name}-{sample}.npy", _npy(codes))
    weights = centred_values(layer.weight)
    if layer.shape.kind != "conv":
        weights = weights.reshape(weights.shape[:2])
    write_atomically(folder / f"wgt-{name}.npy", _npy(weights))


def _array_shape(shape: LayerShape) -> tuple[int, ...]:
    if shape.kind == "conv":
        return shape.activation_shape
    return (1, shape.steps, shape.C) if shape.kind == "recurrent" else (1, shape.C)


def _npy(codes: Codes) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(codes, np.float32), allow_pickle=False)
    return buffer.getvalue()
