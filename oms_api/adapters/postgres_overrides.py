"""Overrides in Postgres. What was denied is read from the order's own events, never from who asks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import (
    Denied,
    NamedOrder,
    NewOverride,
    OverrideFilter,
    OverrideView,
    RuleLetPass,
)
from oms_platform.messages import OrderEvent, ReplaceOrder, SubmitOrder
from oms_platform.override_rows import checks_decoder, terms_decoder
from oms_platform.prices import dollars_of
from oms_platform.wire import encode

_COLUMNS: Final = (
    "override_id, request_id, order_id, account_id, trader, terms::text, checks::text, granted_by, reason,"
    " granted_at, expires_at, used_by, used_at, revoked_by, revoke_reason, revoked_at"
)
_NAMED: Final = (
    "SELECT o.order_id FROM order_keys k JOIN orders o ON o.order_id = k.order_id"
    " AND o.client_order_id = k.client_order_id"
    " WHERE k.account_id = %s AND k.client_order_id = %s ORDER BY o.order_id DESC LIMIT 1"
)
_ORDER: Final = (
    "SELECT order_id FROM orders WHERE order_id = %(order)s"
    " AND (%(account)s::text IS NULL OR account_id = %(account)s)"
    " AND (%(own)s::text IS NULL OR client_order_id = %(own)s)"
    " AND (%(accounts)s::text[] IS NULL OR account_id = ANY(%(accounts)s))"
)
_DENIED: Final = (
    "SELECT e.payload::text, r.payload::text, r.principal, n.principal FROM order_events e"
    " JOIN order_requests r ON r.request_id = coalesce(e.request_id, e.order_id)"
    " JOIN order_requests n ON n.request_id = e.order_id WHERE e.order_id = %s AND (e.type = 'OrderDenied'"
    " OR (e.type = 'ReplaceRejected' AND e.payload::jsonb->'replaceRejected' ? 'terms'))"
    " ORDER BY e.sequence DESC LIMIT 1"
)
_GRANT: Final = (
    "INSERT INTO risk_overrides (override_id, request_id, order_id, account_id, trader, terms, checks,"
    " granted_by, reason, granted_at, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    f" ON CONFLICT (request_id) WHERE revoked_at IS NULL DO NOTHING RETURNING {_COLUMNS}"
)
_LIST: Final = (
    f"SELECT {_COLUMNS} FROM risk_overrides"
    " WHERE (%(accounts)s::text[] IS NULL OR account_id = ANY(%(accounts)s))"
    " AND (%(account)s::text IS NULL OR account_id = %(account)s)"
    " AND (%(order)s::uuid IS NULL OR coalesce(order_id, request_id) = %(order)s)"
    " AND (%(open_at)s::timestamptz IS NULL OR (used_at IS NULL AND revoked_at IS NULL"
    " AND expires_at > %(open_at)s))"
    " AND (%(before)s::timestamptz IS NULL OR granted_at < %(before)s)"
    " ORDER BY granted_at DESC, override_id DESC LIMIT %(limit)s"
)
_REVOKE: Final = (
    "UPDATE risk_overrides SET revoked_by = %s, revoke_reason = %s, revoked_at = %s"
    " WHERE coalesce(order_id, request_id) = %s AND used_at IS NULL AND revoked_at IS NULL"
    f" RETURNING {_COLUMNS}"
)
_event_decoder: Final = msgspec.json.Decoder(OrderEvent)
_submit_decoder: Final = msgspec.json.Decoder(SubmitOrder)
_replace_decoder: Final = msgspec.json.Decoder(ReplaceOrder)


class PostgresOverrideDesk:
    """The OverrideDesk on `risk_overrides`, and on the events of orders."""

    def __init__(self, pool: DeskPool) -> None:
        self._pool = pool

    async def order_id(self, named: NamedOrder) -> UUID | None:
        """Return the order that is meant, None where there is none."""
        order_id = named.order_id
        if order_id is None:
            rows = await self._pool.run(_NAMED, (named.account_id, named.client_order_id))
            order_id = rows[0][0] if rows else None
        if order_id is None:
            return None
        values = {
            "order": order_id,
            "account": named.account_id,
            "own": named.client_order_id,
            "accounts": None if named.accounts is None else sorted(named.accounts),
        }
        rows = await self._pool.run(_ORDER, values)
        return rows[0][0] if rows else None

    async def denied(self, order_id: UUID) -> Denied | None:
        """Return what risk denied last of an order, None where it denied nothing."""
        rows = await self._pool.run(_DENIED, (order_id,))
        if not rows:
            return None
        payload, request, asker, owner = rows[0]
        event = _event_decoder.decode(payload)
        if event.order_denied is not None:
            submitted = _submit_decoder.decode(request)
            return Denied(
                request_id=order_id,
                order_id=None,
                terms=submitted.terms,
                trader=submitted.terms.principal,
                asked_by=frozenset((asker, owner, submitted.terms.principal)),
                checks=event.order_denied.checks,
                overridable=event.order_denied.overridable,
                denied_at=event.occurred_at,
            )
        rejected = event.replace_rejected
        if rejected is None or rejected.terms is None:
            return None
        trader = _replace_decoder.decode(request).principal
        return Denied(
            request_id=rejected.request_id,
            order_id=order_id,
            terms=rejected.terms,
            trader=trader,
            asked_by=frozenset((asker, owner, trader, rejected.terms.principal)),
            checks=rejected.checks,
            overridable=rejected.overridable,
            denied_at=event.occurred_at,
        )

    async def grant(self, override: NewOverride) -> OverrideView | None:
        """Give leave. None where there is leave for the same denial already."""
        denied = override.denied
        rows = await self._pool.run(
            _GRANT,
            (
                override.override_id,
                denied.request_id,
                denied.order_id,
                denied.terms.account_id,
                denied.trader,
                encode(denied.terms).decode(),
                msgspec.json.encode(override.checks).decode(),
                override.by,
                override.reason,
                override.granted_at,
                override.expires_at,
            ),
            by=override.by,
            reason=override.reason,
        )
        return _view(rows[0], override.granted_at) if rows else None

    async def overrides(self, wanted: OverrideFilter, now: datetime) -> list[OverrideView]:
        """Return leave that was given, the newest first."""
        rows = await self._pool.run(
            _LIST,
            {
                "accounts": None if wanted.accounts is None else sorted(wanted.accounts),
                "account": wanted.account_id,
                "order": wanted.order_id,
                "open_at": wanted.open_at,
                "before": wanted.before,
                "limit": wanted.limit,
            },
        )
        return [_view(row, now) for row in rows]

    async def revoke(self, order_id: UUID, *, by: str, reason: str, now: datetime) -> list[OverrideView]:
        """Take back what leave of an order is not used, expired or not. Returns it."""
        try:
            rows = await self._pool.run(_REVOKE, (by, reason, now, order_id), by=by, reason=reason)
        except psycopg.IntegrityError:
            # It was used, or revoked, at the same moment.
            return []
        return [_view(row, now) for row in rows]


def _view(row: Sequence[Any], now: datetime) -> OverrideView:
    (
        override_id, request_id, order_id, account_id, trader, terms_text, checks_text, granted_by, reason,
        granted_at, expires_at, used_by, used_at, revoked_by, revoke_reason, revoked_at,
    ) = row  # fmt: skip
    terms, limit = terms_decoder.decode(terms_text), None
    if terms.limit_price_micros is not None:
        limit = dollars_of(terms.limit_price_micros)
    closed = "USED" if used_at is not None else "REVOKED" if revoked_at is not None else ""
    return OverrideView(
        override_id=override_id,
        status=closed or ("OPEN" if now < expires_at else "EXPIRED"),
        kind="NEW" if order_id is None else "REPLACE",
        order_id=request_id if order_id is None else order_id,
        request_id=request_id,
        account_id=account_id,
        trader=trader,
        symbol=terms.symbol,
        side=terms.side.name,
        order_type=terms.order_type.name,
        time_in_force=terms.time_in_force.name,
        quantity=terms.quantity,
        limit_price=limit,
        rules=[RuleLetPass(one.rule, one.value, one.bound) for one in checks_decoder.decode(checks_text)],
        granted_by=granted_by,
        reason=reason,
        granted_at=granted_at,
        expires_at=expires_at,
        used_by=used_by,
        used_at=used_at,
        revoked_by=revoked_by,
        revoke_reason=revoke_reason,
        revoked_at=revoked_at,
    )
