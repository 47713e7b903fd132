"""What one core owns in memory, as its single writer: live orders, positions, reservations, streams.

It is rebuilt from Postgres on start and changed only by `take`, so memory and the database take the same
steps. Amounts are micros.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from oms_core.domain.account import FLAT, NOTHING, AccountState, UnmarkedError, Valuation, held_by
from oms_core.domain.days import AccountDay, Days
from oms_core.domain.denials import DenialCode, render
from oms_core.domain.executions import Effects
from oms_core.domain.fees import FeeBook
from oms_core.domain.locates import LocateBook, LocateKey, drawn_by, key_of
from oms_core.domain.machine import Step
from oms_core.domain.order import Order
from oms_core.domain.order_times import (
    MAY_NOT,
    Standing,
    auction_standing,
    is_over,
    may_be_taken_closed,
    standing,
    turns_of,
)
from oms_core.domain.positions import Position, after_correction, after_fill
from oms_core.domain.risk import (
    NO_AGE_LIMIT,
    AccountTerms,
    AlgoTime,
    InstrumentTerms,
    RiskContext,
    RuleBook,
)
from oms_core.domain.risk.context import no_mark
from oms_core.domain.touch import TouchPrices
from oms_core.domain.transitions import Lifecycle
from oms_platform.kill_switches import KillSwitch, owner_of
from oms_platform.market_rules import Ticks, rules_date
from oms_platform.order_types import AUCTIONS
from oms_platform.overrides import Override
from oms_platform.risk_rules import CHILDREN_MAX_LEAST
from oms_platform.scopes import Scope
from oms_platform.sides import LOCATED
from oms_platform.trading_calendar import EVER_OPEN, AuctionChance, Hours, Phase, Session
from oms_platform.vocabulary import (
    Algo,
    AuctionTimes,
    OrderAccepted,
    OrderTerms,
    OrderType,
    TimeInForce,
    TradeApplied,
    TradeCorrected,
)

CLOSED_REMEMBERED_MAX: Final = 100_000


@dataclass(slots=True, kw_only=True)
class Said:
    """What an order's router or adapter has been asked for and has not answered: when, and how often."""

    key: object
    at: datetime | None
    times: int = 1


