"""Compiled loops over drawn numbers, imported when they are needed."""
