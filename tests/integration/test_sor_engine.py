"""The SOR as a process, against a real Postgres, Kafka and a gRPC quote stream."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition
from grpclib.client import Channel
from grpclib.exceptions import GRPCError

from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import dead_letter_topic, ensure_topics, read_incarnation
from oms_platform.messages import RoutePlan, RouteRequest
from oms_platform.order_ids import route_id
from oms_platform.proto_bridge import to_proto
from oms_platform.vocabulary import Message, OrderTerms, OrderType, Side, TimeInForce
from oms_platform.wire import Topic, encode
from oms_tools.laptop.parts import wait_until
from proto.gen.oms.v1 import (
    CheckProfileRequest,
    ExplainedRoute,
    ExplainRoutesRequest,
    GetBookRequest,
    MarketDataServiceBase,
    PreviewRouteRequest,
    Quote,
    QuoteBatch,
    SorServiceStub,
    SubscribeQuotesRequest,
    VenueQuote,
    WhatIfRequest,
)
from proto.gen.oms.v1 import RoutePlan as ProtoRoutePlan
from proto.gen.oms.v1 import RouteRequest as ProtoRouteRequest
from sor_engine.adapters.postgres_decisions import decisions_between
from sor_engine.handlers import decide_again, is_proven
from tests.integration.api_rig import gateway, ready
from tests.integration.quote_service import served
from tests.patience import EVENTUALLY_S
from tests.ports import free_port


def until(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what, EVENTUALLY_S)


def book(symbol: str = "AAPL", sequence: int = 1) -> Quote:
    return Quote(
        symbol=symbol,
        sequence=sequence,
        national_best_bid="227.40",
        national_best_offer="227.42",
        quoted_at=utc_now(),
        venues=[
            VenueQuote(
                venue_id=name,
                bid_prices=["227.40", "227.39"],
                bid_sizes=[100, 200],
                ask_prices=["227.42", "227.43"],
                ask_sizes=[100, 200],
            )
            for name in ("XNYS", "XNAS", "ARCX", "BATS", "EDGX")
        ],
    )


class QuoteService(MarketDataServiceBase):
    """Streams the book of AAPL while `streams`, and answers every question."""

    def __init__(self) -> None:
        self.streams = True
        self.questions = 0

    async def get_book(self, get_book_request: GetBookRequest) -> Quote:
        self.questions += 1
        return book(get_book_request.symbol)

    async def stream_quotes(
        self, subscribe_quotes_request: SubscribeQuotesRequest
    ) -> AsyncIterator[QuoteBatch]:
        sequence = 0
        while True:
            sequence += 1
            if self.streams:
                yield QuoteBatch(quotes=[book(sequence=sequence)])
            await asyncio.sleep(0.1)


@pytest.fixture
def market_data() -> Iterator[tuple[QuoteService, int]]:
    """A running quote service and its port."""
    service = QuoteService()
    with served(service) as port:
        yield service, port


class Stage:
    """The parts around the SOR, and the SOR as a process."""

    def __init__(self, folder: Path, dsn: str, kafka: KafkaSettings, port: int, stack: ExitStack) -> None:
        self.folder, self.dsn, self.kafka, self._stack = folder, dsn, kafka, stack
        self.health_port = free_port()
        self._answers_port = 0
        self.answers: subprocess.Popen[bytes] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._market_data_port = port
        ensure_topics(kafka)
        self.publisher = Publisher(kafka)
        self.plans: list[RoutePlan] = []
        self._routed = BatchConsumer(
            kafka,
            group="test",
            topics=[Topic.ROUTED],
            incarnation=read_incarnation(kafka),
            load_offsets=lambda _name, _places: {},
        )
        stack.callback(self._routed.close)
        stack.callback(self.end)
        stack.callback(self.end_answers)

    def start(self) -> None:
        """Start the SOR and wait until it is ready."""
        self.process = self._started([], OMS_SOR_HEALTH_PORT=str(self.health_port))
        until(lambda: ready(self.health_port), "the SOR")

    @property
    def grpc_port(self) -> int:
        """Where sor-answers answers; it is started when somebody asks first."""
        if self.answers is None:
            health_port, self._answers_port = free_port(), free_port()
            self.answers = self._started(
                ["answer"],
                OMS_SOR_ANSWERS_HEALTH_PORT=str(health_port),
                OMS_SOR_ANSWERS_GRPC_PORT=str(self._answers_port),
            )
            until(lambda: ready(health_port), "sor-answers")
        return self._answers_port

    def _started(self, command: list[str], **ports: str) -> subprocess.Popen[bytes]:
        self._starts += 1
        environment = (
            os.environ
            | ports
            | {
                "OMS_POSTGRES_DSN": self.dsn,
                "OMS_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
                "OMS_MARKET_DATA_HOST": "127.0.0.1",
                "OMS_MARKET_DATA_PORT": str(self._market_data_port),
                "OMS_SOR_QUOTE_AGE_MS_MAX": "1000",
            }
        )
        log = self._stack.enter_context((self.folder / f"sor-{self._starts}.log").open("wb"))
        return subprocess.Popen(
            [sys.executable, "-m", "sor_engine", *command], env=environment, stdout=log, stderr=log
        )

    def end(self, how: int = signal.SIGKILL) -> int:
        """End the SOR. Returns its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(20)
        self.process = None
        return code

    def end_answers(self, how: int = signal.SIGKILL) -> int:
        """End sor-answers. Returns its exit code."""
        if self.answers is None:
            return 0
        self.answers.send_signal(how)
        return self.answers.wait(20)

    def publish(self, *messages: Message) -> None:
        """Put messages on orders.validated."""
        for message in messages:
            self.publisher.send(Topic.VALIDATED.value, str(message.order_id), message, event_id=uuid7())
        self.publisher.flush()

    def plans_of(self, request: RouteRequest) -> list[RoutePlan]:
        """Return the plans published for a request so far."""
        self.plans += [record.message for record in self._routed.poll(timeout_s=0.05).records]
        return [plan for plan in self.plans if plan.route_id == request.route_id]

    def audit(self) -> dict[object, bytes]:
        """Return the stored plans by order."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return dict(connection.execute("SELECT order_id, plan FROM route_audit").fetchall())

    def explained(self, asked: RouteRequest) -> list[ExplainedRoute]:
        """Return what the service says of an order's routes."""

        async def ask() -> list[ExplainedRoute]:
            channel = Channel("127.0.0.1", self.grpc_port)
            try:
                sor = SorServiceStub(channel)
                answer = await sor.explain_routes(ExplainRoutesRequest(order_id=str(asked.order_id)))
                return answer.routes
            finally:
                channel.close()

        return asyncio.run(ask())


