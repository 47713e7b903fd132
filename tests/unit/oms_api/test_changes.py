"""Requests that change orders, of one and of many, and batches of orders: each state and each repeat."""

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from oms_api.batch_handlers import PROBLEMS_MAX, Answered, Batch, handle_place_batch, read_batch
from oms_api.change_handlers import (
    Asked,
    Requested,
    RequestedOfMany,
    handle_change,
    handle_change_many,
)
from oms_api.domain.idempotency import KeyConflict
from oms_api.domain.order_requests import (
    ORDERS_SELECTED_MAX,
    RULES,
    OrderState,
    RequestKind,
    Selection,
    read_change,
    refusal_of_state,
    selection_problem,
)
from oms_api.domain.principal import Principal, Right, rights_of
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode
from oms_api.entrypoints.grpc_messages import Contract
from oms_api.entrypoints.grpc_orders import read_selection
from oms_api.entrypoints.grpc_refusals import refused as grpc_refused
from oms_api.entrypoints.request_fields import read_query
from oms_api.entrypoints.rest_batch import batch_line
from oms_api.entrypoints.selections import SelectionQuery, selection_of
from oms_api.entrypoints.stream_requests import ChangeMany, read_message
from oms_api.handlers import Placed
from oms_api.ports import RowRefused
from oms_platform.ids import uuid7
from oms_platform.market_rules import Ticks
from oms_platform.messages import BookTrade, CancelOrder, ReplaceOrder
from oms_platform.vocabulary import OrderChange, OrderStatus, OrderType, Side, TimeInForce
from tests.unit.oms_api.test_handlers import CONTENT, FIRST, NOW, TRADER, Fake, over_rate, overloaded, view

CLOSED = ("FILLED", "CANCELED", "REJECTED", "EXPIRED")
KINDS = list(RequestKind)
OF_MANY = [kind for kind in KINDS if RULES[kind].selects]


@pytest.fixture
def fake() -> Fake:
    return Fake()


def ask(
    fake: Fake,
    kind: RequestKind,
    content: Mapping[str, object] | None = None,
    principal: Principal = TRADER,
    **changes: Any,
) -> Requested | Refusal:
    order_id = fake.order_view.order_id if fake.order_view else uuid7()
    given = {"order_id": str(order_id), "channel": None, "content": content or {"quantity": 5}} | changes
    return asyncio.run(
        handle_change(fake.ports, lambda: NOW, principal, Asked(kind=kind, **given), trace="t")
    )


def refused(found: object) -> Refusal:
    assert isinstance(found, Refusal), found
    return found


def stored(fake: Fake) -> list[Any]:
    return [change.message for change in [*fake.log.changes, *fake.cancels]]


def state(status: str, **changes: Any) -> OrderState:
    fields: dict[str, Any] = {
        "order_id": uuid7(), "status": OrderStatus[status], "closed": status in CLOSED, "cum_qty": 0,
        "order_type": OrderType.LIMIT, "time_in_force": TimeInForce.DAY, "min_quantity": 0,
        "side": Side.BUY, "quantity": 1_000,
    }  # fmt: skip
    return OrderState(**(fields | changes))


TAKEN, OVER, CONFLICT = None, RefusalCode.ORDER_CLOSED, RefusalCode.CONFLICT
# What is asked of an order in each state: cancel, replace, suspend, resume.
ANSWERS: dict[str, tuple[RefusalCode | None, ...]] = {
    "NEW": (TAKEN, TAKEN, TAKEN, CONFLICT),
    "ACKNOWLEDGED": (TAKEN, TAKEN, TAKEN, CONFLICT),
    "PARTIALLY_FILLED": (TAKEN, TAKEN, TAKEN, CONFLICT),
    "FILLED": (OVER, OVER, OVER, OVER),
    "CANCELED": (OVER, OVER, OVER, OVER),
    "REJECTED": (OVER, OVER, OVER, OVER),
    "EXPIRED": (OVER, OVER, OVER, OVER),
    "PENDING_CANCEL": (TAKEN, CONFLICT, CONFLICT, CONFLICT),
    "PENDING_REPLACE": (TAKEN, CONFLICT, TAKEN, TAKEN),
    "SUSPENDED": (TAKEN, TAKEN, CONFLICT, TAKEN),
}


