"""The Python client is what /openapi.json says: its operations, what they send, and what they read."""

import inspect
import json
import re
import types
import typing
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from oms_api.entrypoints.openapi import document
from oms_api.entrypoints.rest import operations
from oms_client import AsyncClient, Client, JsonClient, Operations
from oms_client.calls import Call, ListOperation, Operation, Paging

_served: Any = None
CONTRACT = document(operations(_served, _served))
# It only says where placeOrder is.
NOT_FOR_CLIENTS = {"ordersMoved"}
# What a client has, it has from an answer: it reads again to know what is new, whatever it costs.
NOT_GIVEN = {"X-Request-Id", "If-None-Match"}
OF_CONTRACT = {
    one["operationId"]: (method.upper(), path, one)
    for path, methods in CONTRACT["paths"].items()
    for method, one in methods.items()
    if one["operationId"] not in NOT_FOR_CLIENTS
}
OF_CLIENT: dict[str, Any] = {
    name: one for name, one in vars(Operations).items() if isinstance(one, Operation | ListOperation)
}
BY_ID = {one.name: name for name, one in OF_CLIENT.items()}
# One value of each parameter, all of them given.
GIVEN: dict[str, Any] = {
    "order_id": "01900000-0000-7000-8000-0000deadbeef", "exception_id": "e", "switch_id": "s", "attempt": 2,
    "account": "ACC-INST-001", "symbol": "AAPL", "new_symbol": "MSFT", "symbols": ["AAPL"], "side": "BUY",
    "quantity": 100,
    "limit_price": "230.00", "stop_price": "229.00", "time_in_force": "DAY", "min_quantity": 50,
    "expire_date": "2026-11-27", "expire_time": datetime(2026, 11, 27, 17, tzinfo=UTC),
    "client_order_id": "mine-1",
    "profile": "staged", "avoid": ["EDGX"], "prefer": ["XNYS"], "channel": "BOT", "status": "FILLED",
    "is_open": True, "created_from": datetime(2026, 3, 2, tzinfo=UTC), "released": True,
    "created_to": datetime(2026, 3, 3, tzinfo=UTC), "most": 7, "strategy": "best",
    "weights": {"price": "0.5"},
    "without": ["EDGX"], "fees": {"XNAS": {"add": "-0.002", "remove": "0.003"}}, "name": "AAPL",
    "settings": {},
    "venue": "XNYS", "kind": "UNKNOWN_ORDER", "before": datetime(2026, 3, 2, tzinfo=UTC), "limit": 5,
    "reason": "so", "last_qty": 100, "last_px": "1.5", "stage": "CANCEL", "firm": "FIRM",
    "desk": "DESK", "trader": "t", "sector": "TECH", "everything": False, "threshold": 3, "window": 10,
    "mode": "SHADOW",
    "broken": True, "oldest_first": True, "version": 3, "recorded_from": datetime(2026, 3, 2, tzinfo=UTC),
    "recorded_to": datetime(2026, 3, 3, tzinfo=UTC), "principal": "trader1", "command_id": "c",
    "received_from": datetime(2026, 3, 2, tzinfo=UTC), "received_to": datetime(2026, 3, 3, tzinfo=UTC),
    "older_than": 60, "order_ids": ["01900000-0000-7000-8000-0000deadbeef"], "client_order_ids": ["mine-1"],
    "after": "01900000-0000-7000-8000-0000deadbee0",
    "request_id": "r-1", "all_or_nothing": True, "check_only": True,
    "orders": [{"account": "ACC-INST-001", "symbol": "AAPL", "side": "BUY", "quantity": 100}],
    "begin_seq_no": 4, "cut": "venue", "end_seq_no": 9, "calendar": "XNYS", "first": date(2026, 11, 26),
    "last": date(2026, 11, 27), "lifted": True, "capacity": "PRINCIPAL", "tags": {"book": "A 1"},
    "locate_id": "LOC-1", "display_qty": 100, "post_only": True,
    "algo": {"strategy": "TWAP", "endAt": "2026-03-02T20:00:00Z"}, "basket_id": "list-1",
    "peg": "PRIMARY", "peg_offset": "-0.01", "table": "halts", "actor": "risk1", "key": "AAPL",
    "made_from": datetime(2026, 3, 2, tzinfo=UTC), "made_to": datetime(2026, 3, 3, tzinfo=UTC),
    "rule": "SELF_CROSS", "limit_scope": {"account": "ACC-INST-001"}, "severity": "SOFT",
    "numerator": 3, "denominator": 2, "price": "1.5", "check": True,
    "amount": "12.5", "entry_id": "01900000-0000-7000-8000-0000deadbee1", "replace": True,
    "positions": [{"accountId": "ACC-INST-001", "symbol": "AAPL", "quantity": 1, "cost": "2"}],
    "cash": [{"accountId": "ACC-INST-001", "amount": "3"}],
    "locates": [
        {"accountId": "ACC-INST-001", "symbol": "AAPL", "reference": "L", "broker": "P", "quantity": 1}
    ],
    "easy_to_borrow": ["MSFT"],
    "on_missing": "PASS", "parameters": {"prevented": True}, "rows": [{"rule": "SELF_CROSS", "mode": "ON"}],
    "order": "01900000-0000-7000-8000-0000deadbeef", "every": True, "rules": ["SELF_CROSS"],
    "expires_minutes": 30,
    "alert_id": "01900000-0000-7000-8000-0000deadbeef", "level": "BREACH", "state": "OPEN", "note": "seen",
    "times_raised": 2, "finding_id": "f", "day": date(2026, 3, 2), "pattern": "WASH",
    "reference_price": "27.5", "listing_venue": "XNAS", "tick_size": "0.05", "lot_size": 100,
    "opens": "09:30", "closes": "13:00", "early_close": True, "average_volume": 5_000_000, "sigma_bps": 200,
}  # fmt: skip


