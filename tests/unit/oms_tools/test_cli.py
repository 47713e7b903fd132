"""The command line's REST client against a real HTTP server, and an order's story as it is told."""

import io
import json
import re
import socketserver
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from oms_client.operations import Operations
from oms_platform.ids import uuid7
from oms_platform.messages import OrderEvent
from oms_platform.vocabulary import (
    CancelRejected,
    ChildRestated,
    ChildTerms,
    Message,
    OrderAccepted,
    OrderStatus,
    OrderType,
    PegPriced,
    RiskCheck,
    RoutePlaced,
    RouteRequested,
    SharesReleased,
    Side,
    StopTriggered,
    TimeInForce,
    TradeApplied,
)
from oms_platform.wire import encode
from oms_tools.cli.client import ApiClient, ApiError
from oms_tools.cli.log_in import fetch_token
from oms_tools.cli.main import cli
from oms_tools.cli.order_commands import expiry, order_terms
from oms_tools.cli.story import print_story
from oms_tools.laptop.dev_grants import PERSONAS
from tests.ingest import submit_order
from tests.ports import free_port
from tests.stand_in_api import stand_in

ORDER = {
    "orderId": "01900000-0000-7000-8000-000000000001",
    "accountId": "ACC-INST-001",
    "symbol": "AAPL",
    "side": "BUY",
    "quantity": 300,
    "limitPrice": "227.50",
    "timeInForce": "DAY",
    "status": "FILLED",
    "cumQty": 300,
    "avgPx": "227.406667",
    "minQuantity": 50,
}
AT = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)


def event(sequence: int, status: OrderStatus, change: Message) -> dict[str, Any]:
    """Return an event as REST shows it: its payload is what core published."""
    kind = type(change).__name__
    field = re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()
    payload = OrderEvent(
        event_id=uuid7(),
        order_id=UUID(str(ORDER["orderId"])),
        account_id="ACC-INST-001",
        client_order_id="c",
        sequence=sequence,
        stream_sequence=sequence,
        type=kind,
        status=status,
        symbol="AAPL",
        side=Side.BUY,
        quantity=300,
        occurred_at=AT,
        **{field: change},  # type: ignore[arg-type]
    )
    return shown(sequence, kind, status.name, payload)


def shown(sequence: int, kind: str, status: str, payload: Message) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "occurredAt": "2026-03-02T15:00:00.123456Z",
        "eventType": kind,
        "status": status,
        "payload": json.loads(encode(payload)),
    }


