"""The terms of an order: what is taken, what is refused, and what counts as the same order."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_api.domain.refusal import FieldProblem
from oms_api.domain.terms import (
    FIELDS,
    Known,
    RoutingTerms,
    Terms,
    check_channel,
    content_hash,
    read_terms,
    shown,
)

TICKS = {"AAPL": Decimal("0.010000"), "PENNY": Decimal("0.0001")}
GOOD: dict[str, Any] = {
    "clientOrderId": "c-1",
    "accountId": "A",
    "symbol": "AAPL",
    "side": "BUY",
    "orderType": "LIMIT",
    "quantity": 100,
    "limitPrice": Decimal("187.21"),
}


KNOWN = Known(
    tick_size_of=TICKS.get,
    account_exists={"A"}.__contains__,
    profile_exists={"default", "staged"}.__contains__,
    venue_exists={"XNYS", "XNAS"}.__contains__,
)


def read(**changes: Any) -> Terms | tuple[FieldProblem, ...]:
    return read_terms(GOOD | changes, "API", KNOWN)


def good(**changes: Any) -> Terms:
    found = read(**changes)
    assert isinstance(found, Terms), found
    return found


def test_good_terms_are_read_as_they_are() -> None:
    assert good() == Terms(
        account_id="A",
        channel="API",
        client_order_id="c-1",
        symbol="AAPL",
        side="BUY",
        order_type="LIMIT",
        quantity=100,
        limit_price=Decimal("187.21"),
        time_in_force="DAY",
    )


@pytest.mark.parametrize("price", [187, "187.2", "187.210000", Decimal("1.8721E+2"), "999999999999.99"])
def test_a_price_on_the_grid_is_taken_in_every_form(price: Any) -> None:
    assert good(limitPrice=price).limit_price == Decimal(str(price))


@pytest.mark.parametrize(
    "price",
    ["1_000", " 1", "1 ", "١", "", "sNaN", "-Infinity", "0.00", "1e13", "1e999999", "1e-999999", True, {}],
)
def test_a_price_that_is_none_is_refused(price: Any) -> None:
    found = read(limitPrice=price)
    assert isinstance(found, tuple)
    assert [problem.field for problem in found] == ["limitPrice"]


def test_the_tick_size_is_the_instruments_own() -> None:
    assert isinstance(read(symbol="AAPL", limitPrice="1.0001"), tuple)
    assert good(symbol="PENNY", limitPrice="1.0001").limit_price == Decimal("1.0001")


def test_the_same_content_has_the_same_hash_however_its_price_is_written() -> None:
    assert content_hash(good(limitPrice="187.2")) == content_hash(good(limitPrice=Decimal("187.200000")))
    assert content_hash(good(limitPrice="100")) == content_hash(good(limitPrice=Decimal("1E+2")))


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 101},
        {"side": "SELL"},
        {"limitPrice": "187.22"},
        {"timeInForce": "IOC"},
        {"symbol": "PENNY"},
        {"orderType": "MARKET", "limitPrice": None},
    ],
)
def test_other_content_has_another_hash(change: dict[str, Any]) -> None:
    assert content_hash(good(**change)) != content_hash(good())


@pytest.mark.parametrize("channel", ["", "a b", "x" * 33, "é", "a\n"])
def test_a_channel_of_other_characters_is_refused(channel: str) -> None:
    assert check_channel(channel) is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=5), JSON))
def test_whatever_json_says_the_answer_is_terms_or_named_problems(content: dict[str, Any]) -> None:
    found = read_terms(GOOD | content, "API", KNOWN)
    if isinstance(found, tuple):
        assert found
        assert all(problem.message and len(problem.message) < 200 for problem in found)
    else:
        assert found.quantity > 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ("a", '"a"'),
        ("\n", "'\\n'"),
        ({}, "an object"),
        ([], "a list"),
        (Decimal("1.50"), "1.50"),
        ("x" * 100, f'"{"x" * 40}…"'),
    ],
)
def test_a_value_is_shown_like_json_and_never_long(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_number_too_long_to_print_is_shown_by_its_length() -> None:
    assert shown(10**5000) == shown(-(10**5000)) == "a number of more than 40 digits"


def test_routing_preferences_are_read_and_make_another_order() -> None:
    found = good(routing={"profile": "staged", "avoid": ["XNYS"], "prefer": ["XNAS", "XNAS"]})
    assert found.routing == RoutingTerms(profile="staged", avoid=("XNYS",), prefer=("XNAS",))
    assert content_hash(found) != content_hash(good())
    assert content_hash(good(routing={})) == content_hash(good()) == content_hash(good(routing=None))


@pytest.mark.parametrize(
    ("routing", "field"),
    [
        ("staged", "routing"),
        ({"profile": "nope"}, "routing.profile"),
        ({"profile": 5}, "routing.profile"),
        ({"avoid": "XNYS"}, "routing.avoid"),
        ({"avoid": ["NOPE"]}, "routing.avoid"),
        ({"prefer": [7]}, "routing.prefer"),
        ({"avoid": ["XNYS"], "prefer": ["XNYS"]}, "routing.prefer"),
        ({"venue": "XNYS"}, "routing.venue"),
    ],
)
def test_routing_preferences_that_name_nothing_known_are_refused(routing: Any, field: str) -> None:
    found = read(routing=routing)
    assert isinstance(found, tuple)
    assert [problem.field for problem in found] == [field]
