"""What an OrderStore keeps: the one on Postgres and the one in memory pass the same tests."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from msgspec.structs import replace
from psycopg.types.json import Jsonb

from oms_core.adapters.memory_store import InMemoryOrderStore
from oms_core.adapters.postgres_copies import PostgresCopyStore
from oms_core.adapters.postgres_store import PostgresOrderStore
from oms_core.domain.alerts import Alert
from oms_core.domain.days import AccountDay
from oms_core.domain.desk import Desk
from oms_core.domain.flatten import SETTLE, Flattened, FlattenWatch, PositionState
from oms_core.domain.locates import Locate, LocateKey
from oms_core.domain.positions import Position
from oms_core.domain.risk import AccountTerms, InstrumentTerms
from oms_core.domain.touch import TouchPrices
from oms_core.domain.transitions import Lifecycle
from oms_core.handlers import Core, handle, handle_action, handle_flatten
from oms_core.ports import (
    AccountLostError,
    Opening,
    OrderStore,
    PositionAction,
    Rename,
    Split,
    UnitOfWork,
    UnstorableError,
)
from oms_platform import ids, order_ids
from oms_platform.clock import utc_now
from oms_platform.kill_switches import FixedKills, Kills, KillSwitch, Stage
from oms_platform.market_rules import rules_date
from oms_platform.messages import (
    CancelOrder,
    ExecutionReport,
    OrderEvent,
    ReplaceOrder,
    ResumeOrder,
    RouteAnswer,
    SubmitOrder,
    SuspendOrder,
)
from oms_platform.override_rows import read_unused
from oms_platform.overrides import Override
from oms_platform.prices import dollars_of, micros_of
from oms_platform.risk_rules import Unit
from oms_platform.scopes import Scope
from oms_platform.vocabulary import (
    ChildTerms,
    ExecType,
    Message,
    OrderChange,
    OrderStatus,
    OrderType,
    RiskCheck,
    RoutePlaced,
    Side,
    TimeInForce,
)
from oms_platform.wire import Topic, encode
from tests.ingest import PRICE, Change, store_change, store_order, submit_order
from tests.unit.oms_core.scene import limits

ACCOUNT = "ACC-INST-001"
UNTIL = datetime(2099, 11, 27, 18, 0, 0, 250_000, tzinfo=UTC)


class Kept:
    """A store, and how requests come into it."""

    def __init__(
        self,
        store: OrderStore,
        take: Callable[[SubmitOrder | Change], None],
        grant: Callable[[Override], None],
        cash: Callable[[], dict[str, int]],
        take_action: Callable[[PositionAction], None],
        store_switch: Callable[[KillSwitch], None],
        load_locate: Callable[[LocateKey, Locate], None],
    ) -> None:
        self.load_locate = load_locate
        self.store_switch = store_switch
        self.take_action = take_action
        self.store = store
        self.cash = cash
        self.take = take
        self.grant = grant
        self.begin()

    def begin(self) -> None:
        """Begin a core's life on what is stored."""
        self.core = Core(desk=self.store.load_desk({0, 1, 2, 3}), store=self.store, quotes=Quotes())

    def do(self, *messages: Message, offsets: dict[tuple[str, int], int] | None = None) -> None:
        """Handle messages as one batch and commit it."""
        unit = UnitOfWork(now=utc_now())
        for message in messages:
            handle(self.core, unit, message, "")
        self.store.commit(unit, self.core.desk, offsets or {})

    def set_switch(self) -> KillSwitch:
        """Set a switch of its own scope that closes positions of AAPL."""
        scope = Scope(symbol="AAPL", account=ACCOUNT)
        one = KillSwitch(switch_id=ids.uuid7(), scope=scope, reason="drill", stage=Stage.FLATTEN)
        self.store_switch(one)
        return one

    def filled(self) -> SubmitOrder:
        """Return an order that is filled with one trade."""
        order = self.submitted()
        self.do(order)
        self.do(placed(order))
        self.do(trade(order, "E1", 100))
        return order

    def submitted(self, **changes: Any) -> SubmitOrder:
        """Return an order as ingest has stored it."""
        order = submit_order(account_id=ACCOUNT, **changes)
        self.take(order)
        return order


class Quotes:
    """Every symbol around 100."""

    def touch(self, symbol: str) -> TouchPrices:
        return TouchPrices(bid_micros=PRICE - 10_000, offer_micros=PRICE + 10_000)


