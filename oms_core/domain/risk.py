"""Pre-trade risk: rules that look at an order and at what its account has, and one verdict with every check.

A rule is a function of a `RiskContext` that returns its check and, when it fails, the denial. New rules go
into RULES. The order's value is its quantity at the limit price, or at the far touch for a market order.
Amounts are micros inside; a check shows dollars.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from oms_core.domain.denials import DenialCode, render
from oms_core.domain.order_times import time_text
from oms_core.domain.positions import Position
from oms_core.domain.touch import TouchPrices
from oms_platform.market_rules import Ticks
from oms_platform.order_types import AUCTION_NAMES
from oms_platform.prices import MICROS
from oms_platform.sides import far, is_buy, is_within, sign
from oms_platform.trading_calendar import EVER_OPEN, AuctionChance, Phase
from oms_platform.vocabulary import OrderTerms, OrderType, RiskCheck

_BASIS_POINTS: Final = 10_000
_CENT_MICROS: Final = 10_000
NO_AGE_LIMIT: Final = timedelta(0)


class AccountLimits(Struct, frozen=True, kw_only=True, gc=False):
    """An account and its limits: shares, micros, basis points, micros of gross exposure."""

    account_id: str
    active: bool
    order_qty_max: int
    order_notional_max_micros: int
    price_collar_bps: int
    buying_power_micros: int


class InstrumentTerms(Struct, frozen=True, kw_only=True, gc=False):
    """What risk needs to know of an instrument, today.

    ticks: the grid of its prices. halt: why it is halted, empty when it is not. calendar_id: of its hours.
    reference_micros: what values an order that waits where nobody quotes, None for nothing. listing_venue:
    who holds its auctions, empty for nobody.
    """

    symbol: str
    active: bool
    ticks: Ticks = Ticks()
    halt: str = ""
    calendar_id: str = EVER_OPEN.calendar_id
    reference_micros: int | None = None
    listing_venue: str = ""


class AlgoTime(Struct, frozen=True, kw_only=True, gc=False):
    """When an algo is worked, and until when its market trades then; until None: it does not, then."""

    begins_at: datetime
    ends_at: datetime
    until: datetime | None


class RiskContext(Struct, frozen=True, kw_only=True, gc=False):
    """Everything a rule may look at.

    gross_cost_micros, reserved_micros: the account's, in positions and in open orders. closing_qty: shares of
    the account's other open orders on this way of this symbol, which close the position first. executed_qty:
    what is done of an order that is to be replaced. age: of a new order since it was taken; age_max: of a
    market order, NO_AGE_LIMIT for none. phase: of the instrument's market; None for an instrument that is not
    known. is_of_ended_day: the session that the order was taken for is over. waits: its market is closed, and
    it is one that waits for it. now: the time of the verdict. algo_time: of an order with an algo. auction:
    which one an OPG or CLO order is for.
    """

    terms: OrderTerms
    account: AccountLimits | None
    instrument: InstrumentTerms | None
    touch: TouchPrices
    position: Position
    gross_cost_micros: int
    reserved_micros: int
    closing_qty: int = 0
    executed_qty: int = 0
    age: timedelta = timedelta(0)
    age_max: timedelta = NO_AGE_LIMIT
    phase: Phase | None = None
    is_of_ended_day: bool = False
    waits: bool = False
    now: datetime = EVER_OPEN.sessions[0].opens_at
    algo_time: AlgoTime | None = None
    auction: AuctionChance | None = None

    @property
    def price_micros(self) -> int | None:
        """Micros a share that the order is valued at."""
        if self.terms.limit_price_micros is not None:
            return self.terms.limit_price_micros
        stop, touch = self.terms.stop_price_micros, self.far_touch_micros
        if touch is None and (self.waits or self.auction is not None) and self.instrument is not None:
            touch = self.instrument.reference_micros
        if stop is None:
            return touch
        # It trades at its stop price or, to buy, at what the market is by then.
        return max(stop, touch or 0) if is_buy(self.terms.side) else stop

    @property
    def limit_anchor_micros(self) -> int | None:
        """The price that a limit is held to: where the order trades first, or is triggered."""
        stop = self.terms.stop_price_micros
        return self.far_touch_micros if stop is None else stop

    @property
    def far_touch_micros(self) -> int | None:
        """The price that the order would trade at first."""
        return far(self.terms.side, self.touch.bid_micros, self.touch.offer_micros)

    @property
    def opening_qty(self) -> int:
        """Shares of the order that do not merely close what open orders leave of the position."""
        held = max(0, -sign(self.terms.side) * self.position.quantity)
        wanted = max(0, self.terms.quantity - self.executed_qty)
        return max(0, wanted - max(0, held - self.closing_qty))


class Verdict(Struct, frozen=True, kw_only=True, gc=False):
    """Every check made, up to the first that failed; reserved_price_micros is set when all passed."""

    checks: tuple[RiskCheck, ...]
    denial: str | None
    reserved_price_micros: int


Outcome = tuple[RiskCheck, str | None]
Rule = Callable[[RiskContext], Outcome | None]


def _outcome(code: DenialCode, passed: bool, value: object, bound: object, **details: object) -> Outcome:
    check = RiskCheck(rule=code.name, value=str(value), bound=str(bound), passed=passed)
    return check, None if passed else render(code, **details)


def _shown(micros: int | None) -> str:
    """Return an amount as a check shows it: dollars, without zeros that say nothing."""
    if micros is None:
        return "none"
    whole, part = divmod(abs(micros), MICROS)
    sign_shown = "-" if micros < 0 else ""
    if part % _CENT_MICROS == 0:
        return f"{sign_shown}{whole}.{part // _CENT_MICROS:02d}"
    return f"{sign_shown}{whole}.{f'{part:06d}'.rstrip('0')}"


def account_known(context: RiskContext) -> Outcome:
    """Require a known account."""
    account_id = context.terms.account_id
    return _outcome(
        DenialCode.ACCOUNT_UNKNOWN, context.account is not None, account_id, "known", account=account_id
    )


def account_active(context: RiskContext) -> Outcome:
    """Require an active account."""
    active = context.account is not None and context.account.active
    account_id = context.terms.account_id
    return _outcome(DenialCode.ACCOUNT_NOT_ACTIVE, active, account_id, "active", account=account_id)


def instrument_known(context: RiskContext) -> Outcome:
    """Require a known instrument."""
    symbol = context.terms.symbol
    return _outcome(
        DenialCode.INSTRUMENT_UNKNOWN, context.instrument is not None, symbol, "known", symbol=symbol
    )


def instrument_active(context: RiskContext) -> Outcome:
    """Require an instrument that trades."""
    symbol = context.terms.symbol
    active = context.instrument is not None and context.instrument.active
    return _outcome(DenialCode.INSTRUMENT_NOT_ACTIVE, active, symbol, "active", symbol=symbol)


def instrument_not_halted(context: RiskContext) -> Outcome | None:
    """Require an instrument that is not halted."""
    if context.instrument is None:
        return None
    symbol, halt = context.terms.symbol, context.instrument.halt
    return _outcome(
        DenialCode.INSTRUMENT_HALTED, not halt, halt or symbol, "not halted", symbol=symbol, reason=halt
    )


def market_open(context: RiskContext) -> Outcome | None:
    """Require that the instrument's market trades, and of a DAY order that it is still its day."""
    phase, instrument = context.phase, context.instrument
    if phase is None or instrument is None:
        return None
    details = {"symbol": instrument.symbol, "calendar": instrument.calendar_id}
    if (phase.open or context.waits) and context.is_of_ended_day:
        closed = time_text(phase.last_close)
        return _outcome(DenialCode.MARKET_CLOSED, False, closed, "its day", **details, day_ended=closed)
    found = "open" if phase.open else "closed"
    if context.waits:
        return _outcome(DenialCode.MARKET_CLOSED, True, found, "open, or it waits")
    opens = time_text(phase.until)
    return _outcome(DenialCode.MARKET_CLOSED, phase.open, found, "open", **details, next_open=opens)


