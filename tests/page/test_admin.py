"""What an administrator changes on the page, in a real browser, on a whole stack."""

import json
import uuid
from datetime import timedelta

from playwright.sync_api import Locator, expect

from oms_platform.clock import utc_now
from tests.e2e.orders import place, until_status
from tests.page.desk import ANSWER_MS_MAX, Desk
from tests.page.test_views import DIALOG, HTML, IN_EFFECT_S, go, row, say_why
from tests.stack_rig import StackRig


def new_account() -> str:
    """Return an id that no account has."""
    return f"ACC-{uuid.uuid4().hex[:8].upper()}"


def do(desk: Desk, what: str, name: str) -> Locator:
    """Choose what is to be done with a row, and return the dialog that asks for it."""
    desk.page.get_by_label(f"What to do with {name}").select_option(label=what)
    return desk.page.locator(DIALOG).last


def test_an_account_is_opened_once_by_keyboard_and_trades_and_is_suspended(rig: StackRig, desk: Desk) -> None:
    admin, account = rig.client("admin1"), new_account()
    desk.log_in("admin1")
    go(desk, "admin")
    desk.page.get_by_role("button", name="Open an account").focus()
    desk.page.keyboard.press("Enter")
    dialog = desk.page.locator(DIALOG)
    expect(dialog.locator("input").first).to_be_focused()
    desk.page.keyboard.type(account.lower())
    dialog.get_by_label("Name").fill(HTML)
    dialog.get_by_label("Desk").fill("AGENCY")
    desk.page.keyboard.press("Enter")
    expect(dialog.locator(".note.bad")).to_contain_text("say why")
    assert desk.violations() == []
    dialog.get_by_label("Reason").fill("test")
    dialog.get_by_role("button", name="Open", exact=True).dblclick()
    expect(dialog).to_have_count(0, timeout=ANSWER_MS_MAX)
    mine = row(desk, "accounts", account)
    expect(mine).to_contain_text(HTML, timeout=ANSWER_MS_MAX)
    assert desk.page.evaluate("window.foreign") is None
    desk.until("LIVE")
    assert admin.get(f"/api/v1/accounts/{account}")["version"] == 1
    until_status(admin, place(admin, accountId=account)["orderId"], "FILLED")

    do(desk, "Suspend", account)
    say_why(desk, "margin is late", "Suspend")
    expect(mine).to_contain_text("suspended", timeout=ANSWER_MS_MAX)
    do(desk, "Close", account)
    dialog.get_by_label("Reason").fill("too early")
    desk.page.wait_for_timeout(1_000)
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    expect(dialog.locator(".note.bad")).to_contain_text("1 position", timeout=ANSWER_MS_MAX)
    desk.complaints.clear()
    desk.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_an_account_that_another_has_changed_meanwhile_is_not_changed_unseen(
    rig: StackRig, desk: Desk
) -> None:
    admin, account = rig.client("admin1"), new_account()
    house = {"name": "Two", "kind": "RETAIL", "firm": "DEMO", "desk": "RETAIL"}
    admin.post("/api/v1/accounts", {"accountId": account, "reason": "test"} | house)
    desk.log_in("admin1")
    go(desk, "admin")
    dialog = do(desk, "Change", account)
    admin.request("PATCH", f"/api/v1/accounts/{account}", body={"name": "Theirs", "reason": "first"})
    dialog.get_by_label("Name").fill("Mine")
    dialog.get_by_label("Reason").fill("second")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator(".note.bad")).to_contain_text("read it again", timeout=ANSWER_MS_MAX)
    desk.complaints.clear()
    assert admin.get(f"/api/v1/accounts/{account}")["name"] == "Theirs"


def test_a_trader_is_forbidden_and_permitted_by_name(rig: StackRig, desk: Desk) -> None:
    admin = rig.client("admin1")
    desk.log_in("admin1")
    go(desk, "admin")
    dialog = do(desk, "Traders", "ACC-RET-004")
    expect(dialog).to_contain_text("Nothing is set")
    dialog.get_by_label("Trader").fill("nobody7")
    dialog.get_by_role("button", name="Forbid").click()
    asked = desk.page.locator(DIALOG).last
    asked.get_by_label("Reason").fill("left the firm")
    asked.get_by_role("button", name="Forbid", exact=True).click()
    expect(dialog.locator("tbody tr")).to_contain_text("nobody7", timeout=ANSWER_MS_MAX)
    assert desk.violations() == []
    (kept,) = admin.get("/api/v1/risk/limits", account="ACC-RET-004", rule="TRADER_NOT_PERMITTED")["limits"]
    assert (kept["parameters"], kept["reason"]) == ({"permitted": False}, "left the firm")


