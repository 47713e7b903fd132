"""How the desk page keeps up: `python -m tests.page.pace [--rows N] [--updates N] [--runs N] [--minutes N]`.

On a stack of its own a page is given so many open orders, then so many events a second as the stream
tells them, while it is scrolled: first of the orders that are there, then while a fifth of the events are
new orders and a fifth close one. Prints for each run its frames a second, the longest, and what a frame
costs by kind of work in time of a processor, whoever else needs one; with --minutes what the page holds
of memory, every other minute, while orders close and others come. --profile keeps what V8 says of the
scripts meanwhile, for Chromium's tools.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page

from oms_api.entrypoints.desk_page import FILES, FOLDER
from oms_tools.laptop.layout import Layout
from tests.conftest import KAFKA_VARIABLE
from tests.page.desk import Desk, browser, resting
from tests.page.test_truth import BENT_SOCKET
from tests.stack_rig import StackRig, free_base_port

SECONDS = 10
MINUTES_APART = 2
SAMPLE_US = 500
# Gives the page ROWS orders like one that is there, and begins to tell UPDATES events a second of them. With
# `churns` one event in five is a new order, one fills the oldest, the rest are parts of a fill, each with its
# execution; the list then says the terms of what is new, as the gateway's would.
BEGIN = """async ({ order, rows, updates, churns }) => {
  const id = place => "01900000-0000-7000-8000-" + place.toString(16).padStart(12, "0");
  const fresh = place => {
    const at = Date.now().toString(16).padStart(12, "0");
    return `${at.slice(0, 8)}-${at.slice(8)}-7000-8000-${place.toString(16).padStart(12, "0")}`;
  };
  // What was told before, as of another kind of run, is older.
  const known = 2 + (window.pace?.told.events ?? 0);
  const symbols = ["AAPL", "MSFT", "DIS", "HD", "PG"];
  const like = (place, orderId, at) => ({ ...order, orderId, symbol: symbols[place % 5],
    quantity: 100 + place % rows, sequence: known, createdAt: new Date(at).toISOString() });
  const live = Array.from({ length: rows }, (_, place) => like(place, id(place), Date.now() - place * 1000));
  feed(JSON.stringify({ type: "snapshot", accountId: order.accountId, streamSequence: 1000000, epoch: "pace",
    orders: [order, ...live], executions: [] }));
  const listed = [], real = window.fetch;
  if (churns) window.fetch = async (path, options) => {
    if (!String(path).startsWith("/api/v1/orders?")) return real(path, options);
    const from = Number(new URLSearchParams(String(path).split("?")[1]).get("cursor") ?? 0);
    const orders = listed.slice(from, from + 200);
    const answer = { orders, nextCursor: from + 200 < listed.length ? String(from + 200) : null };
    return new Response(JSON.stringify(answer), { headers: { "content-type": "application/json" } });
  };
  await new Promise(done => setTimeout(done, 3000));
  const told = { events: 0, orders: rows };
  let stream = 1000000;
  const event = (one, type, status, more) => ({ eventId: id(told.events), orderId: one.orderId,
    accountId: order.accountId, clientOrderId: "x", sequence: one.sequence, streamSequence: stream += 1, type,
    status: `ORDER_STATUS_${status}`, symbol: one.symbol, side: "SIDE_BUY", quantity: one.quantity,
    occurredAt: new Date().toISOString(), ...more });
  const next = () => {
    told.events += 1;
    const kind = churns ? told.events % 5 : 1;
    if (kind === 0) {
      const one = like(told.orders, fresh(told.orders), Date.now());
      told.orders += 1;
      live.push(one);
      listed.unshift(one);
      if (listed.length > 2000) listed.pop();
      return event(one, "OrderAccepted", "ACKNOWLEDGED", { leavesQty: one.quantity });
    }
    const place = (told.events * 7919) % live.length;
    const one = kind === 4 ? live.shift() : live[place];
    one.sequence = known + told.events;
    const parts = { cumQty: told.events % 100 + 1, leavesQty: 5, avgPx: "227.1" };
    const tradeApplied = { venueId: "LIT-A", execId: `x${told.events}`, clOrdId: "c", lastQty: 1,
      lastPxMicros: 227100000 };
    if (kind === 4)
      return event(one, "TradeApplied", "FILLED",
        { ...parts, cumQty: one.quantity, leavesQty: 0, tradeApplied });
    return event(one, "TradeApplied", "PARTIALLY_FILLED", churns ? { ...parts, tradeApplied } : parts);
  };
  const began = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - began) / 1000 * updates) - told.events;
    if (due > 0) feed(JSON.stringify({ type: "events", events: Array.from({ length: due }, next) }));
  }, 20);
  window.pace = { told, stop: () => { clearInterval(timer); window.fetch = real; } };
}"""
# Scrolls for so many seconds; returns the length of every frame, in ms.
SCROLL = """seconds => {
  const view = document.querySelector(".slick-viewport-top.slick-viewport-left");
  const began = performance.now(), gaps = [];
  let last = began;
  return new Promise(done => {
    const frame = now => {
      gaps.push(now - last); last = now;
      view.scrollTop += 40;
      if (view.scrollTop + view.clientHeight >= view.scrollHeight - 50) view.scrollTop = 0;
      if (now - began < seconds * 1000) requestAnimationFrame(frame);
      else done(gaps.slice(1));
    };
    requestAnimationFrame(frame);
  });
}"""
PARTS = {"script": "ScriptDuration", "style": "RecalcStyleDuration", "layout": "LayoutDuration"}


def metrics(session: CDPSession) -> dict[str, float]:
    """Return what the browser counts of the page: seconds spent by kind of work, bytes, elements."""
    found = session.send("Performance.getMetrics")["metrics"]
    return {one["name"]: one["value"] for one in found}


def frames(page: Page, session: CDPSession) -> dict[str, Any]:
    """Scroll the page. Returns frames a second, the longest, and ms of the main thread by kind of work."""
    before = metrics(session)
    gaps = sorted(page.evaluate(SCROLL, SECONDS))
    after = metrics(session)
    spent = {name: after[metric] - before[metric] for name, metric in PARTS.items()}
    spent["all"] = after["TaskDuration"] - before["TaskDuration"]
    return {
        "framesPerSecond": round(1000 * len(gaps) / sum(gaps), 1),
        "longestFrameMs": round(gaps[-1], 1),
        "p50Ms": round(gaps[len(gaps) // 2], 1),
        "p99Ms": round(gaps[len(gaps) * 99 // 100], 1),
        "mainThreadMsAFrame": {name: round(1000 * s / len(gaps), 2) for name, s in spent.items()},
    }


def held(session: CDPSession, page: Page) -> dict[str, Any]:
    """Return what the page holds after everything that is garbage was thrown away."""
    session.send("HeapProfiler.collectGarbage")
    found = metrics(session)
    return {
        "heapMb": round(found["JSHeapUsedSize"] / 1e6, 1),
        "elements": int(found["Nodes"]),
        "listeners": int(found["JSEventListeners"]),
        "told": page.evaluate("pace.told"),
        "shown": page.locator(".list h2").inner_text(),
    }


def profiled(session: CDPSession, page: Page, path: Path) -> None:
    """Keep a profile of the page's scripts while it is scrolled."""
    session.send("Profiler.enable")
    session.send("Profiler.setSamplingInterval", {"interval": SAMPLE_US})
    session.send("Profiler.start")
    page.evaluate(SCROLL, SECONDS)
    path.write_text(json.dumps(session.send("Profiler.stop")["profile"]))