def expiry_ahead(context: RiskContext) -> Outcome | None:
    """Require of an order that is good till a time that it is not over."""
    expire_at = context.terms.expire_at
    if expire_at is None:
        return None
    until, now = time_text(expire_at), time_text(context.now)
    return _outcome(
        DenialCode.EXPIRY_PASSED, context.now < expire_at, until, f"after {now}", expire_at=until, now=now
    )


def auction_ahead(context: RiskContext) -> Outcome | None:
    """Require of an order for an auction that there is one, and that orders for it are still taken."""
    chance, instrument = context.auction, context.instrument
    if chance is None or instrument is None:
        return None
    symbol, missed = instrument.symbol, chance.missed
    name = AUCTION_NAMES[context.terms.time_in_force]
    if chance.auction is not None:
        until = time_text(chance.auction.taken_until)
        return _outcome(DenialCode.AUCTION_MISSED, True, time_text(context.now), f"before {until}")
    if missed is None:
        venue, calendar = instrument.listing_venue or "none", instrument.calendar_id
        details = {"symbol": symbol, "auction": name, "listing_venue": venue, "calendar": calendar}
        return _outcome(DenialCode.NO_AUCTION, False, "none", f"a known {name} auction", **details)
    until = time_text(missed.taken_until)
    return _outcome(
        DenialCode.AUCTION_MISSED,
        False,
        time_text(context.now),
        f"before {until}",
        symbol=symbol,
        auction=name,
        taken_until=until,
        next_auction=time_text(None if chance.following is None else chance.following.at),
    )


def algo_within_session(context: RiskContext) -> Outcome | None:
    """Require that an algo's time is not over, and lies within one session."""
    wanted = context.algo_time
    if wanted is None:
        return None
    begins, ends = time_text(wanted.begins_at), time_text(wanted.ends_at)
    until = "closed" if wanted.until is None else time_text(wanted.until)
    return _outcome(
        DenialCode.ALGO_OUTSIDE_SESSION,
        wanted.until is not None and wanted.begins_at < wanted.ends_at <= wanted.until,
        f"{begins} to {ends}",
        until,
        begins=begins,
        ends=ends,
        session_ends=until,
    )