@pytest.fixture
def stage(
    tmp_path: Path,
    dsn: str,
    memory_kafka: KafkaSettings,
    market_data: tuple[QuoteService, int],
    cleanup: ExitStack,
) -> Stage:
    return Stage(tmp_path, dsn, memory_kafka, market_data[1], cleanup)


def request(symbol: str = "AAPL", quantity: int = 250, limit: int = 227_420_000) -> RouteRequest:
    order_id = uuid7()
    return RouteRequest(
        route_id=route_id(order_id, 1),
        order_id=order_id,
        attempt=1,
        quantity=quantity,
        requested_at=utc_now(),
        terms=OrderTerms(
            account_id="ACC-INST-001",
            channel="REST",
            client_order_id=str(order_id),
            symbol=symbol,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.DAY,
            quantity=1_000_000,
            limit_price_micros=limit,
        ),
    )


def test_a_request_becomes_a_stored_and_published_plan_that_is_explained_when_asked(stage: Stage) -> None:
    stage.start()
    asked = request()
    stage.publish(asked)
    until(lambda: bool(stage.plans_of(asked)), "the plan")
    (plan,) = stage.plans_of(asked)
    assert sum(child.quantity for child in plan.children) == 250
    assert {child.limit_price_micros for child in plan.children} == {227_420_000}
    assert plan.terms == asked.terms
    assert stage.audit() == {plan.order_id: encode(plan)}
    (route,) = stage.explained(asked)
    assert route.proven
    assert route.plan == to_proto(plan, ProtoRoutePlan)
    assert len(route.explanation.venues) == 6
    for venue in route.explanation.venues:
        assert Decimal(venue.score) == sum((Decimal(term.contribution) for term in venue.terms), Decimal(0))
        assert venue.reason
    with psycopg.connect(stage.dsn, autocommit=True) as connection:
        forged = encode(plan).replace(b'"venueId":"', b'"venueId":"X')
        connection.execute("UPDATE route_audit SET plan = %s", (forged,))
    assert not stage.explained(asked)[0].proven
    assert stage.end(signal.SIGTERM) == 0


