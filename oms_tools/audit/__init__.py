"""Hold the audit's chains to what is stored, or to a file that left with it."""
