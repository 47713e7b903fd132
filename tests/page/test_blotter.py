"""The blotter in a real browser, on a whole stack: what it says is what is."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from oms_tools.cli.client import ApiClient
from oms_tools.laptop.layout import Layout
from oms_tools.laptop.parts import postgres_dsn
from tests.conftest import KAFKA_VARIABLE, database_folder
from tests.e2e.orders import far_below, place, until_status
from tests.page.browser import ANSWER_S_MAX, Page, browsing
from tests.stack_rig import StackRig, free_base_port

# Where pictures of the page are kept, for a person to look at.
SHOTS_VARIABLE = "OMS_PAGE_SHOTS"
LIVE = "document.getElementById('state').textContent.startsWith('live')"
PLACE = "#ticket button"
LIST = "/api/v1/orders?"
# What is sent to the WebSocket waits for release().
HELD_SOCKET = """
    const send = WebSocket.prototype.send, held = [];
    window.release = () => {
      WebSocket.prototype.send = send;
      held.forEach(([to, text]) => send.call(to, text));
    };
    WebSocket.prototype.send = function (text) { held.push([this, text]); };
"""
# The list is read when it is asked for, and handed over at release().
HELD_LIST = """
    const real = window.fetch;
    const released = new Promise(done => { window.release = done; });
    window.fetch = async (path, options) => {
      const answer = await real(path, options);
      if (!String(path).startsWith("/api/v1/orders?")) return answer;
      window.listRead = true;
      await released;
      return answer;
    };
"""
# The list goes on telling what it told first, as a replica does that stands still.
OLD_LIST = """
    const real = window.fetch;
    let first = null;
    window.fetch = async (path, options) => {
      if (!String(path).startsWith("/api/v1/orders?")) return real(path, options);
      first ??= JSON.stringify(window.oldList);
      return new Response(first, { status: 200, headers: { "content-type": "application/json" } });
    };
"""
# So many frames of events are lost on their way.
LOSSY_SOCKET = """
    window.lose = 0;
    const property = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
    Object.defineProperty(WebSocket.prototype, "onmessage", { ...property, set(take) {
      property.set.call(this, take && (message => {
        if (window.lose && message.data.startsWith('{"type":"events"')) window.lose -= 1; else take(message);
      }));
    } });
"""


@pytest.fixture(scope="module")
def rig() -> Iterator[StackRig]:
    """A running stack."""
    with database_folder() as folder:
        layout = Layout(data=folder, base_port=free_base_port())
        rig = StackRig(layout=layout, kafka=os.environ.get(KAFKA_VARIABLE, "memory"))
        rig.up()
        yield rig
        rig.down()


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    """A browser's page, 1280 wide, that has nothing to complain about when the test ends."""
    with browsing() as page:
        page.size(1280, 800)
        yield page
        if folder := os.environ.get(SHOTS_VARIABLE):
            page.screenshot(Path(folder) / f"{request.node.name[:60]}.png")
        refused = [one for one in page.complaints if "Content Security Policy" in one or "exception" in one]
        assert refused == []


def watch(page: Page, client: ApiClient, accounts: str = "", *, before: str = "") -> None:
    """Open the page and log in."""
    page.open(f"{client.url}/", before)
    fill(page, "#token", client.token)
    fill(page, "#accounts", accounts)
    page.click("#enter button")


def fill(page: Page, selector: str, text: str) -> None:
    """Write into a field."""
    page.run(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(text)}")


def fill_ticket(page: Page, **fields: str) -> None:
    """Write a whole ticket."""
    wanted = {"accountId": "ACC-INST-001", "symbol": "DIS", "side": "BUY", "orderType": "MARKET"} | fields
    for name, text in wanted.items():
        fill(page, f"#ticket [name={name}]", text)


def row(quantity: int) -> str:
    """Return a script that gives the texts of the newest row of an order of so many shares, or null."""
    return (
        "(() => { const found = [...document.querySelectorAll('#orders tr')].find(row =>"
        f" row.cells[5].textContent.replace(',', '') === '{quantity}');"
        " return found ? [...found.cells].map(cell => cell.textContent) : null; })()"
    )


def status(quantity: int) -> str:
    """Return a script that gives the status in that row."""
    return f"({row(quantity)} || [])[7]"