def test_an_instrument_is_listed_changed_and_taken_off_the_list(rig: StackRig, desk: Desk) -> None:
    admin, symbol = rig.client("admin1"), f"T{uuid.uuid4().hex[:7].upper()}"
    desk.log_in("admin1")
    go(desk, "admin")
    desk.page.get_by_role("button", name="List an instrument").click()
    dialog = desk.page.locator(DIALOG)
    dialog.get_by_label("Symbol").fill(symbol)
    dialog.get_by_label("Reference price").fill("1,027.50")
    dialog.get_by_label("Calendar").select_option("SIM")
    dialog.get_by_label("Name").fill(HTML)
    dialog.get_by_label("Tick").fill("-0.01")
    dialog.get_by_label("Reason").fill("its first day")
    desk.page.keyboard.press("Enter")
    expect(dialog.locator(".note.bad")).to_contain_text("tick size", timeout=ANSWER_MS_MAX)
    assert desk.violations() == []
    desk.complaints.clear()
    dialog.get_by_label("Tick").fill("0.05")
    dialog.get_by_role("button", name="List", exact=True).dblclick()
    expect(dialog).to_have_count(0, timeout=ANSWER_MS_MAX)
    mine = row(desk, "instruments", symbol)
    expect(mine).to_contain_text("0.05", timeout=ANSWER_MS_MAX)
    do(desk, "Change", symbol)
    dialog.get_by_label("Round lot").fill("25")
    say_why(desk, "review", "Save")
    expect(mine).to_contain_text("25", timeout=ANSWER_MS_MAX)
    do(desk, "Take off the list", symbol)
    say_why(desk, "delisted", "Take off the list")
    expect(mine).to_contain_text("inactive", timeout=ANSWER_MS_MAX)
    kept = admin.get(f"/api/v1/instruments/{symbol}")
    assert (kept["version"], kept["lotSize"], kept["tickSize"], kept["name"]) == (3, 25, "0.05", HTML)


def test_a_changed_weight_is_in_the_card_of_the_next_order(rig: StackRig, desk: Desk) -> None:
    admin, name = rig.client("admin1"), f"p{uuid.uuid4().hex[:7]}"
    settings = {"strategy": "sweep", "weights": {"price": "0.5", "cost": "0.5"}}
    admin.add_profile(name, settings, reason="first", version=0)
    desk.log_in("admin1")
    go(desk, "admin")
    dialog = do(desk, "Change", f"profile {name}")
    said = dialog.get_by_role("status")
    expect(said).to_contain_text("Nothing is another yet")
    dialog.get_by_label("price", exact=True).fill("0")
    dialog.get_by_label("cost", exact=True).fill("0")
    expect(said).to_contain_text("No weight counts yet")
    dialog.get_by_label("Venues that a resting rest").fill("six")
    desk.page.keyboard.press("Enter")
    expect(dialog.locator(".note.bad")).to_contain_text("say why")
    dialog.get_by_label("Reason").fill("fees count more")
    desk.page.keyboard.press("Enter")
    # What is refused is said at its field.
    expect(dialog.locator("fieldset .note.bad")).to_contain_text("must not all be 0", timeout=ANSWER_MS_MAX)
    refused = dialog.locator(".field", has=desk.page.get_by_label("Venues that a resting rest"))
    expect(refused.locator(".note.bad")).to_contain_text("must be a whole number from 1 to 100")
    assert desk.violations() == []
    desk.complaints.clear()
    dialog.get_by_label("Venues that a resting rest").fill("")
    dialog.get_by_label("price", exact=True).fill("0.2")
    dialog.get_by_label("cost", exact=True).fill("0.6")
    expect(said).to_contain_text("price counts 25 %, was 50 %")
    dialog.get_by_label("Strategy").select_option("split")
    expect(said).to_contain_text("routed by split")
    dialog.get_by_role("button", name="Save").dblclick()
    expect(dialog).to_have_count(0, timeout=ANSWER_MS_MAX)
    expect(row(desk, "profiles", name)).to_contain_text("cost 75 %", timeout=ANSWER_MS_MAX)
    kept = admin.profile_versions(name)["versions"]
    assert [(one["version"], one["createdBy"], one["reason"]) for one in kept] == [
        (2, "admin1", "fees count more"), (1, "admin1", "first"),
    ]  # fmt: skip
    wanted = {"strategy": "split", "weights": {"price": "0.2", "cost": "0.6"}}
    assert kept[0]["settings"] == wanted
    desk.page.wait_for_timeout(IN_EFFECT_S * 1_000)
    order_id = str(place(admin, routing={"profile": name})["orderId"])
    until_status(admin, order_id, "FILLED")
    go(desk, "orders")
    desk.page.locator(".list .slick-row").first.locator(".slick-cell").nth(1).click()
    card = desk.page.locator(".card")
    expect(card).to_contain_text(name, timeout=ANSWER_MS_MAX)
    card.get_by_text("Arithmetic").first.click()
    expect(card.locator(".arithmetic").first).to_contain_text("0.6")


