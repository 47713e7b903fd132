"""Which tables the audit covers, and how: a table that is in none of these lists breaks the build.

What people and tools change is *audited*: a trigger appends each change to `audit_log`, whoever makes it.
What core writes is *chained*: rows link to the row before. What is neither has its reason.
"""

from collections.abc import Mapping
from typing import Final

# By table, the columns that name a row.
AUDITED: Final[Mapping[str, tuple[str, ...]]] = {
    "accounts": ("account_id",),
    "risk_rules": ("change_id",),
    "risk_overrides": ("override_id",),
    "instruments": ("symbol",),
    "venues": ("venue_id",),
    "fee_schedules": ("venue_id", "effective_from"),
    "charges": ("charge", "effective_from"),
    "cash_entries": ("entry_id",),
    "position_actions": ("action_id",),
    "easy_to_borrow": ("trade_date",),
    "locates": ("account_id", "symbol", "reference"),
    "routing_profiles": ("profile", "version"),
    "account_routing": ("account_id",),
    "kill_switches": ("switch_id",),
    "kill_triggers": ("trigger_id",),
    "halts": ("halt_id",),
    "execution_exceptions": ("exception_id",),
    "venue_sessions": ("venue_id",),
    "fix_commands": ("command_id",),
    "fix_clients": ("comp_id",),
    "calendars": ("calendar_id",),
    "calendar_sessions": ("calendar_id", "session_date"),
    "auction_rules": ("calendar_id", "auction", "effective_from"),
    "market_rules": ("effective_from",),
    "round_lot_tiers": ("effective_from", "price_from"),
    "instrument_rules": ("symbol", "effective_from"),
    "reconciliations": ("run_id",),
    "reconciliation_breaks": ("run_id", "cl_ord_id"),
    "audit_begins": ("stream",),
    "risk_alert_acks": ("alert_id", "times_raised"),
    "surveillance_reports": ("report_id",),
    "surveillance_reviews": ("review_id",),
}

# Columns of these that hold a secret. The log has only a hash of one, and nobody is told even that.
SECRET: Final = frozenset({"password_hash"})

CHAINED: Final[Mapping[str, str]] = {
    "order_events": "each row has its link, in the order of its account's stream",
    "account_streams": "the head of each account's chain, moved by the statement that is core's fence",
    "order_requests": "the digest of each is in the link of its outcome",
    "audit_log": "each row has its link",
    "audit_head": "the head of the chain of audit_log",
}

# Why a change of it needs no row of its own.
LEFT_OUT: Final[Mapping[str, str]] = {
    "alembic_version": "which migrations have run; each is code of a release",
    "audit_anchors": "what the last anchor named, which is a row of audit_log",
    "order_keys": "follows from the requests, to which `oms verify` holds it",
    "orders": "follows from requests and events, to which `oms verify` holds it",
    "positions": "the sum of the events' trades, to which `oms verify` holds it",
    "account_days": "what core measured of positions and marks, moved by both",
    "position_changes": "follow from actions and positions, to which `oms verify` holds them",
    "locate_draws": "what the events' orders have drawn, to which `oms verify` holds it",
    "position_refusals": "what core did not take of actions, which are rows of their own",
    "cash_settlements": "the sum of the events' trades, to which `oms verify` holds it",
    "child_orders": "what an order's events say of its children, to which `oms verify` holds it",
    "child_cancels": "what the adapter has been asked for by core; the wish is a request or an event",
    "refused_plans": "what the adapter answered; the answer is an event",
    "route_audit": "has a digest of what was decided, and is decided again by `oms verify`",
    "route_books": "what routes stood on; their digests hold it",
    "route_references": "what routes stood on; their digests hold it",
    "quote_tape": "market data, thousands of rows a second",
    "venue_scorecards": "measured, and replaced every second",
    "fix_journal": "what venues sent, as it came; what was applied of it is an event",
    "fix_checkpoints": "how far the adapter has read, a row a second",
    "fix_sessions": "numbers and state of sessions, moved by every message",
    "fix_client_sessions": "numbers of sessions, moved by every message",
    "fix_client_messages": "copies of events and answers",
    "kill_switch_effects": "since when each process goes by a switch, which it says itself",
    "kill_switch_positions": "how positions stand that a switch closes, which follows from orders",
    "kill_switch_closings": "core's own orders, which are events, and to which `oms verify` holds them",
    "kill_switch_covered": "what a switch found open, which follows from orders and children",
    "consumer_offsets": "how far each service has read, moved by every batch",
    "core_owners": "where the owner of a partition answers, moved by every start",
    "risk_alerts": "follows from positions, marks and limits; who has seen one is in risk_alert_acks",
    "drop_copy_places": "how far a topic has the executions, which are events",
    "surveillance_findings": "follows from a day's orders and the report's parameters, and is only added to",
    "reference_versions": "counters that say when to read again",
}


def begin_to_audit(table: str, key: tuple[str, ...]) -> str:
    """Return the SQL, of a migration, that begins to audit a table: its rows as they are, then each change.

    key: the columns that name a row.
    """
    columns = ", ".join(f"'{column}'" for column in key)
    return f"""
CREATE CONSTRAINT TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON {table} DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION audited({columns});
CREATE TRIGGER not_truncated BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT audit_as_they_are('{table}', {columns});
SET CONSTRAINTS audited IMMEDIATE;
"""
