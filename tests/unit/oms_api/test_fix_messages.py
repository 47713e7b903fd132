"""What a 35=D says in REST's words, and which event is which report."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from oms_api.domain.client_numbers import ClientNumbers, StoredNumbers
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid
from oms_api.entrypoints import fix_reports
from oms_api.entrypoints.fix_algos import OWN_VALUES
from oms_api.entrypoints.fix_orders import OWN_TAGS, FixRequests, read_order, read_replace
from oms_api.entrypoints.fix_reports import EXEC_TYPES, Named, event_report, order_rejected, words_of
from oms_api.ports import FixClient, UnavailableError
from oms_platform.fix.clients import ClientSettings
from oms_platform.fix.dictionary import INVALID_TAG_NUMBER, TAG_NOT_DEFINED_FOR_TYPE, read_dictionary
from oms_platform.fix.session import FixSession
from oms_platform.fix.wire import SOH, assemble, split_fields
from oms_platform.messages import OrderEvent
from oms_platform.vocabulary import (
    OrderCapacity,
    OrderDenied,
    OrderStatus,
    OrderTerms,
    OrderType,
    Side,
    Tag,
    TimeInForce,
    TradeApplied,
    TradeCorrected,
)

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
ORDER = UUID("01900000-0000-7000-8000-000000000001")
TERMS = OrderTerms(
    account_id="ACC", channel="FIX", client_order_id="X", symbol="AAPL", side=Side.SELL,
    order_type=OrderType.LIMIT, time_in_force=TimeInForce.IOC, quantity=100, limit_price_micros=187_210_000,
)  # fmt: skip
TRADE = TradeApplied(
    venue_id="XNYS", exec_id="E1", cl_ord_id="c", last_qty=40, last_px_micros=1, transact_time=NOW,
    received_at=NOW, venue_order_id="V", trade_date="20260302",
)  # fmt: skip
BUST = TradeCorrected(
    venue_id="XNYS", exec_id="B", exec_ref_id="E1", cl_ord_id="c", was_qty=40, was_px_micros=1,
    transact_time=NOW, received_at=NOW, ref_venue_order_id="V", ref_trade_date="20260302",
)  # fmt: skip


def fields(text: str) -> dict[str, str]:
    return dict(split_fields(text.replace("|", SOH)))


def event(kind: str, status: OrderStatus, **changes: Any) -> OrderEvent:
    values = {
        "event_id": ORDER, "order_id": ORDER, "account_id": "ACC", "client_order_id": "X", "sequence": 2,
        "stream_sequence": 7, "type": kind, "status": status, "symbol": "AAPL", "side": Side.SELL,
        "quantity": 100, "leaves_qty": 60, "cum_qty": 40, "occurred_at": NOW,
    }  # fmt: skip
    return OrderEvent(**(values | changes))


# What reports of a cancel and of a replace are named by.
NAMED = dict.fromkeys(
    ("CancelRequested", "OrderCanceled", "ReplaceRequested", "OrderReplaced"), Named("Y", "X")
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("99=11.5", {"stopPrice": Decimal("11.5")}),
        ("38=200|44=10.5|59=1", {"quantity": 200, "limitPrice": Decimal("10.5"), "timeInForce": "GTC"}),
        ("38=1.5", {"quantity": "1.5"}),
        ("59=5", {"timeInForce": "5"}),
        ("59=6|432=20261130", {"timeInForce": "GTD", "expireDate": "2026-11-30"}),
        ("126=20261130-20:30:00.5", {"expireTime": "2026-11-30T20:30:00.5Z"}),
        ("55=AAPL|54=1|40=2", {}),
    ],
)
def test_replace_is_read_as_rest_would_have_it_and_what_it_leaves_out_stays(
    text: str, expected: dict[str, object]
) -> None:
    assert read_replace(fields(f"35=G|11=Y|41=X|{text}")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("54=1|38=100|40=1", {"side": "BUY", "quantity": 100, "orderType": "MARKET"}),
        ("54=2|38=0100.00|40=2", {"side": "SELL", "quantity": 100, "orderType": "LIMIT"}),
        ("54=8|38=1.5|40=Q", {"side": "8", "quantity": "1.5", "orderType": "Q"}),
        (
            "54=1|38=1|40=P|18=R|211=-0.02",
            {
                "orderType": "PEGGED",
                "peg": {"type": "PRIMARY", "offset": Decimal("-0.02")},
            },
        ),
        ("54=1|38=1|40=P|18=M|44=9", {"peg": {"type": "MIDPOINT"}, "limitPrice": Decimal(9)}),
        ("54=1|38=1|40=P|18=P 6", {"peg": {"type": "MARKET"}, "postOnly": True}),
        ("54=1|38=1|40=P|18=P|835=0|836=0", {"peg": {"type": "MARKET"}}),
        (
            "54=1|38=1|40=P|18=P|835=1|836=3",
            {
                "peg": {"type": "MARKET", "PegMoveType": "1", "PegOffsetType": "3"},
            },
        ),
        ("54=1|38=1|40=P|18=P M", {"peg": {}}),
        ("54=1|38=1|40=P|211=x", {"peg": {"offset": "x"}}),
        ("54=1|38=1|40=2|44=1|18=R", {"orderType": "LIMIT", "peg": {"type": "PRIMARY"}}),
        ("54=1|38=1|40=P", {"orderType": "PEGGED", "peg": ...}),
        ("54=5|38=1|40=2|44=1|114=N|5700=L1", {"side": "SELL_SHORT", "locateId": "L1"}),
        ("54=5|38=1|40=2|44=1|114=Y|5700=L1", {"side": "SELL_SHORT", "locateId": ...}),
        ("54=6|38=1|40=2|44=1|528=P", {"side": "SELL_SHORT_EXEMPT", "capacity": "PRINCIPAL"}),
        ("54=1|38=1|40=2|44=1|528=W", {"capacity": "W"}),
        ("54=1|38=900|40=2|44=1|111=100|18=6", {"displayQty": 100, "postOnly": True}),
        ("54=1|38=900|40=2|44=1|111=x|18=1 6", {"displayQty": "x", "postOnly": True}),
        ("54=1|38=900|40=2|44=1|110=50|18=1", {"minQuantity": 50, "postOnly": ...}),
        ("54=1|38=-5|40=1", {"quantity": "-5"}),
        ("54=1|38=99999999999999999999|40=1", {"quantity": "9" * 20}),
        ("54=1|40=1", {"quantity": ...}),
        ("54=1|38=1|40=2|44=.5", {"limitPrice": Decimal("0.5")}),
        ("54=1|38=1|40=3|99=11", {"orderType": "STOP", "stopPrice": Decimal(11)}),
        (
            "54=1|38=1|40=4|99=11|44=12",
            {"orderType": "STOP_LIMIT", "stopPrice": Decimal(11), "limitPrice": Decimal(12)},
        ),
        ("54=1|38=1|40=2|44=007.", {"limitPrice": Decimal(7)}),
        ("54=1|38=1|40=2|44=-.", {"limitPrice": "-."}),
        ("54=1|38=1|40=2|44=1" + "0" * 400, {"limitPrice": "1" + "0" * 400}),
        ("54=1|38=1|40=1|59=3", {"timeInForce": "IOC"}),
        ("54=1|38=1|40=1|59=5", {"timeInForce": "5"}),
        ("54=1|38=1|40=1|59=2", {"timeInForce": "OPG"}),
        ("54=1|38=1|40=1|59=7", {"timeInForce": "CLO"}),
        ("54=1|38=1|40=2|59=6|432=20261130", {"timeInForce": "GTD", "expireDate": "2026-11-30"}),
        ("54=1|38=1|40=2|59=6|432=soon", {"timeInForce": "GTD", "expireDate": "soon"}),
        ("54=1|38=1|40=2|59=6|126=20261130-20:30:00", {"expireTime": "2026-11-30T20:30:00Z"}),
        ("54=1|38=1|40=1|110=50", {"minQuantity": 50}),
        ("54=1|38=1|40=1|110=0", {"minQuantity": ...}),
        ("54=1|38=1|40=1|9501=staged", {"routing": {"profile": "staged"}}),
        ("54=1|38=1|40=1|9502=A B|9503=C", {"routing": {"avoid": ["A", "B"], "prefer": ["C"]}}),
        ("54=1|38=1|40=1|21=2|111=5|18=G|126=x", {"timeInForce": "DAY", "routing": ...}),
    ],
)
def test_order_is_read_as_rest_would_have_it(text: str, expected: dict[str, object]) -> None:
    content = read_order(fields(f"35=D|11=X|55=AAPL|{text}"), ("ACC",))
    assert content["clientOrderId"] == "X" and content["accountId"] == "ACC"
    assert {name: content.get(name, ...) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("55=BRK.B", "BRK.B"),
        ("55=BRK|65=B", "BRK.B"),
        ("55=BF|65=A", "BF/A"),
        ("55=BF/A", "BF/A"),
        ("55=BRK.B|65=B", "BRK.B"),
        # When-issued shares are others.
        ("55=AAPL|65=WI", "AAPL.WI"),
        ("55=NONE|65=Z", "NONE.Z"),
    ],
)
def test_a_share_class_is_read_in_symbol_or_in_symbol_sfx(text: str, symbol: str) -> None:
    known = {"BRK.B", "BF/A", "AAPL"}.__contains__
    assert read_order(fields(f"35=D|11=X|{text}|54=1|38=1|40=1"), ("ACC",), known)["symbol"] == symbol


def test_account_may_be_left_out_only_where_there_is_one() -> None:
    asked = fields("11=X|55=AAPL|54=1|38=1|40=1")
    assert "accountId" not in read_order(asked, ("A", "B"))
    assert read_order(asked | {"1": "B"}, ("A", "B"))["accountId"] == "B"
    assert read_order(asked | {"1": "C"}, ("A",))["accountId"] == "C"


@pytest.mark.parametrize(
    ("kind", "status", "changes", "expected"),
    [
        ("OrderAccepted", OrderStatus.ACKNOWLEDGED, {}, {"150": "0", "39": "0", "11": "X"}),
        (
            "OrderDenied", OrderStatus.REJECTED,
            {"text": "AUCTION_MISSED: a=b", "order_denied": OrderDenied(denial="AUCTION_MISSED: a=b")},
            {"150": "8", "39": "8", "103": "4", "58": "AUCTION_MISSED: a=b"},
        ),
        (
            "OrderDenied", OrderStatus.REJECTED,
            {"text": "NO_AUCTION: a=b", "order_denied": OrderDenied(denial="NO_AUCTION: a=b")},
            {"150": "8", "39": "8", "103": "11", "58": "NO_AUCTION: a=b"},
        ),
        (
            "OrderDenied", OrderStatus.REJECTED,
            {"text": "ORDER_STALE: age=9", "order_denied": OrderDenied(denial="ORDER_STALE: age=9")},
            {"150": "8", "39": "8", "103": "99", "58": "ORDER_STALE: age=9"},
        ),
        (
            "TradeApplied", OrderStatus.PENDING_CANCEL,
            {"last_qty": 40, "last_px": Decimal("1.50"), "avg_px": Decimal("1.5"), "trade_applied": TRADE,
             "venue_id": "XNYS"},
            {"150": "F", "39": "6", "32": "40", "31": "1.5", "6": "1.5", "30": "XNYS", "11": "X"},
        ),
        ("TradeCorrected", OrderStatus.ACKNOWLEDGED, {"trade_corrected": BUST}, {"150": "H", "32": None}),
        ("CancelRequested", OrderStatus.PENDING_CANCEL, {}, {"150": "6", "39": "6", "11": "Y", "41": "X"}),
        ("OrderCanceled", OrderStatus.CANCELED, {}, {"150": "4", "39": "4", "11": "Y", "41": "X"}),
        ("ReplaceRequested", OrderStatus.PENDING_REPLACE, {}, {"150": "E", "39": "E", "11": "Y", "41": "X"}),
        ("OrderReplaced", OrderStatus.ACKNOWLEDGED, {}, {"150": "5", "39": "0", "11": "Y", "41": "X"}),
        ("OrderSuspended", OrderStatus.SUSPENDED, {}, {"150": "9", "39": "9", "11": "X", "378": None}),
        ("OrderResumed", OrderStatus.ACKNOWLEDGED, {}, {"150": "D", "39": "0", "11": "X", "378": "99"}),
        ("OrderExpired", OrderStatus.EXPIRED, {}, {"150": "C", "39": "C", "11": "X", "41": None}),
    ],
)  # fmt: skip
def test_event_is_the_report_of_the_table(
    kind: str, status: OrderStatus, changes: dict[str, Any], expected: dict[str, str | None]
) -> None:
    message = event_report(event(kind, status, **changes), TERMS, NAMED.get(kind, Named("X")))
    assert message is not None
    found = fields(message.body)
    always = {"37": str(ORDER), "55": "AAPL", "54": "2", "38": "100", "44": "187.21", "59": "3", "1": "ACC"}
    assert {tag: found.get(tag) for tag in always | expected} == always | expected


def test_what_says_nothing_of_the_order_is_not_reported() -> None:
    house = {"RouteRequested", "RoutePlaced", "RouteDeferred", "ChildClosed", "ChildRestated",
             "ChildCancelRejected", "BookingRejected", "CancelRejected", "ReplaceRejected", "SuspendRejected",
             "ResumeRejected", "StopTriggered", "PegPriced", "AlgoPlanned", "SharesReleased", "AlgoHeld",
             "RouteHeld"}  # fmt: skip
    told = set(OrderEvent.__struct_fields__[-28:])
    kinds = {"".join(word.title() for word in name.split("_")) for name in told}
    assert kinds == house | EXEC_TYPES.keys()
    for kind in house:
        assert event_report(event(kind, OrderStatus.ACKNOWLEDGED), TERMS, Named("X")) is None


def test_bust_refers_to_the_execid_that_its_trade_had() -> None:
    trade = event("TradeApplied", OrderStatus.PARTIALLY_FILLED, last_qty=40, trade_applied=TRADE)
    bust = event_report(
        event("TradeCorrected", OrderStatus.ACKNOWLEDGED, trade_corrected=BUST), TERMS, Named("X")
    )
    assert bust is not None
    assert fields(bust.body)["19"] == fix_reports.exec_id_of(trade) != fields(bust.body)["17"]


def test_every_order_status_has_its_code() -> None:
    assert set(fix_reports.ORD_STATUS_CODES) == set(OrderStatus)
    assert len(set(fix_reports.ORD_STATUS_CODES.values())) == len(OrderStatus)


def test_refusal_is_said_in_one_line_that_ends_no_field() -> None:
    refusal = invalid(
        FieldProblem(field="symbol", message='unknown symbol "A\x01B"'), FieldProblem(field="q", message="x")
    )
    assert words_of(refusal) == 'INVALID_REQUEST: symbol=unknown symbol "A\x01B", q=x'
    asked = fields("11=X|55=A|54=1")
    said = fields(order_rejected(asked, refusal, "e", NOW).body)
    assert (said["103"], said["58"]) == ("1", 'INVALID_REQUEST: symbol=unknown symbol "A B", q=x')
    long = Refusal(code=RefusalCode.UNAVAILABLE, message="x" * 10_000)
    assert len(words_of(long)) < 500


# With everything that an order may say.
INSTRUCTED = replace(
    TERMS, side=Side.SELL_SHORT, order_type=OrderType.STOP_LIMIT, stop_price_micros=188_000_000,
    time_in_force=TimeInForce.GTC, min_quantity=10, display_quantity=50, post_only=True,
    capacity=OrderCapacity.RISKLESS_PRINCIPAL, locate_id="LOC 7", tags=(Tag(name="book", text="EU"),),
)  # fmt: skip


@pytest.mark.parametrize("terms", [TERMS, INSTRUCTED], ids=["plain", "instructed"])
def test_messages_that_go_out_hold_to_the_dictionary(terms: OrderTerms) -> None:
    dictionary = read_dictionary()
    asked = fields("34=7|35=D|11=X|41=W|55=A|54=1|38=100")
    refusal = Refusal(code=RefusalCode.RATE_LIMITED, message="slow down")
    accepted = event_report(event("OrderAccepted", OrderStatus.ACKNOWLEDGED), terms, Named("X"))
    for message in (
        accepted,
        fix_reports.pending_new(ORDER, terms, "e", NOW),
        order_rejected(asked, refusal, "e", NOW),
        fix_reports.cancel_rejected(asked, None, 1, "unknown order", NOW),
        fix_reports.change_ended(event("CancelRejected", OrderStatus.ACKNOWLEDGED), terms, Named("Y", "X")),
        event_report(event("OrderResumed", OrderStatus.ACKNOWLEDGED), terms, Named("X")),
        event_report(event("OrderReplaced", OrderStatus.ACKNOWLEDGED), terms, Named("Y", "X")),
        fix_reports.status_unknown(asked, "unknown order", ((584, "m"), (911, 0), (912, "Y")), NOW),
        fix_reports.business_reject(asked, 3, "not taken"),
    ):
        assert message is not None
        head = f"35={message.msg_type}{SOH}34=1{SOH}49=OMS{SOH}52=20260302-15:00:00{SOH}56=X{SOH}"
        raw = assemble(head + message.body).decode("latin-1")
        assert dictionary.read(split_fields(raw)).fault is None, raw


class Looked(dict[str, str]):
    """Fields of a message that note which tags are looked for."""

    def __init__(self, given: dict[str, str]) -> None:
        super().__init__(given)
        self.tags: set[str] = set()

    def get(self, tag: str, default: Any = None) -> Any:
        self.tags.add(tag)
        return super().get(tag, default)

    def __getitem__(self, tag: str) -> str:
        self.tags.add(tag)
        return super().__getitem__(tag)

    def __contains__(self, tag: object) -> bool:
        self.tags.add(str(tag))
        return super().__contains__(tag)


def test_every_tag_that_is_read_of_an_order_passes_the_doors_dictionary() -> None:
    door = read_dictionary((("D", OWN_TAGS),), OWN_VALUES)
    for msg_type, read in (("D", lambda given: read_order(given, ())), ("G", read_replace)):
        given = Looked(fields("11=X|55=A|54=5|40=1|60=20260302-15:00:00" + "|41=W" * (msg_type == "G")))
        read(given)
        assert len(given.tags) > 5
        for tag in given.tags - set(given):
            text = "|".join(f"{name}={value}" for name, value in given.items())
            raw = f"8=FIX.4.4|9=1|35={msg_type}|34=1|49=A|52=20260302-15:00:00|56=B|{text}|{tag}=1|10=000|"
            fault = door.read(split_fields(raw.replace("|", SOH))).fault
            assert fault is None or fault.reason not in (INVALID_TAG_NUMBER, TAG_NOT_DEFINED_FOR_TYPE), tag


def test_tags_of_ours_are_known_of_a_35_d_alone() -> None:
    own = read_dictionary((("D", OWN_TAGS),))
    head = "34=1|49=A|52=20260302-15:00:00|56=B|11=X|55=A|54=1"
    order = f"8=FIX.4.4|9=1|35=D|{head}|40=1|60=20260302-15:00:00|{OWN_TAGS[0]}=p|10=000|"
    status = f"8=FIX.4.4|9=1|35=H|{head}|{OWN_TAGS[0]}=p|10=000|"
    assert own.read(split_fields(order.replace("|", SOH))).fault is None
    assert own.read(split_fields(status.replace("|", SOH))).fault is not None
    assert read_dictionary().read(split_fields(order.replace("|", SOH))).fault is not None


# ---- what goes wrong


class Limiter:
    """Fails at some callers' requests: by how many came before."""

    def __init__(self, *outcomes: Exception | bool) -> None:
        self._outcomes = iter(outcomes)

    def take_leased(self, _subject: str) -> bool:
        outcome = next(self._outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def requests(limiter: Limiter, **changes: Any) -> FixRequests:
    settings = ClientSettings(**{"comp_id": "X", "username": "x", "accounts": ("A",)} | changes)
    client = FixClient(settings=settings, password_hash="", enabled=True, version="1")
    ports: Any = SimpleNamespace(limiter=limiter, cancel_limiter=limiter)
    return FixRequests(ports, None, client, lambda: NOW, lambda _placed: True)  # type: ignore[arg-type]


ASKED = fields("35=D|34=7|11=X|55=A|54=1|38=100|40=1")


def test_message_that_the_gateway_fails_at_is_refused_and_holds_up_nothing() -> None:
    failing = requests(Limiter(RuntimeError("bug"), True), rights=("READ",))
    first, second = asyncio.run(failing.answer([ASKED, ASKED]))
    assert (first.msg_type, fields(first.body)["380"], fields(first.body)["45"]) == ("j", "0", "7")
    assert (second.msg_type, fields(second.body)["150"]) == ("8", "8")
    assert fields(second.body)["58"] == "FORBIDDEN: the token gives no right to trade"


def test_message_whose_outcome_is_not_known_has_no_answer() -> None:
    with pytest.raises(UnavailableError):
        asyncio.run(requests(Limiter(UnavailableError("away"))).answer([ASKED]))


# ---- numbers


def numbers() -> ClientNumbers:
    stored = StoredNumbers(numbers=3, next_in=5, next_out=8, began_at=NOW, streams={"ACC": 6})
    return ClientNumbers("X", stored, NOW)


def test_change_is_what_has_happened_since_the_last_and_says_from_where() -> None:
    session = numbers()
    assert not session.must_be_saved
    session.append(assemble(f"35=0{SOH}34=8{SOH}"))
    session.append(assemble(f"35=8{SOH}34=9{SOH}"))
    session.note_reported("ACC", 7)
    session.streams["ACC"] = 7
    change = session.change()
    assert (change.was_numbers, change.was_out, change.now.next_out) == (3, 8, 10)
    assert [(one.seq, one.account_id, one.stream_sequence) for one in change.messages] == [(9, "ACC", 7)]
    session.saved(change)
    assert not session.must_be_saved and not session.has_passed_events
    assert session.change().messages == ()


def test_reset_begins_other_numbers_and_keeps_what_was_reported() -> None:
    session = numbers()
    session.append(assemble(f"35=8{SOH}34=8{SOH}"))
    session.reset()
    change = session.change()
    assert (change.was_numbers, change.was_out) == (3, 8)
    assert (change.now.numbers, change.now.next_in, change.now.next_out) == (4, 1, 1)
    assert change.now.streams == {"ACC": 6} and change.messages == ()


def test_resend_fills_every_number_that_has_no_message() -> None:
    session = FixSession("OMS", "X", numbers(), read_dictionary())
    kept = [
        (seq, assemble(f"35=8{SOH}34={seq}{SOH}49=OMS{SOH}52=20260302-15:00:00{SOH}56=X{SOH}37=o{SOH}"))
        for seq in (3, 4, 7)
    ]
    session.resend(1, 9, kept)
    said = [fields(raw.decode("latin-1")) for raw in session.out]
    told = [(one["35"], one["34"], one.get("36")) for one in said]
    assert told == [
        ("4", "1", "3"), ("8", "3", None), ("8", "4", None), ("4", "5", "7"), ("8", "7", None),
        ("4", "8", "10"),
    ]  # fmt: skip
    assert all(one["43"] == "Y" for one in said)
