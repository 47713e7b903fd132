"""What the doors read by themselves: bodies, headers, filters, subscriptions."""

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from oms_api.domain.principal import Principal
from oms_api.domain.refusal import Refusal, invalid
from oms_api.entrypoints.http_door import bearer_token, decode_content, head_problem, read_body
from oms_api.entrypoints.request_fields import TIME_MAX, TIME_MIN, read_query
from oms_api.entrypoints.rest_orders import OrdersQuery, cursor_of, order_filter
from oms_api.entrypoints.stream_requests import (
    OF_ACCOUNTS,
    PROBLEMS_MAX,
    Auth,
    Cancel,
    Ping,
    Place,
    StreamChannel,
    Subscribe,
    Unsubscribe,
    read_message,
    read_subscription,
)
from oms_api.ports import OrderFilter
from oms_platform.ids import uuid7

SOME = Principal(subject="s", rights=frozenset(), accounts=frozenset(("A", "B")))
ALL = Principal(subject="s", rights=frozenset(), accounts=frozenset("*"))

TYPES = (
    "auth, subscribe, unsubscribe, place, placeOrders, cancel, replace, suspend, resume, cancelOrders,"
    " suspendOrders, resumeOrders, ping"
)
ORDERS = frozenset((StreamChannel.ORDERS,))
ID = "01900000-0000-7000-8000-0000deadbeef"


def read_filter(query: Mapping[str, str], principal: Principal) -> OrderFilter | Refusal:
    """Read the parameters of the list of orders."""
    found, problems = read_query(OrdersQuery, query.items())
    return invalid(*problems) if found is None else order_filter(found, principal)


def test_a_json_number_becomes_an_exact_decimal() -> None:
    assert decode_content(b'{"a":187.21,"b":5}', b"application/json") == {"a": Decimal("187.21"), "b": 5}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"a":1,"a":1}', "a"),
        (b'{"a":"x","b":{"c":1,"d":2,"c":3}}', "c"),
        (b'{"b":[{"c":"\\"","c":"\\""}]}', "c"),
        (b'{"a":1,"\\u0061":2}', "a"),
    ],
)
def test_a_name_that_comes_twice_is_refused_wherever_it_is(body: bytes, name: str) -> None:
    found = decode_content(body, b"application/json")
    assert isinstance(found, Refusal)
    assert [(problem.field, problem.message) for problem in found.fields] == [
        (name, "is given more than once")
    ]


def test_names_of_different_objects_and_quotes_in_texts_are_no_repeats() -> None:
    for text in ('{"a":"\\"","b":{"a":"x"}}', '{"a":[{"a":1},{"a":2}]}', '{"a":"\\u0022"}', "{}"):
        assert decode_content(text.encode(), b"application/json") == json.loads(text)


@pytest.mark.parametrize(
    "body", [b'{"a":1e-999999999999999999999}', b'{"a":' + b"[" * 30_000, b'{"a":"\xff"}']
)
def test_what_cannot_be_read_names_no_class_of_ours(body: bytes) -> None:
    found = decode_content(body, b"application/json")
    assert isinstance(found, Refusal)
    assert not any(word in found.message for word in ("class", "Error", "decimal.", "Traceback"))


def test_a_body_is_read_in_parts_up_to_its_bound() -> None:
    async def read(*parts: bytes, length: bytes | None = None) -> bytes | None:
        events = iter(parts)

        async def receive() -> Any:
            part = next(events)
            return {"type": "http.request", "body": part, "more_body": part != b""}

        return await read_body(receive, length)

    assert asyncio.run(read(b"a" * 65_536, b"")) == b"a" * 65_536
    assert asyncio.run(read(b"a" * 65_536, b"b", b"")) is None
    assert asyncio.run(read(length=b"65537")) is None
    assert asyncio.run(read(length=b"9" * 30)) is None


def test_a_body_whose_client_has_gone_is_none_however_whole_it_looks() -> None:
    async def read() -> bytes | None:
        events = iter(
            ({"type": "http.request", "body": b"{}", "more_body": True}, {"type": "http.disconnect"})
        )

        async def receive() -> Any:
            return next(events)

        return await read_body(receive, b"300")

    assert asyncio.run(read()) is None


