"""A client of the OMS-SOR platform's API: REST with safe repeats, and the order event stream with resume.

    with Client("http://localhost:8080", token) as client:
        placed = client.place(account="ACC-INST-001", symbol="AAPL", side="BUY", quantity=100)

The law of this package: it stands alone. Its names are imported when they are first used, so that importing
it costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oms_client.answers import Order as Order
    from oms_client.async_client import AsyncClient as AsyncClient
    from oms_client.client import Client as Client
    from oms_client.client import JsonClient as JsonClient
    from oms_client.errors import ApiError as ApiError
    from oms_client.errors import ConflictError as ConflictError
    from oms_client.errors import FieldProblem as FieldProblem
    from oms_client.errors import ForbiddenError as ForbiddenError
    from oms_client.errors import InvalidRequestError as InvalidRequestError
    from oms_client.errors import NoAnswerError as NoAnswerError
    from oms_client.errors import NotFoundError as NotFoundError
    from oms_client.errors import RateLimitedError as RateLimitedError
    from oms_client.errors import RefusedError as RefusedError
    from oms_client.errors import StreamEndedError as StreamEndedError
    from oms_client.errors import UnauthenticatedError as UnauthenticatedError
    from oms_client.errors import UnavailableError as UnavailableError
    from oms_client.errors import UnreadableAnswerError as UnreadableAnswerError
    from oms_client.exchange import Policy as Policy
    from oms_client.operations import Operations as Operations
    from oms_client.order_ids import uuid7 as uuid7
    from oms_client.stream_session import OrderEvent as OrderEvent
    from oms_client.stream_session import Position as Position
    from oms_client.stream_session import Resync as Resync
    from oms_client.stream_session import Snapshot as Snapshot
    from oms_client.tokens import ClientCredentials as ClientCredentials
    from oms_client.tokens import TokenSource as TokenSource

_PLACES = {
    "answers": ("Order",),
    "async_client": ("AsyncClient",),
    "client": ("Client", "JsonClient"),
    "errors": (
        *(
            "ApiError",
            "ConflictError",
            "FieldProblem",
            "ForbiddenError",
            "InvalidRequestError",
            "NoAnswerError",
        ),
        *("NotFoundError", "RateLimitedError", "RefusedError", "StreamEndedError", "UnauthenticatedError"),
        *("UnavailableError", "UnreadableAnswerError"),
    ),
    "exchange": ("Policy",),
    "operations": ("Operations",),
    "order_ids": ("uuid7",),
    "stream_session": ("OrderEvent", "Position", "Resync", "Snapshot"),
    "tokens": ("ClientCredentials", "TokenSource"),
}
_PLACE_OF = {name: place for place, names in _PLACES.items() for name in names}
__all__ = tuple(sorted(_PLACE_OF))


def __getattr__(name: str) -> Any:
    if name not in _PLACE_OF:
        raise AttributeError(f"module oms_client has no {name}")
    return getattr(import_module(f"oms_client.{_PLACE_OF[name]}"), name)
