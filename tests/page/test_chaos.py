"""A demo's page: what is broken from it, what it says of that, and that all that was acked is final after."""

import os
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import expect

from oms_client.errors import ApiError
from oms_tools.laptop.layout import Layout
from oms_tools.laptop.parts import postgres_dsn
from tests.conftest import KAFKA_VARIABLE, database_folder
from tests.e2e.orders import place
from tests.page.desk import ANSWER_MS_MAX, Desk, filled
from tests.page.test_views import go
from tests.stack_rig import StackRig, free_base_port

ORDER_EVERY_S = 0.2
# Until a process is back, and its orders are done.
BACK_MS_MAX = 60_000
# Until something wrong is called broken: it is looked at often, and young for a while.
BROKEN_MS_MAX = 45_000
CLOSED = {"FILLED", "CANCELED", "REJECTED", "EXPIRED"}
GUIDE_CLOSED = "localStorage.setItem('oms-guide:admin1', 'closed');"


@pytest.fixture(scope="module")
def rig() -> Iterator[StackRig]:
    """A stack of a demo's."""
    with database_folder() as folder:
        layout = Layout(data=folder, base_port=free_base_port())
        rig = StackRig(layout=layout, kafka=os.environ.get(KAFKA_VARIABLE, "memory"), chaos=True)
        rig.up()
        yield rig
        rig.down()


class Flow:
    """Market orders all the while; acked: those with a 201."""

    def __init__(self, rig: StackRig) -> None:
        self.acked: list[str] = []
        self._rig, self._over = rig, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        client = self._rig.client("trader1")
        while not self._over.wait(ORDER_EVERY_S):
            try:
                self.acked.append(str(place(client, quantity=100)["orderId"]))
            except ApiError:
                # The gateway is away, or sheds what nobody could work off: nothing was acked.
                continue

    def __enter__(self) -> "Flow":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def panel(desk: Desk) -> None:
    """Open the panel as who may use it."""
    desk.log_in("admin1", GUIDE_CLOSED)
    go(desk, "controls")
    expect(desk.page.locator(".chaos [name=target] option")).not_to_have_count(0)


def break_(desk: Desk, kind: str, target: str, seconds: int, fault: str = "") -> None:
    """Break something as a person does."""
    page = desk.page
    page.locator(".chaos .choice").get_by_text(kind, exact=True).click()
    page.locator(".chaos [name=target]").select_option(target)
    if fault:
        page.locator(".chaos [name=fault]").select_option(fault)
    page.locator(".chaos [name=seconds]").fill(str(seconds))
    page.click("#break")
    expect(page.get_by_role("dialog")).to_contain_text(f"for {seconds} s?")
    page.keyboard.press("Enter")


def says(desk: Desk, text: str, ms: float = ANSWER_MS_MAX) -> None:
    """Wait until the panel says this of what is broken."""
    expect(desk.page.locator("#chaos-now")).to_contain_text(text, timeout=ms)


def all_hold(desk: Desk) -> None:
    """Wait until the panel says of every invariant that it holds."""
    desk.wait(
        "(() => { const rows = [...document.querySelectorAll('.invariants tbody tr')];"
        " return rows.length > 4 && rows.every(row => row.dataset.state === 'HOLDS'); })()"
    )


def all_final(rig: StackRig, acked: list[str]) -> None:
    """Wait until each of these orders is final, and hold that each is there."""
    client, deadline = rig.client("trader1"), time.monotonic() + BACK_MS_MAX / 1000
    for order_id in acked:
        while client.order(order_id)["status"] not in CLOSED:
            assert time.monotonic() < deadline, order_id
            time.sleep(0.1)


def test_core_is_killed_with_orders_on_their_way_and_none_of_them_is_lost(rig: StackRig, desk: Desk) -> None:
    panel(desk)
    expect(desk.page.locator("#chaos-now")).to_have_text("Nothing is broken on purpose.")
    with Flow(rig) as flow:
        break_(desk, "Kill a process", "oms-core", 4)
        says(desk, "oms-core killed")
        says(desk, "Back in")
        expect(desk.page.locator("#break")).to_be_disabled()
        says(desk, "back after", BACK_MS_MAX)
    assert len(flow.acked) > 5
    all_final(rig, flow.acked)
    says(desk, "acked meanwhile, all final.", BACK_MS_MAX)
    for colours in ("light", "dark"):
        desk.page.emulate_media(color_scheme=colours)
        assert desk.violations() == []
    all_hold(desk)
    assert desk.truth == "LIVE"
    report = rig.verify()
    assert report["clean"], report


def test_a_session_is_cut_and_its_venue_trades_again(rig: StackRig, desk: Desk) -> None:
    panel(desk)
    with Flow(rig) as flow:
        break_(desk, "Cut a session", "XNAS", 3)
        says(desk, "Session of XNAS cut")
        says(desk, "back after", BACK_MS_MAX)
    all_final(rig, flow.acked)
    up = {one["venueId"]: one["up"] for one in rig.client().get("/api/v1/fix-sessions")["fixSessions"]}
    assert up["XNAS"]


def test_an_unkind_venue_takes_trades_back_and_positions_follow(rig: StackRig, desk: Desk) -> None:
    panel(desk)
    with Flow(rig):
        break_(desk, "Unkind venue", "XNYS", 4, "BUST")
        says(desk, "XNYS made unkind (BUST)")
        says(desk, "back after", BACK_MS_MAX)
    all_hold(desk)


