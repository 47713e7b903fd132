"""What clients send on the WebSocket; docs/asyncapi.yaml says the same to them.

The law of this file: a message is read whole or refused in words, and what is refused is not told back at
length.
"""

import enum
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from oms_api.domain.order_requests import RequestKind, Selection
from oms_api.domain.refusal import FieldProblem, Refusal, invalid, shown
from oms_api.domain.terms import read_id
from oms_api.entrypoints.http_door import CHANNEL_DEFAULT, decode_object
from oms_api.entrypoints.request_fields import read_content
from oms_api.entrypoints.selections import SelectionQuery, selection_of

ACCOUNTS_MAX: Final = 1_000
SYMBOLS_MAX: Final = 1_000
ID_CHARACTERS_MAX: Final = 64
SEQUENCE_MAX: Final = 2**31 - 1
EPOCH_CHARACTERS_MAX: Final = 64
# So many wrong fields are named.
PROBLEMS_MAX: Final = 20


class StreamChannel(enum.Enum):
    """What a client may listen to: each event of orders and executions, and how the others stand."""

    ORDERS = "orders"
    EXECUTIONS = "executions"
    POSITIONS = "positions"
    QUOTES = "quotes"
    ALERTS = "alerts"


# Channels of an account's events, and those of accounts.
OF_EVENTS: Final = frozenset((StreamChannel.ORDERS, StreamChannel.EXECUTIONS))
OF_ACCOUNTS: Final = OF_EVENTS | {StreamChannel.POSITIONS}
Channels = frozenset[StreamChannel]


class Auth(msgspec.Struct, frozen=True):
    """A token to go on with."""

    token: str


class Subscribe(msgspec.Struct, frozen=True):
    """Channels to listen to, of accounts and of symbols.

    since: the last sequence that the client has of some accounts. epoch: of that, if known. snapshot: each
    account's open orders and newest executions come first.
    """

    channels: Channels
    accounts: list[str]
    symbols: list[str]
    since: dict[str, int]
    epoch: str = ""
    snapshot: bool = False


class Unsubscribe(msgspec.Struct, frozen=True):
    """Channels to listen to no more, of accounts and of symbols."""

    channels: Channels
    accounts: list[str]
    symbols: list[str]


class Place(msgspec.Struct, frozen=True):
    """An order. request_id: the client's, which the answer has. content: as REST's body."""

    request_id: str
    channel: str
    content: dict[str, object]


class Cancel(msgspec.Struct, frozen=True):
    """An order to cancel. request_id: the client's, which the answer has. channel: may be empty."""

    request_id: str
    channel: str
    order_id: UUID


class Change(msgspec.Struct, frozen=True):
    """An order to replace, suspend or resume. request_id, channel: as of a cancel.

    content: of a replace, as REST's body. key: the request's own id, or empty. sequence: the change is made
    only of the order as it was then.
    """

    request_id: str
    channel: str
    order_id: UUID
    kind: RequestKind
    key: str = ""
    content: dict[str, object] = {}
    sequence: int | None = None


class ChangeMany(msgspec.Struct, frozen=True):
    """Orders to cancel, suspend or resume."""

    request_id: str
    channel: str
    kind: RequestKind
    selection: Selection
    key: str = ""


class PlaceMany(msgspec.Struct, frozen=True):
    """Orders. content: as REST's body of a batch."""

    request_id: str
    channel: str
    content: dict[str, object]


class Ping(msgspec.Struct, frozen=True):
    """Asks for a pong."""


# What is asked about orders: each is counted by its caller's rate, and answered by its id.
OrderMessage = Place | Cancel | Change | ChangeMany | PlaceMany
Message = Auth | Subscribe | Unsubscribe | Ping | OrderMessage
CHANGES: Final = {
    "replace": RequestKind.REPLACE,
    "suspend": RequestKind.SUSPEND,
    "resume": RequestKind.RESUME,
}
CHANGES_OF_MANY: Final = {
    "cancelOrders": RequestKind.CANCEL,
    "suspendOrders": RequestKind.SUSPEND,
    "resumeOrders": RequestKind.RESUME,
}
TYPES: Final = (
    "auth", "subscribe", "unsubscribe", "place", "placeOrders", "cancel", *CHANGES, *CHANGES_OF_MANY, "ping",
)  # fmt: skip


