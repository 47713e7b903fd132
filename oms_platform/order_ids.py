"""Ids that follow from an order's: who says a thing again says it with the same ids."""

import uuid
from datetime import UTC, datetime, timedelta

_new, _set, _unknown = object.__new__, object.__setattr__, uuid.SafeUUID.unknown


def uuid_of(number: int) -> uuid.UUID:
    """Return the UUID of a number, of which the caller knows that it is one of 128 bits."""
    made = _new(uuid.UUID)
    # As UUID's own constructor ends, without its checks, which take longer than all else here.
    _set(made, "int", number)
    _set(made, "is_safe", _unknown)
    return made


def taken_at(order_id: uuid.UUID) -> datetime:
    """Return when an order was taken in, which its id (a UUIDv7) carries, UTC, to the millisecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=order_id.int >> 80)


def route_id(order_id: uuid.UUID, attempt: int) -> uuid.UUID:
    """Derive the id of an order's route attempt, so that what is said again asks for the same route."""
    return uuid_of(order_id.int ^ attempt)


def recall_id(order_id: uuid.UUID, through_attempt: int) -> uuid.UUID:
    """Derive the id of the request that takes back an order's children up to a route attempt."""
    return uuid_of(order_id.int ^ through_attempt << 32)


def peg_id(order_id: uuid.UUID, priced_us: int) -> uuid.UUID:
    """Derive the id of the request that moves an order's children to the price that it got at a time."""
    return uuid_of(order_id.int ^ priced_us)


def child_cl_ord_id(order_id: uuid.UUID, attempt: int, leg: int) -> str:
    """Derive a child's FIX ClOrdID (tag 11), so that a replay makes the same child and the venue can tell."""
    return f"{order_id.hex}-{attempt}-{leg}"


def cancel_cl_ord_id(child: str, sequence: int) -> str:
    """Derive the ClOrdID of the n-th cancel request of a child."""
    return f"{child}-C{sequence}"


def replace_cl_ord_id(child: str, sequence: int) -> str:
    """Derive the ClOrdID of the n-th replace request of a child."""
    return f"{child}-R{sequence}"


def order_id_of_child(cl_ord_id: str) -> uuid.UUID:
    """Return the parent of a child's ClOrdID. Raises ValueError when the id is not one of ours."""
    return uuid.UUID(hex=cl_ord_id.split("-", 1)[0])


def closing_cl_ord_id(switch_id: uuid.UUID, symbol: str, round_number: int) -> str:
    """Derive the client order id of a round in which a kill switch closes a position.

    Of an account it is unique, so that no round can be stored twice.
    """
    return f"{switch_id.hex}-{symbol}-{round_number}"
