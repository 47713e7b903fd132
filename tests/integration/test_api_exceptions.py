"""Execution exceptions at the gateway and on the command line: who sees, who closes, what is kept."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner

from oms_platform.exception_rows import insert_exceptions
from oms_platform.exceptions import ExceptionKind, ExecutionException
from oms_platform.ids import uuid7
from oms_tools.cli.client import ISSUER_VARIABLE, URL_VARIABLE
from oms_tools.cli.exception_commands import exceptions
from tests.integration.api_rig import Gateway, wait_for

PATH = "/api/v1/exceptions"
RAW = b"8=FIX.4.4\x019=5\x0135=8\x0158=Ausf\xfchrung\x0110=000\x01"


def raised(dsn: str, kind: ExceptionKind, account_id: str | None, venue_id: str = "XNYS") -> UUID:
    """Store an exception as the adapter does, and return its id."""
    exception_id = uuid7()
    one = ExecutionException(
        exception_id=exception_id,
        identity=str(exception_id),
        kind=kind,
        raised_by="execution-adapter",
        venue_id=venue_id,
        order_id=None if account_id is None else uuid7(),
        account_id=account_id,
        exec_id="E1",
        last_qty=100,
        last_px_micros=187_250_000,
        detail="it was so",
        raw=RAW,
        raised_at=datetime.now(UTC),
    )
    with psycopg.connect(dsn, autocommit=True) as connection, connection.cursor() as cursor:
        insert_exceptions(cursor, [one])
    return exception_id


@pytest.fixture
def api(clean_gateway: Gateway) -> Gateway:
    return clean_gateway


@pytest.fixture
def dsn(clean_gateway: Gateway) -> str:
    return clean_gateway.dsn


def test_who_sees_an_account_sees_its_exceptions_and_the_desk_those_of_none(api: Gateway, dsn: str) -> None:
    own = raised(dsn, ExceptionKind.OVERFILL, "ACC-INST-001")
    foreign = raised(dsn, ExceptionKind.BAD_PRICE, "ACC-RET-005")
    nobodys = raised(dsn, ExceptionKind.UNKNOWN_ORDER, None, "XNAS")
    desk, trader = "desk", "trader1"

    def listed(user: str, query: str = "") -> list[str]:
        found = api.call("GET", f"{PATH}{query}", user=user).json["exceptions"]
        return [one["exceptionId"] for one in found]

    assert listed(desk) == [str(nobodys), str(foreign), str(own)]
    assert listed(trader) == [str(own)]
    assert listed(desk, "?venueId=XNAS") == listed(desk, "?kind=UNKNOWN_ORDER") == [str(nobodys)]
    assert len(listed(desk, "?limit=1")) == 1
    assert api.call("GET", f"{PATH}/{foreign}").status == 404
    assert api.call("GET", f"{PATH}/{nobodys}").status == 404
    found = api.call("GET", f"{PATH}/{own}").json
    assert (found["kind"], found["status"], found["lastQty"], found["lastPx"]) == (
        "OVERFILL",
        "OPEN",
        100,
        "187.25",
    )
    assert found["raw"] == "8=FIX.4.4|9=5|35=8|58=Ausführung|10=000|"


def test_one_that_is_ignored_keeps_who_and_why_and_is_closed_once(api: Gateway, dsn: str) -> None:
    exception_id = raised(dsn, ExceptionKind.CUM_QTY_DIFFERS, "ACC-INST-001")
    place = f"{PATH}/{exception_id}/ignore"
    closed = api.call("POST", place, body={"reason": "the venue busted it"})
    assert (closed.status, closed.json["status"], closed.json["reason"]) == (
        200,
        "IGNORED",
        "the venue busted it",
    )
    assert closed.json["closedBy"]
    again = api.call("POST", place, body={"reason": "again"})
    assert again.status == 409
    assert api.call("GET", f"{PATH}?status=OPEN").json["exceptions"] == []


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": 7}, {"reason": "x" * 501}, {"reason": "a\0"}]
)
def test_it_is_not_closed_without_a_reason(api: Gateway, dsn: str, body: dict[str, object]) -> None:
    exception_id = raised(dsn, ExceptionKind.GARBLED, "ACC-INST-001")
    answer = api.call("POST", f"{PATH}/{exception_id}/ignore", body=body)
    assert (answer.status, list(answer.fields)) == (400, ["reason"])


def test_who_may_only_read_closes_nothing(api: Gateway, dsn: str) -> None:
    exception_id = raised(dsn, ExceptionKind.GARBLED, "ACC-INST-001")
    body = {"reason": "no"}
    assert api.call("POST", f"{PATH}/{exception_id}/ignore", user="viewer1", body=body).status == 403


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=OPENED", "status"),
        ("kind=ODD", "kind"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("orderId=x", "orderId"),
        ("before=yesterday", "before"),
        ("venueId=%00", "venueId"),
        ("colour=red", "colour"),
    ],
)
def test_a_filter_that_cannot_be_is_named(api: Gateway, query: str, field: str) -> None:
    answer = api.call("GET", f"{PATH}?{query}", user="desk")
    assert (answer.status, list(answer.fields)) == (400, [field])
    assert api.call("GET", f"{PATH}/nothing", user="desk").status == 404


def test_the_command_line_lists_shows_and_ignores(api: Gateway, dsn: str) -> None:
    exception_id = raised(dsn, ExceptionKind.BAD_PRICE, "ACC-INST-001")
    environment = {
        URL_VARIABLE: f"http://127.0.0.1:{api.http_port}",
        ISSUER_VARIABLE: api.issuer,
        "COLUMNS": "300",
    }

    def run(*words: str) -> str:
        result = CliRunner().invoke(exceptions, list(words), env=environment)
        assert result.exit_code == 0, result.output
        return result.output

    wait_for(lambda: str(exception_id) in run("list"), "the exception")
    assert "BAD_PRICE" in run("list")
    assert json.loads(run("show", str(exception_id)))["detail"] == "it was so"
    assert json.loads(run("ignore", str(exception_id), "--reason", "settled"))["status"] == "IGNORED"
    assert "0 exceptions" in run("list")
    assert str(exception_id) in run("list", "--all")


# ---- booking


def requests_of(dsn: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the kind and the content of each request that was stored, the oldest first."""
    with psycopg.connect(dsn) as connection:
        return list(connection.execute("SELECT kind, payload FROM order_requests ORDER BY request_id"))