def resting(client: ApiClient, quantity: int, **changes: Any) -> str:
    """Place an order that stays open. Returns its id."""
    order_id = place(client, orderType="LIMIT", limitPrice=far_below(client), quantity=quantity, **changes)[
        "orderId"
    ]
    until_status(client, order_id, "ACKNOWLEDGED")
    return str(order_id)


def canceled(client: ApiClient, order_id: str) -> None:
    """Cancel an order and wait for it."""
    client.delete(f"/api/v1/orders/{order_id}")
    until_status(client, order_id, "CANCELED")


# ---- B1, B2: which accounts


def test_every_account_of_the_token_is_live_also_one_that_had_no_order(rig: StackRig, page: Page) -> None:
    client = rig.client("trader1")
    until_status(client, place(client, quantity=101)["orderId"], "FILLED")
    watch(page, client)
    page.until(LIVE)
    fill_ticket(page, accountId="ACC-INST-003", quantity="103")
    page.click(PLACE)
    page.until(f"{status(103)} === 'FILLED'")
    # Also one that another client placed.
    place(client, accountId="ACC-HF-002", quantity=104)
    page.until(f"{status(104)} === 'FILLED' && {row(104)}[4] === 'MARKET DAY'")
    assert page.run(LIVE)


def test_the_accounts_field_says_whose_orders_are_shown(rig: StackRig, page: Page) -> None:
    client = rig.client("trader1")
    for account, quantity in (("ACC-INST-001", 111), ("ACC-INST-002", 112), ("ACC-HF-001", 113)):
        until_status(client, place(client, accountId=account, quantity=quantity)["orderId"], "FILLED")
    watch(page, client, "ACC-INST-002, ACC-HF-001")
    page.until(f"{LIVE} && {row(112)} && {row(113)}")
    shown = "[...new Set([...document.querySelectorAll('#orders tr')].map(row => row.cells[1].textContent))]"
    assert set(page.run(shown)) == {"ACC-INST-002", "ACC-HF-001"}
    # A row of an account that is not watched would never change: also one's own order has none.
    fill_ticket(page, quantity="114")
    page.click(PLACE)
    page.until("document.getElementById('answer').textContent.includes('not watched')")
    assert page.run(row(114)) is None


def test_an_account_that_is_not_the_tokens_is_named_and_nothing_is_live(rig: StackRig, page: Page) -> None:
    watch(page, rig.client("trader1"), "ACC-RET-001")
    page.until("document.getElementById('state').textContent.includes('ACC-RET-001')")
    assert page.run("document.getElementById('state').className") == "problem"
    assert not page.run("document.querySelectorAll('#orders tr').length")


# ---- B3: nothing is lost between list and stream


def test_a_change_before_the_subscription_is_on_the_row_when_it_is_live(rig: StackRig, page: Page) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 121)
    watch(page, client, before=HELD_SOCKET)
    time.sleep(1.5)  # the old order of things: the list is there, the subscription is not
    assert not page.run(LIVE)
    canceled(client, order_id)
    page.run("release()")
    page.until(LIVE)
    assert page.until(status(121)) == "CANCELED"


def test_a_list_that_comes_after_the_change_does_not_undo_it(rig: StackRig, page: Page) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 122)
    watch(page, client, before=HELD_LIST)
    page.until("window.listRead")
    canceled(client, order_id)
    page.until(f"!{row(122)} || {status(122)} === 'CANCELED'")
    page.run("release()")
    page.until(f"{LIVE} && {row(122)}")
    assert page.run(status(122)) == "CANCELED"


def test_what_an_old_list_calls_open_is_asked_about_before_anything_is_live(
    rig: StackRig, page: Page
) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 123)
    old = client.get("/api/v1/orders", limit="200")
    canceled(client, order_id)
    watch(page, client, before=f"window.oldList = {json.dumps(old)};{OLD_LIST}")
    page.until(LIVE)
    assert page.run(status(123)) == "CANCELED"


def test_a_lost_event_is_a_gap_that_is_shown_and_mended(rig: StackRig, page: Page) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 124)
    watch(page, client, before=LOSSY_SOCKET)
    page.until(f"{LIVE} && {status(124)} === 'ACKNOWLEDGED'")
    page.run(
        "window.states = []; new MutationObserver(() => states.push(document.getElementById('state')"
        ".textContent)).observe(document.getElementById('state'), { childList: true }); window.lose = 1"
    )
    canceled(client, order_id)
    page.until("window.lose === 0")
    place(client, quantity=125)
    page.until("states.some(text => text.includes('gap'))")
    page.until(f"{LIVE} && {status(124)} === 'CANCELED' && {status(125)} === 'FILLED'")


