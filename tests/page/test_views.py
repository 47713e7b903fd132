"""The views beside the orders in a real browser, on a whole stack."""

import json
import re
import time
import uuid
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Locator, expect

from oms_client.errors import NotFoundError
from oms_tools.laptop.parts import postgres_dsn
from tests.e2e.orders import place, until_status
from tests.page.desk import ANSWER_MS_MAX, Desk, filled, resting
from tests.page.test_truth import BENT_SOCKET
from tests.stack_rig import StackRig

DIALOG = "dialog[open]"
HTML = '<img src=x onerror="window.foreign = 1">'
VIEWS = ("positions", "risk", "controls", "venues", "quality", "admin")
IN_EFFECT_S = 1.5


def go(desk: Desk, view: str) -> None:
    """Go to a view by its link."""
    desk.page.locator(f'nav a[href="#{view}"]').click()
    expect(desk.page.locator(f'nav a[href="#{view}"]')).to_have_attribute("aria-current", "page")


def say_why(desk: Desk, reason: str, action: str) -> None:
    """Answer the dialog that asks why, and wait until it is gone."""
    dialog = desk.page.locator(DIALOG)
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=action, exact=True).click()
    expect(desk.page.locator(DIALOG)).to_have_count(0, timeout=ANSWER_MS_MAX)


def row(desk: Desk, pane: str, *texts: str) -> Locator:
    """Return the rows of a pane's tables that have these texts."""
    found = desk.page.locator(f".{pane} tbody tr")
    for text in texts:
        found = found.filter(has_text=text)
    return found


# ---- positions


def test_a_position_is_marked_and_adds_up_to_what_rest_says(rig: StackRig, desk: Desk) -> None:
    client = rig.client("trader1")
    filled(client, 300, symbol="PG", accountId="ACC-HF-001")
    desk.log_in("trader1")
    go(desk, "positions")
    desk.page.get_by_label("Find positions").fill("acc-hf-001 pg")
    shown = desk.page.locator('.slick-row[data-id="ACC-HF-001 PG"]')
    (held,) = [
        one
        for one in client.get("/api/v1/accounts/ACC-HF-001/positions")["positions"]
        if one["symbol"] == "PG"
    ]
    expect(shown).to_contain_text(f"{held['quantity']:,}", timeout=ANSWER_MS_MAX)
    shown.locator(".slick-cell").first.click()
    account = desk.page.locator(".account")
    expect(account.get_by_role("heading")).to_contain_text("ACC-HF-001")
    expect(account.locator("dl")).to_contain_text("Settled cash")


def test_cash_is_entered_once_and_a_withdrawal_beyond_what_is_settled_is_refused(
    rig: StackRig, desk: Desk
) -> None:
    client = rig.client("risk1")
    desk.log_in("risk1")
    go(desk, "positions")
    desk.page.locator(".side select").select_option("ACC-RET-003")
    before = client.get("/api/v1/accounts/ACC-RET-003/cash-entries")["entries"]
    desk.page.get_by_role("button", name="Enter cash").click()
    dialog = desk.page.locator(DIALOG)
    dialog.get_by_label("Dollars").fill("1,250.50")
    dialog.get_by_label("Reason").fill("opening")
    dialog.get_by_role("button", name="Enter", exact=True).dblclick()
    expect(dialog).to_have_count(0, timeout=ANSWER_MS_MAX)
    after = client.get("/api/v1/accounts/ACC-RET-003/cash-entries")["entries"]
    assert len(after) == len(before) + 1
    assert after[0]["amount"].startswith("1250.5")
    desk.page.get_by_role("button", name="Enter cash").click()
    dialog.get_by_text("Withdrawal").click()
    dialog.get_by_label("Dollars").fill("99,000,000")
    dialog.get_by_label("Reason").fill("too much")
    dialog.get_by_role("button", name="Enter", exact=True).click()
    expect(dialog.locator(".note.bad")).to_contain_text("99000000", timeout=ANSWER_MS_MAX)
    desk.complaints.clear()


# ---- risk


