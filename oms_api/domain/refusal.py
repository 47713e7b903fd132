"""Refusals, as values: the closed list of why a request is not done. Each door has its codes for them."""

import enum
from dataclasses import dataclass
from typing import Final

# An id that is not one of ours is not told back at any length.
ID_SHOWN_MAX: Final = 40
_SHOWN_CHARACTERS_MAX: Final = 40


class RefusalCode(enum.Enum):
    """Why a request was not done."""

    INVALID_REQUEST = "INVALID_REQUEST"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    DUPLICATE_ORDER_ID = "DUPLICATE_ORDER_ID"
    DUPLICATE_REQUEST_ID = "DUPLICATE_REQUEST_ID"
    ORDER_CLOSED = "ORDER_CLOSED"
    CONFLICT = "CONFLICT"
    KILLED = "KILLED"
    PRECONDITION_FAILED = "PRECONDITION_FAILED"
    RATE_LIMITED = "RATE_LIMITED"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """What is wrong with one field of a request."""

    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that was not done: nothing was stored for it. `retry_after_s` above 0: it may pass later.

    status: of the order that it is about. allow: the methods that are taken there.
    """

    code: RefusalCode
    message: str
    fields: tuple[FieldProblem, ...] = ()
    status: str = ""
    retry_after_s: int = 0
    allow: tuple[str, ...] = ()


def invalid(*problems: FieldProblem) -> Refusal:
    """Build the refusal of a request with wrong fields."""
    count = len(problems)
    noun = "field is" if count == 1 else "fields are"
    return Refusal(code=RefusalCode.INVALID_REQUEST, message=f"{count} {noun} wrong", fields=problems)


def changed_meanwhile(what: str) -> Refusal:
    """Build the refusal of a change that was to be made of another state than there is."""
    return Refusal(
        code=RefusalCode.PRECONDITION_FAILED,
        message=f"{what} is another version than the one that was named: read it again, then decide",
    )


def no_such_order(order_id: str) -> Refusal:
    """Build the refusal for an order that does not exist, or that the caller may not know of."""
    return Refusal(code=RefusalCode.NOT_FOUND, message=f"no order {order_id[:ID_SHOWN_MAX]}")


def no_such_account(account_id: str) -> Refusal:
    """Build the refusal for an account that does not exist, or that the caller may not know of."""
    return Refusal(code=RefusalCode.NOT_FOUND, message=f"no account {account_id[:ID_SHOWN_MAX]}")


def shown(value: object) -> str:
    """Return a value as a message shows it: like JSON, and never long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) >= 10**_SHOWN_CHARACTERS_MAX:
        return f"a number of more than {_SHOWN_CHARACTERS_MAX} digits"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = short(str(value))
    if isinstance(value, str):
        return f'"{text}"' if text.isprintable() else ascii(text)[: 2 * _SHOWN_CHARACTERS_MAX]
    return text


def short(text: str) -> str:
    """Return a printable text as a message shows it without quotes: never long."""
    return text if len(text) <= _SHOWN_CHARACTERS_MAX else f"{text[:_SHOWN_CHARACTERS_MAX]}…"
