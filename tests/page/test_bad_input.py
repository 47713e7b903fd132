"""What goes wrong in front of a trader has a visible, kind answer, and no order is sent twice or unknowingly.

Beside what other files of this folder hold: a session that is over (test_log_in), a network that is lost
(test_truth, test_network), a gateway that ends (test_chaos), what is denied, a double click, a bad line of a
basket, names that are HTML (test_orders).
"""

import re

from playwright.sync_api import expect

from tests.e2e.orders import far_below, place
from tests.page.desk import Desk, canceled, orders_of
from tests.page.test_truth import BENT_SOCKET
from tests.stack_rig import StackRig

DIALOG = "dialog[open]"
MAIN = "dialog[open] footer .main"
# The first orders are answered 503, and the next is taken; every content that was sent is noted.
BUSY_GATEWAY = """
    const real = window.fetch;
    window.sent = [];
    window.busy = 2;
    window.fetch = async (path, options) => {
      if (path !== "/api/v1/orders" || options?.method !== "POST") return real(path, options);
      window.sent.push(options.body);
      if (window.busy-- <= 0) return real(path, options);
      return new Response(JSON.stringify({ code: "OVERLOADED", detail: "orders wait too long" }),
        { status: 503, headers: { "retry-after": "1", "content-type": "application/problem+json" } });
    };
"""
NONSENSE = ("lots", "1e9", "-5", "1.5", "0", "１００", "<b>100</b>", "100; 200")


def test_an_order_that_a_busy_gateway_turns_away_is_sent_again_as_the_same_one(
    rig: StackRig, desk: Desk
) -> None:
    client = rig.client("trader1")
    desk.use_token(client.token, BUSY_GATEWAY)
    desk.until("LIVE")
    desk.fill(symbol="WMT", quantity="811")
    desk.send()
    desk.outcome("Filled: Buy 811 WMT")
    assert len(desk.page.evaluate("sent")) == 3
    assert len(set(desk.page.evaluate("sent"))) == 1
    assert len(orders_of(client, 811, "WMT")) == 1


def test_nonsense_in_the_ticket_is_named_at_its_field_and_sends_nothing(rig: StackRig, desk: Desk) -> None:
    desk.log_in("trader1")
    before = rig.client("trader1").get("/api/v1/orders", limit="1")["orders"]
    quantity = desk.page.locator(".field", has=desk.page.locator("[name=quantity]"))
    for text in NONSENSE:
        desk.fill(symbol="WMT", quantity=text)
        expect(quantity).to_contain_text("a whole number above 0")
        desk.send()
        expect(desk.page.locator("#outcome")).to_have_text("quantity: a whole number above 0")
    desk.fill(symbol="WMT", quantity="812", orderType="LIMIT", limitPrice="9.99.9")
    limit = desk.page.locator(".field", has=desk.page.locator("[name=limitPrice]"))
    expect(limit).to_contain_text("dollars, up to six decimals")
    desk.fill(symbol="", quantity="", orderType="LIMIT", limitPrice="")
    desk.send()
    expect(desk.page.locator("#outcome")).to_have_text("Missing: symbol, quantity, limit")
    assert rig.client("trader1").get("/api/v1/orders", limit="1")["orders"] == before


