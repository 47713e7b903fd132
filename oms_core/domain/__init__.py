"""The order machine, risk and positions: pure, on the standard library alone."""
