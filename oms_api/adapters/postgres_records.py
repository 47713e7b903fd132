"""What was asked and what was executed, over many orders, from Postgres.

Executions are read by account: each account's newest are found by an index, and the newest of these are the
page, so that an account that trades little is not looked for among all that others did.
"""

from datetime import timedelta
from typing import Any, Final

import msgspec

from oms_api.adapters.desk_pool import EXECUTION_COLUMNS, DeskPool
from oms_api.ports import ChangeFilter, ChangeView, ExecutionFilter, ExecutionView, RequestFilter, RequestView
from oms_platform.ids import uuid7_floor
from oms_platform.schema.audited import SECRET

_KEY: Final = "recorded_at {0}, order_id {0}, sequence {0}"
_EVERY_ACCOUNT: Final = "accounts"
_THESE_ACCOUNTS: Final = "unnest(%(accounts)s::text[]) AS accounts (account_id)"
# A row as it is told: of a secret only whether it is another one.
_TOLD: Final = (
    "coalesce({0} || (SELECT jsonb_object_agg(name, CASE WHEN before->name <> {0}->name"
    " THEN 'changed, not told' ELSE 'not told' END) FROM unnest(%(secret)s::text[]) name WHERE {0} ? name),"
    " {0})::text"
)
# A UUIDv7 is made some moments around the instant that received_at holds.
_ID_SKEW: Final = timedelta(seconds=5)


class PostgresRecords:
    """The Records on the desk's connections."""

    def __init__(self, pool: DeskPool) -> None:
        self._pool = pool

    async def executions(self, wanted: ExecutionFilter) -> list[ExecutionView]:
        """Return the executions of a filter."""
        values = executions_values(wanted)
        return [ExecutionView(*row) for row in await self._pool.run(executions_statement(wanted), values)]

    async def requests(self, wanted: RequestFilter) -> list[RequestView]:
        """Return the requests of a filter, newest first."""
        conditions, values = _conditions(
            ("request_id >= %(low)s", "low", uuid7_floor(wanted.received_from - _ID_SKEW)),
            ("request_id < %(high)s", "high", uuid7_floor(wanted.received_to + _ID_SKEW)),
            ("received_at >= %(from)s", "from", wanted.received_from),
            ("received_at < %(to)s", "to", wanted.received_to),
            ("request_id < %(after)s", "after", wanted.after),
            ("account_id = ANY(%(accounts)s)", "accounts", _listed(wanted.accounts)),
            ("principal = ANY(%(principals)s)", "principals", _listed(wanted.principals)),
            ("kind = ANY(%(kinds)s)", "kinds", _listed(wanted.kinds)),
            ("order_id = %(order)s", "order", wanted.order_id),
        )
        rows = await self._pool.run(
            "SELECT request_id, kind, order_id, account_id, principal,"
            " coalesce(payload->'terms'->>'channel', payload->>'channel', ''), received_at, payload::text"
            f" FROM order_requests WHERE {conditions} ORDER BY request_id DESC LIMIT %(limit)s",
            values | {"limit": wanted.limit},
        )
        return [RequestView(*(*row[:-1], msgspec.Raw(row[-1].encode()))) for row in rows]

    async def changes(self, wanted: ChangeFilter) -> list[ChangeView]:
        """Return the changes of a filter, newest first."""
        conditions, values = _conditions(
            ("sequence < %(after)s", "after", wanted.after),
            ("table_name = ANY(%(tables)s)", "tables", _listed(wanted.tables)),
            ("actor = ANY(%(actors)s)", "actors", _listed(wanted.actors)),
            ("at >= %(from)s", "from", wanted.made_from),
            ("at < %(to)s", "to", wanted.made_to),
            ("EXISTS (SELECT FROM jsonb_each_text(key) k WHERE k.value = %(key)s)", "key", wanted.key),
            (
                "coalesce(after->>'account_id', before->>'account_id', after->'scope'->>'account')"
                " = ANY(%(accounts)s)",
                "accounts",
                _listed(wanted.accounts),
            ),
        )
        rows = await self._pool.run(
            "SELECT sequence, at, actor, reason, table_name, operation, key::text,"
            f" {_TOLD.format('before')}, {_TOLD.format('after')}, encode(chain, 'hex') FROM audit_log"
            f" WHERE {conditions} ORDER BY sequence DESC LIMIT %(limit)s",
            values | {"limit": wanted.limit, "secret": sorted(SECRET)},
        )
        return [
            ChangeView(*(*row[:6], msgspec.Raw(row[6].encode()), _raw(row[7]), _raw(row[8]), row[9]))
            for row in rows
        ]


def executions_statement(wanted: ExecutionFilter) -> str:
    """Return the statement of a list of executions."""
    accounts = _EVERY_ACCOUNT if wanted.accounts is None else _THESE_ACCOUNTS
    order = _KEY.format("ASC" if wanted.oldest_first else "DESC")
    return (
        f"SELECT found.* FROM {accounts} CROSS JOIN LATERAL (SELECT {EXECUTION_COLUMNS} FROM executions x"
        f" WHERE x.account_id = accounts.account_id AND {_of(wanted)[0]} ORDER BY {order} LIMIT %(limit)s"
        f") AS found ORDER BY {order} LIMIT %(limit)s"
    )


def executions_values(wanted: ExecutionFilter) -> dict[str, Any]:
    """Return the values of a list of executions."""
    return _of(wanted)[1] | {"accounts": _listed(wanted.accounts), "limit": wanted.limit}


def _of(wanted: ExecutionFilter) -> tuple[str, dict[str, Any]]:
    beyond = ">" if wanted.oldest_first else "<"
    at, order_id, sequence = wanted.after or (None, None, None)
    conditions, values = _conditions(
        (f"(recorded_at, order_id, sequence) {beyond} (%(at)s, %(order)s, %(sequence)s)", "at", at),
        ("recorded_at >= %(from)s", "from", wanted.recorded_from),
        ("recorded_at < %(to)s", "to", wanted.recorded_to),
        ("symbol = ANY(%(symbols)s)", "symbols", _listed(wanted.symbols)),
        ("venue_id = ANY(%(venues)s)", "venues", _listed(wanted.venues)),
        ("side = %(side)s", "side", wanted.side),
    )
    return conditions, values | {"order": order_id, "sequence": sequence}


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def _listed(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _conditions(*given: tuple[str, str, object]) -> tuple[str, dict[str, Any]]:
    """Return what is asked for of (condition, name, value), and the values by name."""
    asked = [one for one in given if one[2] is not None]
    return " AND ".join(one[0] for one in asked) or "true", {name: value for _, name, value in asked}
