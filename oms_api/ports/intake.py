"""What clients ask for, on its way into the store and to the core."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import msgspec

from oms_api.domain.idempotency import Key, KeyConflict, StoredOrder
from oms_api.domain.order_requests import RequestKind
from oms_api.domain.refusal import FieldProblem
from oms_platform.messages import BookTrade, CancelOrder, ReplaceOrder, ResumeOrder, SubmitOrder, SuspendOrder
from oms_platform.vocabulary import OrderTerms

ChangeMessage = CancelOrder | ReplaceOrder | SuspendOrder | ResumeOrder
# What is stored and published of each kind of request.
MESSAGES: Final[
    Mapping[RequestKind, type[CancelOrder] | type[ReplaceOrder] | type[SuspendOrder] | type[ResumeOrder]]
] = {
    RequestKind.CANCEL: CancelOrder,
    RequestKind.REPLACE: ReplaceOrder,
    RequestKind.SUSPEND: SuspendOrder,
    RequestKind.RESUME: ResumeOrder,
}
KINDS: Final[Mapping[type, RequestKind]] = {message: kind for kind, message in MESSAGES.items()}


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order on its way into the store. payload: the message as it is stored and published."""

    message: SubmitOrder
    payload: bytes
    trace: str


class NewChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request about an order on its way into the store. payload: as it is stored and published.

    key: under which it is stored once; None: it has no id of its client's.
    """

    message: ChangeMessage | BookTrade
    payload: bytes
    trace: str
    key: Key | None = None


Request = NewOrder | NewChange


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRefused:
    """The store refused this one order; nothing of it was stored."""

    problem: FieldProblem


class OrderIntake(Protocol):
    """Stores what clients ask for, durably, before they are told so."""

    async def submit(self, order: NewOrder) -> StoredOrder | KeyConflict | RowRefused:
        """Store an order once. Returns after the commit.

        Raises IntakeFullError, and UnavailableError when it is not known whether it was stored.
        """
        ...

    async def submit_all(self, orders: Sequence[NewOrder]) -> bool | RowRefused:
        """Store orders, each of another key, by one commit: all of them or none.

        Returns, after the commit, whether it did. False: one of their keys stands for another request
        already. Raises IntakeFullError, and UnavailableError when it is not known whether they were stored.
        """
        ...

    async def change(self, change: NewChange) -> bool:
        """Store a request about an order, once under its key. Returns, after the commit, whether it was.

        False: its key stands for another request already. Raises UnavailableError.
        """
        ...

    async def change_all(self, changes: Sequence[NewChange]) -> frozenset[UUID]:
        """Store the requests of one request about many orders, those of one key together or not at all.

        Returns, after the commit, the ids of those that were stored. Raises UnavailableError.
        """
        ...


class CancelDesk(Protocol):
    """Stores requests to cancel, one for each cancel that an order has pending."""

    async def request(self, cancel: NewChange, status: str) -> UUID:
        """Store a request to cancel, unless the order has one pending. status: the order's, as it was read.

        Returns, after the commit, the id of the request that the order has pending. Raises UnavailableError.
        """
        ...


class OrderKeys(Protocol):
    """Knows which orders are stored, by what makes a repeat of one."""

    async def find(self, terms: OrderTerms) -> StoredOrder | KeyConflict | None:
        """Return what the idempotency key of these terms stands for, if anything. Raises UnavailableError."""
        ...


class StoredRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request about an order that an idempotency key stands for; message None: the key is the order's."""

    order_id: UUID
    message: ChangeMessage | None


class RequestKeys(Protocol):
    """Knows which requests about orders are stored under a client's own id."""

    async def find(
        self, accounts: frozenset[str] | None, channel: str, request_key: str
    ) -> Sequence[StoredRequest]:
        """Return what an id stands for in some accounts, None for every one; of many orders, each.

        Raises UnavailableError.
        """
        ...


class RequestLine(Protocol):
    """Carries stored requests to the core. One that is lost on the way, the core takes from the log."""

    def publish(self, requests: Sequence[Request]) -> None:
        """Send requests that are durable, in their order, without waiting."""
        ...


class Backlog(Protocol):
    """Whether the core keeps up with what it is asked."""

    def problem(self) -> str:
        """Return why a new order is not taken now; empty when it is taken."""
        ...

    def count_refused(self) -> None:
        """Count a new order that was refused for that."""
        ...
