"""The same layers on an equal machine: this project, ZigZag and SCALE-Sim side by side. `python -m benchmarks.peers`."""