def test_the_gateway_itself_is_killed_and_the_page_is_kind_about_it(rig: StackRig, desk: Desk) -> None:
    panel(desk)
    break_(desk, "Kill a process", "oms-api", 3)
    says(desk, "oms-api killed")
    expect(desk.page.locator("#chaos-away")).to_contain_text("as was asked for", timeout=ANSWER_MS_MAX)
    says(desk, "back after", BACK_MS_MAX)
    expect(desk.page.locator("#chaos-away")).to_have_count(0)
    desk.until("LIVE", BACK_MS_MAX)


def test_a_time_that_is_none_breaks_nothing(rig: StackRig, desk: Desk) -> None:
    panel(desk)
    before = len(rig.client("admin1").get("/api/v1/chaos")["actions"])
    for seconds in ("0", "-5", "61", "1.5", "soon", ""):
        desk.page.locator(".chaos [name=seconds]").fill(seconds)
        expect(desk.page.locator(".chaos [role=alert]")).to_have_count(0)
        desk.page.click("#break")
        expect(desk.page.locator(".chaos [role=alert]")).to_contain_text("from 1 to 60")
    assert len(rig.client("admin1").get("/api/v1/chaos")["actions"]) == before


def test_a_fault_that_is_planted_is_shown_as_broken_and_gone_when_it_is_mended(
    rig: StackRig, desk: Desk
) -> None:
    order_id = filled(rig.client("trader1"), 100)
    panel(desk)
    all_hold(desk)
    trade = "order_id = %s AND type = 'TradeApplied'"
    more = "jsonb_set(payload::jsonb, '{tradeApplied,lastQty}', '101')::json"
    line = desk.page.locator(".invariants tr", has_text="Filled shares are what executions say")
    dsn = postgres_dsn(rig.layout.port("postgres"))
    with psycopg.connect(dsn, autocommit=True) as database:
        # As by somebody whom no trigger holds up.
        database.execute("SET session_replication_role = replica")
        rows = database.execute(
            f"SELECT payload::text, sequence FROM order_events WHERE {trade}",
            (order_id,),
        ).fetchall()
        database.execute(f"UPDATE order_events SET payload = {more} WHERE {trade}", (order_id,))
        try:
            expect(line).to_have_attribute("data-state", "BROKEN", timeout=BROKEN_MS_MAX)
            expect(line).to_contain_text(order_id)
        finally:
            for payload, sequence in rows:
                database.execute(
                    "UPDATE order_events SET payload = %s WHERE order_id = %s AND sequence = %s",
                    (payload, order_id, sequence),
                )
    expect(line).to_have_attribute("data-state", "HOLDS", timeout=ANSWER_MS_MAX)


def test_who_may_not_break_things_has_no_panel(desk: Desk) -> None:
    desk.log_in("trader1")
    go(desk, "controls")
    expect(desk.page.locator(".halts")).to_be_visible()
    expect(desk.page.locator(".chaos")).to_have_count(0)


def test_the_guide_does_its_steps_on_the_pages_own_controls(rig: StackRig, desk: Desk) -> None:
    desk.log_in("admin1")
    page, guide = desk.page, desk.page.get_by_role("region", name="First minute")
    step = guide.locator("[aria-current=step]")
    expect(step).to_contain_text("Send an order")
    page.emulate_media(color_scheme="dark")
    assert desk.violations() == []
    step.get_by_role("button").click()
    desk.outcome("Filled: Buy 400 AAPL")
    expect(step).to_contain_text("Read why")
    step.get_by_role("button").click()
    expect(page.locator(".card .venues .chosen").first).to_be_visible()
    expect(step).to_contain_text("Ask what if")
    step.get_by_role("button").click()
    expect(page.locator(".difference")).to_be_visible()
    expect(step).to_contain_text("Kill a service")
    step.get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_contain_text("Kill oms-core for 8 s?")
    page.keyboard.press("Escape")
    guide.get_by_role("button", name="Close the guide").click()
    expect(guide).to_have_count(0)
    page.reload()
    desk.until("LIVE")
    expect(guide).to_have_count(0)
    page.keyboard.press("?")
    page.get_by_role("button", name="Open the guide").click()
    expect(step).to_contain_text("Send an order")


@pytest.mark.parametrize("size", [(1280, 800), (1440, 900), (2560, 1440)])
def test_the_guide_lies_over_nothing_of_any_view(rig: StackRig, desk: Desk, size: tuple[int, int]) -> None:
    page = desk.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    admin = rig.client("admin1")
    reason = {"reason": "a test", "stage": "BLOCK"}
    switch = admin.post("/api/v1/kill-switches", {"accountId": "ACC-RET-004", **reason})
    try:
        desk.log_in("admin1")
        guide = page.get_by_role("region", name="First minute").bounding_box()
        assert guide is not None
        for view in ("orders", "positions", "risk", "controls", "venues", "quality", "admin"):
            go(desk, view)
            shown = page.locator("main").bounding_box()
            assert shown is not None
            assert shown["y"] + shown["height"] <= guide["y"] + 1, view
            assert guide["y"] + guide["height"] <= size[1] + 1, view
        go(desk, "controls")
        page.get_by_role("button", name="account ACC-RET-004").click()
        page.click("#release", trial=True)
        assert desk.violations() == []
    finally:
        admin.release_kill_switch(switch["switchId"], reason="over")
