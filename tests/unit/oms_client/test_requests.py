"""Requests of the client against servers that answer, refuse, cut off, and talk nonsense."""

import asyncio
import base64
import itertools
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

import oms_client
from oms_client import (
    ApiError,
    AsyncClient,
    Client,
    ClientCredentials,
    NoAnswerError,
    Policy,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
    UnreadableAnswerError,
)
from oms_client.exchange import Again, Exchange, Received
from oms_client.operations import Operations
from tests.ports import free_port
from tests.stand_in_api import CUT, Query, stand_in
from tests.unit.oms_client.answers import ORDER, PLACED

ORDERS = "/api/v1/orders"
PLACE = f"POST {ORDERS}"
AWAY = (503, {"detail": "the database is away", "code": "UNAVAILABLE", "status": 503, "fields": []})
FAST = Policy(timeout_s=2.0, deadline_s=5.0)
TERMS: dict[str, Any] = {"account": "ACC-INST-001", "symbol": "AAPL", "side": "BUY", "quantity": 100}


def sync_ask(url: str, token: Any, ask: Callable[[Any], Any], policy: Policy = FAST) -> Any:
    with Client(url, token, policy=policy) as client:
        return ask(client)


def async_ask(url: str, token: Any, ask: Callable[[Any], Awaitable[Any]], policy: Policy = FAST) -> Any:
    async def run() -> Any:
        async with AsyncClient(url, token, policy=policy) as client:
            return await ask(client)

    return asyncio.run(run())


both = pytest.mark.parametrize("ask", [sync_ask, async_ask], ids=["sync", "async"])


def in_turn(*answers: Any) -> Callable[[Query, Any], Any]:
    """Answer one after the other, and then the last for ever."""
    left = list(answers)
    return lambda _query, _body: left.pop(0) if len(left) > 1 else left[0]


@both
def test_an_order_whose_answer_was_lost_is_asked_for_again_under_the_same_id(ask: Any) -> None:
    rate = (
        429,
        {"detail": "slow down", "code": "RATE_LIMITED", "status": 429, "fields": []},
        {"Retry-After": "1"},
    )
    with stand_in({PLACE: in_turn(CUT, AWAY, rate, (200, PLACED | {"created": False}))}) as api:
        began = time.monotonic()
        found = ask(api.url, "t", lambda client: client.place(**TERMS, limit_price=Decimal("230.10")))
        assert time.monotonic() - began >= 1.0
    assert found.created is False
    bodies = [body for _, _, body in api.asked]
    assert len(bodies) == 4
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["limitPrice"] == "230.10" and bodies[0]["orderType"] == "LIMIT"


@both
def test_every_order_has_an_id_of_its_own_unless_it_is_given(ask: Any) -> None:
    with stand_in({PLACE: (201, PLACED)}) as api:
        for _ in range(2):
            ask(api.url, "t", lambda client: client.place(**TERMS))
        ask(api.url, "t", lambda client: client.place(**TERMS, client_order_id="mine-1", channel="BOT"))
    ids = [body["clientOrderId"] for _, _, body in api.asked]
    assert len(set(ids)) == 3 and ids[2] == "mine-1" and ids[0] < ids[1]
    assert [headers["X-OMS-Channel"] for headers in api.headers] == ["API", "API", "BOT"]


@both
@pytest.mark.parametrize("answer", [CUT, AWAY])
def test_what_may_not_be_done_twice_is_not_repeated_when_it_may_have_been_done(ask: Any, answer: Any) -> None:
    with stand_in({"POST /api/v1/kill-switches": answer}) as api, pytest.raises(UnavailableError) as found:
        ask(api.url, "t", lambda client: client.set_kill_switch(everything=True, reason="so"))
    assert len(api.asked) == 1
    assert not found.value.refused


@both
def test_a_token_that_is_refused_is_asked_for_anew_once(ask: Any) -> None:
    tokens = iter(["old", "new"])

    def answer(_query: Query, _body: Any) -> Any:
        return (
            ORDER
            if api.headers[-1]["Authorization"] == "Bearer new"
            else (401, {"detail": "no", "code": "X"})
        )

    with stand_in({f"GET {ORDERS}/1": answer}) as api:
        assert ask(api.url, lambda: next(tokens), lambda client: client.order("1")).symbol == "AAPL"
    assert [headers["Authorization"] for headers in api.headers] == ["Bearer old", "Bearer new"]