CHECK = RiskCheck(rule="BUYING_POWER_EXCEEDED", value="68250", bound="5000000000", passed=True)
ROUTE = RouteRequested(route_id=uuid7(), attempt=1, quantity=300, requested_at=AT)
CHILD = ChildTerms(
    order_id=UUID(str(ORDER["orderId"])),
    cl_ord_id="c-1-1",
    attempt=1,
    leg=1,
    account_id="ACC-INST-001",
    venue_id="XNYS",
    symbol="AAPL",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.IOC,
    quantity=300,
    limit_price_micros=227_500_000,
    min_quantity=50,
)
FILL = TradeApplied(
    venue_id="XNYS",
    exec_id="E1",
    cl_ord_id="c-1-1",
    last_qty=100,
    last_px_micros=227_420_000,
    transact_time=AT,
    received_at=AT,
)
VENUES: list[dict[str, Any]] = [
    {
        "venueId": "ARCX",
        "reason": "QUOTE_TOO_OLD: age_ms=900, age_ms_max=500",
    },
    {
        "venueId": "XNYS",
        "chosen": True,
        "bidPrice": "227.38",
        "bidSize": 500,
        "askPrice": "227.40",
        "askSize": 400,
        "feePerShare": "0.0030",
        "allInPrice": "227.4030",
        "score": "0.71",
        "terms": [{"weight": "0.50", "value": "1.00"}, {"weight": "0.35", "value": "0.60"}],
        "allocated": 300,
        "reason": "best all-in price",
    },
]
PLAN: dict[str, Any] = {
    "attempt": 1,
    "quantity": 300,
    "explanation": {
        "profile": "default",
        "profileVersion": 1,
        "nationalBestBid": "227.38",
        "nationalBestOffer": "227.40",
        "decisionUs": 180,
        "venues": VENUES,
        "summary": "all to XNYS",
    },
}
UNEXPLAINED = {"attempt": 2, "quantity": 7, "explanation": None, "children": [json.loads(encode(CHILD))]}
PAGES: dict[str, Any] = {
    f"/api/v1/orders/{ORDER['orderId']}": ORDER,
    f"/api/v1/orders/{ORDER['orderId']}/events": {
        "events": [
            shown(1, "OrderReceived", "NEW", submit_order()),
            event(
                2,
                OrderStatus.ACKNOWLEDGED,
                OrderAccepted(reserved_price_micros=1, checks=(CHECK,), risk_us=41, route=ROUTE),
            ),
            event(3, OrderStatus.ACKNOWLEDGED, ROUTE),
            event(4, OrderStatus.ACKNOWLEDGED, RoutePlaced(attempt=1, placed_at=AT, children=(CHILD,))),
            event(5, OrderStatus.PARTIALLY_FILLED, FILL),
            event(6, OrderStatus.FILLED, CancelRejected(request_id=uuid7(), reason="TOO_LATE")),
        ]
    },
    f"/api/v1/orders/{ORDER['orderId']}/routes": {
        "routes": [{"plan": PLAN}, {"plan": UNEXPLAINED, "explanationProblem": "the router is away"}]
    },
    f"/api/v1/orders/{ORDER['orderId']}/executions": {
        "executions": [
            {
                "transactTime": "2026-03-02T15:00:00.223456Z",
                "venueId": "XNYS",
                "lastQty": quantity,
                "lastPx": price,
                "execId": f"XNYS-{quantity}",
            }
            for quantity, price in ((100, "227.42"), (200, "227.40"))
        ]
    },
    "/api/v1/orders": {"orders": []},
    "/token": {"access_token": "a-token"},
}
REFUSAL = {
    "error": {
        "message": "the order is not valid",
        "fields": [
            {"field": "quantity", "message": "must be above 0"},
            {"field": "side", "message": "must be BUY or SELL"},
        ],
    }
}