def placed(order: SubmitOrder) -> RouteAnswer:
    child = ChildTerms(
        order_id=order.order_id, cl_ord_id=order_ids.child_cl_ord_id(order.order_id, 1, 1), attempt=1, leg=1,
        account_id=ACCOUNT, venue_id="XNYS", symbol="AAPL", side=order.terms.side,
        order_type=OrderType.LIMIT, time_in_force=order.terms.time_in_force,
        quantity=order.terms.quantity, limit_price_micros=PRICE,
    )  # fmt: skip
    answer = RoutePlaced(attempt=1, children=(child,), placed_at=utc_now())
    return RouteAnswer(route_id=ids.uuid7(), order_id=order.order_id, account_id=ACCOUNT, placed=answer)


def trade(order: SubmitOrder, exec_id: str, quantity: int, price: int = PRICE) -> ExecutionReport:
    return ExecutionReport(
        order_id=order.order_id, account_id=ACCOUNT,
        cl_ord_id=order_ids.child_cl_ord_id(order.order_id, 1, 1), venue_id="XNYS", exec_id=exec_id,
        exec_type=ExecType.TRADE, symbol="AAPL", side=order.terms.side, order_qty=100,
        last_qty=quantity, last_px_micros=price, transact_time=utc_now(), received_at=utc_now(),
    )  # fmt: skip


def test_what_trades_move_is_added_to_the_cash_of_the_day_on_which_it_settles(kept: Kept) -> None:
    orders = [kept.filled(), kept.filled()]
    position = kept.core.desk.position(ACCOUNT, "AAPL")
    ((day, moved),) = kept.cash().items()
    assert moved == position.net_cash_micros - position.fees_micros == -200 * PRICE - position.fees_micros
    assert day > utc_now().date().isoformat()
    kept.begin()
    for number, order in enumerate(orders):
        bust = replace(trade(order, f"B{number}", 0), exec_type=ExecType.TRADE_CANCEL, exec_ref_id="E1")
        kept.do(bust)
    assert kept.cash() == {day: 0}
    assert kept.core.desk.position(ACCOUNT, "AAPL").fees_micros == 0


def test_an_opening_waits_until_it_is_taken_and_is_what_is_held_then(kept: Kept) -> None:
    seen = kept.core.desk.actions
    opening = Opening(
        action_id=ids.uuid7(), account_id=ACCOUNT, symbol="AAPL", quantity=-7, cost_micros=-700_000_001
    )
    kept.take_action(opening)
    kept.store.load_reference(kept.core.desk)
    assert kept.core.desk.actions != seen
    assert kept.store.waiting_actions(["OTHER"]) == []
    (waiting,) = kept.store.waiting_actions([ACCOUNT])
    assert waiting == opening
    unit = UnitOfWork(now=utc_now())
    handle_action(kept.core, unit, waiting)
    kept.store.commit(unit, kept.core.desk, {})
    assert kept.store.waiting_actions([ACCOUNT]) == []
    before = kept.core.desk.position(ACCOUNT, "AAPL")
    assert (before.quantity, before.opened_micros) == (-7, -700_000_001)
    kept.begin()
    assert kept.core.desk.position(ACCOUNT, "AAPL") == before


def test_an_opening_that_something_has_crossed_is_refused_once(kept: Kept) -> None:
    kept.filled()
    head = kept.core.desk.stream_sequences[ACCOUNT]
    late, timely = (
        Opening(
            action_id=ids.uuid7(), account_id=ACCOUNT, symbol=symbol, quantity=7, cost_micros=7, after=after
        )
        for symbol, after in (("AAPL", head - 1), ("MSFT", head))
    )  # fmt: skip
    for one in (late, timely):
        kept.take_action(one)
    unit = UnitOfWork(now=utc_now())
    for one in kept.store.waiting_actions([ACCOUNT]):
        handle_action(kept.core, unit, one)
    kept.store.commit(unit, kept.core.desk, {})
    assert kept.store.waiting_actions([ACCOUNT]) == []
    kept.begin()
    held = [kept.core.desk.position(ACCOUNT, symbol).quantity for symbol in ("AAPL", "MSFT")]
    assert held == [100, 7]