@pytest.mark.parametrize("status", [status.name for status in OrderStatus])
def test_each_request_of_each_state_has_its_answer_and_a_refused_one_stores_nothing(
    fake: Fake, status: str
) -> None:
    for kind, code in zip(KINDS, ANSWERS[status], strict=True):
        fake.order_view = view(status=status, closed=status in CLOSED, quantity=10, cum_qty=9)
        before = len(stored(fake))
        found = ask(fake, kind)
        if code is None:
            assert isinstance(found, Requested) and len(stored(fake)) == before + 1, kind
            assert (found.status, found.created) == (status, True)
        else:
            assert (refused(found).code, refused(found).status) == (code, status), kind
            assert len(stored(fake)) == before


def test_a_filled_order_is_replaced_by_more_than_is_done_and_by_no_less() -> None:
    filled = state("FILLED", cum_qty=100)
    for quantity, code in ((101, None), (100, OVER), (99, OVER), (None, OVER)):
        found = refusal_of_state(RequestKind.REPLACE, filled, OrderChange(quantity=quantity))
        assert (None if found is None else found.code) == code
    for status in ("CANCELED", "EXPIRED", "REJECTED"):
        over = state(status, cum_qty=100)
        assert refusal_of_state(RequestKind.REPLACE, over, OrderChange(quantity=1_000)) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_foreign_and_of_an_unknown_order_nothing_is_stored(fake: Fake, kind: RequestKind) -> None:
    fake.order_view = view(account_id="B", status="SUSPENDED")
    assert refused(ask(fake, kind)).code is RefusalCode.NOT_FOUND
    fake.order_view = None
    assert refused(ask(fake, kind)).code is RefusalCode.NOT_FOUND
    assert stored(fake) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_of_another_version_stores_nothing(fake: Fake, kind: RequestKind) -> None:
    status = "SUSPENDED" if kind is RequestKind.RESUME else "ACKNOWLEDGED"
    fake.order_view = view(status=status, sequence=7)
    found = ask(fake, kind, as_read=lambda order: order.sequence == 6)
    assert refused(found).code is RefusalCode.PRECONDITION_FAILED
    assert stored(fake) == []
    assert isinstance(ask(fake, kind, as_read=lambda order: order.sequence == 7), Requested)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not RequestKind.CANCEL])
def test_a_repeat_gets_the_first_answer_whatever_became_of_the_order(fake: Fake, kind: RequestKind) -> None:
    fake.order_view = order = view(status="SUSPENDED" if kind is RequestKind.RESUME else "ACKNOWLEDGED")
    first = ask(fake, kind, request_key="k")
    assert isinstance(first, Requested) and first.created
    for status in OrderStatus:
        fake.order_view = view(order_id=order.order_id, status=status.name, closed=status.name in CLOSED)
        again = ask(fake, kind, request_key="k", as_read=lambda _order: False)
        assert isinstance(again, Requested), status
        assert (again.request_id, again.created) == (first.request_id, False)
    assert len(stored(fake)) == 1


def test_a_repeat_with_other_content_of_another_order_or_kind_is_refused(fake: Fake) -> None:
    fake.order_view = view(status="ACKNOWLEDGED")
    assert isinstance(ask(fake, RequestKind.REPLACE, {"quantity": 5}, request_key="k"), Requested)
    other_person = Principal(subject="u", rights=rights_of(["trader"]), accounts=frozenset(("A",)))
    again = ask(fake, RequestKind.REPLACE, {"quantity": 5}, other_person, request_key="k")
    assert isinstance(again, Requested) and not again.created
    assert refused(ask(fake, RequestKind.REPLACE, {"quantity": 6}, request_key="k")).code is (
        RefusalCode.DUPLICATE_REQUEST_ID
    )
    assert refused(ask(fake, RequestKind.SUSPEND, request_key="k")).code is RefusalCode.DUPLICATE_REQUEST_ID
    fake.order_view = view(status="ACKNOWLEDGED")
    assert refused(ask(fake, RequestKind.REPLACE, {"quantity": 5}, request_key="k")).code is (
        RefusalCode.DUPLICATE_REQUEST_ID
    )
    in_another_channel = ask(fake, RequestKind.REPLACE, {"quantity": 5}, request_key="k", channel="DESK")
    assert isinstance(in_another_channel, Requested) and in_another_channel.created
    assert len(stored(fake)) == 2