@pytest.mark.parametrize(
    ("header", "token"),
    [(None, None), (b"Basic x", None), (b"Bearer  t ", "t"), (b"bearer t", "t"), (b"Bearer ", "")],
)
def test_a_token_is_read_from_a_bearer_header(header: bytes | None, token: str | None) -> None:
    assert bearer_token(header) == token


def test_a_filter_sees_only_the_callers_accounts() -> None:
    def accounts(query: dict[str, str], principal: Principal) -> object:
        found = read_filter(query, principal)
        assert not isinstance(found, Refusal)
        return found.accounts

    assert accounts({}, SOME) == frozenset(("A", "B"))
    assert accounts({}, ALL) is None
    assert accounts({"accountId": "A"}, SOME) == frozenset(("A",))
    assert accounts({"accountId": "Z"}, SOME) == frozenset()
    assert accounts({"accountId": "Z"}, ALL) == frozenset(("Z",))


def test_a_cursor_and_times_are_read_back() -> None:
    last = uuid7()
    found = read_filter(
        {"cursor": cursor_of(last.bytes), "from": "2026-01-05T14:30:00 00:00", "to": "2026-01-06"}, SOME
    )
    assert not isinstance(found, Refusal)
    assert found.after == last
    assert (found.created_from is not None and found.created_from.hour, found.limit) == (14, 50)


def test_a_time_beyond_what_is_stored_is_a_bound() -> None:
    found = read_filter({"from": "0001-01-01T00:00:00+14:00", "to": "9999-12-31T23:59:59-14:00"}, SOME)
    assert not isinstance(found, Refusal)
    assert (found.created_from, found.created_to) == (TIME_MIN, TIME_MAX)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "x"},
        {"limit": "٣"},
        {"limit": "9" * 5000},
        {"cursor": "é"},
        {"cursor": "AAAA"},
        {"from": "yesterday"},
        {"to": "2026-13-01"},
        {"symbol": "a\0"},
        {"x": "y"},
    ],
)
def test_a_wrong_filter_is_refused(query: dict[str, str]) -> None:
    found = read_filter(query, SOME)
    assert isinstance(found, Refusal)
    assert len(found.fields) == 1


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"accounts": "A"},
        {"accounts": []},
        {"accounts": [1]},
        {"accounts": ["A"] * 1001},
        {"accounts": ["A"], "from": []},
        {"accounts": ["A"], "from": {"A": "1"}},
        {"accounts": ["A"], "from": {"B": 1}},
        {"accounts": ["A"], "from": {"A": True}},
        {"accounts": ["A"], "from": {"A": 2**31}},
        {"accounts": ["A"], "from": {"A": 1.0}},
        {"accounts": ["A"], "epoch": 7},
        {"accounts": ["A"], "epoch": "x" * 65},
        {"accounts": ["A"], "snapshot": 1},
        {"accounts": ["A"], "snapshot": True, "from": {"A": 1}},
    ],
)
def test_a_wrong_subscription_is_refused(message: dict[str, object]) -> None:
    assert isinstance(read_subscription(message), Refusal)


