"""Faults to plant: each restores what the first edition did, or takes a guard of the second away.

What a fault patches is named where it stands, so that a change of that code fails here and not silently.
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from execution_adapter import child_outcomes, report_handlers
from execution_adapter.adapters.memory_children import InMemoryChildStore
from execution_adapter.domain import child as child_domain
from execution_adapter.domain.ledger import Ledger
from execution_adapter.entrypoints import fix_parsing, main_loop, plan_batches, venue_messages
from execution_adapter.entrypoints.fix_parsing import UnreadableReportError
from execution_adapter.handlers import ChildOrderManager
from execution_adapter.ports import OutNumbers
from execution_adapter.venue_questions import VenueQuestions
from oms_core import handlers
from oms_core.adapters.memory_store import InMemoryOrderStore
from oms_core.domain import algos, desk, machine, order_times
from oms_core.domain import order as order_domain
from oms_core.domain.account import OpenSide, SymbolState
from oms_core.domain.algo_watch import AlgoWatch
from oms_core.domain.desk import Desk
from oms_core.domain.executions import Effects
from oms_core.domain.order import Order
from oms_core.domain.order_times import MAY_ROUTE, Turns
from oms_core.domain.peg_watch import PegWatch
from oms_core.entrypoints import loop as core_loop
from oms_core.entrypoints import republication
from oms_core.ports import UnitOfWork
from oms_platform.exceptions import ExceptionKind, ExecutionException
from oms_platform.ids import uuid7
from oms_platform.messages import RoutePlan
from oms_platform.vocabulary import AlgoPlanned, CancelRejected, CancelRequested, Side, TradeApplied
from oms_tools.simulation import system
from oms_tools.simulation.rules import AUCTIONED, BY_ITS_TIME, PATH, RELEASED, TOLD
from oms_tools.simulation.sessions import SimulatedSessions
from oms_tools.simulation.venue_truth import EXPLAINED, KEPT, ONE_EXCEPTION
from oms_tools.simulation.world import FAULTS, LOSING

# Nothing that was said is lost.
LOSSLESS = tuple(fault for fault in FAULTS if fault not in LOSING)


def first_reject_ends_the_cancel(patch: pytest.MonkeyPatch) -> None:
    def ends(order: Order, cancel: CancelRequested) -> Any:
        if any(child.live and child.cancel_rejected for child in order.children.values()):
            return CancelRejected(request_id=cancel.request_id, reason="a venue keeps a part")
        return original(order, cancel)

    original = machine.cancels_end  # type: ignore[attr-defined]
    patch.setattr(machine, "cancels_end", ends)


def freed_shares_are_routed_again(patch: pytest.MonkeyPatch) -> None:
    def apply(order: Order, event: Any) -> Order:
        after = original(order, event)
        if isinstance(event, CancelRejected) and not after.closed:
            return msgspec.structs.replace(after, cancel=None, released_qty=after.terms.quantity)
        return after

    original = machine.apply
    patch.setattr(machine, "apply", apply)


def no_tombstone(patch: pytest.MonkeyPatch) -> None:
    def writes(self: Any, steps: Any, journal: Any) -> Any:
        found = original(self, steps, journal)
        for step in steps:
            plan = step.message
            if isinstance(plan, RoutePlan) and step.refused:
                step.refused = False
                found.children += [(child, plan.continues) for child in plan.children]
        return found

    original = plan_batches.PlanBatches.writes
    patch.setattr(InMemoryChildStore, "_canceled_by", lambda _self, _child: None)
    patch.setattr(plan_batches.PlanBatches, "writes", writes)


def cancels_are_said_again_by_the_routes_age(patch: pytest.MonkeyPatch) -> None:
    def outgoing(order: Order, now: datetime, trace: str) -> Any:
        found = original(order, now, trace)
        if found is None:
            return None
        again = msgspec.structs.replace(found.message, request_id=uuid7())
        return msgspec.structs.replace(found, event_id=again.request_id, message=again)

    original = handlers._outgoing_cancel
    patch.setattr(handlers, "_outgoing_cancel", outgoing)
    patch.setattr(republication.Lap, "go_on", lambda _self, _ring: True)
    patch.setattr(republication, "RESEND_AFTER", timedelta(milliseconds=500))
    patch.setattr(handlers, "ALREADY_PENDING", -1)
    patch.setattr(report_handlers, "ALREADY_PENDING", -1)


def requests_are_said_again_by_age(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(republication.Lap, "go_on", lambda _self, _ring: True)
    patch.setattr(republication, "RESEND_AFTER", timedelta(seconds=2))


def poison_stops_the_adapter(patch: pytest.MonkeyPatch) -> None:
    def parse(*args: Any) -> Any:
        try:
            return original(*args)
        except UnreadableReportError as error:
            raise RuntimeError(str(error)) from error

    original = venue_messages.parse
    patch.setattr(venue_messages, "parse", parse)


def exceptions_are_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(handlers, "raise_exception", lambda *_: None)


def too_many_shares_are_refused(patch: pytest.MonkeyPatch) -> None:
    def fact_of(order: Any, effects: Any, report: Any) -> Any:
        fact = original(order, effects, report)
        if isinstance(fact, TradeApplied) and order.executed_qty + fact.last_qty > order.terms.quantity:
            return None
        return fact

    original = handlers.fact_of
    patch.setattr(handlers, "fact_of", fact_of)


def closing_orders_are_not_netted(patch: pytest.MonkeyPatch) -> None:
    def added(self: SymbolState, side: Side, more: Any, less: Any = ()) -> int:
        alone = OpenSide()
        alone.count(more, 1)
        return alone.opening_micros(self.against(side))

    patch.setattr(SymbolState, "added_micros", added)


def no_fence(patch: pytest.MonkeyPatch) -> None:
    def commit(self: Any, unit: UnitOfWork, desk: Desk, next_offsets: Mapping[Any, int]) -> None:
        unit.streams.clear()
        original(self, unit, desk, next_offsets)

    original = InMemoryOrderStore.commit
    patch.setattr(InMemoryOrderStore, "commit", commit)


def quotes_of_any_age(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(system, "QUOTE_AGE_S_MAX", 0.0)


def market_orders_of_any_age(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(system, "MARKET_ORDER_AGE_MAX", timedelta(0))


def executions_are_not_deduplicated(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Effects, "reported", lambda _self, _execution: None)


def requests_are_not_deduplicated(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Effects, "has", lambda _self, _what: False)


def owed_is_forgotten_in_a_crash(patch: pytest.MonkeyPatch) -> None:
    def load(self: Any, partitions: set[int]) -> Desk:
        desk = original(self, partitions)
        desk.owed.clear()
        return desk

    original = InMemoryOrderStore.load_desk
    patch.setattr(InMemoryOrderStore, "load_desk", load)


def route_of_a_canceled_order_is_not_said_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(republication, "all_outgoing_of", handlers.outgoing_of)


def pegs_forget_their_limit(patch: pytest.MonkeyPatch) -> None:
    def price(terms: Any, *quote: Any) -> Any:
        return original(msgspec.structs.replace(terms, limit_price_micros=None), *quote)

    original = order_domain.peg_price
    patch.setattr(order_domain, "peg_price", price)


def pegs_are_forgotten_in_a_crash(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(core_loop, "PegWatch", lambda _orders, now, interval: PegWatch((), now, interval))


def what_a_venue_does_not_move_stays_where_it_is(patch: pytest.MonkeyPatch) -> None:
    def recalled(order: Order) -> bool:
        left = {
            name: msgspec.structs.replace(one, replace_rejected=False) for name, one in order.children.items()
        }
        return bool(original(msgspec.structs.replace(order, children=left)))

    original: Any = Order.is_recalled.fget  # type: ignore[attr-defined]
    patch.setattr(Order, "is_recalled", property(recalled))


def reports_pass_the_checkpoint_without_a_flush(patch: pytest.MonkeyPatch) -> None:
    def flush(self: Any) -> None:
        self._outlet.dirty = False
        self._flushed_s = self._monotonic_s()
        self._ledger.flushed()

    patch.setattr(main_loop.AdapterLoop, "_flush", flush)


def memory_is_trusted_for_old_orders(patch: pytest.MonkeyPatch) -> None:
    for module in (core_loop, handlers):
        patch.setattr(module, "load_orders", lambda _core, _ids: None)


def requests_are_not_looked_for_in_the_log(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(core_loop.CoreLoop, "_take_unanswered_requests", lambda _self, _unit: None)


def sessions_end_again_and_again(patch: pytest.MonkeyPatch) -> None:
    def end_sessions(self: Any, now: datetime) -> None:
        self._ending = [
            order_id
            for order_id, order in self._core.desk.orders.items()
            if order.terms.time_in_force.name == "DAY" and order.pending.name == "NONE"
        ]

    patch.setattr(core_loop.CoreLoop, "_end_sessions", end_sessions)


def orders_are_sent_again_after_a_logon(patch: pytest.MonkeyPatch) -> None:
    def logon(self: Any, venue_id: str, now: datetime, now_s: float) -> None:
        original(self, venue_id, now, now_s)
        for live in self._children.of_venue(venue_id):
            if live.unacked:
                self._sender.send(live, now, now_s)

    original = ChildOrderManager.handle_logon
    patch.setattr(ChildOrderManager, "handle_logon", logon)


def a_repeated_plan_is_sent_again(patch: pytest.MonkeyPatch) -> None:
    def before(self: Any, plan: RoutePlan, stored: Any, now: datetime, trace: str) -> None:
        original(self, plan, stored, now, trace)
        for child in plan.children:
            live = self.get(child.cl_ord_id)
            if live is not None and child.venue_id in self.venues_up:
                self._sender.send(live, now, 0.0)

    original = ChildOrderManager.handle_placed_before
    patch.setattr(ChildOrderManager, "handle_placed_before", before)


def sequence_is_not_set_back(patch: pytest.MonkeyPatch) -> None:
    def resume(self: SimulatedSessions, venue_id: str, next_in_seq: int, out: OutNumbers) -> None:
        reached = self.expected_in_seq(venue_id)
        original(self, venue_id, max(reached, next_in_seq), out)

    original = SimulatedSessions.resume
    patch.setattr(SimulatedSessions, "resume", resume)
    patch.setattr(system, "unsettled_messages", lambda *_: ())


def no_checkpoint_means_no_news(patch: pytest.MonkeyPatch) -> None:
    def republish(store: Any, *args: Any) -> None:
        if store.checkpoints():
            original(store, *args)

    original = system.republish_to_new_kafka
    patch.setattr(system, "republish_to_new_kafka", republish)


def the_adapters_exceptions_are_dropped(patch: pytest.MonkeyPatch) -> None:
    def keep(self: Ledger, exception: ExecutionException) -> None:
        if exception.kind is not ExceptionKind.UNKNOWN_ORDER:
            original(self, exception)

    original = Ledger.excepted
    patch.setattr(Ledger, "excepted", keep)


def exceptions_are_made_anew_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    def excepted(*args: Any, **more: Any) -> ExecutionException:
        found = original(*args, **more)
        return msgspec.structs.replace(found, identity=f"{found.identity} {found.raised_at}")

    original = child_outcomes.raised
    patch.setattr(child_outcomes, "raised", excepted)


def what_is_said_again_is_counted_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(report_handlers.ReportHandlers, "_has_counted", lambda *_: False)


def the_journal_is_not_read_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(system, "unsettled_messages", lambda *_: ())


def a_bust_is_not_held_to_its_trade(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(child_domain, "_stood_at", lambda _state, _trade: 0)


def acknowledged_orders_are_not_asked_about(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(VenueQuestions, "ask_soon", lambda _self, _live: None)


def trades_without_a_price_are_taken(patch: pytest.MonkeyPatch) -> None:
    def price_of(values: Any, text: str) -> Any:
        try:
            return original(values, text)
        except UnreadableReportError:
            return 100_000_000, text

    original = fix_parsing._price_of_trade
    patch.setattr(fix_parsing, "_price_of_trade", price_of)


def expiries_are_forgotten_in_a_crash(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(core_loop, "Turns", lambda _orders=(), *_: Turns())


def a_route_does_not_ask_whether_the_orders_time_is_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Order, "is_past_its_time", lambda _self, _now: False)


def algos_are_forgotten_in_a_crash(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(core_loop, "AlgoWatch", lambda _orders, now: AlgoWatch((), now))


def all_of_an_algo_is_released_with_its_first_slice(patch: pytest.MonkeyPatch) -> None:
    def planned_by(plan: AlgoPlanned, now: datetime) -> Any:
        number, due = original(plan, now)
        return number, None if due is None else plan.slices[-1]

    original = algos.planned_by
    patch.setattr(algos, "planned_by", planned_by)


def all_of_an_algo_is_routed(patch: pytest.MonkeyPatch) -> None:
    def unrouted(order: Order) -> int:
        worked = order.release is not None and order.cancel is None
        released = order.terms.quantity if worked else order.released_qty
        return int(original(msgspec.structs.replace(order, released_qty=released)))

    original: Any = Order.unrouted_qty.fget  # type: ignore[attr-defined]
    patch.setattr(Order, "unrouted_qty", property(unrouted))


def an_algo_has_no_grace(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(algos, "END_GRACE", timedelta(0))


def orders_leave_for_their_auction_at_any_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(desk, "auction_standing", lambda *_: MAY_ROUTE)


def a_venue_has_no_time_to_say_what_its_cross_did(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(order_times, "AUCTION_ANSWER_MAX", timedelta(0))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A planted fault: the review's case that it is, and the run that is to find it.

    breaks: the invariants of which one breaks. seed: the first one to try; which seed finds a fault changes
    with the code, that some seed soon does must not.
    """

    case: str
    plant: Callable[[pytest.MonkeyPatch], None]
    breaks: tuple[str, ...]
    seed: int = 1
    orders: int = 150
    faults: tuple[str, ...] = FAULTS