def read_message(text: str | bytes) -> Message | Refusal:
    """Read what a client sent. Returns a refusal that says what was wrong."""
    message = decode_object(text.encode() if isinstance(text, str) else text, "the message")
    if isinstance(message, Refusal):
        return message
    match message.get("type"):
        case "auth":
            return _read_auth(message)
        case "subscribe":
            return read_subscription(message)
        case "unsubscribe":
            return _read_unsubscription(message)
        case "place":
            return _read_place(message)
        case "cancel":
            return _read_cancel(message)
        case "placeOrders":
            return _read_place_many(message)
        case str(kind) if kind in CHANGES:
            return _read_change(message, CHANGES[kind])
        case str(kind) if kind in CHANGES_OF_MANY:
            return _read_change_many(message, CHANGES_OF_MANY[kind])
        case "ping":
            return Ping()
        case other:
            return _invalid(
                [FieldProblem(field="type", message=f"must be one of {', '.join(TYPES)}, was {shown(other)}")]
            )


def _invalid(problems: list[FieldProblem]) -> Refusal:
    more = len(problems) - PROBLEMS_MAX
    if more > 0:
        problems = [*problems[:PROBLEMS_MAX], FieldProblem(field="", message=f"and {more} more")]
    return invalid(*problems)


def _read_auth(message: Mapping[str, object]) -> Auth | Refusal:
    token = message.get("token")
    if isinstance(token, str) and token:
        return Auth(token)
    return _invalid([FieldProblem(field="token", message="must be a bearer token")])


def _read_names(
    message: Mapping[str, object], field: str, names_max: int, problems: list[FieldProblem]
) -> list[str]:
    """Read a list of names that is there, or has to be left out: an empty one is neither."""
    names = message.get(field)
    if field not in message:
        return []
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        problems.append(FieldProblem(field=field, message=f"must be a list of {field}, was {shown(names)}"))
        return []
    if len(names) > names_max:
        problems.append(FieldProblem(field=field, message=f"must be at most {names_max}"))
    return list(dict.fromkeys(names))


def _read_channels(message: Mapping[str, object], problems: list[FieldProblem]) -> Channels:
    """Read the channels; left out they are those of orders, or of quotes where only symbols are named."""
    names = message.get("channels")
    if "channels" not in message:
        only_symbols = "symbols" in message and "accounts" not in message
        return frozenset((StreamChannel.QUOTES if only_symbols else StreamChannel.ORDERS,))
    known = {channel.value: channel for channel in StreamChannel}
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        problems.append(
            FieldProblem(field="channels", message=f"must be a list of channels, was {shown(names)}")
        )
        return frozenset()
    for name in names:
        if name not in known:
            allowed = ", ".join(known)
            problems.append(
                FieldProblem(field="channels", message=f"must be of {allowed}, was {shown(name)}")
            )
    return frozenset(known[name] for name in names if name in known)


def _misnamed(
    channels: Channels, accounts: list[str], symbols: list[str], problems: list[FieldProblem]
) -> None:
    """Say which names a message lacks for its channels, and which are of none of them."""
    for field, found, wanted in (
        ("accounts", accounts, bool(channels & OF_ACCOUNTS)),
        ("symbols", symbols, StreamChannel.QUOTES in channels),
    ):
        if wanted and not found and not any(problem.field == field for problem in problems):
            problems.append(FieldProblem(field=field, message=f"must be a list of {field}, was null"))
        if found and not wanted and channels:
            problems.append(FieldProblem(field=field, message="are of none of the channels"))