def test_when_something_was_split_is_known_to_the_core_that_begins_anew(kept: Kept) -> None:
    kept.filled()
    split = Split(
        action_id=ids.uuid7(), account_id=ACCOUNT, symbol="AAPL", numerator=3, denominator=7,
        price_micros=40_000_001,
    )  # fmt: skip
    kept.take_action(split)
    assert kept.store.waiting_actions([ACCOUNT]) == [split]
    unit = UnitOfWork(now=utc_now())
    handle_action(kept.core, unit, split)
    kept.store.commit(unit, kept.core.desk, {})
    held = kept.core.desk.position(ACCOUNT, "AAPL")
    # 300 / 7 shares: 42, and 6 / 7 of one.
    assert (held.quantity, held.net_cash_micros) == (42, -100 * PRICE + 34_285_715)
    kept.begin()
    assert kept.core.desk.position(ACCOUNT, "AAPL") == held
    assert kept.core.desk.reshaped == {(ACCOUNT, "AAPL"): unit.now}


def test_what_goes_by_another_symbol_is_stored_under_both_once(kept: Kept) -> None:
    kept.filled()
    held = kept.core.desk.position(ACCOUNT, "AAPL")
    rename = Rename(action_id=ids.uuid7(), account_id=ACCOUNT, symbol="AAPL", new_symbol="MSFT")
    kept.take_action(rename)
    assert kept.store.waiting_actions([ACCOUNT]) == [rename]
    unit = UnitOfWork(now=utc_now())
    handle_action(kept.core, unit, rename)
    # A core that ends before it has stored this has changed nothing.
    kept.begin()
    assert kept.core.desk.position(ACCOUNT, "AAPL") == held
    assert kept.store.waiting_actions([ACCOUNT]) == [rename]
    unit = UnitOfWork(now=utc_now())
    handle_action(kept.core, unit, rename)
    kept.store.commit(unit, kept.core.desk, {})
    assert kept.store.waiting_actions([ACCOUNT]) == []
    kept.begin()
    assert kept.core.desk.position(ACCOUNT, "AAPL") == Position()
    assert kept.core.desk.position(ACCOUNT, "MSFT") == held
    # When that was is of the old symbol alone.
    assert kept.core.desk.reshaped == {(ACCOUNT, "AAPL"): unit.now}


def test_what_orders_have_drawn_of_a_locate_is_known_to_the_core_that_begins_anew(kept: Kept) -> None:
    key = LocateKey(ACCOUNT, "AAPL", "L-1")
    first, second = (kept.submitted(side=Side.SELL_SHORT, locate_id="L-1") for _ in range(2))
    kept.do(first)
    # Loaded after an order has named it, and while the core runs.
    kept.load_locate(key, Locate(1_000, rules_date(utc_now())))
    kept.store.load_reference(kept.core.desk)
    assert kept.core.desk.locates.drawn == {key: 100}
    kept.do(second, placed(first))
    kept.do(trade(first, "E1", 60))
    kept.begin()
    assert kept.core.desk.locates.drawn == {key: 200}
    kept.do(canceled(first))
    assert first.order_id not in kept.core.desk.orders or kept.core.desk.orders[first.order_id].leaves_qty
    kept.begin()
    drawn = kept.core.desk.locates.drawn[key]
    bust = replace(trade(first, "B1", 0), exec_type=ExecType.TRADE_CANCEL, exec_ref_id="E1")
    kept.do(bust)
    kept.begin()
    # What the bust takes back may be sold again, as the order is open.
    assert kept.core.desk.locates.drawn == {key: drawn}


def flatten(kept: Kept, switch: KillSwitch, watch: FlattenWatch, *, found: timedelta = SETTLE) -> UnitOfWork:
    """Return what a core does that found a position of AAPL so long ago, not stored yet."""
    kept.core.kills = FixedKills(Kills(switches=(switch,)))
    unit = UnitOfWork(now=utc_now())
    if watch.row(switch.switch_id, ACCOUNT, "AAPL") is None:
        held = kept.core.desk.position(ACCOUNT, "AAPL").quantity
        watch.keep(
            Flattened(
                switch_id=switch.switch_id, account_id=ACCOUNT, symbol="AAPL", found_qty=held,
                found_at=unit.now - found,
            )
        )  # fmt: skip
    handle_flatten(kept.core, unit, watch, ACCOUNT, "AAPL")
    return unit