@both
def test_a_cancel_whose_answer_was_lost_is_not_called_refused_when_its_repeat_has_no_token(ask: Any) -> None:
    refused = (401, {"detail": "the token has expired", "code": "UNAUTHENTICATED"})
    with (
        stand_in({f"DELETE {ORDERS}/1": in_turn(CUT, refused)}) as api,
        pytest.raises(NoAnswerError) as found,
    ):
        ask(api.url, "t", lambda client: client.cancel("1"))
    assert not found.value.refused


@both
@pytest.mark.parametrize("source", ["static", lambda: "static", lambda: next(_numbered)])
def test_a_token_that_stays_refused_is_an_error(ask: Any, source: Any) -> None:
    refused = (401, {"detail": "the token has expired", "code": "UNAUTHENTICATED"})
    with stand_in({f"GET {ORDERS}/1": refused}) as api, pytest.raises(UnauthenticatedError) as found:
        ask(api.url, source, lambda client: client.order("1"))
    assert str(found.value) == "the token has expired (HTTP 401)"
    assert len(api.asked) <= 2


_numbered = (f"token-{number}" for number in itertools.count())


def jwt(seconds: float) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + seconds}).encode()).rstrip(b"=")
    return f"e30.{claims.decode()}.c2ln"


@both
def test_a_token_that_is_about_to_expire_is_renewed_before_it_is_refused(ask: Any) -> None:
    given: list[str] = []

    def source() -> str:
        given.append(jwt(600 if given else 1))
        return given[-1]

    with stand_in({f"GET {ORDERS}/1": ORDER}) as api:

        def three_times(client: Any) -> Any:
            client._tokens.keep(source())
            client._tokens._renew_at = time.time()
            if isinstance(client, Client):
                return [client.order("1") for _ in range(3)]

            async def run() -> Any:
                return [await client.order("1") for _ in range(3)]

            return run()

        ask(api.url, source, three_times)
    assert len(given) == 2
    assert {headers["Authorization"] for headers in api.headers} == {f"Bearer {given[1]}"}


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "é"])
def test_a_token_that_no_header_can_carry_is_said_so(token: str) -> None:
    with pytest.raises(ApiError, match="expected a token, found none or one that no header can carry"):
        sync_ask("http://127.0.0.1:1", token, lambda client: client.me())


@both
def test_a_machine_gets_its_tokens_by_client_credentials(ask: Any) -> None:
    with stand_in({f"GET {ORDERS}/1": ORDER}) as api:
        source = ClientCredentials("bot", "secret", issuer=api.url)
        ask(api.url, source, lambda client: client.order("1"))
        assert api.headers[-1]["Authorization"] == "Bearer a-token"
    with stand_in({}) as other, pytest.raises(ApiError, match=r"no such page \(HTTP 404\)"):
        ClientCredentials("bot", "secret", token_endpoint=f"{other.url}/elsewhere")()
    with pytest.raises(ValueError, match="either an issuer or a token_endpoint"):
        ClientCredentials("bot", "secret")


PROBLEM = {
    "type": "/docs/problems#X",
    "title": "X",
    "detail": "the request is not valid",
    "fields": [{"field": "quantity", "message": "must be above 0"}, {"field": "", "message": "and more"}],
    "orderStatus": "FILLED",
    "requestId": "r-1",
    "error": {"code": "X", "message": "as it was told before", "fields": []},
}
KINDS = {
    400: "InvalidRequestError", 401: "UnauthenticatedError", 403: "ForbiddenError", 404: "NotFoundError",
    405: "RefusedError", 409: "ConflictError", 422: "RefusedError", 429: "RateLimitedError",
    500: "UnavailableError", 503: "UnavailableError",
}  # fmt: skip


