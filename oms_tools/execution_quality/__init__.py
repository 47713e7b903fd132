"""Execution quality as people read it: a table, CSV files, and an HTML page with plots."""