def test_an_order_that_closes_for_a_switch_is_stored_whole_with_what_it_is_and_its_round_once(
    kept: Kept,
) -> None:
    kept.filled()
    switch = kept.set_switch()
    unit = flatten(kept, switch, FlattenWatch())
    (own,) = unit.originated
    kept.store.commit(unit, kept.core.desk, {})
    kept.begin()
    order = kept.core.desk.orders[own.message.order_id]
    assert (order.terms, order.sequence) == (own.message.terms, 2)
    assert (order.terms.closes_for, order.route_quantity) == (switch.switch_id, 100)
    (row,) = kept.store.flattened([switch.switch_id], [ACCOUNT])
    assert (row.state, row.rounds, row.order_id) == (PositionState.CLOSING, 1, order.order_id)
    assert row.found_qty == 100 and row == unit.flattened[row.key]
    assert kept.store.flattened([switch.switch_id], ["OTHER"]) == []
    assert kept.store.flattened([ids.uuid7()], [ACCOUNT]) == []
    # Its request is in the log and has its outcome.
    later = utc_now() + timedelta(hours=1)
    assert kept.store.unanswered_requests([ACCOUNT], None, later, 10) == []
    # One that has forgotten it would make the same round again: nothing of that is stored.
    kept.core.desk.keep(replace(order, lifecycle=Lifecycle.CANCELED))
    again = flatten(kept, switch, FlattenWatch())
    assert again.originated[0].message.terms.client_order_id == own.message.terms.client_order_id
    with pytest.raises(UnstorableError):
        kept.store.commit(again, kept.core.desk, {})
    kept.begin()
    assert set(kept.core.desk.orders) == {order.order_id}


def test_no_store_takes_an_order_of_a_switch_that_is_more_than_closes_what_is_held(kept: Kept) -> None:
    kept.filled()
    for changes in ({"quantity": 101}, {"others": 1}, {"held": -100}, {"side": Side.BUY}):
        unit = flatten(kept, kept.set_switch(), FlattenWatch())
        (own,) = unit.originated
        wrong: Any = changes
        unit.originated = [dataclasses.replace(own, closing=replace(own.closing, **wrong))]
        with pytest.raises(UnstorableError):
            kept.store.commit(unit, kept.core.desk, {})
        kept.begin()
    assert kept.core.desk.orders == {}


def canceled(order: SubmitOrder) -> ExecutionReport:
    """Report that its venue has canceled the order's child."""
    return replace(trade(order, "E-out", 0), exec_type=ExecType.CANCELED, last_px_micros=None)


def _not_asked(_what: object) -> None:
    """Stand for what a test does not do."""


@pytest.fixture(params=["postgres", "memory"])
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    if request.param == "memory":
        accounts = {ACCOUNT: AccountTerms(account_id=ACCOUNT)}
        instruments = {"AAPL": InstrumentTerms(symbol="AAPL", active=True)}
        memory = InMemoryOrderStore(accounts, instruments, rules=limits())

        def cash_of_days() -> dict[str, int]:
            return {str(day): moved for (_, day), moved in memory.cash.items()}

        def load_one(key: LocateKey, locate: Locate) -> None:
            memory.load_locates({key: locate})

        yield Kept(
            memory, memory.take_request, memory.grant, cash_of_days, memory.take_action, _not_asked, load_one
        )
        return
    dsn = request.getfixturevalue("dsn")
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:

        def take(taken: SubmitOrder | Change) -> None:
            if isinstance(taken, SubmitOrder):
                store_order(connection, taken)
            else:
                store_change(connection, taken)

        def grant(leave: Override) -> None:
            connection.execute(
                "INSERT INTO risk_overrides (override_id, request_id, order_id, account_id, trader, terms,"
                " checks, granted_by, reason, granted_at, expires_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    leave.override_id,
                    leave.request_id,
                    leave.order_id,
                    leave.terms.account_id,
                    leave.trader,
                    encode(leave.terms).decode(),
                    msgspec.json.encode(leave.checks).decode(),
                    leave.granted_by,
                    leave.reason,
                    utc_now(),
                    leave.expires_at,
                ],
            )

        def cash() -> dict[str, int]:
            found = connection.execute("SELECT settles_on::text, amount FROM cash_settlements")
            return {day: micros_of(amount) for day, amount in found}

        def take_action(action: PositionAction) -> None:
            if isinstance(action, Opening):
                terms = {"quantity": action.quantity, "cost": str(dollars_of(action.cost_micros)),
                         "after": action.after}  # fmt: skip
            elif isinstance(action, Rename):
                terms = {"to": action.new_symbol}
            else:
                terms = {"numerator": action.numerator, "denominator": action.denominator,
                         "price": str(dollars_of(action.price_micros))}  # fmt: skip
            connection.execute(
                "INSERT INTO position_actions VALUES (%s, %s, %s, %s, %s, 'x', 'x', now())",
                (
                    action.action_id,
                    type(action).__name__.upper(),
                    action.account_id,
                    action.symbol,
                    Jsonb(terms),
                ),
            )

        def store_switch(one: KillSwitch) -> None:
            connection.execute(
                "INSERT INTO kill_switches (switch_id, scope, stage, reason, set_by, set_at, released_at)"
                " VALUES (%s, %s, %s, 'drill', 'tests', now(), NULL)",
                [one.switch_id, Jsonb({"trader": one.switch_id.hex}), one.stage.value],
            )

        def load_locate(key: LocateKey, locate: Locate) -> None:
            connection.execute(
                "INSERT INTO locates VALUES (%s, %s, %s, 'Prime', %s, %s, 'x', 'x', now())",
                [*key, locate.quantity, locate.valid_on],
            )

        store = PostgresOrderStore(connection, "an incarnation", 4)
        yield Kept(store, take, grant, cash, take_action, store_switch, load_locate)


