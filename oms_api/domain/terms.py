"""The terms of an order as a client states them: every wrong field is found and named, nothing is guessed.

Prices are exact decimals on the grid that the market's rules give the instrument today; a quantity is a
whole number of shares.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from oms_api.domain.algo_terms import algo_problem, read_algo
from oms_api.domain.decimals import price_problem, read_decimal
from oms_api.domain.order_times import EXPIRY_FIELDS, auction_problem, read_expiry
from oms_api.domain.peg_terms import read_peg
from oms_api.domain.refusal import FieldProblem, short, shown
from oms_platform.exceptions import BOOKING_CHANNEL
from oms_platform.kill_switches import CLOSING_CHANNEL
from oms_platform.market_rules import Ticks
from oms_platform.order_types import BOUNDED, LIMITED, STOPS, Unfit, force_problem, instructions_of, unfit
from oms_platform.prices import micros_of
from oms_platform.trading_calendar import Calendar
from oms_platform.vocabulary import OrderCapacity, OrderTerms, OrderType, Routing, Side, Tag, TimeInForce

QUANTITY_MAX: Final = 2**31 - 1
CLIENT_ORDER_ID_LENGTH_MAX: Final = 64
PRINCIPAL_LENGTH_MAX: Final = 256
_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CHANNEL: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")

FIELDS: Final = frozenset(
    (
        "clientOrderId",
        "accountId",
        "symbol",
        "side",
        "orderType",
        "quantity",
        "minQuantity",
        "limitPrice",
        "stopPrice",
        "timeInForce",
        *EXPIRY_FIELDS,
        "routing",
        "capacity",
        "tags",
        "locateId",
        "displayQty",
        "postOnly",
        "algo",
        "peg",
        "basketId",
    )
)
_SIDES: Final = {member.name: member for member in Side}
_ORDER_TYPES: Final = {member.name: member for member in OrderType}
_TIMES_IN_FORCE: Final = {member.name: member for member in TimeInForce}
_CAPACITIES: Final = {member.name: member for member in OrderCapacity}
NO_ROUTING: Final = Routing()
ROUTING_FIELDS: Final = ("profile", "avoid", "prefer")
VENUES_NAMED_MAX: Final = 32
TAGS_MAX: Final = 16
TAG_NAME_LENGTH_MAX: Final = 32
TAG_TEXT_LENGTH_MAX: Final = 128
LOCATE_ID_LENGTH_MAX: Final = 64
ChoiceT = TypeVar("ChoiceT", bound=Enum)


class Known(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a request may name: symbols with their prices' grid, the caller's accounts, profiles, venues.

    calendar_of: of a symbol, None where it has none that is known. round_lot_of: the shares of a round lot of
    a known symbol at a price in micros.
    """

    ticks_of: Callable[[str], Ticks | None]
    round_lot_of: Callable[[str, int], int]
    account_exists: Callable[[str], bool]
    profile_exists: Callable[[str], bool]
    venue_exists: Callable[[str], bool]
    calendar_of: Callable[[str], Calendar | None] = lambda _symbol: None


def principal_problem(subject: str) -> FieldProblem | None:
    """Return what is wrong with a caller's name, which is stored with what it asks for, or None."""
    if 0 < len(subject) <= PRINCIPAL_LENGTH_MAX and subject.isprintable():
        return None
    return FieldProblem(
        field="principal",
        message=f"must be 1 to {PRINCIPAL_LENGTH_MAX} printable characters, was {shown(subject)}",
    )


def channel_problem(channel: str) -> FieldProblem | None:
    """Return what is wrong with a channel's name, or None."""
    if channel == BOOKING_CHANNEL:
        return FieldProblem(field="X-OMS-Channel", message=f"must not be {channel}, which records bookings")
    if channel == CLOSING_CHANNEL:
        return FieldProblem(field="X-OMS-Channel", message=f"must not be {channel}, which closes positions")
    if _CHANNEL.fullmatch(channel):
        return None
    return FieldProblem(
        field="X-OMS-Channel", message=f"must be 1 to 32 of A-Z, a-z, 0-9, _ and -, was {shown(channel)}"
    )


