"""The rules of pre-trade risk as everybody may know them: names, precedence, parameters, and what they are
for.

The law of this file: RULE_SPECS is closed, and its order is the precedence: of the rules that deny an order
its client is told the first. What a rule does is core's (`oms_core/domain/risk/rules`, a file each); what may
be set for it, from where and in which unit, is here, for doors and tools too.

A rule is set by *rows*, each of a scope (`oms_platform.scopes`). A row says something of mode, severity,
missing and parameters, and leaves the rest to wider scopes; the defaults here are the widest of all.
"""

import enum
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

import msgspec

from oms_platform.prices import MICROS
from oms_platform.scopes import Scope

Value = int | bool | str
MemberT = TypeVar("MemberT", bound=enum.Enum)
# What fits the columns and sums of micros: a trillion dollars.
DOLLARS_MAX: Final = 10**12
SHARES_MAX: Final = 2**31 - 1
WINDOW_S_MAX: Final = 60
# An order with fewer children is not looked at before each route.
CHILDREN_MAX_LEAST: Final = 10
# So many repeats of an order are remembered.
REPEATS_MAX: Final = 1_000
_CENT: Final = MICROS // 100


class Mode(enum.Enum):
    """Whether a rule is held to: not at all, to see what it would say, or to deny."""

    OFF = "OFF"
    SHADOW = "SHADOW"
    ON = "ON"


class Severity(enum.Enum):
    """What becomes of an order that fails: denied, warned of, or denied unless a second person says yes."""

    HARD = "HARD"
    SOFT = "SOFT"
    OVERRIDE = "OVERRIDE"


class OnMissing(enum.Enum):
    """What a rule says that lacks what it looks at, or has it too old."""

    DENY = "DENY"
    PASS = "PASS"  # noqa: S105


class Unit(enum.Enum):
    """What a parameter or a finding counts. DOLLARS are micros inside, and decimal text outside."""

    SHARES = "shares"
    DOLLARS = "dollars"
    BASIS_POINTS = "basis points"
    TICKS = "ticks"
    COUNT = "count"
    SECONDS = "seconds"
    YES_NO = "yes or no"
    CHOICE = "choice"
    TEXT = "text"


# Looked up once: amounts are shown many times an order.
_DOLLARS: Final = Unit.DOLLARS


class Watched(enum.Enum):
    """What a rule's value is of, where it moves without an order: core looks at it all the time.

    The rule is asked about an order of no shares, so what is watched is what an order is held to.
    """

    ACCOUNT = "account"
    SECTOR = "sector"
    SYMBOL = "symbol"
    FIRM = "firm"


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A number from `least` to `most`, a yes or no, or one of `choices`. default None: there is no limit."""

    name: str
    unit: Unit
    meaning: str
    least: int = 0
    most: int = SHARES_MAX
    choices: tuple[str, ...] = ()
    default: Value | None = None


class AtVenue(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule is at a venue: of each order that is to be sent there.

    needs: the parameter without which it is not asked. choices: those of that parameter's that can be told at
    a venue, empty for all. routed: the router goes by it, too; else the gate alone does.
    """

    meaning: str
    needs: str
    choices: tuple[str, ...] = ()
    routed: bool = False


class RuleSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as everybody may know it.

    required: without its parameters an order is denied (LIMIT_MISSING). needs: the parameter without which
    there is nothing to hold an order to, so that the rule is not asked; empty for none. controls: of SEC Rule
    15c3-5, and other rules, that it is for. facts: it says what is so, and is not a person's to turn off or
    to soften. of_closings: as a fact it also holds for what closes a position for a kill switch; what is no
    fact does not. follows_market: its bound moves with the market. of_slices: what an algo releases is held
    to it, each time. watched: what its value is of, None where only an order moves it. at_venue: what it is
    of a venue's orders, None where a scope with a venue makes no sense.
    """

    name: str
    meaning: str
    controls: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    required: bool = False
    needs: str = ""
    facts: bool = False
    of_closings: bool = True
    follows_market: bool = False
    of_slices: bool = False
    on_missing: OnMissing = OnMissing.DENY
    watched: Watched | None = None
    at_venue: AtVenue | None = None

    def parameter(self, name: str) -> Parameter | None:
        """Return a parameter by name."""
        return next((one for one in self.parameters if one.name == name), None)


def _dollars(name: str, meaning: str, **more: Value) -> Parameter:
    return Parameter(name=name, unit=Unit.DOLLARS, meaning=meaning, most=DOLLARS_MAX * MICROS, **more)  # type: ignore[arg-type]


def _window(meaning: str) -> Parameter:
    return Parameter(
        name="window_s", unit=Unit.SECONDS, meaning=meaning, least=1, most=WINDOW_S_MAX, default=1
    )


_ACCESS: Final = "15c3-5(c)(2)(iii): access limited to persons and accounts that are pre-approved"
_RULES_OF_ENTRY: Final = (
    "15c3-5(c)(2)(i): regulatory requirements that must be met before an order is entered"
)
_RESTRICTED: Final = "15c3-5(c)(2)(ii): securities that the firm, a customer or a person may not trade"
_ERRONEOUS: Final = "15c3-5(c)(1)(ii): erroneous orders, by price, size, or repetition"
_CREDIT: Final = "15c3-5(c)(1)(i): credit or capital thresholds, in the aggregate"
_REG_SHO: Final = "Regulation SHO"
_WASH: Final = "FINRA Rule 5210, supplementary material .02: self-trades"

RULE_SPECS: Final[tuple[RuleSpec, ...]] = (
    RuleSpec(name="ACCOUNT_UNKNOWN", meaning="The account is known.", controls=(_ACCESS,), facts=True),
    RuleSpec(
        name="ACCOUNT_NOT_ACTIVE",
        meaning="The account is active.",
        controls=(_ACCESS,),
        facts=True,
        of_closings=False,
    ),
    RuleSpec(
        name="INSTRUMENT_UNKNOWN", meaning="The instrument is known.", controls=(_RULES_OF_ENTRY,), facts=True
    ),
    RuleSpec(
        name="INSTRUMENT_NOT_ACTIVE",
        meaning="The instrument is active.",
        controls=(_RULES_OF_ENTRY,),
        facts=True,
    ),
    RuleSpec(
        name="KILLED",
        meaning="No kill switch stops the order.",
        controls=(_ACCESS, _CREDIT),
        facts=True,
    ),
    RuleSpec(
        name="TRADER_NOT_PERMITTED",
        meaning="Whoever asks may trade this, here.",
        of_slices=True,
        controls=(_ACCESS,),
        parameters=(
            Parameter(name="permitted", unit=Unit.YES_NO, meaning="whether it may be traded", default=True),
        ),
        at_venue=AtVenue(meaning="Whoever asks may send this there.", needs="permitted", routed=True),
    ),
    RuleSpec(
        name="INSTRUMENT_RESTRICTED",
        meaning="The instrument is not on the restricted list.",
        of_slices=True,
        controls=(_RESTRICTED,),
        parameters=(
            Parameter(
                name="restricted",
                unit=Unit.CHOICE,
                meaning="what is restricted: nothing, what opens or adds to a position, or everything",
                choices=("NOTHING", "OPENING", "EVERYTHING"),
                default="NOTHING",
            ),
        ),
        at_venue=AtVenue(
            meaning="The instrument is not on the venue's restricted list.",
            needs="restricted",
            # What opens a position is known before a venue is chosen, and not at it.
            choices=("NOTHING", "EVERYTHING"),
            routed=True,
        ),
    ),
    RuleSpec(
        name="INSTRUMENT_HALTED",
        meaning="The instrument is not halted.",
        controls=(_RULES_OF_ENTRY,),
        facts=True,
    ),
    RuleSpec(
        name="MARKET_CLOSED",
        meaning="The market trades, or the order is one that waits for it.",
        controls=(_RULES_OF_ENTRY,),
        facts=True,
    ),
    RuleSpec(
        name="EXPIRY_PASSED",
        meaning="What is good till a time is not over.",
        controls=(_RULES_OF_ENTRY,),
        facts=True,
    ),
    RuleSpec(
        name="AUCTION_MISSED",
        meaning="The auction that the order is for still takes orders.",
        controls=(_RULES_OF_ENTRY,),
        facts=True,
    ),
    RuleSpec(
        name="ALGO_OUTSIDE_SESSION",
        meaning="The algo's time lies within one session.",
        controls=(_RULES_OF_ENTRY,),
        facts=True,
    ),
    RuleSpec(
        name="ORDER_STALE",
        meaning="A market order is not older than its client can mean.",
        controls=(_ERRONEOUS,),
        facts=True,
    ),
    RuleSpec(
        name="NO_REFERENCE_PRICE",
        meaning="Something values the order: its limit, its stop, or a fresh quote.",
        controls=(_ERRONEOUS,),
        facts=True,
    ),
    RuleSpec(
        name="PRICE_OFF_TICK",
        meaning="Prices are on the market's grid.",
        controls=("Regulation NMS, Rule 612", _RULES_OF_ENTRY),
        facts=True,
    ),
    RuleSpec(
        name="QUANTITY_OFF_LOT",
        meaning="The quantity is a multiple of the lot.",
        controls=(_RULES_OF_ENTRY,),
        parameters=(
            Parameter(
                name="lot",
                unit=Unit.SHARES,
                meaning="shares that quantities are multiples of",
                least=1,
                default=1,
            ),
        ),
    ),
    RuleSpec(
        name="PRICE_OUTSIDE_COLLAR",
        meaning="A limit is not further through the market than the collar.",
        of_slices=True,
        controls=(_ERRONEOUS,),
        parameters=(
            Parameter(
                name="collar_bps",
                unit=Unit.BASIS_POINTS,
                meaning="of the far touch, or of the stop price",
                least=1,
                most=100_000,
                default=500,
            ),
            Parameter(
                name="collar_ticks",
                unit=Unit.TICKS,
                meaning="and never less than so many ticks, so that a price of cents has room",
                default=0,
            ),
            Parameter(
                name="collar_sigma_bps",
                unit=Unit.BASIS_POINTS,
                meaning="and never more than this part of a day's volatility; 10,000 is one sigma",
                least=1,
                most=1_000_000,
            ),
        ),
        follows_market=True,
        on_missing=OnMissing.PASS,
    ),
    RuleSpec(
        name="PRICE_OUTSIDE_BANDS",
        meaning="A limit to buy is not above the upper price band, one to sell not below the lower.",
        of_slices=True,
        controls=("Limit Up-Limit Down plan, section VI", _ERRONEOUS),
        parameters=(
            Parameter(
                name="bands", unit=Unit.YES_NO, meaning="whether orders are held to the bands", default=True
            ),
        ),
        follows_market=True,
        on_missing=OnMissing.PASS,
    ),
    RuleSpec(
        name="ORDER_QTY_EXCEEDS_MAX",
        meaning="The order has no more shares than one may have.",
        of_slices=True,
        controls=(_ERRONEOUS,),
        parameters=(
            Parameter(
                name="quantity_max", unit=Unit.SHARES, meaning="shares of one order", least=1, default=10_000
            ),
        ),
        at_venue=AtVenue(
            meaning="An order to the venue has no more shares than one may have.",
            needs="quantity_max",
            routed=True,
        ),
        required=True,
    ),
    RuleSpec(
        name="ORDER_NOTIONAL_EXCEEDS_MAX",
        meaning="The order is worth no more than one may be.",
        of_slices=True,
        controls=(_ERRONEOUS,),
        parameters=(_dollars("notional_max", "dollars of one order", least=1, default=1_000_000 * MICROS),),
        at_venue=AtVenue(
            meaning="An order to the venue is worth no more, at its limit, than one may be.",
            needs="notional_max",
            routed=True,
        ),
        required=True,
    ),
    RuleSpec(
        name="ORDER_EXCEEDS_VOLUME",
        meaning="The order is no more than a part of an average day's volume.",
        controls=(_ERRONEOUS,),
        needs="volume_bps",
        parameters=(
            Parameter(
                name="volume_bps",
                unit=Unit.BASIS_POINTS,
                meaning="of the average daily volume",
                least=1,
                most=1_000_000,
            ),
        ),
    ),
    RuleSpec(
        name="SHORT_SALE_UNMARKED",
        meaning="What is sold is held, or is marked as a short sale.",
        controls=(f"{_REG_SHO}, Rule 200(g)", _RULES_OF_ENTRY),
        parameters=(
            Parameter(
                name="marked", unit=Unit.YES_NO, meaning="whether short sales have to be marked", default=True
            ),
        ),
    ),
    RuleSpec(
        name="LOCATE_MISSING",
        meaning="A short sale names where the shares can be borrowed, or its symbol is easy to borrow.",
        controls=(f"{_REG_SHO}, Rule 203(b)", _RULES_OF_ENTRY),
        parameters=(
            Parameter(
                name="easy_to_borrow",
                unit=Unit.YES_NO,
                meaning="whether the symbol needs no locate, whatever the day's list says",
                default=False,
            ),
        ),
    ),
    RuleSpec(
        name="LOCATE_EXCEEDED",
        meaning="Short sales sell no more shares than the locate that they name, of the account and the day.",
        controls=(f"{_REG_SHO}, Rule 203(b)", _RULES_OF_ENTRY),
        parameters=(
            Parameter(
                name="counted",
                unit=Unit.YES_NO,
                meaning="whether a locate has to be loaded, and its shares are counted",
                default=False,
            ),
        ),
    ),
    RuleSpec(
        name="SHORT_SALE_RESTRICTED",
        meaning="While Rule 201 is in force, a short sale has a limit above the national best bid.",
        of_slices=True,
        controls=(f"{_REG_SHO}, Rule 201", _RULES_OF_ENTRY),
        parameters=(
            Parameter(
                name="in_force",
                unit=Unit.YES_NO,
                meaning="whether the restriction is in force",
                default=False,
            ),
        ),
    ),
    RuleSpec(
        name="BUYING_POWER_EXCEEDED",
        meaning="Positions, open orders and this order are within the account's buying power.",
        of_slices=True,
        watched=Watched.ACCOUNT,
        controls=(_CREDIT,),
        parameters=(_dollars("buying_power", "dollars of positions at cost and of what open orders open"),),
        required=True,
    ),
    RuleSpec(
        name="FIRM_CREDIT_EXCEEDED",
        meaning="All accounts of the firm together are within its credit.",
        of_slices=True,
        watched=Watched.FIRM,
        controls=(_CREDIT,),
        needs="credit",
        parameters=(_dollars("credit", "dollars of positions at cost and open orders, of the whole firm"),),
    ),
    RuleSpec(
        name="DAILY_LOSS_EXCEEDED",
        meaning="Who opens a position has lost no more today than the limit, positions at their marks.",
        of_slices=True,
        controls=(_CREDIT,),
        parameters=(
            _dollars("loss_max", "dollars that the account may lose in a day"),
            _dollars("firm_loss_max", "dollars that all accounts of the firm may lose together in a day"),
        ),
    ),
    RuleSpec(
        name="DRAWDOWN_EXCEEDED",
        meaning="Who opens a position has lost no more than the limit since the best moment of the day.",
        of_slices=True,
        controls=(_CREDIT,),
        needs="drawdown_max",
        parameters=(_dollars("drawdown_max", "dollars that the account may lose from the day's peak"),),
    ),
    RuleSpec(
        name="GROSS_EXPOSURE_EXCEEDED",
        meaning="Long and short positions at their marks, with this order, are within the limit.",
        of_slices=True,
        watched=Watched.ACCOUNT,
        controls=(_CREDIT,),
        needs="gross_max",
        parameters=(_dollars("gross_max", "dollars, long and short together"),),
    ),
    RuleSpec(
        name="NET_EXPOSURE_EXCEEDED",
        meaning="Long less short positions at their marks, with this order, are within the limit either way.",
        of_slices=True,
        watched=Watched.ACCOUNT,
        controls=(_CREDIT,),
        needs="net_max",
        parameters=(_dollars("net_max", "dollars, long less short, either way"),),
    ),
    RuleSpec(
        name="SYMBOL_EXPOSURE_EXCEEDED",
        meaning="The position in the symbol, with this order and the open ones, is within the limit.",
        of_slices=True,
        watched=Watched.SYMBOL,
        controls=(_CREDIT,),
        needs="symbol_max",
        parameters=(_dollars("symbol_max", "dollars in one symbol, either way"),),
    ),
    RuleSpec(
        name="SECTOR_EXPOSURE_EXCEEDED",
        meaning="Positions in the sector at their marks, with this order, are within the limit.",
        of_slices=True,
        watched=Watched.SECTOR,
        controls=(_CREDIT,),
        needs="sector_max",
        parameters=(_dollars("sector_max", "dollars in one sector, long and short together"),),
    ),
    RuleSpec(
        name="SELF_CROSS",
        meaning="The order cannot trade with another open order of its account.",
        controls=(_WASH,),
        parameters=(
            Parameter(
                name="prevented", unit=Unit.YES_NO, meaning="whether own orders may not cross", default=True
            ),
        ),
    ),
    RuleSpec(
        name="DUPLICATE_ORDER",
        meaning="The same order has not been sent too often in a short time.",
        controls=(_ERRONEOUS,),
        needs="repeats_max",
        parameters=(
            Parameter(
                name="repeats_max",
                unit=Unit.COUNT,
                meaning="orders that are the same in symbol, side, type, quantity and price",
                least=1,
                most=REPEATS_MAX,
            ),
            _window("in so many seconds"),
        ),
    ),
    RuleSpec(
        name="ORDER_RATE_EXCEEDED",
        meaning="The account does not send new orders too fast.",
        controls=(_ERRONEOUS,),
        needs="orders_max",
        parameters=(
            Parameter(name="orders_max", unit=Unit.COUNT, meaning="new orders", least=1),
            _window("in so many seconds"),
        ),
        at_venue=AtVenue(
            meaning="The account's orders (35=D) do not leave for the venue too fast.", needs="orders_max"
        ),
    ),
    RuleSpec(
        name="MESSAGE_RATE_EXCEEDED",
        meaning="The account does not send new orders and replaces too fast.",
        controls=(_ERRONEOUS,),
        needs="messages_max",
        parameters=(
            Parameter(name="messages_max", unit=Unit.COUNT, meaning="requests of every kind", least=1),
            _window("in so many seconds"),
        ),
        at_venue=AtVenue(
            meaning="The account's orders and new prices (35=D, 35=G) do not leave for the venue too fast.",
            needs="messages_max",
        ),
    ),
    RuleSpec(
        name="CANCEL_TO_FILL_EXCEEDED",
        meaning="Who sends a new order has not canceled and replaced too much for what the account traded.",
        controls=(_ERRONEOUS,),
        needs="ratio_max",
        parameters=(
            Parameter(
                name="ratio_max", unit=Unit.COUNT, meaning="cancels and replaces for each fill", least=1
            ),
            Parameter(name="free", unit=Unit.COUNT, meaning="and so many in any case", least=0, default=20),
            Parameter(
                name="window_s",
                unit=Unit.SECONDS,
                meaning="in so many seconds",
                least=1,
                most=WINDOW_S_MAX,
                default=WINDOW_S_MAX,
            ),
        ),
    ),
    RuleSpec(
        name="CHILDREN_EXCEEDED",
        meaning="An order has not sent more venue orders than one may; then no route of it is asked for.",
        controls=(_ERRONEOUS,),
        needs="children_max",
        parameters=(
            Parameter(
                name="children_max",
                unit=Unit.COUNT,
                meaning="venue orders of one order, those that are over included",
                least=CHILDREN_MAX_LEAST,
            ),
        ),
    ),
    RuleSpec(
        name="OPEN_ORDERS_EXCEEDED",
        meaning="The account has no more orders open than it may.",
        controls=(_ERRONEOUS,),
        needs="open_max",
        parameters=(Parameter(name="open_max", unit=Unit.COUNT, meaning="orders open at once", least=1),),
        at_venue=AtVenue(
            meaning="The account has no more orders at the venue than it may.", needs="open_max"
        ),
    ),
)
SPEC_OF: Final[Mapping[str, RuleSpec]] = {spec.name: spec for spec in RULE_SPECS}
# Those that may be set for a venue: the router and the last gate hold each order that is sent there to them.
RULES_AT_VENUES: Final = tuple(spec.name for spec in RULE_SPECS if spec.at_venue is not None)
# Of two parameters of one scope, the first must not be above the second: no order could reach it.
NOT_ABOVE: Final = (
    (("ORDER_NOTIONAL_EXCEEDS_MAX", "notional_max"), ("BUYING_POWER_EXCEEDED", "buying_power")),
    (("BUYING_POWER_EXCEEDED", "buying_power"), ("FIRM_CREDIT_EXCEEDED", "credit")),
    (("DAILY_LOSS_EXCEEDED", "loss_max"), ("DAILY_LOSS_EXCEEDED", "firm_loss_max")),
    (("SYMBOL_EXPOSURE_EXCEEDED", "symbol_max"), ("SECTOR_EXPOSURE_EXCEEDED", "sector_max")),
    (("SECTOR_EXPOSURE_EXCEEDED", "sector_max"), ("GROSS_EXPOSURE_EXCEEDED", "gross_max")),
    (("NET_EXPOSURE_EXCEEDED", "net_max"), ("GROSS_EXPOSURE_EXCEEDED", "gross_max")),
)


class RuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is set of a rule for a scope; None and parameters that are not there come from wider scopes.

    parameters: inside units, dollars in micros.
    """

    rule: str
    scope: Scope
    mode: Mode | None = None
    severity: Severity | None = None
    on_missing: OnMissing | None = None
    parameters: Mapping[str, Value] = {}


