"""What is said on the WebSocket, both ways; docs/asyncapi.yaml says the same to clients.

The law of this file: a message is read whole or refused in words, and what is refused is not told back at
length.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid
from oms_api.domain.terms import shown
from oms_api.entrypoints.answers import encode, refusal_body
from oms_api.ports import AccountSnapshot

ACCOUNTS_MAX: Final = 1_000
SEQUENCE_MAX: Final = 2**31 - 1
EPOCH_CHARACTERS_MAX: Final = 64
# So many wrong fields are named.
PROBLEMS_MAX: Final = 20
PONG: Final = '{"type":"pong"}'


class Auth(msgspec.Struct, frozen=True):
    """A token to go on with."""

    token: str


class Subscribe(msgspec.Struct, frozen=True):
    """Accounts to listen to. since: the last sequence that the client has of some. epoch: of that, if known.

    snapshot: each account's open orders come first.
    """

    accounts: list[str]
    since: dict[str, int]
    epoch: str = ""
    snapshot: bool = False


class Unsubscribe(msgspec.Struct, frozen=True):
    """Accounts to listen to no more."""

    accounts: list[str]


class Ping(msgspec.Struct, frozen=True):
    """Asks for a pong."""


Message = Auth | Subscribe | Unsubscribe | Ping
TYPES: Final = ("auth", "subscribe", "unsubscribe", "ping")


def read_message(text: str | bytes) -> Message | Refusal:
    """Read what a client sent. Returns a refusal that says what was wrong."""
    try:
        message = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        return _refused(f"the message is not JSON: {str(error)[:100]}")
    if not isinstance(message, dict):
        return _refused(f"expected a JSON object, was {_kind_of(message)}")
    match message.get("type"):
        case "auth":
            return _read_auth(message)
        case "subscribe":
            return read_subscription(message)
        case "unsubscribe":
            problems: list[FieldProblem] = []
            accounts = _read_accounts(message, problems)
            return _invalid(problems) if problems else Unsubscribe(accounts)
        case "ping":
            return Ping()
        case other:
            return _invalid(
                [FieldProblem(field="type", message=f"must be one of {', '.join(TYPES)}, was {shown(other)}")]
            )


def _kind_of(value: object) -> str:
    match value:
        case list():
            return "a list"
        case str():
            return "a string"
        case bool() | None:
            return shown(value)
        case _:
            return "a number"


def _refused(what: str) -> Refusal:
    return Refusal(code=RefusalCode.INVALID_REQUEST, message=what)


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


def _read_accounts(message: Mapping[str, object], problems: list[FieldProblem]) -> list[str]:
    accounts = message.get("accounts")
    if not isinstance(accounts, list) or not accounts or not all(isinstance(name, str) for name in accounts):
        problems.append(
            FieldProblem(field="accounts", message=f"must be a list of accounts, was {shown(accounts)}")
        )
        return []
    if len(accounts) > ACCOUNTS_MAX:
        problems.append(FieldProblem(field="accounts", message=f"must be at most {ACCOUNTS_MAX}"))
    return list(dict.fromkeys(accounts))


def read_subscription(message: Mapping[str, object]) -> Subscribe | Refusal:
    """Check a subscribe message."""
    problems: list[FieldProblem] = []
    accounts = _read_accounts(message, problems)
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
    if problems or not isinstance(epoch, str):
        return _invalid(problems)
    return Subscribe(accounts, since, epoch, snapshot is True)


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


def unknown_accounts(accounts: Sequence[str]) -> Refusal:
    """Build the refusal of accounts that are not there, or that the caller may not know of."""
    return _invalid(
        [FieldProblem(field="accounts", message=f"unknown account {shown(account)}") for account in accounts]
    )


def authenticated(expires_at: datetime) -> str:
    """Say until when the client may listen."""
    return _text({"type": "authenticated", "expiresAt": expires_at})


def subscribed(accounts: list[str], starts: Mapping[str, int], epoch: str) -> str:
    """Say after which sequence each account's events come; of one with a snapshot, the snapshot says it."""
    return _text({"type": "subscribed", "accounts": accounts, "streamSequence": starts, "epoch": epoch})


def unsubscribed(accounts: Sequence[str]) -> str:
    """Say which accounts the client listens to no more."""
    return _text({"type": "unsubscribed", "accounts": accounts})


def resync(accounts: list[str], epoch: str) -> str:
    """Say that what the client has is of another database: it has to begin with a snapshot."""
    return _text({"type": "resync", "accounts": accounts, "epoch": epoch})


def snapshot_of(account_id: str, found: AccountSnapshot) -> str:
    """Give an account's open orders, as REST gives them, as they were at a sequence of its stream."""
    return _text(
        {
            "type": "snapshot",
            "accountId": account_id,
            "streamSequence": found.stream_sequence,
            "epoch": found.epoch,
            "orders": found.orders,
        }
    )


def heartbeat(timestamp: datetime) -> str:
    """Say that nothing happened."""
    return _text({"type": "heartbeat", "timestamp": timestamp})


def error(refusal: Refusal) -> str:
    """Say why a message had no effect."""
    body: dict[str, object] = msgspec.to_builtins(refusal_body(refusal, ""))
    return _text({"type": "error", "error": body["error"]})


def _text(message: dict[str, object]) -> str:
    return encode(message).decode()
