"""An anchor: what the log's head was at a time, kept where whoever can rewrite the database cannot."""

from datetime import datetime
from pathlib import Path

import msgspec

from oms_platform.audit_chain import LINK_BYTES
from oms_platform.errors import ConfigurationError
from oms_platform.postgres import Connection


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """The head of `audit_log`, which has named every account's head just before.

    chain: hexadecimal. accounts, events: how many streams there were, and events in them.
    """

    at: datetime
    sequence: int
    chain: str
    accounts: int
    events: int


def make_anchor(connection: Connection) -> Anchor:
    """Note the heads of the account streams in the log, and return its head."""
    row = connection.execute(
        "WITH head AS MATERIALIZED (SELECT (anchor_audit()).*)"
        " SELECT now(), sequence, encode(chain, 'hex'), s.count, s.sum FROM head,"
        " (SELECT count(*), coalesce(sum(head), 0)::bigint AS sum FROM account_streams) s"
    ).fetchone()
    if row is None:
        raise ConfigurationError("expected the head of audit_log, found none")
    return Anchor(at=row[0], sequence=row[1], chain=row[2], accounts=row[3], events=row[4])


def read_anchor(path: Path) -> Anchor:
    """Return the anchor that a file holds, the last line that is one. Raises ConfigurationError."""
    problem = "it is empty"
    for line in reversed(path.read_bytes().splitlines()):
        if not line.strip():
            continue
        try:
            anchor = msgspec.json.decode(line, type=Anchor)
            if len(bytes.fromhex(anchor.chain)) == LINK_BYTES:
                return anchor
            problem = f"chain must be {LINK_BYTES} bytes in hexadecimal, was {anchor.chain!r}"
        except ValueError as error:
            problem = str(error)
        break
    raise ConfigurationError(f"{path} must end with an anchor, as `oms audit anchor` prints it: {problem}")