def test_a_desk_is_rebuilt_as_it_was(kept: Kept) -> None:
    kept.filled()
    order = kept.submitted()
    kept.do(order)
    before = kept.core.desk
    kept.begin()
    after = kept.core.desk
    assert after.orders == before.orders
    assert after.positions == before.positions
    assert after.states[ACCOUNT] == before.states[ACCOUNT]
    assert after.stream_sequences[ACCOUNT] == before.stream_sequences[ACCOUNT]
    assert set(after.owed) == {order.order_id}


def leave_for(order: SubmitOrder) -> Override:
    check = RiskCheck(rule="ORDER_QTY_EXCEEDS_MAX", value="100", bound="50", headroom="-50")
    return Override(
        override_id=ids.uuid7(), request_id=order.order_id, order_id=None, terms=order.terms,
        trader=order.terms.principal, checks=(check,), granted_by="risk1", reason="drill", expires_at=UNTIL,
    )  # fmt: skip


def test_leave_is_read_once_it_is_given_and_what_passes_by_it_is_stored_with_its_use_or_not_at_all(
    kept: Kept,
) -> None:
    order, second = kept.submitted(), kept.submitted()
    leave = leave_for(order)
    kept.grant(leave)
    kept.store.load_reference(kept.core.desk)
    assert kept.core.desk.overrides_of(ACCOUNT) == (leave,)
    for sent in (order, second):
        unit = UnitOfWork(now=utc_now(), overrides={leave.override_id: sent.order_id})
        handle(kept.core, unit, sent, "")
        if sent is order:
            kept.store.commit(unit, kept.core.desk, {})
        else:
            with pytest.raises(UnstorableError, match="used or revoked"):
                kept.store.commit(unit, kept.core.desk, {})
    kept.begin()
    assert kept.core.desk.overrides_of(ACCOUNT) == ()
    assert set(kept.core.desk.orders) == {order.order_id}


def test_with_what_a_day_has_begun_is_kept_as_it_was_told_last_and_its_peak_only_grows(kept: Kept) -> None:
    today, now = date(2026, 3, 2), utc_now()
    for opening, peak in ((7, 100), (9, 300), (8, 200)):
        day = AccountDay(trade_date=today, opening_micros=opening, peak_micros=peak)
        kept.store.commit(UnitOfWork(now=now, days={ACCOUNT: day}), kept.core.desk, {})
    kept.begin()
    days = kept.core.desk.days
    days.begin(today)
    kept.store.load_days(kept.core.desk, today, now)
    assert days.of(ACCOUNT) == AccountDay(trade_date=today, opening_micros=8, peak_micros=300)
    # Where a day ends the next one begins, also over a weekend; what is longer ago says nothing.
    seen = AccountDay(trade_date=today, opening_micros=8, peak_micros=300, pnl_micros=-5)
    kept.store.commit(UnitOfWork(now=now, days={ACCOUNT: seen}), kept.core.desk, {})
    for later, opening in ((3, 3), (12, 3), (13, 77)):
        kept.begin()
        days = kept.core.desk.days
        days.begin(date(2026, 3, later))
        kept.store.load_days(kept.core.desk, date(2026, 3, later), now)
        assert days.of(ACCOUNT) is None
        found = days.look(ACCOUNT, 77, now)
        assert found is not None and found.opening_micros == opening


def test_an_order_that_is_over_is_found_with_what_it_has_seen(kept: Kept) -> None:
    order = kept.filled()
    loaded = kept.store.load_orders([order.order_id, ids.uuid7()])
    assert set(loaded) == {order.order_id}
    found = loaded[order.order_id]
    assert (found.order.status.name, found.order.cum_qty) == ("FILLED", 100)
    assert found.effects.reported(("XNYS", "", "", "E1")) is not None


