"""Protobuf from clients: what is not the whole message is refused; what is, is read as protobuf reads it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from oms_api.entrypoints import grpc_wire
from oms_api.entrypoints.grpc_messages import Contract
from oms_api.entrypoints.grpc_wire import MalformedMessageError
from proto.gen.oms.v1 import (
    CancelOrderRequest,
    CancelOrdersRequest,
    GetOrderRequest,
    ListOrdersRequest,
    OrderSelection,
    OrderStatus,
    OrderType,
    PlaceOrderRequest,
    PlaceOrdersRequest,
    ReplaceOrderRequest,
    ResumeOrderRequest,
    ResumeOrdersRequest,
    Routing,
    Side,
    StreamOrdersRequest,
    SuspendOrderRequest,
    SuspendOrdersRequest,
    TimeInForce,
)
from tests.contract.descriptors import message_class

KINDS: list[Any] = [
    PlaceOrderRequest,
    GetOrderRequest,
    CancelOrderRequest,
    ReplaceOrderRequest,
    SuspendOrderRequest,
    ResumeOrderRequest,
    PlaceOrdersRequest,
    CancelOrdersRequest,
    SuspendOrdersRequest,
    ResumeOrdersRequest,
    ListOrdersRequest,
    StreamOrdersRequest,
]
WHOLE = [
    CancelOrdersRequest(
        selection=OrderSelection(account_ids=["A", "B"], side=Side.BUY, older_than_s=0, order_ids=["x"]),
        client_order_id="k",
        channel="DESK",
    ),
    PlaceOrdersRequest(
        orders=[PlaceOrderRequest(client_order_id="c"), PlaceOrderRequest()], all_or_nothing=True
    ),
    SuspendOrderRequest(order_id="x", sequence=0),
    PlaceOrderRequest(
        client_order_id="c-é",
        account_id="A",
        symbol="S",
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        quantity=2**31 - 1,
        limit_price="1.5",
        time_in_force=TimeInForce.IOC,
        channel="WEB",
        routing=Routing(profile="p", avoid=["X", "Y"], prefer=["Z"]),
        min_quantity=-1,
    ),
    GetOrderRequest(order_id="x" * 300),
    ListOrdersRequest(
        statuses=[OrderStatus.NEW, OrderStatus.FILLED],
        created_from=datetime(2026, 1, 5, 14, 30, 0, 7, tzinfo=UTC),
        created_to=datetime(9999, 1, 1, tzinfo=UTC),
        limit=7,
    ),
    StreamOrdersRequest(account_id="A", from_sequence=0),
]

CONTRACT = Contract()


def read_message(data: bytes, kind: Any) -> Any:
    """Read bytes as the door does. Returns the message as betterproto has it."""
    read = grpc_wire.read_message(data, CONTRACT.kind(kind.__name__))
    return kind().parse(read.SerializeToString())


def as_protobuf(data: bytes, kind: Any) -> Any:
    """Return a message as protobuf reads it, times to the microsecond."""
    message: Any = message_class(kind.__name__).FromString(data)
    for name in ("created_from", "created_to"):
        if name in message.DESCRIPTOR.fields_by_name and message.HasField(name):
            time = getattr(message, name)
            time.nanos -= time.nanos % 1000
    return message


@pytest.mark.parametrize("message", WHOLE, ids=lambda message: type(message).__name__)
def test_a_whole_message_is_read_as_it_was_written(message: Any) -> None:
    assert read_message(bytes(message), type(message)) == message


@pytest.mark.parametrize("message", WHOLE, ids=lambda message: type(message).__name__)
def test_a_message_that_ends_early_is_read_in_part_only_where_a_field_ends(message: Any) -> None:
    whole = bytes(message)
    kept = message_class(type(message).__name__)
    for length in range(len(whole)):
        try:
            read = read_message(whole[:length], type(message))
        except MalformedMessageError:
            with pytest.raises(DecodeError):
                kept.FromString(whole[:length])
        else:
            assert kept.FromString(bytes(read)) == kept.FromString(whole[:length])


@pytest.mark.parametrize(
    ("data", "kind", "text"),
    [
        ("0a02c328", GetOrderRequest, "order_id must be UTF-8, byte 0 is not"),
        ("00", GetOrderRequest, "there is no field 0"),
        ("0805", GetOrderRequest, "order_id must be of wire type 2, was 0"),
        ("0d01020304", GetOrderRequest, "order_id must be of wire type 2, was 5"),
        ("0b0c", GetOrderRequest, "order_id must be of wire type 2, was 3"),
        ("ffffffffff", GetOrderRequest, "the message ends within a number"),
        ("0affffffff0f", GetOrderRequest, "order_id must have 4294967295 bytes, 0 are there"),
        ("0a056162", GetOrderRequest, "order_id must have 5 bytes, 2 are there"),
        ("0a01610a0162", GetOrderRequest, "order_id is given more than once"),
        ("1a0161", GetOrderRequest, "there is no field 3"),
        ("f80701", PlaceOrderRequest, "there is no field 127"),
        ("08" + "ff" * 9 + "7f", PlaceOrderRequest, "client_order_id must be of wire type 2, was 0"),
        ("30" + "ff" * 9 + "7f", PlaceOrderRequest, "quantity has a number of more than 64 bits"),
        ("30" + "ff" * 11, PlaceOrderRequest, "quantity has a number of more than 64 bits"),
        # 2**32 + 100 shares, which betterproto reads as 100.
        ("30e480808010", PlaceOrderRequest, "quantity must fit int32"),
        ("208080808010", PlaceOrderRequest, "side must fit enum"),
        ("3a0161", PlaceOrderRequest, None),
        ("3805", PlaceOrderRequest, "limit_price must be of wire type 2, was 0"),
        ("5205120208", PlaceOrderRequest, "routing must have 5 bytes, 3 are there"),
        ("52021005", PlaceOrderRequest, "routing.avoid must be of wire type 2, was 0"),
        ("52032a0161", PlaceOrderRequest, "routing has no field 5"),
        ("1a0101", ListOrdersRequest, None),
        ("1801", ListOrdersRequest, None),
        ("1a028080", ListOrdersRequest, "statuses ends within a number"),
        ("320b08ffffffffffffffff7f", ListOrdersRequest, "created_from must have 11 bytes, 10 are there"),
        ("320a08ffffffffffffffff7f", ListOrdersRequest, "created_from must be a time of the years 1 to 9999"),
        ("320610ffffffff07", ListOrdersRequest, "created_from must be a time of the years 1 to 9999"),
    ],
)
def test_what_is_not_the_message_is_named(data: str, kind: Any, text: str | None) -> None:
    if text is None:
        read_message(bytes.fromhex(data), kind)
        return
    with pytest.raises(MalformedMessageError) as caught:
        read_message(bytes.fromhex(data), kind)
    assert str(caught.value) == text


@given(st.sampled_from(KINDS), st.binary(max_size=200))
@example(GetOrderRequest, bytes.fromhex("0a00"))
def test_random_bytes_are_malformed_or_what_protobuf_itself_reads(kind: Any, data: bytes) -> None:
    try:
        read = read_message(data, kind)
    except MalformedMessageError:
        return
    assert as_protobuf(bytes(read), kind) == as_protobuf(data, kind)


@given(st.sampled_from(WHOLE), st.data())
def test_a_message_with_changed_bytes_is_malformed_or_what_protobuf_itself_reads(
    message: Any, data: st.DataObject
) -> None:
    changed = bytearray(bytes(message))
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = read_message(bytes(changed), type(message))
    except MalformedMessageError:
        return
    assert as_protobuf(bytes(read), type(message)) == as_protobuf(bytes(changed), type(message))