def read_terms(
    content: Mapping[str, object], *, channel: str, principal: str, known: Known
) -> OrderTerms | tuple[FieldProblem, ...]:
    """Check decoded JSON, numbers with a fraction as Decimal. Returns the terms, or every problem found.

    What it returns can be stored: numbers fit their columns, and every text is printable.
    """
    problems: list[FieldProblem] = []
    if not FIELDS.issuperset(content):
        problems += [
            FieldProblem(field=shown(name).strip('"'), message="is not a field of an order")
            for name in content
            if name not in FIELDS
        ]
    wrong_channel = channel_problem(channel)
    if wrong_channel is not None:
        problems.append(wrong_channel)
    client_order_id = _client_order_id(content, problems)
    account_id = _known(content, "accountId", "account", known.account_exists, problems)
    symbol = _known(content, "symbol", "symbol", lambda name: known.ticks_of(name) is not None, problems)
    side = _one_of(content, "side", _SIDES, None, problems)
    order_type = _one_of(content, "orderType", _ORDER_TYPES, None, problems)
    quantity = read_quantity(content.get("quantity"), "quantity", problems)
    min_quantity = _min_quantity(content, quantity, problems)
    ticks = known.ticks_of(symbol) if symbol else None
    limit_price = _price(content, "limitPrice", LIMITED, order_type, ticks, problems, also=BOUNDED)
    stop_price = _price(content, "stopPrice", STOPS, order_type, ticks, problems)
    time_in_force = _one_of(content, "timeInForce", _TIMES_IN_FORCE, TimeInForce.DAY, problems)
    calendar = known.calendar_of(symbol) if symbol else None
    expire_at, wrong_expiry = read_expiry(content, time_in_force, calendar, required=True)
    problems += wrong_expiry
    if time_in_force is not None and calendar is not None:
        no_auction = auction_problem(time_in_force, calendar)
        problems += [] if no_auction is None else [no_auction]
    if order_type is not None and time_in_force is not None:
        field, problem = force_problem(order_type, time_in_force)
        if problem:
            _wrong(problems, field, problem)
    routing = read_routing(content.get("routing"), known, problems)
    capacity = None
    if content.get("capacity") is not None:
        capacity = _one_of(content, "capacity", _CAPACITIES, None, problems)
    tags = _tags(content.get("tags"), problems)
    locate_id = _locate_id(content.get("locateId"), problems)
    display_quantity = read_display_quantity(content.get("displayQty"), problems)
    post_only = _flag(content, "postOnly", problems)
    algo = read_algo(content.get("algo"), problems)
    peg = read_peg(content.get("peg"), problems)
    basket_id = _basket_id(content.get("basketId"), problems)
    if problems or side is None or order_type is None or time_in_force is None:
        return tuple(problems)
    terms = OrderTerms(
        account_id=account_id,
        channel=channel,
        client_order_id=client_order_id,
        principal=principal,
        symbol=symbol,
        side=side,
        order_type=order_type,
        quantity=quantity,
        limit_price_micros=None if limit_price is None else micros_of(limit_price),
        stop_price_micros=None if stop_price is None else micros_of(stop_price),
        time_in_force=time_in_force,
        expire_at=expire_at,
        min_quantity=min_quantity,
        routing=None if routing == NO_ROUTING else routing,
        capacity=capacity,
        tags=tags,
        locate_id=locate_id,
        display_quantity=display_quantity,
        post_only=post_only,
        algo=algo,
        peg=peg,
        basket_id=basket_id,
    )
    limit = terms.limit_price_micros
    round_lot = 1 if limit is None else known.round_lot_of(symbol, limit)
    wrong = [fit_problem(one) for one in unfit(instructions_of(terms, round_lot))]
    if (of_algo := algo_problem(terms)) is not None:
        wrong.append(of_algo)
    return tuple(wrong) or terms


def fit_problem(one: Unfit) -> FieldProblem:
    """Return what does not go together as the problem of its field."""
    return FieldProblem(field=one.field, message=f"must be {one.expected}, was {short(one.found)}")


def read_display_quantity(value: object, problems: list[FieldProblem], *, least: int = 1) -> int:
    """Check the shares that are shown at once, 0 for all; what is wrong goes into `problems`."""
    if value is None:
        return 0
    if type(value) is not int or not least <= value <= QUANTITY_MAX:
        message = f"must be a whole number of shares from {least} to {QUANTITY_MAX}, was {shown(value)}"
        _wrong(problems, "displayQty", message)
        return 0
    return value