def test_a_bust_reopens_a_filled_order_and_the_desk_is_rebuilt_with_it(kept: Kept) -> None:
    order = kept.filled()
    kept.do(replace(trade(order, "C1", 0), exec_type=ExecType.TRADE_CANCEL, exec_ref_id="E1", leaves_qty=40))
    before = kept.core.desk
    assert before.orders[order.order_id].executed_qty == 0
    kept.begin()
    after = kept.core.desk
    assert after.orders == before.orders
    assert after.effects == before.effects
    assert after.positions == before.positions
    assert after.positions[ACCOUNT, "AAPL"].quantity == 0
    assert after.states[ACCOUNT] == before.states[ACCOUNT]


def test_what_exceeds_an_order_is_kept_beside_its_cum_qty(kept: Kept) -> None:
    order = kept.filled()
    kept.do(trade(order, "E2", 50))
    loaded = kept.store.load_orders([order.order_id])[order.order_id].order
    assert (loaded.cum_qty, loaded.excess_qty, loaded.notional_micros) == (100, 50, 150 * PRICE)
    if isinstance(kept.store, PostgresOrderStore):
        row = kept.store._connection.execute(
            "SELECT cum_qty, excess_qty, filled_notional FROM orders WHERE order_id = %s", [order.order_id]
        ).fetchone()
        assert row == (100, 50, 15_000)


def test_an_exception_is_kept_once_with_the_batch_that_raised_it(kept: Kept) -> None:
    order = kept.filled()
    report = trade(order, "E1", 99)
    kept.do(report, offsets={(Topic.FILLS.value, 0): 7})
    kept.do(replace(report, received_at=utc_now()))
    kept.do(replace(report, last_qty=98, text="a \0 in it"))
    if isinstance(kept.store, InMemoryOrderStore):
        found = [(one.kind.name, one.last_qty) for one in kept.store.exceptions.values()]
    else:
        assert isinstance(kept.store, PostgresOrderStore)
        found = kept.store._connection.execute(
            "SELECT kind, last_qty FROM execution_exceptions WHERE status = 'OPEN' ORDER BY raised_at"
        ).fetchall()
    assert found == [("REPEATED_EXEC_ID", 99), ("REPEATED_EXEC_ID", 98)]
    assert kept.store.read_up_to("oms-core", Topic.FILLS) == {0: 7}


def test_an_order_is_stored_as_it_was_replaced_last_and_read_back_so(kept: Kept, request: Any) -> None:
    order = kept.submitted()
    kept.do(order)
    kept.do(placed(order))
    kept.do(trade(order, "E1", 40))
    asked: dict[str, Any] = {"order_id": order.order_id, "account_id": ACCOUNT, "received_at": utc_now()}
    change = OrderChange(
        quantity=250, limit_price_micros=PRICE - 10_000, time_in_force=TimeInForce.GTD, expire_at=UNTIL
    )
    replace_order = ReplaceOrder(**asked, request_id=ids.uuid7(), change=change)
    kept.take(replace_order)
    kept.do(replace_order)
    assert state(kept, order) == (OrderStatus.PENDING_REPLACE, 100, PRICE, TimeInForce.DAY)
    kept.do(canceled(order))
    kept.begin()
    assert state(kept, order) == (OrderStatus.PARTIALLY_FILLED, 250, PRICE - 10_000, TimeInForce.GTD)
    suspend = SuspendOrder(**asked, request_id=ids.uuid7())
    kept.take(suspend)
    kept.do(suspend)
    kept.begin()
    assert state(kept, order)[0] is OrderStatus.SUSPENDED
    resume = ResumeOrder(**asked, request_id=ids.uuid7())
    kept.take(resume)
    later = utc_now()
    assert [found for found, _ in kept.store.unanswered_requests([ACCOUNT], None, later, 10)] == [resume]
    kept.do(resume, suspend, replace_order)
    kept.begin()
    assert state(kept, order)[0] is OrderStatus.PARTIALLY_FILLED
    if isinstance(kept.store, PostgresOrderStore):
        with closing(psycopg.connect(request.getfixturevalue("dsn"))) as connection:
            row = connection.execute(
                "SELECT status, quantity, cum_qty, leaves_qty, limit_price::text, time_in_force, expire_at"
                " FROM orders WHERE order_id = %s",
                [order.order_id],
            ).fetchone()
        assert row == ("PARTIALLY_FILLED", 250, 40, 210, "99.990000", "GTD", UNTIL)