def test_a_limit_is_set_changed_and_removed_with_a_reason_and_holds(rig: StackRig, desk: Desk) -> None:
    trader = rig.client("trader1")
    desk.log_in("risk1")
    go(desk, "risk")
    desk.page.click("#set-limit")
    dialog = desk.page.locator(DIALOG)
    dialog.get_by_label("Rule").select_option("ORDER_QTY_EXCEEDS_MAX")
    dialog.get_by_label("Account").fill("ACC-INST-003")
    dialog.get_by_label("quantity max").fill("4,100")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator(".note.bad")).to_contain_text("say why")
    dialog.get_by_label("Reason").fill(HTML)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0, timeout=ANSWER_MS_MAX)
    mine = row(desk, "rows", "account ACC-INST-003", "quantity max 4,100")
    expect(mine).to_contain_text(HTML)
    assert desk.page.evaluate("window.foreign") is None
    time.sleep(IN_EFFECT_S)
    denied = place(trader, accountId="ACC-INST-003", quantity=4_101)["orderId"]
    until_status(trader, denied, "REJECTED")
    mine.get_by_role("button", name="Change").click()
    dialog.get_by_label("quantity max").fill("-5")
    dialog.get_by_label("Reason").fill("wrong")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator(".note.bad")).to_contain_text("quantity max")
    desk.complaints.clear()
    dialog.get_by_label("quantity max").fill("4200")
    dialog.get_by_role("button", name="Save").click()
    expect(row(desk, "rows", "account ACC-INST-003", "quantity max 4,200")).to_have_count(1)
    row(desk, "rows", "account ACC-INST-003").get_by_role("button", name="Remove").click()
    say_why(desk, "test is over", "Remove")
    expect(row(desk, "rows", "account ACC-INST-003")).to_have_count(0)
    desk.page.locator(".rows").get_by_text("Changes").click()
    expect(row(desk, "rows", "account ACC-INST-003", "removed", "test is over")).to_have_count(1)


def test_somebody_elses_change_is_not_undone_unseen(rig: StackRig, desk: Desk) -> None:
    admin = rig.client("admin1")
    scope = {"account": "ACC-INST-002"}
    admin.put(
        "/api/v1/risk/limits",
        {
            "rule": "ORDER_QTY_EXCEEDS_MAX",
            "scope": scope,
            "parameters": {"quantity_max": 70_000},
            "reason": "a",
        },
    )
    desk.log_in("risk1")
    go(desk, "risk")
    row(desk, "rows", "account ACC-INST-002").get_by_role("button", name="Change").click()
    admin.put(
        "/api/v1/risk/limits",
        {
            "rule": "ORDER_QTY_EXCEEDS_MAX",
            "scope": scope,
            "parameters": {"quantity_max": 60_000},
            "reason": "b",
        },
    )
    dialog = desk.page.locator(DIALOG)
    dialog.get_by_label("quantity max").fill("80000")
    dialog.get_by_label("Reason").fill("I had not seen it")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator(".note.bad")).not_to_be_empty(timeout=ANSWER_MS_MAX)
    expect(dialog).to_have_count(1)
    (kept,) = admin.get("/api/v1/risk/limits", account="ACC-INST-002", rule="ORDER_QTY_EXCEEDS_MAX")["limits"]
    assert kept["parameters"] == {"quantity_max": 60_000}
    desk.complaints.clear()


