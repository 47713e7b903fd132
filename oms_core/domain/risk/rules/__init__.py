"""The rules of pre-trade risk, a file each: pure functions of a context and of its limits."""
