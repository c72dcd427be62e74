"""Energy: tables of published costs, and models of SRAM, arithmetic and DRAM fitted to cited points."""

from accelsim.hardware.energy.table import EnergyTable

__all__ = ["EnergyTable"]
