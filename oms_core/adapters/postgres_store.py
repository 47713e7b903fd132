"""OrderStore on Postgres: a batch is one pipelined transaction of a few statements over arrays.

Two cores that believe they own the same order collide on order_events' key (order_id, sequence): the later
one fails whole, stops, and starts again from what is stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from oms_core.domain.desk import Desk
from oms_core.domain.machine import apply
from oms_core.domain.order import EVENT_TYPES, Order, OrderType, RoutingWish, Side, Terms, TimeInForce
from oms_core.domain.positions import Position
from oms_core.domain.risk import AccountLimits, InstrumentTerms
from oms_core.ports import UnitOfWork
from oms_platform.errors import BrokenInvariantError
from oms_platform.kafka.topics import murmur2_partition
from oms_platform.outbox import INSERT_OUTBOX, mark_published
from oms_platform.postgres import ArrayStatement, Connection, save_offsets
from oms_platform.schema.migrate import ensure_partitions
from oms_platform.wire import encode

GROUP: Final = "oms-core"

_UPDATE_ORDERS: Final = ArrayStatement(
    (
        ("order_id", "uuid"),
        ("status", "text"),
        ("closed", "boolean"),
        ("cum_qty", "int"),
        ("leaves_qty", "int"),
        ("filled_notional", "numeric"),
        ("text", "text"),
        ("sequence", "int"),
        ("updated_at", "timestamptz"),
    ),
    "UPDATE orders SET status = row.status, closed = row.closed, cum_qty = row.cum_qty,"
    " leaves_qty = row.leaves_qty, filled_notional = row.filled_notional, text = row.text,"
    " sequence = row.sequence, updated_at = row.updated_at"
    " FROM {rows} WHERE orders.order_id = row.order_id",
)
_INSERT_EVENTS: Final = ArrayStatement.insert(
    "order_events",
    (
        ("order_id", "uuid"),
        ("sequence", "int"),
        ("event_id", "uuid"),
        ("account_id", "text"),
        ("stream_sequence", "int"),
        ("type", "text"),
        ("status", "text"),
        ("payload", "jsonb"),
        ("occurred_at", "timestamptz"),
    ),
)
_INSERT_EXECUTIONS: Final = ArrayStatement.insert(
    "executions",
    (
        ("order_id", "uuid"),
        ("venue_id", "text"),
        ("exec_id", "text"),
        ("account_id", "text"),
        ("cl_ord_id", "text"),
        ("symbol", "text"),
        ("side", "text"),
        ("last_qty", "int"),
        ("last_px", "numeric"),
        ("transact_time", "timestamptz"),
        ("received_at", "timestamptz"),
        ("recorded_at", "timestamptz"),
    ),
)
_UPSERT_POSITIONS: Final = ArrayStatement.insert(
    "positions",
    (
        ("account_id", "text"),
        ("symbol", "text"),
        ("quantity", "bigint"),
        ("cost", "numeric"),
        ("realized_pnl", "numeric"),
        ("net_cash", "numeric"),
        ("updated_at", "timestamptz"),
    ),
    "ON CONFLICT (account_id, symbol) DO UPDATE SET quantity = EXCLUDED.quantity, cost = EXCLUDED.cost,"
    " realized_pnl = EXCLUDED.realized_pnl, net_cash = EXCLUDED.net_cash, updated_at = EXCLUDED.updated_at",
)
_UPSERT_RESERVATIONS: Final = ArrayStatement.insert(
    "reservations",
    (
        ("order_id", "uuid"),
        ("account_id", "text"),
        ("symbol", "text"),
        ("side", "text"),
        ("quantity", "int"),
        ("price", "numeric"),
    ),
    "ON CONFLICT (order_id) DO UPDATE SET quantity = EXCLUDED.quantity",
)
_TERMS: Final = (
    "order_id, account_id, client_order_id, symbol, side, order_type, time_in_force, quantity, limit_price,"
    " routing"
)
log = structlog.get_logger()
_decoders: Final = {name: msgspec.json.Decoder(event) for name, event in EVENT_TYPES.items()}


class PostgresOrderStore:
    """Orders, events, executions, positions and reservations in Postgres."""

    def __init__(self, connection: Connection, incarnation: str) -> None:
        self._connection = connection
        self._incarnation = incarnation

    def load_reference(self, desk: Desk) -> None:
        """Read accounts with their limits, and instruments, into the desk."""
        desk.accounts = {
            row[0]: AccountLimits(
                account_id=row[0],
                active=row[1] == "ACTIVE",
                order_qty_max=row[2],
                order_notional_max=row[3],
                price_collar_bps=row[4],
                buying_power=row[5],
            )
            for row in self._connection.execute(
                "SELECT account_id, status, order_qty_max, order_notional_max, price_collar_bps, buying_power"
                " FROM accounts JOIN risk_limits USING (account_id)"
            )
        }
        desk.instruments = {
            symbol: InstrumentTerms(symbol=symbol, active=status == "ACTIVE")
            for symbol, status in self._connection.execute("SELECT symbol, status FROM instruments")
        }

    def ensure_partitions(self, now: datetime) -> None:
        """Make the coming weeks' partitions of every growing table."""
        made = ensure_partitions(self._connection, now)
        if made:
            log.info("partitions_made", partitions=made)

    def load_desk(self, partitions: set[int]) -> Desk:
        """Rebuild the desk of the accounts whose keys fall into these partitions."""
        desk = Desk()
        self.load_reference(desk)
        owned = [account for account in desk.accounts if murmur2_partition(account.encode()) in partitions]
        for order in self._load_orders("NOT closed AND sequence > 1 AND account_id = ANY(%s)", [owned]):
            desk.keep(order)
        for account, symbol, quantity, cost, realized_pnl, net_cash in self._connection.execute(
            "SELECT account_id, symbol, quantity, cost, realized_pnl, net_cash FROM positions"
            " WHERE account_id = ANY(%s)",
            [owned],
        ):
            position = Position(quantity=quantity, cost=cost, realized_pnl=realized_pnl, net_cash=net_cash)
            desk.keep_position(account, symbol, position)
        for account in owned:
            row = self._connection.execute(
                "SELECT max(stream_sequence) FROM order_events WHERE account_id = %s", [account]
            ).fetchone()
            desk.stream_sequences[account] = (row[0] if row else None) or 0
        return desk

    def load_order(self, order_id: UUID) -> Order | None:
        """Rebuild one order, closed or not; None when it was never stored."""
        return next(iter(self._load_orders("order_id = %s", [order_id])), None)

    def _load_orders(self, condition: str, parameters: list[Any]) -> Iterable[Order]:
        """Fold the stored events of each order that meets the condition."""
        orders: dict[UUID, Order] = {}
        stored: dict[UUID, int] = {}
        for row in self._connection.execute(
            f"SELECT {_TERMS}, sequence FROM orders WHERE {condition}",
            parameters,
        ):
            terms = Terms(
                order_id=row[0],
                account_id=row[1],
                client_order_id=row[2],
                symbol=row[3],
                side=Side[row[4]],
                order_type=OrderType[row[5]],
                time_in_force=TimeInForce[row[6]],
                quantity=row[7],
                limit_price=row[8],
                routing=msgspec.convert(row[9], RoutingWish),
            )
            orders[terms.order_id] = Order(terms=terms)
            stored[terms.order_id] = row[10]
        for order_id, event_type, data in self._connection.execute(
            "SELECT order_id, type, (payload->'data')::text FROM order_events"
            " WHERE sequence > 1 AND order_id = ANY(%s) ORDER BY order_id, sequence",
            [list(orders)],
        ):
            orders[order_id] = apply(orders[order_id], _decoders[event_type].decode(data))
        for order_id, order in orders.items():
            if order.sequence != stored[order_id]:
                raise BrokenInvariantError(
                    f"order {order_id} is stored at sequence {stored[order_id]},"
                    f" its events end at {order.sequence}"
                )
        return orders.values()

    def last_batch_events(self) -> list[bytes]:
        """Return the OrderEvent messages of the last committed batch, which may not have reached Kafka."""
        rows = self._connection.execute(
            "SELECT (payload->'event')::text FROM order_events WHERE sequence > 1 AND occurred_at >="
            " (SELECT max(updated_at) FROM consumer_offsets WHERE consumer_group = %s)"
            " ORDER BY order_id, sequence",
            [GROUP],
        ).fetchall()
        return [row[0].encode() for row in rows]

    def commit(
        self,
        unit: UnitOfWork,
        desk: Desk,
        next_offsets: Mapping[tuple[str, int], int],
        published: Sequence[UUID],
    ) -> None:
        """Store a batch, the offsets after it and which outbox rows Kafka has by now, in one transaction."""
        connection = self._connection
        with connection.pipeline(), connection.transaction(), connection.cursor() as cursor:
            _UPDATE_ORDERS.execute(cursor, [_order_row(order, unit) for order in unit.orders.values()])
            _INSERT_EVENTS.execute(cursor, [_event_row(event.message, event.data) for event in unit.events])
            _INSERT_EXECUTIONS.execute(
                cursor,
                [
                    (
                        execution.order_id,
                        execution.venue_id,
                        execution.exec_id,
                        execution.account_id,
                        execution.cl_ord_id,
                        execution.symbol,
                        execution.side,
                        execution.last_qty,
                        execution.last_px,
                        execution.transact_time,
                        execution.received_at,
                        unit.now,
                    )
                    for execution in unit.executions
                ],
            )
            _UPSERT_POSITIONS.execute(
                cursor, [_position_row(desk, key, unit) for key in sorted(unit.positions)]
            )
            _UPSERT_RESERVATIONS.execute(
                cursor, [_reservation_row(order) for order in unit.orders.values() if _reserves(order)]
            )
            done = [order_id for order_id, order in unit.orders.items() if not _reserves(order)]
            if done:
                cursor.execute("DELETE FROM reservations WHERE order_id = ANY(%s)", [done])
            INSERT_OUTBOX.execute(cursor, [row.values() for row in unit.outbox])
            mark_published(cursor, published, unit.now)
            save_offsets(cursor, GROUP, self._incarnation, next_offsets, unit.now)


def _reserves(order: Order) -> bool:
    return order.leaves_qty > 0 and order.reserved_price > 0


def _order_row(order: Order, unit: UnitOfWork) -> tuple[object, ...]:
    return (
        order.terms.order_id,
        order.status,
        order.closed,
        order.cum_qty,
        order.leaves_qty,
        order.filled_notional,
        order.text,
        order.sequence,
        unit.now,
    )


def _event_row(message: Any, data: bytes) -> tuple[object, ...]:
    payload = (b'{"event":' + encode(message) + b',"data":' + data + b"}").decode()
    return (
        message.order_id,
        message.sequence,
        message.event_id,
        message.account_id,
        message.stream_sequence,
        message.type,
        message.status.name,
        payload,
        message.occurred_at,
    )


def _position_row(desk: Desk, key: tuple[str, str], unit: UnitOfWork) -> tuple[object, ...]:
    position = desk.position(*key)
    return (*key, position.quantity, position.cost, position.realized_pnl, position.net_cash, unit.now)


def _reservation_row(order: Order) -> tuple[object, ...]:
    terms = order.terms
    return (
        terms.order_id,
        terms.account_id,
        terms.symbol,
        terms.side.name,
        order.leaves_qty,
        order.reserved_price,
    )
