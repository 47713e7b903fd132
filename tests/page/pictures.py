"""Take the pictures of docs/figures/desk: `python -m tests.page.pictures [FOLDER [views] [chaos]]`.

A desk at work: orders of every outcome, a limit that is near, an order that waits for a second person, a stop
in force, an exception. Each view in light and dark, 1280 and 2560 wide, and in high contrast, 1440 wide. Then
a demo whose core was killed.
"""

import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, expect

from oms_client.errors import ApiError
from oms_tools.cli.client import ApiClient
from oms_tools.laptop.layout import Layout
from tests.e2e.orders import place, until_status
from tests.page.desk import ANSWER_MS_MAX, Desk, browser, filled
from tests.page.test_views import IN_EFFECT_S, go, raise_exception, row
from tests.stack_rig import StackRig, free_base_port

FOLDER = Path(__file__).parents[2] / "docs" / "figures" / "desk"
SYMBOLS = ("AAPL", "MSFT", "AMZN", "GOOGL", "JPM", "HD", "PG", "V")
ACCOUNTS = ("ACC-INST-001", "ACC-INST-002", "ACC-INST-003")
VIEWS = ("positions", "risk", "controls", "venues", "quality", "admin")
SIZES = ((1280, 800), (2560, 1440))
COLOURS = 128
ORDER_EVERY_S = 0.4
SEED = 7


def main() -> None:
    """Take them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for part in sys.argv[2:] or ("views", "chaos"):
        with _stack(chaos=part == "chaos") as rig, _flow(rig), browser() as running:
            desk = Desk(running.new_page(), rig)
            desk.page.emulate_media(color_scheme="light")
            if part == "chaos":
                _take_chaos(desk, folder)
            else:
                _set_up(rig)
                desk.log_in("admin1")
                _take(desk, folder)
                _take_contrast(desk, folder)


@contextmanager
def _stack(*, chaos: bool) -> Iterator[StackRig]:
    """Run a stack in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="oms-pictures-", ignore_cleanup_errors=True) as data:
        Path(data).chmod(0o755)
        layout = Layout(data=Path(data), base_port=free_base_port())
        rig = StackRig(layout=layout, kafka="memory", chaos=chaos)
        rig.up()
        try:
            yield rig
        finally:
            rig.down()


def _take_chaos(desk: Desk, folder: Path) -> None:
    """Take the panel while core is away, in light, and when it is back, in dark; and the guide."""
    page = desk.page
    page.set_viewport_size({"width": 1280, "height": 800})
    desk.log_in("admin1")
    page.wait_for_timeout(8_000)
    _keep(page, folder / "guide-light-1280.png")
    page.get_by_role("button", name="Close the guide").click()
    go(desk, "controls")
    page.click("#break")
    page.keyboard.press("Enter")
    expect(page.locator("#chaos-now")).to_contain_text("oms-core killed", timeout=ANSWER_MS_MAX)
    page.wait_for_timeout(5_500)
    _keep(page, folder / "chaos-light-1280.png")
    expect(page.locator("#chaos-now")).to_contain_text("back after", timeout=60_000)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(8_000)
    _keep(page, folder / "chaos-dark-1280.png")


def _set_up(rig: StackRig) -> None:
    """Do what the pictures show."""
    trader, risk, admin = rig.client("trader1"), rig.client("risk1"), rig.client("admin1")
    filled(trader, 900, symbol="HD", accountId="ACC-HF-001")
    filled(trader, 700, symbol="PG", accountId="ACC-HF-001")
    _limit(risk, "ORDER_QTY_EXCEEDS_MAX", {"account": "ACC-INST-001", "symbol": "V"}, {"quantity_max": 2_000},
           severity="OVERRIDE")  # fmt: skip
    time.sleep(IN_EFFECT_S)
    until_status(trader, _place(trader, "V", 2_500, "ACC-INST-001"), "REJECTED", "FILLED")
    risk.post("/api/v1/halts", {"symbol": "DIS", "reason": "news pending"})
    risk.post(
        "/api/v1/kill-switches",
        {"accountId": "ACC-HF-002", "stage": "CANCEL", "reason": "the model trades against itself"},
    )
    admin.put(
        "/api/v1/kill-triggers",
        {"kind": "REJECT_RATE", "venueId": "EDGX", "threshold": 50, "windowS": 10, "stage": "BLOCK",
         "mode": "ON", "reason": "as agreed with the desk"},
    )  # fmt: skip
    held = trader.get("/api/v1/accounts/ACC-HF-001/pnl")
    gross = int(float(held["gross"] or 450_000) * 1.05)
    _limit(risk, "GROSS_EXPOSURE_EXCEEDED", {"account": "ACC-HF-001"}, {"gross_max": gross})
    raise_exception(rig, "the venue reports a trade of a ClOrdID that we did not send")


