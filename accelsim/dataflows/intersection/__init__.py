"""Inner products of sparse vectors by intersecting the bit masks of their chunks (SparTen)."""
