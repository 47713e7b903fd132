"""What the gateway asks the router and the cores, against stubs that answer as the contract says."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from grpclib.server import Server

from oms_api.adapters import sor_router
from oms_api.adapters.sor_router import CoreRisk, SorRouter
from oms_api.entrypoints.answers import encode
from oms_api.ports import RoutingRefusedError, StoredRoute, UnavailableError, WhatIf
from oms_api.routing_handlers import handle_get_routes
from oms_platform.ids import uuid7
from oms_platform.kafka.topics import murmur2_partition
from oms_platform.messages import RouteExplanation, RoutePlan, RouteRequest
from oms_platform.order_ids import route_id
from oms_platform.proto_bridge import from_proto, to_proto
from oms_platform.vocabulary import ChildTerms, OrderTerms, OrderType, Side, TimeInForce
from oms_platform.wire import encode as encode_message
from proto.gen.oms import v1
from tests.ingest import submit_order
from tests.ports import free_port

AT = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
ORDER = submit_order(min_quantity=40)
TERMS = ORDER.terms
EXPLANATION = RouteExplanation(
    profile="default",
    profile_version=3,
    summary="all to XNAS",
    expected_quantity=100,
    expected_notional=Decimal("10000.00"),
    expected_fee=Decimal("0.3"),
)


def plan(attempt: int = 1, venue: str = "XNAS") -> RoutePlan:
    child = ChildTerms(
        order_id=ORDER.order_id,
        cl_ord_id=f"c-{attempt}-1",
        attempt=attempt,
        leg=1,
        account_id=TERMS.account_id,
        venue_id=venue,
        symbol=TERMS.symbol,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity=100,
        limit_price_micros=100_000_000,
        min_quantity=40,
    )
    return RoutePlan(
        route_id=route_id(ORDER.order_id, attempt),
        order_id=ORDER.order_id,
        attempt=attempt,
        quantity=100,
        received_at=AT,
        decided_at=AT,
        terms=TERMS,
        children=(child,),
    )


class Sor(v1.SorServiceBase):
    """A router that answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.explained: list[v1.ExplainedRoute] = []
        self.again = plan()
        self.refusal: GRPCError | None = None

    def _note(self, request: Any) -> None:
        self.asked.append(request)
        if self.refusal is not None:
            raise self.refusal

    async def preview_route(self, request: v1.PreviewRouteRequest) -> v1.PreviewRouteResponse:
        self._note(request)
        return v1.PreviewRouteResponse(
            plan=to_proto(plan(), v1.RoutePlan), explanation=to_proto(EXPLANATION, v1.RouteExplanation)
        )

    async def what_if(self, request: v1.WhatIfRequest) -> v1.WhatIfResponse:
        self._note(request)
        explanation = to_proto(EXPLANATION, v1.RouteExplanation)
        return v1.WhatIfResponse(
            stored=to_proto(plan(), v1.RoutePlan),
            again=to_proto(self.again, v1.RoutePlan),
            changed=to_proto(plan(venue="ARCX"), v1.RoutePlan),
            again_explanation=explanation,
            changed_explanation=explanation,
        )

    async def explain_routes(self, request: v1.ExplainRoutesRequest) -> v1.ExplainRoutesResponse:
        self._note(request)
        return v1.ExplainRoutesResponse(routes=self.explained)


def ask_sor(sor: Sor, question: Callable[[SorRouter], Awaitable[Any]]) -> Any:
    """Run a router and ask it."""

    async def scenario() -> Any:
        server, port = Server([sor]), free_port()
        await server.start("127.0.0.1", port)
        router = SorRouter("127.0.0.1", port)
        try:
            return await question(router)
        finally:
            router.close()
            server.close()
            await server.wait_closed()

    return asyncio.run(scenario())


def read(raw: Any) -> Any:
    return json.loads(bytes(raw))