def test_a_lost_stream_is_never_live_and_what_it_missed_is_there_after_it(rig: StackRig, page: Page) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 126)
    watch(page, client)
    page.until(f"{LIVE} && {status(126)} === 'ACKNOWLEDGED'")
    killed = rig.kill("oms-api")
    page.until(f"!({LIVE}) && document.body.classList.contains('stale')")
    rig.await_ready_again("oms-api", killed)
    canceled(client, order_id)
    page.until(f"{LIVE} && {status(126)} === 'CANCELED'", 60)


def test_a_stream_on_which_nothing_is_heard_is_not_live(rig: StackRig, page: Page) -> None:
    watch(page, rig.client("trader1"))
    page.until(LIVE)
    page.run("heardAt = 0")
    page.until("document.getElementById('state').textContent.includes('nothing is heard')")
    page.until(LIVE)


def test_what_another_database_said_does_not_stay(rig: StackRig, page: Page) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 127)
    watch(page, client)
    page.until(LIVE)
    page.run(
        f"merge({{ ...orders.get('{order_id}'), sequence: 999, status: 'FILLED' }});"
        " epoch = 'before'; again('the database was restored')"
    )
    page.until(f"{LIVE} && {status(127)} === 'ACKNOWLEDGED'")


def test_an_account_whose_stream_ends_has_no_rows_and_is_named(rig: StackRig, page: Page) -> None:
    client = rig.client("trader1")
    resting(client, 128)
    resting(client, 129, accountId="ACC-INST-002")
    watch(page, client)
    page.until(f"{LIVE} && {row(128)} && {row(129)}")
    error = {"code": "CONFLICT", "message": "too many open orders", "fields": []}
    for message in (
        {"type": "error", "error": error},
        {"type": "unsubscribed", "accounts": ["ACC-INST-001"]},
    ):
        page.run(f"socket.onmessage({{ data: {json.dumps(json.dumps(message))} }})")
    page.until(f"{LIVE} && !{row(128)} && {row(129)}")
    told = page.run("document.getElementById('state').textContent")
    assert told == "live: 4 accounts; not watched: ACC-INST-001: too many open orders"
    place(client, quantity=130)
    place(client, quantity=133, accountId="ACC-INST-002")
    page.until(row(133))
    assert page.run(row(130)) is None