@both
@pytest.mark.parametrize(("status", "kind"), KINDS.items())
def test_a_problem_is_the_error_of_its_status_with_all_that_it_tells(
    ask: Any, status: int, kind: str
) -> None:
    body = PROBLEM | {"status": status, "code": "X"}
    once = Policy(tries_max=1)
    headers = {"Retry-After": "7"}
    with stand_in({f"GET {ORDERS}/1": (status, body, headers)}) as api, pytest.raises(ApiError) as found:
        ask(api.url, "t", lambda client: client.order("1"), once)
    error = found.value
    assert type(error) is getattr(oms_client, kind)
    assert str(error) == f"the request is not valid (HTTP {status}): quantity: must be above 0; and more"
    assert (error.code, error.status, error.order_status, error.request_id) == ("X", status, "FILLED", "r-1")
    assert error.fields[0] == ("quantity", "must be above 0")
    assert error.refused == (status < 500)
    if isinstance(error, RateLimitedError | UnavailableError):
        assert error.retry_after_s == 7.0


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve raw bytes to whoever connects."""
    stopping = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while not stopping.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    try:
                        talk(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        stopping.set()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


GARBAGE = [
    b"",
    b"SSH-2.0-OpenSSH\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<p>",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"[" * 20_000,
    b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nnull",
    b"HTTP/1.1 503 No\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n",
    b'HTTP/1.1 400 No\r\nContent-Length: 14\r\n\r\n{"error": null}',
    b"HTTP/1.1 302 Go\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
]


@both
@pytest.mark.parametrize("answer", GARBAGE)
def test_whatever_answers_an_order_ends_as_one_line_that_claims_nothing(ask: Any, answer: bytes) -> None:
    quick = Policy(timeout_s=1.0, tries_max=2)
    with server(lambda connection: connection.sendall(answer)) as url, pytest.raises(ApiError) as found:
        ask(url, "t", lambda client: client.place(**TERMS), quick)
    assert str(found.value) and "\n" not in str(found.value)
    assert found.value.refused == answer.startswith(b"HTTP/1.1 4")


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n")
    while True:
        connection.sendall(b"[")
        threading.Event().wait(0.02)


@both
@pytest.mark.parametrize("talk", [drip, lambda connection: connection.recv(1)], ids=["drips", "is silent"])
def test_a_server_that_drips_or_is_silent_holds_nobody_for_longer_than_the_deadline(
    ask: Any, talk: Any
) -> None:
    with (
        server(talk) as url,
        pytest.raises(NoAnswerError, match=r"no answer from http://127\.0\.0\.1:\d+ within"),
    ):
        ask(url, "t", lambda client: client.order("1"), Policy(timeout_s=0.3, deadline_s=0.5))


@both
def test_a_gateway_that_is_not_there_is_tried_again_until_the_deadline(ask: Any) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    began = time.monotonic()
    with pytest.raises(NoAnswerError) as found:
        ask(
            url,
            "t",
            lambda client: client.set_kill_switch(everything=True, reason="so"),
            Policy(deadline_s=0.5),
        )
    assert not found.value.sent
    assert str(found.value).startswith(f"no answer from {url}: ")
    assert time.monotonic() - began < 5


@both
@pytest.mark.parametrize(
    "url", ["localhost:8080", "", "ftp://host/", "http://", "http://[::1", "http://h:port"]
)
def test_an_address_that_is_none_is_said_so(ask: Any, url: str) -> None:
    with pytest.raises(ApiError, match="expected an address such as http://HOST:PORT, found"):
        ask(url, "t", lambda client: client.me())


@both
@pytest.mark.parametrize("name", ["a b", "a?b=c", "../x", "..", "ü", "a#b", "a%2fb", "a\nb"])
def test_an_id_that_is_none_is_asked_for_as_it_is_and_as_one_segment(ask: Any, name: str) -> None:
    with stand_in({}) as api:
        with pytest.raises(oms_client.NotFoundError):
            ask(f"{api.url}/behind/", "t", lambda client: client.order(name))
        ((place, _, _),) = api.asked
    prefix = f"GET /behind{ORDERS}/"
    assert place.startswith(prefix) and "/" not in place.removeprefix(prefix)


@both
@pytest.mark.parametrize("channel", ["two\nlines", "é", "\ud800"])
def test_what_no_request_can_carry_is_said_so_and_not_tried_again(ask: Any, channel: str) -> None:
    with stand_in({PLACE: (201, PLACED)}) as api:
        with pytest.raises(ApiError, match=r"expected (a request|text) that can be sent"):
            ask(api.url, "t", lambda client: client.place(**TERMS, channel=channel), Policy())
        with pytest.raises(ApiError, match="expected text that can be sent"):
            ask(api.url, "t", lambda client: client.place(**TERMS | {"symbol": "\ud800"}), Policy())
        assert not api.asked


def test_an_answer_of_another_shape_is_said_so_in_one_line() -> None:
    with (
        stand_in({f"GET {ORDERS}/1": ORDER | {"quantity": "many"}}) as api,
        pytest.raises(UnreadableAnswerError, match="the API's answer is not what this client reads: "),
    ):
        sync_ask(api.url, "t", lambda client: client.order("1"))


@pytest.mark.parametrize(("total", "most", "asked"), [(450, None, 3), (450, 210, 2), (1, 5, 1), (0, None, 1)])
def test_a_list_is_fetched_page_by_page_as_far_as_it_is_wanted(
    total: int, most: int | None, asked: int
) -> None:
    def answer(query: Query, _body: Any) -> Any:
        first = int(query.get("cursor", ["0"])[0])
        end = min(total, first + int(query["limit"][0]))
        rows = [ORDER | {"sequence": number} for number in range(first, end)]
        return {"orders": rows, "nextCursor": str(end) if end < total else None}

    async def collect(client: Any) -> list[int]:
        return [one.sequence async for one in client.orders(account=["A", "B"], is_open=True, most=most)]

    with stand_in({f"GET {ORDERS}": answer}) as api:
        found = sync_ask(api.url, "t", lambda client: [one.sequence for one in client.orders(most=most)])
        assert found == list(range(min(total, most or total)))
        assert len(api.asked) == asked
        assert async_ask(api.url, "t", collect) == found
        assert api.queries(f"GET {ORDERS}")[-1]["accountId"] == ["A", "B"]


NO_CONNECTION = NoAnswerError("x", sent=False)
LOST = NoAnswerError("x", sent=True)


def answered(status: int, retry_after: str = "") -> Received:
    return Received(status=status, body=b"{}", retry_after=retry_after)


# What is asked for again: as the table in exchange.py says.
RULES = [
    *((NO_CONNECTION, True, True), (LOST, True, False), (answered(429), True, True)),
    *((answered(status), True, False) for status in (502, 503, 504)),
    *((answered(status), False, False) for status in (302, 400, 403, 404, 409, 500, 501)),
]


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize(("outcome", "of_repeatable", "of_other"), RULES)
def test_a_request_is_repeated_as_the_rules_say(
    outcome: Any, of_repeatable: bool, of_other: bool, repeatable: bool
) -> None:
    call = Operations.me.call() if repeatable else Operations.retire_profile.call("x", reason="y")
    exchange = Exchange(call, FAST, lambda: 0.0)
    if of_repeatable if repeatable else of_other:
        assert isinstance(exchange.decide(outcome), Again)
    else:
        with pytest.raises(ApiError):
            exchange.decide(outcome)


def test_a_repeat_waits_as_it_is_told_and_else_longer_each_time_and_never_beyond_the_deadline() -> None:
    now_s = 0.0
    exchange = Exchange(Operations.me.call(), Policy(deadline_s=20.0, tries_max=100), lambda: now_s)
    told = exchange.decide(answered(503, "3"))
    assert isinstance(told, Again) and told.after_s == 3.0
    with pytest.raises(UnavailableError) as late:
        exchange.decide(answered(503, "21"))
    assert late.value.retry_after_s == 21.0
    waits = []
    with pytest.raises(NoAnswerError):
        while True:
            again = exchange.decide(LOST)
            assert isinstance(again, Again)
            waits.append(again.after_s)
            now_s += again.after_s
    assert min(waits) > 0 and max(waits) <= 2.0 and sum(waits) < 20.0
    assert exchange.timeout_s <= 20.0


@pytest.mark.parametrize("last", [401, 403, 429])
@pytest.mark.parametrize("first", [LOST, answered(503), answered(502)])
def test_a_repeat_that_is_refused_for_its_caller_does_not_claim_that_nothing_was_done(
    first: Any, last: int
) -> None:
    exchange = Exchange(Operations.cancel.call("1"), Policy(tries_max=3), lambda: 0.0)
    assert isinstance(exchange.decide(first), Again)
    with pytest.raises(ApiError) as found:
        for _ in range(2):
            exchange.decide(answered(last))
    assert not found.value.refused
    # Without such a try before it, a refusal is one.
    alone = Exchange(Operations.cancel.call("1"), Policy(tries_max=2), lambda: 0.0)
    with pytest.raises(ApiError) as plain:
        for _ in range(2):
            alone.decide(answered(last))
    assert plain.value.refused


def test_a_request_is_tried_no_more_often_than_the_policy_says() -> None:
    exchange = Exchange(Operations.me.call(), Policy(tries_max=3), lambda: 0.0)
    for _ in range(2):
        assert isinstance(exchange.decide(LOST), Again)
    with pytest.raises(NoAnswerError):
        exchange.decide(LOST)
