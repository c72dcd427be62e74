"""DRAM: parts with JEDEC timings as data, and how long they take for an address stream."""

from accelsim.hardware.dram.boxes import box_runs
from accelsim.hardware.dram.device import DramDevice, load_dram
from accelsim.hardware.dram.flat import FlatDram, flat
from accelsim.hardware.dram.runs import Runs, joined, runs_of
from accelsim.hardware.dram.service import Device, Served, service
from accelsim.hardware.dram.trace import read_trace, write_trace

__all__ = [
    "Device",
    "DramDevice",
    "FlatDram",
    "Runs",
    "Served",
    "box_runs",
    "flat",
    "joined",
    "load_dram",
    "read_trace",
    "runs_of",
    "service",
    "write_trace",
]
