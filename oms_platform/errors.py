"""The two kinds of error that are exceptions: operational ones, which pass, and broken invariants."""


class OperationalError(Exception):
    """Something outside is away or slow. The work is retried, from the start-up path, with backoff."""


class BrokenInvariantError(Exception):
    """The state contradicts itself. The process stops at once and keeps the evidence."""