def measured(
    desk: Desk, session: CDPSession, wanted: dict[str, Any], asked: argparse.Namespace
) -> dict[str, Any]:
    """Measure one page. Returns what was found."""
    page = desk.page
    page.evaluate(BEGIN, wanted | {"churns": False})
    found: dict[str, Any] = {"runs": [frames(page, session) for _ in range(asked.runs)]}
    found["updates"] = page.evaluate("pace.told.events")
    page.evaluate("pace.stop()")
    page.evaluate(BEGIN, wanted | {"churns": True})
    found["whileOrdersComeAndGo"] = [frames(page, session) for _ in range(asked.runs)]
    if asked.profile:
        profiled(session, page, asked.profile)
    if asked.minutes:
        found["memory"] = [{"minute": 0} | held(session, page)]
        for minute in range(MINUTES_APART, asked.minutes + 1, MINUTES_APART):
            page.wait_for_timeout(MINUTES_APART * 60_000)
            found["memory"].append({"minute": minute} | held(session, page))
        found["afterThat"] = frames(page, session)
    found["said"] = desk.truth
    return found


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.page.pace", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--updates", type=int, default=500, help="a second")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--minutes", type=int, default=0, help="of memory; none by itself")
    parser.add_argument("--profile", type=Path, help="a file, for a profile of the scripts")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="oms-pace-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        kafka = os.environ.get(KAFKA_VARIABLE, "memory")
        rig = StackRig(layout=Layout(data=Path(folder), base_port=free_base_port()), kafka=kafka)
        rig.up()
        try:
            with browser() as running:
                page = running.new_context(viewport={"width": 1920, "height": 1080}).new_page()
                desk = Desk(page, rig)
                client = rig.client("trader1")
                order = client.get(f"/api/v1/orders/{resting(client, 100)}")
                desk.use_token(client.token, BENT_SOCKET)
                desk.until("LIVE")
                session = page.context.new_cdp_session(page)
                session.send("Performance.enable", {"timeDomain": "threadTicks"})
                paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
                found = {
                    "load": os.getloadavg(),
                    "bytesShipped": sum((FOLDER / name).stat().st_size for name in FILES),
                    "firstPaintMs": page.evaluate(paint),
                    **measured(
                        desk, session, {"order": order, "rows": asked.rows, "updates": asked.updates}, asked
                    ),
                }
                print(json.dumps(found, indent=2))
        finally:
            rig.down()


if __name__ == "__main__":
    main()
