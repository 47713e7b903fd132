"""Everything that a rule may look at: the order, who asks, the market, and how its account stands."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from oms_core.domain.account import NOTHING, AccountState, Held, SymbolState, Valuation, shares_of
from oms_core.domain.days import AccountDay
from oms_core.domain.locates import Borrowing
from oms_core.domain.touch import TouchPrices
from oms_platform.kill_switches import KillSwitch
from oms_platform.market_rules import Ticks
from oms_platform.scopes import Scope
from oms_platform.sides import far, is_buy
from oms_platform.trading_calendar import EVER_OPEN, AuctionChance, Phase
from oms_platform.vocabulary import OrderTerms

NO_AGE_LIMIT: Final = timedelta(0)
ValueT = TypeVar("ValueT")


class _once(Generic[ValueT]):  # noqa: N801  (read as a decorator)
    """A property that is worked out once: functools' own takes a lock each first time (until Python 3.12)."""

    def __init__(self, work_out: Callable[[Any], ValueT]) -> None:
        self._work_out = work_out
        self._name = work_out.__name__
        self.__doc__ = work_out.__doc__

    def __get__(self, context: Any, _owner: type | None = None) -> ValueT:
        value = context.__dict__[self._name] = self._work_out(context)
        return value


class AccountTerms(Struct, frozen=True, kw_only=True, gc=False):
    """What risk needs to know of an account. firm, desk: what limits may name it by."""

    account_id: str
    active: bool = True
    firm: str = "FIRM"
    desk: str = "DESK"


class InstrumentTerms(Struct, frozen=True, kw_only=True, gc=False):
    """What risk needs to know of an instrument, today.

    ticks: the grid of its prices. halt: why it is halted, empty when it is not. calendar_id: of its hours.
    reference_micros: what values an order that waits where nobody quotes, None for nothing. listing_venue:
    who holds its auctions, empty for nobody. sector: what limits may name it by. volume: shares of an average
    day; sigma_bps: a day's volatility, basis points of the price; lower_band, upper_band: the prices between
    which it may trade, in micros; None where nobody has said.
    """

    symbol: str
    active: bool
    ticks: Ticks = Ticks()
    halt: str = ""
    calendar_id: str = EVER_OPEN.calendar_id
    reference_micros: int | None = None
    listing_venue: str = ""
    sector: str = "UNKNOWN"
    volume: int | None = None
    sigma_bps: int | None = None
    lower_band: int | None = None
    upper_band: int | None = None


class AlgoTime(Struct, frozen=True, kw_only=True, gc=False):
    """When an algo is worked, and until when its market trades then; until None: it does not, then."""

    begins_at: datetime
    ends_at: datetime
    until: datetime | None


def no_mark(_symbol: str) -> int | None:
    """Return that no price is known."""
    return None


class Figures(Struct, frozen=True, gc=False):
    """What an order comes to beside the others of its account, which most rules ask for.

    price_micros: a share is valued at, None where nothing values it. left_qty: shares that are not done.
    here: how the account stands in the symbol. others_qty: shares of its other open orders that go the same
    way. opens: whether the order may open a position or add to one, beside those. opening_micros: what it
    would open beside all others, 0 without a price. others_micros: what the account uses without it.
    """

    price_micros: int | None
    left_qty: int
    here: SymbolState
    others_qty: int
    opens: bool
    opening_micros: int
    others_micros: int


class RiskContext(Struct, frozen=True, kw_only=True, dict=True):
    """Everything that a rule may look at; a rule changes nothing of it.

    scope: the order, by all names that limits may give. state: how the account stands, `of` included.
    of_held, executed_qty: what the order that is to become this one holds, and what is done of it; children:
    how many it has had. age: of a new order since it was taken; age_max: of a market order, NO_AGE_LIMIT for
    none. phase: of the instrument's market; None for an instrument that is not known. is_of_ended_day: the
    session that the order was taken for is over. waits: its market is closed, and it is one that waits for
    it. now: the time of the verdict. algo_time: of an order with an algo. auction: which one an OPG or CLO
    order is for. stopped_by: the kill switch that it is in the scope of. valuation: of the account's
    positions, and of those in the instrument's sector. firm_used_micros: what the firm's accounts here use,
    this one's included; firm_share: how many parts of the firm's credit are theirs, and of how many. day: the
    account's, None where its beginning is not known. firm_pnl_micros: what the firm's accounts here had won
    today when core last looked. borrowing: of a short sale that needs a locate, None of any other.
    """

    terms: OrderTerms
    scope: Scope = Scope()
    account: AccountTerms | None
    instrument: InstrumentTerms | None
    touch: TouchPrices
    state: AccountState
    of_held: tuple[Held, ...] = NOTHING
    is_replace: bool = False
    executed_qty: int = 0
    children: int = 0
    age: timedelta = timedelta(0)
    age_max: timedelta = NO_AGE_LIMIT
    phase: Phase | None = None
    is_of_ended_day: bool = False
    waits: bool = False
    now: datetime = EVER_OPEN.sessions[0].opens_at
    algo_time: AlgoTime | None = None
    auction: AuctionChance | None = None
    stopped_by: KillSwitch | None = None
    valuation: Valuation
    firm_used_micros: int = 0
    firm_share: tuple[int, int] = (1, 1)
    day: AccountDay | None = None
    firm_pnl_micros: int = 0
    borrowing: Borrowing | None = None

    @_once
    def figures(self) -> Figures:
        """What the order comes to beside the others of its account."""
        terms, state, of_held = self.terms, self.state, self.of_held
        side, price, here = terms.side, self._price_micros(), state.symbol(terms.symbol)
        left_qty = max(0, terms.quantity - self.executed_qty)
        others_qty = here.side(side).quantity - shares_of(of_held)
        return Figures(
            price,
            left_qty,
            here,
            others_qty,
            left_qty + others_qty > here.against(side),
            here.added_micros(side, (Held(left_qty, price or 0),), of_held),
            state.used_micros - here.reserved_micros + here.others_micros(side, of_held),
        )

    @property
    def limit_anchor_micros(self) -> int | None:
        """The price that a limit is held to: where the order trades first, or is triggered."""
        stop = self.terms.stop_price_micros
        return self.far_touch_micros if stop is None else stop

    @property
    def far_touch_micros(self) -> int | None:
        """The price that the order would trade at first."""
        return far(self.terms.side, self.touch.bid_micros, self.touch.offer_micros)

    def pnl_micros(self, day: AccountDay) -> int:
        """Return what the account has won since its day began. Raises UnmarkedError."""
        return self.state.cash_micros + self.valuation.worth.net - day.opening_micros

    def _price_micros(self) -> int | None:
        if self.terms.limit_price_micros is not None:
            return self.terms.limit_price_micros
        stop, touch = self.terms.stop_price_micros, self.far_touch_micros
        if touch is None and (self.waits or self.auction is not None) and self.instrument is not None:
            touch = self.instrument.reference_micros
        if stop is None:
            return touch
        # It trades at its stop price or, to buy, at what the market is by then.
        return max(stop, touch or 0) if is_buy(self.terms.side) else stop