def test_nonsense_that_is_pasted_as_a_basket_is_told_by_line_and_sends_nothing(
    rig: StackRig, desk: Desk
) -> None:
    desk.log_in("trader1")
    desk.page.get_by_role("button", name="Basket").click()
    pasted = desk.page.locator(f"{DIALOG} textarea")
    checked = desk.page.locator(".checked tbody tr")
    for text, number, said in (
        ("Dear all,\nplease buy 813 WMT.", "1", 'unknown field "Dear all"'),
        ("symbol,side,quantity\nWMT,BUY,lots\n", "2", 'expected a whole number, was "lots"'),
        ("symbol,side,quantity\nWMT,BUY,813,9\n", "2", "4 cells, expected 3"),
        ("symbol,side,quantity\n<img src=x>,,\n", "2", "side is missing"),
    ):
        pasted.fill(text)
        desk.page.get_by_role("button", name="Check").click()
        expect(checked.filter(has_text=said).locator("td").first).to_have_text(number)
        expect(desk.page.locator(MAIN)).to_be_disabled()
    # What was checked is not what stands there now: nothing goes before it is checked again.
    pasted.fill("symbol,side,quantity\nWMT,BUY,813\n")
    desk.page.get_by_role("button", name="Check").click()
    expect(desk.page.locator(MAIN)).to_have_text("Send 1 orders")
    pasted.fill("symbol,side,quantity\nWMT,BUY,813000\n")
    expect(desk.page.locator(MAIN)).to_be_disabled()
    assert orders_of(rig.client("trader1"), 813, "WMT") == []


def test_quotes_that_do_not_come_in_are_called_old(rig: StackRig, desk: Desk) -> None:
    desk.use_token(rig.client("trader1").token, BENT_SOCKET)
    desk.until("LIVE")
    old = desk.page.locator("header", has_text="Quotes old")
    watch = desk.page.locator(".watch")
    expect(old).to_have_count(0)
    desk.page.evaluate(
        """void (window.through = text => {
          const message = JSON.parse(text);
          return message.type === "quotes" ? JSON.stringify({ ...message, live: false }) : text; })"""
    )
    expect(old).to_have_count(1)
    expect(watch).to_have_class(re.compile(r"\bstale\b"))
    # Orders are as true as they were: that is said of quotes alone.
    assert desk.truth == "LIVE"
    desk.page.evaluate("void (window.through = text => text)")
    expect(old).to_have_count(0)
    expect(watch).not_to_have_class(re.compile(r"\bstale\b"))


def test_two_tabs_show_the_same_and_what_both_ask_is_done_once(rig: StackRig, desk: Desk) -> None:
    client = rig.client("trader1")
    other = Desk(desk.page.context.new_page(), rig)
    for tab in (desk, other):
        tab.use_token(client.token)
        tab.until("LIVE")
    # What one sends the other has, with the price that it was sent at.
    desk.fill(symbol="WMT", quantity="814", orderType="LIMIT", limitPrice=far_below(client, symbol="WMT"))
    desk.send()
    expect(desk.page.locator("#outcome")).to_contain_text("Buy 814 WMT")
    (sent,) = orders_of(client, 814, "WMT")
    price = f"{float(sent['limitPrice']):.2f}"
    for tab in (desk, other):
        tab.says(sent["orderId"], "price", price)
        tab.says(sent["orderId"], "trader", "trader1")
        tab.says(sent["orderId"], "status", "Working")
        tab.choose(sent["orderId"])
    for tab in (desk, other):
        tab.page.keyboard.press("x")
    for tab in (desk, other):
        tab.says(sent["orderId"], "status", "Canceled")
    events = client.get(f"/api/v1/orders/{sent['orderId']}/events")["events"]
    assert [one["eventType"] for one in events].count("OrderCanceled") == 1
    # The second has its strip open while the first changes the order: it asks for its own change, once.
    price = far_below(client, symbol="WMT")
    order_id = str(place(client, symbol="WMT", quantity=815, orderType="LIMIT", limitPrice=price)["orderId"])
    for tab, quantity in ((desk, "816"), (other, "817")):
        tab.says(order_id, "status", "Working")
        tab.choose(order_id)
        tab.page.keyboard.press("a")
        tab.page.locator(".amend input").first.fill(quantity)
    for first, quantity in ((desk, "816"), (other, "817")):
        first.page.keyboard.press("Enter")
        for tab in (desk, other):
            tab.says(order_id, "quantity", quantity)
            tab.says(order_id, "status", "Working")
    events = client.get(f"/api/v1/orders/{order_id}/events")["events"]
    assert [one["eventType"] for one in events].count("OrderReplaced") == 2
    canceled(client, order_id)
    assert [one for one in other.complaints if "Failed to load resource" not in one] == []
