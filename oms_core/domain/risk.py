"""Pre-trade risk: rules that look at an order and at what its account has, and one verdict with every check.

A rule is a function of a `RiskContext` that returns its check and, when it fails, the denial. New rules go
into RULES. The order's value is its quantity at the limit price, or at the far touch for a market order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from oms_core.domain.denials import DenialCode, render
from oms_core.domain.order import OrderType, RiskCheck, Side, Terms
from oms_core.domain.positions import Position

_BASIS_POINTS: Final = Decimal(10_000)
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """An account and its limits: shares, dollars, basis points, dollars of gross exposure."""

    account_id: str
    active: bool
    order_qty_max: int
    order_notional_max: Decimal
    price_collar_bps: int
    buying_power: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentTerms:
    """What risk needs to know of an instrument."""

    symbol: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchPrices:
    """The national best bid and offer in dollars; None where a side is missing."""

    bid: Decimal | None
    offer: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskContext:
    """Everything a rule may look at. gross_cost and reserved are the account's, in dollars."""

    terms: Terms
    account: AccountLimits | None
    instrument: InstrumentTerms | None
    touch: TouchPrices
    position: Position
    gross_cost: Decimal
    reserved: Decimal

    @property
    def price(self) -> Decimal | None:
        """Dollars a share that the order is valued at."""
        if self.terms.limit_price is not None:
            return self.terms.limit_price
        return self.touch.offer if self.terms.side is Side.BUY else self.touch.bid

    @property
    def opening_qty(self) -> int:
        """Shares of the order that do not merely close the position."""
        closing = max(0, -self.terms.side.value * self.position.quantity)
        return max(0, self.terms.quantity - closing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Every check made, up to the first that failed; reserved_price is set when all passed."""

    checks: tuple[RiskCheck, ...]
    denial: str | None
    reserved_price: Decimal


Outcome = tuple[RiskCheck, str | None]
Rule = Callable[[RiskContext], Outcome | None]


def _outcome(code: DenialCode, passed: bool, value: object, bound: object, **details: object) -> Outcome:
    check = RiskCheck(rule=code.name, value=str(value), bound=str(bound), passed=passed)
    return check, None if passed else render(code, **details)


def account_known(context: RiskContext) -> Outcome:
    """Require a known account."""
    known = context.account is not None
    account_id = context.terms.account_id
    return _outcome(DenialCode.ACCOUNT_UNKNOWN, known, account_id, "known", account=account_id)


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


def quantity_limit(context: RiskContext) -> Outcome | None:
    """Hold the shares of one order to the account's bound."""
    if context.account is None:
        return None
    quantity, bound = context.terms.quantity, context.account.order_qty_max
    return _outcome(
        DenialCode.ORDER_QTY_EXCEEDS_MAX, quantity <= bound, quantity, bound, quantity=quantity, limit=bound
    )


def reference_price(context: RiskContext) -> Outcome:
    """Require a price to value the order by: its limit, or the far side of the quote."""
    price = context.price
    side = context.terms.side.name
    return _outcome(
        DenialCode.NO_REFERENCE_PRICE,
        price is not None,
        price,
        "a price",
        symbol=context.terms.symbol,
        side=side,
    )


def price_collar(context: RiskContext) -> Outcome | None:
    """Hold a limit price to at most so many basis points through the far touch."""
    touch = context.touch.offer if context.terms.side is Side.BUY else context.touch.bid
    limit = context.terms.limit_price
    if (
        context.terms.order_type is OrderType.MARKET
        or touch is None
        or limit is None
        or context.account is None
    ):
        return None
    band = touch * context.account.price_collar_bps / _BASIS_POINTS
    bound = (touch + context.terms.side.value * band).quantize(_CENT)
    passed = limit <= bound if context.terms.side is Side.BUY else limit >= bound
    return _outcome(
        DenialCode.PRICE_OUTSIDE_COLLAR,
        passed,
        limit,
        bound,
        price=limit,
        touch=touch,
        collar_bps=context.account.price_collar_bps,
        limit=bound,
    )


def notional_limit(context: RiskContext) -> Outcome | None:
    """Hold the dollars of one order to the account's bound."""
    if context.account is None or context.price is None:
        return None
    notional, bound = context.terms.quantity * context.price, context.account.order_notional_max
    return _outcome(
        DenialCode.ORDER_NOTIONAL_EXCEEDS_MAX,
        notional <= bound,
        notional,
        bound,
        notional=notional,
        limit=bound,
    )


def buying_power(context: RiskContext) -> Outcome | None:
    """Hold gross position cost, open orders and this order's opening part to the account's buying power."""
    if context.account is None or context.price is None:
        return None
    opening = context.opening_qty * context.price
    used = context.gross_cost + context.reserved
    bound = context.account.buying_power
    return _outcome(
        DenialCode.BUYING_POWER_EXCEEDED,
        opening == 0 or used + opening <= bound,
        used + opening,
        bound,
        order=opening,
        positions=context.gross_cost,
        open_orders=context.reserved,
        limit=bound,
    )


RULES: Final[tuple[Rule, ...]] = (
    account_known,
    account_active,
    instrument_known,
    instrument_active,
    quantity_limit,
    reference_price,
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
            return Verdict(checks=tuple(checks), denial=denial, reserved_price=Decimal(0))
    return Verdict(checks=tuple(checks), denial=None, reserved_price=context.price or Decimal(0))
