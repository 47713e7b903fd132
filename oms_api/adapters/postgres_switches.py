"""Kill switches in Postgres. A row is set once, may be raised, is released once, and stays."""

from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import (
    ClosedPositionView,
    EffectView,
    HeldShares,
    OutstandingView,
    SwitchDetail,
    SwitchView,
    TriggerView,
)
from oms_platform.clock import Clock
from oms_platform.ids import uuid7
from oms_platform.kill_switches import Stage, TriggerKind, TriggerMode
from oms_platform.scopes import Scope

_COLUMNS: Final = (
    "switch_id, scope, stage, reason, set_by, set_at, raised, trigger_id, released_by, release_reason,"
    " released_at"
)
_VISIBLE: Final = "(%s::text[] IS NULL OR NOT scope ? 'account' OR scope->>'account' = ANY(%s))"
_SWITCHES: Final = (
    f"SELECT {_COLUMNS} FROM kill_switches WHERE (%s OR released_at IS NULL) AND {_VISIBLE}"
    " ORDER BY set_at DESC, switch_id LIMIT %s"
)
_SWITCH: Final = f"SELECT {_COLUMNS} FROM kill_switches WHERE switch_id = %s AND {_VISIBLE}"
# Raised only from a stage below: of two who raise it at once, one finds it raised.
_RAISE: Final = (
    "UPDATE kill_switches SET stage = %s, raised = raised || %s WHERE switch_id = %s AND stage = ANY(%s)"
    f" AND released_at IS NULL RETURNING {_COLUMNS}"
)
_EFFECTS: Final = (
    "SELECT service, member, stage, since FROM kill_switch_effects WHERE switch_id = %s"
    " ORDER BY since, service, member, stage"
)
# What a switch found open: core's orders (no cl_ord_id) and the adapter's children, with what became of them.
_COVERED: Final = """
FROM kill_switch_covered k JOIN kill_switches s USING (switch_id) JOIN orders o ON o.order_id = k.order_id
LEFT JOIN child_orders c ON c.order_id = k.order_id AND c.cl_ord_id = k.cl_ord_id
WHERE k.switch_id = %s AND (%s::text[] IS NULL OR o.account_id = ANY(%s))
"""
_COUNTS: Final = f"""
SELECT count(*) FILTER (WHERE k.cl_ord_id = ''),
       count(*) FILTER (WHERE k.cl_ord_id = '' AND o.closed),
       count(*) FILTER (WHERE k.cl_ord_id <> ''),
       count(*) FILTER (WHERE k.cl_ord_id <> '' AND coalesce(c.leaves_qty, 0) = 0)
{_COVERED}
"""
_OUTSTANDING: Final = f"""
SELECT found.order_id, found.cl_ord_id, found.account_id, found.venue_id, found.open_qty, found.covered_at,
       CASE WHEN found.stage = 'BLOCK' THEN 'the switch blocks what is new, and cancels nothing'
            WHEN found.cl_ord_id = '' THEN 'the order is ' || found.status
            WHEN NOT f.up THEN 'session down: ' || f.reason
            WHEN rejected.reason IS NOT NULL THEN 'cancel rejected: ' || rejected.reason
            ELSE 'no answer' END
FROM (
    SELECT k.order_id, k.cl_ord_id, o.account_id, o.status, s.stage, k.covered_at,
           coalesce(c.venue_id, '') AS venue_id, coalesce(c.leaves_qty, o.leaves_qty) AS open_qty
    {_COVERED} AND CASE WHEN k.cl_ord_id = '' THEN NOT o.closed ELSE c.leaves_qty > 0 END
    ORDER BY k.covered_at, k.order_id, k.cl_ord_id LIMIT %s
) found
LEFT JOIN fix_sessions f ON f.venue_id = found.venue_id
LEFT JOIN LATERAL (
    SELECT e.payload->'childCancelRejected'->>'reason' AS reason FROM order_events e
    WHERE e.order_id = found.order_id AND e.type = 'ChildCancelRejected'
          AND e.payload->'childCancelRejected'->>'clOrdId' = found.cl_ord_id
    ORDER BY e.sequence DESC LIMIT 1
) rejected ON true
ORDER BY found.covered_at, found.order_id, found.cl_ord_id
"""
_FOUND: Final = """
FROM kill_switch_positions k JOIN kill_switches s USING (switch_id)
LEFT JOIN positions p ON p.account_id = k.account_id AND p.symbol = k.symbol
LEFT JOIN orders o ON o.order_id = k.order_id
WHERE k.switch_id = %s AND (%s::text[] IS NULL OR k.account_id = ANY(%s))
"""
_FOUND_COUNTS: Final = f"SELECT count(*), count(*) FILTER (WHERE coalesce(p.quantity, 0) = 0) {_FOUND}"
_FOUND_POSITIONS: Final = f"""
SELECT k.account_id, k.symbol, k.found_qty, coalesce(p.quantity, 0),
       CASE WHEN s.released_at IS NOT NULL AND k.state <> 'FLAT' THEN 'RELEASED' ELSE k.state END,
       k.why, k.rounds, k.order_id, coalesce(o.leaves_qty, 0), k.found_at
{_FOUND} ORDER BY (coalesce(p.quantity, 0) = 0), k.found_at, k.account_id, k.symbol LIMIT %s
"""
_HELD: Final = (
    "SELECT account_id, symbol, quantity FROM positions WHERE quantity <> 0"
    " AND (%s = '' OR account_id = %s) AND (%s = '' OR symbol = %s) ORDER BY account_id, symbol"
)
_TRIGGER_COLUMNS: Final = (
    "trigger_id, kind, scope, threshold, window_s, stage, mode, changed_by, reason, changed_at"
)
_PUT_TRIGGER: Final = (
    f"INSERT INTO kill_triggers ({_TRIGGER_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (kind, scope) DO UPDATE SET threshold = EXCLUDED.threshold, window_s = EXCLUDED.window_s,"
    " stage = EXCLUDED.stage, mode = EXCLUDED.mode, changed_by = EXCLUDED.changed_by,"
    f" reason = EXCLUDED.reason, changed_at = EXCLUDED.changed_at RETURNING {_TRIGGER_COLUMNS}"
)


