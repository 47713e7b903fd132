"""OrderStore on Postgres: a batch is one pipelined transaction of a few statements over arrays.

Whoever writes events moves each account's stream on from where it knew its end to be. A core that has lost
the account meets another end: its whole batch is refused, it stops, and starts again from what is stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
import structlog

from oms_core.domain.alerts import Alert, read_value
from oms_core.domain.days import DAY_BEFORE_MAX, AccountDay
from oms_core.domain.desk import Desk
from oms_core.domain.executions import Effects
from oms_core.domain.fees import book_of
from oms_core.domain.flatten import Flattened, PositionState
from oms_core.domain.locates import Locate, LocateBook, LocateKey
from oms_core.domain.machine import apply
from oms_core.domain.order import Order
from oms_core.domain.positions import Position
from oms_core.domain.risk import AccountTerms, InstrumentTerms
from oms_core.ports import (
    AccountLostError,
    LoadedOrder,
    Opening,
    PositionAction,
    PositionChange,
    Rename,
    Request,
    Split,
    StoredEvent,
    UnitOfWork,
    UnstorableError,
    event_of,
)
from oms_platform.audit_chain import GENESIS, event_link, request_digest
from oms_platform.clock import Clock, utc_now
from oms_platform.errors import BrokenInvariantError
from oms_platform.exception_rows import close_bookings, insert_exceptions
from oms_platform.ids import uuid7_floor
from oms_platform.kafka.topics import murmur2_partition
from oms_platform.kill_feed import Covered, note_effect, scope_in
from oms_platform.kill_switches import KillSwitch
from oms_platform.market_rows import read_calendars, read_market_rules
from oms_platform.market_rules import rules_date
from oms_platform.messages import (
    BookTrade,
    CancelOrder,
    OrderEvent,
    ReplaceOrder,
    ResumeOrder,
    SubmitOrder,
    SuspendOrder,
)
from oms_platform.order_rows import STORE, new_order_row
from oms_platform.override_rows import USE, read_unused
from oms_platform.postgres import (
    ArrayStatement,
    Connection,
    Cursor,
    one_round_trip,
    reference_versions,
    save_offsets,
)
from oms_platform.prices import dollars_of, micros_of
from oms_platform.risk_rows import read_rule_changes
from oms_platform.risk_rules import WINDOW_S_MAX, Unit
from oms_platform.schema.migrate import ensure_partitions
from oms_platform.telemetry.tracing import CORE
from oms_platform.trading_calendar import Hours
from oms_platform.vocabulary import OrderReplaced
from oms_platform.wire import Topic, encode

GROUP: Final = "oms-core"
# How far the clocks of gateways and cores may be apart.
CLOCK_SKEW_MAX: Final = timedelta(seconds=30)
# Of locates that were for days before, an order that names one is told which day it was for.
LOCATES_KEPT: Final = timedelta(days=7)

_STATE: Final = (
    ("order_id", "uuid"),
    ("status", "text"),
    ("closed", "boolean"),
    ("cum_qty", "int"),
    ("excess_qty", "bigint"),
    ("leaves_qty", "int"),
    ("filled_notional", "numeric"),
    ("text", "text"),
    ("sequence", "int"),
    ("updated_at", "timestamptz"),
)
_TERMS: Final = (
    ("quantity", "int"),
    ("limit_price", "numeric"),
    ("stop_price", "numeric"),
    ("time_in_force", "text"),
    ("expire_at", "timestamptz"),
    ("display_quantity", "int"),
    ("algo", "json"),
    ("peg", "json"),
    ("replaced", "boolean"),
)


def _update_orders(columns: tuple[tuple[str, str], ...]) -> ArrayStatement:
    changes = ", ".join(f"{name} = row.{name}" for name, _ in columns if name != "order_id")
    return ArrayStatement(
        columns,
        f"UPDATE orders SET {changes} FROM {{rows}} WHERE orders.order_id = row.order_id",
        pruned="orders.order_id",
    )


_UPDATE_ORDERS: Final = _update_orders(_STATE)
# Few orders are ever replaced: the others' rows are not told their terms again.
_REPLACE_ORDERS: Final = _update_orders((*_STATE, *_TERMS))
_INSERT_EVENTS: Final = ArrayStatement.insert(
    "order_events",
    (
        ("order_id", "uuid"),
        ("sequence", "int"),
        ("account_id", "text"),
        ("stream_sequence", "int"),
        ("type", "text"),
        ("request_id", "uuid"),
        ("payload", "json"),
        ("occurred_at", "timestamptz"),
        ("request_digest", "bytea"),
        ("chain", "bytea"),
    ),
)
_MOVE_STREAMS: Final = ArrayStatement(
    (("account_id", "text"), ("known", "int"), ("head", "int"), ("chain", "bytea")),
    "SELECT move_stream(row.account_id, row.known, row.head, row.chain) FROM {rows}",
)
# The SQLSTATE of move_stream's refusal.
_LOST: Final = "OM001"
_REQUESTS: Final = (
    "SELECT r.kind, r.payload::text, r.traceparent FROM order_requests r"
    " WHERE r.account_id = ANY(%s) AND r.received_at < %s AND NOT EXISTS ("
    " SELECT FROM order_events e WHERE e.order_id = r.order_id AND e.request_id = r.request_id)"
)
_NEVER_ANSWERED: Final = (
    "SELECT r.kind, r.payload::text, r.traceparent FROM orders o JOIN order_requests r"
    " ON r.request_id = o.order_id WHERE NOT o.closed AND o.sequence = 1 AND o.account_id = ANY(%s)"
    f" AND r.received_at < %s UNION ALL ({_REQUESTS} AND r.kind <> 'NEW' AND r.request_id > %s)"
    " LIMIT %s"
)
_STORED_REQUESTS: Final = (
    "SELECT request_id, kind, payload::text FROM order_requests WHERE request_id = ANY(%s)"
)
# Events whose request has had another outcome before.
_NEVER_FIRST: Final = frozenset((OrderReplaced.__name__,))
# A change of an order that had no outcome for longer is not looked for at start.
REQUEST_AGE_MAX: Final = timedelta(days=7)
_UPSERT_OWNERS: Final = ArrayStatement.insert(
    "core_owners",
    (("partition", "int"), ("address", "text"), ("taken_at", "timestamptz")),
    "ON CONFLICT (partition) DO UPDATE SET address = EXCLUDED.address, taken_at = EXCLUDED.taken_at",
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
        ("fees", "numeric"),
        ("opened", "numeric"),
        ("updated_at", "timestamptz"),
    ),
    "ON CONFLICT (account_id, symbol) DO UPDATE SET quantity = EXCLUDED.quantity, cost = EXCLUDED.cost,"
    " realized_pnl = EXCLUDED.realized_pnl, net_cash = EXCLUDED.net_cash, fees = EXCLUDED.fees,"
    " opened = EXCLUDED.opened, updated_at = EXCLUDED.updated_at",
)
# What a batch moved is added to what is there: nobody has to know the sum.
_ADD_CASH: Final = ArrayStatement.insert(
    "cash_settlements",
    (("account_id", "text"), ("settles_on", "date"), ("amount", "numeric")),
    "ON CONFLICT (account_id, settles_on) DO UPDATE SET amount = cash_settlements.amount + EXCLUDED.amount",
)
# So are shares that orders have drawn of locates, of which some were loaded long ago, or never.
_ADD_DRAWS: Final = ArrayStatement.insert(
    "locate_draws",
    (("account_id", "text"), ("symbol", "text"), ("reference", "text"), ("drawn", "bigint")),
    "ON CONFLICT (account_id, symbol, reference) DO UPDATE SET drawn = locate_draws.drawn + EXCLUDED.drawn",
)
# Of the last day that was loaded before one, and of that day and all after it.
_EASY: Final = """
SELECT trade_date, symbols FROM easy_to_borrow WHERE trade_date >= (
    SELECT coalesce(max(trade_date), %(today)s) FROM easy_to_borrow WHERE trade_date < %(today)s)