def test_a_decision_comes_out_the_same_from_what_the_audit_kept(stage: Stage) -> None:
    stage.start()
    requests = [request(quantity=100 + number) for number in range(20)]
    stage.publish(*requests)
    until(lambda: all(stage.plans_of(asked) for asked in requests), "every plan")
    with psycopg.connect(stage.dsn, autocommit=True) as connection:
        stored = list(decisions_between(connection, utc_now() - timedelta(hours=1), utc_now()))
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM route_books), (SELECT count(*) FROM route_references)"
        ).fetchone()
    assert len(stored) == 20
    for decided in stored:
        assert is_proven(decided, decide_again(decided))
    # A book and a reference are kept once for all that stood on them.
    assert counts is not None
    assert counts[0] < 20
    assert counts[1] == 1


def test_the_service_answers_previews_and_refuses_what_makes_no_sense(stage: Stage) -> None:
    stage.start()

    async def ask() -> None:
        channel = Channel("127.0.0.1", stage.grpc_port)
        sor = SorServiceStub(channel)
        try:
            asked = to_proto(request(quantity=300), ProtoRouteRequest)
            answer = await sor.preview_route(PreviewRouteRequest(request=asked))
            assert sum(child.quantity for child in answer.plan.children) == 300
            assert answer.explanation.expected_quantity == 300
            asked.quantity = 0
            with pytest.raises(GRPCError, match="whole number of shares"):
                await sor.preview_route(PreviewRouteRequest(request=asked))
            with pytest.raises(GRPCError, match="no route attempt"):
                await sor.what_if(WhatIfRequest(order_id=str(uuid7()), attempt=1))
            with pytest.raises(GRPCError, match="has no route"):
                await sor.explain_routes(ExplainRoutesRequest(order_id=str(uuid7())))
            with pytest.raises(GRPCError, match="must be a UUID"):
                await sor.explain_routes(ExplainRoutesRequest(order_id="x"))
            with pytest.raises(GRPCError, match="must be a UUID"):
                await sor.what_if(WhatIfRequest(order_id="x", attempt=1))
            problems = await sor.check_profile(CheckProfileRequest(name="p", settings_json="[]"))
            assert problems.problems == ["settings must be a JSON object"]
        finally:
            channel.close()

    asyncio.run(ask())
    assert stage.audit() == {}
    assert stage.end_answers(signal.SIGTERM) == 0


def test_without_answers_orders_are_routed_and_rest_refuses_questions_alone(
    stage: Stage, redis_port: int
) -> None:
    stage.start()
    settings = {"OMS_API_SOR_PORT": str(stage.grpc_port)}
    with gateway(stage.folder, stage.dsn, stage.kafka.bootstrap, redis_port, **settings) as api:
        assert api.call("GET", "/api/v1/venues/scorecards").status == 200
        stage.end_answers()
        asked = request()
        stage.publish(asked)
        until(lambda: bool(stage.plans_of(asked)), "the plan")
        refused = api.call("GET", "/api/v1/venues/scorecards")
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert refused.json["detail"] == "sor-answers is away"
        placed = api.place()
        assert placed.status == 201
        routes = api.call("GET", f"/api/v1/orders/{placed.json['orderId']}/routes")
        assert (routes.status, routes.json["routes"]) == (200, [])
    assert len(stage.plans_of(asked)) == 1


