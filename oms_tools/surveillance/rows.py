"""A day out of Postgres, and a report into it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from oms_platform.ids import uuid7
from oms_platform.postgres import act_as
from oms_platform.prices import micros_of
from oms_platform.vocabulary import Side
from oms_tools.surveillance.day import Day, DayExecution, DayOrder, Hit

Connection = psycopg.Connection[Any]
# When a calendar's day begins and ends, and when its market closes on it.
_DAYS: Final = """
SELECT calendar_id, begins_at, ends_at, CASE WHEN continuous_from IS NULL THEN s.closes_at ELSE ends_at END
FROM (SELECT calendar_id, continuous_from,
             (%(day)s::date + coalesce(continuous_from, '00:00')) AT TIME ZONE zone AS begins_at,
             (%(day)s::date + 1 + coalesce(continuous_from, '00:00')) AT TIME ZONE zone AS ends_at
      FROM calendars) c
LEFT JOIN (SELECT * FROM calendar_sessions WHERE session_date = %(day)s) s USING (calendar_id)
"""
_SYMBOLS: Final = "SELECT symbol FROM instruments WHERE calendar_id = %s"
# Orders that were taken, traded or ended within a time.
_ORDERS: Final = """
SELECT o.order_id, o.account_id, a.firm_id, o.symbol, o.side, o.quantity, o.limit_price, o.cum_qty,
       e.began_at, e.canceled_at
FROM orders o JOIN accounts a USING (account_id)
JOIN LATERAL (SELECT min(occurred_at) FILTER (WHERE type = 'OrderAccepted') AS began_at,
                     max(occurred_at) FILTER (WHERE type = 'OrderCanceled') AS canceled_at
              FROM order_events WHERE order_id = o.order_id) e ON true
WHERE e.began_at IS NOT NULL AND o.symbol = ANY(%s) AND o.order_id IN (
    SELECT order_id FROM order_events WHERE occurred_at >= %s AND occurred_at < %s
    AND type IN ('OrderAccepted', 'OrderCanceled', 'TradeApplied'))
"""
_EXECUTIONS: Final = """
SELECT e.order_id, e.account_id, a.firm_id, e.symbol, e.side, e.last_qty, e.last_px, e.transact_time,
       e.venue_id, e.exec_id
FROM executions e JOIN accounts a USING (account_id)
WHERE e.symbol = ANY(%s) AND e.recorded_at >= %s AND e.recorded_at < %s
"""
_REPORT: Final = (
    "INSERT INTO surveillance_reports (report_id, day, patterns, parameters, orders, executions, digest,"
    " run_by, run_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_FINDING: Final = (
    "INSERT INTO surveillance_findings (finding_id, report_id, identity, pattern, firm_id, accounts, symbol,"
    " orders, began_at, ended_at, figures, why) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


def read_day(connection: Connection, day: date) -> Day:
    """Return a day's orders and executions, of each market by its own calendar."""
    orders: list[DayOrder] = []
    executions: list[DayExecution] = []
    closes: dict[str, datetime] = {}
    for calendar, begins, ends, close in connection.execute(_DAYS, {"day": day}).fetchall():
        symbols = [symbol for (symbol,) in connection.execute(_SYMBOLS, (calendar,))]
        if close is not None:
            closes |= dict.fromkeys(symbols, close)
        orders += map(_order, connection.execute(_ORDERS, (symbols, begins, ends)))
        executions += map(_execution, connection.execute(_EXECUTIONS, (symbols, begins, ends)))
    return Day(date=day, orders=tuple(orders), executions=tuple(executions), closes=closes)


def _order(row: Sequence[Any]) -> DayOrder:
    order_id, account_id, firm, symbol, side, quantity, limit, executed, began_at, canceled_at = row
    return DayOrder(
        order_id=order_id,
        account_id=account_id,
        firm=firm,
        symbol=symbol,
        side=Side[side],
        quantity=quantity,
        limit_micros=None if limit is None else micros_of(limit),
        began_at=began_at,
        canceled_at=canceled_at,
        executed=executed,
    )


def _execution(row: Sequence[Any]) -> DayExecution:
    order_id, account_id, firm, symbol, side, quantity, price, at, venue_id, exec_id = row
    return DayExecution(
        order_id=order_id,
        account_id=account_id,
        firm=firm,
        symbol=symbol,
        side=Side[side],
        quantity=quantity,
        price_micros=micros_of(price),
        at=at,
        venue_id=venue_id,
        exec_id=exec_id,
    )


def store_report(
    connection: Connection,
    day: Day,
    hits: Sequence[Hit],
    parameters: Mapping[str, Mapping[str, int]],
    *,
    by: str,
    now: datetime,
) -> UUID:
    """Store a report with its findings, or nothing of it. Returns its id. parameters: by pattern."""
    report_id = uuid7()
    act_as(connection, by, "a run of surveillance")
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            _REPORT,
            (
                report_id,
                day.date,
                list(parameters),
                Jsonb(parameters),
                len(day.orders),
                len(day.executions),
                day.digest,
                by,
                now,
            ),
        )
        cursor.executemany(
            _FINDING,
            [
                (
                    uuid7(),
                    report_id,
                    hit.identity,
                    hit.pattern,
                    hit.firm,
                    list(hit.accounts),
                    hit.symbol,
                    list(hit.orders),
                    hit.began_at,
                    hit.ended_at,
                    Jsonb(dict(hit.figures)),
                    hit.why,
                )
                for hit in hits
            ],
        )
    return report_id