class UnreadableRuleError(ValueError):
    """A row that cannot be one. field: what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self.field = field
        self.message = message


def read_parameter(parameter: Parameter, given: object) -> Value:
    """Return a parameter's value in its inside unit. Raises UnreadableRuleError."""
    name = f"parameters.{parameter.name}"
    if parameter.unit is Unit.YES_NO:
        if not isinstance(given, bool):
            raise UnreadableRuleError(name, f"must be true or false, was {given!r}")
        return given
    if parameter.unit is Unit.CHOICE:
        if not isinstance(given, str) or given not in parameter.choices:
            raise UnreadableRuleError(name, f"must be one of {', '.join(parameter.choices)}, was {given!r}")
        return given
    number = _micros(name, given) if parameter.unit is Unit.DOLLARS else given
    if isinstance(number, bool) or not isinstance(number, int):
        raise UnreadableRuleError(name, f"must be a whole number of {parameter.unit.value}, was {given!r}")
    if not parameter.least <= number <= parameter.most:
        least, most = (
            shown_value(parameter.unit, parameter.least),
            shown_value(parameter.unit, parameter.most),
        )
        raise UnreadableRuleError(
            name,
            f"must be {least} to {most} {parameter.unit.value}, was {shown_value(parameter.unit, number)}",
        )
    return number


