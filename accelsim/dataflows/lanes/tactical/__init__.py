"""Weights of a lane array scheduled before the run so that few lanes are empty (Bit-Tactical), on three back ends."""
