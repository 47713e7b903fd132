"""No interleaving of orders, replaces, fills, busts, cancels, restarts and limit changes breaks a limit.

A core on memory is driven at random; a model that knows neither desk nor rules says, from the orders and the
executions alone, what the account uses and has lost, and whether an order that was taken was within what it
might use and lose, or passed by a leave that was given for it and that nothing had passed by.
"""

import os
from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from oms_core.domain.account import AccountState, SymbolState
from oms_core.domain.locates import Locate, LocateKey
from oms_core.domain.order import Order
from oms_core.domain.touch import TouchPrices
from oms_core.domain.transitions import Lifecycle
from oms_platform.overrides import denials_of
from oms_platform.risk_rules import RuleRow, Severity
from oms_platform.sides import sign
from oms_platform.vocabulary import ExecType, OrderChange, Side
from tests.unit.oms_core.orders import NOW, PRICE
from tests.unit.oms_core.scene import ACCOUNT, Scene, limits
from tests.unit.oms_core.scene import rule as limit
from tests.unit.oms_core.test_overrides import leave

CENT = 10_000
LOCATE = LocateKey(ACCOUNT, "AAPL", "L")
SIDES = (Side.BUY, Side.SELL, Side.SELL_SHORT)
STEPS = int(os.environ.get("OMS_STORY_STEPS", "4000"))


