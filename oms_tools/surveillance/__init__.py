"""Surveillance: a day's orders and executions held to patterns of abuse."""
