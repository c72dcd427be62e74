"""Compiled loops over packed masks; imported when a layer is replayed."""