def _micros(name: str, given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int | str):
        raise UnreadableRuleError(name, f"must be dollars as decimal text or a whole number, was {given!r}")
    try:
        dollars = Decimal(given)
    except InvalidOperation:
        raise UnreadableRuleError(name, f"must be dollars as decimal text, was {given!r}") from None
    # Before any arithmetic: one with a great exponent, either way, is no number that can be reckoned with.
    if not dollars.is_finite() or abs(dollars) > 10 * DOLLARS_MAX or dollars != round(dollars, 6):
        raise UnreadableRuleError(name, f"must be dollars with at most six decimals, was {given!r}")
    return int(dollars * MICROS)


def shown_value(unit: Unit, value: object) -> str:
    """Return a value as people write it: dollars as decimal text, yes and no."""
    if unit is _DOLLARS and isinstance(value, int):
        if value < 0:
            return "-" + shown_value(unit, -value)
        whole, part = divmod(value, MICROS)
        if not part:
            return f"{whole}.00"
        cents, rest = divmod(part, _CENT)
        return f"{whole}.{part:06}".rstrip("0") if rest else f"{whole}.{cents:02}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def outside(spec: RuleSpec, parameters: Mapping[str, Value]) -> dict[str, Value]:
    """Return parameters as they are stored and said outside: dollars as decimal text."""
    units = {one.name: one.unit for one in spec.parameters}
    return {
        name: shown_value(Unit.DOLLARS, value) if units.get(name) is Unit.DOLLARS else value
        for name, value in parameters.items()
    }


