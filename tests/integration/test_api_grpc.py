"""OrderService over gRPC on a real gateway: what REST does, in bounds, and a status for whatever is sent."""

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import grpc
import psutil
import psycopg
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status as StatusDetails
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from grpclib.health.v1.health_grpc import HealthStub
from grpclib.health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpclib.reflection.v1.reflection_grpc import ServerReflectionStub
from grpclib.reflection.v1.reflection_pb2 import ServerReflectionRequest

from oms_platform.clock import utc_now
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.messages import OrderEvent
from oms_platform.proto_bridge import to_proto
from oms_platform.wire import Topic
from oms_tools.laptop.parts import memory_kafka_part, postgres_dsn
from proto.gen.oms.v1 import (
    CancelOrderRequest,
    GetOrderRequest,
    GetPnlRequest,
    ListOrdersRequest,
    OrderServiceStub,
    OrderStatus,
    OrderType,
    PegTerms,
    PegType,
    PlaceOrderRequest,
    Routing,
    Side,
    StreamOrdersRequest,
    StreamOrdersResponse,
)
from proto.gen.oms.v1 import OrderEvent as EventMessage
from tests.conftest import running
from tests.contract.descriptors import message_class
from tests.integration.api_rig import Gateway, event, gateway, store_events, wait_for
from tests.ports import free_port
from tests.raw_grpc import framed, raw_client

METHODS = (
    "PlaceOrder", "GetOrder", "CancelOrder", "ReplaceOrder", "SuspendOrder", "ResumeOrder", "PlaceOrders",
    "CancelOrders", "SuspendOrders", "ResumeOrders", "ListOrders", "StreamOrders",
    "GetPnl",
)  # fmt: skip
LONG = 128 * 2**20
GROWTH_BYTES_MAX = 12 * 2**20


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    port = free_port()
    with running(memory_kafka_part(port), tmp_path_factory.mktemp("grpc-kafka") / "kafka.log"):
        yield KafkaSettings(bootstrap=f"127.0.0.1:{port}")


@pytest.fixture(scope="module")
def api(
    tmp_path_factory: pytest.TempPathFactory, postgres_port: int, redis_port: int, kafka: KafkaSettings
) -> Iterator[Gateway]:
    name = f"grpc_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_dsn(postgres_port, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template_oms STRATEGY file_copy")
        folder = tmp_path_factory.mktemp("grpc")
        with gateway(folder, postgres_dsn(postgres_port, name), kafka.bootstrap, redis_port) as made:
            yield made
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def channel(api: Gateway) -> AsyncIterator[Channel]:
    made = Channel("127.0.0.1", api.grpc_port)
    try:
        yield made
    finally:
        made.close()