@pytest.mark.parametrize("key", ["x" * 65, " k", "k ", "a\0b", "\u212b"])
def test_an_id_that_is_no_clientorderid_is_refused_and_named(fake: Fake, key: str) -> None:
    fake.order_view = view(status="ACKNOWLEDGED")
    found = refused(ask(fake, RequestKind.REPLACE, request_key=key))
    assert [problem.field for problem in found.fields] == ["Idempotency-Key"]
    assert stored(fake) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"quantity": 200}, OrderChange(quantity=200)),
        ({"limitPrice": "10.50"}, OrderChange(limit_price_micros=10_500_000)),
        ({"limitPrice": Decimal("10.5"), "quantity": None}, OrderChange(limit_price_micros=10_500_000)),
        ({}, "quantity"), ({"quantity": None}, "quantity"), ({"quantity": 0}, "quantity"),
        ({"quantity": 2**31}, "quantity"), ({"quantity": "5"}, "quantity"), ({"quantity": True}, "quantity"),
        ({"quantity": 49}, "quantity"), ({"limitPrice": "10.005"}, "limitPrice"),
        ({"limitPrice": "x"}, "limitPrice"), ({"limitPrice": 0}, "limitPrice"),
        ({"timeInForce": "GTX"}, "timeInForce"), ({"timeInForce": []}, "timeInForce"),
        ({"timeInForce": "IOC"}, "timeInForce"),
        ({"timeInForce": "GTC"}, OrderChange(time_in_force=TimeInForce.GTC)),
        ({"symbol": "B", "quantity": 60}, "symbol"),
    ],
)  # fmt: skip
def test_what_a_replace_asks_for_is_read_whole_or_named(content: Any, expected: Any) -> None:
    found = read_change(content, state("ACKNOWLEDGED", min_quantity=50), Ticks(), None, NOW)
    if isinstance(expected, str):
        assert isinstance(found, tuple)
        assert [problem.field for problem in found] == [expected]
    else:
        assert found == expected


def test_a_market_order_gets_no_limit_price() -> None:
    found = read_change({"limitPrice": "1"}, state("NEW", order_type=OrderType.MARKET), None, None, NOW)
    assert isinstance(found, tuple) and [problem.field for problem in found] == ["limitPrice"]


def test_an_answer_says_what_will_happen_below_what_is_done(fake: Fake) -> None:
    fake.order_view = view(status="PARTIALLY_FILLED", quantity=10, cum_qty=7, leaves_qty=3)
    found = ask(fake, RequestKind.REPLACE, {"quantity": 5})
    assert isinstance(found, Requested)
    assert found.will == "replace requested: 7 shares are done, so that it is over at 7"
    (message,) = stored(fake)
    assert isinstance(message, ReplaceOrder) and message.change == OrderChange(quantity=5)


def test_who_may_only_take_orders_out_may_suspend_and_not_resume() -> None:
    risk = rights_of(["risk"])
    assert {kind for kind in KINDS if RULES[kind].right in risk} == {RequestKind.CANCEL, RequestKind.SUSPEND}
    assert Right.TRADE not in risk


# ---- many orders


def ask_many(
    fake: Fake, kind: RequestKind, selection: Selection, key: str = "", principal: Principal = TRADER
) -> RequestedOfMany | Refusal:
    return asyncio.run(
        handle_change_many(
            fake.ports, lambda: NOW, principal, kind, selection, channel=None, request_key=key, trace="t"
        )
    )


def taken(found: RequestedOfMany | Refusal) -> dict[UUID | None, UUID]:
    assert isinstance(found, RequestedOfMany), found
    return {
        line.order_id: line.outcome.request_id for line in found.lines if isinstance(line.outcome, Requested)
    }


OF_SYMBOL = Selection(symbols=frozenset(("S",)))


