"""Arrays of tiles x rows x columns x lanes that walk windows and filters in step (DaDianNao and its descendants).

A tile has `rows` filters by `columns` windows; each pair has `lanes` multipliers that take one channel each. Filter
sets go to tiles, window sets to columns, and time runs over kernel positions and channel blocks.
"""
