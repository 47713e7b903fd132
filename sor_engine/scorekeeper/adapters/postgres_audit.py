"""What the audit needs of time: an anchor every hour, and an end of what is old enough.

The anchor is a log line: what collects logs keeps it where whoever can write the database cannot.
"""

from datetime import datetime, timedelta

import structlog

from oms_platform.postgres import Connection

log = structlog.get_logger()


def anchor_audit(connection: Connection) -> None:
    """Have the log of changes name every account stream's head, and say what its own head is now."""
    row = connection.execute("SELECT sequence, encode(chain, 'hex') FROM anchor_audit()").fetchone()
    if row is not None:
        log.info("audit_anchored", sequence=row[0], chain=row[1])


def forget_audit(connection: Connection, days: int, days_min: int, now: datetime) -> int:
    """Drop changes that are older than `days`; what they say of rows that are there is said again first.

    Returns how many went. Raises ValueError for fewer days than `days_min`.
    """
    if days < days_min:
        raise ValueError(f"days must be at least {days_min}, was {days}")
    row = connection.execute("SELECT forget_audit(%s)", (now - timedelta(days=days),)).fetchone()
    return row[0] if row else 0
