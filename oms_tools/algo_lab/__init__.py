"""Algo orders tried on a model of a market, and drawn: what was planned against what was done."""