@pytest.mark.parametrize("kind", OF_MANY)
def test_a_repeat_about_many_does_the_same_ones_and_no_more(fake: Fake, kind: RequestKind) -> None:
    status = "SUSPENDED" if kind is RequestKind.RESUME else "ACKNOWLEDGED"
    fake.listed = [view(status=status) for _ in range(5)]
    first = ask_many(fake, kind, OF_SYMBOL, "k")
    assert isinstance(first, RequestedOfMany) and first.created and len(taken(first)) == 5
    fake.listed.append(view(status=status))
    again = ask_many(fake, kind, OF_SYMBOL, "k")
    assert isinstance(again, RequestedOfMany) and not again.created
    assert taken(again) == taken(first)
    assert len(stored(fake)) == 5
    other = ask_many(fake, kind, Selection(side="BUY"), "k")
    assert refused(other).code is RefusalCode.DUPLICATE_REQUEST_ID
    another = next(one for one in OF_MANY if one is not kind)
    assert refused(ask_many(fake, another, OF_SYMBOL, "k")).code is RefusalCode.DUPLICATE_REQUEST_ID
    assert len(taken(ask_many(fake, kind, OF_SYMBOL, "k2"))) == 6


def test_one_that_selects_nothing_is_refused_and_stores_nothing(fake: Fake) -> None:
    fake.listed = [view(status="ACKNOWLEDGED")]
    for selection in (Selection(), Selection(order_ids=tuple(uuid7() for _ in range(1_001)))):
        assert selection_problem(selection) is not None
        assert refused(ask_many(fake, RequestKind.CANCEL, selection)).code is RefusalCode.INVALID_REQUEST
    assert stored(fake) == []


def test_at_most_a_thousand_orders_are_asked_for_and_it_says_that_there_are_more(fake: Fake) -> None:
    fake.listed = [view(status="ACKNOWLEDGED") for _ in range(ORDERS_SELECTED_MAX + 1)]
    found = ask_many(fake, RequestKind.SUSPEND, OF_SYMBOL)
    assert isinstance(found, RequestedOfMany) and found.more
    assert list(taken(found)) == [order.order_id for order in fake.listed[:ORDERS_SELECTED_MAX]]
    last = found.lines[-1].order_id
    ask_many(fake, RequestKind.SUSPEND, Selection(symbols=frozenset(("S",)), after=last))
    assert (fake.filters[-1].after, fake.filters[-1].oldest_first) == (last, True)
    assert selection_problem(Selection(after=last)) is not None
    del fake.listed[-1]
    exactly = ask_many(fake, RequestKind.SUSPEND, OF_SYMBOL)
    assert isinstance(exactly, RequestedOfMany) and not exactly.more


def test_each_named_order_is_answered_and_a_filter_means_open_ones(fake: Fake) -> None:
    live, over, foreign = (
        view(status="ACKNOWLEDGED"),
        view(status="FILLED", closed=True),
        view(account_id="B"),
    )
    named = view(status="ACKNOWLEDGED", client_order_id="mine")
    fake.listed = [live, over, foreign, named]
    unknown = uuid7()
    found = ask_many(
        fake,
        RequestKind.CANCEL,
        Selection(
            order_ids=(live.order_id, over.order_id, foreign.order_id, unknown),
            client_order_ids=("mine", "nobodys"),
        ),
    )
    assert isinstance(found, RequestedOfMany)
    outcomes = {line.order_id or line.client_order_id: line.outcome for line in found.lines}
    assert {
        name: outcome.code if isinstance(outcome, Refusal) else None for name, outcome in outcomes.items()
    } == {
        live.order_id: None,
        named.order_id: None,
        over.order_id: RefusalCode.ORDER_CLOSED,
        foreign.order_id: RefusalCode.NOT_FOUND,
        unknown: RefusalCode.NOT_FOUND,
        "nobodys": RefusalCode.NOT_FOUND,
    }
    assert [message.order_id for message in stored(fake)] == sorted([live.order_id, named.order_id])
    ask_many(fake, RequestKind.CANCEL, OF_SYMBOL)
    wanted = fake.filters[-1]
    assert (wanted.closed, wanted.as_of_now, wanted.accounts) == (False, True, frozenset(("A",)))
    assert wanted.statuses == {status.name for status in RULES[RequestKind.CANCEL].selects}


