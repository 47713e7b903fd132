"""The router's loop in one thread: what it stores, publishes and answers, batch by batch."""

import msgspec

from oms_platform.kafka.memory import MemoryBroker, MemorySink, MemorySource
from oms_platform.messages import CancelOrder, RoutePlan, RouteRequest
from oms_platform.vocabulary import Message
from oms_platform.wire import Topic, decode
from sor_engine.adapters.memory_routes import InMemoryRouteStore
from sor_engine.entrypoints.route_requests import RouteRequestLoop
from sor_engine.ports import PlannedRoute, Reference
from tests.unit.sor_engine.test_handlers import NOW, QUOTE, REFERENCE, FixedQuotes, context, request

PLACE = (Topic.VALIDATED.value, 0)


class FixedReference:
    def load(self) -> Reference:
        return REFERENCE


class Scene:
    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.feed = MemorySink(self.broker)
        self.refused: set[object] = set()
        self.store = InMemoryRouteStore(self._refuses)
        self.quotes = FixedQuotes(QUOTE, 0.001)
        self.loop = RouteRequestLoop(
            consumer=MemorySource(self.broker, [Topic.VALIDATED], {}),
            publisher=MemorySink(self.broker),
            store=self.store,
            references=FixedReference(),
            context=context(self.quotes),
            refresh_s=1.0,
            monotonic_s=lambda: 0.0,
        )

    def _refuses(self, route: PlannedRoute) -> str | None:
        return "no partition" if route.decided.plan.order_id in self.refused else None

    def plans(self) -> list[RoutePlan]:
        """Return what is with the broker."""
        found = [decode(one.type_name, one.payload) for one in self.broker.records(Topic.ROUTED)]
        return [plan for plan in found if isinstance(plan, RoutePlan)]

    def take(self, *messages: Message) -> None:
        """Have the loop work on one batch, and flush nothing of it."""
        for message in messages:
            self.feed.send(Topic.VALIDATED.value, "AAPL", message, event_id=request().order_id)
        self.feed.flush()
        self.loop.step(0)

    def work(self, *requests: RouteRequest) -> None:
        """Have the loop work on one batch, and flush it."""
        self.take(*requests)
        self.loop.settle()


def test_a_plan_is_stored_before_it_is_published_and_its_offset_after_its_flush() -> None:
    scene, asked = Scene(), request()
    scene.take(asked)
    (stored,) = scene.store.routes(asked.order_id)
    assert scene.plans() == []
    assert scene.store.offsets == {}
    scene.loop.step(0)
    assert scene.plans() == [stored.plan]
    assert scene.store.offsets == {PLACE: 1}


def test_a_request_that_no_plan_can_be_made_for_is_dead_lettered_and_answered() -> None:
    scene, wrong, right = Scene(), request(quantity=0), request()
    scene.work(wrong, right)
    assert [letter.reason for letter in scene.broker.dead_letters()] == [
        "quantity must be a whole number of shares above 0, was 0"
    ]
    answer = next(plan for plan in scene.plans() if plan.order_id == wrong.order_id)
    assert (answer.children, answer.attempt, answer.no_data) == ((), wrong.attempt, False)
    assert answer.reason.startswith("INVALID_REQUEST: quantity must be")
    assert answer.terms == wrong.terms
    assert scene.store.routes(wrong.order_id) == []
    assert len(scene.store.routes(right.order_id)) == 1


def test_a_plan_that_cannot_be_stored_is_dead_lettered_and_answered_without_children() -> None:
    scene, wrong, right = Scene(), request(), request()
    scene.refused.add(wrong.order_id)
    scene.work(wrong, right)
    answer = next(plan for plan in scene.plans() if plan.order_id == wrong.order_id)
    assert (answer.children, answer.reason) == ((), "UNSTORABLE_ROUTE: no partition")
    assert [letter.reason for letter in scene.broker.dead_letters()] == ["no partition"]
    assert next(plan for plan in scene.plans() if plan.order_id == right.order_id).children


def test_a_repeated_request_gets_the_first_plan() -> None:
    scene, asked = Scene(), request(quantity=150)
    scene.work(asked, asked)
    scene.work(msgspec.structs.replace(asked, quantity=20))
    first, second = scene.plans()
    assert first == second
    assert first.quantity == 150


def test_a_missing_quote_is_told_as_no_data() -> None:
    scene = Scene()
    scene.quotes.lose()
    scene.work(request())
    (plan,) = scene.plans()
    assert (plan.no_data, plan.children) == (True, ())


def test_what_is_no_request_goes_to_the_dead_letters() -> None:
    scene = Scene()
    other = CancelOrder(
        request_id=request().order_id, order_id=request().order_id, account_id="A", received_at=NOW
    )
    scene.take(other)
    scene.loop.settle()
    assert [letter.reason for letter in scene.broker.dead_letters()] == [
        "orders.validated carries no CancelOrder"
    ]
