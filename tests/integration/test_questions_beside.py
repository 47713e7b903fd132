"""Questions beside the router: one caller's flood and one slow question leave the others' answered."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from oms_platform.clock import utc_now
from oms_platform.grpc_door import GrpcDoor
from oms_platform.kafka.settings import KafkaSettings
from proto.gen.oms import v1
from sor_engine.adapters.postgres_quality import PostgresQualityReader
from sor_engine.entrypoints import grpc as sor_grpc
from sor_engine.entrypoints.grpc import SorService
from sor_engine.entrypoints.question_budget import QuestionBudget
from sor_engine.handlers import Changes, decide_again
from sor_engine.ports import Decided, KeptRoute, QualityEvidence, QualityScope, VenueScorecard
from tests.integration.api_rig import Gateway, Reply, gateway
from tests.integration.quote_service import served
from tests.patience import EVENTUALLY_S
from tests.ports import free_port
from tests.unit.sor_engine.test_handlers import QUOTE, REFERENCE, FixedQuotes, context, live, request


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + EVENTUALLY_S
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.005)


class Audit:
    """One stored decision, whatever is asked for."""

    def __init__(self) -> None:
        self._decided = live(request(quantity=100)).decided

    def decided(self, _order_id: UUID, _attempt: int) -> Decided:
        return self._decided

    def routes(self, _order_id: UUID) -> list[KeptRoute]:
        return []

    def scorecards(self) -> list[VenueScorecard]:
        return []


class NoQuality:
    """Nothing to measure."""

    def evidence(self, scope: QualityScope) -> AbstractContextManager[QualityEvidence]:
        raise NotImplementedError


# ---- sor-answers' own budget


def test_what_ifs_that_compute_for_long_leave_a_place_and_the_next_are_refused(
    monkeypatch: pytest.MonkeyPatch, cleanup: ExitStack
) -> None:
    go, begun = threading.Event(), threading.Semaphore(0)
    cleanup.callback(go.set)

    def slow(stored: Decided, changes: Changes = Changes()) -> Any:  # noqa: B008
        if changes.strategy == "slow":
            begun.release()
            assert go.wait(EVENTUALLY_S)
        return decide_again(stored)

    monkeypatch.setattr(sor_grpc, "decide_again", slow)
    quotes = FixedQuotes(QUOTE, 0.0)
    port = free_port()
    service = SorService(lambda: REFERENCE, context(quotes), Audit(), NoQuality(), QuestionBudget(2, 2))
    door = GrpcDoor([service], "127.0.0.1", port)
    door.start()
    cleanup.callback(door.stop)

    async def scenario() -> None:
        channel = Channel("127.0.0.1", port)
        sor = v1.SorServiceStub(channel, timeout=EVENTUALLY_S)
        order = "01900000-0000-7000-8000-0000deadbeef"

        def what_if(strategy: str = "") -> "asyncio.Task[v1.WhatIfResponse]":
            asked = v1.WhatIfRequest(order_id=order, attempt=1, strategy=strategy)
            return asyncio.ensure_future(sor.what_if(asked))

        first = what_if("slow")
        await asyncio.to_thread(begun.acquire)
        # The other place answers whoever comes, one after the other.
        for _ in range(20):
            assert (await what_if()).again == (await what_if()).again
        second = what_if("slow")
        await asyncio.to_thread(begun.acquire)
        waiting = [what_if(), what_if()]
        await asyncio.sleep(0)
        refused = 0
        while not refused:
            # Those that wait may still be on their way: who comes in before them waits too, for a moment.
            asked = v1.WhatIfRequest(order_id=order, attempt=1)
            try:
                await sor.what_if(asked, timeout=0.2)
            except GRPCError as error:
                assert error.status in (Status.RESOURCE_EXHAUSTED, Status.DEADLINE_EXCEEDED)
                refused += error.status is Status.RESOURCE_EXHAUSTED
            except TimeoutError:
                continue
        go.set()
        for task in (first, second, *waiting):
            assert (await task).again.children
        channel.close()

    asyncio.run(asyncio.wait_for(scenario(), 3 * EVENTUALLY_S))


def test_a_what_if_is_bounded_before_any_work() -> None:
    many = [f"V{number}" for number in range(101)]
    asked = (
        v1.WhatIfRequest(weights_json="{" + " " * 20_000 + "}"),
        v1.WhatIfRequest(without=many),
        v1.WhatIfRequest(fees=[v1.Fees(venue_id=name, add_fee="0", remove_fee="0") for name in many]),
    )
    for one in asked:
        with pytest.raises(GRPCError, match="at most"):
            sor_grpc.read_changes(one, None)


# ---- the gateway's


class Answers(v1.SorServiceBase):
    """sor-answers whose answers wait until they are let go, or are refused."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun: list[str] = []
        self.refusal: GRPCError | None = None

    async def check_profile(self, request: v1.CheckProfileRequest) -> v1.CheckProfileResponse:
        return v1.CheckProfileResponse()

    async def get_scorecards(self, request: v1.GetScorecardsRequest) -> v1.Scorecards:
        self.begun.append("scorecards")
        if self.refusal is not None:
            raise self.refusal
        assert await asyncio.to_thread(self.go.wait, EVENTUALLY_S)
        return v1.Scorecards()


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def api(
    tmp_path: Path,
    dsn: str,
    memory_kafka: KafkaSettings,
    redis_port: int,
    answers: Answers,
    cleanup: ExitStack,
) -> Iterator[Gateway]:
    port = cleanup.enter_context(served(answers))
    settings = {"OMS_API_SOR_PORT": str(port), "OMS_API_QUESTION_RATE_BURST": "30"}
    settings["OMS_API_QUESTION_RATE_PER_S"] = "1"
    with gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port, **settings) as made:
        yield made