def test_after_a_load_every_row_is_what_rest_says(rig: StackRig, page: Page) -> None:
    client = rig.client("desk")
    watch(page, client)
    page.until(LIVE)
    load = rig.start_bench(60, 5)
    load.await_part(0.3)
    # A second look in the middle of it begins with what is there then.
    page.click("#enter button")
    load.figures()

    shown = (
        "Object.fromEntries([...document.querySelectorAll('#orders tr')].map(row =>"
        " [row.dataset.order, [1, 3, 7, 8].map(place => row.cells[place].textContent)]))"
    )

    def differing() -> dict[str, Any]:
        """Compare the newest orders, and what the page has beside them: what is open and older."""
        rows, newest = page.run(shown), client.get("/api/v1/orders", limit="200")["orders"]
        known = {order["orderId"] for order in newest}
        older = [client.get(f"/api/v1/orders/{order_id}") for order_id in rows if order_id not in known]
        found: dict[str, Any] = {one["orderId"]: "closed" for one in older if one["closed"]}
        for order in [*newest, *older]:
            told = [order["accountId"], order["side"], order["status"], f"{order['cumQty']:,}"]
            if rows.get(order["orderId"]) != told:
                found[order["orderId"]] = (rows.get(order["orderId"]), told)
        return found

    page.until(LIVE)
    deadline = time.monotonic() + ANSWER_S_MAX
    while (found := differing()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found == {}
    assert page.run(LIVE)
    assert page.run("[...document.querySelectorAll('#orders tr')].every(row => row.cells[4].textContent)")


# ---- B4: one intent, one order


def orders_of(client: ApiClient, quantity: int) -> list[dict[str, Any]]:
    """Return every order of so many shares of DIS."""
    found = client.get("/api/v1/orders", symbol="DIS", limit="200")["orders"]
    return [order for order in found if order["quantity"] == quantity]


def test_a_double_click_places_one_order(rig: StackRig, page: Page) -> None:
    client = rig.client("trader1")
    watch(page, client)
    page.until(LIVE)
    fill_ticket(page, quantity="777")
    page.click(PLACE, times=2)
    page.until(f"{status(777)} === 'FILLED'")
    assert len(orders_of(client, 777)) == 1
    # The same again is asked about, and the answer counts.
    page.accepts = False
    page.until(f"!document.querySelector('{PLACE}').disabled")
    page.click(PLACE)
    assert "same order" in page.dialogs[-1]
    assert len(orders_of(client, 777)) == 1


def test_an_order_that_was_not_answered_is_sent_again_as_the_same_order(rig: StackRig, page: Page) -> None:
    client = rig.client("trader1")
    lost = """const real = window.fetch; window.lose = 1; window.fetch = async (path, options) => {
      const answer = await real(path, options);
      if (options?.method === "POST" && window.lose) { window.lose = 0; throw new TypeError("network"); }
      return answer; };"""
    watch(page, client, before=lost)
    page.until(LIVE)
    fill_ticket(page, quantity="778")
    page.click(PLACE)
    page.until("window.lose === 0 && document.getElementById('answer').className === 'problem'")
    page.until(f"!document.querySelector('{PLACE}').disabled")
    page.click(PLACE)
    page.until(f"{status(778)} === 'FILLED' && document.getElementById('answer').className === 'good'")
    assert len(orders_of(client, 778)) == 1


def test_a_large_order_is_asked_about_first(rig: StackRig, page: Page) -> None:
    client = rig.client("trader1")
    watch(page, client)
    page.until(LIVE)
    page.accepts = False
    fill_ticket(page, quantity="10,001")
    page.click(PLACE)
    assert "10,001 DIS" in page.dialogs[0]
    assert orders_of(client, 10_001) == []
    assert not page.run(f"document.querySelector('{PLACE}').disabled")


# ---- B5: why


def test_a_denied_order_says_why_on_its_row_and_in_the_colour_of_errors(rig: StackRig, page: Page) -> None:
    watch(page, rig.client("trader1"))
    page.until(LIVE)
    fill_ticket(page, symbol="AAPL", quantity="10000000")
    page.click(PLACE)
    why = "ORDER_QTY_EXCEEDS_MAX: quantity=10000000, limit=500000"
    page.until(f"document.querySelector('#orders').innerText.includes('{why}')")
    answer = "document.getElementById('answer')"
    assert page.until(f"{answer}.className === 'problem' && {answer}.textContent") == f"REJECTED: {why}"
    # One that the door refuses is on no row.
    page.until(f"!document.querySelector('{PLACE}').disabled")
    fill_ticket(page, symbol="NOPE", quantity="5")
    page.click(PLACE)
    page.until(f"{answer}.className === 'problem' && {answer}.textContent.includes('NOPE')")


# ---- B6, B7: the card


def test_a_route_card_fits_a_window_of_1280_and_the_arithmetic_is_below_its_row(
    rig: StackRig, page: Page
) -> None:
    client = rig.client("trader1")
    until_status(client, place(client, quantity=131)["orderId"], "FILLED")
    watch(page, client)
    page.until(f"{LIVE} && {row(131)}")
    page.click("#orders tr")
    page.until("document.querySelectorAll('#card td').length > 20")
    # It is in sight without scrolling, however long the list is.
    reason = "[...document.querySelectorAll('#card th')].find(head => head.textContent === 'Reason')"
    assert page.run(f"scrollY + {reason}.getBoundingClientRect().bottom") < 700
    heads = page.run("[...document.querySelectorAll('#card th')].map(head => head.textContent)")
    assert {"Reason", "Allocated"} <= set(heads)
    outside = (
        "[...document.querySelectorAll('#card th, #card td, #orders td')]"
        ".filter(cell => cell.getBoundingClientRect().right > 1280).map(cell => cell.textContent)"
    )
    assert page.run(outside) == []
    assert page.run("document.documentElement.scrollWidth") <= 1280
    sums = page.run(
        "[...document.querySelectorAll('#card tr.arithmetic')].map(row => [row.cells.length,"
        " row.textContent.includes('score'), row.previousSibling.cells.length])"
    )
    assert len(sums) >= 5
    assert all(one == [1, True, 7] for one in sums)


def test_an_open_card_changes_with_its_order(rig: StackRig, page: Page) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 132)
    watch(page, client)
    page.until(f"{LIVE} && {row(132)}")
    # With the keyboard, as anyone may.
    page.run(f"document.querySelector('#orders tr[data-order=\"{order_id}\"]').focus()")
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13)
    page.until("document.getElementById('card').innerText.includes('ACKNOWLEDGED')")
    # What a venue says of a child is no event of the order.
    child = (
        "[...document.querySelectorAll('#card td')].find(cell => /-1-1$/.test(cell.textContent))?.parentNode"
    )
    page.until(f"{child}?.cells[4].textContent === 'NEW'")
    canceled(client, order_id)
    page.until("document.getElementById('card').innerText.includes('OrderCanceled')")


