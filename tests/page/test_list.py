"""The list while rows come, change and go: each row is where it belongs, and only who scrolls is scrolled."""

import os
import random
from typing import Any

from playwright.sync_api import expect

from tests.page.desk import Desk, js, resting
from tests.page.test_truth import BENT_SOCKET
from tests.stack_rig import StackRig

# Another seed is another order of what happens.
SEED_VARIABLE = "OMS_LIST_SEED"
STEPS = 60
ROWS = 400
# The list stays so long that nothing scrolls it by becoming shorter.
ROWS_MIN = 250
# Orders like one that is there, by their places: a higher one is newer, and further above.
GIVEN = """order => {
  const idOf = place => "01900000-0000-7000-8000-" + place.toString(16).padStart(12, "0");
  const view = document.querySelector(".list .slick-viewport-top.slick-viewport-left");
  const rows = () => [...document.querySelectorAll(".list .slick-row[data-id]")];
  const seen = () => {
    const { top } = view.getBoundingClientRect(), bottom = top + view.clientHeight;
    return rows().map(row => [row, row.getBoundingClientRect()])
      .filter(([, at]) => at.top >= top - 0.5 && at.bottom <= bottom + 0.5)
      .sort(([, one], [, other]) => one.top - other.top);
  };
  const known = new Map();
  // Tell of these orders, each with a quantity of its own and one event later than the last time.
  const tell = (places, status) => {
    const orders = places.map(place => ({ ...order, orderId: idOf(place), basketId: "given", status,
      quantity: 1000 * (place + 1) + Math.floor(Math.random() * 1000),
      createdAt: new Date(1.7e12 + place * 1000).toISOString(),
      sequence: (known.get(place)?.sequence ?? 1) + 1 }));
    places.forEach((place, at) => known.set(place, orders[at]));
    feed(JSON.stringify({ type: "snapshot", accountId: order.accountId, streamSequence: 1000000,
      epoch: "list", orders, executions: [] }));
  };
  // What the list shows otherwise than it should, empty when it is as it should be.
  const wrong = () => {
    const open = [...known.values()].filter(one => one.status !== "FILLED")
      .sort((one, other) => one.orderId < other.orderId ? 1 : -1);
    const count = Number(document.querySelector(".list [role=grid]").ariaRowCount) - 1;
    if (count !== open.length) return `${count} rows, expected ${open.length}`;
    const height = view.querySelector(".slick-row").offsetHeight, found = seen();
    const first = Math.ceil((view.scrollTop - 0.5) / height);
    const below = Math.floor((view.scrollTop + view.clientHeight + 0.5) / height);
    const last = Math.min(open.length, below);
    if (found.length !== last - first) return `${found.length} in sight, expected ${last - first}`;
    if (new Set(rows().map(row => row.dataset.id)).size !== rows().length) return "a row is there twice";
    for (const [place, [row]] of found.entries()) {
      const { orderId, quantity } = open[first + place];
      const shown = row.querySelector("[aria-describedby$=quantity]").textContent.replaceAll(",", "");
      const is = [row.dataset.id, row.ariaRowIndex, shown].join(" ");
      const expected = [orderId, first + place + 2, quantity].join(" ");
      if (is !== expected) return `${is} at ${first + place}, expected ${expected}`;
    }
    return "";
  };
  // Rows with these ids that are in the document, and are not those that were marked.
  const made = ids => ids.filter(id => {
    const row = document.querySelector(`.slick-row[data-id="${id}"]`);
    return row && !row.isMarked;
  });
  window.list = { view, seen, idOf, tell, wrong, made };
}"""


def listing(rig: StackRig, desk: Desk) -> None:
    """Show a list of ROWS open orders, whose stream the test tells."""
    client = rig.client("trader1")
    order = client.get(f"/api/v1/orders/{resting(client, 100)}")
    desk.use_token(client.token, BENT_SOCKET)
    desk.until("LIVE")
    desk.page.get_by_label("Which orders").select_option("open")
    desk.page.get_by_label("Search in the list").fill("given")
    desk.page.evaluate(GIVEN, order)
    desk.page.evaluate("window.through = () => null")
    tell(desk, range(ROWS), "ACKNOWLEDGED")


