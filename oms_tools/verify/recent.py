"""The judge on recent orders alone: the same questions, at a cost that does not grow with what is stored.

The law of this file: no second set of checks. Temporary views with the tables' names stand before them in
this connection, and show the rows of orders from a time on; what is asked of one order by its own rows is
then asked of these. What is asked of accounts, streams or venues takes everything, and is not asked here.
"""

from datetime import datetime
from typing import Final

from oms_platform.ids import uuid7_floor
from oms_platform.postgres import Connection
from oms_tools.verify.database import QUESTIONS, check_database
from oms_tools.verify.histories import check_histories
from oms_tools.verify.report import Report

# Each has an order_id, which a UUIDv7 makes a time.
_TABLES: Final = (
    "orders",
    "order_keys",
    "order_requests",
    "order_events",
    "executions",
    "child_orders",
    "route_audit",
)
_FROM: Final = "oms.recent_from"
_ASKED: Final = tuple(question for question in QUESTIONS if question.of_orders)


def judge_recent(connection: Connection, since: datetime) -> Report:
    """Hold the invariants that an order's own rows show, of orders from `since` on.

    connection: of this judge alone, as it sees no other orders after that.
    """
    connection.execute("SELECT set_config(%s, %s, false)", (_FROM, str(uuid7_floor(since))))
    there = connection.execute("SELECT to_regclass('pg_temp.orders')").fetchone()
    if there is None or there[0] is None:
        for table in _TABLES:
            connection.execute(
                f"CREATE TEMP VIEW {table} AS SELECT * FROM public.{table}"
                f" WHERE order_id >= current_setting('{_FROM}')::uuid"
            )
    with connection.transaction():
        # Of one moment: what core does in a transaction is never seen in parts.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return Report(findings=[*check_database(connection, _ASKED), *check_histories(connection)])
