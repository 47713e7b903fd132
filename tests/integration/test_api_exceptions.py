"""Execution exceptions at the gateway and on the command line: who sees, who closes, what is kept."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner

from oms_platform.exception_rows import insert_exceptions
from oms_platform.exceptions import ExceptionKind, ExecutionException
from oms_platform.ids import uuid7
from oms_platform.kafka.settings import KafkaSettings
from oms_tools.cli.client import ISSUER_VARIABLE, URL_VARIABLE
from oms_tools.cli.exception_commands import exceptions
from tests.integration.api_rig import Gateway, gateway, wait_for

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
def api(
    tmp_path: Path, dsn: str, memory_kafka: KafkaSettings, redis_port: int, cleanup: ExitStack
) -> Iterator[Gateway]:
    yield cleanup.enter_context(gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port))


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
        "187.250000",
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
