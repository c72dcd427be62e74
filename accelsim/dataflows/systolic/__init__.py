"""Systolic arrays: one operand stays in the array, the others stream through it."""
