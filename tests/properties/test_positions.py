"""Positions and cash against an exact model: no interleaving moves cash that executions do not explain."""

import os
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from oms_core.adapters.memory_store import InMemoryOrderStore
from oms_core.domain.fees import ADDED, Charge, ChargeKind, FeeBook, VenueFees
from oms_core.domain.risk import AccountTerms, InstrumentTerms
from oms_core.domain.touch import TouchPrices
from oms_core.handlers import Core, handle, handle_action
from oms_core.ports import Opening, PositionAction, Rename, Split, UnitOfWork
from oms_platform import ids, order_ids
from oms_platform.exceptions import ExceptionKind
from oms_platform.messages import ExecutionReport, RouteAnswer, SubmitOrder
from oms_platform.vocabulary import (
    ChildTerms,
    ExecType,
    Message,
    OrderTerms,
    OrderType,
    RoutePlaced,
    Side,
    TimeInForce,
)
from tests.unit.oms_core.orders import NOW, PRICE
from tests.unit.oms_core.scene import limits

ACCOUNT = "ACC-INST-001"
SYMBOLS = ("AAPL", "MSFT")
SHARES_MAX = 10**6
SHARES = st.integers(1, 997)
# With micros that averages do not come out even by.
PRICES = st.integers(1, 300_000_000)


class Quotes:
    """Every symbol around 100."""

    def touch(self, symbol: str) -> TouchPrices:
        return TouchPrices(bid_micros=PRICE, offer_micros=PRICE + 10_000)


@dataclass(slots=True)
class Trade:
    """A trade as it stands: whose it is, and what its venue said of it."""

    order: SubmitOrder
    exec_id: str
    quantity: int
    price: int
    liquidity: int
    day: date
    fee: Fraction
    split: bool = False


@dataclass(slots=True)
class Model:
    """An account in a symbol, in exact fractions of micros. closings: how often something was rounded."""

    shares: int = 0
    cost: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    cash: int = 0
    opened: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    closings: int = 0

    def move(self, signed: int, price: int) -> None:
        """Trade so many shares, below 0 for a sale, at average cost that is never rounded."""
        self.cash -= signed * price
        closing = min(abs(signed), abs(self.shares)) if self.shares * signed < 0 else 0
        way = 1 if signed > 0 else -1
        if closing:
            average = self.cost / self.shares
            self.realized -= way * closing * (price - average)
            self.cost += way * closing * average
            self.closings += 1
        self.cost += way * (abs(signed) - closing) * price
        self.shares += signed
        if not self.shares:
            # What rounding has left in the cost is realized with the last share.
            self.realized, self.cost = self.cash - self.opened, Fraction(0)
            self.closings = 0

    def join(self, other: "Model") -> None:
        """Hold what another is, too: where one is long and the other short, they close each other."""
        closing = min(abs(self.shares), abs(other.shares)) if self.shares * other.shares < 0 else 0
        released = sum(
            (one.cost * closing / abs(one.shares) for one in (self, other) if closing), Fraction(0)
        )
        self.closings += other.closings + 2 * bool(closing)
        self.shares += other.shares
        self.cost += other.cost - released
        self.realized += other.realized - released
        self.cash += other.cash
        self.opened += other.opened
        self.fees += other.fees
        if not self.shares:
            self.realized, self.cost, self.closings = self.cash - self.opened, Fraction(0), 0


@dataclass(slots=True)
class Schedule:
    """Fees in force, and the same as a formula of its own."""

    added: int
    removed: int
    rate: int
    least: int

    def rows(self, from_day: date) -> tuple[VenueFees, Charge]:
        """Return it as core knows it."""
        venue = VenueFees(
            venue_id="XNYS",
            effective_from=from_day,
            added_micros=self.added,
            removed_micros=self.removed,
        )
        sales = Charge(
            name="sales",
            kind=ChargeKind.REGULATORY,
            effective_from=from_day,
            side=Side.SELL,
            rate=self.rate,
            least_micros=self.least,
        )
        return venue, sales

    def fee(self, side: Side, quantity: int, price: int, liquidity: int) -> Fraction:
        """Return the fee of an execution; `round` is half to even."""
        if not quantity:
            return Fraction(0)
        fee = Fraction(quantity * (self.added if liquidity == ADDED else self.removed))
        if side is not Side.BUY:
            fee += max(self.least, round(Fraction(quantity * price * self.rate, 10**10)))
        return fee


SCHEDULES = st.builds(
    Schedule,
    added=st.integers(-5_000, 5_000),
    removed=st.integers(-5_000, 5_000),
    rate=st.integers(0, 10**7),
    least=st.sampled_from((0, 1, 10_000)),
)