def test_an_order_that_is_good_till_a_time_is_read_back_so(kept: Kept) -> None:
    order = kept.submitted(time_in_force=TimeInForce.GTD, expire_at=UNTIL)
    kept.do(order)
    kept.begin()
    assert kept.core.desk.orders[order.order_id].terms.expire_at == UNTIL


def state(kept: Kept, order: SubmitOrder) -> tuple[OrderStatus, int, int | None, TimeInForce]:
    """Return an order's status, quantity, limit and time in force as they are stored."""
    found = kept.store.load_orders([order.order_id])[order.order_id].order
    terms = found.terms
    return found.status, terms.quantity, terms.limit_price_micros, terms.time_in_force


def test_requests_are_unanswered_until_their_outcome_is_stored(kept: Kept) -> None:
    order = kept.submitted()
    later = utc_now()

    def unanswered() -> list[object]:
        found = kept.store.unanswered_requests([ACCOUNT], None, later, 10)
        recent = kept.store.unanswered_requests([ACCOUNT], order.received_at, later, 10)
        assert found == recent
        return [request for request, _ in found]

    assert unanswered() == [order]
    kept.do(order)
    assert unanswered() == []
    cancel = CancelOrder(
        request_id=ids.uuid7(), order_id=order.order_id, account_id=ACCOUNT, received_at=utc_now()
    )
    kept.take(cancel)
    later = utc_now()
    assert unanswered() == [cancel]
    kept.do(cancel)
    assert unanswered() == []
    assert kept.store.unanswered_requests(["ACC-INST-002"], None, later, 10) == []


def test_a_request_is_not_looked_at_before_it_has_had_its_time(kept: Kept) -> None:
    order = kept.submitted()
    assert kept.store.unanswered_requests([ACCOUNT], None, order.received_at, 10) == []


def test_a_writer_that_another_one_has_overtaken_stores_nothing(kept: Kept) -> None:
    kept.filled()
    overtaken = kept.core
    kept.begin()
    kept.do(kept.submitted())
    kept.core = overtaken
    late = kept.submitted()
    with pytest.raises(AccountLostError):
        kept.do(late)
    kept.begin()
    assert kept.core.desk.order(late.order_id) is None


def test_a_writer_that_another_one_has_overtaken_passes_no_offset_of_the_account(kept: Kept) -> None:
    place = (Topic.FILLS.value, 0)
    kept.store.require_streams({ACCOUNT: 0})
    kept.filled()
    head = kept.core.desk.stream_sequences[ACCOUNT]
    kept.store.require_streams({ACCOUNT: head})
    for known in (0, head - 1, head + 1):
        kept.core.desk.stream_sequences[ACCOUNT] = known
        with pytest.raises(AccountLostError):
            kept.store.require_streams({ACCOUNT: known})
        unit = UnitOfWork(now=utc_now(), streams={ACCOUNT: known})
        with pytest.raises(AccountLostError):
            kept.store.commit(unit, kept.core.desk, {place: 1_000})
    assert kept.store.read_up_to("oms-core", Topic.FILLS).get(0, 0) < 1_000


def test_an_event_that_is_stored_already_is_refused_and_its_whole_batch_with_it(kept: Kept) -> None:
    order = kept.filled()
    other = kept.submitted()
    kept.core.desk.closed.clear()
    with pytest.raises(UnstorableError):
        kept.do(other, order)
    kept.begin()
    assert kept.core.desk.order(other.order_id) is None
    assert kept.store.load_orders([order.order_id])[order.order_id].order.status.name == "FILLED"


def test_the_last_event_of_each_account_is_the_end_of_its_stream(kept: Kept) -> None:
    kept.filled()
    (end,) = kept.store.stream_ends([ACCOUNT, "ACC-INST-002"])
    assert (end.type, end.stream_sequence) == ("TradeApplied", 3)


def test_offsets_are_kept_with_the_batch_and_never_go_back(kept: Kept) -> None:
    place = (Topic.FILLS.value, 0)
    kept.do(offsets={place: 7})
    kept.do(offsets={place: 5})
    assert kept.store.read_up_to("oms-core", Topic.FILLS) == {0: 7}


def alert(**changes: Any) -> Alert:
    """Return an alert of the account's gross exposure, with changes."""
    now = utc_now()
    values: dict[str, Any] = {
        "alert_id": ids.uuid7(), "rule": "GROSS_EXPOSURE_EXCEEDED", "scope": Scope(account=ACCOUNT),
        "account_id": ACCOUNT, "partition": None, "share_pct": 100, "value": -1_500_000, "bound": 10_000_000,
        "worst": 20_000_001, "unit": Unit.DOLLARS, "set_for": "everything", "times_raised": 2, "version": 1,
        "first_seen": now, "last_seen": now,
    }  # fmt: skip
    return Alert(**values | changes)


