"""A client's FIX session as data."""

from datetime import UTC, datetime
from typing import Any

import pytest

from oms_platform.fix.clients import NOBODYS, ClientSettings, hash_password, password_is
from oms_platform.fix.schedule import Schedule


def settings(**changes: Any) -> ClientSettings:
    return ClientSettings(**{"comp_id": "FUND", "username": "fund", "accounts": ("A",)} | changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"comp_id": "a b"}, "comp_id"),
        ({"comp_id": ""}, "comp_id"),
        ({"username": "x\x01"}, "username"),
        ({"accounts": ()}, "accounts"),
        ({"accounts": ("A", "A")}, "accounts"),
        ({"accounts": tuple(map(str, range(101)))}, "accounts"),
        ({"kind": "BOTH"}, "kind"),
        ({"rights": ("ADMIN",)}, "rights"),
        ({"rights": ()}, "rights"),
        ({"firm": "DEMO"}, "firm"),
        ({"firm": "DEMO", "kind": "DROP_COPY", "rights": ("READ",)}, "firm"),
        ({"firm": "DEMO", "accounts": (), "rights": ("READ",)}, "firm"),
        ({"kind": "DROP_COPY"}, "rights"),
        ({"schedule": Schedule(zone="UTC", start="07:00", end="20:00", reset_at="06:00")}, "reset_at"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_the_fields_name(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValueError, match=f"{named}: expected .*, found"):
        settings(**changes)


def test_of_a_password_only_a_salted_hash_is_kept() -> None:
    first, second = hash_password("correct-horse"), hash_password("correct-horse")
    assert first != second and "correct-horse" not in first
    assert password_is("correct-horse", first) and password_is("correct-horse", second)
    assert not password_is("correct-hors", first)
    assert not password_is("", NOBODYS) and not password_is("correct-horse", NOBODYS)


@pytest.mark.parametrize("password", ["short", "x" * 129, "correct\x01horse", "größer-als-zwölf"])
def test_password_that_cannot_be_used_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(ValueError, match="password: expected") as refused:
        hash_password(password)
    assert password not in str(refused.value)


def test_a_session_started_when_its_schedule_says_also_the_day_before() -> None:
    night = Schedule(zone="America/New_York", start="20:00", end="17:00", days=("SUN", "MON"))
    monday = datetime(2026, 3, 2, 15, tzinfo=UTC)
    assert night.started_at(monday) == datetime(2026, 3, 2, 1, tzinfo=UTC)
    assert night.started_at(datetime(2026, 3, 2, 23, tzinfo=UTC)) is None