def test_a_subscription_names_each_account_once() -> None:
    assert read_subscription({"accounts": ["A", "B", "A"], "from": {"A": 0}}) == Subscribe(
        ORDERS, ["A", "B"], [], {"A": 0}
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type":"auth","token":"t"}', Auth("t")),
        ('{"type":"subscribe","accounts":["A"]}', Subscribe(ORDERS, ["A"], [], {})),
        ('{"type":"subscribe","accounts":["A"],"snapshot":true}', Subscribe(ORDERS, ["A"], [], {}, "", True)),
        (
            '{"type":"subscribe","accounts":["A"],"from":null,"epoch":"e"}',
            Subscribe(ORDERS, ["A"], [], {}, "e"),
        ),
        ('{"type":"unsubscribe","accounts":["A","A"]}', Unsubscribe(OF_ACCOUNTS, ["A"], [])),
        (
            '{"type":"subscribe","symbols":["AAPL"]}',
            Subscribe(frozenset((StreamChannel.QUOTES,)), [], ["AAPL"], {}),
        ),
        (
            '{"type":"subscribe","channels":["alerts","positions"],"accounts":["A"]}',
            Subscribe(frozenset((StreamChannel.ALERTS, StreamChannel.POSITIONS)), ["A"], [], {}),
        ),
        (
            '{"type":"unsubscribe","channels":["alerts"]}',
            Unsubscribe(frozenset((StreamChannel.ALERTS,)), [], []),
        ),
        (
            '{"type":"place","id":"1","order":{"limitPrice":1.10}}',
            Place("1", "API", {"limitPrice": Decimal("1.10")}),
        ),
        (
            '{"type":"cancel","id":"2","channel":"WEB","orderId":"01890a5d-ac96-774b-bcce-b302099a8057"}',
            Cancel("2", "WEB", UUID("01890a5d-ac96-774b-bcce-b302099a8057")),
        ),
        ('{"type":"ping"}', Ping()),
    ],
)
def test_every_type_of_message_is_read(text: str, message: object) -> None:
    assert read_message(text) == message
    assert read_message(text.encode()) == message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "the message is not JSON"),
        ("", "the message is not JSON"),
        ('{"type":"\\ud800"}', "the message is not JSON"),
        (b'{"type":"\xff"}', "the message is not JSON"),
        ("[" * 60_000, "the message is not JSON"),
        ("[]", "expected the message to be a JSON object, was a list"),
        ("[[[[]]]]", "expected the message to be a JSON object, was a list"),
        ('"ping"', "expected the message to be a JSON object, was a string"),
        ("7", "expected the message to be a JSON object, was a number"),
        ("1e5", "expected the message to be a JSON object, was a number"),
        ("null", "expected the message to be a JSON object, was null"),
        ("true", "expected the message to be a JSON object, was true or false"),
    ],
)
def test_a_message_that_is_no_object_is_refused_in_words(text: str | bytes, said: str) -> None:
    found = read_message(text)
    assert isinstance(found, Refusal)
    assert found.message.startswith(said)
    assert not found.fields


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("{}", "type", f"must be one of {TYPES}, was null"),
        ('{"type":"x"}', "type", f'must be one of {TYPES}, was "x"'),
        (
            '{"type":[]}',
            "type",
            f"must be one of {TYPES}, was a list",
        ),
        ('{"type":"auth"}', "token", "must be a bearer token"),
        ('{"type":"auth","token":5}', "token", "must be a bearer token"),
        ('{"type":"unsubscribe"}', "accounts", "must be a list of accounts, was null"),
        ('{"type":"unsubscribe","accounts":[[[[]]]]}', "accounts", "must be a list of accounts, was a list"),
        (
            '{"type":"subscribe","symbols":[],"channels":["quotes"]}',
            "symbols",
            "must be a list of symbols, was a list",
        ),
        ('{"type":"subscribe","channels":["quotes"]}', "symbols", "must be a list of symbols, was null"),
        (
            '{"type":"subscribe","channels":["alerts"],"accounts":["A"]}',
            "accounts",
            "are of none of the channels",
        ),
        (
            '{"type":"subscribe","channels":"orders","accounts":["A"]}',
            "channels",
            'must be a list of channels, was "orders"',
        ),
        (
            '{"type":"subscribe","channels":["fills"],"accounts":["A"]}',
            "channels",
            'must be of orders, executions, positions, quotes, alerts, was "fills"',
        ),
        (
            '{"type":"subscribe","channels":["positions"],"accounts":["A"],"from":{"A":1}}',
            "from",
            "is of none of the channels",
        ),
        ('{"type":"place","id":"","order":{}}', "id", 'must be a text of 1 to 64 characters, was ""'),
        ('{"type":"place","id":"1"}', "order", "must be an object, was null"),
        ('{"type":"cancel","id":"1","orderId":"x"}', "orderId", 'must be an orderId, was "x"'),
        ('{"type":"cancel","id":"1","id":"2"}', "id", "is given more than once"),
        ('{"type":"replace","id":"1","replace":{}}', "orderId", "must be an orderId, was null"),
        (f'{{"type":"replace","id":"1","orderId":"{ID}"}}', "replace", "must be an object, was null"),
        (
            f'{{"type":"suspend","id":"1","orderId":"{ID}","sequence":-1}}',
            "sequence",
            "must be a sequence of 0 or more, was -1",
        ),
        (f'{{"type":"resume","id":"1","orderId":"{ID}","key":""}}', "key", 'must be a text, was ""'),
        (f'{{"type":"suspend","id":"1","orderId":"{ID}","key":5}}', "key", "must be a text, was 5"),
        ('{"type":"cancelOrders","id":"1"}', "selection", "must be an object, was null"),
        (
            '{"type":"resumeOrders","id":"1","selection":{"x":1}}',
            "selection.x",
            "is not a field of a selection",
        ),
        (
            '{"type":"suspendOrders","id":"1","selection":{"olderThan":-1}}',
            "selection.olderThan",
            "must be a whole number from 0 to 31536000, was -1",
        ),
        ('{"type":"placeOrders","id":5}', "id", "must be a text of 1 to 64 characters, was 5"),
        (
            '{"type":"unsubscribe","accounts":{"a":1}}',
            "accounts",
            "must be a list of accounts, was an object",
        ),
    ],
)
def test_a_wrong_field_of_a_message_is_named(text: str, field: str, said: str) -> None:
    found = read_message(text)
    assert isinstance(found, Refusal)
    assert [(problem.field, problem.message) for problem in found.fields] == [(field, said)]


