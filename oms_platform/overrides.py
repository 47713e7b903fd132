"""The leave of a second person for one order that risk denied: what it is good for, and for what it is not.

The law of this file: a leave is about the order that was denied, by that order's own figures. It is good for
the same terms or smaller ones, from the same trader, for the rules that denied then, while none of them is
further beyond its limit and no limit is tighter than it was. What is used is used; that is the store's to
keep.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from oms_platform.risk_rules import SPEC_OF
from oms_platform.sides import is_buy
from oms_platform.vocabulary import OrderTerms, RiskCheck, RiskOutcome

MINUTES_MAX: Final = 480
MINUTES_DEFAULT: Final = 15
# A denial that is older is history: what the order would have been is asked for again.
DENIED_WITHIN: Final = timedelta(hours=24)
# A rule's value, and a bound that follows the market, may move by this part before it is another one.
MOVED_BPS_MAX: Final = 100
_WHOLE_BPS: Final = 10_000


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A leave that is not used yet. request_id: of the order that was denied, or of the replace.

    order_id: of the order that the replace is about, None for a new one. trader: who asked, and may ask
    again. checks: of the rules that it lets pass, as they stood when they denied.
    """

    override_id: UUID
    request_id: UUID
    order_id: UUID | None
    terms: OrderTerms
    trader: str
    checks: tuple[RiskCheck, ...]
    granted_by: str
    reason: str
    expires_at: datetime

    def is_for(self, terms: OrderTerms, trader: str, order_id: UUID | None, now: datetime) -> bool:
        """Whether it is good for an order of these terms, or for a replace of `order_id` into them."""
        return (
            now < self.expires_at
            and trader == self.trader
            and order_id == self.order_id
            and is_no_more(terms, self.terms)
        )

    def lets_pass(self, denied: Sequence[RiskCheck]) -> bool:
        """Whether it lets every one of these rules pass, as they stand now."""
        granted: Mapping[str, RiskCheck] = {check.rule: check for check in self.checks}
        return all(
            (then := granted.get(check.rule)) is not None and is_no_worse(check, then) for check in denied
        )


def denials_of(checks: Sequence[RiskCheck]) -> tuple[RiskCheck, ...]:
    """Return the rules that denied."""
    return tuple(check for check in checks if check.outcome is RiskOutcome.DENIED)


def is_no_more(terms: OrderTerms, granted: OrderTerms) -> bool:
    """Whether an order is the one that leave was given for, or the same with fewer shares or a better limit.

    How it is called and by what door it comes is its client's own.
    """
    limit, bound = terms.limit_price_micros, granted.limit_price_micros
    if limit is not None and bound is not None and (limit > bound if is_buy(terms.side) else limit < bound):
        return False
    same = replace(
        terms,
        channel=granted.channel,
        client_order_id=granted.client_order_id,
        basket_id=granted.basket_id,
        quantity=granted.quantity,
        limit_price_micros=limit if bound is None or limit is None else bound,
    )
    return 0 < terms.quantity <= granted.quantity and same == granted


def is_no_worse(now: RiskCheck, then: RiskCheck) -> bool:
    """Whether a rule that denies now is no further beyond its limit than when leave was given.

    Its bound must not be tighter. Of a rule without figures value and bound are the same. A rule whose
    figures do not say which way is worse is held to the same ones, too.
    """
    if not then.headroom or not now.headroom:
        return (now.value, now.bound) == (then.value, then.bound)
    value, bound, headroom = Decimal(now.value), Decimal(now.bound), Decimal(now.headroom)
    was, was_bound, had = Decimal(then.value), Decimal(then.bound), Decimal(then.headroom)
    if headroom == bound - value and had == was_bound - was:
        way = 1
    elif headroom == value - bound and had == was - was_bound:
        way = -1
    else:
        return (now.value, now.bound) == (then.value, then.bound)
    spec = SPEC_OF.get(now.rule)
    room = _moved(was_bound) if spec is not None and spec.follows_market else Decimal(0)
    return way * bound >= way * was_bound - room and way * value <= way * was + _moved(was)


def _moved(value: Decimal) -> Decimal:
    return abs(value) * MOVED_BPS_MAX / _WHOLE_BPS
