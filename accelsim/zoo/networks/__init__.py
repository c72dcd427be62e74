"""The definitions of the zoo's networks: each module has `network()` and `inputs(stored)`; see `accelsim.zoo`."""