def test_a_person_sees_a_limit_that_is_passed_and_says_what_is_done(rig: StackRig, desk: Desk) -> None:
    with psycopg.connect(postgres_dsn(rig.layout.port("postgres")), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO risk_alerts (alert_id, rule, scope, account_id, level, share_pct, value, bound,"
            " headroom, worst, unit, set_for, times_raised, version, first_seen, last_seen)"
            " VALUES (gen_random_uuid(), 'NET_EXPOSURE_EXCEEDED', "
            " jsonb_build_object('account', 'ACC-HF-001'),"
            " 'ACC-HF-001', 'BREACH', 100, '2600000.00', '2000000.00', '-600000.00', '2600000.00', 'dollars',"
            " '', 1, 1, now(), now())"
        )
    desk.log_in("risk1")
    go(desk, "risk")
    breach = row(desk, "breaches", "account ACC-HF-001", "$2,600,000", "$2,000,000", "over")
    breach.get_by_role("button").click()
    say_why(desk, "reduces by noon", "Seen")
    expect(breach).to_contain_text("risk1: reduces by noon", timeout=ANSWER_MS_MAX)


def test_a_denied_order_passes_once_with_a_second_persons_leave(rig: StackRig, desk: Desk) -> None:
    trader, risk = rig.client("trader1"), rig.client("risk1")
    risk.put(
        "/api/v1/risk/limits",
        {
            "rule": "ORDER_QTY_EXCEEDS_MAX",
            "scope": {"account": "ACC-INST-001", "symbol": "V"},
            "severity": "OVERRIDE",
            "parameters": {"quantity_max": 50},
            "reason": "test",
        },
    )
    time.sleep(IN_EFFECT_S)
    denied = place(trader, accountId="ACC-INST-001", symbol="V", quantity=60)["orderId"]
    until_status(trader, denied, "REJECTED")
    desk.log_in("risk1")
    go(desk, "risk")
    row(desk, "overrides", "ACC-INST-001", "Buy 60 V").get_by_role("button", name="Let pass").click()
    say_why(desk, "known client", "Let pass")
    expect(row(desk, "overrides", "open", "trader1: Buy 60 V")).to_have_count(1)
    time.sleep(IN_EFFECT_S)
    until_status(
        trader, place(trader, accountId="ACC-INST-001", symbol="V", quantity=60)["orderId"], "FILLED"
    )
    expect(row(desk, "overrides", "used", "trader1: Buy 60 V")).to_have_count(1, timeout=ANSWER_MS_MAX)


def test_what_holds_is_shown_with_what_is_left_of_it(desk: Desk) -> None:
    desk.log_in("trader1")
    go(desk, "risk")
    desk.page.locator(".holds").get_by_label("Account").select_option("ACC-INST-001")
    expect(row(desk, "holds", "buying power")).to_contain_text("$")
    expect(row(desk, "holds", "shares", "quantity max 500,000", "499,999")).to_have_count(1)
    # Who may not change limits is offered nothing to change them with.
    expect(desk.page.locator("#set-limit")).to_have_count(0)
    expect(desk.page.locator(".holds button", has_text="Set")).to_have_count(0)


# ---- controls


def test_a_person_stops_a_scope_sees_that_it_has_stopped_and_releases_it(rig: StackRig, desk: Desk) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 210)
    desk.log_in("risk1")
    go(desk, "controls")
    stop = desk.page.locator(".stop")
    desk.page.click("#stop")
    expect(stop.locator(".note.bad")).to_contain_text("name at least one thing")
    stop.get_by_label("Symbol").fill("msft")
    stop.get_by_label("Reason").fill(HTML)
    desk.page.click("#stop")
    dialog = desk.page.locator(DIALOG)
    expect(dialog).to_contain_text("Stop symbol MSFT?")
    dialog.get_by_role("button", name="Stop", exact=True).click()
    detail = desk.page.locator(".detail")
    expect(detail).to_contain_text("oms-core", timeout=ANSWER_MS_MAX)
    expect(detail).to_contain_text("Everything that it found open is over.", timeout=ANSWER_MS_MAX)
    until_status(client, order_id, "CANCELED")
    expect(desk.page.locator(".top")).to_contain_text("1 stopped")
    expect(row(desk, "switches", "symbol MSFT", HTML)).to_have_count(1)
    assert desk.page.evaluate("window.foreign") is None
    desk.page.click("#release")
    say_why(desk, "it is over", "Release")
    expect(desk.page.locator(".top")).to_contain_text("Nothing stopped", timeout=ANSWER_MS_MAX)
    desk.page.get_by_text("Released ones, too").click()
    expect(row(desk, "switches", "symbol MSFT", "it is over")).to_have_count(1)
    # Core goes by the release within a second.
    time.sleep(IN_EFFECT_S)
    filled(client, 20)


def test_whoever_may_stop_and_not_release_is_offered_no_release(rig: StackRig, desk: Desk) -> None:
    risk = rig.client("risk1")
    made = risk.post("/api/v1/kill-switches", {"strategy": "nobody", "stage": "BLOCK", "reason": "test"})
    desk.log_in("viewer1")
    go(desk, "controls")
    expect(desk.page.locator(".stop, .frame > main").first).to_contain_text("takes the right")
    row(desk, "switches", "strategy nobody").get_by_role("button").click()
    expect(desk.page.locator(".detail")).to_contain_text("strategy nobody")
    expect(desk.page.locator("#release")).to_have_count(0)
    risk.post(f"/api/v1/kill-switches/{made['switchId']}/release", {"reason": "test"})


