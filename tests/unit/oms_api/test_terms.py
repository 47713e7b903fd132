"""The terms of an order: what is taken, what is refused, and what counts as the same order."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_api.domain.idempotency import same_order
from oms_api.domain.peg_terms import peg_view
from oms_api.domain.refusal import FieldProblem, shown
from oms_api.domain.terms import (
    FIELDS,
    QUANTITY_MAX,
    Known,
    channel_problem,
    principal_problem,
    read_terms,
)
from oms_platform.ids import uuid7
from oms_platform.market_rules import Ticks
from oms_platform.messages import SubmitOrder
from oms_platform.vocabulary import (
    OrderCapacity,
    OrderTerms,
    OrderType,
    Peg,
    PegType,
    Routing,
    Side,
    Tag,
    TimeInForce,
)
from oms_platform.wire import decode, encode

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
TICKS = {"AAPL": Ticks(), "HALF": Ticks(tick_micros=5_000)}
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
    ticks_of=TICKS.get,
    round_lot_of=lambda _symbol, _price: 100,
    account_exists={"A"}.__contains__,
    profile_exists={"default", "staged"}.__contains__,
    venue_exists={"XNYS", "XNAS"}.__contains__,
)


def read(**changes: Any) -> OrderTerms | tuple[FieldProblem, ...]:
    return read_terms(GOOD | changes, channel="API", principal="trader1", known=KNOWN)


def good(**changes: Any) -> OrderTerms:
    found = read(**changes)
    assert isinstance(found, OrderTerms), found
    return found


def test_good_terms_are_read_as_they_are() -> None:
    assert good() == OrderTerms(
        account_id="A",
        channel="API",
        client_order_id="c-1",
        principal="trader1",
        symbol="AAPL",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=100,
        limit_price_micros=187_210_000,
        time_in_force=TimeInForce.DAY,
    )


@pytest.mark.parametrize("price", [187, "187.2", "187.210000", Decimal("1.8721E+2"), "999999999999.99"])
def test_a_price_on_the_grid_is_taken_in_every_form(price: Any) -> None:
    assert good(limitPrice=price).limit_price_micros == Decimal(str(price)) * 1_000_000


@pytest.mark.parametrize(
    "price",
    ["1_000", " 1", "1 ", "١", "", "sNaN", "-Infinity", "0.00", "1e13", "1e999999", "1e-999999", True, {}],
)
def test_a_price_that_is_none_is_refused(price: Any) -> None:
    found = read(limitPrice=price)
    assert isinstance(found, tuple)
    assert [problem.field for problem in found] == ["limitPrice"]


@pytest.mark.parametrize(
    "text", [" ", "   ", " a", "a ", "a\u3000", "\u00a0a", "ａ", "e\u0301", "ﬁ", "²", "a\u200bb", "x" * 65]
)
def test_a_client_order_id_that_looks_like_another_is_refused(text: str) -> None:
    found = read(clientOrderId=text)
    assert isinstance(found, tuple)
    assert [problem.field for problem in found] == ["clientOrderId"]


@pytest.mark.parametrize("text", ["a", "a b", "é", "ордер-1", "日本", "x" * 64])
def test_a_client_order_id_is_kept_as_it_is(text: str) -> None:
    assert good(clientOrderId=text).client_order_id == text


def test_the_tick_size_is_the_instruments_own() -> None:
    assert isinstance(read(symbol="AAPL", limitPrice="1.005"), tuple)
    assert good(symbol="HALF", limitPrice="1.005").limit_price_micros == 1_005_000


@pytest.mark.parametrize(
    ("symbol", "price", "said"),
    [
        ("AAPL", "187.215", "must be a multiple of the tick size 0.01, nearest are 187.21 and 187.22"),
        ("AAPL", "1.0001", "must be a multiple of the tick size 0.01, nearest are 1 and 1.01"),
        ("AAPL", "0.99995", "must be a multiple of the tick size 0.0001, nearest are 0.9999 and 1"),
        ("AAPL", "0.00005", "must be a multiple of the tick size 0.0001, nearest is 0.0001"),
        ("AAPL", "731250.005", "must be a multiple of the tick size 0.01, nearest are 731250 and 731250.01"),
        ("HALF", "13.207", "must be a multiple of the tick size 0.005, nearest are 13.205 and 13.21"),
    ],
)
def test_a_price_off_its_tick_is_refused_with_the_tick_and_the_prices_beside_it(
    symbol: str, price: str, said: str
) -> None:
    problems = read(symbol=symbol, limitPrice=price)
    assert isinstance(problems, tuple)
    assert [(problem.field, problem.message) for problem in problems] == [
        ("limitPrice", f'{said}, was "{price}"')
    ]


def test_the_same_content_is_the_same_order_however_its_price_is_written_and_whoever_asks() -> None:
    assert same_order(good(limitPrice="187.2"), good(limitPrice=Decimal("187.200000")))
    assert same_order(good(limitPrice="100"), good(limitPrice=Decimal("1E+2")))
    other = read_terms(GOOD, channel="API", principal="trader2", known=KNOWN)
    assert isinstance(other, OrderTerms)
    assert same_order(good(), other)


CHANGES: list[dict[str, Any]] = [
    {"clientOrderId": "c-2"},
    {"quantity": 101},
    {"minQuantity": 10},
    {"side": "SELL"},
    {"limitPrice": "187.22"},
    {"timeInForce": "IOC"},
    {"symbol": "HALF"},
    {"orderType": "MARKET", "limitPrice": None},
    {"routing": {"profile": "staged"}},
    {"routing": {"avoid": ["XNYS"]}},
    {"orderType": "PEGGED", "peg": {"type": "PRIMARY"}},
]


@pytest.mark.parametrize("change", CHANGES)
def test_other_content_is_another_order(change: dict[str, Any]) -> None:
    assert not same_order(good(**change), good())
    assert not same_order(good(), good(**change))


def test_terms_that_were_stored_are_the_same_order_as_those_that_are_asked_for() -> None:
    for change in [{}, *CHANGES]:
        asked = SubmitOrder(order_id=uuid7(), received_at=NOW, terms=good(**change))
        stored = decode("SubmitOrder", encode(asked))
        assert isinstance(stored, SubmitOrder)
        assert same_order(stored.terms, asked.terms)


@pytest.mark.parametrize("quantity", [1, 99, 100])
def test_a_minimum_up_to_the_quantity_is_taken(quantity: int) -> None:
    assert good(minQuantity=quantity).min_quantity == quantity


def test_no_minimum_is_any() -> None:
    assert good().min_quantity == good(minQuantity=None).min_quantity == 0


@pytest.mark.parametrize("quantity", [0, -1, 101, 2**31, 10**50, "5", 5.5, True, [], Decimal("1.5")])
def test_a_minimum_that_is_none_is_refused(quantity: Any) -> None:
    found = read(minQuantity=quantity)
    assert isinstance(found, tuple)
    assert [problem.field for problem in found] == ["minQuantity"]


@pytest.mark.parametrize("channel", ["", "a b", "x" * 33, "é", "a\n"])
def test_a_channel_of_other_characters_is_refused(channel: str) -> None:
    assert channel_problem(channel) is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


# NUL, lone surrogates, controls and all the rest of Unicode.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80) | st.text('a\0\ud800\udfff\x85\n\\"{}')
ANY_NUMBER = (
    st.integers()
    | st.integers(-(2**70), 2**70)
    | st.decimals()
    | st.decimals(min_value=0, max_value=10**13, allow_nan=False)
    | st.floats()
)
ANYTHING = JSON | ANY_TEXT | ANY_NUMBER


def hold_storable(terms: OrderTerms) -> None:
    """Hold what columns, JSON and Kafka need: texts without NUL and lone surrogates, numbers that fit."""
    payload = encode(SubmitOrder(order_id=uuid7(), received_at=NOW, terms=terms))
    # What a caller writes as a backslash, "u" and zeros is none.
    assert b"\\u0000" not in payload.replace(b"\\\\", b"")
    stored = decode("SubmitOrder", payload)
    assert isinstance(stored, SubmitOrder)
    assert stored.terms == terms
    for text in (terms.account_id, terms.channel, terms.client_order_id, terms.principal, terms.symbol):
        assert text.isprintable()
        text.encode()
    assert 0 < terms.quantity <= QUANTITY_MAX
    assert 0 <= terms.min_quantity <= terms.quantity
    if terms.limit_price_micros is not None:
        assert 0 < terms.limit_price_micros < 10**18


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)) | ANY_TEXT, ANYTHING), ANY_TEXT)
def test_whatever_a_body_says_the_answer_is_terms_that_can_be_stored_or_named_problems(
    content: dict[str, Any], channel: str
) -> None:
    for through in ("API", channel):
        found = read_terms(GOOD | content, channel=through, principal="trader1", known=KNOWN)
        if isinstance(found, tuple):
            assert found
            for problem in found:
                assert problem.message
                assert len(problem.message) < 200
                (problem.field + problem.message).encode()
        else:
            hold_storable(found)


@pytest.mark.parametrize("field", sorted(FIELDS - {"routing", "stopPrice", "tags"}))
@given(value=ANYTHING)
def test_one_field_with_anything_in_it_is_stored_or_named(field: str, value: Any) -> None:
    found = read(**{field: value})
    if isinstance(found, tuple):
        named = {problem.field.partition(".")[0] for problem in found}
        assert field in named or field in ("orderType", "symbol", "quantity")
    else:
        hold_storable(found)


@given(ANY_TEXT)
def test_a_callers_name_can_be_stored_or_is_refused(subject: str) -> None:
    if principal_problem(subject) is None:
        hold_storable(good() if not subject else _asked_by(subject))
    else:
        assert not subject or not subject.isprintable() or len(subject) > 256


def _asked_by(subject: str) -> OrderTerms:
    found = read_terms(GOOD, channel="API", principal=subject, known=KNOWN)
    assert isinstance(found, OrderTerms)
    return found


@pytest.mark.parametrize("subject", ["", "a\0b", "\ud800", "x" * 257, "a\nb"])
def test_a_callers_name_that_cannot_be_stored_is_refused(subject: str) -> None:
    assert principal_problem(subject) is not None


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
    assert found.routing == Routing(profile="staged", avoid=("XNYS",), prefer=("XNAS",))
    assert good(routing={}) == good() == good(routing=None)


@pytest.mark.parametrize(
    ("routing", "field"),
    [
        ("staged", "routing"),
        ({"profile": "nope"}, "routing.profile"),
        ({"profile": 5}, "routing.profile"),
        ({"profile": 0}, "routing.profile"),
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


STOP = {"orderType": "STOP", "limitPrice": None, "stopPrice": "190.01"}
STOP_LIMIT = {"orderType": "STOP_LIMIT", "limitPrice": "190.05", "stopPrice": "190.01"}


@pytest.mark.parametrize(
    ("changes", "limit", "stop"), [(STOP, None, 190_010_000), (STOP_LIMIT, 190_050_000, 190_010_000)]
)
def test_a_stop_order_has_its_stop_price_and_a_stop_limit_order_its_limit_too(
    changes: dict[str, Any], limit: int | None, stop: int
) -> None:
    terms = read(**changes)
    assert isinstance(terms, OrderTerms)
    assert (terms.limit_price_micros, terms.stop_price_micros) == (limit, stop)
    assert terms.order_type is OrderType[changes["orderType"]]


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"stopPrice": "190"}, "stopPrice", 'must be left out of a LIMIT order, was "190"'),
        (
            {"orderType": "MARKET", "limitPrice": None, "stopPrice": "190"},
            "stopPrice",
            'must be left out of a MARKET order, was "190"',
        ),
        (STOP | {"stopPrice": None}, "stopPrice", "is required for a STOP order"),
        (STOP | {"limitPrice": "190"}, "limitPrice", 'must be left out of a STOP order, was "190"'),
        (STOP_LIMIT | {"limitPrice": None}, "limitPrice", "is required for a STOP_LIMIT order"),
        (STOP | {"stopPrice": "0"}, "stopPrice", 'must be above 0, was "0"'),
        (
            STOP | {"timeInForce": "IOC"},
            "timeInForce",
            "must be one of DAY, GTC, GTD of a STOP order, was IOC",
        ),
        (
            STOP_LIMIT | {"timeInForce": "FOK"},
            "timeInForce",
            "must be one of DAY, GTC, GTD of a STOP_LIMIT order, was FOK",
        ),
    ],
)
def test_what_does_not_belong_to_an_order_type_is_named(
    changes: dict[str, Any], field: str, message: str
) -> None:
    found = read(**changes)
    assert not isinstance(found, OrderTerms)
    assert [(problem.field, problem.message) for problem in found] == [(field, message)]


SHORT_SALE = {"side": "SELL_SHORT", "locateId": "L"}
PEG: dict[str, Any] = {"orderType": "PEGGED", "limitPrice": None, "peg": {"type": "PRIMARY"}}


@pytest.mark.parametrize(
    ("changes", "peg", "limit"),
    [
        (PEG, Peg(peg_type=PegType.PRIMARY), None),
        (PEG | {"limitPrice": "190"}, Peg(peg_type=PegType.PRIMARY), 190_000_000),
        (PEG | {"peg": {"type": "PRIMARY", "offset": "-0.0005"}},
         Peg(peg_type=PegType.PRIMARY, offset_micros=-500), None),
        (PEG | {"side": "SELL", "peg": {"type": "PRIMARY", "offset": Decimal("0.02")}},
         Peg(peg_type=PegType.PRIMARY, offset_micros=20_000), None),
        (PEG | {"peg": {"type": "MARKET", "offset": 1}},
         Peg(peg_type=PegType.MARKET, offset_micros=1_000_000), None),
        (PEG | {"peg": {"type": "MIDPOINT", "offset": 0}}, Peg(peg_type=PegType.MIDPOINT), None),
        (PEG | {"postOnly": True, "quantity": 500, "displayQty": 100, "timeInForce": "GTC"},
         Peg(peg_type=PegType.PRIMARY), None),
    ],
)  # fmt: skip
def test_a_pegged_order_says_what_it_follows_and_may_have_a_limit(
    changes: dict[str, Any], peg: Peg, limit: int | None
) -> None:
    terms = good(**changes)
    assert (terms.order_type, terms.peg, terms.limit_price_micros) == (OrderType.PEGGED, peg, limit)
    shown_again = good(**(changes | {"peg": peg_view(terms.peg)}))
    assert same_order(shown_again, terms)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        (PEG | {"peg": None}, "peg", "must be what the price of a PEGGED order follows, was none"),
        ({"peg": {"type": "PRIMARY"}}, "peg", "must be left out of a LIMIT order, was PRIMARY"),
        (PEG | {"peg": "PRIMARY"}, "peg", 'must be an object, was "PRIMARY"'),
        (PEG | {"peg": {}}, "peg.type", "is required"),
        (PEG | {"peg": {"type": "LAST"}}, "peg.type", 'must be one of PRIMARY, MIDPOINT, MARKET, was "LAST"'),
        (PEG | {"peg": {"type": "MARKET", "by": 1}}, "peg.by", "is not a field of a peg"),
        (PEG | {"peg": {"type": "MARKET", "offset": "x"}}, "peg.offset",
         'must be a decimal number of dollars, was "x"'),
        (PEG | {"peg": {"type": "MARKET", "offset": "0.0000001"}}, "peg.offset",
         'must have at most 6 decimal places, was "0.0000001"'),
        (PEG | {"peg": {"type": "MARKET", "offset": -(10**12)}}, "peg.offset",
         "must be between -1000000000000 and 1000000000000, was -1000000000000"),
        (PEG | {"peg": {"type": "PRIMARY", "offset": "0.01"}}, "peg.offset",
         "must be 0 or below of a PRIMARY peg that is BUY, was 0.01"),
        (PEG | SHORT_SALE | {"peg": {"type": "PRIMARY", "offset": "-0.01"}}, "peg.offset",
         "must be 0 or above of a PRIMARY peg that is SELL_SHORT, was -0.01"),
        (PEG | {"peg": {"type": "MIDPOINT", "offset": "-0.01"}}, "peg.offset",
         "must be left out of a MIDPOINT peg, was -0.01"),
        (PEG | {"peg": {"type": "MARKET"}, "postOnly": True}, "postOnly",
         "must be left out of a MARKET peg, was true"),
        (PEG | {"peg": {"type": "MIDPOINT"}, "quantity": 500, "displayQty": 100}, "displayQty",
         "must be left out of a MIDPOINT peg, was 100"),
        (PEG | {"timeInForce": "IOC"}, "timeInForce",
         "must be one of DAY, GTC, GTD of a PEGGED order, was IOC"),
        (PEG | {"stopPrice": "190"}, "stopPrice", 'must be left out of a PEGGED order, was "190"'),
        (PEG | {"limitPrice": "190.001"}, "limitPrice",
         'must be a multiple of the tick size 0.01, nearest are 190 and 190.01, was "190.001"'),
        (PEG | {"algo": {"strategy": "TWAP", "endAt": "2026-03-02T20:00:00Z"}}, "orderType",
         "must be MARKET or LIMIT of an order with an algo, was PEGGED"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_a_peg_is_refused_by_field(
    changes: dict[str, Any], field: str, message: str
) -> None:
    found = read(**changes)
    assert isinstance(found, tuple), found
    assert [(problem.field, problem.message) for problem in found] == [(field, message)]


SHORT = {"side": "SELL_SHORT", "locateId": "LOC 1/7"}
MARKET = {"orderType": "MARKET", "limitPrice": None}


def test_instructions_are_read_as_they_are() -> None:
    terms = good(
        side="SELL_SHORT_EXEMPT", quantity=1_000, capacity="RISKLESS_PRINCIPAL", displayQty=100,
        postOnly=True,
        tags={"strategy": "pairs 7", "book": "EU-1"},
    )  # fmt: skip
    assert terms.side is Side.SELL_SHORT_EXEMPT and terms.locate_id == ""
    assert terms.capacity is OrderCapacity.RISKLESS_PRINCIPAL
    assert terms.tags == (Tag(name="book", text="EU-1"), Tag(name="strategy", text="pairs 7"))
    assert (terms.display_quantity, terms.post_only) == (100, True)
    assert good(**SHORT).locate_id == "LOC 1/7"


def test_what_is_not_said_is_stored_as_it_was_before_there_were_instructions() -> None:
    assert good() == good(capacity=None, tags=None, locateId=None, displayQty=None, postOnly=False)
    assert b"capacity" not in encode(good()) and b"postOnly" not in encode(good())


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"locateId": "L"}, "locateId", "must be left out of a BUY order, was L"),
        ({"side": "SELL", "locateId": "L"}, "locateId", "must be left out of a SELL order, was L"),
        (SHORT | {"locateId": " L"}, "locateId",
         'must be 1 to 64 printable ASCII characters, no space at its ends, was " L"'),
        (SHORT | {"locateId": "a\x01b"}, "locateId",
         "must be 1 to 64 printable ASCII characters, no space at its ends, was 'a\\x01b'"),
        ({"capacity": "AGENT"}, "capacity",
         'must be one of AGENCY, PRINCIPAL, RISKLESS_PRINCIPAL, was "AGENT"'),
        ({"displayQty": 0}, "displayQty", "must be a whole number of shares from 1 to 2147483647, was 0"),
        ({"displayQty": 99, "quantity": 500}, "displayQty", "must be at least a round lot of 100, was 99"),
        ({"displayQty": 100}, "displayQty", "must be below the quantity 100, was 100"),
        (MARKET | {"displayQty": 100, "quantity": 500}, "displayQty",
         "must be left out of a MARKET order, was 100"),
        ({"displayQty": 100, "quantity": 500, "timeInForce": "IOC"}, "displayQty",
         "must be left out of an order that is IOC, was 100"),
        ({"displayQty": 100, "quantity": 500, "minQuantity": 200}, "displayQty",
         "must be left out of an order with a minQuantity, was 100"),
        ({"postOnly": "yes"}, "postOnly", 'must be true or false, was "yes"'),
        (MARKET | {"postOnly": True}, "postOnly", "must be left out of a MARKET order, was true"),
        ({"postOnly": True, "timeInForce": "FOK"}, "postOnly",
         "must be left out of an order that is FOK, was true"),
        ({"postOnly": True, "minQuantity": 5}, "postOnly",
         "must be left out of an order with a minQuantity, was true"),
        ({"postOnly": True, "algo": {"strategy": "TWAP", "endAt": "2026-03-02T20:00:00Z"}}, "postOnly",
         "must be left out of an order with an algo, was true"),
        ({"tags": []}, "tags", "must be an object of at most 16 names and texts, was a list"),
        ({"tags": {str(n): "x" for n in range(17)}}, "tags",
         "must be an object of at most 16 names and texts, was 17 of them"),
        ({"tags": {"": "x"}}, "tags", 'must be named by 1 to 32 printable characters, was ""'),
        ({"tags": {"a": ""}}, "tags.a", 'must be a text of 1 to 128 printable characters, was ""'),
        ({"tags": {"a": 5}}, "tags.a", "must be a text of 1 to 128 printable characters, was 5"),
    ],
)  # fmt: skip
def test_instructions_that_do_not_go_together_are_refused_by_field(
    changes: dict[str, Any], field: str, message: str
) -> None:
    found = read(**changes)
    assert isinstance(found, tuple), found
    assert [(problem.field, problem.message) for problem in found] == [(field, message)]


@given(value=ANYTHING)
def test_tags_with_anything_in_them_are_stored_or_named(value: Any) -> None:
    found = read(tags=value)
    if isinstance(found, tuple):
        assert {problem.field.partition(".")[0] for problem in found} == {"tags"}
    else:
        hold_storable(found)


@pytest.mark.parametrize("field", ["slices", "urgency", "participationBps", "seed", "strategy", "endAt"])
@pytest.mark.parametrize(
    "value",
    [10**5000, -(10**5000), "x" * 5000, "\0" * 99, [[]] * 999, 1e300, True],
    ids=["large", "small", "long", "NUL", "list", "float", "flag"],
)
def test_whatever_a_field_of_an_algo_is_it_is_named_in_few_words(field: str, value: object) -> None:
    algo = {"strategy": "TWAP", "endAt": "2026-03-02T20:00:00Z"} | {field: value}
    found = read_terms(GOOD | {"algo": algo}, channel="API", principal="trader1", known=KNOWN)
    assert isinstance(found, tuple)
    assert [problem.field for problem in found] == [f"algo.{field}"]
    assert len(found[0].message) < 200