class Api(BaseHTTPRequestHandler):
    """Answers PAGES; refuses orders without quantity; breaks on /broken."""

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/.well-known/openid-configuration":
            self._answer(200, json.dumps({"token_endpoint": f"http://{self.headers['Host']}/token"}).encode())
        elif path == "/text":
            self._answer(200, b"a page\nof  text")
        elif path == "/broken":
            self._answer(500, b"<html>oops</html>")
        elif path in PAGES:
            self._answer(200, json.dumps(PAGES[path]).encode())
        else:
            self._answer(404, b'{"error": {"message": "no such order"}}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            form = dict(urllib.parse.parse_qsl(body.decode()))
            if form["username"] == "trader1":
                self._answer(200, json.dumps(PAGES["/token"]).encode())
            elif form["username"] == "slow":
                self._answer(
                    400, b'{"error": "temporarily_unavailable", "error_description": "come back later"}'
                )
            else:
                self._answer(401, b'{"error": "invalid_grant", "error_description": "no such user"}')
        elif json.loads(body).get("quantity", 0) <= 0:
            self._answer(422, json.dumps(REFUSAL).encode())
        else:
            self._answer(201, json.dumps({"authorization": self.headers["Authorization"]}).encode())

    def do_DELETE(self) -> None:
        self._answer(202, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Leave requests out of the test's output."""


@pytest.fixture
def client() -> Iterator[ApiClient]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield ApiClient(f"http://127.0.0.1:{server.server_port}", "secret")
    server.shutdown()
    server.server_close()


def test_the_client_sends_its_token_and_gives_the_answers_body(client: ApiClient) -> None:
    assert client.post("/api/v1/orders", {"quantity": 1}) == {"authorization": "Bearer secret"}
    assert client.get("/api/v1/orders", limit="5") == {"orders": []}
    assert client.delete("/api/v1/orders/1") is None
    assert fetch_token(client.url, "trader1") == "a-token"


def test_an_issuers_refusal_is_told_in_plain_words(client: ApiClient) -> None:
    with pytest.raises(ApiError) as refused:
        fetch_token(client.url, "nobody", "guess")
    assert str(refused.value).startswith("no user nobody at this issuer, or a wrong password")
    # Whoever tries the demo learns who there is.
    assert [name for name in PERSONAS if name not in str(refused.value)] == []
    with pytest.raises(ApiError) as other:
        fetch_token(client.url, "slow")
    assert str(other.value) == f"{client.url}: come back later"


def test_a_deployment_that_the_environment_names_is_used_instead_of_the_stack_that_runs(
    client: ApiClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OMS_URL", client.url + "/")
    with pytest.raises(ApiError, match="OMS_ISSUER is required"):
        ApiClient.of_stack(tmp_path, "trader1").me()
    monkeypatch.setenv("OMS_ISSUER", client.url + "/")
    found = ApiClient.of_stack(tmp_path, "trader1")
    assert (found.url, found.token) == (client.url, "a-token")


def test_a_refusal_is_the_apis_own_sentence_with_its_fields(client: ApiClient) -> None:
    with pytest.raises(ApiError) as refused:
        client.post("/api/v1/orders", {"quantity": 0})
    assert (
        str(refused.value)
        == "the order is not valid (HTTP 422): quantity: must be above 0; side: must be BUY or SELL"
    )


def test_an_answer_that_is_no_json_and_an_api_that_is_away_are_errors_too(client: ApiClient) -> None:
    with pytest.raises(ApiError, match="HTTP 500: <html>oops</html>"):
        client.get("/broken")
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ApiError) as away:
        ApiClient(url, "x").get("/api/v1/orders")
    assert str(away.value) == f"no answer from {url}: Connection refused"
    with pytest.raises(ApiError, match=r"expected JSON from http.*/text, found a page of text"):
        client.get("/text")


def test_a_story_tells_events_the_route_cards_arithmetic_and_the_average(client: ApiClient) -> None:
    out = io.StringIO()
    print_story(Console(file=out, width=220), client, str(ORDER["orderId"]))
    told = out.getvalue()
    for sentence in (
        "BUY 300 AAPL limit 227.50 DAY, at least 50 at once for ACC-INST-001",
        "ACC-INST-001  →  FILLED, 300 done at 227.406667 on average",
        "1 risk check passed, in 41 µs: buying power 68,250 of 5 bn",
        "by trader1 through TEST",
        "attempt 1, 300 shares",
        "attempt 2: 7 shares, not explained: the router is away",
        "→ 300 to XNYS at 227.50 IOC, at least 50 at once",
        "300 to XNYS at 227.50",
        "100 @ 227.42 on XNYS",
        "TOO_LATE",
        "profile default version 1, NBBO 227.38 / 227.40, book 0.0 ms old, decided in 180 µs",
        "0.5×1 + 0.35×0.6 = 0.71",
        "QUOTE_TOO_OLD: age_ms=900, age_ms_max=500",
        "Σ quantity × price = 68,222.00 over 300 shares = 227.406667; the order says 227.406667",
    ):
        assert sentence in told
    assert told.index("XNYS", told.index("all-in")) < told.index("ARCX")


def test_without_a_running_stack_a_command_says_how_to_start_one(tmp_path: Any) -> None:
    result = CliRunner().invoke(cli, ["status", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "start one with `oms up" in str(result.exception)


def test_help_names_every_command() -> None:
    text = CliRunner().invoke(cli, ["-h"]).output
    for name in ("up", "down", "status", "demo", "submit", "cancel", "watch", "explain", "verify", "bench"):
        assert f"\n  {name} " in text


def test_a_minimum_quantity_is_sent_with_the_order_and_left_out_without() -> None:
    def body(minimum: int | None) -> Mapping[str, Any]:
        terms = order_terms(
            account="A",
            symbol="aapl",
            side="buy",
            quantity=100,
            min_quantity=minimum,
            limit_price=None,
            stop_price=None,
            tif="day",
            until=None,
            profile=None,
            avoid=(),
            prefer=(),
            capacity=None,
            tags=(),
            locate_id=None,
            display_qty=None,
            post_only=False,
        )
        return Operations.place.call(**terms).body or {}

    assert body(50)["minQuantity"] == 50
    assert "minQuantity" not in body(None)


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (None, {}),
        ("2026-11-30", {"expire_date": date(2026, 11, 30)}),
        ("2026-11-30T20:30:00Z", {"expire_time": datetime(2026, 11, 30, 20, 30, tzinfo=UTC)}),
        ("2026-11-30T20:30:00", "must be a time with its zone, was 2026-11-30T20:30:00"),
        ("tomorrow", "must be a date or a time with its zone, was tomorrow"),
    ],
)
def test_until_is_a_date_or_a_time_with_its_zone(until: str | None, expected: Any) -> None:
    if isinstance(expected, str):
        with pytest.raises(click.UsageError, match=expected):
            expiry(until)
    else:
        assert expiry(until) == expected


REASON = "QUOTE_TOO_OLD: " + ", ".join(f"measure_number_{number}={number}.5" for number in range(12))


def long_pages(trades: int, routes: int) -> dict[str, Any]:
    """Return the pages of an order with so many trades on two venues and so many routes."""
    place = f"/api/v1/orders/{ORDER['orderId']}"
    events = [event(2 + n, OrderStatus.PARTIALLY_FILLED, FILL) for n in range(trades)]
    for number, one in enumerate(events):
        one["payload"]["tradeApplied"]["venueId"] = "XNYS" if number % 2 else "A-VENUE-OF-A-LONG-NAME"
    refused = RoutePlaced(attempt=1, placed_at=AT, reason="NO_LIQUIDITY: touch=none")
    venues = [
        one | {"reason": REASON, "score": "0.123456", "terms": VENUES[1]["terms"] * 4} for one in VENUES
    ]
    card = {**PLAN["explanation"], "venues": venues, "summary": REASON}
    plans = [
        PLAN
        | {"attempt": n + 1, "explanation": card, "children": [json.loads(encode(CHILD))] if n % 2 else []}
        for n in range(routes)
    ]
    fills = [
        {
            "transactTime": "2026-03-02T15:00:00.223456Z",
            "venueId": "XNYS" if n % 2 else "XNAS",
            "lastQty": 100,
            "lastPx": f"227.{n:02d}0000",
            "execId": f"XNYS-{n:020d}",
        }
        for n in range(trades)
    ]
    return {
        place: ORDER,
        f"{place}/events": {"events": [*events, event(99, OrderStatus.FILLED, refused)]},
        f"{place}/routes": {"routes": [{"plan": plan} for plan in plans]},
        f"{place}/executions": {"executions": fills},
    }


def told(pages: dict[str, Any], width: int, *, every: bool) -> str:
    out = io.StringIO()
    with stand_in({f"GET {path}": page for path, page in pages.items()}) as api:
        client = ApiClient(api.url, "t")
        print_story(Console(file=out, width=width), client, str(ORDER["orderId"]), every)
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 100, 110, 200])
@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize(("trades", "routes"), [(2, 1), (40, 7)])
def test_a_story_fits_its_terminal_and_cuts_no_word(
    width: int, every: bool, trades: int, routes: int
) -> None:
    text = told(long_pages(trades, routes), width, every=every)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    words = " ".join(text.split())
    for reason in (
        REASON,
        "nothing was placed: no venue shows shares to trade with (NO_LIQUIDITY: touch=none)",
    ):
        assert reason in words
    assert "227.420000" not in text and "227.010000" not in text