def read_row(
    rule: str,
    scope: Scope,
    *,
    mode: str | None,
    severity: str | None,
    on_missing: str | None,
    parameters: Mapping[str, object],
) -> RuleRow:
    """Return a row as it is given at a door, or stored. Raises UnreadableRuleError."""
    spec = SPEC_OF.get(rule)
    if spec is None:
        raise UnreadableRuleError("rule", f"must be one of {', '.join(SPEC_OF)}, was {rule!r}")
    if spec.facts:
        raise UnreadableRuleError("rule", f"{rule} states a fact, and nothing of it can be set")
    if scope.venue and spec.at_venue is None:
        raise UnreadableRuleError(
            "scope",
            f"must not name a venue: {rule} is checked before one is chosen."
            f" Rules that may: {', '.join(RULES_AT_VENUES)}",
        )
    found: dict[str, Value] = {}
    for name, given in parameters.items():
        parameter = spec.parameter(name)
        if parameter is None:
            known = ", ".join(one.name for one in spec.parameters)
            raise UnreadableRuleError(f"parameters.{name}", f"is none of {rule}: {known}")
        found[name] = read_parameter(parameter, given)
    row = RuleRow(
        rule=rule,
        scope=scope,
        mode=_member(Mode, "mode", mode),
        severity=_member(Severity, "severity", severity),
        on_missing=_member(OnMissing, "onMissing", on_missing),
        parameters=found,
    )
    if row.mode is None and row.severity is None and row.on_missing is None and not found:
        raise UnreadableRuleError(
            "parameters", "must set something: a parameter, mode, severity or onMissing"
        )
    if scope.venue and spec.at_venue is not None:
        _require_at_venue(row, spec.at_venue)
    return row


