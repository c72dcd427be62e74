"""GPUs: the same statistics on a device, records of runs on one, and the simulated beside the measured."""