def test_the_answer_to_a_wrong_message_is_not_longer_than_a_message() -> None:
    for since in ({"x" * 60_000: 1}, {f"a{number}": -1 for number in range(9_000)}):
        found = read_subscription({"accounts": ["A"], "from": since})
        assert isinstance(found, Refusal)
        assert len(found.fields) <= PROBLEMS_MAX + 1
        assert sum(len(problem.field) + len(problem.message) for problem in found.fields) < 4_000


def test_a_second_caller_in_a_request_is_seen_whatever_stands_between() -> None:
    one, other, host = (b"authorization", b"Bearer a"), (b"accept", b"x"), (b"host", b"x")
    assert head_problem([host], "1.1") is head_problem([other, one, other, host], "1.1") is None
    for headers in ([one, host, one], [one, other, host, (b"authorization", b"")]):
        found = head_problem(headers, "1.1")
        assert found is not None and [problem.field for problem in found.fields] == ["Authorization"]


@pytest.mark.parametrize(
    ("hosts", "version", "good"), [(0, "1.1", False), (2, "1.1", False), (1, "1.1", True), (0, "1.0", True)]
)
def test_a_request_names_its_host_once(hosts: int, version: str, good: bool) -> None:
    found = head_problem([(b"host", b"x")] * hosts, version)
    assert (found is None) == good


@pytest.mark.parametrize(
    "coding", [b"gzip", b"br", b"deflate", b"gzip, identity", b"x" * 9_000, b"\xff", b""]
)
def test_a_body_in_a_coding_that_is_not_undone_is_refused(coding: bytes) -> None:
    found = head_problem([(b"host", b"x"), (b"content-encoding", coding)], "1.1")
    assert found is not None and [problem.field for problem in found.fields] == ["Content-Encoding"]
    assert len(found.fields[0].message) < 100
    assert head_problem([(b"host", b"x"), (b"content-encoding", b" Identity ")], "1.1") is None


@pytest.mark.parametrize(
    ("content_type", "good"),
    [
        (b"application/json; charset=utf-8", True),
        (b'Application/JSON ; x=y; CharSet = "UTF-8"', True),
        (b"application/json; notcharset=utf-16", True),
        (b"application/json;", True),
        (b"application/json; charset=utf-16", False),
        (b"application/json;charset=latin-1", False),
        (b"application/json; charset=", False),
        (b"application/json; charset=utf-8-sig", False),
    ],
)
def test_a_body_is_read_as_what_it_says_it_is(content_type: bytes, good: bool) -> None:
    found = decode_content(b"{}", content_type)
    assert isinstance(found, Refusal) != good