def tell(desk: Desk, places: Any, status: str) -> None:
    """Tell of orders at these places, and wait until the list is as it should be."""
    desk.page.evaluate(f"list.tell({js(list(places))}, {js(status)})")
    right(desk)


def right(desk: Desk) -> None:
    """Wait until the list shows what it should."""
    try:
        desk.wait("list.wrong() === ''")
    except TimeoutError:
        raise AssertionError(desk.page.evaluate("list.wrong()")) from None


def test_whatever_comes_changes_and_goes_every_row_is_where_it_belongs_and_nothing_scrolls(
    rig: StackRig, desk: Desk
) -> None:
    seed = int(os.environ.get(SEED_VARIABLE, "1"))
    print(f"seed {seed}")
    chance = random.Random(seed)
    listing(rig, desk)
    opened, newest = set(range(ROWS)), ROWS
    for step in range(STEPS):
        what = chance.choice(("come", "come", "change", "close", "scroll", "choose"))
        before = desk.page.evaluate(
            "list.seen().map(([row, at]) => { row.isMarked = true; return [row.dataset.id, at.top]; })"
        )
        touched: list[int] = []
        if what == "come":
            touched = list(range(newest, newest + chance.randint(1, 40)))
            newest += len(touched)
            opened |= set(touched)
        elif what == "change":
            touched = chance.sample(sorted(opened), chance.randint(1, 60))
        elif what == "close":
            touched = chance.sample(sorted(opened), min(len(opened) - ROWS_MIN, chance.randint(1, 40)))
            opened -= set(touched)
        if what == "scroll":
            desk.page.evaluate(f"list.view.scrollTop = {chance.choice((0, chance.randint(1, 4_000)))}")
            right(desk)
        elif what == "choose":
            desk.page.evaluate("list.row = list.seen()[3][0].dataset.id")
            desk.choose(desk.page.evaluate("list.row"))
        elif touched:
            tell(desk, touched, "FILLED" if what == "close" else "ACKNOWLEDGED")
        if not touched:
            continue
        ids = set(desk.page.evaluate(f"{js(touched)}.map(list.idOf)"))
        kept = [(order_id, top) for order_id, top in before if order_id not in ids]
        if desk.page.evaluate("list.view.scrollTop") and kept:
            now = desk.page.evaluate(
                f"document.querySelector(`.slick-row[data-id='{kept[0][0]}']`).getBoundingClientRect().top"
            )
            assert abs(now - kept[0][1]) < 1, (seed, step, what)
        # A row that nothing was told of has its elements still, if it is in the document.
        made = desk.page.evaluate(f"list.made({js([order_id for order_id, _ in kept])})")
        assert made == [], (seed, step, what)


def test_a_chosen_row_out_of_sight_pulls_nobody_back_to_it(rig: StackRig, desk: Desk) -> None:
    listing(rig, desk)
    chosen = desk.page.evaluate("list.seen()[2][0].dataset.id")
    desk.choose(chosen)
    desk.page.evaluate("list.view.scrollTop = 3007")
    right(desk)
    first, top = desk.page.evaluate("list.seen().map(([row, at]) => [row.dataset.id, at.top])[0]")
    for newest in range(ROWS, ROWS + 50, 10):
        tell(desk, range(newest, newest + 10), "ACKNOWLEDGED")
    again = desk.page.evaluate("list.seen().map(([row, at]) => [row.dataset.id, at.top])[0]")
    assert again == [first, top]
    # The keyboard is still at that row, and what one does there is done to it.
    desk.page.evaluate("list.view.scrollTop = 0")
    right(desk)
    active = desk.page.locator(".slick-cell.active")
    desk.page.evaluate("list.view.scrollTop = 50 * list.view.querySelector('.slick-row').offsetHeight")
    expect(active).to_have_count(1)
    expect(desk.page.locator(".slick-row", has=active)).to_have_attribute("data-id", chosen)
    desk.page.keyboard.press("ArrowDown")
    below = chosen[:-12] + f"{int(chosen[-12:], 16) - 1:012x}"
    expect(desk.page.locator(".slick-row", has=active)).to_have_attribute("data-id", below)