def test_a_preview_asks_with_the_whole_terms_and_answers_plan_and_explanation_in_one() -> None:
    sor = Sor()
    request = RouteRequest(
        route_id=uuid7(), order_id=uuid7(), attempt=1, quantity=100, requested_at=AT, terms=TERMS
    )
    answer = read(ask_sor(sor, lambda router: router.preview(request)))
    (asked,) = sor.asked
    assert from_proto(asked.request, RouteRequest) == request
    assert answer.pop("explanation") == json.loads(encode_message(EXPLANATION))
    assert answer == json.loads(encode_message(plan()))
    assert answer["children"][0]["minQuantity"] == 40


@pytest.mark.parametrize("same", [True, False])
def test_what_was_stored_has_the_explanation_of_deciding_again_only_if_that_gives_the_same(
    same: bool,
) -> None:
    sor = Sor()
    sor.again = plan() if same else plan(venue="EDGX")
    question = WhatIf(order_id=ORDER.order_id, attempt=1)
    answer = {name: read(raw) for name, raw in ask_sor(sor, lambda router: router.what_if(question)).items()}
    explained = json.loads(encode_message(EXPLANATION))
    assert answer["stored"]["explanation"] == (explained if same else None)
    assert answer["again"]["explanation"] == answer["changed"]["explanation"] == explained
    assert answer["changed"]["children"][0]["venueId"] == "ARCX"


class Reader:
    """The routes that are stored."""

    def __init__(self, *attempts: int) -> None:
        self._attempts = attempts

    async def routes(self, _order_id: UUID) -> list[StoredRoute]:
        return [
            StoredRoute(
                attempt=attempt,
                route_id=route_id(ORDER.order_id, attempt),
                decided_at=AT,
                plan=encode_message(plan(attempt)),
                children=[],
            )
            for attempt in self._attempts
        ]


def routes(sor: Sor, *attempts: int) -> list[dict[str, Any]]:
    """Return an order's routes as REST shows them."""
    reader: Any = Reader(*attempts)
    found = ask_sor(sor, lambda router: handle_get_routes(reader, router, ORDER.order_id))
    shown: list[dict[str, Any]] = json.loads(encode(found))
    return shown


def test_routes_are_explained_by_the_router_and_one_whose_inputs_are_gone_says_so() -> None:
    sor = Sor()
    sor.explained = [
        v1.ExplainedRoute(
            plan=to_proto(plan(1), v1.RoutePlan),
            explanation=to_proto(EXPLANATION, v1.RouteExplanation),
            proven=True,
        ),
        v1.ExplainedRoute(plan=to_proto(plan(2), v1.RoutePlan)),
    ]
    first, second, third = routes(sor, 1, 2, 3)
    assert first["plan"]["explanation"] == json.loads(encode_message(EXPLANATION))
    assert (first["proven"], first["explanationProblem"]) == (True, "")
    assert first["plan"]["children"][0]["clOrdId"] == "c-1-1"
    for route in (second, third):
        assert (route["plan"]["explanation"], route["proven"]) == (None, None)
        assert route["explanationProblem"] == "its inputs are no longer kept"
    assert [asked.order_id for asked in sor.asked] == [str(ORDER.order_id)]


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (GRPCError(Status.UNAVAILABLE, "starting"), "sor-answers cannot answer"),
        (GRPCError(Status.NOT_FOUND, "no such order"), "no such order"),
        (GRPCError(Status.INTERNAL, "a bug"), "sor-answers cannot answer"),
    ],
)
def test_a_router_that_cannot_answer_costs_the_explanation_and_nothing_else(
    refusal: GRPCError, told: str
) -> None:
    sor = Sor()
    sor.refusal = refusal
    (route,) = routes(sor, 1)
    assert (route["plan"]["explanation"], route["proven"]) == (None, None)
    assert route["explanationProblem"] == told
    assert route["plan"]["children"][0]["venueId"] == "XNAS"


def test_an_order_that_was_never_routed_asks_nobody() -> None:
    sor = Sor()
    assert routes(sor) == []
    assert sor.asked == []


def test_a_refusal_of_the_router_keeps_its_words() -> None:
    sor = Sor()
    sor.refusal = GRPCError(Status.INVALID_ARGUMENT, "weights must be a JSON object")
    with pytest.raises(RoutingRefusedError, match="weights must be"):
        ask_sor(sor, lambda router: router.what_if(WhatIf(order_id=ORDER.order_id, attempt=1)))


