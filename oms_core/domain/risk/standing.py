"""How an account, or a firm, stands against its limits without any order.

The law of this file: a watched rule is asked about an order of no shares, by the function that orders are
held to, so that what is watched and what denies an order are one figure. An order of no shares opens nothing;
it is asked about both ways, and what is nearer its limit counts.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from oms_core.domain.account import AccountState, UnmarkedError, Valuation
from oms_core.domain.desk import Desk
from oms_core.domain.risk.context import AccountTerms, RiskContext
from oms_core.domain.risk.finding import Finding, Found, Missing
from oms_core.domain.risk.verdict import Check
from oms_core.domain.touch import TouchPrices
from oms_platform.risk_book import Setting
from oms_platform.risk_rules import RULE_SPECS, Unit, Watched
from oms_platform.scopes import Scope
from oms_platform.vocabulary import OrderTerms, OrderType, Side, TimeInForce

Mark = Callable[[str], int | None]
_SIDES: Final = (Side.BUY, Side.SELL)
_NO_TOUCH: Final = TouchPrices()
# Of each kind, the watched rules with their places in what a book says of a thing.
_WATCHED: Final[Mapping[Watched, tuple[tuple[int, str], ...]]] = {
    kind: tuple((place, spec.name) for place, spec in enumerate(RULE_SPECS) if spec.watched is kind)
    for kind in Watched
}


class Standing(NamedTuple):
    """A value and its bound, in the unit. set_for: the scope that the bound is from."""

    rule: str
    scope: Scope
    value: int
    bound: int
    unit: Unit
    set_for: str


class Look(NamedTuple):
    """What was seen. unmarked: symbols without a mark that were needed. unknown: rules that could not tell.

    broken: rules that raised, each with what.
    """

    standings: list[Standing]
    unmarked: list[str]
    unknown: set[str]
    broken: list[str]


def look_at_account(
    desk: Desk, account: AccountTerms, mark: Mark, rules: Mapping[str, Check], used: frozenset[Watched]
) -> Look:
    """Return how an account stands against each limit that is set for it, its symbols and their sectors.

    used: the kinds of which any rule has a bound at all.
    """
    asked = _Asked(desk, account, desk.states[account.account_id], mark, rules)
    if Watched.ACCOUNT in used:
        asked.ask(Watched.ACCOUNT, _scope_of(account), symbol="", price_micros=0)
    if used & {Watched.SECTOR, Watched.SYMBOL}:
        sectors: dict[str, str] = {}
        for symbol in asked.symbols():
            sector = desk.sector_of(symbol)
            sectors.setdefault(sector, symbol)
            if Watched.SYMBOL in used:
                asked.ask(Watched.SYMBOL, _scope_of(account, sector, symbol), symbol)
        if Watched.SECTOR in used:
            for sector, symbol in sectors.items():
                asked.ask(Watched.SECTOR, _scope_of(account, sector), symbol, price_micros=0)
    return asked.look


def look_at_firm(desk: Desk, firm: str, rules: Mapping[str, Check]) -> Look:
    """Return how a firm's accounts of this core stand together, against its part of the firm's limit."""
    nobody = AccountTerms(account_id="", firm=firm, desk="")
    asked = _Asked(desk, nobody, AccountState(), _no_mark, rules)
    asked.ask(Watched.FIRM, Scope(firm=firm), symbol="", price_micros=0)
    return asked.look


def kinds_in_use(desk: Desk) -> frozenset[Watched]:
    """Return the kinds of which any row of the book, or a default, sets a bound."""
    rows = {row.rule for row in desk.rules.rows}
    return frozenset(
        spec.watched
        for spec in RULE_SPECS
        if spec.watched is not None
        and (spec.name in rows or any(one.default is not None for one in spec.parameters))
    )


def _scope_of(account: AccountTerms, sector: str = "", symbol: str = "") -> Scope:
    return Scope(
        firm=account.firm, desk=account.desk, account=account.account_id, sector=sector, symbol=symbol
    )


def _no_mark(_symbol: str) -> int | None:
    return None


class _Asked:
    """One account's rules, asked one after the other; its positions are valued once for each sector."""

    def __init__(
        self, desk: Desk, account: AccountTerms, state: AccountState, mark: Mark, rules: Mapping[str, Check]
    ) -> None:
        self.look = Look([], [], set(), [])
        self._desk, self._account, self._state = desk, account, state
        self._mark, self._rules = mark, rules
        self._valuations: dict[str, Valuation] = {}

    def symbols(self) -> Iterable[str]:
        """Return the symbols that it holds, or has open orders in."""
        for symbol, state in self._state.symbols.items():
            if state.position.quantity or state.buys.quantity or state.sells.quantity:
                yield symbol

    def ask(self, kind: Watched, scope: Scope, symbol: str, price_micros: int | None = None) -> None:
        """Ask the rules of a kind. price_micros None: what a share of the symbol is worth now."""
        settings = self._desk.rules.settings(scope)
        for place, rule in _WATCHED[kind]:
            setting = settings[place]
            if not setting.is_asked or setting.lacks:
                continue
            price = self._mark(symbol) if price_micros is None else price_micros
            if price is None:
                self._lacks(rule, symbol)
                continue
            self._ask(setting, scope, symbol, price)

    def _ask(self, setting: Setting, scope: Scope, symbol: str, price: int) -> None:
        rule, worst = setting.spec.name, None
        for side in _SIDES:
            context = self._context(scope, symbol, side, price)
            try:
                found = self._rules[rule](context, setting.values)
            except UnmarkedError as error:
                self._lacks(rule, error.symbol)
                return
            except Exception as error:
                self.look.broken.append(f"{rule}: {type(error).__name__}: {error}")
                self.look.unknown.add(rule)
                return
            if isinstance(found, Missing):
                self._lacks(rule, found.input)
                return
            worst = _nearer(worst, found)
        if worst is not None and isinstance(worst.value, int) and isinstance(worst.bound, int):
            self.look.standings.append(
                Standing(rule, scope, worst.value, worst.bound, worst.unit, setting.source)
            )

    def _lacks(self, rule: str, symbol: str) -> None:
        self.look.unknown.add(rule)
        if symbol not in self.look.unmarked:
            self.look.unmarked.append(symbol)

    def _valued(self, sector: str) -> Valuation:
        found = self._valuations.get(sector)
        if found is None:
            made = Valuation(self._state, self._mark, self._desk.symbols_in(sector))
            found = self._valuations[sector] = made
        return found

    def _context(self, scope: Scope, symbol: str, side: Side, price: int) -> RiskContext:
        desk = self._desk
        return RiskContext(
            terms=OrderTerms(
                account_id=self._account.account_id,
                channel="",
                client_order_id="",
                symbol=symbol,
                side=side,
                order_type=OrderType.LIMIT,
                time_in_force=TimeInForce.DAY,
                quantity=0,
                limit_price_micros=price,
            ),
            scope=scope,
            account=self._account,
            instrument=desk.instruments.get(symbol),
            touch=_NO_TOUCH,
            state=self._state,
            valuation=self._valued(scope.sector),
            firm_used_micros=desk.firms.get(self._account.firm, 0),
            firm_share=desk.share,
        )


def _nearer(one: Finding | None, other: Found) -> Finding | None:
    """Return the finding that has less headroom, None while there is none."""
    if not isinstance(other, Finding) or other.headroom is None:
        return one
    if one is None or one.headroom is None or other.headroom < one.headroom:
        return other
    return one
