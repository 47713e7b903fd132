"""Logging in on the page in a real browser, at the laptop's issuer: in, renewed, out, never unasked."""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from oms_tools.cli.client import ApiClient
from oms_tools.laptop.layout import Layout
from tests.conftest import KAFKA_VARIABLE, database_folder
from tests.e2e.orders import place, until_status
from tests.page.browser import Page, browsing
from tests.page.test_blotter import LIVE, row
from tests.stack_rig import StackRig, free_base_port

WHO = "document.getElementById('who').textContent"
STATE = "document.getElementById('state').textContent"
KEPT = "JSON.parse(sessionStorage.getItem('oms-log-in'))"
# Tokens are said to last two seconds, and what is sent on the stream is counted.
SHORT_TOKENS = """
    const real = window.fetch;
    window.fetch = async (place, options) => {
      const answer = await real(place, options);
      if (!String(place).endsWith("/token")) return answer;
      const tokens = { ...await answer.json(), expires_in: 2 };
      return new Response(JSON.stringify(tokens), { status: answer.status });
    };
    const send = WebSocket.prototype.send;
    window.named = [];
    WebSocket.prototype.send = function (text) {
      if (JSON.parse(text).type === "auth") window.named.push(JSON.parse(text).token);
      send.call(this, text);
    };
"""


@pytest.fixture(scope="module")
def rig() -> Iterator[StackRig]:
    """A running stack."""
    with database_folder() as folder:
        rig = StackRig(
            layout=Layout(data=folder, base_port=free_base_port()),
            kafka=os.environ.get(KAFKA_VARIABLE, "memory"),
        )
        rig.up()
        yield rig
        rig.down()


@pytest.fixture
def page() -> Iterator[Page]:
    """A browser's page that has nothing to complain about when the test ends."""
    with browsing() as page:
        page.size(1280, 800)
        yield page
        refused = [one for one in page.complaints if "Content Security Policy" in one or "exception" in one]
        assert refused == []


def logged_in(page: Page, rig: StackRig, persona: str, before: str = "") -> None:
    """Open the page and log in as a person does."""
    page.open(f"{rig.layout.api_url}/", before)
    page.until("!document.getElementById('login').hidden")
    page.click("#login")
    page.until(f"{at(rig.layout.issuer_url)} && !!document.querySelector('[value={persona}]')")
    page.click(f"[value={persona}]")
    page.until(f"{at(rig.layout.api_url)} && {LIVE}")


def at(origin: str) -> str:
    """Return a script that says whether a page of this origin is there."""
    return f"location.origin === {json.dumps(origin)} && document.readyState === 'complete'"


def test_a_person_logs_in_picks_a_persona_and_watches_its_accounts_also_after_a_reload(
    rig: StackRig, page: Page
) -> None:
    logged_in(page, rig, "trader2")
    assert (page.run(WHO), page.run("location.href")) == ("trader2", f"{rig.layout.api_url}/")
    client: ApiClient = rig.client("trader2")
    order_id = place(client, accountId="ACC-RET-001", quantity=151)["orderId"]
    until_status(client, order_id, "FILLED")
    page.until(row(151))
    page.run("window.before = true")
    page.call("Page.reload")
    page.until(
        f"!window.before && document.readyState === 'complete' && {WHO} === 'trader2' && {LIVE} && {row(151)}"
    )


def test_tokens_are_renewed_ahead_of_their_end_and_the_stream_goes_on(rig: StackRig, page: Page) -> None:
    logged_in(page, rig, "viewer1", SHORT_TOKENS)
    page.run("window.first = socket")
    page.until("new Set(window.named).size >= 3")
    assert page.run(f"socket === window.first && {LIVE} && token === window.named.at(-1)")


def test_whoever_signs_out_is_out_here_and_at_the_issuer(rig: StackRig, page: Page) -> None:
    logged_in(page, rig, "trader1")
    refresh = page.run(f"{KEPT}.refresh")
    page.run("window.before = true")
    page.click("#logout")
    page.until(
        "!window.before && document.readyState === 'complete' && !document.getElementById('login').hidden"
    )
    assert page.run(f"[token, {WHO}, {KEPT}, location.href]") == ["", "", None, f"{rig.layout.api_url}/"]
    form = {"grant_type": "refresh_token", "client_id": "oms-web", "refresh_token": refresh}
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(
            f"{rig.layout.issuer_url}/token", urllib.parse.urlencode(form).encode(), timeout=5
        )


@pytest.mark.parametrize(
    "query", ["code=x&state=forged", "code=x&state=", "error=access_denied&state=forged"]
)
def test_an_answer_that_nobody_asked_for_logs_nobody_in(rig: StackRig, page: Page, query: str) -> None:
    page.open(f"{rig.layout.api_url}/?{query}")
    page.until(f"{STATE}.includes('belongs to no log-in')")
    assert page.run(f"[token, {KEPT}, location.search]") == ["", None, ""]


def test_an_answer_to_another_request_than_the_tabs_own_logs_nobody_in(rig: StackRig, page: Page) -> None:
    page.open(f"{rig.layout.api_url}/")
    page.until("!document.getElementById('login').hidden")
    page.click("#login")
    page.until(f"{at(rig.layout.issuer_url)} && location.search.includes('code_challenge')")
    page.open(f"{rig.layout.api_url}/?code=x&state=forged")
    page.until(f"{STATE}.includes('belongs to no log-in')")
    assert page.run(f"[token, {KEPT}]") == ["", None]


def test_a_pasted_token_still_does_and_ends_the_log_in_of_the_tab(rig: StackRig, page: Page) -> None:
    logged_in(page, rig, "trader2")
    pasted = rig.client("trader1").token
    page.run(f"document.getElementById('token').value = {json.dumps(pasted)}")
    page.click("#enter button")
    page.until(f"{LIVE} && token === {json.dumps(pasted)}")
    assert page.run(f"[{WHO}, {KEPT}]") == ["", None]
