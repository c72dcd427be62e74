"""Energy: tables of published costs, and models of SRAM, arithmetic and DRAM fitted to cited points."""

from accelsim.hardware.energy.arithmetic import add_band, add_pj, multiply_band, multiply_pj, register_pj
from accelsim.hardware.energy.bands import Band
from accelsim.hardware.energy.dram import DramFigure, dram_figures, dram_kinds, dram_pj_per_bit, energy_band
from accelsim.hardware.energy.scaling import scale_energy, scaling_rule
from accelsim.hardware.energy.source import Action, EnergySource, load_energy
from accelsim.hardware.energy.sram import sram_beyond, sram_fits, sram_leakage_mw, sram_pj, sram_points
from accelsim.hardware.energy.table import EnergyTable

__all__ = [
    "Action",
    "Band",
    "DramFigure",
    "EnergySource",
    "EnergyTable",
    "add_band",
    "add_pj",
    "dram_figures",
    "dram_kinds",
    "dram_pj_per_bit",
    "energy_band",
    "load_energy",
    "multiply_band",
    "multiply_pj",
    "register_pj",
    "scale_energy",
    "scaling_rule",
    "sram_beyond",
    "sram_fits",
    "sram_leakage_mw",
    "sram_pj",
    "sram_points",
]
