"""What a tenant can ask about another tenant's orders and accounts, at every door, made from the contracts.

The law of this file: whatever names an order or an account is found by the names of fields, in the OpenAPI
document, in the descriptors of the services that a gateway says it serves, among the channels and messages
of the WebSocket. What needs more than those names has its line in a table here, and a test fails when a
contract has something that no line is for.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from oms_api.entrypoints.stream_requests import OF_ACCOUNTS, OF_EVENTS, StreamChannel
from oms_platform.ids import uuid7


def _id() -> str:
    """Return an id as we make them: one of another age would be looked for elsewhere."""
    return str(uuid7())


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a question may name, in the words of the contracts. Those that are left out name nothing."""

    accountId: str = "ACC-INST-999"  # noqa: N815  # the contract's own word
    orderId: str = field(default_factory=_id)  # noqa: N815
    clientOrderId: str = field(default_factory=lambda: uuid.uuid4().hex)  # noqa: N815
    exceptionId: str = field(default_factory=_id)  # noqa: N815
    alertId: str = field(default_factory=_id)  # noqa: N815
    findingId: str = field(default_factory=_id)  # noqa: N815

    def masked(self, answer: bytes) -> bytes:
        """Return an answer with each of these names replaced by its kind."""
        for kind, name in asdict(self).items():
            answer = answer.replace(name.encode(), kind.encode())
        return answer


NAMES: Final = frozenset(asdict(Names()))
# What other names in a path stand for: things that belong to no tenant.
SHARED: Final[Mapping[str, object]] = {
    "attempt": 1,
    "switchId": uuid.UUID(int=1),
    "commandId": uuid.UUID(int=1),
    "name": "x",
    "symbol": "AAPL",
    "calendarId": "XNYS",
    "day": "2030-01-02",
    "venueId": "XNAS",
}
RestQuestion = tuple[str, str, dict[str, Any] | None]


