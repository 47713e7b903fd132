"""What operators ask of a session: logged out and on, resends and resets, each answered and kept."""

import json
from typing import Any

from tests.hostile.floor import Floor
from tests.hostile.moved_venue import oms_fix, restart_adapter, shown_session

WHO = ("--reason", "exchange asked for it", "--by", "night desk")


def last_command(floor: Floor, venue_id: str) -> dict[str, Any]:
    """Return the newest row of fix_commands about a venue."""
    with floor.connection() as connection:
        row = connection.execute(
            "SELECT to_jsonb(c) FROM fix_commands c WHERE venue_id = %s ORDER BY requested_at DESC LIMIT 1",
            [venue_id],
        ).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    return found


def test_who_is_logged_out_stays_out_over_a_restart_and_its_orders_go_elsewhere(floor: Floor) -> None:
    session = floor["XNYS"].session
    rested, child = floor.rest("XNYS")
    logons = session.logons
    assert oms_fix(floor, "logout", "XNYS", *WHO).output == "XNYS: logged out\n"
    session.wait_for("5")
    why = "logged out by night desk: exchange asked for it"
    floor.until_logged("XNYS", "fix_session_down", why, since=0)
    assert why in shown_session(floor, "XNYS")
    restart_adapter(floor, without="XNYS")
    assert why in shown_session(floor, "XNYS")
    assert session.logons == logons
    placed = floor.place("XNYS", "XNAS", quantity=70)
    floor.await_children(placed, "XNAS")
    floor.goes_on(at="XNAS", disturbed=["XNYS"])
    assert session.logons == logons
    since = len(session.taken)
    assert oms_fix(floor, "logon", "XNYS", *WHO).output == "XNYS: logged on\n"
    floor["XNYS"].question(child, since=since)
    session.send("8", child.fill(100))
    floor.until_books(rested, [child], "FILLED")
    floor.await_routed_to("XNYS")
    command = last_command(floor, "XNYS")
    assert (command["kind"], command["requested_by"], command["outcome"]) == (
        "LOGON",
        "night desk",
        "logged on",
    )
    assert command["done_at"] is not None


def test_a_fill_that_a_venue_gap_filled_is_booked_when_it_is_sent_again(floor: Floor) -> None:
    session = floor["XNAS"].session
    placed, child = floor.rest("XNAS")
    missed = session.next_out
    session.gap_fills = True
    session.drop()
    session.send("8", child.fill(40))
    session.await_logon()
    floor.goes_on(at="XNAS", disturbed=["XNAS"])
    assert floor.order(placed)["cumQty"] == 0
    session.gap_fills = False
    shown = oms_fix(floor, "resend", "XNAS", "--from", str(missed), "--to", str(missed), *WHO).output
    assert shown == f"XNAS: asked for messages from {missed} to {missed}\n"
    asked = session.wait_for("2", lambda m: m.number(16) == missed)
    assert asked.number(7) == missed
    floor.until_order(placed, lambda order: order["cumQty"] == 40, "CumQty 40")
    session.send("8", child.fill(60))
    floor.until_books(placed, [child], "FILLED")
    assert last_command(floor, "XNAS")["arguments"] == {"from": missed, "to": missed}


def test_all_that_came_before_may_be_sent_again_and_changes_nothing(floor: Floor) -> None:
    session = floor["ARCX"].session
    placed, child = floor.rest("ARCX")
    session.send("8", child.fill(30))
    floor.until_books(placed, [child], "PARTIALLY_FILLED")
    oms_fix(floor, "resend", "ARCX", "--from", "1", *WHO)
    session.send("8", child.fill(70))
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="ARCX")


def test_a_reset_begins_both_sides_at_1_and_asks_for_every_open_child(floor: Floor) -> None:
    session = floor["BATS"].session
    placed, child = floor.rest("BATS")
    since = len(session.received)
    shown = oms_fix(floor, "reset", "BATS", *WHO).output
    assert shown == "BATS: logged on, both sides' numbers began at 1\n"
    (logon,) = session.of_type("A", since=since)
    assert (logon.seq, logon.get(141)) == (1, b"Y")
    session.wait(lambda: bool(session.of_type("H", since=since)), "35=H")
    assert session.of_type("H", since=since)[0].text(11) == child.cl_ord_id
    session.send("8", child.fill(100))
    floor.until_books(placed, [child], "FILLED")
    floor.goes_on(at="BATS", disturbed=["BATS"])


def test_a_reset_ends_what_numbers_that_are_too_low_keep_out(floor: Floor) -> None:
    session = floor["EDGX"].session
    session.shut()
    session.next_out, session.next_in = 1, 5_000_000
    session.takes_connections = True
    floor.until_logged("EDGX", "too low", since=floor.log_end() - 1)
    oms_fix(floor, "reset", "EDGX", *WHO)
    session.await_logon()
    floor.goes_on(at="EDGX", disturbed=["EDGX"])


def test_what_cannot_be_asked_is_refused_with_what_was_expected(floor: Floor) -> None:
    for words, expected in (
        (("logout", "NOWHERE", *WHO), "expected one of the venues"),
        (("logout", "XNYS", "--reason", " "), "expected a reason"),
        (("resend", "XNYS", "--from", "9", "--to", "3", *WHO), "expected --to to be at least 9"),
    ):
        result = oms_fix(floor, *words, ends_with=1)
        assert expected in str(result.exception)


def test_settings_that_cannot_be_used_are_refused_and_nothing_changes(floor: Floor) -> None:
    path = floor.secrets.parent / "wrong.json"
    path.write_text(json.dumps({"host": "127.0.0.1", "port": 0}))
    result = oms_fix(floor, "settings", "XNYS", "--set", str(path), *WHO, ends_with=1)
    assert "expected" in str(result.exception)
    shown = json.loads(oms_fix(floor, "settings", "XNYS").stdout)
    assert shown["target_comp_id"] == "XNYS"
    floor.goes_on(at="XNYS")


def test_settings_that_became_unusable_keep_one_session_out_and_say_why(floor: Floor) -> None:
    with floor.connection() as connection:
        connection.execute(
            "INSERT INTO venue_sessions (venue_id, settings, changed_at, changed_by, reason)"
            " VALUES ('ARCX', '{\"host\": \"x\", \"colour\": 1}', now(), 'somebody', 'by hand')"
        )
    restart_adapter(floor, without="ARCX")
    floor.until_logged("ARCX", "its settings cannot be used: expected no other field", since=0)
    assert "expected no other field than the known ones, found `colour`" in shown_session(floor, "ARCX")
    floor.goes_on(at="XNYS", disturbed=["ARCX"])
    oms_fix(floor, "settings", "ARCX", "--clear", *WHO)
    floor["ARCX"].session.await_logon()
    floor.goes_on(at="ARCX", disturbed=["ARCX"])


def test_commands_leave_the_judge_nothing_to_find(floor: Floor) -> None:
    floor.is_judged_clean()