@pytest.mark.parametrize("kind", OF_MANY)
def test_a_name_that_nobody_knows_is_told_where_no_order_fits(fake: Fake, kind: RequestKind) -> None:
    fake.listed = []
    for selection, field in (
        (Selection(symbols=frozenset(("ZZZZ",))), "symbol"),
        (Selection(symbols=frozenset(("S", "ZZZZ"))), "symbol"),
        (Selection(venues=frozenset(("ZZZZ",))), "venue"),
    ):
        refusal = refused(ask_many(fake, kind, selection))
        assert refusal.code is RefusalCode.INVALID_REQUEST
        assert refusal.fields == (FieldProblem(field=field, message=f'must be a known {field}, was "ZZZZ"'),)
    # Nothing is wrong with a symbol of which nothing is open.
    none = ask_many(fake, kind, OF_SYMBOL)
    assert isinstance(none, RequestedOfMany) and not none.lines
    # What is open is asked for whatever else is named: nobody who wants out waits for a typing error.
    fake.listed = [view(status="SUSPENDED" if kind is RequestKind.RESUME else "ACKNOWLEDGED")]
    found = ask_many(fake, kind, Selection(symbols=frozenset(("S", "ZZZZ"))))
    assert isinstance(found, RequestedOfMany) and len(taken(found)) == 1


def test_every_request_about_many_says_who_was_meant(fake: Fake) -> None:
    fake.listed = [view(status="ACKNOWLEDGED")]
    selection = Selection(
        accounts=frozenset(("A", "B")), symbols=frozenset(("S",)), side="BUY", venues=frozenset(("XNYS",)),
        older_than_s=60,
    )  # fmt: skip
    ask_many(fake, RequestKind.CANCEL, selection, "k")
    (message,) = stored(fake)
    assert isinstance(message, CancelOrder)
    assert message.selected_by == "accountId=A&accountId=B&symbol=S&side=BUY&venue=XNYS&olderThan=60"
    assert (message.cl_ord_id, message.channel) == ("k", "API")
    wanted = fake.filters[-1]
    assert wanted.accounts == frozenset(("A",)) and wanted.venues == frozenset(("XNYS",))
    assert wanted.created_to is not None and (NOW - wanted.created_to).total_seconds() == 60


def test_a_named_order_whose_cancel_is_pending_is_answered_with_that_cancel(fake: Fake) -> None:
    waiting = view(status="PENDING_CANCEL")
    fake.listed = [waiting]
    found = ask_many(fake, RequestKind.CANCEL, Selection(order_ids=(waiting.order_id,)), "k")
    assert list(taken(found)) == [waiting.order_id]
    assert fake.log.changes == [] and len(fake.cancels) == 1
    assert not isinstance(fake.cancels[0].message, BookTrade) and fake.cancels[0].key is None


# ---- batches


def ask_batch(fake: Fake, *orders: Any, **changes: Any) -> list[Answered] | Refusal:
    batch = Batch(orders=orders, **changes)
    return asyncio.run(handle_place_batch(fake.ports, lambda: NOW, TRADER, batch, channel="API", trace="t"))


def place_batch(fake: Fake, *orders: Any, **changes: Any) -> list[Answered]:
    found = ask_batch(fake, *orders, **changes)
    assert isinstance(found, list)
    return found


def whole(fake: Fake, *orders: Any, **changes: Any) -> Refusal:
    """Return why a list is refused of which all are wanted or none; nothing of it is stored."""
    before = list(fake.orders)
    found = refused(ask_batch(fake, *orders, all_or_nothing=True, **changes))
    assert fake.orders == before
    return found


def codes(found: list[Answered]) -> list[RefusalCode | None]:
    return [one.code if isinstance(one, Refusal) else None for one in found]


BAD = CONTENT | {"quantity": -1}
INVALID = RefusalCode.INVALID_REQUEST


def order(number: int, **changes: Any) -> dict[str, Any]:
    return CONTENT | {"clientOrderId": f"c{number}"} | changes


def test_a_bad_line_of_a_batch_stops_no_other(fake: Fake) -> None:
    found = place_batch(fake, order(1), BAD, "x", order(2))
    assert codes(found) == [None, INVALID, INVALID, None]
    assert [one.message.terms.client_order_id for one in fake.orders] == ["c1", "c2"]


# Whatever one order of a list may be refused for, and what it is called then.
WRONG_LINES: list[tuple[Any, list[str]]] = [
    ({"quantity": -1}, ["quantity"]),
    ({"limitPrice": "1.0000001", "colour": "red"}, ["colour", "limitPrice"]),
    ({"accountId": "NOBODYS"}, ["accountId"]),
    ({"accountId": "ANOTHERS"}, ["accountId"]),
    ({"symbol": "NOPE"}, ["symbol"]),
    ({"routing": {"profile": "none"}}, ["routing.profile"]),
    ({"clientOrderId": ""}, ["clientOrderId"]),
    ({"quantity": 10**5000}, ["quantity"]),
]