def _limit(
    risk: ApiClient, rule: str, scope: dict[str, str], parameters: dict[str, Any], **more: str
) -> None:
    body = {
        "rule": rule,
        "scope": scope,
        "parameters": parameters,
        "reason": "agreed with the client",
        **more,
    }
    risk.put("/api/v1/risk/limits", body)


def _place(client: ApiClient, symbol: str, quantity: int, account: str, **changes: Any) -> str:
    return str(place(client, symbol=symbol, quantity=quantity, accountId=account, **changes)["orderId"])


@contextmanager
def _flow(rig: StackRig) -> Iterator[None]:
    """Place orders of every kind all the while."""
    over = threading.Event()

    def run() -> None:
        dice, client = random.Random(SEED), rig.client("trader1")
        while not over.wait(ORDER_EVERY_S):
            symbol, account = dice.choice(SYMBOLS), dice.choice(ACCOUNTS)
            quote = client.get(f"/api/v1/quotes/{symbol}/book")
            bid = float(quote["bid"] or 100)
            limit = {"orderType": "LIMIT", "limitPrice": f"{bid - dice.choice((0, 0.02, 0.6)):.2f}"}
            side = dice.choice(("BUY", "BUY", "SELL_SHORT"))
            short = {"side": side} | ({"locateId": "L-1"} if side == "SELL_SHORT" else {})
            try:
                _place(client, symbol, dice.choice((100, 200, 300, 700, 1_200)), account,
                       **short, **(limit if dice.random() < 0.6 else {}))  # fmt: skip
            except ApiError:
                continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _take(desk: Desk, folder: Path) -> None:
    page = desk.page
    page.wait_for_timeout(15_000)
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            go(desk, "orders")
            desk.fill(symbol="AAPL", quantity="1,500", accountId="ACC-INST-001")
            expect(page.locator(".verdict")).to_contain_text("Risk would", timeout=ANSWER_MS_MAX)
            page.locator(".list .slick-row", has_text="Filled").nth(4).locator(".slick-cell").nth(1).click()
            expect(page.locator(".card .venues .chosen").first).to_be_visible(timeout=ANSWER_MS_MAX)
            page.wait_for_timeout(1_500)
            _keep(page, folder / f"orders-{colours}-{width}.png")
            page.get_by_role("tab", name="Time machine").click()
            expect(page.get_by_role("tab", name="Time machine")).to_have_attribute("aria-selected", "true")
            page.wait_for_timeout(1_500)
            _keep(page, folder / f"time-machine-{colours}-{width}.png")
            page.get_by_role("tab", name="Why").click()
            for view in VIEWS:
                go(desk, view)
                if view == "controls":
                    link = row(desk, "switches", "ACC-HF-002").get_by_role("button")
                    if link.get_attribute("aria-expanded") == "false":
                        link.click()
                # On a busy machine a report takes a while.
                expect(page.locator(".empty", has_text="One moment")).to_have_count(0, timeout=ANSWER_MS_MAX)
                page.wait_for_timeout(2_500)
                _keep(page, folder / f"{view}-{colours}-{width}.png")
            _take_profile(page, folder / f"profile-{colours}-{width}.png")


def _take_profile(page: Page, place: Path) -> None:
    """Take the form of a routing profile with a change in it."""
    page.get_by_label("What to do with profile default").select_option(label="Change")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("cost", exact=True).fill("0.3")
    dialog.get_by_label("Strategy").select_option("split")
    dialog.get_by_label("Reason").fill("fees count more since the first of the month")
    _keep(page, place)
    dialog.get_by_role("button", name="Back").click()


def _take_contrast(desk: Desk, folder: Path) -> None:
    """Take every view in high contrast, 1440 wide."""
    page = desk.page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.evaluate("document.documentElement.dataset.theme = 'contrast'")
    for view in ("orders", *VIEWS):
        go(desk, view)
        expect(page.locator(".empty", has_text="One moment")).to_have_count(0, timeout=ANSWER_MS_MAX)
        page.wait_for_timeout(1_500)
        _keep(page, folder / f"{view}-contrast-1440.png")


def _keep(page: Page, place: Path) -> None:
    page.screenshot(path=str(place))
    with Image.open(place) as picture:
        picture.convert("RGB").quantize(COLOURS).save(place, optimize=True)


if __name__ == "__main__":
    main()
