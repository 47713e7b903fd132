"""Positions and cash, worked out again: each execution and each action in the order of its account's stream.

The law of this file: it is a formula of its own, in fractions of dollars, that knows nothing of core's. A
correction trades the fill back at its own price and then what it was corrected to; what a fill closes takes
its share of the cost with it, rounded half to even to the micro, as docs/positions.md says.
"""

import itertools
import math
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from oms_platform.postgres import Connection
from oms_tools.verify.report import Finding

FETCH_ROWS: Final = 5_000
_MICROS: Final = 1_000_000
_FILLS: Final = """
    SELECT e.account_id, o.symbol, o.side, e.order_id, e.sequence, e.stream_sequence,
           e.payload->'tradeApplied', e.payload->'tradeCorrected'
    FROM order_events e JOIN orders o USING (order_id)
    WHERE e.type IN ('TradeApplied', 'TradeCorrected') ORDER BY e.account_id, e.stream_sequence
"""
_ACTIONS: Final = """
    SELECT c.account_id, c.symbol, c.stream_sequence, a.action_id, a.kind, a.terms, c.quantity, c.cost,
           c.realized_pnl, c.net_cash, c.fees, c.opened
    FROM position_changes c JOIN position_actions a USING (action_id)
    ORDER BY c.account_id, c.stream_sequence, a.action_id, c.symbol <> a.symbol
"""
# The orders by which kill switches close positions, each as it was decided.
_CLOSINGS: Final = """
    SELECT account_id, symbol, stream_sequence, order_id, side, quantity, held, others
    FROM kill_switch_closings ORDER BY account_id, stream_sequence, order_id
"""
_OWN: Final = ("tradeDate", "venueOrderId", "execId")
_REFERENCE: Final = ("refTradeDate", "refVenueOrderId", "execRefId")
# A trade by its order, venue, trade date, venue's order and ExecID.
_Trade = tuple[str, ...]
_Figures = dict[tuple[str, str], tuple[Fraction, ...]]


@dataclass(slots=True)
class _Held:
    """Shares and dollars of one account in one symbol."""

    shares: int = 0
    cost: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    cash: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    opened: Fraction = Fraction(0)

    def trade(self, direction: int, quantity: int, price: Fraction) -> None:
        """Work one trade off: 1 buys, -1 sells."""
        closed = min(quantity, abs(self.shares)) if self.shares * direction < 0 else 0
        if closed:
            share = _rounded(self.cost * closed / abs(self.shares))
            # A long position that is sold, or a short one that is bought back.
            self.realized -= direction * closed * price + share
            self.cost -= share
        self.shares += direction * quantity
        self.cost += direction * (quantity - closed) * price
        self.cash -= direction * quantity * price

    def open(self, quantity: int, cost: Fraction) -> None:
        """Hold what somebody says is held: the cost that comes with it is from elsewhere."""
        self.opened += cost - self.cost
        self.shares, self.cost = quantity, cost

    def split(self, ratio: Fraction, price: Fraction) -> None:
        """Hold so many shares for each; a part of one is sold at a price, and takes its share of the cost."""
        shares = self.shares * ratio
        part = shares - int(shares)
        cash = _rounded(part * price)
        share = _rounded(self.cost * part / shares) if part else Fraction(0)
        self.shares, self.cost = int(shares), self.cost - share
        self.realized += cash - share
        self.cash += cash

    def give_up(self) -> "_Held":
        """Hold nothing, and have never held anything. Returns what it was."""
        was = replace(self)
        self.shares = 0
        self.cost = self.realized = self.cash = self.fees = self.opened = Fraction(0)
        return was

    def join(self, other: "_Held") -> None:
        """Hold what another is, too: what is long of the one and short of the other closes at their costs."""
        closed = min(abs(self.shares), abs(other.shares)) if self.shares * other.shares < 0 else 0
        for one in (self, other):
            # The part that closes leaves at its cost, and that is what it made.
            share = _rounded(one.cost * closed / abs(one.shares)) if closed else Fraction(0)
            self.realized -= share
            self.cost -= share
        self.shares += other.shares
        self.cost += other.cost
        self.realized += other.realized
        self.cash += other.cash
        self.fees += other.fees
        self.opened += other.opened

    @property
    def figures(self) -> tuple[Fraction, ...]:
        """Shares, cost, realized profit, cash, fees and what was opened."""
        return Fraction(self.shares), self.cost, self.realized, self.cash, self.fees, self.opened


@dataclass(frozen=True, slots=True)
class _Closing:
    """An order by which a kill switch closes a position, as core says that it was decided."""

    account: str
    symbol: str
    place: int
    order_id: Any
    direction: int
    quantity: int
    held: int
    others: int