def read_subscription(message: Mapping[str, object]) -> Subscribe | Refusal:
    """Check a subscribe message."""
    problems: list[FieldProblem] = []
    channels = _read_channels(message, problems)
    accounts = _read_names(message, "accounts", ACCOUNTS_MAX, problems)
    symbols = _read_names(message, "symbols", SYMBOLS_MAX, problems)
    _misnamed(channels, accounts, symbols, problems)
    since = _read_since(message, accounts, problems)
    epoch, snapshot = message.get("epoch", ""), message.get("snapshot", False)
    if not isinstance(epoch, str) or len(epoch) > EPOCH_CHARACTERS_MAX:
        problems.append(FieldProblem(field="epoch", message=f"must be a known epoch, was {shown(epoch)}"))
    if not isinstance(snapshot, bool):
        problems.append(
            FieldProblem(field="snapshot", message=f"must be true or false, was {shown(snapshot)}")
        )
    elif snapshot and since:
        problems.append(FieldProblem(field="from", message="must be left out with a snapshot"))
    if since and channels and not channels & OF_EVENTS:
        problems.append(FieldProblem(field="from", message="is of none of the channels"))
    if problems or not isinstance(epoch, str):
        return _invalid(problems)
    return Subscribe(channels, accounts, symbols, since, epoch, snapshot is True)


def _read_unsubscription(message: Mapping[str, object]) -> Unsubscribe | Refusal:
    """Read an unsubscribe message: without channels it is all of those that its names may be of."""
    problems: list[FieldProblem] = []
    accounts = _read_names(message, "accounts", ACCOUNTS_MAX, problems)
    symbols = _read_names(message, "symbols", SYMBOLS_MAX, problems)
    if "channels" in message:
        channels = _read_channels(message, problems)
        _misnamed(channels, accounts, symbols, problems)
    else:
        channels = (OF_ACCOUNTS if accounts or not symbols else frozenset()) | (
            {StreamChannel.QUOTES} if symbols else frozenset()
        )
        _misnamed(channels, accounts, symbols, problems)
    return _invalid(problems) if problems else Unsubscribe(channels, accounts, symbols)


def _read_request(message: Mapping[str, object], problems: list[FieldProblem]) -> tuple[str, str]:
    """Read what every request about an order has: its id, and through which channel it comes."""
    request_id, channel = message.get("id"), message.get("channel", "")
    if not isinstance(request_id, str) or not 0 < len(request_id) <= ID_CHARACTERS_MAX:
        text = f"must be a text of 1 to {ID_CHARACTERS_MAX} characters, was {shown(request_id)}"
        problems.append(FieldProblem(field="id", message=text))
    if not isinstance(channel, str):
        problems.append(FieldProblem(field="channel", message=f"must be a text, was {shown(channel)}"))
    return str(request_id), str(channel)


def _read_place(message: Mapping[str, object]) -> Place | Refusal:
    problems: list[FieldProblem] = []
    request_id, channel = _read_request(message, problems)
    content = message.get("order")
    if isinstance(content, dict) and not problems:
        return Place(request_id, channel or CHANNEL_DEFAULT, content)
    if not isinstance(content, dict):
        problems.append(FieldProblem(field="order", message=f"must be an object, was {shown(content)}"))
    return _invalid(problems)


def _read_cancel(message: Mapping[str, object]) -> Cancel | Refusal:
    problems: list[FieldProblem] = []
    request_id, channel = _read_request(message, problems)
    order_id = read_id(message.get("orderId"))
    if order_id is not None and not problems:
        return Cancel(request_id, channel, order_id)
    if order_id is None:
        text = f"must be an orderId, was {shown(message.get('orderId'))}"
        problems.append(FieldProblem(field="orderId", message=text))
    return _invalid(problems)