def test_a_story_of_many_trades_and_routes_sums_them_up_first_unless_all_are_asked_for() -> None:
    pages = long_pages(40, 7)
    short = " ".join(told(pages, 80, every=False).split())
    whole = told(pages, 80, every=True)
    assert short.index("Fills by venue, 40 in all") < short.index("What happened")
    assert short.count("TradeApplied") == 1 and "40 trades: " in short
    assert (short.count("Route card"), short.count("--all tells why")) == (3, 4)
    assert whole.count("TradeApplied") == 40 and whole.count("Route card") == 7
    assert "--all" not in whole and whole.count("XNYS-0000") == 40
    few = told(long_pages(3, 2), 80, every=False)
    assert few.count("TradeApplied") == 3 and few.count("Route card") == 2 and "--all" not in few


def test_a_story_says_by_which_quote_an_order_is_priced_or_triggered_and_where_a_venue_has_moved_it() -> None:
    changes: list[tuple[Message, str]] = [
        (
            PegPriced(
                price_micros=227_380_000, bid_micros=227_390_000, offer_micros=227_410_000, priced_at=AT
            ),
            "227.38, by the quote 227.39 / 227.41",
        ),
        (
            PegPriced(price_micros=227_410_000, offer_micros=227_410_000, priced_at=AT),
            "227.41, by the quote – / 227.41",
        ),
        (
            StopTriggered(
                price_micros=230_000_000, bid_micros=229_990_000, offer_micros=230_000_000, triggered_at=AT
            ),
            "the market was 230.00, by the quote 229.99 / 230.00",
        ),
        (
            StopTriggered(price_micros=230_010_000, of_trade=True, triggered_at=AT),
            "the last trade was 230.01, by the quote – / –",
        ),
        (
            SharesReleased(quantity=1_200, slice=3, due_at=AT, released_at=AT),
            "1,200 shares in all may be worked",
        ),
        (
            ChildRestated(cl_ord_id="c-1-1", venue_id="DARK", quantity=1_100),
            "c-1-1 has 1,100 shares now, says DARK",
        ),
        (
            ChildRestated(cl_ord_id="c-1-1", venue_id="ARCX", quantity=100, limit_price_micros=227_380_000),
            "c-1-1 has 100 shares at 227.38 now, says ARCX",
        ),
    ]
    pages = long_pages(1, 1)
    place = f"/api/v1/orders/{ORDER['orderId']}"
    events = [event(n, OrderStatus.ACKNOWLEDGED, change) for n, (change, _) in enumerate(changes, 2)]
    pages[f"{place}/events"]["events"] = events
    words = " ".join(told(pages, 200, every=True).split())
    for _, said in changes:
        assert said in words


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """Serve one answer, byte by byte as it is, to every connection; yield the address."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<p>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 99\r\n\r\n{",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nnull",
        b'HTTP/1.1 400 No\r\nContent-Length: 14\r\n\r\n{"error": null}',
        b"HTTP/1.1 302 Go\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_whatever_answers_an_error_is_one_line_and_says_that_nothing_is_known(answer: bytes) -> None:
    with saying(answer) as url, pytest.raises(ApiError) as found:
        ApiClient(url, "t").post("/api/v1/orders", {})
    assert "\n" not in str(found.value) and str(found.value)
    assert found.value.refused == answer.startswith(b"HTTP/1.1 4")


def test_an_error_is_one_line_whatever_a_server_says() -> None:
    assert str(ApiError("two\r\nlines\tof  it")) == "two lines of it"


@pytest.mark.parametrize(
    "url", ["localhost:8080", "", "ftp://host/", "http://", "http://[::1", "http://h:port"]
)
def test_an_address_that_is_none_is_said_so(url: str) -> None:
    with pytest.raises(ApiError, match=r"expected an address such as http|no answer from http://h:port"):
        ApiClient(url, "t").get("/api/v1/orders")


@pytest.mark.parametrize("page", [{}, [], None, {"token_endpoint": 5}])
def test_an_issuer_without_its_endpoint_is_said_so(page: Any) -> None:
    with stand_in({}) as api:
        body = json.dumps(page).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
        with saying(head + body) as url, pytest.raises(ApiError, match="expected a token_endpoint from"):
            fetch_token(url, "trader1")
        assert fetch_token(api.url, "trader1") == "a-token"


@pytest.mark.parametrize("name", ["a b", "a?b=c", "../x", "ü", "a#b", "a%2fb", "a\nb"])
def test_an_id_that_is_none_is_asked_for_as_it_is(name: str) -> None:
    with stand_in({}) as api:
        with pytest.raises(ApiError, match=r"no such page \(HTTP 404\)"):
            ApiClient(api.url, "t").get(f"/api/v1/orders/{name}", limit="5")
        ((place, query, _),) = api.asked
        assert urllib.parse.unquote(place) == f"GET /api/v1/orders/{name}"
        assert query == {"limit": ["5"]}
