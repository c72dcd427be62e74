"""The catalogue of accelerators: one file each, found by the `accelerator:` key of a hardware YAML."""

from __future__ import annotations

from accelsim.registry import Registry

ACCELERATORS = Registry("accelerator", "accelsim.accelerators")
accelerator = ACCELERATORS.register
