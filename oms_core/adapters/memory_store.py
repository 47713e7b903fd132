"""OrderStore in memory: what the handlers' tests and the simulation run on.

It passes the same contract tests as the one on Postgres (tests/integration/test_order_stores.py).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from oms_core.domain.alerts import Alert
from oms_core.domain.days import DAY_BEFORE_MAX, AccountDay
from oms_core.domain.desk import Desk
from oms_core.domain.executions import Effects
from oms_core.domain.fees import FeeBook
from oms_core.domain.flatten import Closing, Flattened
from oms_core.domain.locates import Locate, LocateBook, LocateKey
from oms_core.domain.machine import apply
from oms_core.domain.order import Order
from oms_core.domain.positions import Position
from oms_core.domain.risk import AccountTerms, InstrumentTerms, RuleBook
from oms_core.ports import (
    AccountLostError,
    LoadedOrder,
    PositionAction,
    PositionChange,
    Rename,
    Request,
    Split,
    UnitOfWork,
    UnstorableError,
    event_of,
)
from oms_platform.exceptions import ExecutionException
from oms_platform.ids import uuid7_time
from oms_platform.kill_switches import KillSwitch, Stage
from oms_platform.messages import CancelOrder, OrderEvent, ReplaceOrder, SubmitOrder
from oms_platform.overrides import Override
from oms_platform.risk_rules import RuleRow
from oms_platform.sides import sign
from oms_platform.trading_calendar import EVER_OPEN, Calendar, Hours
from oms_platform.wire import Topic, order_of

# How far the clocks of gateways and cores may be apart.
CLOCK_SKEW_MAX: Final = timedelta(seconds=30)


class InMemoryOrderStore:
    """Everything that Postgres would keep, in dictionaries; a commit happens whole or not at all.

    partition_of: of an account. refuses: says why the database would refuse a batch, None if it would not.
    """

    def __init__(
        self,
        accounts: Mapping[str, AccountTerms],
        instruments: Mapping[str, InstrumentTerms],
        partition_of: Callable[[str], int] = lambda _account: 0,
        refuses: Callable[[UnitOfWork], str | None] = lambda _unit: None,
        calendars: Iterable[Calendar] = (EVER_OPEN,),
        rules: Iterable[RuleRow] = (),
    ) -> None:
        self._accounts = dict(accounts)
        self._instruments = dict(instruments)
        self._calendars = tuple(calendars)
        self._rules = tuple(rules)
        self._fees = FeeBook()
        self._reference_version = 1
        self._partition_of = partition_of
        self._refuses = refuses
        self.requests: dict[UUID, tuple[Request, str]] = {}
        # Those without an outcome, so that looking for them does not cost more with every order.
        self._unanswered: dict[UUID, tuple[Request, str]] = {}
        self.orders: dict[UUID, Order] = {}
        self.covered: dict[tuple[UUID, UUID, str], datetime] = {}
        self.effects: dict[tuple[UUID, Stage, str], datetime] = {}
        self.events: dict[UUID, list[OrderEvent]] = {}
        self.positions: dict[tuple[str, str], Position] = {}
        self.cash: dict[tuple[str, str], int] = {}
        self.actions: dict[UUID, PositionAction] = {}
        self.changes: dict[UUID, PositionChange] = {}
        self.refusals: dict[UUID, str] = {}
        self.reshaped: dict[tuple[str, str], datetime] = {}
        self.heads: dict[str, OrderEvent] = {}
        self.offsets: dict[tuple[str, int], int] = {}
        self.owners: dict[int, str] = {}
        self.exceptions: dict[str, ExecutionException] = {}
        self.bookings: dict[UUID, str] = {}
        self.overrides: dict[UUID, Override] = {}
        self.overrides_used: dict[UUID, UUID] = {}
        self.days: dict[tuple[str, date], AccountDay] = {}
        self.alerts: dict[UUID, Alert] = {}
        self.closings: dict[UUID, Closing] = {}
        self.positions_closed: dict[tuple[UUID, str, str], Flattened] = {}
        self.easy: dict[date, frozenset[str]] = {}
        self.locates: dict[LocateKey, Locate] = {}
        self.draws: dict[LocateKey, int] = {}
        self.commits = 0

    def set_account(self, account: AccountTerms) -> None:
        """Store an account as it is from now on."""
        self._accounts[account.account_id] = account
        self._reference_version += 1

    def set_instrument(self, instrument: InstrumentTerms) -> None:
        """Store an instrument as it is from now on."""
        self._instruments[instrument.symbol] = instrument
        self._reference_version += 1

    def set_rules(self, rules: Iterable[RuleRow]) -> None:
        """Store the rows of the risk rules as they are from now on."""
        self._rules = tuple(rules)
        self._reference_version += 1

    def grant(self, override: Override) -> None:
        """Store a leave."""
        self.overrides[override.override_id] = override
        self._reference_version += 1

    def revoke(self, override_id: UUID) -> None:
        """Take a leave back that is not used."""
        del self.overrides[override_id]
        self._reference_version += 1

    def _unused(self) -> dict[str, tuple[Override, ...]]:
        found: dict[str, tuple[Override, ...]] = {}
        for override_id, one in self.overrides.items():
            if override_id not in self.overrides_used:
                account = one.terms.account_id
                found[account] = (*found.get(account, ()), one)
        return found

    def set_fees(self, fees: FeeBook) -> None:
        """Store what executions are charged from now on."""
        self._fees = fees
        self._reference_version += 1

    def take_action(self, action: PositionAction) -> None:
        """Keep what somebody says of an account's position."""
        self.actions[action.action_id] = action
        self._reference_version += 1

    def waiting_actions(self, accounts: Iterable[str]) -> Sequence[PositionAction]:
        """Return the actions on accounts' positions that were not taken yet, the oldest first."""
        owned = set(accounts)
        return [
            action
            for action_id, action in self.actions.items()
            if action.account_id in owned and action_id not in self.changes.keys() | self.refusals.keys()
        ]

    def load_locates(
        self, locates: Mapping[LocateKey, Locate], easy: Mapping[date, frozenset[str]] | None = None
    ) -> None:
        """Store locates and days' easy-to-borrow lists beside those that are there."""
        self.locates |= locates
        self.easy |= easy or {}
        self._reference_version += 1

    def set_calendars(self, calendars: Iterable[Calendar]) -> None:
        """Store the markets' hours as they are from now on."""
        self._calendars = tuple(calendars)
        self._reference_version += 1

    def take_request(self, request: Request, trace: str = "") -> None:
        """Keep a request as ingest does, before it has any effect."""
        if isinstance(request, SubmitOrder):
            request_id = request.order_id
            self.orders[request_id] = Order(order_id=request_id, terms=request.terms)
        else:
            request_id = request.request_id
        self.requests[request_id] = self._unanswered[request_id] = (request, trace)

    @property
    def executions(self) -> list[OrderEvent]:
        """The trades that were applied, order by order."""
        return [
            event for events in self.events.values() for event in events if event.trade_applied is not None
        ]

    def load_reference(self, desk: Desk) -> None:
        """Give the desk the accounts, the instruments, the rules and the markets' hours, if they changed."""
        if desk.reference_version == (self._reference_version,):
            return
        desk.reference_version = (self._reference_version,)
        desk.keep_accounts(dict(self._accounts))
        desk.instruments = dict(self._instruments)
        desk.rules = RuleBook(self._rules)
        desk.overrides = self._unused()
        desk.fees = self._fees
        desk.actions = len(self.actions)
        drawn = {key: self.draws.get(key, 0) for key in self.locates}
        desk.locates = LocateBook(easy=dict(self.easy), locates=dict(self.locates), drawn=drawn)
        desk.hours = Hours(self._calendars)

    def ensure_partitions(self, now: datetime) -> None:
        """Do nothing: there are none."""

    def load_desk(self, partitions: set[int]) -> Desk:
        """Rebuild the desk of the accounts whose keys fall into these partitions."""
        here = frozenset(partitions)
        desk = Desk(owns=lambda account: self._partition_of(account) in here)
        self.load_reference(desk)
        live = [
            order_id
            for order_id, order in self.orders.items()
            if not order.closed and order.sequence > 1 and order.terms.account_id in desk.owned
        ]
        for loaded in self.load_orders(live).values():
            desk.load(loaded.order, loaded.effects)
        for (account, symbol), position in self.positions.items():
            if account in desk.owned:
                desk.keep_position(account, symbol, position)
        desk.reshaped = {key: at for key, at in self.reshaped.items() if key[0] in desk.owned}
        for account, event in self.heads.items():
            if account in desk.owned:
                desk.stream_sequences[account] = event.stream_sequence
        self._count_recent(desk)
        return desk

    def load_days(self, desk: Desk, today: date, now: datetime) -> None:
        """Give the desk how the day of each of its accounts has begun."""
        newest: dict[str, AccountDay] = {}
        for (account, trade_date), day in sorted(self.days.items()):
            if today - DAY_BEFORE_MAX <= trade_date <= today and account in desk.owned:
                newest[account] = day
        for account, day in newest.items():
            desk.days.load(account, day, now)

    def _count_recent(self, desk: Desk) -> None:
        """Count what the accounts have asked for, which rates and repeats are held to."""
        for request, _ in self.requests.values():
            account = request.terms.account_id if isinstance(request, SubmitOrder) else request.account_id
            if account in desk.owned:
                desk.states[account].messages.note(request.received_at)
                if isinstance(request, CancelOrder | ReplaceOrder):
                    desk.states[account].cancels.note(request.received_at)
        for event in self.executions:
            if event.account_id in desk.owned:
                desk.states[event.account_id].fills.note(event.occurred_at)
        for order_id, events in self.events.items():
            request = self.requests[order_id][0]
            accepted = next((event for event in events if event.order_accepted is not None), None)
            if (
                accepted is not None
                and accepted.account_id in desk.owned
                and isinstance(request, SubmitOrder)
            ):
                desk.states[accepted.account_id].note_order(request.terms, accepted.occurred_at)

    def announce(self, partitions: Iterable[int], address: str, now: datetime) -> None:
        """Note at which address the core is that has these partitions' accounts."""
        self.owners |= dict.fromkeys(partitions, address)

    def load_orders(self, order_ids: Iterable[UUID]) -> Mapping[UUID, LoadedOrder]:
        """Fold the request and the events of each order that was stored."""
        return {order_id: self._folded(order_id) for order_id in order_ids if order_id in self.orders}

    def _folded(self, order_id: UUID) -> LoadedOrder:
        request = self.requests[order_id][0]
        assert isinstance(request, SubmitOrder)  # noqa: S101
        order, effects = Order(order_id=order_id, terms=request.terms), Effects()
        for message in self.events.get(order_id, ()):
            event = event_of(message)
            order = apply(order, event)
            effects.note(event)
        return LoadedOrder(order=order, effects=effects)

    def unanswered_requests(
        self, accounts: Iterable[str], after: datetime | None, before: datetime, rows_max: int
    ) -> Sequence[tuple[Request, str]]:
        """Return the requests received in a span that have had no outcome, the oldest first."""
        owned = set(accounts)
        since = None if after is None else after - CLOCK_SKEW_MAX
        found = [
            (request, trace)
            for request_id, (request, trace) in self._unanswered.items()
            if self.orders[order_of(request)].terms.account_id in owned
            and request.received_at < before
            and (since is None or uuid7_time(request_id) >= since)
        ]
        return found[:rows_max]

    def stream_ends(self, accounts: Iterable[str]) -> Sequence[OrderEvent]:
        """Return the last event of each account that has one."""
        return [self.heads[account] for account in sorted(accounts) if account in self.heads]

    def note_kills(
        self,
        switches: Sequence[KillSwitch],
        covered: Sequence[tuple[UUID, UUID, str]],
        member: str,
        now: datetime,
    ) -> None:
        """Say that this core goes by switches, and what they found open here."""
        for one in covered:
            self.covered.setdefault(one, now)
        for switch in switches:
            self.effects.setdefault((switch.switch_id, switch.stage, member), now)

    def flattened(self, switch_ids: Iterable[UUID], accounts: Iterable[str]) -> Sequence[Flattened]:
        """Return how accounts' positions stand that these switches close."""
        wanted, owned = set(switch_ids), set(accounts)
        return [
            row
            for (switch_id, account_id, _), row in self.positions_closed.items()
            if switch_id in wanted and account_id in owned
        ]

    def load_alerts(
        self, accounts: Iterable[str], partitions: Iterable[int], since: datetime
    ) -> Sequence[Alert]:
        """Return the alerts of accounts and partitions that are open, or were cleared since a time."""
        owned, here = set(accounts), set(partitions)
        return [
            alert
            for alert in self.alerts.values()
            if (alert.account_id in owned if alert.account_id else alert.partition in here)
            and (alert.cleared_at is None or alert.cleared_at > since)
        ]

    def require_streams(self, heads: Mapping[str, int]) -> None:
        """Raise AccountLostError when another writer has moved one of these accounts' streams on."""
        for account, known in heads.items():
            head = self.heads[account].stream_sequence if account in self.heads else 0
            if head != known:
                raise AccountLostError(
                    f"account {account} has a writer that moved its stream on from {known}"
                )

    def read_up_to(self, group: str, topic: Topic) -> Mapping[int, int]:
        """Return how far this core has read; of others nothing is known here."""
        return {number: offset for (name, number), offset in self.offsets.items() if name == topic.value}

    def commit(self, unit: UnitOfWork, desk: Desk, next_offsets: Mapping[tuple[str, int], int]) -> None:
        """Store a batch and the offsets after it, or nothing of it."""
        self.require_streams(unit.streams)
        reason = self._refuses(unit) or self._collision(unit) or self._used(unit) or self._closed_before(unit)
        if reason is not None:
            raise UnstorableError(reason)
        for own in unit.originated:
            self.requests[own.message.order_id] = own.message, ""
            self.closings[own.message.order_id] = own.closing
        self.positions_closed |= unit.flattened
        for event in unit.events:
            self.events.setdefault(event.message.order_id, []).append(event.message)
            self.heads[event.message.account_id] = event.message
            if event.message.request_id is not None:
                self._unanswered.pop(event.message.request_id, None)
        for exception in unit.exceptions:
            self.exceptions.setdefault(exception.identity, exception)
        self.bookings |= unit.bookings
        self.overrides_used |= unit.overrides
        for account, day in unit.days.items():
            kept = self.days.setdefault((account, day.trade_date), day)
            peak = max(kept.peak_micros, day.peak_micros)
            self.days[account, day.trade_date] = replace(day, peak_micros=peak)
        self.alerts |= {alert.alert_id: alert for alert in unit.alerts}
        self.orders.update(unit.orders)
        self.positions |= {key: desk.position(*key) for key in unit.positions}
        self.refusals |= {action_id: why for action_id, (_, why) in unit.refusals.items()}
        for change in unit.changes:
            action = self.actions[change.action_id]
            if action.symbol == change.symbol:
                self.changes[change.action_id] = change
                if isinstance(action, Split | Rename):
                    self.reshaped[change.account_id, change.symbol] = unit.now
        for locate, shares in unit.draws.items():
            self.draws[locate] = self.draws.get(locate, 0) + shares
        for when, moved in unit.cash.items():
            self.cash[when] = self.cash.get(when, 0) + moved
        for place, offset in next_offsets.items():
            self.offsets[place] = max(offset, self.offsets.get(place, 0))
        self.commits += 1

    def _used(self, unit: UnitOfWork) -> str | None:
        for override_id in unit.overrides:
            if override_id not in self.overrides or override_id in self.overrides_used:
                return f"override {override_id} is used or revoked"
        return None

    def _closed_before(self, unit: UnitOfWork) -> str | None:
        """Say which round of a switch is stored already, or closes more than is held."""
        rounds = {(one.switch_id, one.account_id, one.symbol, one.round) for one in self.closings.values()}
        for one in (own.closing for own in unit.originated):
            if (one.switch_id, one.account_id, one.symbol, one.round) in rounds:
                return f"round {one.round} of switch {one.switch_id} is stored already"
            if -sign(one.side) * one.held < one.quantity + one.others:
                return f"order {one.order_id} of {one.quantity} is more than closes {one.held}"
        return None

    def _collision(self, unit: UnitOfWork) -> str | None:
        stored: dict[UUID, int] = {}
        for event in unit.events:
            message = event.message
            known = stored.get(message.order_id, len(self.events.get(message.order_id, ())) + 1)
            expected = known + 1
            if message.sequence != expected:
                return f"event {message.sequence} of {message.order_id} collides, {expected} is next"
            stored[message.order_id] = message.sequence
        return None
