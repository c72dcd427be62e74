"""Compiled loops of the scheduled lane arrays; imported when a layer is replayed."""
