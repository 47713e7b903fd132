"""Logging in on the desk page in a real browser, at the laptop's issuer: in, renewed, out, never unasked."""

import urllib.error
import urllib.parse
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.page.desk import Desk, filled
from tests.stack_rig import StackRig

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
    window.named = []; window.sockets = new Set();
    WebSocket.prototype.send = function (text) {
      window.sockets.add(this);
      if (JSON.parse(text).type === "auth") window.named.push(JSON.parse(text).token);
      send.call(this, text);
    };
"""
# The issuer's discovery document is one without personas.
NO_PERSONAS = """
    const asked = window.fetch;
    window.fetch = async (place, options) => {
      const answer = await asked(place, options);
      if (!String(place).endsWith("/openid-configuration")) return answer;
      const { oms_personas, ...others } = await answer.json();
      return new Response(JSON.stringify(others), { status: answer.status });
    };
"""
# The issuer grants no further token.
NO_RENEWAL = """
    const granted = window.fetch;
    window.fetch = async (place, options) => {
      if (!String(place).endsWith("/token") || !String(options?.body).includes("refresh_token"))
        return granted(place, options);
      return new Response('{"error":"invalid_grant","error_description":"gone"}', { status: 400 });
    };
"""


def test_a_person_logs_in_picks_a_persona_and_sees_its_orders_also_after_a_reload(
    rig: StackRig, desk: Desk
) -> None:
    desk.log_in("trader2")
    assert desk.page.url == desk.url
    expect(desk.page.locator(".person")).to_contain_text("trader2")
    order_id = filled(rig.client("trader2"), 151, accountId="ACC-RET-001")
    desk.says(order_id, "status", "Filled")
    desk.page.reload()
    desk.until("LIVE")
    expect(desk.page.locator(".person")).to_contain_text("trader2")
    desk.says(order_id, "status", "Filled")


def test_a_persona_is_picked_on_the_page_by_the_keyboard_alone(rig: StackRig, desk: Desk) -> None:
    desk.open()
    offered = desk.page.locator("[data-persona]")
    expect(offered).to_have_count(6)
    expect(offered.first).to_be_focused()
    may = desk.page.locator("#may-trader2")
    expect(may).to_have_text("sends, changes and cancels orders – 5 accounts of retail")
    assert desk.violations() == []
    desk.picture("door")
    desk.page.keyboard.press("Tab")
    expect(desk.page.locator("[data-persona=trader2]")).to_be_focused()
    asked: list[str] = []
    desk.page.on("request", lambda one: asked.append(one.url))
    desk.page.keyboard.press("Enter")
    desk.until("LIVE")
    assert desk.page.url == desk.url
    expect(desk.page.locator(".person")).to_have_text("trader2 · DEMO · 5 accounts")
    (authorization,) = [one for one in asked if one.startswith(f"{rig.layout.issuer_url}/authorize?")]
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(authorization).query)
    assert (query["login_hint"], query["code_challenge_method"]) == (["trader2"], ["S256"])
    assert any(one == f"{rig.layout.issuer_url}/token" for one in asked)


def test_an_issuer_that_names_nobody_offers_nobody(desk: Desk) -> None:
    """As Keycloak: its discovery document has no personas."""
    desk.open(NO_PERSONAS)
    expect(desk.page.locator("#login")).to_have_text("Log in")
    assert desk.page.locator("[data-persona]").count() == 0
    desk.page.click("#login")
    desk.page.click("[value=trader1]")
    desk.until("LIVE")


def test_tokens_are_renewed_ahead_of_their_end_and_the_stream_goes_on(desk: Desk) -> None:
    desk.log_in("viewer1", SHORT_TOKENS)
    desk.wait("new Set(window.named).size >= 3")
    assert desk.page.evaluate("window.sockets.size") == 1
    assert desk.truth == "LIVE"


def test_a_session_that_is_over_shows_nothing_and_asks_to_log_in_again(desk: Desk) -> None:
    # Time enough to be in first, on a busy machine too.
    desk.log_in("trader1", SHORT_TOKENS.replace("expires_in: 2", "expires_in: 20") + NO_RENEWAL)
    expect(desk.page.locator("#door-says")).to_have_text("the log-in has ended", timeout=30_000)
    assert desk.page.locator(".slick-row").count() == 0
    assert desk.page.evaluate(KEPT) is None
    expect(desk.page.locator("#login")).to_be_visible()


def test_whoever_signs_out_is_out_here_and_at_the_issuer(rig: StackRig, desk: Desk) -> None:
    desk.log_in("trader1")
    refresh = desk.page.evaluate(f"{KEPT}.refresh")
    desk.page.get_by_role("button", name="Sign out").click()
    expect(desk.page.locator("#login")).to_be_visible()
    assert desk.page.evaluate(KEPT) is None
    assert desk.page.url == desk.url
    form = {"grant_type": "refresh_token", "client_id": "oms-web", "refresh_token": refresh}
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(
            f"{rig.layout.issuer_url}/token", urllib.parse.urlencode(form).encode(), timeout=5
        )


@pytest.mark.parametrize(
    "query", ["code=x&state=forged", "code=x&state=", "error=access_denied&state=forged"]
)
def test_an_answer_that_nobody_asked_for_logs_nobody_in(desk: Desk, query: str) -> None:
    desk.page.goto(f"{desk.url}?{query}")
    expect(desk.page.locator("#door-says")).to_contain_text("belongs to no log-in")
    assert desk.page.evaluate(f"[{KEPT}, location.search]") == [None, ""]


def test_an_answer_to_another_request_than_the_tabs_own_logs_nobody_in(desk: Desk) -> None:
    desk.open()
    desk.page.click("#login")
    desk.page.wait_for_selector("[value=trader1]")
    desk.page.goto(f"{desk.url}?code=x&state=forged")
    expect(desk.page.locator("#door-says")).to_contain_text("belongs to no log-in")
    assert desk.page.evaluate(KEPT) is None


def test_a_pasted_token_does_too_and_is_kept_nowhere(rig: StackRig, desk: Desk) -> None:
    desk.use_token(rig.client("trader1").token)
    desk.until("LIVE")
    expect(desk.page.locator(".person")).to_contain_text("trader1 · DEMO · 5 accounts")
    assert desk.page.evaluate(
        "[Object.keys(sessionStorage), JSON.stringify(localStorage).includes('eyJ')]"
    ) == [[], False]


def test_a_token_that_is_none_or_is_not_good_is_refused_in_words(desk: Desk) -> None:
    desk.use_token("no token")
    expect(desk.page.locator(".field .note.bad")).to_contain_text("this is no access token")
    desk.page.get_by_label("access token").fill("e30.e30.e30")
    desk.page.click("#use-token")
    expect(desk.page.locator("#door-says")).to_contain_text("the token was not taken")
    assert "Error" not in desk.page.locator("#door-says").inner_text()
