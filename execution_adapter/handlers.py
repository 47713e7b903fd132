"""What the adapter does about plans, cancels, stops and sessions, and the way in to everything else it does.

The rooms behind it, each of which a reader can take by itself: `order_sending` (what leaves for venues),
`report_handlers` (what venues say about a child), `venue_questions` (what venues are asked when they say
nothing), `child_outcomes` (what is closed here, or left to a person).
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from msgspec.structs import replace

from execution_adapter import metrics
from execution_adapter.child_outcomes import (
    OTHER_REASON,
    UNREAD_TEXT,
    UNSENT_TEXT,
    ChildOutcomes,
)
from execution_adapter.domain.child import Inbound, MessageRefusal, Report, Status, new_state
from execution_adapter.domain.gate import WireGate, problem_of
from execution_adapter.domain.ledger import Ledger
from execution_adapter.domain.live_child import LiveChild
from execution_adapter.domain.live_children import LiveChildren
from execution_adapter.domain.reconciliation import Occasion, Reconciler
from execution_adapter.domain.session_settings import SessionSettings
from execution_adapter.domain.venue_states import VenueStates
from execution_adapter.order_sending import OrderSender
from execution_adapter.ports import HeldTo, Outlet, Stops, StoredChild, Venues
from execution_adapter.report_handlers import ReportHandlers
from execution_adapter.reports import ReportOutlet, ReportTraces, local_report
from execution_adapter.venue_questions import VenueQuestions
from oms_platform.ids import uuid7, uuid7_time
from oms_platform.kill_switches import NO_KILLS, Asked, Kills, Owner, Stage, TriggerKind
from oms_platform.kill_triggers import TriggerWatch
from oms_platform.messages import CancelChildren, ReplaceChild, RouteAnswer, RoutePlan
from oms_platform.order_ids import child_cl_ord_id, route_id
from oms_platform.scopes import Scope
from oms_platform.telemetry.order_trace import traced_id
from oms_platform.telemetry.tracing import Tracer
from oms_platform.vocabulary import ChildTerms, ExecType, RoutePlaced

log = structlog.get_logger()
_PLACED: Final = metrics.routes_total.labels("placed")
# Orders whose client is remembered, until those without a live child are forgotten.
OWNERS_MAX: Final = 50_000
# A held child that is still live so long after its cancel was sent is canceled again.
HOLD_RETRY_S: Final = 1.0


def plan_problem(plan: RoutePlan) -> str:
    """Return why nothing of a plan may be sent, empty when it may."""
    if plan.attempt <= 0:
        return f"GATE_ATTEMPT: attempt={plan.attempt}"
    return problem_of(
        plan.order_id,
        plan.attempt,
        plan.quantity,
        plan.terms,
        plan.children,
        lambda leg: child_cl_ord_id(plan.order_id, plan.attempt, leg),
    )


class ChildOrderManager:
    """The live children of every venue, and what is done about them. One thread only."""

    def __init__(
        self,
        venues: Venues,
        outlet: Outlet,
        ledger: Ledger,
        status_timeout_s: float,
        tracer: Tracer | None = None,
        gate: WireGate | None = None,
        reconcile_s: float = 0.0,
        new_id: Callable[[], UUID] = uuid7,
    ) -> None:
        self._gate = gate or WireGate()
        self._venues, self._outlet, self._ledger = venues, outlet, ledger
        self._reports, self._reconciler = ReportOutlet(outlet), Reconciler()
        self._children, self._states = LiveChildren(), VenueStates()
        self.triggers = TriggerWatch(
            TriggerKind.REJECT_RATE, TriggerKind.VENUE_SILENCE, TriggerKind.EXCEPTIONS
        )
        # The switches that live children were last held to, and at which stage.
        self._kills, self._stages = NO_KILLS, dict[UUID, Stage]()
        # (when, ClOrdID) of the children whose time ends by itself, the next first.
        self._holds: list[tuple[float, str]] = []
        self.outcomes = ChildOutcomes(self._children, self._states, self._reports, ledger, self._reconciler)
        self._sender = OrderSender(venues, self._gate, self._children, self._states, self.outcomes, ledger)
        self._report_handlers = ReportHandlers(
            self._children,
            self._states,
            self._sender,
            self.outcomes,
            self._reports,
            ReportTraces(tracer or Tracer()),
            ledger,
            self._reconciler,
        )
        self._questions = VenueQuestions(
            self._children,
            self._states,
            self._sender,
            self.outcomes,
            ledger,
            self._reconciler,
            status_timeout_s=status_timeout_s,
            reconcile_s=reconcile_s,
            new_id=new_id,
        )

    def load(self, stored: Iterable[StoredChild]) -> None:
        """Take over the children that an earlier run left live. What it sent of them is not known.

        A held child's time counts as over.
        """
        for item in stored:
            over = item.canceled_by is not None or item.child.hold_ms > 0
            live = LiveChild(item.child, item.state, maybe_at_venue=True, canceling=over)
            live.cancel_request = item.canceled_by
            live.given_up = live.unresolved or over
            self._children.add(live)

    def use_settings(self, venue_id: str, settings: SessionSettings) -> None:
        """Go by what a venue takes and can."""
        self._sender.use_throttle(venue_id, settings.throttle)
        self._states.use_capabilities(venue_id, settings.capabilities)

    def get(self, child_id: str) -> LiveChild | None:
        """Return a child that is live, or was in this run."""
        return self._children.get(child_id)

    def remember(self, live: LiveChild) -> None:
        """Take a child of an earlier run, that is over, among those that reports may come for."""
        live.missing_shown = live.state.missing_qty
        self._children.remember(live)

    @property
    def venues_up(self) -> frozenset[str]:
        """The venues whose session is logged on."""
        return self._states.up

    @property
    def venues_out(self) -> frozenset[str]:
        """The venues whose session is down on purpose."""
        return self._states.out

    @property
    def unanswered(self) -> int:
        """How many children wait for a venue's answer, those left aside that are a person's."""
        return self._children.unanswered

    def count(self) -> None:
        """Set the gauges."""
        metrics.live_children.set(len(self._children))
        metrics.killed_children.set(self.killed)
        metrics.pending_children.set(self._children.unacked)

    # ---- plans and cancels

    def handle_placed(self, plan: RoutePlan, now: datetime, now_s: float, trace: str) -> None:
        """The children of a plan are stored: tell core, then send them to the venues that are there."""
        self._answer(plan, plan.children, now, trace, continues=plan.continues)
        _PLACED.inc()
        trace_id = traced_id(trace)
        metrics.sor_to_adapter.observe((now - plan.decided_at).total_seconds(), trace_id)
        if plan.attempt == 1:
            metrics.order_to_venue.observe((now - uuid7_time(plan.order_id)).total_seconds(), trace_id)
        for child in plan.children:
            live = LiveChild(child, new_state(child.quantity), maybe_at_venue=False, trace=trace)
            self._children.add(live)
            if self._states.is_known(child.venue_id):
                # A venue that was there and is down gets nothing later: its shares go elsewhere at once.
                if not self._sender.send(live, now, now_s):
                    continue
            else:
                live.last_try_s = now_s
            if child.hold_ms:
                heapq.heappush(self._holds, (now_s + child.hold_ms / 1000, child.cl_ord_id))

    def handle_placed_before(
        self, plan: RoutePlan, stored: Sequence[StoredChild], now: datetime, trace: str
    ) -> None:
        """A plan came again: tell core again what was stored, and send nothing."""
        children = tuple([item.child for item in stored])
        self._answer(plan, children, now, trace, continues=stored[0].continues)
        metrics.routes_total.labels("repeated").inc()

    def handle_unplaced(
        self, plan: RoutePlan, now: datetime, trace: str, *, reason: str, refused: bool = False
    ) -> None:
        """Nothing of a plan was stored: tell core why. refused: a cancel of its attempt came before it."""
        metrics.routes_total.labels("refused" if refused else "no_legs").inc()
        no_data = plan.no_data and not refused
        self._answer(plan, (), now, trace, reason=reason, refused=refused, no_data=no_data)

    def _answer(
        self,
        plan: RoutePlan,
        children: tuple[ChildTerms, ...],
        now: datetime,
        trace: str,
        *,
        continues: bool = False,
        reason: str = "",
        refused: bool = False,
        no_data: bool = False,
    ) -> None:
        account_id = plan.terms.account_id
        answer = RouteAnswer(
            route_id=plan.route_id,
            order_id=plan.order_id,
            account_id=account_id,
            placed=RoutePlaced(
                attempt=plan.attempt,
                reason=reason,
                refused=refused,
                placed_at=now,
                continues=continues,
                children=children,
                no_data=no_data,
            ),
        )
        self._outlet.send(account_id, answer, trace)

    def republish_route(self, stored: Sequence[StoredChild], now: datetime) -> None:
        """Tell core of a stored route once more: Kafka may have lost it."""
        first = stored[0].child
        answer = RouteAnswer(
            route_id=route_id(first.order_id, first.attempt),
            order_id=first.order_id,
            account_id=first.account_id,
            placed=RoutePlaced(
                attempt=first.attempt,
                placed_at=now,
                continues=stored[0].continues,
                children=tuple([item.child for item in stored]),
            ),
        )
        self._outlet.send(first.account_id, answer, "")

    def republish_local_close(self, stored: StoredChild, now: datetime) -> None:
        """Tell core once more of a child that we closed ourselves: no venue has a report of it to resend."""
        child, state = stored.child, stored.state
        if state.acked_at is not None or state.cum_qty or state.venue_order_id:
            return
        texts = {
            Status.CANCELED: (ExecType.CANCELED, UNSENT_TEXT),
            Status.REJECTED: (ExecType.REJECTED, UNREAD_TEXT),
        }
        if state.status in texts:
            exec_type, text = texts[state.status]
            report = local_report(child, exec_type, text, now)
            self._reports.publish(report, child, state, exec_type, state, now, "")

    def note_counted(self, order_id: UUID) -> None:
        """A plan of an order was let through, with all that its children have executed, or may, counted."""
        self._sender.note_counted(order_id)

    def note_cancel(self, cancel: CancelChildren) -> None:
        """A cancel is stored: none of the children that it ends is sent from now on."""
        for live in self._children.of_order(cancel.order_id):
            if live.child.attempt <= cancel.through_attempt:
                live.canceling = True

    def handle_cancel(self, cancel: CancelChildren, now: datetime, now_s: float) -> None:
        """A cancel is stored: cancel the order's live children of the attempts that it ends.

        The same request again sends nothing for a child that a venue is canceling by it.
        """
        for live in self._children.of_order(cancel.order_id):
            if live.child.attempt > cancel.through_attempt:
                continue
            again = live.cancel_request == cancel.request_id
            live.cancel_request = cancel.request_id
            if not (again and live.canceled_on_logon == self._states.logon(live.child.venue_id)):
                self._sender.end(live, now, now_s)

    def handle_replace(self, message: ReplaceChild, now: datetime, now_s: float) -> None:
        """Change a child where it is, or tell core that it cannot be: core then takes it back.

        Of a child that is over core hears the end. The same request again while its 35=G is out does nothing.
        """
        live = self._children.live(message.cl_ord_id)
        if live is None:
            log.info("replace_of_no_live_child", cl_ord_id=message.cl_ord_id, quantity=message.quantity)
            return
        quantity, price, pending = message.quantity, message.limit_price_micros or 0, live.state.replaces
        if 0 < quantity == pending.pending_qty and price == pending.pending_price:
            return
        problem = self._sender.replace_problem(live, quantity, price)
        if problem:
            self.refuse_replace(message, problem, now)
        elif problem := self._sender.replace(live, quantity, price, now, now_s):
            self.outcomes.keep_unchanged(live, problem, now)

    def refuse_replace(self, message: ReplaceChild, problem: str, now: datetime) -> None:
        """Tell core that a child is not changed where it is; nothing is sent."""
        live = self._children.live(message.cl_ord_id)
        if live is not None:
            self._reports.publish_cancel_reject(
                live.child, message.cl_ord_id, OTHER_REASON, problem, now, live.trace, replaces=True
            )

    # ---- stops and held children

    @property
    def kills(self) -> Kills:
        """The kill switches as they are known now."""
        return self._gate.kills.known()

    @property
    def killed(self) -> int:
        """How many live children a switch is to cancel, and has not yet."""
        switches = [switch for switch in self._kills.switches if switch.cancels]
        if not switches:
            return 0
        return sum(
            any(self._gate.is_stopped(live.child, switch) for switch in switches)
            for live in self._children.all_live()
        )

    @property
    def orders_without_owner(self) -> frozenset[UUID]:
        """The orders of live children of which nobody knows who asked for them."""
        return self.live_orders - self._gate.owners.keys()

    def note_owners(self, owners: Mapping[UUID, Owner]) -> None:
        """Note who asked for orders."""
        self._gate.owners.update(owners)
        if len(self._gate.owners) > OWNERS_MAX:
            live = {one.child.order_id for one in self._children.all_live()}
            kept = {order_id: owner for order_id, owner in self._gate.owners.items() if order_id in live}
            self._gate.owners = kept | dict(owners)

    def note_closings(self, closings: Mapping[UUID, UUID]) -> None:
        """Note for which switches orders close positions."""
        self._gate.closings.update(closings)
        if len(self._gate.closings) > OWNERS_MAX:
            live = {one.child.order_id for one in self._children.all_live()}
            kept = {one: switch for one, switch in self._gate.closings.items() if one in live}
            self._gate.closings = kept | dict(closings)

    @property
    def live_orders(self) -> frozenset[UUID]:
        """The orders of live children."""
        return frozenset(live.child.order_id for live in self._children.all_live())

    def forget_owners(self) -> None:
        """No switch names anybody: it does not matter who asked for what."""
        self._gate.owners.clear()

    def handle_kills(self, now: datetime, now_s: float) -> HeldTo:
        """Hold live children to the switches that came, or were raised, since the last call.

        Returns these, and what each of them found live when it was new.
        """
        kills = self.kills
        if kills.unread or kills is self._kills:
            return HeldTo([], [])
        # Where accounts or symbols are within other scopes than they were, every switch is looked at anew.
        moved = not kills.names_as(self._kills)
        self._kills, before = kills, self._stages
        self._stages = {switch.switch_id: switch.stage for switch in kills.switches}
        held = HeldTo([one for one in kills.switches if before.get(one.switch_id) is not one.stage], [])
        for switch in kills.switches:
            known = before.get(switch.switch_id)
            if known is switch.stage and not moved:
                continue
            for live in self._children.all_live():
                if self._gate.is_stopped(live.child, switch):
                    if known is None:
                        child = live.child
                        held.covered.append((switch.switch_id, child.order_id, child.cl_ord_id))
                    if switch.cancels:
                        self._sender.end(live, now, now_s)
        return held

    def _thing(self, child: ChildTerms) -> Scope:
        return self.kills.thing(child.account_id, child.symbol, venue_id=child.venue_id)

    def ask_for_switch(self, asked: Asked) -> None:
        """Have a switch set that a trigger wants."""
        self._gate.kills.ask(asked)

    @property
    def venues_that_owe(self) -> frozenset[str]:
        """The venues that are up and owe an answer about a live child that is no person's yet."""
        waiting = self._children.waiting()
        return self._states.up & {live.child.venue_id for live in waiting if not live.unresolved}

    def handle_stops(self, stops: Stops) -> None:
        """Send nothing any more of what does not trade."""
        halted = sorted(name for name, known in stops.instruments.items() if known.halt or not known.active)
        if halted:
            log.warning("halted", symbols=halted)
        self._gate.instruments = stops.instruments

    def next_hold_s(self) -> float | None:
        """Return when the next held child's time is over; None while none is held."""
        return self._holds[0][0] if self._holds else None

    def expire_holds(self, now: datetime, now_s: float) -> None:
        """Cancel the children whose time is over, and try again those that the venue keeps."""
        while self._holds and self._holds[0][0] <= now_s:
            _, cl_ord_id = heapq.heappop(self._holds)
            live = self._children.live(cl_ord_id)
            if live is not None:
                self._sender.end(live, now, now_s)
                if self._children.is_live(cl_ord_id):
                    heapq.heappush(self._holds, (now_s + HOLD_RETRY_S, cl_ord_id))

    # ---- what venues send

    def handle_inbound(
        self, inbound: Inbound, live: LiveChild, raw: bytes, now: datetime, now_s: float
    ) -> None:
        """Work on a message about a child. raw: as it was on the wire."""
        if self.triggers.counts and _is_reject(inbound):
            self.triggers.note(TriggerKind.REJECT_RATE, self._thing(live.child), now_s)
        self._report_handlers.handle_inbound(inbound, live, raw, now, now_s)

    def resolve(self, refusal: MessageRefusal) -> MessageRefusal | None:
        """Find which message of ours a 35=3 or 35=j is about; None when that cannot be told."""
        metrics.rejects_total.labels(refusal.venue_id, refusal.msg_type).inc()
        if refusal.ref_id and refusal.ref_msg_type:
            return refusal
        sent = self._venues.sent_message(refusal.venue_id, refusal.ref_seq)
        if sent is None or not sent.cl_ord_id:
            return None
        return MessageRefusal(
            venue_id=refusal.venue_id,
            msg_type=refusal.msg_type,
            ref_seq=refusal.ref_seq,
            ref_msg_type=sent.msg_type,
            ref_id=sent.cl_ord_id,
            text=refusal.text,
        )

    # ---- sessions

    def handle_logon(self, venue_id: str, now: datetime, now_s: float) -> None:
        """A venue is there: ask about what it may have, send what it has not, cancel what is to go."""
        self._states.logged_on(venue_id)
        metrics.session_out.labels(venue_id).set(0)
        metrics.session_up.labels(venue_id).set(1)
        metrics.logons_total.labels(venue_id).inc()
        here = self._children.of_venue(venue_id)
        log.info("venue_up", venue=venue_id, live=len(here), unacked=sum(live.unacked for live in here))
        for live in here:
            live.tries = 0
            if live.state.replaces.pending_qty and not live.state.replace_is_out:
                self.outcomes.keep_unchanged(live, "its replace was not sent", now)
        self._go_on(venue_id, here, now, now_s)
        self._questions.compare(venue_id, Occasion.LOGON, now, now_s)

    def begin_numbers(self, venue_id: str) -> None:
        """A venue's numbers began again: no child has heard any message of the new ones."""
        for live in (*self._children.of_venue(venue_id), *self._children.over_of_venue(venue_id)):
            name = live.child.cl_ord_id
            live.state = replace(live.state, in_seq=0)
            if self._children.is_live(name) or self._ledger.newest(name):
                self._ledger.reported(live.child, live.state)

    def handle_resend_wanted(self, venue_id: str, now: datetime, now_s: float) -> None:
        """A venue missed messages of ours, and they are not sent again: find out which it has."""
        if self._states.is_up(venue_id):
            here = self._children.of_venue(venue_id)
            self._go_on(venue_id, here, now, now_s)
            for live in here:
                if not live.unacked and not live.canceling:
                    self.ask_soon(live)

    def _go_on(self, venue_id: str, here: Sequence[LiveChild], now: datetime, now_s: float) -> None:
        self._states.count_logon(venue_id)
        for live in here:
            if not live.maybe_at_venue:
                if live.canceling:
                    self.outcomes.close_unsent(live, now)
                else:
                    self._sender.send(live, now, now_s)
            elif live.unacked:
                self._sender.ask(live, now_s)
            elif live.canceling:
                self._sender.cancel(live, now, now_s)

    def handle_logout(
        self, venue_id: str, now: datetime, reason: str = "", *, on_purpose: bool = False
    ) -> None:
        """A venue is gone. on_purpose: until somebody, or its schedule, lets it in again."""
        self._reconciler.interrupt(venue_id, "the session ended", now)
        metrics.session_out.labels(venue_id).set(on_purpose)
        if self._states.logged_out(venue_id, on_purpose=on_purpose):
            log.warning("venue_down", venue=venue_id, reason=reason)
            metrics.logouts_total.labels(venue_id).inc()
        metrics.session_up.labels(venue_id).set(0)

    # ---- what is due

    def send_waiting(self, now: datetime, now_s: float) -> None:
        """Send what had to wait until its venue takes more."""
        self._sender.send_waiting(now, now_s)

    def ask_soon(self, live: LiveChild) -> None:
        """Ask a child's venue how it is, when there is time."""
        self._questions.ask_soon(live)

    def compare(self, venue_id: str, now: datetime, now_s: float) -> None:
        """Somebody wants to know whether a venue has our open orders as we have them."""
        self._questions.compare(venue_id, Occasion.REQUEST, now, now_s)

    def ask_overdue(self, now: datetime, now_s: float) -> None:
        """Ask venues what they have not answered in time, and compare with those whose time has come."""
        self._questions.ask_overdue(now, now_s)


def _is_reject(inbound: Inbound) -> bool:
    if isinstance(inbound, Report):
        return inbound.exec_type is ExecType.REJECTED and not inbound.poss_dup
    return isinstance(inbound, MessageRefusal)


def by_route(stored: Iterable[StoredChild]) -> Mapping[tuple[UUID, int], list[StoredChild]]:
    """Group children by (order_id, attempt), keeping their order."""
    routes: dict[tuple[UUID, int], list[StoredChild]] = {}
    for item in stored:
        routes.setdefault((item.child.order_id, item.child.attempt), []).append(item)
    return routes