# ---- the rest


def test_what_the_page_does_not_hold_is_not_run(rig: StackRig, page: Page) -> None:
    page.open(f"{rig.client('trader1').url}/")
    page.run(
        "(() => { const made = document.createElement('script'); made.textContent = 'window.foreign = 1';"
        " document.head.append(made); document.body.setAttribute('onclick', 'window.foreign = 1');"
        " document.body.click(); })()"
    )
    assert page.run("window.foreign") is None
    assert any("Content Security Policy" in one for one in page.complaints)
    page.complaints.clear()


def test_a_bad_token_is_refused_in_words_and_a_missing_page_icon_is_no_error(
    rig: StackRig, page: Page
) -> None:
    client = rig.client("trader1")
    watch(page, ApiClient(client.url, "no.good.token"))
    text = page.until("(text => text.startsWith('not live: ') && text.length > 20 && text)"
                      "(document.getElementById('state').textContent)")  # fmt: skip
    assert "Error" not in text
    assert [one for one in page.complaints if "favicon" in one] == []


# ---- kill switches


def test_a_person_stops_a_scope_sees_what_came_of_it_and_releases_it(rig: StackRig, page: Page) -> None:
    client = rig.client("admin1")
    page.open(f"{client.url}/", "window.prompt = () => 'it is over';")
    fill(page, "#token", client.token)
    page.click("#enter button")
    page.until(LIVE)
    page.run("document.getElementById('kills').open = true")
    for name, text in {"kind": "symbol", "name": "GM-NO", "stage": "BLOCK", "reason": "drill"}.items():
        fill(page, f"#stop [name={name}]", text)
    page.click("#stop button")
    page.until("document.getElementById('stopped').textContent.includes('must be a known symbol')")
    fill(page, "#stop [name=name]", "DIS")
    page.click("#stop button")
    page.until("document.getElementById('switches').textContent.includes('symbol DIS BLOCK')")
    page.click("#switches button")
    page.until("document.getElementById('switches').textContent.includes('symbol DIS CANCEL')")
    page.click("#switches button")
    page.until("document.getElementById('switches').children.length === 0")
    (kept,) = client.get("/api/v1/kill-switches", all="true")["killSwitches"]
    assert (kept["releaseReason"], kept["raised"][0]["reason"]) == ("it is over", "it is over")


def test_a_person_sees_a_limit_that_is_passed_and_says_what_is_done(rig: StackRig, page: Page) -> None:
    client = rig.client("risk1")
    with psycopg.connect(postgres_dsn(rig.layout.port("postgres")), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO risk_alerts (alert_id, rule, scope, account_id, level, share_pct, value, bound,"
            " headroom, worst, unit, set_for, times_raised, version, first_seen, last_seen)"
            " VALUES (gen_random_uuid(), 'NET_EXPOSURE_EXCEEDED', "
            " jsonb_build_object('account', 'ACC-HF-001'),"
            " 'ACC-HF-001', 'BREACH', 100, '2.00', '1.00', '-1.00', '2.50', 'dollars', '', 1, 1, now(),"
            " now())"
        )
    page.open(f"{client.url}/", "window.prompt = () => 'reduces by noon';")
    fill(page, "#token", client.token)
    page.click("#enter button")
    page.until(LIVE)
    page.run("document.getElementById('limits').open = true")
    told = "document.getElementById('alerts').textContent"
    page.until(f"{told}.includes('BREACH NET_EXPOSURE_EXCEEDED account ACC-HF-001: 2.00 of 1.00 dollars')")
    page.click("#alerts button")
    page.until(f"{told}.includes('Seen by risk1: reduces by noon')")