class PostgresSwitchDesk:
    """The SwitchDesk on `kill_switches`, what was noted of their effect, and `kill_triggers`."""

    def __init__(self, pool: DeskPool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def switches(
        self, *, released: bool, accounts: frozenset[str] | None, rows_max: int
    ) -> list[SwitchView]:
        """Return the switches that are set, and those that were released if wanted, the newest first."""
        visible = _visible(accounts)
        rows = await self._pool.run(_SWITCHES, (released, visible, visible, rows_max))
        return [SwitchView(*row) for row in rows]

    async def switch(
        self, switch_id: UUID, accounts: frozenset[str] | None, rows_max: int
    ) -> SwitchDetail | None:
        """Return a switch with its effect. None when there is none that the caller may see."""
        visible = _visible(accounts)
        rows = await self._pool.run(_SWITCH, (switch_id, visible, visible))
        if not rows:
            return None
        given = (switch_id, visible, visible)
        effects = await self._pool.run(_EFFECTS, (switch_id,))
        ((orders, orders_over, children, children_over),) = await self._pool.run(_COUNTS, given)
        outstanding = await self._pool.run(_OUTSTANDING, (*given, rows_max))
        ((found, flat),) = await self._pool.run(_FOUND_COUNTS, given)
        positions = await self._pool.run(_FOUND_POSITIONS, (*given, rows_max)) if found else []
        return SwitchDetail(
            kill_switch=SwitchView(*rows[0]),
            in_effect=[EffectView(*row) for row in effects],
            orders_covered=orders,
            orders_over=orders_over,
            children_covered=children,
            children_over=children_over,
            outstanding=[OutstandingView(*row) for row in outstanding],
            positions_found=found,
            positions_flat=flat,
            positions=[_closed_position(row) for row in positions],
        )

    async def set(self, scope: Scope, stage: Stage, *, by: str, reason: str) -> SwitchView | None:
        """Stop a scope. None when it is stopped already."""
        values: tuple[Any, ...] = (uuid7(), _column(scope), stage.value, reason, by, self._clock())
        try:
            rows = await self._pool.run(
                "INSERT INTO kill_switches (switch_id, scope, stage, reason, set_by, set_at)"
                f" VALUES (%s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
                values,
                by=by,
                reason=reason,
            )
        except psycopg.errors.UniqueViolation:
            return None
        return SwitchView(*rows[0])

    async def set_already(self, scope: Scope) -> SwitchView | None:
        """Return the switch that stops just this scope, None when none does."""
        rows = await self._pool.run(
            f"SELECT {_COLUMNS} FROM kill_switches WHERE scope = %s AND released_at IS NULL",
            (_column(scope),),
        )
        return SwitchView(*rows[0]) if rows else None

    async def raise_to(self, switch_id: UUID, stage: Stage, *, by: str, reason: str) -> SwitchView | None:
        """Raise a switch. None when no such switch is set at a stage below."""
        below = [one.value for one in Stage][: [one.value for one in Stage].index(stage.value)]
        entry = {
            "stage": stage.value,
            "by": by,
            "reason": reason,
            "at": self._clock().isoformat().replace("+00:00", "Z"),
        }
        rows = await self._pool.run(
            _RAISE, (stage.value, Jsonb([entry]), switch_id, below), by=by, reason=reason
        )
        return SwitchView(*rows[0]) if rows else None

    async def release(self, switch_id: UUID, by: str, reason: str) -> SwitchView | None:
        """Let a scope trade again. None when there is no such switch that is set."""
        rows = await self._pool.run(
            "UPDATE kill_switches SET released_by = %s, release_reason = %s, released_at = %s"
            f" WHERE switch_id = %s AND released_at IS NULL RETURNING {_COLUMNS}",
            (by, reason, self._clock(), switch_id),
            by=by,
            reason=reason,
        )
        return SwitchView(*rows[0]) if rows else None

    async def held(self, account_id: str, symbol: str) -> list[HeldShares]:
        """Return the positions that are not flat, of an account and a symbol where they are not empty."""
        rows = await self._pool.run(_HELD, (account_id, account_id, symbol, symbol))
        return [HeldShares(*row) for row in rows]

    async def triggers(self) -> list[TriggerView]:
        """Return every trigger, by kind and age."""
        rows = await self._pool.run(f"SELECT {_TRIGGER_COLUMNS} FROM kill_triggers ORDER BY kind, trigger_id")
        return [TriggerView(*row) for row in rows]

    async def put_trigger(
        self,
        kind: TriggerKind,
        scope: Scope,
        *,
        threshold: int,
        window_s: int,
        stage: Stage,
        mode: TriggerMode,
        by: str,
        reason: str,
    ) -> TriggerView:
        """Make a trigger of a kind and scope, or make the one that is there another."""
        values = (
            uuid7(), kind.name, _column(scope), threshold, window_s, stage.value, mode.name, by, reason,
            self._clock(),
        )  # fmt: skip
        rows = await self._pool.run(_PUT_TRIGGER, values)
        return TriggerView(*rows[0])


def _closed_position(row: tuple[Any, ...]) -> ClosedPositionView:
    account_id, symbol, found_qty, held, state, why, rounds, order_id, open_qty, since = row
    return ClosedPositionView(
        account_id=account_id,
        symbol=symbol,
        found_qty=found_qty,
        held=held,
        state=state,
        why=why,
        rounds=rounds,
        order_id=order_id,
        open_qty=open_qty,
        since=since,
    )


def _visible(accounts: frozenset[str] | None) -> list[str] | None:
    return None if accounts is None else sorted(accounts)


def _column(scope: Scope) -> Jsonb:
    return Jsonb(msgspec.to_builtins(scope))