ANSWERED = "a cancel ends when every venue has answered"
NOT_ROUTED = "nothing is routed after a cancel was taken"
NOT_SENT = "nothing is sent after a cancel was taken"
SAID_ONCE = "nothing is said again that may be answered"
NO_STOP = "no loop ever stops"
BUYING_POWER = "buying power holds"
NO_LETTER = "no message of ours is a dead letter"
ONCE = "an execution is applied once"
OUTCOME = "every request has one outcome"
REST = "everything comes to rest"
FORGOTTEN = "no live order is forgotten"
ENDLESS = "a cancel has an end, and so has a replace"
AGREE = "core and adapter agree when all is quiet"
AT_ITS_PRICE = "what venues have of a pegged order is at its price"
FOLLOWS = "what rests of a pegged order follows the newest quote"
AT_VENUES = "venue and OMS agree when all is quiet"
ONCE_SENT = "no order is sent again that its venue has or may get"
OURS = "what a venue executed is ours"

PLANTED = (
    Planted(
        case="A, 1",
        plant=first_reject_ends_the_cancel,
        breaks=(ANSWERED,),
        faults=("unkind",),
        orders=300,
    ),
    Planted(case="A, 1", plant=freed_shares_are_routed_again, breaks=(NOT_ROUTED, PATH)),
    Planted(case="A", plant=no_tombstone, breaks=(NOT_SENT,)),
    Planted(
        case="B, 2", plant=cancels_are_said_again_by_the_routes_age, seed=8, breaks=(ANSWERED, SAID_ONCE)
    ),
    Planted(case="B", plant=requests_are_said_again_by_age, seed=2, breaks=(SAID_ONCE,), faults=LOSSLESS),
    Planted(case="C, 3", plant=poison_stops_the_adapter, breaks=(NO_STOP,)),
    Planted(case="D", plant=closing_orders_are_not_netted, seed=4, breaks=(BUYING_POWER,)),
    Planted(
        case="F, 7",
        plant=no_fence,
        seed=8,
        breaks=(NO_STOP, PATH, "each account's stream has no gap or repeat", NO_LETTER),
    ),
    Planted(
        case="G",
        plant=quotes_of_any_age,
        breaks=(
            "no order is valued by an old quote",
            "an old quote triggers nothing",
            "an old quote moves nothing",
        ),
    ),
    Planted(case="G", plant=market_orders_of_any_age, seed=4, breaks=("a market order is of now",)),
    Planted(
        case="pegs",
        plant=pegs_forget_their_limit,
        breaks=("a pegged order is at the price of the quote that it names, and within its limit",),
    ),
    Planted(case="pegs", plant=pegs_are_forgotten_in_a_crash, breaks=(FOLLOWS,)),
    Planted(case="pegs", plant=what_a_venue_does_not_move_stays_where_it_is, seed=19, breaks=(AT_ITS_PRICE,)),
    Planted(case="nothing is lost", plant=exceptions_are_dropped, breaks=(ONE_EXCEPTION, TOLD)),
    Planted(case="nothing is lost", plant=too_many_shares_are_refused, breaks=(OURS, AT_VENUES, REST)),
    Planted(case="nothing is lost", plant=the_adapters_exceptions_are_dropped, breaks=(ONE_EXCEPTION,)),
    Planted(
        case="none is invented",
        plant=exceptions_are_made_anew_after_a_restart,
        seed=4,
        breaks=(ONE_EXCEPTION,),
    ),
    Planted(
        case="none is invented",
        plant=what_is_said_again_is_counted_again,
        breaks=(EXPLAINED,),
        faults=("venue",),
    ),
    Planted(case="none is invented", plant=a_bust_is_not_held_to_its_trade, breaks=(EXPLAINED, AGREE)),
    Planted(
        case="nothing is lost",
        plant=the_journal_is_not_read_again,
        seed=117,
        orders=300,
        breaks=(OURS, ONE_EXCEPTION, EXPLAINED, AGREE, AT_VENUES, REST),
        faults=("unkind", "crash", "torn"),
    ),
    Planted(
        case="nothing is lost",
        plant=acknowledged_orders_are_not_asked_about,
        breaks=(AT_VENUES,),
        faults=("unkind",),
    ),
    Planted(
        case="nothing is lost",
        plant=trades_without_a_price_are_taken,
        breaks=(ONE_EXCEPTION, OURS, TOLD),
    ),
    Planted(case="6", plant=memory_is_trusted_for_old_orders, breaks=(NO_LETTER, NO_STOP, PATH, OURS)),
    Planted(
        case="13",
        plant=sessions_end_again_and_again,
        seed=6,
        breaks=("a session ends once for an order",),
        faults=("unkind", "jump"),
        orders=200,
    ),
    Planted(case="one effect", plant=executions_are_not_deduplicated, breaks=(ONCE, NO_LETTER, PATH)),
    Planted(case="one effect", plant=requests_are_not_deduplicated, breaks=(OUTCOME, ANSWERED, PATH)),
    Planted(case="recovery", plant=owed_is_forgotten_in_a_crash, breaks=(FORGOTTEN, REST, ENDLESS)),
    Planted(case="recovery", plant=route_of_a_canceled_order_is_not_said_again, breaks=(REST, ENDLESS)),
    Planted(case="recovery", plant=expiries_are_forgotten_in_a_crash, breaks=(REST,)),
    Planted(
        case="time",
        plant=a_route_does_not_ask_whether_the_orders_time_is_over,
        breaks=("nothing is routed of an order whose time is over",),
    ),
    Planted(case="recovery", plant=algos_are_forgotten_in_a_crash, breaks=(REST,)),
    Planted(
        case="algos",
        plant=all_of_an_algo_is_released_with_its_first_slice,
        breaks=("no more of an algo is released than its plan has due",),
    ),
    Planted(case="algos", plant=all_of_an_algo_is_routed, breaks=(RELEASED,)),
    Planted(case="algos", plant=an_algo_has_no_grace, breaks=(BY_ITS_TIME,)),
    Planted(case="time", plant=orders_leave_for_their_auction_at_any_time, breaks=(AUCTIONED, PATH)),
    Planted(
        case="time",
        plant=a_venue_has_no_time_to_say_what_its_cross_did,
        breaks=("an order ends of itself at its time and not before",),
    ),
    Planted(case="recovery", plant=requests_are_not_looked_for_in_the_log, breaks=(REST,)),
    Planted(
        case="recovery",
        plant=reports_pass_the_checkpoint_without_a_flush,
        seed=26,
        breaks=(NO_LETTER, OURS, REST, AGREE, AT_VENUES, "children never exceed the parent"),
    ),
    Planted(
        case="recovery",
        plant=sequence_is_not_set_back,
        seed=6,
        breaks=(OURS, REST, AGREE, AT_VENUES, ONCE_SENT, KEPT, EXPLAINED),
    ),
    Planted(
        case="recovery",
        plant=no_checkpoint_means_no_news,
        seed=100,
        # The end of a child that core never heard of is a dead letter.
        breaks=(OURS, NO_LETTER),
        faults=("wipe", "crash", "jump"),
        orders=40,
    ),
    Planted(
        case="unknown is not failed",
        plant=orders_are_sent_again_after_a_logon,
        breaks=(ONCE_SENT, NOT_SENT),
    ),
    Planted(
        case="one effect",
        plant=a_repeated_plan_is_sent_again,
        seed=23,
        breaks=(ONCE_SENT, NOT_SENT),
    ),
)