@dataclass(slots=True, kw_only=True)
class Desk:
    """Orders by id, how each account stands and its stream's sequence, and what holds for them.

    owns: whether an account's orders and fills come here; owned: the accounts of which they do, also those
    that are opened meanwhile. share: how many partitions that is, and of how many,
    which is this core's part of what firms may use. rules: of risk. firms: what the accounts here use, by
    firm. overrides: leave that is not used yet, by account. days: what accounts have won or lost
    today. effects: by order, what had its effect on it.
    owed: by order, what was asked for and is not answered, the longest ago first. hours: of the instruments'
    markets. fees: what executions are charged. actions: the version of what changes positions,
    actions_taken: that of which all has been. reshaped: by account and symbol, when its shares were last made
    into others, by a split or under another symbol. locates: where shares can be borrowed, and what is drawn.
    """

    owns: Callable[[str], bool] = lambda _account_id: False
    owned: frozenset[str] = frozenset()
    share: tuple[int, int] = (1, 1)
    reference_version: tuple[object, ...] = ()
    rules: RuleBook = field(default_factory=RuleBook)
    rules_seen: int | None = None
    overrides: dict[str, tuple[Override, ...]] = field(default_factory=dict)
    overrides_seen: int | None = None
    days: Days = field(default_factory=Days)
    fees: FeeBook = field(default_factory=FeeBook)
    fees_seen: int | None = None
    locates: LocateBook = field(default_factory=LocateBook)
    locates_seen: tuple[object, ...] = ()
    actions: object = None
    actions_taken: object = None
    reshaped: dict[tuple[str, str], datetime] = field(default_factory=dict)
    accounts: dict[str, AccountTerms] = field(default_factory=dict)
    instruments: Mapping[str, InstrumentTerms] = field(default_factory=dict)
    hours: Hours = field(default_factory=lambda: Hours((EVER_OPEN,)))
    orders: dict[UUID, Order] = field(default_factory=dict)
    closed: OrderedDict[UUID, Order] = field(default_factory=OrderedDict)
    effects: dict[UUID, Effects] = field(default_factory=dict)
    owed: OrderedDict[UUID, Said] = field(default_factory=OrderedDict)
    states: defaultdict[str, AccountState] = field(default_factory=lambda: defaultdict(AccountState))
    firms: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    stream_sequences: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    # The symbols of each sector, and the instruments of which they are: others take their place, and never
    # change in it.
    _sectors: dict[str, frozenset[str]] = field(default_factory=dict)
    _sectors_of: Mapping[str, InstrumentTerms] | None = None

    def draw(self, order: Order, previous: Order | None) -> tuple[LocateKey, int] | None:
        """Count what an order has drawn of its locate, as it is now and was. Returns how many shares more."""
        key = key_of(order.terms)
        if key is None:
            return None
        more = drawn_by(order) - (0 if previous is None else drawn_by(previous))
        if not more:
            return None
        self.locates.draw(key, more)
        return key, more

    def order(self, order_id: UUID) -> Order | None:
        """Return an order that is live or closed not long ago."""
        return self.orders.get(order_id) or self.closed.get(order_id)

    def effects_of(self, order_id: UUID) -> Effects:
        """Return what had its effect on an order that is held, or that is new."""
        found = self.effects.get(order_id)
        if found is None:
            found = self.effects[order_id] = Effects()
        return found

    def load(self, order: Order, effects: Effects) -> None:
        """Take an order from the store; nobody knows whether what it waits for was ever said."""
        self.effects[order.order_id] = effects
        self.keep(order)
        self.keep_owed(order, None)

    def keep(self, order: Order) -> None:
        """Take an order as it is, and count what it reserves and leaves open."""
        previous = self.orders.get(order.order_id)
        self.count(order, previous)
        if not order.closed:
            if previous is None:
                # A bust brings an order back that was over.
                self.closed.pop(order.order_id, None)
            self.orders[order.order_id] = order
            return
        self.orders.pop(order.order_id, None)
        self.closed[order.order_id] = order
        self.closed.move_to_end(order.order_id)
        if len(self.closed) > CLOSED_REMEMBERED_MAX:
            forgotten, _ = self.closed.popitem(last=False)
            self.effects.pop(forgotten, None)

    def count(self, order: Order, previous: Order | None) -> None:
        """Count an order as it is now, and was."""
        account_id = order.terms.account_id
        self._use(account_id, self.states[account_id].keep_order(order, previous))

    def keep_position(self, account_id: str, symbol: str, position: Position) -> None:
        """Take a position as it is."""
        self._use(account_id, self.states[account_id].keep_position(symbol, position))

    def _use(self, account_id: str, change_micros: int) -> None:
        """Count what an account uses more, or less, of its firm's credit."""
        account = self.accounts.get(account_id)
        if account is not None and change_micros:
            self.firms[account.firm] += change_micros

    def note_message(self, account_id: str, now: datetime) -> None:
        """Count a request of an account."""
        self.states[account_id].messages.note(now)

    def note_cancel(self, account_id: str, now: datetime) -> None:
        """Count a cancel of an account, or a replace."""
        self.states[account_id].cancels.note(now)

    def keep_accounts(self, accounts: dict[str, AccountTerms]) -> None:
        """Take the accounts as they are; one may be of another firm now, or new."""
        known, owned = self.accounts, self.owned
        # Whose an account is never changes: only of new ones it is worked out, which takes its while.
        self.owned = frozenset(one for one in accounts if (one in owned if one in known else self.owns(one)))
        self.accounts = accounts
        self.firms.clear()
        for account_id, state in self.states.items():
            self._use(account_id, state.used_micros)

    def take(self, steps: Sequence[Step], now: datetime) -> bool:
        """Take what happened to one order: its last state, and positions after trades.

        Returns whether it waits for something since now that it did not wait for before.
        """
        order = steps[-1][1]
        terms = order.terms
        effects, state = self.effects_of(order.order_id), self.states[terms.account_id]
        for event, _ in steps:
            effects.note(event)
            match event:
                case TradeApplied():
                    state.fills.note(now)
                    held = after_fill(
                        state.symbol(terms.symbol).position,
                        terms.side,
                        event.last_qty,
                        event.last_px_micros,
                        event.fee_micros,
                    )
                    self.keep_position(terms.account_id, terms.symbol, held)
                case OrderAccepted():
                    state.note_order(terms, now)
                case TradeCorrected():
                    held = after_correction(state.symbol(terms.symbol).position, terms.side, event)
                    self.keep_position(terms.account_id, terms.symbol, held)
                case _:
                    pass
        self.keep(order)
        return self.keep_owed(order, now)

    def keep_owed(self, order: Order, said_at: datetime | None) -> bool:
        """Note what an order waits for, and return whether that is new.

        said_at None: it may never have been said.
        """
        key = owed_key(order)
        said = self.owed.get(order.order_id)
        if said is not None and said.key == key:
            return False
        if said is not None:
            del self.owed[order.order_id]
        if key is None:
            return False
        self.owed[order.order_id] = Said(key=key, at=said_at)
        return True

    def position(self, account_id: str, symbol: str) -> Position:
        """Return an account's position in a symbol, flat if it never had one."""
        state = self.states.get(account_id)
        return FLAT if state is None else state.symbol(symbol).position

    @property
    def positions(self) -> dict[tuple[str, str], Position]:
        """The positions of every account, by account and symbol."""
        return {
            (account_id, symbol): one.position
            for account_id, state in self.states.items()
            for symbol, one in state.symbols.items()
            if one.position is not FLAT
        }

    def phase_of(self, symbol: str, now: datetime) -> Phase | None:
        """Return what an instrument's market does; None for one that is not known."""
        instrument = self.instruments.get(symbol)
        return None if instrument is None else self.hours.phase(instrument.calendar_id, now)

    def auction_of(self, terms: OrderTerms, now: datetime) -> AuctionTimes | None:
        """Return the auction that a new order is for; None for one that is for none."""
        chance = self._auction_chance(terms, now, None)
        return None if chance is None else chance.auction

    def order_standing(self, order: Order, auction: AuctionTimes | None, now: datetime) -> Standing:
        """Return whether a route of an order may be asked for now. auction: that it is for, None for none."""
        symbol = order.terms.symbol
        if auction is None or not self.is_traded(symbol):
            return self.standing(symbol, now)
        return auction_standing(order.terms.time_in_force, auction, now)

    def too_many_children(self, order: Order) -> str | None:
        """Return why no route of an order is asked for any more, by the children that it has had; or None."""
        count, terms = len(order.children), order.terms
        if count < CHILDREN_MAX_LEAST:
            return None
        account, instrument = self.accounts.get(terms.account_id), self.instruments.get(terms.symbol)
        setting = self.rules.setting("CHILDREN_EXCEEDED", scope_of_order(terms, account, instrument))
        bound = setting.values.get("children_max")
        if not isinstance(bound, int) or count < bound or not setting.denies:
            return None
        return render(DenialCode.CHILDREN_EXCEEDED, children=count, limit=bound)

    def is_traded(self, symbol: str) -> bool:
        """Whether an instrument is known, active and not halted."""
        instrument = self.instruments.get(symbol)
        return instrument is not None and instrument.active and not instrument.halt

    def standing(self, symbol: str, now: datetime) -> Standing:
        """Return whether routes of a symbol may be asked for now, or for what time its orders wait."""
        instrument = self.instruments.get(symbol)
        if instrument is None or not self.is_traded(symbol):
            return MAY_NOT
        return standing(self.hours.phase(instrument.calendar_id, now))

    def ticks_of(self, symbol: str) -> Ticks:
        """Return the grid of a symbol's prices today; of one that is not known, the usual one."""
        instrument = self.instruments.get(symbol)
        return Ticks() if instrument is None else instrument.ticks

    def session_at(self, symbol: str, at: datetime) -> Session | None:
        """Return the session of a symbol's market that a time is in; None where a market never closes."""
        instrument = self.instruments.get(symbol)
        return None if instrument is None else self.hours.session_at(instrument.calendar_id, at)

    def settles_on(self, symbol: str, day: date) -> date:
        """Return the date on which the cash of a trade of a day settles."""
        instrument = self.instruments.get(symbol)
        if instrument is None:
            return EVER_OPEN.settles_on(day)
        return self.hours.settles_on(instrument.calendar_id, day)

    def turns_of(self, order: Order) -> tuple[datetime, ...]:
        """Return the times at which something of an order begins or ends, by its market as of now."""
        instrument = self.instruments.get(order.terms.symbol)
        if instrument is None:
            return turns_of(order)
        return turns_of(order, partial(self.hours.trades_until, instrument.calendar_id))

    def is_over(self, order: Order, now: datetime) -> bool:
        """Return whether an order's own time is over, as its market's calendar says now."""
        instrument = self.instruments.get(order.terms.symbol)
        if instrument is None:
            return is_over(order, now)
        return is_over(order, now, partial(self.hours.trades_until, instrument.calendar_id))

    def may_route(self, symbol: str, now: datetime) -> bool:
        """Whether a symbol is active, not halted, and its market open, so that a route may be asked for."""
        return self.standing(symbol, now).may_route

    def risk_context(
        self,
        terms: OrderTerms,
        touch: TouchPrices,
        now: datetime,
        *,
        age: timedelta = timedelta(0),
        age_max: timedelta = NO_AGE_LIMIT,
        of: Order | None = None,
        is_slice: bool = False,
        day_orders_wait: bool = False,
        mark: Callable[[str], int | None] = no_mark,
        stopped_by: KillSwitch | None = None,
    ) -> RiskContext:
        """Gather what the rules look at.

        mark: what a share of a symbol is worth now, in micros. stopped_by: the kill switch that stops the
        order. of: the order that is to become one of these terms; what it holds itself does not count against
        it. day_orders_wait: whether DAY orders are taken while their market is closed. is_slice: the
        terms are of what is released of `of` and not done.
        """
        account, instrument = self.accounts.get(terms.account_id), self.instruments.get(terms.symbol)
        state = self.states[terms.account_id]
        phase = None if instrument is None else self.hours.phase(instrument.calendar_id, now)
        ended_at = None if phase is None else phase.last_close
        return RiskContext(
            terms=terms,
            scope=scope_of_order(terms, account, instrument),
            account=account,
            instrument=instrument,
            touch=touch,
            state=state,
            of_held=NOTHING if of is None else held_by(of),
            is_replace=of is not None,
            executed_qty=0 if of is None or is_slice else of.executed_qty,
            children=0 if of is None else len(of.children),
            age=age if terms.order_type is OrderType.MARKET else timedelta(0),
            age_max=age_max,
            phase=phase,
            now=now,
            waits=phase is not None
            and not phase.open
            and may_be_taken_closed(terms, day_orders_wait=day_orders_wait),
            is_of_ended_day=terms.time_in_force is TimeInForce.DAY
            and ended_at is not None
            and now - age < ended_at,
            algo_time=None if terms.algo is None else self._algo_time(terms.algo, instrument, now),
            auction=self._auction_chance(terms, now, of) if terms.time_in_force in AUCTIONS else None,
            stopped_by=stopped_by,
            valuation=Valuation(
                state, mark, self.symbols_in("" if instrument is None else instrument.sector)
            ),
            firm_used_micros=0 if account is None else self.firms.get(account.firm, 0),
            firm_share=self.share,
            day=self.day_of(terms.account_id),
            firm_pnl_micros=0 if account is None else self.days.firms.get(account.firm, 0),
            borrowing=self.locates.borrowing(terms, of, self.session_day(terms.symbol, now))
            if terms.side in LOCATED
            else None,
        )

    def session_day(self, symbol: str, now: datetime) -> date:
        """Return the day of the session that a symbol's market is in, or of the next one that is known."""
        phase = self.phase_of(symbol, now)
        if phase is None or phase.open or phase.until is None:
            return rules_date(now)
        return rules_date(phase.until)

    def day_of(self, account_id: str) -> AccountDay | None:
        """Return an account's day, None where its beginning is not known; of one without a position it is."""
        found, today = self.days.of(account_id), self.days.trade_date
        if found is not None or today is None:
            return found
        state = self.states[account_id]
        if any(one.position.quantity for one in state.symbols.values()):
            return None
        return AccountDay(trade_date=today, opening_micros=state.cash_micros)

    def look_at_day(
        self, account_id: str, now: datetime, mark: Callable[[str], int | None]
    ) -> AccountDay | None:
        """See what an account is worth now. Returns its day where that is to be stored.

        An account is not looked at while nobody knows what one of its positions is worth.
        """
        state = self.states[account_id]
        try:
            worth = state.cash_micros + Valuation(state, mark).worth.net
        except UnmarkedError:
            return None
        return self.days.look(account_id, worth, now)

    def house_of(self, account_id: str) -> Scope:
        """Return an account with its firm and desk; of one that is not known, the account alone."""
        account = self.accounts.get(account_id)
        if account is None:
            return Scope(account=account_id)
        return Scope(firm=account.firm, desk=account.desk, account=account_id)

    def firm_of(self, account_id: str) -> str:
        """Return an account's firm, empty for one that is not known."""
        return self.house_of(account_id).firm

    def overrides_of(self, account_id: str) -> tuple[Override, ...]:
        """Return the leave of an account that is not used yet."""
        return self.overrides.get(account_id, ())

    def use_override(self, account_id: str, used: Override) -> None:
        """Take a leave that was used: it is good for nothing more."""
        left = [one for one in self.overrides_of(account_id) if one.override_id != used.override_id]
        self.overrides[account_id] = tuple(left)

    def buying_power_of(self, account_id: str) -> int | None:
        """Return an account's buying power in micros, whatever it trades; None where none is set."""
        account = self.accounts.get(account_id)
        if account is None:
            return None
        scope = Scope(firm=account.firm, desk=account.desk, account=account_id)
        found = self.rules.value("BUYING_POWER_EXCEEDED", "buying_power", scope)
        return found if isinstance(found, int) else None

    def sector_of(self, symbol: str) -> str:
        """Return a symbol's sector, empty for one that is not known."""
        instrument = self.instruments.get(symbol)
        return "" if instrument is None else instrument.sector

    def symbols_in(self, sector: str) -> frozenset[str]:
        """Return the symbols of a sector, of the instruments as they are now."""
        if self._sectors_of is not self.instruments:
            symbols = defaultdict(list)
            for symbol, instrument in self.instruments.items():
                symbols[instrument.sector].append(symbol)
            self._sectors = {name: frozenset(found) for name, found in symbols.items()}
            self._sectors_of = self.instruments
        return self._sectors.get(sector, frozenset())

    def _auction_chance(self, terms: OrderTerms, now: datetime, of: Order | None) -> AuctionChance | None:
        """Return what auction an order would be for; None for an order that is for none.

        One that is replaced is for the same. After its cut-off only what its venue has can become another,
        by having fewer shares.
        """
        instrument = self.instruments.get(terms.symbol)
        if terms.time_in_force not in AUCTIONS or instrument is None:
            return None
        if not instrument.listing_venue:
            return AuctionChance()
        found = self.hours.auction_chance(instrument.calendar_id, terms.time_in_force, now)
        if of is None or of.auction is None:
            return found
        fewer = terms == replace(of.terms, quantity=min(terms.quantity, of.terms.quantity))
        if now < of.auction.taken_until or (fewer and of.working_qty):
            return AuctionChance(of.auction)
        return AuctionChance(None, of.auction, found.auction or found.following)

    def _algo_time(self, algo: Algo, instrument: InstrumentTerms | None, now: datetime) -> AlgoTime | None:
        if instrument is None:
            return None
        begins_at = now if algo.start_at is None else max(now, algo.start_at)
        session = self.hours.session_at(instrument.calendar_id, begins_at)
        until = None if session is None else session.closes_at
        if self.hours.is_continuous(instrument.calendar_id):
            until = algo.end_at
        return AlgoTime(begins_at=begins_at, ends_at=algo.end_at, until=until)


