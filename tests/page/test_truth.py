"""The desk never says live of what is not so: whatever is lost, late, doubled or of another database."""

import time
from typing import Any

from playwright.sync_api import expect

from oms_tools.cli.client import ApiClient
from tests.e2e.orders import place
from tests.page.desk import ANSWER_MS_MAX, Desk, canceled, filled, js, resting
from tests.stack_rig import StackRig

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
    window.fetch = async (path, options) => {
      if (!String(path).startsWith("/api/v1/orders?")) return real(path, options);
      return new Response(window.oldList, { status: 200, headers: { "content-type": "application/json" } });
    };
"""
# What comes on the WebSocket goes through `window.through`, which gives what the page sees of it, or null.
BENT_SOCKET = """
    window.through = text => text;
    const property = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
    Object.defineProperty(WebSocket.prototype, "onmessage", { ...property, set(take) {
      window.feed = text => take({ data: text });
      property.set.call(this, take && (message => {
        const text = window.through(message.data);
        if (text !== null) take({ data: text });
      }));
    } });
"""
# The page's clock can be put forward.
BENT_CLOCK = "window.ahead = 0; const now = Date.now; Date.now = () => now() + window.ahead;"
STATUS_WORDS = {
    "NEW": "New",
    "ACKNOWLEDGED": "Working",
    "PARTIALLY_FILLED": "Part filled",
    "FILLED": "Filled",
    "CANCELED": "Canceled",
    "REJECTED": "Rejected",
    "EXPIRED": "Expired",
}
# Every word that the page has said of its truth.
WORDS = """
    window.words = [];
    new MutationObserver(() => {
      const said = document.getElementById("truth");
      if (said) window.words.push(`${said.dataset.truth} ${said.textContent}`);
    }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
"""


def test_every_account_of_the_token_is_live_also_one_that_had_no_order(rig: StackRig, desk: Desk) -> None:
    desk.log_in("trader1")
    desk.fill(accountId="ACC-INST-003", quantity="103")
    desk.send()
    desk.outcome("Filled: Buy 103 DIS")
    # Also one that another client placed; the list says what its event does not.
    order_id = filled(rig.client("trader1"), 104, accountId="ACC-HF-002")
    desk.says(order_id, "status", "Filled")
    desk.says(order_id, "price", "Market")
    assert desk.truth == "LIVE"


def test_a_change_before_the_subscription_is_on_the_row_when_it_is_live(rig: StackRig, desk: Desk) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 121)
    desk.use_token(client.token, HELD_SOCKET)
    desk.until("CATCHING_UP")
    canceled(client, order_id)
    assert desk.truth == "CATCHING_UP"
    desk.page.evaluate("release()")
    desk.until("LIVE")
    assert desk.cell(order_id, "status").inner_text() == "Canceled"


def test_a_list_that_comes_after_the_change_does_not_undo_it(rig: StackRig, desk: Desk) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 122)
    desk.use_token(client.token, HELD_LIST)
    desk.wait("window.listRead")
    canceled(client, order_id)
    desk.says(order_id, "status", "Canceled")
    assert desk.truth == "CATCHING_UP"
    desk.page.evaluate("release()")
    desk.until("LIVE")
    assert desk.cell(order_id, "status").inner_text() == "Canceled"


def test_what_an_old_list_calls_open_is_asked_about_before_anything_is_live(
    rig: StackRig, desk: Desk
) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 123)
    old = client.get("/api/v1/orders", limit="200") | {"nextCursor": None}
    canceled(client, order_id)
    desk.use_token(client.token, f"window.oldList = {js(js(old))};{OLD_LIST}")
    desk.until("LIVE")
    assert desk.cell(order_id, "status").inner_text() == "Canceled"


def test_a_lost_event_is_a_gap_that_is_shown_and_mended(rig: StackRig, desk: Desk) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 124)
    desk.use_token(client.token, BENT_SOCKET + WORDS)
    desk.until("LIVE")
    desk.says(order_id, "status", "Working")
    desk.page.evaluate(
        """window.lost = 0; window.through = text => {
          if (window.lost || !text.startsWith('{"type":"events"')) return text;
          window.lost += 1; return null; }; 0"""
    )
    canceled(client, order_id)
    desk.wait("window.lost === 1")
    place(client, quantity=125)
    desk.wait("words.some(text => text.startsWith('CUT') && text.includes('a gap in the events'))")
    desk.says(order_id, "status", "Canceled")
    desk.until("LIVE")


def test_a_lost_stream_is_never_live_and_what_it_missed_is_there_after_it(rig: StackRig, desk: Desk) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 126)
    desk.log_in("trader1")
    desk.says(order_id, "status", "Working")
    killed = rig.kill("oms-api")
    desk.until("CUT")
    expect(desk.page.locator("#truth")).to_contain_text("ago")
    expect(desk.page.locator(".list.stale")).to_be_visible()
    rig.await_ready_again("oms-api", killed)
    canceled(client, order_id)
    desk.until("LIVE", 60_000)
    desk.says(order_id, "status", "Canceled")


def test_a_stream_on_which_nothing_is_heard_is_stale_then_cut_and_comes_back(
    rig: StackRig, desk: Desk
) -> None:
    desk.use_token(rig.client("trader1").token, BENT_CLOCK + BENT_SOCKET + WORDS)
    desk.until("LIVE")
    desk.page.evaluate("window.through = () => null; window.ahead = 25_000")
    desk.until("STALE")
    desk.page.evaluate("window.ahead = 50_000")
    # Each is said for a moment only. What was opened then hears nothing either, and is given up in its turn.
    desk.wait("words.some(text => text.startsWith('CUT'))")
    desk.wait(
        "words.findLastIndex(text => text.startsWith('CATCHING_UP'))"
        " > words.findIndex(text => text.startsWith('CUT'))"
    )
    desk.page.evaluate("window.through = text => text")
    desk.page.evaluate("window.ahead = 100_000")
    desk.until("LIVE")


def test_what_another_database_said_does_not_stay(rig: StackRig, desk: Desk) -> None:
    client = rig.client("trader1")
    order_id = resting(client, 127)
    desk.use_token(client.token, BENT_SOCKET)
    desk.until("LIVE")
    gone = "01900000-0000-7000-8000-0000deadbeef"
    order = client.get(f"/api/v1/orders/{order_id}")
    # An order that only the database of before has, and one that it knew further on.
    of_before = [order | {"sequence": 999, "quantity": 9}, order | {"orderId": gone, "quantity": 8}]
    feed: dict[str, Any] = {"type": "snapshot", "accountId": "ACC-INST-001", "streamSequence": 1}
    feed |= {"epoch": "before", "orders": of_before, "executions": []}
    desk.page.evaluate(f"window.feed({js(js(feed))})")
    desk.says(gone, "quantity", "8")
    desk.page.evaluate('window.feed(\'{"type":"resync","accounts":["ACC-INST-001"],"epoch":"after"}\')')
    desk.until("LIVE")
    desk.says(order_id, "quantity", "127")
    expect(desk.row(gone)).to_have_count(0)


def test_an_account_whose_stream_ends_has_no_rows_and_is_named(rig: StackRig, desk: Desk) -> None:
    client = rig.client("trader1")
    one, other = resting(client, 128), resting(client, 129, accountId="ACC-INST-002")
    desk.use_token(client.token, BENT_SOCKET)
    desk.until("LIVE")
    desk.says(one, "status", "Working")
    error = {"code": "CONFLICT", "message": "too many open orders", "fields": []}
    gone = {"accounts": ["ACC-INST-001"], "symbols": [], "channels": ["executions", "orders"]}
    for message in ({"type": "error", "error": error}, {"type": "unsubscribed"} | gone):
        desk.page.evaluate(f"window.feed({js(js(message))})")
    expect(desk.row(one)).to_have_count(0)
    desk.says(other, "status", "Working")
    expect(desk.page.locator("#truth")).to_contain_text(
        "4 accounts; not watched: ACC-INST-001: too many open orders"
    )


def test_a_token_that_sees_no_account_is_refused_and_says_so(rig: StackRig, desk: Desk) -> None:
    nobody = """
        const real = window.fetch;
        window.fetch = async (path, options) => String(path) === "/api/v1/accounts"
          ? new Response('{"accounts":[]}', { status: 200 }) : real(path, options);
    """
    desk.use_token(rig.client("trader1").token, nobody)
    desk.until("REFUSED")
    expect(desk.page.locator("#truth")).to_contain_text("the token sees no account")


def test_after_a_load_every_row_is_what_rest_says(rig: StackRig, desk: Desk) -> None:
    client = rig.client("desk")
    desk.log_in("desk")
    load = rig.start_bench(60, 5)
    load.await_part(0.3)
    # A second look in the middle of it begins with what is there then.
    desk.page.reload()
    load.figures()
    desk.until("LIVE")
    deadline = time.monotonic() + ANSWER_MS_MAX / 1000
    while (found := _differing(desk, client)) and time.monotonic() < deadline:
        desk.page.wait_for_timeout(200)
    assert found == {}
    assert len(_shown(desk)) > 15
    assert desk.truth == "LIVE"


def _shown(desk: Desk) -> dict[str, list[str]]:
    """Return the rows that are in the document, by order: account, status, filled, price."""
    rows: list[tuple[str, list[str]]] = desk.page.evaluate(
        """[...document.querySelectorAll('.slick-row[data-id]')].map(row => [row.dataset.id,
        ['account', 'status', 'filled', 'price'].map(column =>
          row.querySelector(`[aria-describedby$="${column}"]`)?.textContent ?? '')])"""
    )
    return dict(rows)


def _differing(desk: Desk, client: ApiClient) -> dict[str, Any]:
    """Return the shown orders of which REST says something else, or of which no price is shown."""
    found: dict[str, Any] = {}
    for order_id, (_, status, filled_qty, price) in _shown(desk).items():
        order = client.get(f"/api/v1/orders/{order_id}")
        told = [STATUS_WORDS[order["status"]], f"{order['cumQty']:,}"]
        if [status, filled_qty] != told or not price:
            found[order_id] = (status, filled_qty, price, told)
    return found
