"""Days of a calendar at a gateway: an early close, one day more, a day that is closed."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from oms_platform.clock import utc_now
from oms_platform.kafka.settings import KafkaSettings
from oms_tools.audit.verification import verify_database
from tests.integration.api_rig import Gateway, Reply, gateway

DAY = utc_now().date() + timedelta(days=30)


@pytest.fixture
def db(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def api(
    tmp_path: Path, dsn: str, memory_kafka: KafkaSettings, redis_port: int, cleanup: ExitStack
) -> Iterator[Gateway]:
    yield cleanup.enter_context(gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port))


def path(day: object = DAY, calendar: str = "XNYS") -> str:
    return f"/api/v1/calendars/{calendar}/sessions/{day}"


def put(api: Gateway, at: str | None = None, user: str = "admin1", **times: Any) -> Reply:
    return api.call("PUT", at or path(), {"reason": "storm"} | times, user)


def test_a_day_is_added_closes_early_and_is_closed_and_the_audit_says_why(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    assert sorted(put(api, closes="16:00").fields) == ["opens"]
    added = put(api, opens="09:30", closes="16:00")
    assert (added.status, added.json["sessionDate"], added.json["earlyClose"]) == (
        200, DAY.isoformat(), False,
    )  # fmt: skip
    early = put(api, closes="13:00", earlyClose=True)
    assert early.json["opensAt"] == added.json["opensAt"] and early.json["earlyClose"] is True
    assert early.json["closesAt"] < added.json["closesAt"]
    listed = api.call("GET", f"/api/v1/calendars/XNYS?first={DAY}&last={DAY}").json["sessions"]
    assert listed == [early.json]
    removed = api.call("DELETE", f"{path()}?reason=mourning", user="admin1")
    assert (removed.status, removed.json) == (200, early.json)
    assert api.call("DELETE", f"{path()}?reason=mourning", user="admin1").status == 404
    changes = db.execute(
        "SELECT operation, actor, reason FROM audit_log WHERE table_name = 'calendar_sessions'"
        " AND key->>'session_date' = %s ORDER BY sequence",
        (DAY.isoformat(),),
    ).fetchall()
    assert changes == [
        ("INSERT", "admin1", "storm"), ("UPDATE", "admin1", "storm"), ("DELETE", "admin1", "mourning"),
    ]  # fmt: skip
    assert verify_database(db).faults == []


def test_a_day_that_cannot_be_is_refused_by_its_field_and_nothing_is_stored(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    before = db.execute("SELECT count(*) FROM calendar_sessions").fetchone()
    both = {"opens": "09:30", "closes": "16:00"}
    for field, value in (
        ("opens", "9:30"), ("opens", "24:00"), ("opens", "09:30\n"), ("closes", "09:30"), ("closes", "-1"),
        ("closes", 13), ("earlyClose", "yes"), ("reason", " "), ("reason", "x" * 10_000), ("more", 1),
    ):  # fmt: skip
        assert list(put(api, **(both | {field: value})).fields) == [field], (field, value)
    for day in ("tomorrow", "2026-02-30", "20261224x", "<b>"):
        assert put(api, path(day.replace("<", "%3C")), **both).status == 400
    past = date(2020, 1, 2)
    assert put(api, path(past), **both).status == 400
    assert put(api, path(calendar="NONE"), **both).status == 404
    assert put(api, path(calendar="SIM"), **both).status == 409
    assert api.call("DELETE", path(), user="admin1").status == 400
    assert api.call("DELETE", f"{path()}?reason=%20", user="admin1").status == 400
    for user in ("trader1", "risk1", "viewer1"):
        assert put(api, user=user, **both).status == 403
    assert db.execute("SELECT count(*) FROM calendar_sessions").fetchone() == before
