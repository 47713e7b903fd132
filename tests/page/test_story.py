"""A day at the desk in one go, while others send RATE orders a second: each step waits for what it sees.

Whatever is asked of the gateway meanwhile is answered, and the browser has nothing to complain about.
"""

import os
import re
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, Locator, expect

from oms_client.errors import UnavailableError
from oms_tools.cli.client import ApiClient
from oms_tools.laptop.layout import Layout
from tests.conftest import KAFKA_VARIABLE, database_folder
from tests.e2e.orders import place
from tests.page.desk import Desk
from tests.page.test_chaos import break_
from tests.page.test_orders import DIALOG, MAIN
from tests.page.test_views import go, raise_exception, row, say_why
from tests.stack_rig import StackRig, free_base_port

# Orders a second of others. `make story` is at 200; beside a browser and other tests a machine carries less.
RATE_VARIABLE = "OMS_STORY_RATE"
RATE = float(os.environ.get(RATE_VARIABLE, "200"))
# Longer than the story takes on a machine half as fast as the slowest; it is ended with the story.
FLOW_S = 900
# A busy machine answers late. Nothing is waited for that is there.
STEP_MS_MAX = 60_000
SYMBOL = "MSFT"
# Nobody else trades it here, and one share more than its limit is let pass.
LIMITED = "PG"
LIMIT = 60
KILLED_S = 3
PERSONAS = ("trader1", "risk1", "admin1")
# A demo's guide stands where things are pressed that are no step of it.
NO_GUIDE = "".join(f"localStorage.setItem('oms-guide:{one}', 'closed');" for one in PERSONAS)
ALGO_UNTIL = """() => {
  const at = new Date(Date.now() + 600_000);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}"""


@pytest.fixture(scope="module")
def rig() -> Iterator[StackRig]:
    """A stack of a demo's, on which more than LIMIT shares of LIMITED take a second person's leave."""
    with database_folder() as folder:
        layout = Layout(data=folder, base_port=free_base_port())
        rig = StackRig(layout=layout, kafka=os.environ.get(KAFKA_VARIABLE, "memory"), chaos=True)
        rig.up()
        rig.client("risk1").put(
            "/api/v1/risk/limits",
            {
                "rule": "ORDER_QTY_EXCEEDS_MAX",
                "scope": {"account": "ACC-INST-001", "symbol": LIMITED},
                "severity": "OVERRIDE",
                "parameters": {"quantity_max": LIMIT},
                "reason": "story",
            },
        )
        yield rig
        rig.down()


