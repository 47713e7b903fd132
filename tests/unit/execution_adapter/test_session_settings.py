"""A venue's session as data: what cannot be used is refused, and the sentence says what was expected."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from execution_adapter.domain.session_settings import (
    Capabilities,
    ClOrdIds,
    SessionSettings,
    read_settings,
)
from oms_platform.fix.schedule import DAYS, Schedule
from oms_platform.vocabulary import ExecInst, Side
from tests.unit.execution_adapter.orders import child

LEAST: dict[str, Any] = {
    "host": "fix.venue.example",
    "port": 9880,
    "sender_comp_id": "OMS",
    "target_comp_id": "XNYS",
}
HOURS = {"zone": "America/New_York", "start": "09:00", "end": "17:00"}
WHOLE = LEAST | {
    "sender_sub_id": "DESK1",
    "target_sub_id": "GW 2",
    "on_behalf_of_comp_id": "CLIENT",
    "deliver_to_comp_id": "MATCH",
    "dialect": "FIX.4.2",
    "heartbeat_s": 20,
    "reset_on_logon": True,
    "logon_fields": {"9406": "Y"},
    "credentials": {"secret": "fix-xnys", "scheme": "raw_data", "username": "oms"},
    "tls": {"ca": "ca.pem", "certificate": "us.pem", "key": "us.key", "server_name": "fix.venue.example"},
    "schedule": HOURS | {"days": ["MON", "SUN"], "reset_at": "08:59:30"},
    "throttle": {"messages_per_second": 50, "queue_max": 10, "reject_texts": ["slow"], "backoff_ms": 500},
    "cl_ord_ids": {"length": 20, "alphabet": "upper"},
    "capabilities": {
        "order_status": False,
        "cancel_on_disconnect": True,
        "intermarket_sweeps": False,
        "locate_ids": True,
    },
}
# What is wrong, and what the sentence about it says.
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"hots": "a"}, "no other field", "hots"),
    ({"host": ""}, "host: expected a host name", "''"),
    ({"host": "a b"}, "host: expected a host name", "'a b'"),
    ({"host": "a\x01b"}, "host: expected a host name", "x01"),
    ({"port": 0}, "port: expected 1 to 65535", "0"),
    ({"port": 65_536}, "port: expected 1 to 65535", "65536"),
    ({"port": "9880"}, "port: expected `int`", "`str`"),
    ({"port": 9880.5}, "port: expected `int`", "`float`"),
    ({"port": None}, "port: expected `int`", "`null`"),
    ({"heartbeat_s": 0}, "heartbeat_s: expected 1 to 3600", "0"),
    ({"heartbeat_s": -1}, "heartbeat_s: expected 1 to 3600", "-1"),
    ({"sender_comp_id": ""}, "sender_comp_id: expected 1 to 64 printable", "''"),
    ({"target_comp_id": "X\x01"}, "target_comp_id: expected 1 to 64 printable", "x01"),
    ({"target_comp_id": "é"}, "target_comp_id: expected 1 to 64 printable", "é"),
    ({"sender_sub_id": " A"}, "sender_sub_id: expected 1 to 64 printable", "' A'"),
    ({"deliver_to_comp_id": "A" * 65}, "deliver_to_comp_id: expected 1 to 64 printable", "AAA"),
    ({"dialect": "FIX.4.3"}, "dialect: expected one of FIX.4.4, FIX.4.2", "'FIX.4.3'"),
    ({"reset_on_logon": "yes"}, "reset_on_logon: expected `bool`", "`str`"),
    ({"logon_fields": {"554": "x"}}, "logon_fields: expected a tag that no other setting is for", "'554'"),
    ({"logon_fields": {"0": "x"}}, "logon_fields: expected a tag", "'0'"),
    ({"logon_fields": {"09406": "x"}}, "logon_fields: expected a tag", "'09406'"),
    ({"logon_fields": {"²": "x"}}, "logon_fields: expected a tag", "²"),
    ({"logon_fields": {"9406": "a\x01553=b"}}, "logon_fields.9406: expected 1 to 64 printable", "x01"),
    ({"credentials": {}}, "credentials: expected the field `secret`", "none"),
    (
        {"credentials": {"secret": "../etc/passwd"}},
        "secret: expected the name of a secret",
        "'../etc/passwd'",
    ),
    ({"credentials": {"secret": "a", "password": "b"}}, "no other field", "password"),
    ({"credentials": {"secret": "a", "scheme": "x"}}, "scheme: expected one of password, raw_data", "'x'"),
    ({"credentials": {"secret": "a", "username": "a\x01b"}}, "username: expected", "x01"),
    ({"tls": {"ca": "/etc/ca.pem"}}, "ca: expected the name of a secret", "'/etc/ca.pem'"),
    ({"tls": {"certificate": "us.pem"}}, "certificate and key: expected both or none", "''"),
    (
        {"tls": {"verify": False}},
        "tls.verify: expected true unless the host is loopback",
        "fix.venue.example",
    ),
    (
        {"tls": {"verify": False}, "host": "127.0.0.1.example"},
        "tls.verify: expected true",
        "127.0.0.1.example",
    ),
    ({"schedule": HOURS | {"zone": "Mars/Base"}}, "zone: expected an IANA zone", "'Mars/Base'"),
    ({"schedule": HOURS | {"zone": "../zone"}}, "zone: expected an IANA zone", "'../zone'"),
    ({"schedule": HOURS | {"start": "9:00"}}, "start: expected a time HH:MM", "'9:00'"),
    ({"schedule": HOURS | {"end": "24:00"}}, "end: expected a time HH:MM", "'24:00'"),
    ({"schedule": HOURS | {"reset_at": "noon"}}, "reset_at: expected a time HH:MM", "'noon'"),
    ({"schedule": HOURS | {"days": []}}, "days: expected some of MON", "[]"),
    ({"schedule": HOURS | {"days": ["MON", "MON"]}}, "days: expected some of MON", "'MON', 'MON'"),
    ({"schedule": HOURS | {"days": ["Monday"]}}, "days: expected some of MON", "'Monday'"),
    ({"throttle": {"messages_per_second": 0}}, "messages_per_second: expected 1 to", "0"),
    ({"throttle": {"messages_per_second": 1, "queue_max": -1}}, "queue_max: expected 0 to", "-1"),
    ({"throttle": {"messages_per_second": 1, "backoff_ms": 0}}, "backoff_ms: expected 1 to", "0"),
    ({"throttle": {"messages_per_second": 1, "reject_texts": [" "]}}, "reject_texts: expected texts", "' '"),
    ({"cl_ord_ids": {"length": 13}}, "length: expected 14 to 64", "13"),
    ({"cl_ord_ids": {"length": 20, "alphabet": "digits"}}, "length: expected 23 to 64", "20"),
    ({"cl_ord_ids": {"length": 20, "alphabet": "hex"}}, "alphabet: expected one of digits", "'hex'"),
    ({"capabilities": {"baskets": True}}, "no other field", "baskets"),
]


@pytest.mark.parametrize(("change", "expected", "found"), WRONG, ids=[str(case[0]) for case in WRONG])
def test_what_cannot_be_used_is_refused_with_what_was_expected_and_found(
    change: dict[str, Any], expected: str, found: str
) -> None:
    for raw in (LEAST | change, json.dumps(LEAST | change)):
        with pytest.raises(ValueError, match="expected") as caught:
            read_settings(raw)
        assert expected in str(caught.value)
        assert "found" in str(caught.value)
        assert found in str(caught.value)


@pytest.mark.parametrize("name", LEAST)
def test_a_field_that_must_be_there_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"expected the field `{name}`, found none"):
        read_settings({key: value for key, value in LEAST.items() if key != name})


@pytest.mark.parametrize("raw", ["", "{", "[]", "null", '"text"', b"\xff"], ids=repr)
def test_what_is_no_json_object_is_refused_in_words(raw: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"expected .*, found"):
        read_settings(raw)


def test_settings_come_back_as_they_were() -> None:
    settings = read_settings(WHOLE)
    assert read_settings(msgspec.json.encode(settings)) == settings
    assert read_settings(msgspec.to_builtins(settings)) == settings
    assert read_settings(LEAST) == SessionSettings(**LEAST)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
def test_only_of_this_machine_a_certificate_need_not_be_checked(host: str) -> None:
    tls = read_settings(LEAST | {"host": host, "tls": {"verify": False}}).tls
    assert tls is not None
    assert not tls.verify


def test_the_least_length_leaves_room_for_children_and_requests() -> None:
    for alphabet, length in (("digits", 23), ("upper", 15), ("alphanumeric", 14)):
        rule = ClOrdIds(length=length, alphabet=alphabet)
        assert len(rule.characters) ** (length - rule.request_length) >= 2**56
        assert len(rule.characters) ** rule.request_length >= 1_000_000


# ---- hours


def at(text: str, zone: str = "America/New_York") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-01-05T08:59:59", ""),
        ("2026-01-05T09:00:00", "2026-01-05T17:00:00"),
        ("2026-01-05T16:59:59", "2026-01-05T17:00:00"),
        ("2026-01-05T17:00:00", ""),
        ("2026-01-10T12:00:00", ""),
        ("2026-07-06T09:00:00", "2026-07-06T17:00:00"),
    ],
)
def test_a_session_runs_within_its_hours_in_its_venues_zone(now: str, ends: str) -> None:
    assert Schedule(**HOURS).ends_at(at(now)) == (at(ends) if ends else None)


def test_a_session_may_end_on_the_day_after_it_starts() -> None:
    schedule = Schedule(zone="America/Chicago", start="17:00", end="16:00", days=("SUN", "MON"))
    saturday, sunday = at("2026-01-10T18:00", "America/Chicago"), at("2026-01-11T17:00", "America/Chicago")
    assert schedule.ends_at(saturday) is None
    assert schedule.starts_at(saturday) == sunday
    assert schedule.ends_at(sunday) == at("2026-01-12T16:00", "America/Chicago")
    assert schedule.ends_at(at("2026-01-13T15:59", "America/Chicago")) is not None
    assert schedule.ends_at(at("2026-01-13T16:00", "America/Chicago")) is None
    assert schedule.shown_start(saturday) == "2026-01-11 17:00:00 America/Chicago"


def test_the_hours_are_the_wall_clocks_on_the_days_on_which_it_changes() -> None:
    schedule = Schedule(zone="America/New_York", start="02:30", end="03:30", days=("SUN",))
    # 02:30 does not exist on 8 March 2026; on 1 November it comes after the hour that comes twice.
    assert schedule.ends_at(datetime(2026, 3, 8, 6, 59, tzinfo=UTC)) is None
    assert schedule.ends_at(datetime(2026, 11, 1, 7, 30, tzinfo=UTC)) == datetime(
        2026, 11, 1, 8, 30, tzinfo=UTC
    )


def test_numbers_begin_again_once_a_day() -> None:
    schedule = Schedule(**HOURS, reset_at="08:59")
    before, after = at("2026-01-05T08:58"), at("2026-01-05T09:00")
    assert schedule.reset_due(before, after)
    assert not schedule.reset_due(after, at("2026-01-05T16:00"))
    assert not schedule.reset_due(after, at("2026-01-06T08:58"))
    assert schedule.reset_due(after, at("2026-01-06T08:59"))
    assert not Schedule(**HOURS).reset_due(before, after)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
    st.times(),
    st.times(),
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
)
def test_a_session_is_on_until_its_end_and_off_until_its_next_start(
    now: datetime, zone: str, start: Any, end: Any, days: list[str]
) -> None:
    schedule = Schedule(zone=zone, start=f"{start:%H:%M:%S}", end=f"{end:%H:%M:%S}", days=tuple(days))
    ends, starts = schedule.ends_at(now), schedule.starts_at(now)
    moment = timedelta(seconds=1)
    assert starts > now
    assert ends is None or (ends > now and schedule.ends_at(ends - moment) is not None)
    # An hour that does not exist may leave nothing of a session.
    assert schedule.ends_at(starts) is not None or schedule.starts_at(starts) > starts
    if ends is None:
        assert schedule.ends_at(starts - moment) is None or schedule.ends_at(starts - moment) == starts


@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("exec_inst", [None, *ExecInst])
def test_only_who_takes_intermarket_sweeps_is_told_of_one(exec_inst: ExecInst | None, takes: bool) -> None:
    asked = child(exec_inst=exec_inst)
    told = Capabilities(intermarket_sweeps=takes).told(asked)
    kept = takes or exec_inst is not ExecInst.INTERMARKET_SWEEP
    assert told == (asked if kept else replace(asked, exec_inst=None))


def test_only_who_takes_locates_is_told_of_one() -> None:
    asked = child(side=Side.SELL_SHORT, locate_id="LOC-1", exec_inst=ExecInst.INTERMARKET_SWEEP)
    assert Capabilities(locate_ids=True).told(asked) == asked
    assert Capabilities().told(asked) == replace(asked, locate_id="")
    told = Capabilities(intermarket_sweeps=False).told(asked)
    assert told == replace(asked, locate_id="", exec_inst=None)
