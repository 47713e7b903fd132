"""How the desk page keeps up: `python -m tests.page.pace [ROWS] [UPDATES_A_SECOND]`, on a stack of its own.

A page is given so many open orders, then so many events a second, as the stream tells them, while it is
scrolled. Prints frames a second, the longest frame, and what its first paint took.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from oms_tools.laptop.layout import Layout
from tests.conftest import KAFKA_VARIABLE
from tests.page.desk import Desk, browser, resting
from tests.page.test_truth import BENT_SOCKET
from tests.stack_rig import StackRig, free_base_port

SECONDS = 10
# Gives the page ROWS orders like one that is there, then UPDATES events a second, and scrolls.
RUN = """async ({ order, rows, updates, seconds }) => {
  const id = place => "01900000-0000-7000-8000-" + place.toString(16).padStart(12, "0");
  const symbols = ["AAPL", "MSFT", "DIS", "HD", "PG"];
  const orders = Array.from({ length: rows }, (_, place) => ({ ...order, orderId: id(place),
    symbol: symbols[place % 5], quantity: 100 + place, sequence: 2,
    createdAt: new Date(Date.now() - place * 1000).toISOString() }));
  feed(JSON.stringify({ type: "snapshot", accountId: order.accountId, streamSequence: 1000000, epoch: "pace",
    orders, executions: [] }));
  await new Promise(done => setTimeout(done, 3000));
  let stream = 1000000, told = 0, frames = 0, last = performance.now(), longest = 0;
  const began = last, timer = setInterval(() => {
    const due = Math.floor((performance.now() - began) / 1000 * updates) - told;
    if (due <= 0) return;
    const events = Array.from({ length: due }, () => {
      const place = (told * 7919) % rows; told += 1; stream += 1;
      return { eventId: id(told), orderId: id(place), accountId: order.accountId, clientOrderId: "x",
        sequence: 2 + told, streamSequence: stream, type: "TradeApplied",
        status: "ORDER_STATUS_PARTIALLY_FILLED", symbol: symbols[place % 5], side: "SIDE_BUY",
        quantity: 100 + place, cumQty: told % 100 + 1, leavesQty: 5, avgPx: "227.1",
        occurredAt: new Date().toISOString() };
    });
    feed(JSON.stringify({ type: "events", events }));
  }, 20);
  const view = document.querySelector(".slick-viewport-top.slick-viewport-left");
  return new Promise(done => {
    const frame = now => {
      frames += 1; longest = Math.max(longest, now - last); last = now;
      view.scrollTop += 40;
      if (view.scrollTop + view.clientHeight >= view.scrollHeight - 50) view.scrollTop = 0;
      if (now - began < seconds * 1000) return requestAnimationFrame(frame);
      clearInterval(timer);
      const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
      done({ framesPerSecond: frames / ((now - began) / 1000), longestFrameMs: longest, updates: told,
        shown: document.querySelector(".list h2").textContent, firstPaintMs: paint });
    };
    requestAnimationFrame(frame);
  });
}"""


def main() -> None:
    """Measure, and print what was found."""
    rows, updates = (int(text) for text in (sys.argv[1:3] + ["10000", "500"][len(sys.argv) - 1 :]))
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
                wanted = {"order": order, "rows": rows, "updates": updates, "seconds": SECONDS}
                print(json.dumps(page.evaluate(RUN, wanted), indent=2))
        finally:
            rig.down()


if __name__ == "__main__":
    main()
