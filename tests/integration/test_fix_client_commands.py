"""`oms fix-clients` on a real database: what it stores, what it refuses, and what it never shows."""

import json
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from oms_platform.fix.clients import password_is
from oms_tools.cli.fix_client_commands import fix_clients
from oms_tools.laptop.layout import StackError

PASSWORD = "a-long-enough-password"


def run(dsn: str, *arguments: str, password: str = PASSWORD) -> Result:
    options = [] if arguments[0] == "list" else ["--by", "op"]
    return CliRunner().invoke(fix_clients, [*arguments, "--dsn", dsn, *options], input=f"{password}\n")


def listed(dsn: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(dsn, "list", "--json").output)
    return found


def refused(dsn: str, *arguments: str, password: str = PASSWORD) -> str:
    error = run(dsn, *arguments, password=password).exception
    assert isinstance(error, StackError), error
    return str(error)


def test_client_is_added_changed_disabled_and_listed_without_its_password(dsn: str) -> None:
    schedule = json.dumps({"zone": "America/New_York", "start": "07:00", "end": "20:00"})
    added = ("FUND", "--account", "ACC-INST-001", "--account", "ACC-HF-001", "--schedule", schedule)
    assert run(dsn, "add", *added).exit_code == 0
    (one,) = listed(dsn)
    assert (one["comp_id"], one["username"], one["kind"], one["enabled"]) == ("FUND", "FUND", "ORDERS", True)
    assert (one["accounts"], one["rights"]) == (["ACC-INST-001", "ACC-HF-001"], ["READ", "TRADE", "CANCEL"])
    assert one["schedule"]["days"] == ["MON", "TUE", "WED", "THU", "FRI"] and one["changed_by"] == "op"
    assert run(dsn, "set", "FUND", "--rights", "read,cancel", "--schedule", "").exit_code == 0
    assert run(dsn, "disable", "FUND").exit_code == 0
    (one,) = listed(dsn)
    assert (one["rights"], one["schedule"], one["enabled"]) == (["READ", "CANCEL"], None, False)
    assert one["accounts"] == ["ACC-INST-001", "ACC-HF-001"]
    assert run(dsn, "enable", "FUND").exit_code == 0
    assert run(dsn, "password", "FUND", password="another-long-password").exit_code == 0
    assert run(dsn, "add", "COPY", "--drop-copy", "--account", "ACC-HF-001").exit_code == 0
    wrong = run(dsn, "add", "HOUSE", "--drop-copy", "--firm", "NOBODY")
    assert wrong.exit_code and "firm: expected one that has accounts, found NOBODY" in str(wrong.exception)
    assert run(dsn, "add", "HOUSE", "--drop-copy", "--firm", "DEMO").exit_code == 0
    assert "firm DEMO" in run(dsn, "list").output
    assert run(dsn, "set", "HOUSE", "--rights", "read").exit_code == 0
    text = run(dsn, "list").output
    assert "COPY" in text and "DROP_COPY" in text and "scrypt" not in text
    assert "scrypt" not in run(dsn, "list", "--json").output
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT password_hash, version FROM fix_clients WHERE comp_id = 'FUND'"
        ).fetchone()
    assert row is not None and password_is("another-long-password", row[0]) and row[1] == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "A B", "--account", "ACC-HF-001"), "comp_id: expected"),
        (("add", "X"), "accounts: expected 1 to 100, each once, found none"),
        (("add", "X", "--account", "ACC-NONE"), "accounts: expected known ones, found ACC-NONE"),
        (("add", "X", "--account", "ACC-HF-001", "--rights", "ADMIN"), "rights: expected some of"),
        (("add", "X", "--account", "ACC-HF-001", "--schedule", "{"), "Input data was truncated"),
        (("set", "X", "--rights", "READ"), "no FIX client X"),
        (("password", "X"), "no FIX client X"),
        (("disable", "X"), "no FIX client X"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    dsn: str, arguments: tuple[str, ...], said: str
) -> None:
    assert refused(dsn, *arguments).startswith(said)
    assert listed(dsn) == []


def test_short_password_and_a_second_client_of_a_name_are_refused(dsn: str) -> None:
    added = ("add", "FUND", "--account", "ACC-HF-001")
    assert refused(dsn, *added, password="short").startswith("password: expected 12 to 128")
    assert run(dsn, *added).exit_code == 0
    assert "is there already" in refused(dsn, *added)