"""
_LOCATES: Final = """
SELECT l.account_id, l.symbol, l.reference, l.quantity, l.valid_on, coalesce(d.drawn, 0)
FROM locates l LEFT JOIN locate_draws d USING (account_id, symbol, reference)
WHERE l.valid_on >= %s
"""
_INSERT_CHANGES: Final = ArrayStatement.insert(
    "position_changes",
    (
        ("action_id", "uuid"),
        ("account_id", "text"),
        ("symbol", "text"),
        ("stream_sequence", "int"),
        ("quantity", "bigint"),
        ("cost", "numeric"),
        ("realized_pnl", "numeric"),
        ("net_cash", "numeric"),
        ("opened", "numeric"),
        ("changed_at", "timestamptz"),
        ("fees", "numeric"),
    ),
)
_INSERT_REFUSALS: Final = ArrayStatement.insert(
    "position_refusals",
    (("action_id", "uuid"), ("account_id", "text"), ("why", "text"), ("refused_at", "timestamptz")),
)
_SCHEDULES: Final = (
    "SELECT venue_id, effective_from, add_fee, remove_fee, routed_fee, auction_fee FROM fee_schedules"
)
_CHARGES: Final = (
    "SELECT charge, kind, effective_from, ends_on, account_id, venue_id, side, a_share, basis_points, least,"
    " most FROM charges"
)
_ACTIONS: Final = (
    "SELECT action_id, kind, account_id, symbol, terms FROM position_actions a"
    " WHERE account_id = ANY(%s) AND NOT EXISTS ("
    " SELECT FROM position_changes c WHERE c.action_id = a.action_id) AND NOT EXISTS ("
    " SELECT FROM position_refusals r WHERE r.action_id = a.action_id) ORDER BY action_id"
)
_RESHAPED: Final = (
    "SELECT c.account_id, c.symbol, max(c.changed_at) FROM position_actions a JOIN position_changes c"
    " USING (action_id, symbol) WHERE a.kind IN ('SPLIT', 'RENAME') AND c.account_id = ANY(%s) GROUP BY 1, 2"
)
# A day begins once, with what it was worth, and with what is brought in afterwards; its peak only grows.
_UPSERT_DAYS: Final = ArrayStatement.insert(
    "account_days",
    (
        ("account_id", "text"),
        ("trade_date", "date"),
        ("opening_micros", "bigint"),
        ("peak_micros", "bigint"),
        ("opened_at", "timestamptz"),
        ("updated_at", "timestamptz"),
        ("last_micros", "bigint"),
    ),
    "ON CONFLICT (account_id, trade_date) DO UPDATE SET updated_at = EXCLUDED.updated_at,"
    " opening_micros = EXCLUDED.opening_micros, last_micros = EXCLUDED.last_micros,"
    " peak_micros = greatest(account_days.peak_micros, EXCLUDED.peak_micros)",
)
_NEWEST_DAYS: Final = """
SELECT DISTINCT ON (account_id) account_id, trade_date, opening_micros, peak_micros, last_micros
FROM account_days WHERE account_id = ANY(%s) AND trade_date BETWEEN %s AND %s
ORDER BY account_id, trade_date DESC
"""
_INSERT_CLOSINGS: Final = ArrayStatement.insert(
    "kill_switch_closings",
    (
        ("order_id", "uuid"),
        ("switch_id", "uuid"),
        ("account_id", "text"),
        ("symbol", "text"),
        ("round", "int"),
        ("side", "text"),
        ("quantity", "int"),
        ("held", "bigint"),
        ("others", "bigint"),
        ("stream_sequence", "int"),
        ("decided_at", "timestamptz"),
    ),
)
_UPSERT_FLATTENED: Final = ArrayStatement.insert(
    "kill_switch_positions",
    (
        ("switch_id", "uuid"),
        ("account_id", "text"),
        ("symbol", "text"),
        ("found_qty", "bigint"),
        ("found_at", "timestamptz"),
        ("state", "text"),
        ("why", "text"),
        ("rounds", "int"),
        ("order_id", "uuid"),
        ("changed_at", "timestamptz"),
    ),
    "ON CONFLICT (switch_id, account_id, symbol) DO UPDATE SET state = EXCLUDED.state, why = EXCLUDED.why,"
    " rounds = EXCLUDED.rounds, order_id = EXCLUDED.order_id, changed_at = EXCLUDED.changed_at",
)
_FLATTENED: Final = (
    "SELECT switch_id, account_id, symbol, found_qty, found_at, state, why, rounds, order_id"
    " FROM kill_switch_positions WHERE switch_id = ANY(%s) AND account_id = ANY(%s)"
)
_ALERT_COLUMNS: Final = (
    ("alert_id", "uuid"),
    ("rule", "text"),
    ("scope", "json"),
    ("account_id", "text"),
    ("partition", "int"),
    ("level", "text"),
    ("share_pct", "int"),
    ("value", "text"),
    ("bound", "text"),
    ("headroom", "text"),
    ("worst", "text"),
    ("unit", "text"),
    ("set_for", "text"),
    ("times_raised", "int"),
    ("version", "int"),
    ("first_seen", "timestamptz"),
    ("last_seen", "timestamptz"),
    ("cleared_at", "timestamptz"),
    ("why_cleared", "text"),
)
_ALERT_NAMES: Final = ", ".join(name for name, _ in _ALERT_COLUMNS)
_ALERT_STAYS: Final = ("alert_id", "rule", "scope", "account_id", "partition", "unit", "first_seen")
# One whose rule and scope have an open alert already is left out: an alert stops no order.
_INSERT_ALERTS: Final = ArrayStatement.insert("risk_alerts", _ALERT_COLUMNS, "ON CONFLICT DO NOTHING")
_UPDATE_ALERTS: Final = ArrayStatement(
    _ALERT_COLUMNS,
    "UPDATE risk_alerts kept SET "
    + ", ".join(f"{name} = row.{name}" for name, _ in _ALERT_COLUMNS if name not in _ALERT_STAYS)
    + " FROM {rows} WHERE kept.alert_id = row.alert_id",
)
_LOAD_ALERTS: Final = (
    f"SELECT {_ALERT_NAMES} FROM risk_alerts"
    " WHERE (cleared_at IS NULL OR last_seen > %s) AND (account_id = ANY(%s) OR partition = ANY(%s))"
    " ORDER BY first_seen, alert_id"
)
log = structlog.get_logger()
_event_decoder: Final = msgspec.json.Decoder(OrderEvent)
_submit_decoder: Final = msgspec.json.Decoder(SubmitOrder)
_request_decoders: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    "NEW": _submit_decoder,
    "CANCEL": msgspec.json.Decoder(CancelOrder),
    "REPLACE": msgspec.json.Decoder(ReplaceOrder),
    "SUSPEND": msgspec.json.Decoder(SuspendOrder),
    "RESUME": msgspec.json.Decoder(ResumeOrder),
    "BOOK": msgspec.json.Decoder(BookTrade),
}


class PostgresOrderStore:
    """Orders, events, executions and positions in Postgres."""

    def __init__(
        self, connection: Connection, incarnation: str, partitions: int, clock: Clock = utc_now
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._incarnation = incarnation
        self._partitions = partitions
        # The link of the last event that is stored of each account that has any.
        self._links: dict[str, bytes] = {}

    def load_reference(self, desk: Desk) -> None:
        """Read accounts with their limits, and instruments, if they have changed, or the day has."""
        now = self._clock()
        version, today = reference_versions(self._connection), rules_date(now)
        self._load_rules(desk, version["rules"])
        self._load_overrides(desk, version["overrides"], now)
        self._load_fees(desk, version["fees"])
        self._load_locates(desk, version["locates"], today)
        desk.actions = version["positions"]
        if (found := (version["accounts"], version["instruments"], today)) == desk.reference_version:
            return
        desk.reference_version = found
        desk.keep_accounts(
            {
                account_id: AccountTerms(
                    account_id=account_id, active=status == "ACTIVE", firm=firm_id, desk=desk_id
                )
                for account_id, status, firm_id, desk_id in self._connection.execute(
                    "SELECT account_id, status, firm_id, desk_id FROM accounts"
                )
            }
        )
        rules = read_market_rules(self._connection).on(today)
        desk.instruments = {
            symbol: InstrumentTerms(
                symbol=symbol,
                active=status == "ACTIVE",
                ticks=rules.ticks_of(symbol),
                halt=reason or "",
                calendar_id=calendar_id,
                reference_micros=micros_of(price),
                listing_venue=listing_venue,
                sector=sector,
                volume=volume,
                sigma_bps=sigma_bps,
                lower_band=None if lower is None else micros_of(lower),
                upper_band=None if upper is None else micros_of(upper),
            )
            for (
                symbol,
                status,
                calendar_id,
                reason,
                price,
                listing_venue,
                sector,
                volume,
                sigma_bps,
                lower,
                upper,
            ) in self._connection.execute(
                "SELECT i.symbol, i.status, i.calendar_id, h.reason, i.reference_price,"
                " coalesce(i.listing_venue, ''), i.sector, i.average_volume, i.sigma_bps, i.lower_band,"
                " i.upper_band"
                " FROM instruments i"
                " LEFT JOIN halts h ON h.symbol = i.symbol AND h.lifted_at IS NULL"
            )
        }
        desk.hours = Hours(read_calendars(self._connection, now))

    def _load_rules(self, desk: Desk, version: int) -> None:
        """Take the changes of the risk rules that the desk does not have yet."""
        if version == desk.rules_seen:
            return
        after = None if desk.rules_seen is None else desk.rules.version
        for change in read_rule_changes(self._connection, after):
            desk.rules.take(change.row, removed=change.removed)
            desk.rules.version = max(desk.rules.version, change.change_id)
        desk.rules_seen = version

    def _load_overrides(self, desk: Desk, version: int, now: datetime) -> None:
        """Read the overrides that are not used, if one was granted or revoked."""
        if version != desk.overrides_seen:
            desk.overrides = read_unused(self._connection, now)
            desk.overrides_seen = version

    def _load_fees(self, desk: Desk, version: int) -> None:
        """Read what executions are charged, if that has changed."""
        if version != desk.fees_seen:
            schedules, charges = (self._connection.execute(query) for query in (_SCHEDULES, _CHARGES))
            desk.fees = book_of(schedules, charges)
            desk.fees_seen = version

    def _load_locates(self, desk: Desk, version: int, today: date) -> None:
        """Read easy-to-borrow lists and locates, if they have changed, or the day has.

        What is drawn is read with them: between two batches the database knows it as well as the desk does.
        """
        if desk.locates_seen == (version, today):
            return
        lists = self._connection.execute(_EASY, {"today": today})
        easy = {day: frozenset(symbols) for day, symbols in lists}
        locates: dict[LocateKey, Locate] = {}
        drawn: dict[LocateKey, int] = {}
        for *names, quantity, valid_on, shares in self._connection.execute(_LOCATES, [today - LOCATES_KEPT]):
            key = LocateKey(*names)
            locates[key], drawn[key] = Locate(quantity, valid_on), shares
        desk.locates = LocateBook(easy=easy, locates=locates, drawn=drawn)
        desk.locates_seen = version, today

    def ensure_partitions(self, now: datetime) -> None:
        """Make the coming weeks' partitions of every growing table."""
        made = ensure_partitions(self._connection, now)
        if made:
            log.info("partitions_made", partitions=made)

    def load_desk(self, partitions: set[int]) -> Desk:
        """Rebuild the desk of the accounts whose keys fall into these partitions."""
        here, of = frozenset(partitions), self._partitions
        desk = Desk(
            owns=lambda account: murmur2_partition(account.encode(), of) in here, share=(len(here), of)
        )
        self.load_reference(desk)
        owned = list(desk.owned)
        for loaded in self._load("NOT closed AND sequence > 1 AND account_id = ANY(%s)", [owned]).values():
            desk.load(loaded.order, loaded.effects)
        for account, symbol, quantity, *sums in self._connection.execute(
            "SELECT account_id, symbol, quantity, cost, realized_pnl, net_cash, fees, opened FROM positions"
            " WHERE account_id = ANY(%s)",
            [owned],
        ):
            cost, realized_pnl, net_cash, fees, opened = (micros_of(one) for one in sums)
            position = Position(
                quantity=quantity,
                cost_micros=cost,
                realized_pnl_micros=realized_pnl,
                net_cash_micros=net_cash,
                fees_micros=fees,
                opened_micros=opened,
            )
            desk.keep_position(account, symbol, position)
        desk.reshaped = {
            (account, symbol): at for account, symbol, at in self._connection.execute(_RESHAPED, [owned])
        }
        self._load_recent(desk, owned)
        self._load_streams(desk, owned)
        return desk

    def waiting_actions(self, accounts: Iterable[str]) -> Sequence[PositionAction]:
        """Return the actions on accounts' positions that were not taken yet, the oldest first."""
        return [_action(*row) for row in self._connection.execute(_ACTIONS, [list(accounts)])]

    def _load_streams(self, desk: Desk, accounts: list[str]) -> None:
        """Read where each account's stream ends, and its link."""
        self._links = {}
        for account, head, link in self._connection.execute(
            "SELECT account_id, head, chain FROM account_streams WHERE account_id = ANY(%s)", [accounts]
        ):
            desk.stream_sequences[account] = head
            if link is not None:
                self._links[account] = link

    def _load_recent(self, desk: Desk, owned: list[str]) -> None:
        """Count what the accounts have asked for lately, which rates and repeats are held to."""
        now = self._clock()
        since = now - timedelta(seconds=WINDOW_S_MAX)
        floor = uuid7_floor(since - CLOCK_SKEW_MAX)
        for account, received_at, count, cancels in self._connection.execute(
            "SELECT account_id, date_trunc('second', received_at), count(*),"
            " count(*) FILTER (WHERE kind IN ('CANCEL', 'REPLACE')) FROM order_requests"
            " WHERE request_id >= %s AND received_at >= %s AND account_id = ANY(%s) GROUP BY 1, 2",
            [floor, since, owned],
        ):
            state = desk.states[account]
            state.messages.note(received_at, count)
            if cancels:
                state.cancels.note(received_at, cancels)
        for account, filled_at, count in self._connection.execute(
            "SELECT account_id, date_trunc('second', occurred_at), count(*) FROM order_events"
            " WHERE type = 'TradeApplied' AND occurred_at >= %s AND account_id = ANY(%s) GROUP BY 1, 2",
            [since, owned],
        ):
            desk.states[account].fills.note(filled_at, count)
        for payload, accepted_at in self._connection.execute(
            "SELECT r.payload::text, e.occurred_at FROM order_events e"
            " JOIN order_requests r ON r.request_id = e.order_id"
            " WHERE e.order_id >= %s AND e.type = 'OrderAccepted' AND e.occurred_at >= %s"
            " AND e.account_id = ANY(%s) ORDER BY e.occurred_at",
            [floor, since, owned],
        ):
            terms = _submit_decoder.decode(payload).terms
            desk.states[terms.account_id].note_order(terms, accepted_at)

    def load_days(self, desk: Desk, today: date, now: datetime) -> None:
        """Read the newest day of each of the desk's accounts: how today began, or how one before ended."""
        for account, day, opening, peak, last in self._connection.execute(
            _NEWEST_DAYS, [list(desk.owned), today - DAY_BEFORE_MAX, today]
        ):
            won = 0 if last is None else last - opening
            found = AccountDay(trade_date=day, opening_micros=opening, peak_micros=peak, pnl_micros=won)
            if last is not None or day == today:
                desk.days.load(account, found, now)

    def announce(self, partitions: Iterable[int], address: str, now: datetime) -> None:
        """Note at which address the core is that has these partitions' accounts."""
        with self._connection.cursor() as cursor:
            _UPSERT_OWNERS.execute(cursor, [(number, address, now) for number in sorted(partitions)])

    def load_orders(self, order_ids: Iterable[UUID]) -> Mapping[UUID, LoadedOrder]:
        """Rebuild orders, closed or not; those that were never stored are left out."""
        return self._load("order_id = ANY(%s)", [list(order_ids)])

    def _load(self, condition: str, parameters: list[Any]) -> dict[UUID, LoadedOrder]:
        """Fold the request and the stored events of each order that meets the condition."""
        orders: dict[UUID, Order] = {}
        stored: dict[UUID, int] = {}
        effects: dict[UUID, Effects] = {}
        for order_id, sequence, payload in self._connection.execute(
            "SELECT o.order_id, o.sequence, r.payload::text FROM"
            f" (SELECT order_id, sequence FROM orders WHERE {condition}) o"
            " JOIN order_requests r ON r.request_id = o.order_id",
            parameters,
        ):
            orders[order_id] = Order(order_id=order_id, terms=_submit_decoder.decode(payload).terms)
            stored[order_id] = sequence
            effects[order_id] = Effects()
        for order_id, payload in self._connection.execute(
            "SELECT order_id, payload::text FROM order_events WHERE order_id = ANY(%s)"
            " ORDER BY order_id, sequence",
            [list(orders)],
        ):
            event = event_of(_event_decoder.decode(payload))
            orders[order_id] = apply(orders[order_id], event)
            effects[order_id].note(event)
        for order_id, order in orders.items():
            if order.sequence < stored[order_id]:
                raise BrokenInvariantError(
                    f"order {order_id} is stored at sequence {stored[order_id]},"
                    f" its events end at {order.sequence}"
                )
        return {
            order_id: LoadedOrder(order=order, effects=effects[order_id])
            for order_id, order in orders.items()
        }

    def unanswered_requests(
        self, accounts: Iterable[str], after: datetime | None, before: datetime, rows_max: int
    ) -> Sequence[tuple[Request, str]]:
        """Return the requests received in a span that have had no outcome, the oldest first."""
        owned = list(accounts)
        if after is None:
            found = self._connection.execute(
                _NEVER_ANSWERED,
                [owned, before, owned, before, uuid7_floor(before - REQUEST_AGE_MAX), rows_max],
            )
        else:
            span = [uuid7_floor(after - CLOCK_SKEW_MAX), uuid7_floor(before + CLOCK_SKEW_MAX)]
            found = self._connection.execute(
                f"{_REQUESTS} AND r.request_id BETWEEN %s AND %s ORDER BY r.request_id LIMIT %s",
                [owned, before, *span, rows_max],
            )
        return [(_request_decoders[kind].decode(payload), trace) for kind, payload, trace in found]

    def stream_ends(self, accounts: Iterable[str]) -> Sequence[OrderEvent]:
        """Return the last event of each account that has one."""
        found = self._connection.execute(
            "SELECT e.payload::text FROM account_streams s JOIN order_events e"
            " ON e.account_id = s.account_id AND e.stream_sequence = s.head WHERE s.account_id = ANY(%s)",
            [list(accounts)],
        )
        return [_event_decoder.decode(payload) for (payload,) in found]

    def read_up_to(self, group: str, topic: Topic) -> Mapping[int, int]:
        """Return the next offset that a consumer group will read, by partition."""
        found = self._connection.execute(
            "SELECT partition, next_offset FROM reader_progress"
            " WHERE consumer_group = %s AND incarnation = %s AND topic = %s",
            [group, self._incarnation, topic.value],
        )
        return dict(found.fetchall())

    def commit(self, unit: UnitOfWork, desk: Desk, next_offsets: Mapping[tuple[str, int], int]) -> None:
        """Store a batch and the offsets after it, in one transaction and one round trip."""
        digests = unit.requests | self._digests_of_the_others(unit)
        links, event_rows = _linked(unit.events, self._links, digests)
        try:
            with one_round_trip(self._connection) as cursor:
                _MOVE_STREAMS.execute(
                    cursor,
                    [
                        (account, known, desk.stream_sequences[account], links.get(account))
                        for account, known in sorted(unit.streams.items())
                    ],
                )
                _store_own(cursor, unit)
                changed = list(unit.changed_orders())
                replaced = [order for order in changed if order.order_id in unit.replaced]
                kept = changed
                if replaced:
                    kept = [order for order in changed if order.order_id not in unit.replaced]
                    rows = [(*_order_row(order, unit), *_terms_row(order)) for order in replaced]
                    _REPLACE_ORDERS.execute(cursor, rows)
                _UPDATE_ORDERS.execute(cursor, [_order_row(order, unit) for order in kept])
                _INSERT_EVENTS.execute(cursor, event_rows)
                _UPSERT_POSITIONS.execute(
                    cursor, [_position_row(desk, key, unit) for key in sorted(unit.positions)]
                )
                _UPSERT_DAYS.execute(cursor, [_day_row(*one, unit.now) for one in sorted(unit.days.items())])
                _ADD_DRAWS.execute(cursor, [(*key, more) for key, more in sorted(unit.draws.items()) if more])
                cash = [(*key, dollars_of(moved)) for key, moved in sorted(unit.cash.items()) if moved]
                _ADD_CASH.execute(cursor, cash)
                _INSERT_CHANGES.execute(cursor, [_change_row(one, unit) for one in unit.changes])
                refused = [(key, *said, unit.now) for key, said in unit.refusals.items()]
                _INSERT_REFUSALS.execute(cursor, refused)
                insert_exceptions(cursor, unit.exceptions)
                close_bookings(cursor, unit.bookings, unit.now)
                for override_id, request_id in unit.overrides.items():
                    cursor.execute(USE, [override_id, request_id, unit.now])
                _store_alerts(cursor, unit.alerts)
                save_offsets(cursor, GROUP, self._incarnation, next_offsets, unit.now)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise UnstorableError(str(error).strip()) from error
        except psycopg.DatabaseError as error:
            _raise_if_lost(error)
            raise
        self._links |= links

    def _digests_of_the_others(self, unit: UnitOfWork) -> dict[UUID, bytes]:
        """Return the digests of requests that have their outcome in a batch in which they did not come.

        One was taken from the log, or overtaken by another about the same order. Of what core wished for
        itself, no request is stored.
        """
        wanted = [
            request_id
            for event in unit.events
            if (request_id := event.message.request_id) is not None
            and request_id not in unit.requests
            and event.message.type not in _NEVER_FIRST
        ]
        if not wanted:
            return {}
        found = self._connection.execute(_STORED_REQUESTS, [wanted])
        return {request_id: request_digest(kind, payload.encode()) for request_id, kind, payload in found}

    def note_kills(
        self, switches: Sequence[KillSwitch], covered: Sequence[Covered], member: str, now: datetime
    ) -> None:
        """Say that this core goes by switches, and what they found open here."""
        with one_round_trip(self._connection) as cursor:
            note_effect(cursor, switches, covered, CORE, member, now)

    def flattened(self, switch_ids: Iterable[UUID], accounts: Iterable[str]) -> Sequence[Flattened]:
        """Return how accounts' positions stand that these switches close."""
        found = self._connection.execute(_FLATTENED, [list(switch_ids), list(accounts)])
        return [
            Flattened(
                switch_id=switch_id,
                account_id=account_id,
                symbol=symbol,
                found_qty=found_qty,
                found_at=found_at,
                state=PositionState[state],
                why=why,
                rounds=rounds,
                order_id=order_id,
            )
            for switch_id, account_id, symbol, found_qty, found_at, state, why, rounds, order_id in found
        ]

    def load_alerts(
        self, accounts: Iterable[str], partitions: Iterable[int], since: datetime
    ) -> Sequence[Alert]:
        """Return the alerts of accounts and partitions that are open, or were cleared since a time."""
        found = self._connection.execute(_LOAD_ALERTS, (since, list(accounts), list(partitions)))
        return [_alert(dict(zip((name for name, _ in _ALERT_COLUMNS), row, strict=True))) for row in found]

    def require_streams(self, heads: Mapping[str, int]) -> None:
        """Raise AccountLostError when another writer has moved one of these accounts' streams on."""
        try:
            with one_round_trip(self._connection) as cursor:
                rows = [(account, known, known, None) for account, known in sorted(heads.items())]
                _MOVE_STREAMS.execute(cursor, rows)
        except psycopg.DatabaseError as error:
            _raise_if_lost(error)
            raise