class AsIf:
    """Requests and orders that are counted as if they came now; `undo` leaves the desk as it was."""

    def __init__(self, desk: Desk, now: datetime) -> None:
        self._desk, self._now = desk, now
        self._asked: list[str] = []
        self._taken: list[Order] = []
        self._overrides = dict(desk.overrides)

    def ask(self, account_id: str) -> None:
        """Count a request of an account."""
        self._desk.note_message(account_id, self._now)
        self._asked.append(account_id)

    def take(self, order: Order, used: Override | None) -> None:
        """Count a new order that is live, and the leave that it passes by as used."""
        account_id = order.terms.account_id
        self._desk.count(order, None)
        self._desk.draw(order, None)
        self._desk.states[account_id].note_order(order.terms, self._now)
        self._taken.append(order)
        if used is not None:
            self._desk.use_override(account_id, used)

    def undo(self) -> None:
        """Count none of them any more."""
        for order in reversed(self._taken):
            undone = replace(order, lifecycle=Lifecycle.CANCELED)
            self._desk.count(undone, order)
            self._desk.draw(undone, order)
            self._desk.states[order.terms.account_id].forget_order(order.terms, self._now)
        for account_id in self._asked:
            self._desk.states[account_id].messages.note(self._now, -1)
        self._desk.overrides = self._overrides


def scope_of_order(
    terms: OrderTerms, account: AccountTerms | None, instrument: InstrumentTerms | None
) -> Scope:
    """Return an order by all the names that limits may give, but for a venue, which it has none of yet."""
    owner = owner_of(terms)
    return Scope(
        firm="" if account is None else account.firm,
        desk="" if account is None else account.desk,
        account=terms.account_id,
        trader=owner.trader,
        strategy=owner.strategy,
        sector="" if instrument is None else instrument.sector,
        symbol=terms.symbol,
    )


def owed_key(order: Order) -> object:
    """Return what an order waits for, by a key of its own: a route, its children's end or change; or None."""
    if (request := order.taken_back_by) is not None:
        smaller = order.made_smaller
        return request.request_id if smaller is None else (request.request_id, smaller)
    if order.is_recalled:
        return "recall", order.attempt
    route = order.attempt if order.route_quantity else None
    if order.pegged is not None and order.moved_to_peg:
        return route, order.pegged.price_micros
    return route
