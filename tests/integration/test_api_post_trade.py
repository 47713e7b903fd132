"""After the trade, at the gateway and on the command line: who sees what, and whose word on it is kept."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from click.testing import CliRunner

from oms_platform.ids import uuid7
from oms_platform.vocabulary import Side, TradeApplied
from oms_tools.cli.alert_commands import alerts
from oms_tools.cli.client import ISSUER_VARIABLE, URL_VARIABLE
from oms_tools.cli.surveillance_commands import surveillance
from tests.integration.api_rig import Gateway, event, gateway_alone, store_events

PATH = "/api/v1/risk/alerts"
_INSERT = """
INSERT INTO risk_alerts (alert_id, rule, scope, account_id, partition, level, share_pct, value, bound,
    headroom, worst, unit, set_for, times_raised, version, first_seen, last_seen)
VALUES (%s, %s, %s, %s, %s, 'WARNING', 80, '80.00', '100.00', '20.00', '81.00', 'dollars', 'everything', 1, 1,
    now(), now())
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, postgres_port: int, redis_port: int) -> Iterator[Gateway]:
    with gateway_alone(tmp_path_factory.mktemp("alerts"), postgres_port, redis_port) as made:
        yield made


def raised(api: Gateway, account: str | None, rule: str = "GROSS_EXPOSURE_EXCEEDED") -> str:
    """Store an alert as core does, of an account or, None, of a firm."""
    alert_id = str(uuid7())
    scope = {"firm": "DEMO"} if account is None else {"firm": "DEMO", "account": account}
    change(api, _INSERT, alert_id, rule, json.dumps(scope), account, 0 if account is None else None)
    return alert_id


def change(api: Gateway, statement: str, *values: object) -> None:
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        connection.execute(statement, values)


def seen(api: Gateway, alert_id: str, user: str = "risk1", **body: Any) -> Any:
    return api.call("POST", f"{PATH}/{alert_id}/acknowledge", {"note": "so", **body}, user)