def test_a_symbol_is_halted_and_goes_on(rig: StackRig, desk: Desk) -> None:
    desk.log_in("risk1")
    go(desk, "controls")
    halts = desk.page.locator(".halts")
    halts.get_by_label("Symbol").fill("NONESUCH")
    expect(halts).to_contain_text("no such instrument")
    halts.get_by_label("Symbol").fill("JNJ")
    halts.get_by_role("button", name="Halt").click()
    say_why(desk, "news", "Halt")
    expect(row(desk, "halts", "JNJ", "news")).to_have_count(1)
    row(desk, "halts", "JNJ").get_by_role("button").click()
    say_why(desk, "told", "Lift")
    expect(row(desk, "halts", "JNJ")).to_have_count(0)


def test_a_trigger_is_set_by_an_admin(rig: StackRig, desk: Desk) -> None:
    desk.log_in("admin1")
    go(desk, "controls")
    desk.page.locator(".triggers").get_by_role("button", name="Add").click()
    dialog = desk.page.locator(DIALOG)
    dialog.get_by_label("Venue").fill("edgx")
    dialog.get_by_label("Stops at").fill("400")
    dialog.get_by_label("Reason").fill("test")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0, timeout=ANSWER_MS_MAX)
    expect(
        row(desk, "triggers", "orders that venues reject", "venue EDGX", "400", "Only says so")
    ).to_have_count(1)


# ---- venues, quality, admin


def test_an_exception_is_set_aside_and_another_booked(rig: StackRig, desk: Desk) -> None:
    client = rig.client("admin1")
    raise_exception(rig, "first")
    raise_exception(rig, "second")
    desk.log_in("admin1")
    go(desk, "venues")
    row(desk, "exceptions", "first").get_by_role("button", name="Set aside").click()
    say_why(desk, "of another firm", "Set aside")
    expect(row(desk, "exceptions", "first")).to_have_count(0)
    row(desk, "exceptions", "second").get_by_role("button", name="Book").click()
    dialog = desk.page.locator(DIALOG)
    dialog.get_by_label("Account").select_option("ACC-INST-001")
    dialog.get_by_label("Reason").fill("the venue says so by telephone")
    dialog.get_by_role("button", name="Book", exact=True).click()
    expect(dialog).to_have_count(0, timeout=ANSWER_MS_MAX)
    expect(row(desk, "exceptions", "second")).to_have_count(0, timeout=ANSWER_MS_MAX)
    states = {one["detail"]: one["status"] for one in client.get("/api/v1/exceptions")["exceptions"]}
    assert states["first"] == "IGNORED"
    assert states["second"] in ("BOOKING", "BOOKED")


def test_venues_say_how_they_stand_and_a_session_is_asked(rig: StackRig, desk: Desk) -> None:
    desk.log_in("admin1")
    go(desk, "venues")
    expect(row(desk, "venues", "XNYS", "open")).to_have_count(1)
    desk.page.get_by_label("Session of XNYS").select_option("RECONCILE")
    say_why(desk, "test", "Reconcile")
    expect(desk.page.get_by_role("log")).to_contain_text("Reconcile: asked of XNYS.")


def test_quality_is_cut_and_its_picture_is_said_in_words(rig: StackRig, desk: Desk) -> None:
    filled(rig.client("trader1"), 90)
    desk.log_in("trader1")
    go(desk, "quality")
    expect(row(desk, "quality", "all")).to_have_count(1, timeout=ANSWER_MS_MAX)
    desk.page.locator(".quality").get_by_text("Side", exact=True).first.click()
    expect(row(desk, "quality", "BUY")).to_have_count(1, timeout=ANSWER_MS_MAX)
    expect(desk.page.locator(".intervals svg, .quality .empty").first).to_be_visible()
    said = desk.page.locator(".against p")
    expect(said.first).to_contain_text("Sent whole to the best displayed price", timeout=ANSWER_MS_MAX)
    expect(said.nth(1)).to_contain_text("Sent whole to the venue where its symbol is listed")