@pytest.mark.parametrize(("wrong", "fields"), WRONG_LINES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_wrong_order_refuses_a_whole_list_and_is_named_by_its_place(
    fake: Fake, wrong: dict[str, Any], fields: list[str], place: int
) -> None:
    fake.accounts.add("ANOTHERS")
    orders = [order(number) for number in range(3)]
    orders[place] |= wrong
    found = whole(fake, *orders)
    assert found.code is INVALID
    assert found.message == "1 of 3 orders is refused, and none was placed"
    assert [problem.field for problem in found.fields] == [f"orders[{place}].{field}" for field in fields]
    assert codes(place_batch(fake, *orders)).count(None) == 2


def test_every_problem_of_a_list_is_told_at_once_and_what_may_pass_only_alone(fake: Fake) -> None:
    orders = [order(1, quantity=0), "x", order(2), order(2, symbol="NOPE"), order(3, side="B", quantity=0)]
    found = whole(fake, *orders)
    assert [problem.field for problem in found.fields] == [
        "orders[0].quantity", "orders[1]", "orders[2].clientOrderId", "orders[3].symbol",
        "orders[3].clientOrderId", "orders[4].side", "orders[4].quantity",
    ]  # fmt: skip
    overloaded(fake)
    found = whole(fake, order(1), BAD)
    assert (found.code, found.message) == (INVALID, "1 of 2 orders is refused, and none was placed")
    later = whole(fake, order(1), order(2))
    assert (later.code, later.fields, later.retry_after_s) == (RefusalCode.UNAVAILABLE, (), 1)
    assert "orders wait" in later.message


def test_more_problems_than_an_answer_holds_are_counted(fake: Fake) -> None:
    wide = order(1) | {f"f{number}": 1 for number in range(PROBLEMS_MAX + 5)}
    fields = whole(fake, wide).fields
    assert len(fields) == PROBLEMS_MAX + 1
    assert (fields[-1].field, fields[-1].message) == ("", "and 5 more")


def test_an_id_that_is_used_refuses_a_list_only_with_other_content(fake: Fake) -> None:
    fake.stored = KeyConflict(order_id=FIRST.order_id)
    found = whole(fake, order(1), order(2))
    assert found.code is RefusalCode.DUPLICATE_ORDER_ID
    assert [problem.field for problem in found.fields] == [f"orders[{n}].clientOrderId" for n in (0, 1)]
    assert str(FIRST.order_id) in found.fields[0].message
    fake.stored = FIRST
    again = place_batch(fake, order(1), order(2), all_or_nothing=True)
    assert [(one.order_id, one.created) for one in again if isinstance(one, Placed)] == [
        (FIRST.order_id, False)
    ] * 2
    assert fake.orders == []


def test_a_list_is_stored_by_one_request_and_each_order_gets_its_own_answer(fake: Fake) -> None:
    placed = place_batch(fake, order(1), order(2), all_or_nothing=True)
    ids = [one.message.order_id for one in fake.orders]
    assert [(one.order_id, one.created) for one in placed if isinstance(one, Placed)] == [
        (one, True) for one in ids
    ]
    assert len({*ids}) == 2


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (False, RefusalCode.UNAVAILABLE),
        (RowRefused(problem=FieldProblem(field="accountId", message="unknown account")), INVALID),
    ],
)
def test_a_list_that_the_store_does_not_take_is_refused_whole(
    fake: Fake, outcome: Any, code: RefusalCode
) -> None:
    fake.whole = outcome
    assert whole(fake, order(1), order(2)).code is code


@pytest.mark.parametrize("all_or_nothing", [False, True])
def test_a_list_that_is_only_checked_stores_nothing_and_is_answered_as_it_would_be(
    fake: Fake, all_or_nothing: bool
) -> None:
    flags = {"all_or_nothing": all_or_nothing, "check_only": True}
    checked = [batch_line(one) for one in place_batch(fake, order(1), order(2), **flags)]
    assert [(one.status, one.risk and one.risk.accepted) for one in checked] == [(201, True), (201, True)]
    fake.risk_is_away = True
    unasked = [batch_line(one) for one in place_batch(fake, order(1), **flags)]
    assert [(one.status, one.risk) for one in unasked] == [(201, None)]
    found = ask_batch(fake, order(1), BAD, **flags)
    if all_or_nothing:
        assert [problem.field for problem in refused(found).fields] == ["orders[1].quantity"]
    else:
        assert isinstance(found, list) and codes(found) == [None, INVALID]
    fake.stored = FIRST
    (repeated,) = [batch_line(one) for one in place_batch(fake, order(1), **flags)]
    assert (repeated.status, repeated.risk) == (200, None)
    assert fake.orders == []