@dataclass(slots=True)
class Rebuilt:
    """What executions and actions make. settling: by account and date. wrong: what contradicts itself.

    corrected: orders whose trades' fees are remembered, because some were corrected. moving: by renaming,
    what was given up and is not held under its new symbol yet. closings: by order; opened: what is wrong
    about these.
    """

    corrected: frozenset[Any]
    closings: dict[Any, "_Closing"] = field(default_factory=dict)
    # Of each position that was closed: the last place of the stream at which an order moved it, by order;
    # what no trade did has None.
    moved: dict[tuple[str, str], dict[Any, int]] = field(default_factory=dict)
    # Shares that closing orders have traded.
    traded: defaultdict[Any, int] = field(default_factory=lambda: defaultdict(int))
    opened: dict[str, str] = field(default_factory=dict)
    held: defaultdict[tuple[str, str], _Held] = field(default_factory=lambda: defaultdict(_Held))
    settling: defaultdict[tuple[str, str], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    wrong: dict[str, str] = field(default_factory=dict)
    moving: dict[Any, _Held] = field(default_factory=dict)


def check_positions(connection: Connection) -> list[Finding]:
    """Hold every position and every day's cash to what executions and actions make of them.

    connection: in autocommit. All is read of one moment: while orders flow an account's cash is another one
    by the time that its executions are added up, at every look again.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return _check_positions(connection)


def _check_positions(connection: Connection) -> list[Finding]:
    positions = Finding(
        invariant="a position's cost and realized profit follow from its fills at average cost"
    )
    cash = Finding(invariant="cash by settlement date is what executions moved, less their fees")
    charged = Finding(
        invariant="a correction gives back the fee that its trade was charged; an action changes what it says"
    )
    rebuilt = rebuild(connection)
    kept = {
        (account, symbol): tuple(Fraction(one) for one in figures)
        for account, symbol, *figures in connection.execute(
            "SELECT account_id, symbol, quantity, cost, realized_pnl, net_cash, fees, opened FROM positions"
        )
    }
    made = {key: one.figures for key, one in rebuilt.held.items()}
    _compare(positions, kept, made, "(shares, cost, realized, cash, fees, opened) is")
    settled: _Figures = {
        (account, str(day)): (Fraction(amount),)
        for account, day, amount in connection.execute(
            "SELECT account_id, settles_on, amount FROM cash_settlements WHERE amount <> 0"
        )
    }
    settling: _Figures = {key: (sum_,) for key, sum_ in rebuilt.settling.items() if sum_}
    _compare(cash, settled, settling, "is")
    charged.examined, charged.broken = len(rebuilt.held), dict(rebuilt.wrong)
    closed = Finding(
        invariant="an order of a kill switch closes what is held, and by itself never opens or passes zero"
    )
    closed.examined, closed.broken = len(rebuilt.closings), dict(rebuilt.opened)
    return [positions, cash, charged, closed]


def _compare(
    finding: Finding,
    kept: _Figures,
    made: _Figures,
    word: str,
) -> None:
    for key in sorted(kept.keys() | made.keys()):
        finding.examined += 1
        if kept.get(key) != made.get(key):
            sentence = f"{word} {_shown(kept.get(key))}, executions make {_shown(made.get(key))}"
            finding.violate(" ".join(key), sentence)


def _shown(figures: tuple[Fraction, ...] | None) -> str:
    if figures is None:
        return "nothing"
    return ", ".join(f"{Decimal(one.numerator) / Decimal(one.denominator):f}" for one in figures)


def rebuild(connection: Connection) -> Rebuilt:
    """Work every account's executions and actions off, in the order of its stream."""
    corrected = connection.execute("SELECT order_id FROM order_events WHERE type = 'TradeCorrected'")
    found = Rebuilt(frozenset(order_id for (order_id,) in corrected))
    decided: defaultdict[str, list[_Closing]] = defaultdict(list)
    for account, symbol, place, order_id, side, *figures in connection.execute(_CLOSINGS):
        one = _Closing(account, symbol, place, order_id, 1 if side == "BUY" else -1, *figures)
        found.closings[order_id] = one
        found.moved[account, symbol] = {}
        decided[account].append(one)
    actions = defaultdict(list)
    for row in connection.execute(_ACTIONS):
        actions[row[0]].append(row)
    with connection.transaction(), connection.cursor(name="fills") as cursor:
        cursor.itersize = FETCH_ROWS
        cursor.execute(_FILLS)
        for account, rows in itertools.groupby(cursor, key=lambda row: row[0]):
            coming = iter(actions.pop(account, ()))
            _work_off(found, account, rows, coming, iter(decided.pop(account, ())))
    for account in actions.keys() | decided.keys():
        _work_off(found, account, iter(()), iter(actions.get(account, ())), iter(decided.get(account, ())))
    return found


def _pass(found: Rebuilt, actions: deque[Any], decided: deque[_Closing], place: float) -> None:
    """Take the actions and closing orders that came before an event of an account's stream."""
    while True:
        action = actions[0][2] if actions else math.inf
        closing = decided[0].place if decided else math.inf
        if min(action, closing) >= place:
            return
        # Of a batch, actions are taken first.
        if action <= closing:
            _act(found, actions.popleft())
        else:
            _decide(found, decided.popleft())


def _decide(found: Rebuilt, one: _Closing) -> None:
    """Hold a closing order to what was held when it was decided."""
    held = found.held[one.account, one.symbol].shares
    if held != one.held:
        found.opened[str(one.order_id)] = f"says that {one.held} were held, executions make {held}"
    elif -one.direction * held < one.quantity + one.others:
        found.opened[str(one.order_id)] = (
            f"is of {one.quantity} beside {one.others} of others, which is more than closes {held}"
        )


def _traded(found: Rebuilt, one: _Closing, before: int, quantity: int) -> None:
    """Hold a trade of a closing order to the position that it met, unless something else had moved that.

    What a venue executes beyond the order is an exception, and no order's wish.
    """
    found.traded[one.order_id] += quantity
    movers = found.moved[one.account, one.symbol]
    alone = all(place <= one.place for order_id, place in movers.items() if order_id != one.order_id)
    if alone and found.traded[one.order_id] <= one.quantity and quantity > -one.direction * before:
        found.opened[str(one.order_id)] = (
            f"trades {quantity} where {before} are held, and nothing else had moved them"
        )


def _work_off(
    found: Rebuilt, account: str, fills: Iterator[Any], coming: Iterator[Any], decisions: Iterator[_Closing]
) -> None:
    """Work an account's fills off, actions and closing orders after the event that they came after."""
    charged: dict[_Trade, Fraction] = {}
    actions, decided = deque(coming), deque(decisions)
    for _, symbol, side, order_id, sequence, place, trade, correction in fills:
        _pass(found, actions, decided, place)
        change = trade or correction
        if change is None:
            continue  # not a trade; the order's path is broken there, too
        held, direction = found.held[account, symbol], 1 if side == "BUY" else -1
        closing = found.closings.get(order_id)
        if closing is not None and trade is not None:
            _traded(found, closing, held.shares, trade.get("lastQty", 0))
        if (movers := found.moved.get((account, symbol))) is not None:
            movers[order_id if trade is not None else None] = place
        before = held.cash - held.fees
        was_fee, fee = _dollars(change, "wasFeeMicros"), _dollars(change, "feeMicros")
        if was := change.get("wasQty", 0):
            held.trade(-direction, was, _dollars(change, "wasPxMicros"))
        if now := change.get("lastQty", 0):
            held.trade(direction, now, _dollars(change, "lastPxMicros"))
        held.fees += fee - was_fee
        if day := change.get("settlesOn", ""):
            found.settling[account, day] += held.cash - held.fees - before
        if order_id in found.corrected:
            name = _name(str(order_id), change, of_trade=correction is not None)
            if correction is not None and (stood := charged.get(name, Fraction(0))) != was_fee:
                sentence = f"gives back {_shown((was_fee,))} of a trade that was charged {_shown((stood,))}"
                found.wrong[f"{order_id} event {sequence}"] = sentence
            charged[name] = fee
    _pass(found, actions, decided, math.inf)


def _name(order_id: str, change: dict[str, Any], *, of_trade: bool) -> _Trade:
    """Return the name of a trade, or of the one that a correction is about."""
    keys = (
        ("refTradeDate", "refVenueOrderId", "execRefId")
        if of_trade
        else ("tradeDate", "venueOrderId", "execId")
    )
    return order_id, change["venueId"], *(change.get(key, "") for key in keys)


def _rounded(dollars: Fraction) -> Fraction:
    """Round to the micro, half to even."""
    return Fraction(round(dollars * _MICROS), _MICROS)


def _dollars(change: dict[str, Any], key: str) -> Fraction:
    return Fraction(int(change.get(key, 0)), _MICROS)


def _act(found: Rebuilt, action: Any) -> None:
    """Take an action, and hold what it is stored to have changed to what it changes."""
    account, symbol, place, action_id, kind, terms, *stored = action
    if (movers := found.moved.get((account, symbol))) is not None:
        # It came after that event; a closing order that was decided after the same one came after it.
        movers[None] = max(place, movers.get(None, 0))
    held = found.held[account, symbol]
    before = held.figures
    if kind == "OPENING":
        held.open(terms["quantity"], Fraction(terms["cost"]))
    elif kind == "SPLIT":
        held.split(Fraction(terms["numerator"], terms["denominator"]), Fraction(terms["price"]))
    elif symbol == terms["to"]:
        held.join(found.moving.pop(action_id, _Held()))
    else:
        found.moving[action_id] = held.give_up()
    after = held.figures
    changed = [now - was for now, was in zip(after, before, strict=True)]
    if changed != [Fraction(one) for one in stored]:
        said = _shown(tuple(Fraction(one) for one in stored))
        found.wrong[f"{account} {symbol} action {action_id}"] = (
            f"is stored to have changed {said}, its terms change {_shown(tuple(changed))}"
        )