def bearer(api: Gateway, user: str = "trader1", **changes: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {api.token(user, **changes)}"}


def called(
    api: Gateway, scenario: Callable[[OrderServiceStub], Awaitable[None]], user: str = "trader1"
) -> None:
    async def run() -> None:
        async with channel(api) as made:
            await scenario(OrderServiceStub(made, metadata=bearer(api, user)))

    asyncio.run(run())


def order(**changes: Any) -> PlaceOrderRequest:
    content: dict[str, Any] = {
        "client_order_id": uuid.uuid4().hex,
        "account_id": "ACC-INST-001",
        "symbol": "MSFT",
        "side": Side.SELL,
        "order_type": OrderType.LIMIT,
        "quantity": 10,
        "limit_price": "418.20",
    }
    return PlaceOrderRequest(**(content | changes))


async def refused(work: Awaitable[Any], status: Status) -> GRPCError:
    with pytest.raises(GRPCError) as caught:
        await work
    assert caught.value.status is status, caught.value
    return caught.value


def rows(api: Gateway, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        return connection.execute(statement, values).fetchall()


def lines_of_log(api: Gateway) -> list[str]:
    return api.log.read_text().splitlines()


# ---- bounds


@pytest.mark.parametrize("user", ["trader1", None])
def test_a_message_of_128_mib_is_refused_and_not_taken_into_memory(api: Gateway, user: str | None) -> None:
    async def scenario() -> None:
        extra = [("authorization", f"Bearer {api.token(user)}")] if user else []
        message = framed(b"\x0a\x80\x80\x80\x40" + b"a" * LONG)
        process = psutil.Process(api.process.pid)
        async with raw_client(api.grpc_port) as client:
            await client.call("/oms.v1.OrderService/PlaceOrder", framed(b""), *extra)
            before = process.memory_info().rss
            most = before
            for _ in range(5):
                streams = [client.ask("/oms.v1.OrderService/PlaceOrder", *extra) for _ in range(10)]
                sent = [asyncio.create_task(client.say(stream, message)) for stream in streams]
                for stream in streams:
                    answer = await client.answer(stream)
                    assert answer.status == Status.RESOURCE_EXHAUSTED.value
                    most = max(most, process.memory_info().rss)
                await asyncio.gather(*sent)
            assert most - before < GROWTH_BYTES_MAX

    asyncio.run(scenario())


def test_streams_that_hold_back_their_messages_do_not_fill_memory(api: Gateway) -> None:
    async def scenario() -> None:
        process = psutil.Process(api.process.pid)
        before = process.memory_info().rss
        async with raw_client(api.grpc_port) as client:
            begun = framed(bytes(60_000), length=65_536)
            streams = [client.ask("/oms.v1.OrderService/PlaceOrder") for _ in range(100)]
            sent = [asyncio.create_task(client.say(stream, begun, end=False)) for stream in streams]
            for stream in streams:
                answer = await client.answer(stream)
                assert answer.status == Status.UNAUTHENTICATED.value
            for task in sent:
                task.cancel()
            assert process.memory_info().rss - before < GROWTH_BYTES_MAX

    asyncio.run(scenario())


def test_a_long_id_is_refused_with_a_short_answer(api: Gateway) -> None:
    async def scenario(stub: OrderServiceStub) -> None:
        for text in ("x" * 5_000, "é" * 5_000, "\n" * 37, "{" * 30_000):
            for work in (
                stub.get_order(GetOrderRequest(order_id=text)),
                stub.cancel_order(CancelOrderRequest(order_id=text)),
            ):
                error = await refused(work, Status.NOT_FOUND)
                assert len(str(error.message)) < 120
        wrong = order(client_order_id="€" * 5_000, symbol="€" * 5_000, limit_price="€" * 5_000)
        error = await refused(stub.place_order(wrong), Status.INVALID_ARGUMENT)
        assert len(str(error.message)) < 600

    called(api, scenario)


@pytest.mark.parametrize("order_id", ["", " ", " x ", "\r\n", "\u2028"])
def test_an_id_of_nothing_is_refused_and_the_connection_lives(api: Gateway, order_id: str) -> None:
    async def scenario() -> None:
        token = ("authorization", f"Bearer {api.token()}")
        message = framed(bytes(GetOrderRequest(order_id=order_id)))
        async with raw_client(api.grpc_port) as client:
            for method in ("GetOrder", "CancelOrder"):
                answer = await client.call(f"/oms.v1.OrderService/{method}", message, token)
                assert answer.status == Status.NOT_FOUND.value

    asyncio.run(scenario())


# ---- what is no message

MALFORMED = {
    "bad UTF-8": "0a02c328",
    "field 0": "00",
    "a varint for a text": "0805",
    "a fixed number for a text": "0d01020304",
    "a group": "0b0c",
    "cut in a number": "ffffffffff",
    "cut in a text": "0affffffff0f",
    "a field that is not there": "fa0701ff",
    "an order cut in its routing": "5205120208",
}


@pytest.mark.parametrize("user", ["trader1", None])
@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_message_is_an_invalid_argument(api: Gateway, user: str | None, data: str) -> None:
    async def scenario() -> None:
        extra = [("authorization", f"Bearer {api.token(user)}")] if user else []
        async with raw_client(api.grpc_port) as client:
            for method in METHODS:
                answer = await client.call(
                    f"/oms.v1.OrderService/{method}", framed(bytes.fromhex(data)), *extra
                )
                expected = Status.INVALID_ARGUMENT if user else Status.UNAUTHENTICATED
                assert (method, answer.status) == (method, expected.value)

    before = len(lines_of_log(api))
    asyncio.run(scenario())
    assert lines_of_log(api)[before:] == []


def test_whatever_bytes_come_the_answer_says_so_and_the_log_says_nothing(api: Gateway) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    good = bytes(order(routing=Routing(profile="staged", avoid=["XNYS"])))
    allowed = {
        status.value
        for status in (
            Status.INVALID_ARGUMENT,
            Status.UNAUTHENTICATED,
            Status.NOT_FOUND,
            Status.UNIMPLEMENTED,
        )
    }

    def bytes_of_chance() -> bytes:
        if chance.random() < 0.5:
            return chance.randbytes(chance.randrange(60))
        changed = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        return bytes(changed[: chance.randrange(len(changed) + 1)])

    async def scenario() -> None:
        token = ("authorization", f"Bearer {api.token()}")
        async with raw_client(api.grpc_port) as client:
            for number in range(600):
                message = bytes_of_chance()
                framing = framed(message) if chance.random() < 0.8 else message
                method = chance.choice(METHODS[:-1])
                extra = [token] if number % 2 else []
                answer = await client.call(f"/oms.v1.OrderService/{method}", framing, *extra)
                what = (method, framing.hex(), answer.status, answer.message)
                expected = {Status.UNIMPLEMENTED.value} | allowed
                if extra and method in ("ListOrders", "PlaceOrder"):
                    expected |= {Status.OK.value, Status.ALREADY_EXISTS.value}
                if framing[1:5] > b"\0\1\0\0":
                    expected |= {Status.RESOURCE_EXHAUSTED.value}
                assert answer.status in expected, what

    before = len(lines_of_log(api))
    asyncio.run(scenario())
    said = lines_of_log(api)[before:]
    assert all(json.loads(line)["event"] != "request_failed" for line in said), said


# ---- the service whole


def test_profit_and_loss_is_what_rest_gives(api: Gateway) -> None:
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO positions VALUES ('ACC-INST-001', 'AAPL', 10, 1000, 25, -975, now(), 1.5)"
            " ON CONFLICT DO NOTHING"
        )
        connection.execute(
            "INSERT INTO cash_settlements VALUES ('ACC-INST-001', current_date + 5, -976.5)"
            " ON CONFLICT DO NOTHING"
        )

    async def scenario(stub: OrderServiceStub) -> None:
        found = await stub.get_pnl(GetPnlRequest(account_id="ACC-INST-001"))
        rest = (await asyncio.to_thread(api.call, "GET", "/api/v1/accounts/ACC-INST-001/pnl")).json
        assert_same(found, rest)
        assert found.positions and found.unsettled
        await refused(stub.get_pnl(GetPnlRequest(account_id="NONE")), Status.NOT_FOUND)

    def assert_same(message: Any, rest: dict[str, Any]) -> None:
        for name, value in rest.items():
            got = getattr(message, "".join(f"_{c.lower()}" if c.isupper() else c for c in name))
            if isinstance(value, list):
                for one, other in zip(got, value, strict=True):
                    assert_same(one, other)
            elif name == "markAt":
                assert value is None
            elif name == "updatedAt":
                assert got == datetime.fromisoformat(value)
            elif name != "asOf":
                assert got == value, name

    called(api, scenario)


def test_an_order_comes_back_with_all_that_rest_gives(api: Gateway) -> None:
    async def scenario(stub: OrderServiceStub) -> None:
        placed = await stub.place_order(
            order(
                channel="ALGO",
                min_quantity=5,
                basket_id="list-1",
                routing=Routing(profile="staged", avoid=["EDGX"]),
            )
        )
        found = await stub.get_order(GetOrderRequest(order_id=placed.order_id))
        rest = (await asyncio.to_thread(api.call, "GET", f"/api/v1/orders/{placed.order_id}")).json
        routing = rest["routing"]
        assert (found.routing.profile, found.routing.avoid) == (routing["profile"], list(routing["avoid"]))
        for name, value in rest.items():
            wire = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
            got = getattr(found, wire)
            if name in ("side", "orderType", "timeInForce", "status", "capacity"):
                got = got.name
            if value is None:
                assert name not in found.to_dict()
            elif name not in ("routing", "createdAt", "updatedAt"):
                assert (name, got) == (name, value)
        assert found.principal == "trader1"
        canceled = await stub.cancel_order(CancelOrderRequest(order_id=placed.order_id, channel="DESK"))
        assert canceled.status is OrderStatus.NEW
        ((payload,),) = await asyncio.to_thread(
            rows, api, "SELECT payload::text FROM order_requests WHERE request_id = %s", canceled.request_id
        )
        assert json.loads(payload)["channel"] == "DESK"

    called(api, scenario)


def test_a_pegged_order_is_placed_read_and_refused_as_over_rest(api: Gateway) -> None:
    async def scenario(stub: OrderServiceStub) -> None:
        peg = PegTerms(type=PegType.PRIMARY, offset="0.02")
        made = order(channel="ALGO", order_type=OrderType.PEGGED, limit_price=None, peg=peg)
        placed = await stub.place_order(made)
        found = await stub.get_order(GetOrderRequest(order_id=placed.order_id))
        assert (found.order_type, found.peg) == (OrderType.PEGGED, peg)
        for wrong in (None, PegTerms(), PegTerms(type=PegType.PRIMARY, offset="-0.02")):
            error = await refused(
                stub.place_order(order(order_type=OrderType.PEGGED, limit_price=None, peg=wrong)),
                Status.INVALID_ARGUMENT,
            )
            assert "peg" in (error.message or "")

    called(api, scenario)


def test_orders_are_listed_by_every_filter_and_by_pages(api: Gateway) -> None:
    async def scenario(stub: OrderServiceStub) -> None:
        began = utc_now() - timedelta(seconds=2)
        placed = [
            (await stub.place_order(order(symbol="WMT", side=Side.BUY if n % 2 else Side.SELL))).order_id
            for n in range(5)
        ]
        newest = placed[::-1]

        async def ids(**wanted: Any) -> list[str]:
            request = ListOrdersRequest(symbol="WMT", **wanted)
            return [found.order_id for found in (await stub.list_orders(request)).orders]

        assert await ids() == newest
        assert await ids(side=Side.BUY) == [placed[3], placed[1]]
        assert await ids(account_id="ACC-INST-001") == newest
        assert await ids(account_id="ACC-RET-001") == []
        assert await ids(principal="trader1") == newest
        assert await ids(principal="trader2") == []
        assert await ids(statuses=[OrderStatus.NEW, OrderStatus.FILLED]) == newest
        assert await ids(statuses=[OrderStatus.FILLED]) == []
        assert await ids(created_from=began) == newest
        assert await ids(created_to=began) == []
        one = await stub.get_order(GetOrderRequest(order_id=placed[2]))
        assert await ids(client_order_id=one.client_order_id) == [placed[2]]
        pages, token = [], ""
        while True:
            page = await stub.list_orders(ListOrdersRequest(symbol="WMT", limit=2, page_token=token))
            pages.append([found.order_id for found in page.orders])
            token = page.next_page_token
            if not token:
                break
        assert pages == [newest[:2], newest[2:4], newest[4:]]
        error = await refused(
            stub.list_orders(
                ListOrdersRequest(
                    limit=201, page_token="x", side=Side.try_value(7), statuses=[OrderStatus.UNSPECIFIED]
                )
            ),
            Status.INVALID_ARGUMENT,
        )
        for name in ("limit", "page_token", "side", "statuses"):
            assert f"{name}: must be" in str(error.message)

    called(api, scenario)


def test_what_is_wrong_is_told_in_googles_details(api: Gateway) -> None:
    async def scenario(stub: OrderServiceStub) -> None:
        bad = order(symbol="NOPE", side=Side.UNSPECIFIED, limit_price="", channel="a b", quantity=-1)
        error = await refused(stub.place_order(bad), Status.INVALID_ARGUMENT)
        info, request = error.details
        assert isinstance(info, ErrorInfo)
        assert (info.reason, info.domain) == ("INVALID_REQUEST", "oms.v1")
        assert isinstance(request, BadRequest)
        assert {found.field for found in request.field_violations} == {
            "symbol",
            "side",
            "limit_price",
            "channel",
            "quantity",
        }
        first = await stub.place_order(order(client_order_id="twice"))
        error = await refused(
            stub.place_order(order(client_order_id="twice", quantity=11)), Status.ALREADY_EXISTS
        )
        assert first.order_id in str(error.message)
        assert [detail.reason for detail in error.details] == ["DUPLICATE_ORDER_ID"]
        error = await refused(stub.get_order(GetOrderRequest(order_id="x")), Status.NOT_FOUND)
        assert [detail.reason for detail in error.details] == ["NOT_FOUND"]

    called(api, scenario)


def test_two_tokens_are_none(api: Gateway) -> None:
    async def scenario() -> None:
        token = ("authorization", f"Bearer {api.token()}")
        async with raw_client(api.grpc_port) as client:
            answer = await client.call("/oms.v1.OrderService/ListOrders", framed(b""), token, token)
            assert answer.status == Status.UNAUTHENTICATED.value

    asyncio.run(scenario())


# ---- grpc's own client


def test_grpcs_own_client_reads_answers_streams_and_refusals(api: Gateway) -> None:
    service = "/oms.v1.OrderService"
    metadata = [("authorization", f"Bearer {api.token()}")]

    def unary(made: Any, method: str, answer: str) -> Any:
        return made.unary_unary(f"{service}/{method}", bytes, message_class(answer).FromString)

    with grpc.insecure_channel(f"127.0.0.1:{api.grpc_port}") as made:
        placed = unary(made, "PlaceOrder", "PlaceOrderResponse")(order(), metadata=metadata, timeout=10)
        get = unary(made, "GetOrder", "Order")
        found = get(GetOrderRequest(order_id=placed.order_id), metadata=metadata, timeout=10)
        assert (found.order_id, found.symbol, found.closed) == (placed.order_id, "MSFT", False)
        follow = made.unary_stream(
            f"{service}/StreamOrders", bytes, message_class("StreamOrdersResponse").FromString
        )
        answers = follow(StreamOrdersRequest(account_id="ACC-INST-003"), metadata=metadata, timeout=2)
        assert next(answers).stream_sequence == 0
        codes = {}
        for name, work in {
            "deadline": lambda: next(answers),
            "long": lambda: get(GetOrderRequest(order_id="x" * 2**24), metadata=metadata),
            "long, no token": lambda: get(GetOrderRequest(order_id="x" * 2**24)),
            "no token": lambda: get(GetOrderRequest(order_id="x")),
            "missing": lambda: get(GetOrderRequest(order_id=str(uuid.uuid4())), metadata=metadata),
            "wrong": lambda: unary(made, "PlaceOrder", "PlaceOrderResponse")(
                PlaceOrderRequest(), metadata=metadata
            ),
        }.items():
            with pytest.raises(grpc.RpcError) as caught:
                work()
            codes[name] = caught.value.code().name
        assert codes == {
            "deadline": "DEADLINE_EXCEEDED",
            "long": "RESOURCE_EXHAUSTED",
            "long, no token": "RESOURCE_EXHAUSTED",
            "no token": "UNAUTHENTICATED",
            "missing": "NOT_FOUND",
            "wrong": "INVALID_ARGUMENT",
        }
        trailers = dict(caught.value.trailing_metadata())
        details = StatusDetails.FromString(trailers["grpc-status-details-bin"])
        assert [detail.TypeName() for detail in details.details] == [
            "google.rpc.ErrorInfo",
            "google.rpc.BadRequest",
        ]
        assert get(GetOrderRequest(order_id=placed.order_id), metadata=metadata).order_id == placed.order_id


# ---- deadlines


def test_what_nobody_waits_for_is_not_stored_and_what_is_being_stored_is(api: Gateway) -> None:
    first, second = order(), order()

    def stored(request: PlaceOrderRequest) -> int:
        found = rows(api, "SELECT count(*) FROM orders WHERE client_order_id = %s", request.client_order_id)
        return int(found[0][0])

    async def scenario(stub: OrderServiceStub) -> None:
        path, token = "/oms.v1.OrderService/PlaceOrder", ("authorization", f"Bearer {api.token()}")
        locking = await psycopg.AsyncConnection.connect(api.dsn)
        async with raw_client(api.grpc_port) as client, locking as connection:
            await connection.execute("LOCK TABLE order_keys IN ACCESS EXCLUSIVE MODE")
            streams = []
            for request in (first, second):
                streams.append(client.ask(path, token, ("grpc-timeout", "700m")))
                await client.say(streams[-1], framed(bytes(request)))
                # The first one is on its way into the store before the second one comes.
                await asyncio.sleep(0.3)
            for stream in streams:
                assert (await client.answer(stream)).status == Status.DEADLINE_EXCEEDED.value
            await connection.rollback()
        await asyncio.to_thread(wait_for, lambda: stored(first) == 1, "the first order")
        # What waited with the second one is stored by now.
        await stub.place_order(order())
        assert await asyncio.to_thread(stored, second) == 0
        assert (await stub.place_order(first)).created is False

    called(api, scenario)


# ---- streaming


def publish(kafka: KafkaSettings, *events: OrderEvent) -> None:
    publisher = Publisher(kafka)
    for item in events:
        publisher.send(Topic.EVENTS.value, str(item.order_id), item, event_id=item.event_id)
    publisher.flush()


async def take(answers: Any, count: int) -> list[StreamOrdersResponse]:
    async with asyncio.timeout(20):
        return [await anext(answers) for _ in range(count)]


def test_an_accounts_events_come_in_order_from_where_the_client_is(
    api: Gateway, kafka: KafkaSettings
) -> None:
    account = "ACC-HF-001"
    store_events(api, *(event(account, number) for number in range(1, 1_201)))

    async def scenario(stub: OrderServiceStub) -> None:
        answers = stub.stream_orders(StreamOrdersRequest(account_id=account, from_sequence=17))
        (begun,) = await take(answers, 1)
        assert (begun.stream_sequence, begun.event) == (17, EventMessage())
        caught = await take(answers, 1_183)
        assert [found.event.stream_sequence for found in caught] == list(range(18, 1_201))
        live = [event(account, number) for number in (1_201, 1_202, 1_203)]
        await asyncio.to_thread(store_events, api, *live)
        await asyncio.to_thread(publish, kafka, live[1], live[0], live[1], live[2])
        assert [found.event for found in await take(answers, 3)] == [
            to_proto(item, EventMessage) for item in live
        ]
        newer = stub.stream_orders(StreamOrdersRequest(account_id=account))
        assert [found.stream_sequence for found in await take(newer, 1)] == [1_203]
        await answers.aclose()
        await newer.aclose()

    called(api, scenario)
    wait_for(lambda: api.metric("oms_api_grpc_streams") == 0, "the streams' end")


@pytest.mark.parametrize(
    ("account", "since", "field"),
    [
        ("ACC-RET-001", None, "account_id"),
        ("ACC-NONE", None, "account_id"),
        ("", None, "account_id"),
        ("ACC-INST-001", 999_999, "from_sequence"),
        ("ACC-INST-001", -1, "from_sequence"),
    ],
)
def test_a_stream_that_cannot_be_is_refused(
    api: Gateway, account: str, since: int | None, field: str
) -> None:
    async def scenario(stub: OrderServiceStub) -> None:
        answers = stub.stream_orders(StreamOrdersRequest(account_id=account, from_sequence=since))
        error = await refused(take(answers, 1), Status.INVALID_ARGUMENT)
        assert str(error.message).startswith(f"{field}: ")

    called(api, scenario)


def test_a_stream_ends_with_its_token(api: Gateway) -> None:
    async def scenario() -> None:
        async with channel(api) as made:
            stub = OrderServiceStub(made, metadata=bearer(api, lifetime_s=3))
            answers = stub.stream_orders(StreamOrdersRequest(account_id="ACC-INST-002"))
            await take(answers, 1)
            error = await refused(take(answers, 1), Status.UNAUTHENTICATED)
            assert error.message == "the token has expired"

    asyncio.run(scenario())


# ---- without a token


def test_health_follows_readiness_and_needs_no_token(api: Gateway) -> None:
    async def scenario() -> None:
        async with channel(api) as made:
            stub = HealthStub(made)
            for service in ("", "oms.v1.OrderService"):
                answer = await stub.Check(HealthCheckRequest(service=service))
                assert answer.status == HealthCheckResponse.SERVING
            await refused(stub.Check(HealthCheckRequest(service="nope")), Status.NOT_FOUND)
            long = HealthCheckRequest(service="x" * 2_000)
            await refused(stub.Check(long), Status.RESOURCE_EXHAUSTED)

    asyncio.run(scenario())


def test_reflection_lists_the_services_and_gives_the_contract(api: Gateway) -> None:
    async def scenario() -> None:
        async with channel(api) as made:
            stub = ServerReflectionStub(made)
            asked = [
                ServerReflectionRequest(list_services=""),
                ServerReflectionRequest(file_containing_symbol="oms.v1.OrderService"),
                ServerReflectionRequest(file_by_filename="oms/v1/types.proto"),
                ServerReflectionRequest(file_by_filename="google/protobuf/timestamp.proto"),
                ServerReflectionRequest(file_containing_symbol="grpc.health.v1.Health"),
                ServerReflectionRequest(file_by_filename="../secret"),
            ]
            listed, *files, missing = await stub.ServerReflectionInfo(asked)
            names = {found.name for found in listed.list_services_response.service}
            assert names == {"oms.v1.OrderService", "grpc.health.v1.Health"}
            for found in files:
                assert FileDescriptorProto.FromString(found.file_descriptor_response.file_descriptor_proto[0])
            methods = FileDescriptorProto.FromString(
                files[0].file_descriptor_response.file_descriptor_proto[0]
            )
            assert {method.name for method in methods.service[0].method} == set(METHODS)
            assert missing.error_response.error_code == Status.NOT_FOUND.value

    asyncio.run(scenario())


def test_a_gateway_that_is_not_ready_says_so_and_names_no_order(
    tmp_path: Any, dsn: str, redis_port: int, kafka: KafkaSettings
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with gateway(tmp_path, dsn, nowhere, redis_port, wait_ready=False) as made:

        async def status() -> int:
            async with channel(made) as to:
                return int((await HealthStub(to).Check(HealthCheckRequest())).status)

        def answered() -> int:
            try:
                return asyncio.run(status())
            except (OSError, GRPCError):
                return 0

        assert wait_for(answered, "an answer of grpc.health") == HealthCheckResponse.NOT_SERVING


def test_a_gateway_that_stops_ends_its_streams_and_is_not_serving(
    tmp_path: Any, dsn: str, redis_port: int, kafka: KafkaSettings
) -> None:
    with gateway(tmp_path, dsn, kafka.bootstrap, redis_port) as made:

        async def scenario(stub: OrderServiceStub) -> None:
            answers = stub.stream_orders(StreamOrdersRequest(account_id="ACC-INST-001"))
            await take(answers, 1)
            made.process.terminate()
            error = await refused(take(answers, 1), Status.UNAVAILABLE)
            info, retry = error.details
            assert info.reason == "UNAVAILABLE"
            assert isinstance(retry, RetryInfo)
            assert retry.retry_delay.seconds == 1

        called(made, scenario)
        made.process.wait(15)