def made(name: str) -> Call[Any]:
    """Return the request of an operation with every parameter given."""
    one = OF_CLIENT[name]
    given = {parameter: GIVEN[parameter] for parameter in one.signature.parameters}
    if isinstance(one, Operation):
        return one.call(**given)
    page = one.paging(**given).page("AAAAAAAAAAAAAAAAAAAAAA", 0)
    assert page is not None
    return page


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with its reference followed."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return resolved(CONTRACT["components"]["schemas"][name] | {"title": name})
    return schema


def answer_schema(operation_id: str) -> dict[str, Any]:
    """Return the schema of an operation's answer."""
    responses = OF_CONTRACT[operation_id][2]["responses"]
    first = responses[min(status for status in responses if status.startswith("2"))]
    return resolved(first["content"]["application/json"]["schema"])


def samples(schema: dict[str, Any]) -> tuple[Any, Any]:
    """Return a value of a schema with everything that may be there, and one with every null that may be."""
    schema = resolved(schema)
    if "anyOf" in schema:
        full = next(one for one in schema["anyOf"] if one != {"type": "null"})
        bare = None if {"type": "null"} in schema["anyOf"] else samples(full)[1]
        return samples(full)[0], bare
    match schema.get("type"):
        case "object":
            pairs = {name: samples(one) for name, one in schema.get("properties", {}).items()}
            if "properties" not in schema:
                of_values = schema.get("additionalProperties", {})
                return {"any": samples(of_values)[0] if of_values else [1, "text"]}, {}
            return {n: pair[0] for n, pair in pairs.items()}, {n: pair[1] for n, pair in pairs.items()}
        case "array":
            full, bare = samples(schema["items"])
            return [full, bare], []
        case "integer":
            return schema.get("minimum", 0) + 1, schema.get("minimum", 0)
        case "number":
            return 1.5, 0.5
        case "boolean":
            return True, False
        case "string":
            text = {
                "uuid": "01900000-0000-7000-8000-0000deadbeef",
                "date": "2026-03-02",
                "date-time": "2026-03-02T15:00:00.123456Z",
                "decimal": "227.123400",
            }.get(schema.get("format", ""), schema.get("enum", ["text"])[0])
            return text, text
        case None:
            return {"any": 1}, {}
    raise AssertionError(f"expected a schema that is known here, found {schema}")