def test_a_flood_of_questions_by_one_caller_leaves_another_answered(api: Gateway, answers: Answers) -> None:
    path = "/api/v1/venues/scorecards"
    with ThreadPoolExecutor(12) as callers:
        flood: list[Future[Reply]] = [callers.submit(api.call, "GET", path) for _ in range(10)]
        # Two of them are asked, eight are told to come later, while nothing is answered.
        until(lambda: sum(one.done() for one in flood) == 8)
        until(lambda: len(answers.begun) == 2)
        for refused in (one.result() for one in flood if one.done()):
            assert (refused.status, refused.headers["retry-after"]) == (429, "1")
            assert refused.json["code"] == "RATE_LIMITED"
        other = callers.submit(api.call, "GET", path, user="trader2")
        until(lambda: len(answers.begun) == 3)
        # What asks nobody is answered as ever, to the flood's caller too.
        assert api.place().status == 201
        answers.go.set()
        assert other.result(EVENTUALLY_S).status == 200
        assert sorted(one.result(EVENTUALLY_S).status for one in flood) == [200, 200, *[429] * 8]
    # Places are given back; then the rate of questions is used up, which is no other rate.
    statuses = [api.call("GET", path).status for _ in range(25)]
    assert statuses[0] == 200 and 429 in statuses
    refused = api.call("GET", path)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["ratelimit-policy"].startswith('"question-rate"')
    assert api.call("GET", path, user="trader2").status == 200
    assert api.call("GET", "/api/v1/orders").status == 200


def test_answers_that_have_too_much_to_do_are_asked_again_later(api: Gateway, answers: Answers) -> None:
    answers.refusal = GRPCError(Status.RESOURCE_EXHAUSTED, "too many questions at once, ask again later")
    refused = api.call("GET", "/api/v1/venues/scorecards")
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert refused.json["code"] == "RATE_LIMITED"
    answers.refusal = GRPCError(Status.INTERNAL, "a bug")
    assert api.call("GET", "/api/v1/venues/scorecards").status == 503


# ---- execution quality


def test_a_report_of_too_many_orders_or_that_takes_too_long_says_to_narrow_it(
    dsn: str,
) -> None:
    now = utc_now()
    asked = v1.GetExecutionQualityRequest(
        since=now - timedelta(hours=1), until=now, every_account=True, cut="venue", lines_max=5
    )

    def service(reader: Any) -> SorService:
        return SorService(
            lambda: REFERENCE, context(FixedQuotes(QUOTE, 0.0)), Audit(), reader, QuestionBudget(1, 1)
        )

    found = service(PostgresQualityReader(dsn, 5.0))._measure(asked)
    assert found.report_json.startswith('{"cut":"venue"')

    class Many:
        def orders(self, most: int) -> int:
            return most

        def evidence(self, _scope: QualityScope) -> Any:
            return self

        def __enter__(self) -> "Many":
            return self

        def __exit__(self, *_: object) -> None:
            return None

    class Slow(Many):
        def orders(self, most: int) -> int:
            raise TimeoutError

    for reader in (Many(), Slow()):
        with pytest.raises(GRPCError, match="narrow from, to, accountId, symbol or side") as refused:
            service(reader)._measure(asked)
        assert refused.value.status is Status.FAILED_PRECONDITION