def test_alerts_are_kept_with_the_batch_and_found_by_whose_they_are_while_they_are_open(kept: Kept) -> None:
    one, firms = alert(), alert(account_id="", partition=2, scope=Scope(firm="F"))
    text = alert(rule="INPUT_MISSING", value="mark of AAPL", bound="known", worst="", unit=Unit.TEXT)
    before = utc_now()
    kept.store.commit(UnitOfWork(now=utc_now(), alerts=[one, firms, text]), kept.core.desk, {})
    assert set(kept.store.load_alerts([ACCOUNT], [2, 3], before)) == {one, firms, text}
    assert list(kept.store.load_alerts(["ACC-HF-001"], [3], before)) == []
    worse = replace(one, version=2, value=1, times_raised=3)
    cleared = replace(worse, version=3, cleared_at=utc_now(), last_seen=utc_now(), why_cleared="within")
    kept.store.commit(UnitOfWork(now=utc_now(), alerts=[worse, cleared]), kept.core.desk, {})
    assert set(kept.store.load_alerts([ACCOUNT], [], before)) == {cleared, text}
    assert list(kept.store.load_alerts([ACCOUNT], [], utc_now())) == [text]


def test_executions_are_read_to_be_copied_with_busts_by_account_and_the_place_never_goes_back(
    dsn: str,
) -> None:
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:
        store = PostgresOrderStore(connection, "an incarnation", 4)
        not_asked = [_not_asked, _not_asked, lambda _key, _locate: None]
        kept = Kept(store, lambda taken: store_order(connection, taken), _not_asked, dict, *not_asked)
        order = kept.filled()
        kept.do(replace(trade(order, "E2", 0), exec_type=ExecType.TRADE_CANCEL, exec_ref_id="E1"))
        head = kept.core.desk.stream_sequences[ACCOUNT]
    copies = PostgresCopyStore(dsn)
    with closing(copies):
        assert copies.behind([ACCOUNT, "ACC-HF-001"]) == {ACCOUNT: head}
        assert copies.places([ACCOUNT]) == {ACCOUNT: 0}
        first, bust = copies.executions({ACCOUNT: 0, "ACC-HF-001": 0}, 10)
        events = [msgspec.json.decode(one.payload, type=OrderEvent) for one in (first, bust)]
        assert [one.type for one in events] == ["TradeApplied", "TradeCorrected"]
        assert [(one.stream_sequence, one.event_id) for one in events] == [
            (one.sequence, one.event_id) for one in (first, bust)
        ]
        assert copies.executions({ACCOUNT: 0}, 1) == [first]
        assert copies.executions({ACCOUNT: first.sequence}, 10) == [bust]
        copies.keep({ACCOUNT: bust.sequence})
        copies.close()
        copies.keep({ACCOUNT: first.sequence})
        assert copies.places([ACCOUNT]) == {ACCOUNT: bust.sequence}


def test_an_empty_store_makes_an_empty_desk(kept: Kept) -> None:
    desk = kept.store.load_desk({0, 1, 2, 3})
    assert (desk.orders, desk.positions) == ({}, {})
    assert isinstance(desk, Desk)
    assert ACCOUNT in desk.owned


def test_where_a_partitions_core_is_follows_who_took_it_last(kept: Kept) -> None:
    kept.store.announce({0, 1}, "one:1", utc_now())
    kept.store.announce({1}, "two:1", utc_now())
    if isinstance(kept.store, InMemoryOrderStore):
        found = kept.store.owners
    else:
        rows = kept.store._connection.execute("SELECT partition, address FROM core_owners")
        found = dict(rows.fetchall())
    assert found == {0: "one:1", 1: "two:1"}


def test_leave_that_cannot_be_read_lets_nothing_pass_and_stops_nobody(dsn: str) -> None:
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:
        connection.execute(
            "INSERT INTO risk_overrides (override_id, request_id, account_id, trader, terms, checks,"
            " granted_by, reason, granted_at, expires_at) VALUES (gen_random_uuid(), gen_random_uuid(), %s,"
            """ 'trader1', '{"principal": "trader1"}', '[{}]', 'risk1', 'so', now(),"""
            " now() + interval '2 hours')",
            (ACCOUNT,),
        )
        assert read_unused(connection, utc_now()) == {}
        assert PostgresOrderStore(connection, "an incarnation", 4).load_desk({0}).overrides == {}