def structs_of(kind: Any) -> set[type[msgspec.Struct]]:
    """Return the Structs that a type is made of, without what these are made of."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return {kind}
    return {found for part in typing.get_args(kind) for found in structs_of(part)}


def held(struct: type[msgspec.Struct], schema: dict[str, Any]) -> None:
    """Hold a Struct and those in it to the names, and to what may be null, of a schema."""
    properties = resolved(schema)["properties"]
    hints = typing.get_type_hints(struct)
    fields = {field.encode_name: hints[field.name] for field in msgspec.structs.fields(struct)}
    assert set(fields) == set(properties), struct
    for name, kind in fields.items():
        may_be_null = type(None) in typing.get_args(kind)
        own = resolved(properties[name])
        assert may_be_null == ({"type": "null"} in own.get("anyOf", [])), (struct, name)
        for inner in structs_of(kind):
            known = own["items"] if own.get("type") == "array" else properties[name]
            held(inner, next((one for one in known.get("anyOf", ()) if one != {"type": "null"}), known))


def test_every_operation_of_the_contract_is_one_of_the_client_and_the_other_way_round() -> None:
    assert set(BY_ID) == set(OF_CONTRACT)
    assert len(BY_ID) == len(OF_CLIENT)


@pytest.mark.parametrize("operation_id", OF_CONTRACT)
def test_an_operation_sends_what_the_contract_takes(operation_id: str) -> None:
    method, path, contract = OF_CONTRACT[operation_id]
    call = made(BY_ID[operation_id])
    assert call.method == method
    assert re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)), call.path)
    of_query = {one["name"] for one in contract["parameters"] if one["in"] == "query"}
    assert {name for name, _ in call.query} == of_query
    of_header = {one["name"] for one in contract["parameters"] if one["in"] == "header"} - NOT_GIVEN
    assert set(call.headers) == of_header
    if "requestBody" not in contract:
        assert call.body is None
        return
    schema = resolved(contract["requestBody"]["content"]["application/json"]["schema"])
    assert call.body is not None
    # A preview needs no id.
    left_out = {"clientOrderId"} if operation_id == "previewRoute" else set()
    assert set(call.body) == set(schema["properties"]) - left_out
    if "routing" in call.body:
        assert set(call.body["routing"]) == set(
            resolved(schema["properties"]["routing"]["anyOf"][0])["properties"]
        )


@pytest.mark.parametrize("operation_id", OF_CONTRACT)
def test_an_answer_is_read_whole_with_everything_and_with_every_null(operation_id: str) -> None:
    schema = answer_schema(operation_id)
    call = made(BY_ID[operation_id])
    held(call.shape, schema)
    for sample in samples(schema):
        found = msgspec.json.decode(json.dumps(sample), type=call.shape)
        again = msgspec.to_builtins(found)
        assert again == sample


def test_the_clients_have_the_same_methods_with_the_same_parameters() -> None:
    clients = [kind("http://gateway", "t") for kind in (Client, AsyncClient, JsonClient)]
    for name in OF_CLIENT:
        methods = [getattr(one, name) for one in clients]
        assert len({inspect.signature(method) for method in methods}) == 1, name
        assert all(method.__doc__ for method in methods), name
    for one in clients:
        own = {name for name in dir(one) if not name.startswith("_")} - set(OF_CLIENT) - {"request"}
        assert own == {"url", "close", "stream", "send", "send_paging"}
    assert len({tuple(inspect.signature(one.stream).parameters) for one in clients}) == 1


def test_what_repeats_safely_is_what_the_contract_makes_so() -> None:
    once = {one for one in OF_CONTRACT if not made(BY_ID[one]).repeatable}
    # A GET, an order under its id, a cancel while one is pending, and questions may be asked again; a PUT
    # too, unless it is of one version: here every parameter is given.
    assert once == {
        *("addProfile", "retireProfile", "ignoreException", "bookException", "setAccountRouting"),
        *("setKillSwitch", "raiseKillSwitch", "releaseKillSwitch", "askFixSession", "withdrawFixCommand"),
        *("setHalt", "liftHalt", "openAccount", "changeAccount"),
        *("addInstrument", "changeInstrument", "setSession", "removeSession"),
        *("setLimit", "removeLimit"),
        *("grantOverride", "revokeOverride"),
        *("acknowledgeRiskAlert", "reviewFinding"),
        *("setLimit", "removeLimit", "loadPositions", "splitSymbol", "renameSymbol"),
    }


def test_a_list_is_asked_for_by_the_fields_of_its_page() -> None:
    for one in OF_CLIENT.values():
        if isinstance(one, ListOperation):
            paging: Paging[Any] = one.paging()
            rows = types.GenericAlias(list, (paging.row,))
            assert typing.get_type_hints(paging.call.shape) == {paging.rows: rows, "next_cursor": str | None}