def quantity_limit(context: RiskContext) -> Outcome | None:
    """Hold the shares of one order to the account's bound."""
    if context.account is None:
        return None
    quantity, bound = context.terms.quantity, context.account.order_qty_max
    return _outcome(
        DenialCode.ORDER_QTY_EXCEEDS_MAX, quantity <= bound, quantity, bound, quantity=quantity, limit=bound
    )


def market_order_age(context: RiskContext) -> Outcome | None:
    """Hold a market order to the age at which its client still means the market of now."""
    if context.terms.order_type is not OrderType.MARKET or context.age_max == NO_AGE_LIMIT:
        return None
    age_s, bound_s = context.age.total_seconds(), context.age_max.total_seconds()
    shown = f"{age_s:g}"
    return _outcome(
        DenialCode.ORDER_STALE, age_s <= bound_s, shown, f"{bound_s:g}", age_s=shown, limit_s=f"{bound_s:g}"
    )


def reference_price(context: RiskContext) -> Outcome:
    """Require a price to value the order by: its limit, or the far side of the quote."""
    price = context.price_micros
    return _outcome(
        DenialCode.NO_REFERENCE_PRICE,
        price is not None,
        _shown(price),
        "a price",
        symbol=context.terms.symbol,
        side=context.terms.side.name,
    )


def price_on_tick(context: RiskContext) -> Outcome | None:
    """Require prices on the grid that the market's rules give the instrument today."""
    given = (context.terms.limit_price_micros, context.terms.stop_price_micros)
    prices = [price for price in given if price is not None]
    if not prices or context.instrument is None:
        return None
    ticks = context.instrument.ticks
    price = next((price for price in prices if price % ticks.at(price)), prices[0])
    price_shown, tick_shown = _shown(price), _shown(ticks.at(price))
    return _outcome(
        DenialCode.PRICE_OFF_TICK,
        not price % ticks.at(price),
        price_shown,
        tick_shown,
        price=price_shown,
        tick=tick_shown,
        below=_shown(ticks.floor(price)),
        above=_shown(ticks.ceiling(price)),
    )


def price_collar(context: RiskContext) -> Outcome | None:
    """Hold a limit to at most so many basis points through the far touch or its stop, to the nearest tick."""
    touch, limit = context.limit_anchor_micros, context.terms.limit_price_micros
    if touch is None or limit is None or context.account is None or context.instrument is None:
        return None
    collar_bps = context.account.price_collar_bps
    exact = touch + sign(context.terms.side) * touch * collar_bps // _BASIS_POINTS
    bound = context.instrument.ticks.nearest(exact)
    price_shown, bound_shown = _shown(limit), _shown(bound)
    return _outcome(
        DenialCode.PRICE_OUTSIDE_COLLAR,
        is_within(context.terms.side, limit, bound),
        price_shown,
        bound_shown,
        price=price_shown,
        touch=_shown(touch),
        collar_bps=collar_bps,
        limit=bound_shown,
    )


def notional_limit(context: RiskContext) -> Outcome | None:
    """Hold the dollars of one order to the account's bound."""
    price = context.price_micros
    if context.account is None or price is None:
        return None
    notional, bound = context.terms.quantity * price, context.account.order_notional_max_micros
    notional_shown, bound_shown = _shown(notional), _shown(bound)
    return _outcome(
        DenialCode.ORDER_NOTIONAL_EXCEEDS_MAX,
        notional <= bound,
        notional_shown,
        bound_shown,
        notional=notional_shown,
        limit=bound_shown,
    )


def buying_power(context: RiskContext) -> Outcome | None:
    """Hold gross position cost, open orders and this order's opening part to the account's buying power."""
    price = context.price_micros
    if context.account is None or price is None:
        return None
    opening = context.opening_qty * price
    used = context.gross_cost_micros + context.reserved_micros
    bound = context.account.buying_power_micros
    bound_shown = _shown(bound)
    return _outcome(
        DenialCode.BUYING_POWER_EXCEEDED,
        opening == 0 or used + opening <= bound,
        _shown(used + opening),
        bound_shown,
        order=_shown(opening),
        positions=_shown(context.gross_cost_micros),
        open_orders=_shown(context.reserved_micros),
        limit=bound_shown,
    )


RULES: Final[tuple[Rule, ...]] = (
    account_known,
    account_active,
    instrument_known,
    instrument_active,
    instrument_not_halted,
    market_open,
    expiry_ahead,
    auction_ahead,
    algo_within_session,
    quantity_limit,
    market_order_age,
    reference_price,
    price_on_tick,
    price_collar,
    notional_limit,
    buying_power,
)


def check_risk(context: RiskContext) -> Verdict:
    """Hold an order against every rule, stopping at the first that fails."""
    checks: list[RiskCheck] = []
    for rule in RULES:
        outcome = rule(context)
        if outcome is None:
            continue
        check, denial = outcome
        checks.append(check)
        if denial is not None:
            return Verdict(checks=tuple(checks), denial=denial, reserved_price_micros=0)
    return Verdict(checks=tuple(checks), denial=None, reserved_price_micros=context.price_micros or 0)