def _raise_if_lost(error: psycopg.DatabaseError) -> None:
    if error.sqlstate == _LOST:
        raise AccountLostError(str(error).strip().splitlines()[0]) from error


def _order_row(order: Order, unit: UnitOfWork) -> tuple[object, ...]:
    return (
        order.order_id,
        order.status.name,
        order.closed,
        order.cum_qty,
        order.excess_qty,
        order.leaves_qty,
        dollars_of(order.notional_micros),
        order.text,
        order.sequence,
        unit.now,
    )


def _terms_row(order: Order) -> tuple[object, ...]:
    limit, stop = order.terms.limit_price_micros, order.terms.stop_price_micros
    return (
        order.terms.quantity,
        None if limit is None else dollars_of(limit),
        None if stop is None else dollars_of(stop),
        order.terms.time_in_force.name,
        order.terms.expire_at,
        order.terms.display_quantity,
        None if order.terms.algo is None else encode(order.terms.algo).decode(),
        None if order.terms.peg is None else encode(order.terms.peg).decode(),
        True,
    )


def _linked(
    events: Iterable[StoredEvent], links: Mapping[str, bytes], digests: Mapping[UUID, bytes]
) -> tuple[dict[str, bytes], list[tuple[object, ...]]]:
    """Link events to what is stored of their accounts' streams.

    links: of each account's last event. digests: by request. Returns the links of the accounts that have
    moved, and the events' rows.
    """
    moved: dict[str, bytes] = {}
    waiting = dict(digests)
    rows: list[tuple[object, ...]] = []
    for event in events:
        message = event.message
        account, request_id = message.account_id, message.request_id
        digest = None if request_id is None else waiting.pop(request_id, None)
        moved[account] = link = event_link(
            moved.get(account) or links.get(account, GENESIS),
            message.order_id,
            message.sequence,
            account,
            message.stream_sequence,
            message.type,
            request_id,
            digest,
            event.payload,
            message.occurred_at,
        )
        rows.append(
            (
                message.order_id,
                message.sequence,
                account,
                message.stream_sequence,
                message.type,
                request_id,
                event.payload.decode(),
                message.occurred_at,
                digest,
                link,
            )
        )
    return moved, rows