# ---- whose core is asked


class Risk(v1.RiskServiceBase):
    """A core that accepts, and says by its denial's text which one it is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[v1.CheckRiskRequest] = []

    async def check_risk(self, request: v1.CheckRiskRequest) -> v1.CheckRiskResponse:
        self.asked.append(request)
        return v1.CheckRiskResponse(
            accepted=False, denial=self.name, checks=[v1.RiskCheck("limit", "1", "2", True)]
        )


def with_cores(scenario: Callable[[dict[str, Risk], dict[str, int]], Awaitable[None]]) -> None:
    """Run two cores, and a third that is asked when no owner is written."""

    async def run() -> None:
        cores = {name: Risk(name) for name in ("one", "two", "fallback")}
        ports = {name: free_port() for name in cores}
        servers = {name: Server([core]) for name, core in cores.items()}
        for name, server in servers.items():
            await server.start("127.0.0.1", ports[name])
        try:
            await scenario(cores, ports)
        finally:
            for server in servers.values():
                server.close()
                await server.wait_closed()

    asyncio.run(run())


def terms_of(account_id: str) -> OrderTerms:
    return submit_order(account_id=account_id, client_order_id=str(uuid.uuid4())).terms


ACCOUNTS = ["ACC-INST-001", "ACC-INST-002", "ACC-HF-001", "ACC-HF-002", "ACC-RET-001", "ACC-RET-002"]


def test_a_risk_question_reaches_the_core_that_owns_the_account() -> None:
    async def scenario(cores: dict[str, Risk], ports: dict[str, int]) -> None:
        owners = {n: f"127.0.0.1:{ports['one' if n % 2 else 'two']}" for n in range(4)}

        async def read_owners() -> dict[int, str]:
            return owners

        desk = CoreRisk("127.0.0.1", ports["fallback"], partitions=4, owners=read_owners)
        for account in ACCOUNTS:
            terms = terms_of(account)
            owner = "one" if murmur2_partition(account.encode(), 4) % 2 else "two"
            verdict = await desk.verdict(terms)
            assert verdict.denial == owner
            asked = cores[owner].asked[-1]
            assert (asked.account_id, from_proto(asked.terms, OrderTerms)) == (account, terms)
        assert cores["fallback"].asked == []
        assert {bool(cores[name].asked) for name in ("one", "two")} == {True}
        desk.close()

    with_cores(scenario)


def test_without_owners_the_address_of_the_settings_is_asked() -> None:
    async def scenario(_cores: dict[str, Risk], ports: dict[str, int]) -> None:
        async def nobody() -> dict[int, str]:
            return {}

        desk = CoreRisk("127.0.0.1", ports["fallback"], partitions=4, owners=nobody)
        assert (await desk.verdict(TERMS)).denial == "fallback"
        desk.close()

    with_cores(scenario)


def test_a_core_that_is_gone_is_an_error_and_its_successor_is_asked_next() -> None:
    async def scenario(_cores: dict[str, Risk], ports: dict[str, int]) -> None:
        owners = dict.fromkeys(range(4), f"127.0.0.1:{free_port()}")

        async def read_owners() -> dict[int, str]:
            return owners

        desk = CoreRisk("127.0.0.1", ports["fallback"], partitions=4, owners=read_owners)
        with pytest.raises(UnavailableError, match="oms-core is away"):
            await desk.verdict(TERMS)
        owners = dict.fromkeys(range(4), f"127.0.0.1:{ports['two']}")
        assert (await desk.verdict(TERMS)).denial == "two"
        desk.close()

    with_cores(scenario)


def test_owners_are_not_read_for_every_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sor_router, "OWNERS_KNOWN_S", 3600.0)

    async def scenario(_cores: dict[str, Risk], ports: dict[str, int]) -> None:
        reads = 0

        async def read_owners() -> dict[int, str]:
            nonlocal reads
            reads += 1
            return {}

        desk = CoreRisk("127.0.0.1", ports["fallback"], partitions=4, owners=read_owners)
        for account in ACCOUNTS:
            await desk.verdict(terms_of(account))
        assert reads == 1
        desk.close()

    with_cores(scenario)