def test_an_alert_is_seen_by_its_account_and_acknowledged_once_for_each_time_it_was_raised(
    api: Gateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own, foreign = raised(api, "ACC-INST-001"), raised(api, "ACC-RET-005")
    firms = raised(api, None, "FIRM_CREDIT_EXCEEDED")

    def listed(user: str, query: str = "") -> set[str]:
        return {one["alertId"] for one in api.call("GET", f"{PATH}{query}", user=user).json["alerts"]}

    assert listed("risk1") == {own, foreign, firms}
    assert listed("trader1") == {own}
    assert listed("risk1", "?rule=FIRM_CREDIT_EXCEEDED") == {firms}
    assert listed("risk1", "?accountId=ACC-RET-005&level=WARNING&state=OPEN") == {foreign}
    assert seen(api, own, "trader1").status == 403
    assert seen(api, str(uuid7())).status == 404

    refused = seen(api, own, timesRaised=2)
    assert refused.status == 409
    assert refused.json["error"]["message"] == "not acknowledged: it was raised 1 times by now, 2 was given"
    taken = seen(api, own, timesRaised=1)
    assert (taken.status, taken.json["state"], taken.json["acknowledgedBy"]) == (200, "ACKNOWLEDGED", "risk1")
    again = seen(api, own)
    assert (again.status, again.json["error"]["message"]) == (
        409,
        "not acknowledged: it is ACKNOWLEDGED by risk1",
    )
    assert listed("risk1", "?state=ACKNOWLEDGED") == {own}
    change(api, "UPDATE risk_alerts SET times_raised = 2, level = 'BREACH' WHERE alert_id = %s", own)
    assert listed("risk1", "?state=OPEN") == {own, foreign, firms}
    assert seen(api, own, timesRaised=1).status == 409
    change(api, "UPDATE risk_alerts SET cleared_at = now() WHERE alert_id = %s", foreign)
    late = seen(api, foreign)
    assert (late.status, late.json["error"]["message"]) == (409, "not acknowledged: it is CLEARED")
    for wrong in ({"note": " "}, {"timesRaised": 0}, {"more": 1}):
        assert seen(api, own, **wrong).status == 400

    made = api.call("GET", "/api/v1/audit?table=risk_alert_acks", user="risk1").json["changes"]
    assert [(one["actor"], one["reason"]) for one in made] == [("risk1", "so")]

    monkeypatch.setenv(URL_VARIABLE, f"http://127.0.0.1:{api.http_port}")
    monkeypatch.setenv(ISSUER_VARIABLE, api.issuer)
    place = ["--data", str(tmp_path)]
    text = CliRunner().invoke(alerts, ["list", *place])
    assert text.exit_code == 0, text.output
    assert own in text.output and foreign not in text.output and "2 alerts" in text.output
    answer = CliRunner().invoke(alerts, ["ack", own, "--note", "by noon", "--times-raised", "2", *place])
    assert json.loads(answer.output)["note"] == "by noon", answer.output
    everything = CliRunner().invoke(alerts, ["list", "--all", "--json", *place])
    assert {one["state"] for one in json.loads(everything.output)["alerts"]} == {
        "OPEN",
        "ACKNOWLEDGED",
        "CLEARED",
    }


def traded(api: Gateway, side: str, number: int, at: datetime) -> str:
    """Place an order and store a trade of it as core does. Returns its id."""
    body = {"accountId": "ACC-INST-001", "symbol": "AAPL", "side": side}
    order_id = api.place("desk", clientOrderId=f"wash-{number}", **body).json["orderId"]
    about: dict[str, Any] = {"order_id": UUID(order_id), "side": Side[side], "occurred_at": at}
    trade = TradeApplied(
        venue_id="XNYS", exec_id=f"E{number}", cl_ord_id=f"c{number}", last_qty=100,
        last_px_micros=100_000_000,
        transact_time=at, received_at=at,
    )  # fmt: skip
    store_events(
        api,
        event("ACC-INST-001", 2 * number, **about),
        event("ACC-INST-001", 2 * number + 1, sequence=3, type="TradeApplied", trade_applied=trade, **about),
    )
    return order_id


def test_a_day_is_looked_at_and_what_was_found_is_reviewed_by_a_person(
    api: Gateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    orders = {traded(api, "BUY", 1, now), traded(api, "SELL", 2, now + timedelta(seconds=2))}
    with psycopg.connect(api.dsn) as connection:
        row = connection.execute(
            "SELECT zone, coalesce(continuous_from, '00:00') FROM calendars"
            " JOIN instruments USING (calendar_id)"
            " WHERE symbol = 'AAPL'"
        ).fetchone()
    assert row is not None
    local = now.astimezone(ZoneInfo(row[0]))
    today = (local - timedelta(hours=row[1].hour, minutes=row[1].minute)).date().isoformat()
    place = ["--dsn", api.dsn, "--data", str(tmp_path)]
    wrong = CliRunner().invoke(surveillance, ["run", "--date", today, "--set", "WASH.window_s=0", *place])
    assert "WASH.window_s must be 1 to 86400, was 0" in str(wrong.exception)
    for by in ("first", "second"):
        made = CliRunner().invoke(surveillance, ["run", "--date", today, "--json", "--by", by, *place])
        assert made.exit_code == 0, made.output
        answer = json.loads(made.output)
        assert (answer["orders"], answer["executions"]) == (2, 2)
        assert [one["pattern"] for one in answer["findings"]] == ["WASH"]

    monkeypatch.setenv(URL_VARIABLE, f"http://127.0.0.1:{api.http_port}")
    monkeypatch.setenv(ISSUER_VARIABLE, api.issuer)
    path = "/api/v1/surveillance"
    reports = api.call("GET", f"{path}/reports?day={today}", user="risk1").json["reports"]
    assert [(one["runBy"], one["findings"]) for one in reports] == [("second", 1), ("first", 1)]
    assert len({one["digest"] for one in reports}) == 1
    assert reports[0]["parameters"]["WASH"]["window_s"] == 60
    [found] = api.call("GET", f"{path}?day={today}&pattern=WASH&state=OPEN", user="risk1").json["findings"]
    assert (found["reportId"], set(found["orders"])) == (reports[0]["reportId"], orders)
    assert api.call("GET", path, user="trader1").status == 403
    assert api.call("GET", f"{path}?day=2026-02-30", user="risk1").status == 400
    assert api.call("POST", f"{path}/{uuid7()}/review", {"note": "so"}, "risk1").status == 404
    said = CliRunner().invoke(
        surveillance, ["review", found["findingId"], "--note", "two clients", "--data", str(tmp_path)]
    )
    assert json.loads(said.output)["state"] == "REVIEWED", said.output
    assert api.call("GET", f"{path}?state=OPEN", user="risk1").json["findings"] == []
    # A later run finds the same orders, which a person has looked at already.
    assert CliRunner().invoke(surveillance, ["run", "--date", today, *place]).exit_code == 0
    [again] = api.call("GET", path, user="risk1").json["findings"]
    assert (again["state"], again["reviewedBy"], again["note"]) == ("REVIEWED", "risk1", "two clients")
    text = CliRunner().invoke(surveillance, ["findings", "--all", "--data", str(tmp_path)])
    assert "two clients" in text.output and "1 finding" in text.output
    with psycopg.connect(api.dsn, autocommit=True) as connection, pytest.raises(psycopg.IntegrityError):
        connection.execute("UPDATE surveillance_findings SET why = 'nothing'")