def _flag(content: Mapping[str, object], field: str, problems: list[FieldProblem]) -> bool:
    value = content.get(field)
    if value is not None and not isinstance(value, bool):
        _wrong(problems, field, f"must be true or false, was {shown(value)}")
    return value is True


def _locate_id(value: object, problems: list[FieldProblem]) -> str:
    """Check a locate's id, which goes to venues: ASCII that is printable, and no space at its ends."""
    if value is None:
        return ""
    if (
        isinstance(value, str)
        and 0 < len(value) <= LOCATE_ID_LENGTH_MAX
        and value.isascii()
        and value.isprintable()
        and value == value.strip()
    ):
        return value
    message = (
        f"must be 1 to {LOCATE_ID_LENGTH_MAX} printable ASCII characters, no space at its ends,"
        f" was {shown(value)}"
    )
    _wrong(problems, "locateId", message)
    return ""


def _tags(value: object, problems: list[FieldProblem]) -> tuple[Tag, ...]:
    """Check a client's own words, name to text. Returns them by name."""
    if value is None:
        return ()
    if not isinstance(value, Mapping) or len(value) > TAGS_MAX:
        found = f"{len(value)} of them" if isinstance(value, Mapping) else shown(value)
        _wrong(problems, "tags", f"must be an object of at most {TAGS_MAX} names and texts, was {found}")
        return ()
    for name, text in value.items():
        if not 0 < len(name) <= TAG_NAME_LENGTH_MAX or not name.isprintable():
            bounds = f"must be named by 1 to {TAG_NAME_LENGTH_MAX} printable characters"
            _wrong(problems, "tags", f"{bounds}, was {shown(name)}")
        elif not isinstance(text, str) or not 0 < len(text) <= TAG_TEXT_LENGTH_MAX or not text.isprintable():
            bounds = f"must be a text of 1 to {TAG_TEXT_LENGTH_MAX} printable characters"
            _wrong(problems, f"tags.{name}", f"{bounds}, was {shown(text)}")
    return tuple(Tag(name=str(name), text=str(text)) for name, text in sorted(value.items()))


def _basket_id(value: object, problems: list[FieldProblem]) -> str:
    if value is None:
        return ""
    problem = (
        client_order_id_problem(value) if isinstance(value, str) else f"must be a text, was {shown(value)}"
    )
    if problem is not None:
        _wrong(problems, "basketId", problem)
        return ""
    return str(value)


def read_routing(value: object, known: Known, problems: list[FieldProblem]) -> Routing:
    """Check routing preferences; what is wrong goes into `problems`."""
    if value is None:
        return NO_ROUTING
    if not isinstance(value, Mapping):
        _wrong(problems, "routing", f"must be an object, was {shown(value)}")
        return NO_ROUTING
    for name in value:
        if name not in ROUTING_FIELDS:
            _wrong(problems, f"routing.{shown(name).strip(chr(34))}", "is not a field of routing")
    profile = value.get("profile", "")
    if profile is None:
        profile = ""
    if not isinstance(profile, str) or (profile and not known.profile_exists(profile)):
        _wrong(problems, "routing.profile", f"unknown routing profile {shown(profile)}")
        profile = ""
    avoid = _venues(value, "avoid", known, problems)
    prefer = _venues(value, "prefer", known, problems)
    both = sorted({*avoid} & {*prefer})
    if both:
        _wrong(problems, "routing.prefer", f"must not name what is to be avoided: {', '.join(both)}")
    return Routing(profile=profile, avoid=avoid, prefer=prefer)


def _venues(
    value: Mapping[str, object], field: str, known: Known, problems: list[FieldProblem]
) -> tuple[str, ...]:
    names = value.get(field)
    if names is None:
        return ()
    if not isinstance(names, list) or len(names) > VENUES_NAMED_MAX:
        _wrong(problems, f"routing.{field}", f"must be a list of at most {VENUES_NAMED_MAX} venues")
        return ()
    unknown = [name for name in names if not isinstance(name, str) or not known.venue_exists(name)]
    if unknown:
        _wrong(problems, f"routing.{field}", f"unknown venue {shown(unknown[0])}")
        return ()
    return tuple(sorted(set(names)))


def _wrong(problems: list[FieldProblem], field: str, message: str) -> None:
    problems.append(FieldProblem(field=field, message=message))