class LimitsStory(RuleBasedStateMachine):
    """Drives a core, and holds it to the model after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.power = 1_000 * PRICE
        self.loss_max = 20 * 1_000_000
        self.located = 1_000
        self.scene = Scene(self.limits())
        self.scene.store.load_locates({LOCATE: Locate(self.located, NOW.date())})
        self.scene.step()
        # Orders that may be overridden, and leave that is not used: side, shares and limit of each.
        self.denied: dict[UUID, tuple[Side, int, int]] = {}
        self.leave: dict[UUID, tuple[Side, int, int]] = {}
        self.orders: list[UUID] = []
        # Of each trade that counts: its order, shares and price.
        self.trades: dict[str, tuple[UUID, int, int]] = {}
        self.number = 0

    def limits(self) -> tuple[RuleRow, ...]:
        """Return the limits as they are now: what is used may be overridden, what is lost may not."""
        return (
            *(
                replace(row, severity=Severity.OVERRIDE) if row.rule == "BUYING_POWER_EXCEEDED" else row
                for row in limits(buying_power=self.power)
            ),
            limit("DAILY_LOSS_EXCEEDED", loss_max=self.loss_max),
            limit("LOCATE_EXCEEDED", counted=True),
        )

    # ---- what may happen

    @rule(
        side=st.sampled_from(SIDES), quantity=st.integers(1, 900), cents=st.integers(-300, 300),
        is_placed=st.booleans(),
    )  # fmt: skip
    def order(self, side: Side, quantity: int, cents: int, is_placed: bool) -> None:
        self.send(side, quantity, PRICE + cents * CENT, is_placed)

    @rule(
        side=st.sampled_from(SIDES), quantity=st.integers(1, 300), cents=st.integers(-300, 300),
        part=st.integers(1, 100),
    )  # fmt: skip
    def trade(self, side: Side, quantity: int, cents: int, part: int) -> None:
        """Send an order and let its venue trade a part of it at once, at its limit."""
        price = PRICE + cents * CENT
        self.send(side, quantity, price)
        if not self.state(self.orders[-1]).closed:
            self.trade_of(self.orders[-1], max(1, quantity * part // 100), price)

    def trade_of(self, order_id: UUID, quantity: int, price: int) -> None:
        exec_id, side = self.next_name(), self.state(order_id).terms.side
        self.scene.fill(order_id, quantity, exec_id=exec_id, last_px_micros=price, side=side)
        self.trades[exec_id] = (order_id, quantity, price)

    def send(self, side: Side, quantity: int, price: int, is_placed: bool = True) -> None:
        before = self.scene.core.desk.states[ACCOUNT].used_micros
        may_lose = self.may_lose(side, quantity + self.open_shares(side))
        used_before, without = self.used(), self.opened(None)
        is_located = side is not Side.SELL_SHORT or self.drawn() + quantity <= self.located
        order_id = self.scene.order(
            side=side, quantity=quantity, limit_price_micros=price,
            locate_id="L" if side is Side.SELL_SHORT else "",
        )  # fmt: skip
        self.orders.append(order_id)
        assert before == used_before
        after = self.opened((side, quantity, price)) if self.state(order_id).closed else self.opened(None)
        within = after == without or used_before - without + after <= self.power
        if not (within and may_lose and is_located):
            within = self.passes_by_leave(order_id, side, quantity, price, may_lose and is_located)
        assert self.state(order_id).closed is not within, self.state(order_id).text
        if is_placed and not self.state(order_id).closed:
            self.scene.place(order_id, ("XNYS", quantity))

    def passes_by_leave(self, order_id: UUID, side: Side, quantity: int, price: int, may_lose: bool) -> bool:
        """Whether an order beyond its limits was taken, which is by leave for it that nothing has used."""
        event = self.scene.store.events[order_id][0]
        if event.order_denied is not None:
            assert event.order_denied.overridable is may_lose
            if may_lose:
                self.denied[order_id] = side, quantity, price
            return False
        accepted = event.order_accepted
        assert may_lose and accepted is not None and accepted.override is not None
        of_side, shares, limit_price = self.leave.pop(accepted.override.override_id)
        assert side is of_side and quantity <= shares
        assert sign(side) * price <= sign(side) * limit_price
        return True

    @precondition(lambda self: self.denied)
    @rule(data=st.data(), more=st.integers(-50, 50), seconds=st.sampled_from((0, 1, 1000)))
    def override(self, data: st.DataObject, more: int, seconds: int) -> None:
        """Let somebody give leave for an order, and its trader send about the same again, twice."""
        order_id = data.draw(st.sampled_from(list(self.denied)))
        side, quantity, price = self.denied.pop(order_id)
        denied = self.scene.store.events[order_id][0].order_denied
        assert denied is not None
        checks, expires_at = denials_of(denied.checks), self.scene.now + timedelta(minutes=15)
        granted = leave(self.state(order_id).terms, checks, expires_at=expires_at)
        self.leave[granted.override_id] = side, quantity, price
        self.scene.store.grant(granted)
        self.scene.step(0.25 + seconds)
        for _ in range(2):
            self.send(side, max(1, quantity + more), price)

    @precondition(lambda self: self.open_orders())
    @rule(data=st.data())
    def fill(self, data: st.DataObject) -> None:
        order = self.draw_open(data)
        children = [child for child in order.children.values() if child.live]
        if not children:
            return
        quantity = data.draw(st.integers(1, children[0].leaves_qty))
        price = PRICE + data.draw(st.integers(-200, 200)) * CENT
        self.trade_of(order.order_id, quantity, price)

    @precondition(lambda self: self.trades)
    @rule(data=st.data())
    def bust(self, data: st.DataObject) -> None:
        exec_id = data.draw(st.sampled_from(sorted(self.trades)))
        order_id, _, _ = self.trades.pop(exec_id)
        side = self.state(order_id).terms.side
        self.scene.bust(order_id, exec_id, exec_id=self.next_name(), side=side)

    @precondition(lambda self: self.open_orders())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.scene.cancel(self.draw_open(data).order_id)

    @precondition(lambda self: self.open_orders())
    @rule(data=st.data(), quantity=st.integers(1, 900), cents=st.integers(-300, 300))
    def replace(self, data: st.DataObject, quantity: int, cents: int) -> None:
        order = self.draw_open(data)
        before, used, drawn = self.opened(None), self.used(), self.drawn()
        own = self.drawn_by(order)
        others = self.open_shares(order.terms.side) - self.shares_of(order)
        may_lose = self.may_lose(order.terms.side, max(0, quantity - order.executed_qty) + others)
        change = OrderChange(quantity=quantity, limit_price_micros=PRICE + cents * CENT)
        request_id = self.scene.replace(order.order_id, change)
        events = self.scene.store.events[order.order_id]
        if any(one.replace_requested and one.request_id == request_id for one in events):
            more = self.opened(None)
            assert may_lose
            assert more <= before or used - before + more <= self.power
            if order.terms.side is Side.SELL_SHORT:
                assert quantity <= own or drawn - own + max(quantity, order.executed_qty) <= self.located

    @precondition(lambda self: self.open_orders())
    @rule(data=st.data(), refused=st.booleans())
    def answer(self, data: st.DataObject, refused: bool) -> None:
        """Let a venue answer what takes a child back."""
        order = self.draw_open(data)
        if order.taken_back_by is None and not order.is_recalled:
            return
        if not any(child.live for child in order.children.values()):
            return
        if refused:
            self.scene.keep(order.order_id)
        else:
            side = order.terms.side
            self.scene.report(order.order_id, ExecType.CANCELED, exec_id=self.next_name(), side=side)

    @rule()
    def restart(self) -> None:
        self.scene.start()

    @rule(power=st.integers(0, 3_000), loss=st.integers(0, 100))
    def change_limits(self, power: int, loss: int) -> None:
        self.power, self.loss_max = power * PRICE, loss * 1_000_000
        self.scene.store.set_rules(self.limits())
        self.scene.step(6)

    @rule(shares=st.integers(0, 3_000))
    def load_locate(self, shares: int) -> None:
        """Let the lender say another quantity, also one below what is drawn."""
        self.located = shares
        self.scene.store.load_locates({LOCATE: Locate(shares, NOW.date())})
        self.scene.step(0.25)

    @rule(cents=st.integers(-100, 100))
    def market_moves(self, cents: int) -> None:
        price = PRICE + cents * CENT
        self.scene.quotes.quote = TouchPrices(bid_micros=price - CENT, offer_micros=price + CENT)
        self.scene.step(1)

    @rule(seconds=st.integers(1, 90))
    def wait(self, seconds: int) -> None:
        self.scene.step(seconds)

    # ---- the model

    def state(self, order_id: UUID) -> Order:
        return self.scene.state(order_id)

    def open_orders(self) -> list[UUID]:
        return [one for one in self.orders if self.state(one).lifecycle is Lifecycle.LIVE]

    def draw_open(self, data: st.DataObject) -> Order:
        return self.state(data.draw(st.sampled_from(self.open_orders())))

    def next_name(self) -> str:
        self.number += 1
        return f"E-{self.number}"

    def held(self) -> int:
        return sum(sign(self.state(one).terms.side) * shares for one, shares, _ in self.trades.values())

    def opened(self, more: tuple[Side, int, int] | None) -> int:
        """Return the micros of every open share but those that close the position, the cheapest of a way."""
        prices: defaultdict[int, list[int]] = defaultdict(list)
        for order_id in self.open_orders():
            order = self.state(order_id)
            held = [order.reserved_price_micros] * order.leaves_qty
            if order.replacing is not None:
                wanted = order.replacing
                left = max(0, wanted.terms.quantity - order.executed_qty)
                other = [wanted.reserved_price_micros] * left
                held, other = (other, held) if sum(other) > sum(held) else (held, other)
                held = held + [0] * max(0, len(other) - len(held))
            prices[sign(order.terms.side)] += held
        if more is not None:
            side, quantity, price = more
            prices[sign(side)] += [price] * quantity
        return sum(sum(sorted(found)[max(0, -way * self.held()) :]) for way, found in prices.items())

    def shares_of(self, order: Order) -> int:
        """Return the open shares of an order; of one that is to become another, those of the larger."""
        left = 0
        if order.replacing is not None:
            left = max(0, order.replacing.terms.quantity - order.executed_qty)
        return max(order.leaves_qty, left)

    def open_shares(self, side: Side) -> int:
        """Return the shares of the open orders that go the same way."""
        orders = [self.state(one) for one in self.open_orders()]
        return sum(self.shares_of(one) for one in orders if sign(one.terms.side) == sign(side))

    def drawn_by(self, order: Order) -> int:
        """Return what an order has drawn: what it sold by trades that count, and what it may still sell."""
        if order.terms.side is not Side.SELL_SHORT:
            return 0
        sold = sum(shares for one, shares, _ in self.trades.values() if one == order.order_id)
        return sold + (self.shares_of(order) if order.lifecycle is Lifecycle.LIVE else 0)

    def drawn(self) -> int:
        """Return what all orders have drawn of the locate."""
        return sum(self.drawn_by(self.state(one)) for one in self.orders)

    def may_lose(self, side: Side, shares: int) -> bool:
        """Whether shares may be open that way, by what was lost since the day began with nothing."""
        touch = self.scene.quotes.quote
        assert touch.bid_micros is not None and touch.offer_micros is not None
        mark = (touch.bid_micros + touch.offer_micros) // 2
        lost = -(self.cash() + self.held() * mark)
        return shares <= max(0, -sign(side) * self.held()) or lost <= self.loss_max

    def cash(self) -> int:
        """Return what the trades have brought."""
        return -sum(
            sign(self.state(one).terms.side) * shares * price for one, shares, price in self.trades.values()
        )

    def used(self) -> int:
        position = self.scene.core.desk.position(ACCOUNT, "AAPL")
        return abs(position.cost_micros) + self.opened(None)

    # ---- what holds after each step

    @invariant()
    def the_account_uses_what_its_orders_and_positions_say(self) -> None:
        state = self.scene.core.desk.states[ACCOUNT]
        assert state.reserved_micros == self.opened(None)
        assert state.used_micros == self.used()
        assert self.scene.core.desk.firms["FIRM"] == state.used_micros

    @invariant()
    def nothing_stays_reserved_for_what_is_over(self) -> None:
        state, open_orders = self.scene.core.desk.states[ACCOUNT], self.open_orders()
        assert state.open_orders == len(open_orders)
        there = state.symbol("AAPL")
        if not open_orders:
            assert not there.buys.levels and not there.sells.levels and not state.reserved_micros
            assert not there.buys.limits and not there.sells.limits

    @invariant()
    def what_is_drawn_of_the_locate_is_what_its_orders_say(self) -> None:
        drawn = self.drawn()
        assert self.scene.core.desk.locates.drawn == {LOCATE: drawn}
        assert self.scene.store.draws.get(LOCATE, 0) == drawn
        assert self.scene.store.load_desk({0}).locates.drawn == {LOCATE: drawn}

    @invariant()
    def shares_and_cash_are_what_executions_explain(self) -> None:
        position: Any = self.scene.core.desk.position(ACCOUNT, "AAPL")
        assert position.quantity == self.held()
        assert position.net_cash_micros == self.cash()

    @invariant()
    def a_core_that_begins_anew_counts_the_same(self) -> None:
        again = self.scene.store.load_desk({0}).states[ACCOUNT]
        state = self.scene.core.desk.states[ACCOUNT]
        assert (again.used_micros, again.open_orders) == (state.used_micros, state.open_orders)
        assert _in_use(again) == _in_use(state)
        assert again.orders.within(self.scene.now, 60) == state.orders.within(self.scene.now, 60)


def _in_use(state: AccountState) -> dict[str, SymbolState]:
    return {symbol: one for symbol, one in state.symbols.items() if one != SymbolState()}


TestLimits = LimitsStory.TestCase
TestLimits.settings = settings(
    max_examples=max(1, STEPS // 50),
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