def test_a_profile_is_added_its_history_told_and_it_is_retired_and_no_change_undone_unseen(
    rig: StackRig, desk: Desk
) -> None:
    admin, name = rig.client("admin1"), f"p{uuid.uuid4().hex[:7]}"
    desk.log_in("admin1")
    go(desk, "admin")
    desk.page.get_by_role("button", name="Add a profile").click()
    dialog = desk.page.locator(DIALOG)
    dialog.get_by_label("Profile").fill(name)
    dialog.get_by_label("Strategy").select_option("staged")
    dialog.get_by_label("Rests in the dark").fill("1,200")
    dialog.get_by_label("price", exact=True).fill("1")
    dialog.get_by_label("Reason").fill(HTML)
    dialog.get_by_role("button", name="Add", exact=True).dblclick()
    expect(dialog).to_have_count(0, timeout=ANSWER_MS_MAX)
    (kept,) = admin.profile_versions(name)["versions"]
    assert kept["settings"] == {
        "strategy": "staged", "staged": {"dark_ms": 1200}, "weights": {"price": "1"},
    }  # fmt: skip
    do(desk, "Change", f"profile {name}")
    admin.add_profile(name, kept["settings"] | {"strategy": "best"}, reason="theirs", version=1)
    dialog.get_by_label("price", exact=True).fill("0.5")
    dialog.get_by_label("Reason").fill("mine")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator(".note.bad")).to_contain_text("read it again", timeout=ANSWER_MS_MAX)
    desk.complaints.clear()
    desk.page.keyboard.press("Escape")
    expect(row(desk, "profiles", name)).to_contain_text("best", timeout=ANSWER_MS_MAX)
    do(desk, "Who and why", f"profile {name}")
    expect(dialog.locator("tbody tr")).to_have_count(2, timeout=ANSWER_MS_MAX)
    expect(dialog.locator("tbody tr").first).to_contain_text("no more by staged")
    expect(dialog.locator("tbody tr").last).to_contain_text(HTML)
    assert desk.violations() == []
    dialog.get_by_role("button", name="Back").click()
    do(desk, "Retire", f"profile {name}")
    say_why(desk, "over", "Retire")
    expect(row(desk, "profiles", name)).to_have_count(0, timeout=ANSWER_MS_MAX)
    assert admin.profile_versions(name)["versions"][0]["retiredReason"] == "over"


def test_a_day_is_added_closes_early_and_is_closed(rig: StackRig, desk: Desk) -> None:
    admin, day = rig.client("admin1"), (utc_now().date() + timedelta(days=40)).isoformat()
    desk.log_in("admin1")
    go(desk, "admin")
    dialog = desk.page.locator(DIALOG)

    def ask() -> None:
        desk.page.get_by_role("button", name="Change a day of XNYS").click()
        dialog.get_by_label("Day").fill(day)
        dialog.get_by_label("Reason").fill("storm")

    ask()
    dialog.get_by_label("Opens").fill("09:30")
    dialog.get_by_label("Closes", exact=True).fill("9")
    assert desk.violations() == []
    desk.page.keyboard.press("Enter")
    expect(dialog.locator(".note.bad")).to_contain_text("closes", timeout=ANSWER_MS_MAX)
    desk.complaints.clear()
    dialog.get_by_label("Closes", exact=True).fill("13:00")
    dialog.get_by_label("Closes early").select_option("yes")
    desk.page.keyboard.press("Tab")
    dialog.get_by_role("button", name="Set", exact=True).dblclick()
    expect(dialog).to_have_count(0, timeout=ANSWER_MS_MAX)
    (kept,) = admin.get("/api/v1/calendars/XNYS", first=day, last=day)["sessions"]
    assert kept["earlyClose"] is True
    ask()
    dialog.get_by_text("Is closed").click()
    dialog.get_by_role("button", name="Close the day").click()
    expect(dialog).to_have_count(0, timeout=ANSWER_MS_MAX)
    assert admin.get("/api/v1/calendars/XNYS", first=day, last=day)["sessions"] == []


def test_the_audit_is_saved_as_lines_with_their_links(rig: StackRig, desk: Desk) -> None:
    desk.log_in("admin1")
    go(desk, "admin")
    desk.page.locator(".audit").get_by_label("Of").fill("venues")
    with desk.page.expect_download() as saved:
        desk.page.get_by_role("button", name="Save what fits").click()
    lines = [json.loads(line) for line in saved.value.path().read_text().splitlines()]
    assert lines and {line["table"] for line in lines} == {"venues"}
    told = rig.client("admin1").get("/api/v1/audit", table="venues", limit="200")["changes"]
    assert [line["chain"] for line in lines] == [one["chain"] for one in told]


def test_who_may_only_look_is_offered_no_change(desk: Desk) -> None:
    desk.log_in("viewer1")
    go(desk, "admin")
    expect(row(desk, "accounts", "ACC-INST-001")).to_have_count(1, timeout=ANSWER_MS_MAX)
    assert desk.page.get_by_role("button", name="Open an account").count() == 0
    assert desk.page.locator(".accounts select").count() == 0
    assert desk.page.get_by_role("button", name="Add a profile").count() == 0
    offered = desk.page.get_by_label("What to do with profile default").locator("option").all_inner_texts()
    assert offered == ["do…", "Who and why"]