def _position_row(desk: Desk, key: tuple[str, str], unit: UnitOfWork) -> tuple[object, ...]:
    position = desk.position(*key)
    return (
        *key,
        position.quantity,
        dollars_of(position.cost_micros),
        dollars_of(position.realized_pnl_micros),
        dollars_of(position.net_cash_micros),
        dollars_of(position.fees_micros),
        dollars_of(position.opened_micros),
        unit.now,
    )


def _day_row(account_id: str, day: AccountDay, now: datetime) -> tuple[object, ...]:
    return (account_id, day.trade_date, day.opening_micros, day.peak_micros, now, now, day.last_micros)


def _store_own(cursor: Cursor, unit: UnitOfWork) -> None:
    """Store the orders by which switches close positions, and how these stand.

    A round that is stored already is refused by its key, and with it the batch.
    """
    closings = []
    for own in unit.originated:
        one = own.closing
        closings.append(
            (
                one.order_id,
                one.switch_id,
                one.account_id,
                one.symbol,
                one.round,
                one.side.name,
                one.quantity,
                one.held,
                one.others,
                one.stream_sequence,
                unit.now,
            )
        )
    _INSERT_CLOSINGS.execute(cursor, closings)
    STORE.execute(cursor, [new_order_row(own.message, own.payload, "") for own in unit.originated])
    _UPSERT_FLATTENED.execute(
        cursor,
        [
            (
                *row.key,
                row.found_qty,
                row.found_at,
                row.state.name,
                row.why,
                row.rounds,
                row.order_id,
                unit.now,
            )
            for row in unit.flattened.values()
        ],
    )


