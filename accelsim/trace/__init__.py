"""Trace bundles on disk: manifest.json plus one safetensors file per layer and sample, memory mapped."""

from __future__ import annotations

from accelsim.trace.bundle import Trace
from accelsim.trace.entries import LayerRecord, layer_entry, operand_arrays, operand_entry
from accelsim.trace.kept import kept
from accelsim.trace.manifest import FORMAT, FORMAT_VERSION
from accelsim.trace.writer import TraceWriter

__all__ = [
    "FORMAT", "FORMAT_VERSION", "LayerRecord", "Trace", "TraceWriter", "kept", "layer_entry", "operand_arrays", "operand_entry",
]  # fmt: skip
