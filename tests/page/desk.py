"""The desk page in a real Chromium, driven by Playwright as a person would."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from oms_tools.cli.client import ApiClient
from tests.e2e.orders import far_below, place, until_status
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig

# Where pictures of the page are kept, for a person to look at.
SHOTS_VARIABLE = "OMS_PAGE_SHOTS"
ANSWER_MS_MAX = EVENTUALLY_S * 1_000
NAMES = ("chromium", "chromium-browser", "google-chrome")
AXE = Path(__file__).parents[2] / "desk" / "node_modules" / "axe-core" / "axe.min.js"


def chromium() -> str:
    """Return the browser's command. Raises RuntimeError where there is none."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise RuntimeError("these tests need Chromium, found none: apt-get install chromium")


@contextmanager
def browser() -> Iterator[Browser]:
    """Run a browser, the machine's own."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield running
        running.close()


class Desk:
    """One page. complaints: what the browser has refused, failed to load, or thrown.

    answer_ms: how long anything that is waited for may take.
    """

    def __init__(self, page: Page, rig: StackRig, answer_ms: float = ANSWER_MS_MAX) -> None:
        self.page = page
        self.answer_ms = answer_ms
        self.rig = rig
        self.url = f"{rig.layout.api_url}/"
        self.complaints: list[str] = []
        page.set_default_timeout(answer_ms)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"thrown: {error}"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def open(self, before: str = "") -> None:
        """Open the page. before: a script that runs ahead of the page's own."""
        if before:
            self.page.add_init_script(before)
        self.page.goto(self.url)

    def log_in(self, persona: str, before: str = "") -> None:
        """Open the page and log in as a person does, until what it shows is live."""
        self.open(before)
        self.page.click("#login")
        self.page.click(f"[value={persona}]")
        self.until("LIVE")

    def use_token(self, token: str, before: str = "") -> None:
        """Open the page and paste a token."""
        self.open(before)
        self.page.get_by_label("access token").fill(token)
        self.page.click("#use-token")

    def until(self, truth: str, ms: float | None = None) -> None:
        """Wait until the page says so of what it shows: LIVE, CUT, …"""
        self.page.wait_for_selector(f"[data-truth={truth}]", timeout=ms or self.answer_ms)

    def wait(self, script: str) -> None:
        """Wait until an expression is true: Playwright's own way needs eval, which the policy forbids."""
        deadline = time.monotonic() + self.answer_ms / 1000
        while not self.page.evaluate(script):
            if time.monotonic() > deadline:
                raise TimeoutError(script)
            self.page.wait_for_timeout(50)

    @property
    def truth(self) -> str | None:
        """How true the page says it is, None before anybody is in."""
        found = self.page.locator("[data-truth]")
        return found.get_attribute("data-truth") if found.count() else None

    def row(self, order_id: str) -> Locator:
        """Return an order's row of the list."""
        return self.page.locator(f'.slick-row[data-id="{order_id}"]')

    def cell(self, order_id: str, column: str) -> Locator:
        """Return a cell of that row, by the column's id."""
        return self.row(order_id).locator(f'[aria-describedby$="{column}"]')

    def says(self, order_id: str, column: str, text: str) -> None:
        """Wait until a cell says so."""
        expect(self.cell(order_id, column)).to_have_text(text, timeout=self.answer_ms)

    def choose(self, order_id: str) -> None:
        """Click an order's row."""
        self.cell(order_id, "symbol").click()

    def fill(self, **fields: str) -> None:
        """Write into the ticket, by the names of its fields; side is Buy, Sell or Sell short."""
        wanted = {"symbol": "DIS", "accountId": "ACC-INST-001", "orderType": "MARKET"} | fields
        if side := wanted.pop("side", None):
            self.page.locator(".ticket").get_by_text(side, exact=True).click()
        for name in ("orderType", "timeInForce", "accountId", "profile"):
            if name in wanted:
                self.page.locator(f".ticket [name={name}]").select_option(wanted.pop(name))
        for name, text in wanted.items():
            self.page.locator(f".ticket [name={name}]").fill(text)

    def send(self) -> None:
        """Press the ticket's button."""
        self.page.click("#send")

    def outcome(self, text: str) -> None:
        """Wait until the ticket says this of what was sent."""
        expect(self.page.locator("#outcome")).to_contain_text(text, timeout=self.answer_ms)

    def violations(self) -> list[str]:
        """Return what axe finds wrong by WCAG 2.2 AA and its best practices, each with an element."""
        self.page.evaluate(AXE.read_text())
        found: dict[str, Any] = self.page.evaluate("axe.run({ resultTypes: ['violations'] })")
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"][:3]
        ]

    def picture(self, name: str) -> None:
        """Keep a picture of the window, where somebody wants pictures."""
        if folder := os.environ.get(SHOTS_VARIABLE):
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


def resting(client: ApiClient, quantity: int, **changes: Any) -> str:
    """Place an order that stays open. Returns its id."""
    order_id = place(client, orderType="LIMIT", limitPrice=far_below(client), quantity=quantity, **changes)[
        "orderId"
    ]
    until_status(client, order_id, "ACKNOWLEDGED")
    return str(order_id)


def filled(client: ApiClient, quantity: int, **changes: Any) -> str:
    """Place an order that is filled. Returns its id."""
    order_id = str(place(client, quantity=quantity, **changes)["orderId"])
    until_status(client, order_id, "FILLED")
    return order_id


def canceled(client: ApiClient, order_id: str) -> None:
    """Cancel an order and wait for it."""
    client.delete(f"/api/v1/orders/{order_id}")
    until_status(client, order_id, "CANCELED")


def orders_of(client: ApiClient, quantity: int, symbol: str = "DIS") -> list[dict[str, Any]]:
    """Return every order of so many shares."""
    found = client.get("/api/v1/orders", symbol=symbol, limit="200")["orders"]
    return [order for order in found if order["quantity"] == quantity]


def js(value: object) -> str:
    """Return a value as a script says it."""
    return json.dumps(value)