def _text(content: Mapping[str, object], field: str, problems: list[FieldProblem]) -> str:
    value = content.get(field)
    if isinstance(value, str) and value:
        return value
    _wrong(problems, field, "is required" if value is None else f"must be a text, was {shown(value)}")
    return ""


def client_order_id_problem(text: str) -> str | None:
    """Return what is wrong with a client's own id of an order or a request, or None."""
    if not 0 < len(text) <= CLIENT_ORDER_ID_LENGTH_MAX or not text.isprintable():
        return f"must be 1 to {CLIENT_ORDER_ID_LENGTH_MAX} printable characters, was {shown(text)}"
    if not text.isascii() and unicodedata.normalize("NFKC", text) != text:
        # Two ids that look alike would be two orders.
        return f"must be in Unicode's form NFKC, was {shown(text)}"
    if text != text.strip():
        return f"must not begin or end with a space, was {shown(text)}"
    return None


def _client_order_id(content: Mapping[str, object], problems: list[FieldProblem]) -> str:
    text = _text(content, "clientOrderId", problems)
    problem = client_order_id_problem(text) if text else None
    if problem is not None:
        _wrong(problems, "clientOrderId", problem)
    return text


def _known(
    content: Mapping[str, object],
    field: str,
    noun: str,
    exists: Callable[[str], bool],
    problems: list[FieldProblem],
) -> str:
    text = _text(content, field, problems)
    if text and not exists(text):
        _wrong(problems, field, f"unknown {noun} {shown(text)}")
        return ""
    return text


def _one_of(
    content: Mapping[str, object],
    field: str,
    allowed: Mapping[str, ChoiceT],
    default: ChoiceT | None,
    problems: list[FieldProblem],
) -> ChoiceT | None:
    value = content.get(field)
    if value is None and default is not None:
        return default
    if isinstance(value, str) and value in allowed:
        return allowed[value]
    if value is None:
        _wrong(problems, field, "is required")
    else:
        _wrong(problems, field, f"must be one of {', '.join(allowed)}, was {shown(value)}")
    return None


def read_quantity(value: object, field: str, problems: list[FieldProblem]) -> int:
    """Check a number of shares; 0 when it is wrong, and that is among the problems."""
    if value is None:
        _wrong(problems, field, "is required")
    elif type(value) is not int or value <= 0:
        _wrong(problems, field, f"must be a whole number of shares above 0, was {shown(value)}")
    elif value > QUANTITY_MAX:
        _wrong(problems, field, f"must be at most {QUANTITY_MAX} shares, was {shown(value)}")
    else:
        return value
    return 0


def _min_quantity(content: Mapping[str, object], quantity: int, problems: list[FieldProblem]) -> int:
    value = content.get("minQuantity")
    if value is None:
        return 0
    if type(value) is not int or value <= 0:
        _wrong(problems, "minQuantity", f"must be a whole number of shares above 0, was {shown(value)}")
        return 0
    if quantity and value > quantity:
        _wrong(problems, "minQuantity", f"must be at most the quantity {quantity}, was {shown(value)}")
        return 0
    return value


def _price(
    content: Mapping[str, object],
    field: str,
    kinds: frozenset[OrderType],
    order_type: OrderType | None,
    ticks: Ticks | None,
    problems: list[FieldProblem],
    also: frozenset[OrderType] = frozenset(),
) -> Decimal | None:
    """Check a price that orders of these kinds have, and those of `also` may have."""
    value = content.get(field)
    if value is None:
        if order_type in kinds:
            _wrong(problems, field, f"is required for a {order_type.name} order")
        return None
    if order_type is not None and order_type not in kinds | also:
        _wrong(problems, field, f"must be left out of a {order_type.name} order, was {shown(value)}")
        return None
    return read_price(value, field, ticks, problems)


def read_price(
    value: object, field: str, ticks: Ticks | None, problems: list[FieldProblem]
) -> Decimal | None:
    """Check a price in dollars; None when it is wrong, and that is among the problems."""
    price = read_decimal(value)
    problem = "must be a decimal number of dollars" if price is None else price_problem(price, ticks)
    if problem:
        _wrong(problems, field, f"{problem}, was {shown(value)}")
        return None
    return price


def read_id(text: object) -> UUID | None:
    """Read an id in the one form in which ids are written: 36 characters of hexadecimal digits and dashes."""
    return UUID(text) if isinstance(text, str) and _ID.fullmatch(text) else None
