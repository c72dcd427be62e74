"""Slow, plain and obvious: what the simulator is held against, one file per machine or idea."""
