"""What the blotter has that no view of the desk has yet, in a real browser: kill switches and limits."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from oms_tools.laptop.parts import postgres_dsn
from tests.page.browser import Page, browsing
from tests.stack_rig import StackRig

# Where pictures of the page are kept, for a person to look at.
SHOTS_VARIABLE = "OMS_PAGE_SHOTS"
LIVE = "document.getElementById('state').textContent.startsWith('live')"


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


def fill(page: Page, selector: str, text: str) -> None:
    """Write into a field."""
    page.run(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(text)}")


# ---- kill switches


def test_a_person_stops_a_scope_sees_what_came_of_it_and_releases_it(rig: StackRig, page: Page) -> None:
    client = rig.client("admin1")
    page.open(f"{client.url}/blotter", "window.prompt = () => 'it is over';")
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
    page.open(f"{client.url}/blotter", "window.prompt = () => 'reduces by noon';")
    fill(page, "#token", client.token)
    page.click("#enter button")
    page.until(LIVE)
    page.run("document.getElementById('limits').open = true")
    told = "document.getElementById('alerts').textContent"
    page.until(f"{told}.includes('BREACH NET_EXPOSURE_EXCEEDED account ACC-HF-001: 2.00 of 1.00 dollars')")
    page.click("#alerts button")
    page.until(f"{told}.includes('Seen by risk1: reduces by noon')")
