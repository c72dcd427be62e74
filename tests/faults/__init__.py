"""Faults: killed processes, full disks, read-only folders, processes side by side, altered bytes, wrong clocks."""