def operations(contract: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return every operation of an OpenAPI document with its method and path."""
    return [
        (method.upper(), path, operation)
        for path, methods in contract["paths"].items()
        for method, operation in methods.items()
    ]


def rest_questions(contract: dict[str, Any], own: Names) -> dict[str, Callable[[Names], RestQuestion]]:
    """Return, for each place of each operation that names what a tenant may own, how to ask it.

    own: what the asker owns, which stands in the places that are not asked about.
    """
    found: dict[str, Callable[[Names], RestQuestion]] = {}
    for method, path, operation in operations(contract):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        schema = contract["components"]["schemas"].get(body.get("schema", {}).get("$ref", "").split("/")[-1])
        of_body = NAMES & set((schema or {}).get("properties", {}))
        of_query = NAMES & {one["name"] for one in operation["parameters"] if one["in"] == "query"}
        of_path = {name for name in NAMES if f"{{{name}}}" in path}
        for where, names in (("path", of_path), ("body", of_body), *(("query", {one}) for one in of_query)):
            if names:
                key = f"{operation['operationId']} {where} {' '.join(sorted(names))}"
                found[key] = _rest_question(own, method, path, body.get("example"), where, names)
    return found


def _rest_question(
    own: Names, method: str, path: str, example: dict[str, Any] | None, where: str, names: set[str]
) -> Callable[[Names], RestQuestion]:
    def question(given: Names) -> RestQuestion:
        values = {name: value for name, value in asdict(given).items() if name in names}
        known = path.format(**SHARED | asdict(own) | (values if where == "path" else {}))
        if where == "query":
            known += "?" + "&".join(f"{name}={value}" for name, value in values.items())
        return method, known, (example or {}) | values if where == "body" else example

    return question


_ORDER: Final = {
    "symbol": "MSFT",
    "side": "SIDE_BUY",
    "orderType": "ORDER_TYPE_MARKET",
    "quantity": 10,
    "timeInForce": "TIME_IN_FORCE_DAY",
}


def _selection(names: Names) -> dict[str, Any]:
    return {
        "accountIds": [names.accountId],
        "orderIds": [names.orderId],
        "clientOrderIds": [names.clientOrderId],
    }


# What a request has beside the names, by service and method; of one that has them deeper in it, the whole.
# Each method that is served has its line.
GRPC: Final[Mapping[str, dict[str, Any] | Callable[[Names], dict[str, Any]]]] = {
    "oms.v1.OrderService/PlaceOrder": _ORDER,
    "oms.v1.OrderService/GetOrder": {},
    "oms.v1.OrderService/CancelOrder": {},
    "oms.v1.OrderService/ReplaceOrder": {"quantity": 20},
    "oms.v1.OrderService/SuspendOrder": {},
    "oms.v1.OrderService/ResumeOrder": {},
    "oms.v1.OrderService/PlaceOrders": lambda names: {
        "orders": [_ORDER | {"accountId": names.accountId, "clientOrderId": names.clientOrderId}]
    },
    "oms.v1.OrderService/CancelOrders": lambda names: {"selection": _selection(names)},
    "oms.v1.OrderService/SuspendOrders": lambda names: {"selection": _selection(names)},
    "oms.v1.OrderService/ResumeOrders": lambda names: {"selection": _selection(names)},
    "oms.v1.OrderService/ListOrders": {},
    "oms.v1.OrderService/StreamOrders": {},
    "oms.v1.OrderService/GetPnl": {},
}
# They say nothing of anybody, and ask for no token.
GRPC_OPEN: Final = ("grpc.health.", "grpc.reflection.")


def grpc_questions(service: ServiceDescriptor) -> Iterator[tuple[str, Callable[[Names], bytes]]]:
    """Return for each method of a service, and each field of it that names something, how to ask it.

    A method that needs all of its names at once is asked once. Raises KeyError for a method that has no line
    in the table, and ValueError for one that names nothing.
    """
    for method in service.methods:
        path = f"{service.full_name}/{method.name}"
        rest, kind = GRPC[path], GetMessageClass(method.input_type)
        if callable(rest):
            yield path, _grpc_whole(kind, rest)
            continue
        named = [one.json_name for one in method.input_type.fields if one.json_name in NAMES]
        if not named:
            raise ValueError(f"{path} names nothing of a tenant: say here why, and ask it something")
        for names in [named] if rest else [[name] for name in named]:
            yield f"{path} {' '.join(names)}", _grpc_question(kind, rest, names)


def _grpc_whole(kind: type[Message], whole: Callable[[Names], dict[str, Any]]) -> Callable[[Names], bytes]:
    return lambda names: json_format.ParseDict(whole(names), kind()).SerializeToString()


def _grpc_question(
    kind: type[Message], rest: dict[str, Any], names: Sequence[str]
) -> Callable[[Names], bytes]:
    def question(given: Names) -> bytes:
        values = {name: value for name, value in asdict(given).items() if name in names}
        return json_format.ParseDict(rest | values, kind()).SerializeToString()

    return question


def _subscribes(channel: StreamChannel) -> dict[str, Callable[[Names], dict[str, Any]]]:
    """Return the ways to listen to a channel of accounts."""
    ways: dict[str, dict[str, Any]] = {"from now on": {}}
    if channel in OF_EVENTS:
        ways |= {"with a snapshot": {"snapshot": True}}
    found: dict[str, Callable[[Names], dict[str, Any]]] = {
        f"{channel.value} {way}": lambda names, more=more: {  # type: ignore[misc]
            "type": "subscribe", "channels": [channel.value], "accounts": [names.accountId], **more,
        }
        for way, more in ways.items()
    }  # fmt: skip
    if channel in OF_EVENTS:
        found[f"{channel.value} from a sequence"] = lambda names: {
            "type": "subscribe", "channels": [channel.value], "accounts": [names.accountId],
            "from": {names.accountId: 0},
        }  # fmt: skip
    return found


def _of_many(kind: str) -> Callable[[Names], dict[str, Any]]:
    return lambda names: {
        "type": kind,
        "id": "1",
        "selection": {
            "accountId": [names.accountId],
            "orderId": [names.orderId],
            "clientOrderId": [names.clientOrderId],
        },
    }


# Channels that name no account: what they tell of is shared, or is chosen by who listens. Each has a test.
CHANNELS_WITHOUT_ACCOUNTS: Final = frozenset((StreamChannel.QUOTES, StreamChannel.ALERTS))
# What a client may send, by its type; None names nothing that a tenant may own. `subscribe` is by channel.
_MESSAGES: Final[Mapping[str, Callable[[Names], dict[str, Any]] | None]] = {
    "auth": None,
    "ping": None,
    "subscribe": None,
    "unsubscribe": lambda names: {"type": "unsubscribe", "accounts": [names.accountId]},
    "place": lambda names: {
        "type": "place", "id": "1",
        "order": {
            "clientOrderId": names.clientOrderId, "accountId": names.accountId, "symbol": "AAPL",
            "side": "BUY", "orderType": "MARKET", "quantity": 10,
        },
    },
    "cancel": lambda names: {"type": "cancel", "id": "1", "orderId": names.orderId},
    "replace": lambda names: {
        "type": "replace", "id": "1", "orderId": names.orderId, "replace": {"quantity": 20},
    },
    "suspend": lambda names: {"type": "suspend", "id": "1", "orderId": names.orderId},
    "resume": lambda names: {"type": "resume", "id": "1", "orderId": names.orderId},
    "placeOrders": lambda names: {
        "type": "placeOrders", "id": "1",
        "orders": [{
            "clientOrderId": names.clientOrderId, "accountId": names.accountId, "symbol": "AAPL",
            "side": "BUY", "orderType": "MARKET", "quantity": 10,
        }],
    },
    **{kind: _of_many(kind) for kind in ("cancelOrders", "suspendOrders", "resumeOrders")},
}  # fmt: skip
STREAM_TYPES: Final = frozenset(_MESSAGES)


def stream_questions() -> dict[str, Callable[[Names], dict[str, Any]]]:
    """Return every message of the WebSocket that names what a tenant may own, and how to ask it."""
    found = {kind: question for kind, question in _MESSAGES.items() if question is not None}
    for channel in sorted(OF_ACCOUNTS, key=lambda one: one.value):
        found |= _subscribes(channel)
    return found