def _require_at_venue(row: RuleRow, at_venue: AtVenue) -> None:
    """Raise UnreadableRuleError for what nobody can hold an order at a venue to."""
    if row.severity not in (None, Severity.HARD):
        raise UnreadableRuleError(
            "severity", f"must be HARD at a venue: nobody is asked there, was {row.severity.value!r}"
        )
    if row.on_missing is not None:
        raise UnreadableRuleError("onMissing", "must not be set at a venue: nothing is missing there")
    given = row.parameters.get(at_venue.needs)
    if at_venue.choices and given is not None and given not in at_venue.choices:
        raise UnreadableRuleError(
            f"parameters.{at_venue.needs}",
            f"must be one of {', '.join(at_venue.choices)} at a venue, was {given!r}",
        )


def _member(kind: type[MemberT], field: str, given: str | None) -> MemberT | None:
    if given is None:
        return None
    try:
        return kind(given)
    except ValueError:
        known = ", ".join(str(one.value) for one in kind)
        raise UnreadableRuleError(field, f"must be one of {known}, was {given!r}") from None


class Contradiction(msgspec.Struct, frozen=True, kw_only=True):
    """Two parameters, (rule, name) each: the first is above the second, and no order could reach it."""

    first: tuple[str, str]
    second: tuple[str, str]
    message: str

    def of(self, rule: str) -> str:
        """Return which parameter of a rule is one of the two, empty for none."""
        return next((name for owner, name in (self.first, self.second) if owner == rule), "")


def contradiction(rows: Iterable[RuleRow]) -> Contradiction | None:
    """Return what contradicts itself among rows of one scope, None for nothing."""
    values = {(row.rule, name): value for row in rows for name, value in row.parameters.items()}
    for first, second in NOT_ABOVE:
        small, large = values.get(first), values.get(second)
        if isinstance(small, int) and isinstance(large, int) and small > large:
            shown = shown_value(Unit.DOLLARS, small), shown_value(Unit.DOLLARS, large)
            message = (
                f"must not be so: {first[1]} of {first[0]} is {shown[0]}, above {second[1]} of {second[0]},"
                f" {shown[1]}"
            )
            return Contradiction(first=first, second=second, message=message)
    return None