class Story:
    """The steps that come more than once."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.page = desk.page
        self._began = time.monotonic()

    def at(self, chapter: str) -> None:
        """Say where the story is, and since when."""
        print(f"{time.monotonic() - self._began:6.1f} s: {chapter}")

    def sees(self, where: Locator, text: str | re.Pattern[str]) -> None:
        """Wait until something says so."""
        expect(where).to_contain_text(text, timeout=STEP_MS_MAX)

    def gone(self, where: Locator) -> None:
        """Wait until something is not there any more."""
        expect(where).to_have_count(0, timeout=STEP_MS_MAX)

    def search(self, text: str) -> None:
        """Show the orders of the list that have this text: others come too fast to stay in sight."""
        self.page.get_by_label("Search in the list").fill(text)

    def order_of(self, quantity: int) -> str:
        """Return the id of the one order that is shown with so many shares."""
        cell = self.page.locator('[aria-describedby$="quantity"]', has_text=re.compile(f"^{quantity:,}$"))
        shown = self.page.locator(".slick-row[data-id]", has=cell)
        expect(shown).to_have_count(1, timeout=STEP_MS_MAX)
        return str(shown.get_attribute("data-id"))

    def sent(self, **fields: str) -> str:
        """Send an order by the ticket. Returns its id."""
        self.desk.fill(**fields)
        self.sees(self.page.locator(".verdict:not(.old)"), "Risk would")
        self.desk.send()
        outcome = self.page.locator("#outcome")
        deadline = time.monotonic() + STEP_MS_MAX / 1000
        while True:
            expect(outcome).not_to_contain_text("Sending", timeout=STEP_MS_MAX)
            if "Send again sends the same order" not in outcome.inner_text():
                return self.order_of(int(fields["quantity"]))
            # A gateway that is behind takes nothing new for a while.
            assert time.monotonic() < deadline, outcome.inner_text()
            self.page.wait_for_timeout(1_000)
            self.desk.send()

    def leave_and_enter(self, persona: str) -> None:
        """Sign out, and log in as somebody else."""
        self.page.get_by_role("button", name="Sign out").click()
        expect(self.page.locator("#login")).to_be_visible(timeout=STEP_MS_MAX)
        self.desk.log_in(persona)

    def in_order(self) -> None:
        """Look at what is shown as somebody does who cannot see it."""
        assert self.desk.violations() == []


def placed(client: ApiClient, **terms: object) -> str:
    """Place an order by REST, again where the gateway has too many that wait. Returns its id."""
    deadline = time.monotonic() + STEP_MS_MAX / 1000
    while True:
        try:
            return str(place(client, **terms)["orderId"])
        except UnavailableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def traded(story: Story) -> str:
    """Send an order, see it fill, and why it went where. Returns a price that waits in a book."""
    order_id = story.sent(symbol=SYMBOL, quantity="301")
    story.desk.outcome(f"Filled: Buy 301 {SYMBOL} at")
    story.desk.says(order_id, "status", "Filled")
    average = Decimal(story.desk.cell(order_id, "average").inner_text().replace(",", ""))
    story.desk.choose(order_id)
    venues = story.page.locator(".card .venues li")
    story.sees(venues.first, "gets ")
    story.in_order()
    chosen = story.page.locator(".card .venues li.chosen .name").first.inner_text()
    story.page.click("#tab-whatif")
    story.page.locator(".without label", has_text=chosen).locator("input").check()
    story.sees(story.page.locator(".difference"), "Another plan.")
    story.page.click("#tab-why")
    return str((average * Decimal("0.97")).quantize(Decimal("0.01")))


def changed_and_canceled(story: Story, client: ApiClient, price: str) -> None:
    """Change an order that rests, suspend and resume it, cancel it, and cancel several at once."""
    desk, page = story.desk, story.page
    order_id = story.sent(symbol=SYMBOL, quantity="302", orderType="LIMIT", limitPrice=price)
    desk.says(order_id, "status", "Working")
    desk.choose(order_id)
    page.keyboard.press("a")
    page.locator(".amend input").first.fill("303")
    story.sees(page.locator(".amend"), "risk would accept it")
    page.keyboard.press("Enter")
    desk.says(order_id, "quantity", "303")
    story.gone(page.locator(".amend"))
    page.get_by_role("button", name="Suspend").click()
    desk.says(order_id, "status", "Suspended")
    page.get_by_role("button", name="Resume").click()
    desk.says(order_id, "status", "Working")
    terms = {"symbol": SYMBOL, "orderType": "LIMIT", "limitPrice": price, "basketId": "story"}
    mine = [placed(client, quantity=quantity, **terms) for quantity in (304, 305)]
    story.search("story")
    for one in mine:
        desk.says(one, "status", "Working")
    page.get_by_role("button", name="Cancel all shown").click()
    story.sees(page.locator(DIALOG), "Cancel 2 orders?")
    page.click(MAIN)
    for one in mine:
        desk.says(one, "status", "Canceled")
    story.search("trader1")
    desk.choose(order_id)
    page.keyboard.press("x")
    desk.says(order_id, "status", "Canceled")


def sent_many(story: Story) -> None:
    """Send a basket, and an order that is worked over time."""
    desk, page = story.desk, story.page
    page.get_by_role("button", name="Basket").click()
    page.locator(f"{DIALOG} textarea").fill("symbol\tside\tquantity\nMSFT\tBUY\t306\nMSFT\tSELL\t307\n")
    page.locator(DIALOG).get_by_role("button", name="Check", exact=True).click()
    story.sees(page.locator(MAIN), "Send 2 orders")
    page.click(MAIN)
    story.gone(page.locator(DIALOG))
    for quantity in (306, 307):
        desk.says(story.order_of(quantity), "status", "Filled")
    desk.fill(symbol=SYMBOL, quantity="2008")
    page.get_by_label("Worked over time").select_option("TWAP")
    page.locator(".ticket").get_by_label("Until").fill(page.evaluate(ALGO_UNTIL))
    page.locator(".ticket").get_by_label("Parts").fill("20")
    order_id = story.sent(symbol=SYMBOL, quantity="2008")
    desk.choose(order_id)
    page.click("#tab-time")
    expect(page.locator("svg.worked")).to_have_attribute(
        "aria-label", re.compile("2,008 planned"), timeout=STEP_MS_MAX
    )
    desk.choose(order_id)
    page.keyboard.press("x")
    desk.says(order_id, "status", "Canceled")
    page.get_by_label("Worked over time").select_option("")


def let_pass(story: Story, client: ApiClient) -> None:
    """Let an order pass that risk has denied: another person does."""
    shares = LIMIT + 1
    story.sent(symbol=LIMITED, quantity=str(shares))
    story.desk.outcome("Rejected: ")
    story.leave_and_enter("risk1")
    go(story.desk, "risk")
    denied = row(story.desk, "overrides", "ACC-INST-001", f"Buy {shares} {LIMITED}")
    denied.get_by_role("button", name="Let pass").click()
    say_why(story.desk, "known client", "Let pass")
    leave = row(story.desk, "overrides", f"trader1: Buy {shares} {LIMITED}")
    story.sees(leave, "open")
    # Core goes by it within a second; until then the same order is denied again.
    deadline = time.monotonic() + STEP_MS_MAX / 1000
    while not row(story.desk, "overrides", "used", f"trader1: Buy {shares} {LIMITED}").count():
        assert time.monotonic() < deadline, leave.all_inner_texts()
        placed(client, symbol=LIMITED, quantity=shares)
        story.page.wait_for_timeout(500)
    story.in_order()


def stopped_and_released(story: Story) -> None:
    """Stop a symbol, see that it has stopped, and let it go on."""
    desk, page = story.desk, story.page
    go(desk, "controls")
    stop = page.locator(".stop")
    stop.get_by_label("Symbol").fill(LIMITED.lower())
    stop.get_by_label("Reason").fill("story")
    page.click("#stop")
    page.locator(DIALOG).get_by_role("button", name="Stop", exact=True).click()
    story.sees(page.locator(".detail"), "Everything that it found open is over.")
    story.sees(page.locator(".top"), "1 stopped")
    story.in_order()
    page.click("#release")
    say_why(desk, "story is over", "Release")
    story.sees(page.locator(".top"), "Nothing stopped")


def settled(story: Story, rig: StackRig) -> None:
    """Set an exception aside."""
    raise_exception(rig, "story")
    story.leave_and_enter("admin1")
    go(story.desk, "venues")
    row(story.desk, "exceptions", "story").get_by_role("button", name="Set aside").click()
    say_why(story.desk, "of another firm", "Set aside")
    story.gone(row(story.desk, "exceptions", "story"))
    story.in_order()


def killed_and_back(story: Story) -> None:
    """Kill core under the flow, and see it come back and each order that was acked have its outcome."""
    go(story.desk, "controls")
    break_(story.desk, "Kill a process", "oms-core", KILLED_S)
    now = story.page.locator("#chaos-now")
    story.sees(now, "oms-core killed")
    story.sees(now, "back after")
    # Some of the others' orders rest in a book.
    story.sees(now, re.compile(r"acked meanwhile(, all final|: .*, none lost)\."))
    story.desk.until("LIVE")
    story.in_order()


@pytest.mark.timeout(FLOW_S)
def test_a_day_at_the_desk_while_others_send_orders_all_the_time(rig: StackRig, chrome: Browser) -> None:
    client = rig.client("trader1")
    context = chrome.new_context(viewport={"width": 1280, "height": 800})
    desk = Desk(context.new_page(), rig, STEP_MS_MAX)
    desk.page.add_init_script(NO_GUIDE)
    load = rig.start_bench(RATE, FLOW_S)
    try:
        load.await_part(1 / FLOW_S)
        before, began = rig.orders_stored(), time.monotonic()
        story = Story(desk)
        desk.log_in("trader1")
        story.search("trader1")
        story.at("trades")
        price = traded(story)
        story.at("changes and cancels")
        changed_and_canceled(story, client, price)
        story.at("sends many")
        sent_many(story)
        story.at("lets pass")
        let_pass(story, client)
        story.at("stops and releases")
        stopped_and_released(story)
        story.at("settles")
        settled(story, rig)
        stored, took = rig.orders_stored() - before, time.monotonic() - began
        story.at("kills core")
        killed_and_back(story)
        assert load.process.poll() is None, "the flow has ended before the story"
    finally:
        load.stop()
    story.at(f"signs out; until core was killed others had sent {stored / took:.0f} orders a second")
    desk.page.get_by_role("button", name="Sign out").click()
    expect(desk.page.locator("#login")).to_be_visible(timeout=STEP_MS_MAX)
    context.close()
    assert desk.complaints == []
    assert stored / took > RATE / 2
