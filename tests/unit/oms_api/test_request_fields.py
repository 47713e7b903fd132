"""Requests read by the structs of the contract, and the order's own reader held to the contract's words."""

from decimal import Decimal
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_api.domain.decimals import read_decimal
from oms_api.domain.terms import Known, read_id, read_terms
from oms_api.entrypoints.openapi import document
from oms_api.entrypoints.request_fields import PROBLEMS_MAX, read_content, read_query
from oms_api.entrypoints.rest import operations
from oms_api.entrypoints.rest_accounts import AccountRequest
from oms_api.entrypoints.rest_exceptions import ReasonRequest
from oms_api.entrypoints.rest_orders import EXAMPLE, OrdersQuery
from oms_api.entrypoints.rest_routing import WhatIfRequest
from oms_api.entrypoints.selections import SelectionQuery, selection_of
from oms_platform.market_rules import Ticks
from oms_platform.vocabulary import OrderTerms


def _can_be_stored(name: str) -> bool:
    return "\0" not in name


EVERYTHING = Known(
    ticks_of=lambda symbol: Ticks(tick_micros=1, sub_dollar_micros=1) if _can_be_stored(symbol) else None,
    round_lot_of=lambda _symbol, _price: 1,
    account_exists=_can_be_stored,
    profile_exists=_can_be_stored,
    venue_exists=_can_be_stored,
)
_served: Any = None
CONTRACT = document(operations(_served, _served))
ORDER = jsonschema_rs.Draft202012Validator(
    {"$ref": "#/components/schemas/OrderRequest", "components": CONTRACT["components"]}
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(max_size=70),
    st.sampled_from(
        ["230.00", "+230.00", "0230.00", ".5", "230.", "2.3E2", "1e999999", "BUY", "LIMIT", "DAY"]
    ),
    st.lists(st.text(max_size=3), max_size=3),
    st.dictionaries(st.sampled_from(["profile", "avoid", "prefer", "x"]), st.text(max_size=3), max_size=2),
)


@given(name=st.sampled_from([*EXAMPLE, "minQuantity", "stopPrice", "x"]), value=SCALARS)
def test_no_order_is_taken_that_the_contract_does_not_allow(name: str, value: object) -> None:
    """What the order's own reader takes is valid by the published schema, whatever one field is."""
    content = dict(EXAMPLE) | {name: value}
    terms = read_terms(content, channel="API", principal="p", known=EVERYTHING)
    if isinstance(terms, OrderTerms):
        assert list(ORDER.iter_errors(msgspec.to_builtins(content, builtin_types=(Decimal,)))) == []


def test_the_contracts_example_is_an_order() -> None:
    assert list(ORDER.iter_errors(EXAMPLE)) == []
    assert isinstance(read_terms(EXAMPLE, channel="API", principal="p", known=EVERYTHING), OrderTerms)


@pytest.mark.parametrize(
    "value",
    ["+1", "01", ".5", "1.", "1e2", "1E+2", "1_000", " 1", "", "NaN", "Infinity", "٣", "1" * 19,
     "1." + "1" * 19, Decimal("1e999999"), Decimal("1e-999999"), Decimal("NaN"), Decimal("sNaN"),
     10**18, True, 1.5, None],
)  # fmt: skip
def test_what_is_no_plain_decimal_is_none(value: object) -> None:
    assert read_decimal(value) is None


def test_a_decimal_has_one_form() -> None:
    assert [str(read_decimal(value)) for value in ("220.00", Decimal("2.2E+2"), 220)] == [
        "220.00",
        "220",
        "220",
    ]


def test_an_id_has_one_form() -> None:
    plain = "01900000-0000-7000-8000-000000000001"
    assert str(read_id(plain)) == plain
    for text in (
        plain.replace("-", ""),
        f"{{{plain}}}",
        f"urn:uuid:{plain}",
        plain.replace("1", "１"),
        f"{plain} ",
    ):
        assert read_id(text) is None


def test_every_wrong_field_is_named_and_the_answer_stays_short() -> None:
    _, problems = read_content(
        WhatIfRequest,
        {"fees": {"XNYS": {"add": "1e999999"}, "ARCX": 5}, "weights": {"price": "1e999999"}, "x": 1},
        "a what-if",
    )
    assert {problem.field for problem in problems} == {
        "fees.XNYS.add",
        "fees.XNYS.remove",
        "fees.ARCX",
        "weights.price",
        "x",
    }
    _, problems = read_query(OrdersQuery, [(f"f{number}", "") for number in range(5_000)])
    assert len(problems) == PROBLEMS_MAX


@pytest.mark.parametrize("reason", ["", " ", "\t\n", "a\0b", "x" * 501, 5, None])
def test_a_reason_says_something(reason: object) -> None:
    found, problems = read_content(ReasonRequest, {"reason": reason}, "a reason")
    assert (found, [problem.field for problem in problems]) == (None, ["reason"])


def test_a_parameter_is_given_once_and_a_list_by_commas_or_again() -> None:
    found, _ = read_query(OrdersQuery, [("status", "NEW,FILLED"), ("status", "CANCELED"), ("open", "true")])
    assert found is not None
    assert (found.status, found.open) == (["NEW", "FILLED", "CANCELED"], True)
    _, problems = read_query(OrdersQuery, [("limit", "5"), ("limit", "6")])
    assert [problem.message for problem in problems] == ["is given more than once"]


def test_clientorderids_with_commas_are_not_taken_for_several() -> None:
    given = [("clientOrderId", "a,b"), ("clientOrderId", "c"), ("symbol", "A,B")]
    query, problems = read_query(SelectionQuery, given)
    assert query is not None and problems == []
    assert (query.client_order_id, query.symbol) == (["a,b", "c"], ["A", "B"])
    apart = selection_of(SelectionQuery(client_order_id=["a,b"]))
    assert apart.text != selection_of(SelectionQuery(client_order_id=["a", "b"])).text


@pytest.mark.parametrize("text", ["ACC-1\n", "\nACC-1", "ACC-1\nACC-2"])
def test_a_line_feed_behind_an_id_is_part_of_it(text: str) -> None:
    """Python's `$` stands before a last line feed as well; that of JSON Schema does not."""
    content = {
        "accountId": text, "name": "N", "kind": "RETAIL", "firm": "F", "desk": "D", "reason": "r",
    }  # fmt: skip
    read, problems = read_content(AccountRequest, content, "an account")
    assert (read, [one.field for one in problems]) == (None, ["accountId"])