def name_order(dsn: str, exception_id: UUID, order_id: str) -> None:
    """Let an exception be of a stored order."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "UPDATE execution_exceptions SET order_id = %s WHERE exception_id = %s", (order_id, exception_id)
        )


def test_a_booking_goes_to_the_order_that_the_exception_names(api: Gateway, dsn: str) -> None:
    exception_id = raised(dsn, ExceptionKind.BAD_PRICE, "ACC-INST-001")
    order = {"clientOrderId": "b1", "accountId": "ACC-INST-001", "symbol": "AAPL", "side": "BUY"}
    placed = api.call("POST", "/api/v1/orders", body=order | {"orderType": "MARKET", "quantity": 100})
    name_order(dsn, exception_id, placed.json["orderId"])
    answer = api.call("POST", f"{PATH}/{exception_id}/book", body={"reason": "by phone", "lastPx": "187.30"})
    assert (answer.status, answer.json["status"]) == (202, "BOOKING")
    assert answer.json["orderId"] == placed.json["orderId"]
    kind, content = requests_of(dsn)[-1]
    assert (kind, content["requestId"], content["orderId"]) == (
        "BOOK",
        answer.json["requestId"],
        placed.json["orderId"],
    )
    booking = content["booking"]
    assert (booking["execId"], booking["lastQty"], booking["lastPxMicros"], booking["reason"]) == (
        "E1",
        100,
        187_300_000,
        "by phone",
    )
    shown = api.call("GET", f"{PATH}/{exception_id}").json
    assert (shown["status"], shown["reason"]) == ("BOOKING", "by phone")


def test_a_trade_of_no_order_gets_a_record_in_the_account_that_is_named_and_only_one(
    api: Gateway, dsn: str
) -> None:
    exception_id = raised(dsn, ExceptionKind.UNKNOWN_ORDER, None)
    place = f"{PATH}/{exception_id}/book"
    body = {"reason": "ours", "symbol": "MSFT", "side": "SELL"}
    answer = api.call("POST", place, user="desk", body=body)
    assert (answer.status, list(answer.fields)) == (400, ["accountId"])
    body["accountId"] = "ACC-INST-002"
    answers = [
        api.call("POST", place, user="desk", body=body | more)
        for more in ({}, {}, {"side": "BUY"}, {"accountId": "ACC-INST-003"})
    ]
    assert [answer.status for answer in answers] == [202, 409, 409, 400]
    ((kind, content),) = requests_of(dsn)
    assert (kind, content["terms"]["accountId"], content["terms"]["symbol"]) == (
        "NEW",
        "ACC-INST-002",
        "MSFT",
    )
    assert content["terms"]["side"] == "SIDE_SELL"


def test_a_claim_whose_request_was_never_stored_is_free_again_and_one_that_was_is_not(
    api: Gateway, dsn: str
) -> None:
    exception_id = raised(dsn, ExceptionKind.UNKNOWN_ORDER, "ACC-INST-002")
    place, body = f"{PATH}/{exception_id}/book", {"reason": "ours", "symbol": "MSFT", "side": "SELL"}

    def later() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(
                "UPDATE execution_exceptions"
                " SET status = 'BOOKING', booking_at = now() - interval '2 minutes'"
            )

    later()
    assert api.call("POST", place, user="desk", body=body).status == 202
    later()
    assert api.call("POST", place, user="desk", body=body | {"side": "BUY"}).status == 409
    assert len(requests_of(dsn)) == 1


def test_a_trade_on_the_other_side_of_its_order_gets_a_record_in_the_orders_account(
    api: Gateway, dsn: str
) -> None:
    exception_id = raised(dsn, ExceptionKind.CONTRADICTS_CHILD, "ACC-INST-001")
    order = {"clientOrderId": "b2", "accountId": "ACC-INST-001", "symbol": "AAPL", "side": "BUY"}
    placed = api.call("POST", "/api/v1/orders", body=order | {"orderType": "MARKET", "quantity": 100})
    name_order(dsn, exception_id, placed.json["orderId"])
    body = {"reason": "the venue is right", "side": "SELL"}
    answer = api.call("POST", f"{PATH}/{exception_id}/book", body=body)
    assert answer.json["orderId"] != placed.json["orderId"]
    kind, content = requests_of(dsn)[-1]
    assert (kind, content["terms"]["accountId"], content["terms"]["side"]) == (
        "NEW",
        "ACC-INST-001",
        "SIDE_SELL",
    )


def test_a_booking_that_cannot_be_is_refused_by_field(api: Gateway, dsn: str) -> None:
    exception_id = raised(dsn, ExceptionKind.BAD_PRICE, "ACC-INST-001")
    whole = {"reason": "so", "symbol": "AAPL", "side": "BUY"}
    for field, value in (
        ("reason", ""),
        ("lastQty", 0),
        ("lastQty", "many"),
        ("lastPx", "0"),
        ("lastPx", "NaN"),
        ("lastPx", "1.0000001"),
        ("symbol", "NONE"),
        ("side", "UP"),
        ("accountId", "ACC-RET-005"),
        ("colour", "red"),
    ):
        answer = api.call("POST", f"{PATH}/{exception_id}/book", body=whole | {field: value})
        assert (answer.status, list(answer.fields)) == (400, [field]), (field, value)
    assert api.call("GET", f"{PATH}/{exception_id}").json["status"] == "OPEN"
    assert requests_of(dsn) == []


def test_what_is_in_the_position_already_or_closed_is_not_booked(api: Gateway, dsn: str) -> None:
    body = {"reason": "so", "symbol": "AAPL", "side": "BUY"}
    overfill = raised(dsn, ExceptionKind.OVERFILL, "ACC-INST-001")
    assert list(api.call("POST", f"{PATH}/{overfill}/book", body=body).fields) == ["kind"]
    ignored = raised(dsn, ExceptionKind.BAD_PRICE, "ACC-INST-001")
    api.call("POST", f"{PATH}/{ignored}/ignore", body={"reason": "no"})
    assert api.call("POST", f"{PATH}/{ignored}/book", body=body).status == 409
    foreign = raised(dsn, ExceptionKind.BAD_PRICE, "ACC-RET-005")
    assert api.call("POST", f"{PATH}/{foreign}/book", body=body).status == 404
    own = raised(dsn, ExceptionKind.BAD_PRICE, "ACC-INST-001")
    assert api.call("POST", f"{PATH}/{own}/book", user="viewer1", body=body).status == 403


def test_a_client_cannot_use_the_channel_of_bookings(api: Gateway) -> None:
    order = {"clientOrderId": "b3", "accountId": "ACC-INST-001", "symbol": "AAPL", "side": "BUY"}
    answer = api.call(
        "POST",
        "/api/v1/orders",
        body=order | {"orderType": "MARKET", "quantity": 100},
        X_OMS_Channel="BOOKING",
    )
    assert answer.status == 400
