"""Inputs of networks: pictures, arrays, sound and text, chosen by seed and prepared as a workload declares.

`spec` holds the keys of a workload's `inputs`, `items` finds and chooses them, `fed` is the base of sources that
have them; `pictures`, `arrays`, `waves` and `sentences` read one kind each. Nothing here loads torch on import.
"""