def _read_key(message: Mapping[str, object], problems: list[FieldProblem]) -> str:
    """Read a request's own id, which may be left out; what it must look like is checked for every door."""
    key = message.get("key", "")
    if not isinstance(key, str) or ("key" in message and not key):
        problems.append(FieldProblem(field="key", message=f"must be a text, was {shown(key)}"))
    return str(key)


def _read_change(message: Mapping[str, object], kind: RequestKind) -> Change | Refusal:
    problems: list[FieldProblem] = []
    request_id, channel = _read_request(message, problems)
    key = _read_key(message, problems)
    order_id, sequence = read_id(message.get("orderId")), message.get("sequence")
    content = message.get("replace") if kind is RequestKind.REPLACE else {}
    if order_id is None:
        text = f"must be an orderId, was {shown(message.get('orderId'))}"
        problems.append(FieldProblem(field="orderId", message=text))
    if not isinstance(content, dict):
        problems.append(FieldProblem(field="replace", message=f"must be an object, was {shown(content)}"))
    if sequence is not None and (type(sequence) is not int or not 0 <= sequence <= SEQUENCE_MAX):
        text = f"must be a sequence of 0 or more, was {shown(sequence)}"
        problems.append(FieldProblem(field="sequence", message=text))
    if problems or order_id is None or not isinstance(content, dict):
        return _invalid(problems)
    number = sequence if isinstance(sequence, int) else None
    return Change(request_id, channel, order_id, kind, key, content, number)


def _read_change_many(message: Mapping[str, object], kind: RequestKind) -> ChangeMany | Refusal:
    problems: list[FieldProblem] = []
    request_id, channel = _read_request(message, problems)
    key = _read_key(message, problems)
    given = message.get("selection")
    if not isinstance(given, dict):
        problems.append(FieldProblem(field="selection", message=f"must be an object, was {shown(given)}"))
        return _invalid(problems)
    query, wrong = read_content(SelectionQuery, given, "a selection")
    problems += [FieldProblem(field=f"selection.{one.field}", message=one.message) for one in wrong]
    if problems or query is None:
        return _invalid(problems)
    return ChangeMany(request_id, channel, kind, selection_of(query), key)


def _read_place_many(message: Mapping[str, object]) -> PlaceMany | Refusal:
    problems: list[FieldProblem] = []
    request_id, channel = _read_request(message, problems)
    about = ("type", "id", "channel")
    content = {name: value for name, value in message.items() if name not in about}
    return _invalid(problems) if problems else PlaceMany(request_id, channel or CHANNEL_DEFAULT, content)


def _read_since(
    message: Mapping[str, object], accounts: list[str], problems: list[FieldProblem]
) -> dict[str, int]:
    since = message.get("from")
    if since is None:
        return {}
    if not isinstance(since, dict):
        problems.append(
            FieldProblem(
                field="from", message=f"must be an object of account to sequence, was {shown(since)}"
            )
        )
        return {}
    known = frozenset(accounts)
    for account, sequence in since.items():
        field = f"from.{shown(account)[1:-1]}"
        if type(sequence) is not int or not 0 <= sequence <= SEQUENCE_MAX:
            problems.append(
                FieldProblem(field=field, message=f"must be a sequence of 0 or more, was {shown(sequence)}")
            )
        elif account not in known:
            problems.append(FieldProblem(field=field, message="is not among the accounts"))
    return since


def ahead_of_stream(account_id: str, head: int) -> Refusal:
    """Build the refusal of a `from` that lies beyond its stream."""
    return _invalid(
        [FieldProblem(field=f"from.{account_id}", message=f"must be at most {head}, where its stream is")]
    )


def unknown_names(accounts: Sequence[str], symbols: Sequence[str]) -> Refusal:
    """Build the refusal of names that are not there, or that the caller may not know of."""
    return _invalid(
        [
            *(FieldProblem(field="accounts", message=f"unknown account {shown(name)}") for name in accounts),
            *(FieldProblem(field="symbols", message=f"unknown symbol {shown(name)}") for name in symbols),
        ]
    )