def _store_alerts(cursor: Cursor, alerts: Iterable[Alert]) -> None:
    # Of one that has changed twice in a batch, the last.
    rows = {alert.alert_id: alert for alert in alerts}.values()
    _INSERT_ALERTS.execute(cursor, [_alert_row(alert) for alert in rows if alert.version == 1])
    _UPDATE_ALERTS.execute(cursor, [_alert_row(alert) for alert in rows if alert.version > 1])


def _alert_row(alert: Alert) -> tuple[object, ...]:
    return (
        alert.alert_id,
        alert.rule,
        msgspec.json.encode(alert.scope).decode(),
        alert.account_id or None,
        alert.partition,
        alert.level,
        alert.share_pct,
        alert.shown(alert.value),
        alert.shown(alert.bound),
        alert.headroom,
        alert.shown(alert.worst),
        alert.unit.value,
        alert.set_for,
        alert.times_raised,
        alert.version,
        alert.first_seen,
        alert.last_seen,
        alert.cleared_at,
        alert.why_cleared,
    )


def _alert(row: dict[str, Any]) -> Alert:
    unit = Unit(row["unit"])
    return Alert(
        alert_id=row["alert_id"],
        rule=row["rule"],
        scope=scope_in(row["scope"]),
        account_id=row["account_id"] or "",
        partition=row["partition"],
        share_pct=row["share_pct"],
        value=read_value(unit, row["value"]),
        bound=read_value(unit, row["bound"]),
        worst=read_value(unit, row["worst"]),
        unit=unit,
        set_for=row["set_for"],
        times_raised=row["times_raised"],
        version=row["version"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        cleared_at=row["cleared_at"],
        why_cleared=row["why_cleared"],
    )


def _change_row(change: PositionChange, unit: UnitOfWork) -> tuple[object, ...]:
    before, after = change.before, change.after
    return (
        change.action_id,
        change.account_id,
        change.symbol,
        change.stream_sequence,
        after.quantity - before.quantity,
        dollars_of(after.cost_micros - before.cost_micros),
        dollars_of(after.realized_pnl_micros - before.realized_pnl_micros),
        dollars_of(after.net_cash_micros - before.net_cash_micros),
        dollars_of(after.opened_micros - before.opened_micros),
        unit.now,
        dollars_of(after.fees_micros - before.fees_micros),
    )


def _action(
    action_id: UUID, kind: str, account_id: str, symbol: str, terms: Mapping[str, Any]
) -> PositionAction:
    if kind == "OPENING":
        return Opening(
            action_id=action_id,
            account_id=account_id,
            symbol=symbol,
            quantity=terms["quantity"],
            cost_micros=micros_of(Decimal(terms["cost"])),
            after=terms.get("after"),
        )
    if kind == "RENAME":
        return Rename(action_id=action_id, account_id=account_id, symbol=symbol, new_symbol=terms["to"])
    return Split(
        action_id=action_id,
        account_id=account_id,
        symbol=symbol,
        numerator=terms["numerator"],
        denominator=terms["denominator"],
        price_micros=micros_of(Decimal(terms["price"])),
    )
