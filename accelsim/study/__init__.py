"""Studies: the same workloads on many machines, as a grid (sweep) or a search, here or on a cluster."""