def test_the_audit_says_who_changed_what(rig: StackRig, desk: Desk) -> None:
    reason = f"look {uuid.uuid4()}"
    risk = rig.client("risk1")
    made = risk.post("/api/v1/kill-switches", {"strategy": "nobody2", "stage": "BLOCK", "reason": reason})
    risk.post(f"/api/v1/kill-switches/{made['switchId']}/release", {"reason": "over"})
    desk.log_in("admin1")
    go(desk, "admin")
    expect(row(desk, "audit", "risk1", reason)).to_have_count(1, timeout=ANSWER_MS_MAX)
    desk.page.locator(".audit").get_by_label("By").fill("nobody-at-all")
    expect(desk.page.locator(".audit")).to_contain_text("Nothing was changed.", timeout=ANSWER_MS_MAX)


# ---- all of them


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing_wrong_with_any_view_and_none_scrolls_sideways(
    rig: StackRig, desk: Desk, colours: str
) -> None:
    filled(rig.client("trader1"), 60)
    desk.page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
    desk.log_in("admin1")
    wrong = {}
    for view in VIEWS:
        for width in (1280, 2560):
            desk.page.set_viewport_size({"width": width, "height": width * 9 // 16})
            go(desk, view)
            desk.page.wait_for_timeout(600)
            desk.picture(f"{view}-{colours}-{width}")
            if found := desk.violations():
                wrong[view, width] = found
            assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (view, width)
    assert wrong == {}


def raise_exception(rig: StackRig, detail: str) -> None:
    """Have an exception of XNYS that waits for a person, which says this."""
    with psycopg.connect(postgres_dsn(rig.layout.port("postgres")), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO execution_exceptions (exception_id, identity, kind, raised_by, venue_id, detail,"
            " raw, symbol, side, last_qty, last_px, exec_id, cl_ord_id, status, raised_at)"
            " VALUES (gen_random_uuid(), %s, 'UNKNOWN_ORDER', 'execution-adapter', 'XNYS', %s,"
            " %s, 'DIS', 'BUY', 100, 115.50, %s, 'X-1', 'OPEN', now())",
            [f"test {detail}", detail, b"8=FIX.4.4|35=8|", f"E-{detail}"],
        )


def test_a_stack_that_is_no_demo_has_no_guide_and_nothing_to_break(rig: StackRig, desk: Desk) -> None:
    desk.log_in("admin1")
    go(desk, "controls")
    expect(desk.page.locator(".halts")).to_be_visible()
    assert desk.page.locator(".chaos, .guide").count() == 0
    with pytest.raises(NotFoundError):
        rig.client("admin1").get("/api/v1/chaos")


@pytest.mark.parametrize("size", [(1280, 800), (1440, 900), (1920, 1080), (2560, 1440)])
def test_a_price_of_six_digits_is_whole_in_the_watch_list(desk: Desk, size: tuple[int, int]) -> None:
    page = desk.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    desk.log_in("trader1")
    page.get_by_label("Find a symbol").fill("BRK.A")
    line = page.locator(".watch tbody tr", has_text="BRK.A")
    expect(line.locator("td").first).to_contain_text(",", timeout=ANSWER_MS_MAX)
    cut = line.locator("th, td").evaluate_all(
        "cells => cells.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)"
    )
    assert cut == []


# ---- what the market trades


def test_the_tape_is_what_the_streams_quotes_say_was_traded(desk: Desk) -> None:
    page = desk.page
    frames: list[str | bytes] = []

    def note(frame: str | bytes) -> None:
        frames.append(frame)

    page.on("websocket", lambda socket: socket.on("framereceived", note))
    desk.log_in("trader1")
    page.locator(".watch").get_by_role("button", name="DIS", exact=True).click()
    lines = page.locator(".trades .market tbody tr")
    expect(lines.nth(5)).to_be_attached(timeout=ANSWER_MS_MAX)
    shown = lines.evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.innerText))")
    tape = [(at[-5:], shares, re.sub(r"[^0-9.]", "", price), trades) for at, shares, price, trades in shown]
    deadline = time.monotonic() + ANSWER_MS_MAX / 1000
    while not _is_part_of(tape[::-1], told := _told_trades(frames, "DIS")):
        assert time.monotonic() < deadline, (tape, told)
        page.wait_for_timeout(50)
    watched = page.locator(".watch tbody tr", has_text="DIS")
    expect(watched.locator(".last")).to_have_text(re.compile(r"[▲▼]\d+\.\d\d"), timeout=ANSWER_MS_MAX)
    expect(watched.locator(".volume")).to_have_text(re.compile(r"^\d+(\.\d+)? [km]$"))


def _told_trades(frames: list[str | bytes], symbol: str) -> list[tuple[str, str, str, str]]:
    """Return what was traded between a symbol's quotes: minute and second, shares, price, trades."""
    quotes = [
        quote
        for message in map(json.loads, list(frames))
        if message["type"] == "quotes"
        for quote in message["quotes"]
        if quote["symbol"] == symbol
    ]
    newer = [after for before, after in pairwise(quotes) if after["sequence"] > before["sequence"]]
    return [
        (
            after["quotedAt"][14:19],
            f"{after['volume'] - before['volume']:,}",
            f"{float(after['lastPrice']):.2f}",
            "1" if after["volume"] - before["volume"] == after["lastSize"] else "2+",
        )
        for before, after in pairwise(quotes[:1] + newer)
        if after["volume"] > before["volume"]
    ]


def _is_part_of(some: list[Any], every: list[Any]) -> bool:
    """Whether some values are in a list one after the other."""
    return any(every[place : place + len(some)] == some for place in range(len(every)))


# Quotes of DIS are no longer the feed's; `tell` tells one by which so many shares were traded.
OWN_QUOTES = """
    window.through = text => text.startsWith('{"type":"quotes"') ? null : text;
    let sequence = 1000000000;
    window.tell = (volume, lastSize, lastPrice, live = true) => {
      const none = { bid: null, bidSize: 0, ask: null, askSize: 0, quotedAt: new Date().toISOString() };
      const quote = { ...none, symbol: "DIS", sequence: sequence += 1, lastPrice, lastSize, volume };
      feed(JSON.stringify({ type: "quotes", snapshot: false, live, quotes: volume === null ? [] : [quote] }));
    };
    0
"""


def test_a_tape_says_what_it_does_not_know(desk: Desk) -> None:
    page = desk.page
    desk.log_in("trader1", BENT_SOCKET)
    page.locator(".watch").get_by_role("button", name="DIS", exact=True).click()
    lines = page.locator(".trades .market tbody tr")
    expect(lines.first).to_be_attached(timeout=ANSWER_MS_MAX)
    page.evaluate(OWN_QUOTES)
    page.evaluate("tell(1000, 100, '115'); tell(1300, 300, '115'); tell(2500, 200, '116')")
    expect(lines.nth(0)).to_have_text(re.compile(r"1,200▲116\.002\+$"))
    expect(lines.nth(0)).to_have_attribute(
        "title", re.compile(r"^two trades or more between .*, the last of them of 200 shares at 116\.00")
    )
    expect(lines.nth(1)).to_have_text(re.compile(r"300.*115\.001$"))
    expect(lines.nth(2)).to_contain_text("the feed counts anew")
    page.evaluate("tell(null, null, null, false)")
    expect(lines.nth(0)).to_have_text("old: quotes do not come in")
    expect(page.get_by_role("region", name="Watch list, old")).to_be_visible()
    page.evaluate("tell(9000, 100, '116'); tell(9100, 100, '115')")
    expect(lines.nth(0)).to_have_text(re.compile(r"100▼115\.001$"))
    expect(lines.nth(1)).to_contain_text("quotes did not come in")
    expect(page.get_by_role("region", name="Watch list", exact=True)).to_be_visible()


def test_trades_are_the_markets_or_ours_by_keyboard_and_both_where_there_is_place(desk: Desk) -> None:
    page = desk.page
    desk.log_in("trader1")
    market, ours = page.locator(".trades .market"), page.locator(".trades .ours")
    expect(market).to_be_visible()
    expect(ours).to_be_hidden()
    page.get_by_role("radio", name="Market's trades").focus()
    page.keyboard.press("ArrowRight")
    expect(ours).to_be_visible()
    expect(market).to_be_hidden()
    page.reload()
    desk.until("LIVE")
    expect(ours).to_be_visible()
    page.set_viewport_size({"width": 3840, "height": 1440})
    expect(market).to_be_visible()
    expect(ours).to_be_visible()
