"""Tilings and loop orders of a layer on a memory hierarchy: what moves between levels, exactly, and the best of them."""