def test_a_venue_that_is_down_or_closed_is_left_out_and_comes_back(stage: Stage) -> None:
    stage.start()

    def reasons() -> dict[str, str]:
        asked = request()
        stage.publish(asked)
        until(lambda: bool(stage.plans_of(asked)), "the plan")
        (plan,) = stage.plans_of(asked)
        (route,) = stage.explained(asked)
        found = {venue.venue_id: venue.reason for venue in route.explanation.venues}
        closed = {name for name, reason in found.items() if reason.startswith(("DOWN", "REJECTING"))}
        assert not closed & {child.venue_id for child in plan.children}
        return found

    with psycopg.connect(stage.dsn, autocommit=True) as connection:
        now = utc_now()
        connection.execute("INSERT INTO fix_sessions VALUES ('XNYS', false, %s)", (now,))
        connection.execute(
            "INSERT INTO venue_scorecards VALUES ('BATS', '{}', 'REJECTING: rejects=6, of=8', %s, %s)",
            (now + timedelta(minutes=1), now),
        )
        until(lambda: reasons()["XNYS"].startswith("DOWN"), "the session's state in decisions")
        assert reasons()["BATS"].startswith("REJECTING: rejects=6")
        connection.execute("UPDATE fix_sessions SET up = true")
        connection.execute("UPDATE venue_scorecards SET closed_reason = '', closed_until = NULL")
    until(lambda: not reasons()["XNYS"].startswith("DOWN"), "the venue's return")
    assert not reasons()["BATS"].startswith("REJECTING")


def test_a_repeated_request_gets_the_plan_of_the_first_also_after_a_kill(stage: Stage) -> None:
    stage.start()
    asked = request()
    stage.publish(asked, asked)
    until(lambda: bool(stage.plans_of(asked)), "the plan")
    stage.end()
    stage.start()
    stage.publish(msgspec.structs.replace(asked, quantity=100))
    marker = request()
    stage.publish(marker)
    until(lambda: bool(stage.plans_of(marker)), "the marker's plan")
    until(lambda: len(stage.plans_of(asked)) >= 2, "the plan again")
    assert {encode(plan) for plan in stage.plans_of(asked)} == {stage.audit()[asked.order_id]}


def test_a_symbol_without_a_streamed_quote_is_asked_for(
    stage: Stage, market_data: tuple[QuoteService, int]
) -> None:
    stage.start()
    asked = request("MSFT", limit=500_000_000)
    stage.publish(asked)
    until(lambda: bool(stage.plans_of(asked)), "the plan")
    assert market_data[0].questions >= 1
    assert stage.plans_of(asked)[0].children


def test_poison_goes_to_the_dead_letters_and_is_answered_and_the_rest_go_on(stage: Stage) -> None:
    stage.start()
    bad, unstorable, good = request(quantity=0), request(), request()
    # An order id of another century has no partition to go to.
    unstorable = msgspec.structs.replace(unstorable, order_id=type(unstorable.order_id)(int=0))
    stage.publish(bad, unstorable)
    stage.publisher.send_encoded(Topic.VALIDATED.value, "x", "RouteRequest", b"{}", event_id=uuid7())
    stage.publish(good)
    until(lambda: bool(stage.plans_of(good)), "the good plan")
    consumer = Consumer({"bootstrap.servers": stage.kafka.bootstrap, "group.id": "dead"})
    topic = dead_letter_topic(Topic.VALIDATED.value)

    def dead() -> int:
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=10)[1] for n in range(4))

    until(lambda: dead() == 3, "three dead letters")
    consumer.close()
    assert list(stage.audit()) == [good.order_id]
    for asked, code in ((bad, "INVALID_REQUEST"), (unstorable, "UNSTORABLE_ROUTE")):
        until(lambda asked=asked: bool(stage.plans_of(asked)), "the answer")
        (answer,) = stage.plans_of(asked)
        assert answer.children == ()
        assert answer.reason.startswith(f"{code}: ")
        assert not answer.no_data


def test_killed_under_load_every_request_is_planned_once(stage: Stage) -> None:
    stage.start()
    requests = [request(quantity=10 + number) for number in range(600)]
    for start in range(0, 600, 200):
        stage.publish(*requests[start : start + 200])
        until(lambda start=start: len(stage.audit()) > start, "some plans")
        stage.end()
        stage.start()
    until(lambda: all(stage.plans_of(asked) for asked in requests), "every plan")
    audit = stage.audit()
    assert len(audit) == 600
    for plan in stage.plans:
        assert encode(plan) == audit[plan.order_id]