class PositionStory(RuleBasedStateMachine):
    """Orders of both sides trade, whatever they have left; any trade is taken back or corrected, also again;
    schedules change in between; somebody says what is held; shares are split, or go by another symbol; days
    pass; a core begins anew.
    """

    def __init__(self) -> None:
        super().__init__()
        accounts = {ACCOUNT: AccountTerms(account_id=ACCOUNT)}
        instruments = {symbol: InstrumentTerms(symbol=symbol, active=True) for symbol in SYMBOLS}
        self.store = InMemoryOrderStore(accounts, instruments, rules=limits())
        self.now = NOW
        self.schedules: list[tuple[date, Schedule]] = []
        self.trades: list[Trade] = []
        # In cash for parts of shares.
        self.paid = 0
        self.orders: dict[tuple[str, Side], SubmitOrder] = {}
        self.models: defaultdict[str, Model] = defaultdict(Model)
        self.settling: defaultdict[date, Fraction] = defaultdict(Fraction)
        self.number = 0
        self._keep(Schedule(-2_000, 3_000, 278_000, 0))
        self.begin_anew()

    @rule()
    def begin_anew(self) -> None:
        self.core = Core(desk=self.store.load_desk({0}), store=self.store, quotes=Quotes())

    @rule(schedule=SCHEDULES)
    def change_schedule(self, schedule: Schedule) -> None:
        """Another schedule from today on: what was traded before is charged by the old one."""
        self._keep(schedule)
        self.store.load_reference(self.core.desk)

    @rule(days=st.integers(1, 4))
    def pass_days(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(
        symbol=st.sampled_from(SYMBOLS),
        side=st.sampled_from(list(Side)),
        quantity=SHARES,
        price=PRICES,
        liquidity=st.integers(0, 3),
    )
    def trade(self, symbol: str, side: Side, quantity: int, price: int, liquidity: int) -> None:
        order = self.orders.get((symbol, side)) or self._working(symbol, side)
        self.number += 1
        exec_id = f"E{self.number}"
        self._report(order, ExecType.TRADE, exec_id, quantity, price, liquidity=liquidity)
        fee = self._in_force(self.now.date()).fee(side, quantity, price, liquidity)
        one = Trade(order, exec_id, quantity, price, liquidity, self.now.date(), fee)
        self.trades.append(one)
        self._apply(one, 1, fee)

    @precondition(lambda self: self.trades)
    @rule(data=st.data(), quantity=st.just(0) | SHARES, price=PRICES)
    def take_back_or_correct(self, data: st.DataObject, quantity: int, price: int) -> None:
        one = data.draw(st.sampled_from(self.trades))
        self.number += 1
        kind = ExecType.TRADE_CORRECT if quantity else ExecType.TRADE_CANCEL
        self._report(one.order, kind, f"C{self.number}", quantity, price, about=one.exec_id)
        if one.split:
            # Its shares are others than those of now: a person sees it, and nothing moves.
            assert [found.kind for found in self.store.exceptions.values()] == [ExceptionKind.UNKNOWN_TRADE]
            self.store.exceptions.clear()
            return
        assert not self.store.exceptions
        self._apply(one, -1, one.fee)
        side = one.order.terms.side
        one.quantity, one.price = quantity, price
        one.fee = self._in_force(one.day).fee(side, quantity, price, one.liquidity)
        self._apply(one, 1, one.fee)

    @rule(symbol=st.sampled_from(SYMBOLS), quantity=st.integers(-500, 500), price=PRICES)
    def open(self, symbol: str, quantity: int, price: int) -> None:
        opening = Opening(
            action_id=ids.uuid7(), account_id=ACCOUNT, symbol=symbol, quantity=quantity,
            cost_micros=quantity * price,
        )  # fmt: skip
        before = self.core.desk.position(ACCOUNT, symbol)
        self._take(opening)
        # What comes in is measured from the cost that the books have, which is rounded.
        model = self.models[symbol]
        model.opened += quantity * price - before.cost_micros
        model.realized = Fraction(before.realized_pnl_micros)
        model.shares, model.cost, model.closings = quantity, Fraction(quantity * price), 0

    @rule(
        symbol=st.sampled_from(SYMBOLS),
        numerator=st.integers(1, 7),
        denominator=st.integers(1, 7),
        price=PRICES,
    )
    def split(self, symbol: str, numerator: int, denominator: int, price: int) -> None:
        self._take(
            Split(
                action_id=ids.uuid7(), account_id=ACCOUNT, symbol=symbol, numerator=numerator,
                denominator=denominator, price_micros=price,
            )
        )  # fmt: skip
        model = self.models[symbol]
        shares = Fraction(model.shares * numerator, denominator)
        part = shares - int(shares)
        if part:
            paid = round(part * price)
            model.cash += paid
            self.paid += paid
            model.realized += paid - model.cost * part / shares
            model.cost -= model.cost * part / shares
            model.closings += 1
        model.shares = int(shares)
        if not model.shares:
            model.realized, model.cost, model.closings = model.cash - model.opened, Fraction(0), 0
        for one in self.trades:
            one.split = one.split or one.order.terms.symbol == symbol

    @rule(symbol=st.sampled_from(SYMBOLS))
    def rename(self, symbol: str) -> None:
        """Hold what is held of one symbol under the other, whatever is held of that."""
        (new,) = set(SYMBOLS) - {symbol}
        self._take(Rename(action_id=ids.uuid7(), account_id=ACCOUNT, symbol=symbol, new_symbol=new))
        self.models[new].join(self.models[symbol])
        self.models[symbol] = Model()
        for one in self.trades:
            one.split = one.split or one.order.terms.symbol == symbol

    # ---- what must hold

    @invariant()
    def everything_adds_up(self) -> None:
        for symbol, model in self.models.items():
            kept = self.core.desk.position(ACCOUNT, symbol)
            assert (kept.quantity, kept.net_cash_micros, kept.fees_micros, kept.opened_micros) == (
                model.shares, model.cash, model.fees, model.opened,
            )  # fmt: skip
            assert kept.net_cash_micros + kept.cost_micros == kept.realized_pnl_micros + kept.opened_micros
            assert abs(kept.cost_micros - model.cost) <= Fraction(model.closings, 2)
            assert abs(kept.realized_pnl_micros - model.realized) <= Fraction(model.closings, 2)
            assert model.shares or not kept.cost_micros
            assert self.store.positions[ACCOUNT, symbol] == kept
        cash = {date.fromisoformat(day): moved for (_, day), moved in self.store.cash.items()}
        assert cash == self.settling
        total = sum(model.cash - model.fees for model in self.models.values()) - self.paid
        assert sum(cash.values()) == total

    # ---- how

    def _working(self, symbol: str, side: Side) -> SubmitOrder:
        terms = OrderTerms(
            account_id=ACCOUNT, channel="TEST", client_order_id=str(ids.uuid7()), principal="trader1",
            symbol=symbol, side=side, order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC,
            quantity=SHARES_MAX, limit_price_micros=PRICE,
            locate_id="L" if side is Side.SELL_SHORT else "",
        )  # fmt: skip
        order = SubmitOrder(order_id=ids.uuid7(), received_at=self.now, terms=terms)
        self.orders[symbol, side] = order
        self.store.take_request(order)
        self._do(order)
        child = ChildTerms(
            order_id=order.order_id, cl_ord_id=_child(order.order_id), attempt=1, leg=1, account_id=ACCOUNT,
            venue_id="XNYS", symbol=symbol, side=side, order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.DAY, quantity=SHARES_MAX, limit_price_micros=PRICE,
        )  # fmt: skip
        placed = RoutePlaced(attempt=1, children=(child,), placed_at=self.now)
        self._do(
            RouteAnswer(route_id=ids.uuid7(), order_id=order.order_id, account_id=ACCOUNT, placed=placed)
        )
        return order

    def _report(
        self,
        order: SubmitOrder,
        kind: ExecType,
        exec_id: str,
        quantity: int,
        price: int,
        *,
        liquidity: int = 0,
        about: str = "",
    ) -> None:
        report = ExecutionReport(
            order_id=order.order_id, account_id=ACCOUNT, cl_ord_id=_child(order.order_id), venue_id="XNYS",
            exec_id=exec_id, exec_type=kind, symbol=order.terms.symbol, side=order.terms.side,
            order_qty=SHARES_MAX, last_qty=quantity, last_px_micros=price if quantity else None,
            leaves_qty=SHARES_MAX, transact_time=self.now, received_at=self.now, exec_ref_id=about,
            last_liquidity=liquidity,
        )  # fmt: skip
        # The same comes twice: its second coming has no effect.
        self._do(report, report)

    def _take(self, action: PositionAction) -> None:
        self.now += timedelta(seconds=1)
        self.store.take_action(action)
        unit = UnitOfWork(now=self.now)
        for waiting in self.store.waiting_actions([ACCOUNT]):
            handle_action(self.core, unit, waiting)
        self.store.commit(unit, self.core.desk, {})
        self.now += timedelta(seconds=1)

    def _do(self, *messages: Message) -> None:
        unit = UnitOfWork(now=self.now)
        for message in messages:
            handle(self.core, unit, message, "")
        self.store.commit(unit, self.core.desk, {})

    def _apply(self, trade: Trade, way: int, fee: Fraction) -> None:
        model, side = self.models[trade.order.terms.symbol], trade.order.terms.side
        signed = way * trade.quantity * (1 if side is Side.BUY else -1)
        if signed:
            model.move(signed, trade.price)
        model.fees += way * fee
        self.settling[_settles(trade.day)] -= signed * trade.price + way * fee

    def _keep(self, schedule: Schedule) -> None:
        self.schedules.append((self.now.date(), schedule))
        rows = [one.rows(day) for day, one in self.schedules]
        self.store.set_fees(FeeBook([venue for venue, _ in rows], [charge for _, charge in rows]))

    def _in_force(self, day: date) -> Schedule:
        return [one for since, one in self.schedules if since <= day][-1]


def _child(order_id: UUID) -> str:
    return order_ids.child_cl_ord_id(order_id, 1, 1)


def _settles(day: date) -> date:
    """Return the next day from Monday to Friday."""
    return day + timedelta(days={4: 3, 5: 2}.get(day.weekday(), 1))


PositionStory.TestCase.settings = settings(
    max_examples=int(os.environ.get("OMS_POSITION_EXAMPLES", "60")), stateful_step_count=40, deadline=None
)
TestPositions = PositionStory.TestCase