@pytest.mark.parametrize("all_or_nothing", [False, True])
def test_every_order_of_a_batch_counts_and_what_is_stored_gets_its_first_answer(
    fake: Fake, all_or_nothing: bool
) -> None:
    over_rate(fake)
    orders = [order(1), order(2), order(3)]
    if all_or_nothing:
        found = whole(fake, *orders)
        assert (found.code, found.retry_after_s) == (RefusalCode.RATE_LIMITED, 1)
    else:
        over = RefusalCode.RATE_LIMITED
        assert codes(place_batch(fake, *orders)) == [None, over, over]
    fake.orders.clear()
    fake.stored = FIRST
    again = place_batch(fake, order(1), order(2), all_or_nothing=all_or_nothing)
    assert isinstance(again[1], Placed)


def test_the_wrong_fields_of_a_list_over_grpc_fit_into_trailers(fake: Fake) -> None:
    found = grpc_refused(whole(fake, *(order(number, limitPrice="x" * 99) for number in range(500))))
    assert found.details is not None
    violations = found.details[1].field_violations
    assert (violations[0].field, violations[-1].description) == ("orders[0].limit_price", "and 480 more")
    assert sum(len(one.SerializeToString()) for one in found.details) < 4_096


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({}, "orders"), ({"orders": []}, "orders"), ({"orders": [{}] * 501}, "orders"),
        ({"orders": {}}, "orders"), ({"orders": [{}], "allOrNothing": 1}, "allOrNothing"),
        ({"orders": [{}], "checkOnly": "no"}, "checkOnly"),
        ({"orders": [{}], "x": 1}, "x"),
    ],
)  # fmt: skip
def test_what_is_no_batch_is_refused_and_named(content: dict[str, object], field: str) -> None:
    found = refused(read_batch(content))
    assert [problem.field for problem in found.fields] == [field]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"side": 7}, "side"), ({"account_ids": ["a\0"]}, "account_ids"),
        ({"client_order_ids": ["\0"]}, "client_order_ids"), ({"order_ids": ["x"]}, "order_ids"),
        ({"older_than_s": -1}, "older_than_s"), ({"symbols": ["S"], "after": "x"}, "after"),
    ],
)  # fmt: skip
def test_a_wrong_field_of_a_selection_over_grpc_is_named(given: dict[str, Any], field: str) -> None:
    selection = Contract().kind("OrderSelection")(**given)
    assert [problem.field for problem in refused(read_selection(selection)).fields] == [field]


def test_a_selection_is_read_the_same_from_every_door() -> None:
    ids = [str(uuid7()) for _ in range(2)]
    by_grpc = read_selection(
        Contract().kind("OrderSelection")(
            account_ids=["B", "A"], symbols=["S"], side=1, venue_ids=["V"], older_than_s=0,
            order_ids=[*ids, ids[0]], client_order_ids=["a,b"], after=ids[0],
        )
    )  # fmt: skip
    given = [
        ("accountId", "A,B"), ("symbol", "S"), ("side", "BUY"), ("venue", "V"), ("olderThan", "0"),
        ("orderId", ids[0]), ("orderId", ids[1]), ("clientOrderId", "a,b"), ("after", ids[0]),
    ]  # fmt: skip
    query, problems = read_query(SelectionQuery, given)
    message = read_message(
        json.dumps(
            {
                "type": "cancelOrders", "id": "1",
                "selection": {
                    "accountId": ["A", "B"], "symbol": ["S"], "side": "BUY", "venue": ["V"], "olderThan": 0,
                    "orderId": ids, "clientOrderId": ["a,b"], "after": ids[0],
                },
            }
        )
    )  # fmt: skip
    assert query is not None and problems == []
    assert isinstance(message, ChangeMany)
    assert by_grpc == selection_of(query) == message.selection
