"""The catalogue of dataflows: how a layer's loops are laid on an array and its buffers."""

from __future__ import annotations

from accelsim.registry import Registry

DATAFLOWS = Registry("dataflow", "accelsim.dataflows")
dataflow = DATAFLOWS.register
