"""What leaves for venues, each when its venue takes it: orders past the gate, and requests about them.

The law of this file: an order leaves only through the gate, and only while it is certain that its venue has
it not; one that cannot leave is closed. What a venue would get too fast waits for its turn, and is looked at
anew when that comes.
"""

from datetime import datetime
from uuid import UUID

import structlog
from msgspec.structs import replace

from execution_adapter import metrics
from execution_adapter.child_outcomes import DOWN_TEXT, FULL_TEXT, ChildOutcomes
from execution_adapter.domain.child import CancelRefusal, Inbound, MessageRefusal, Report
from execution_adapter.domain.gate import WireGate
from execution_adapter.domain.ledger import Ledger
from execution_adapter.domain.live_child import LiveChild
from execution_adapter.domain.live_children import LiveChildren
from execution_adapter.domain.session_settings import Throttle
from execution_adapter.domain.throttle import Admission, Lane, Turn
from execution_adapter.domain.venue_states import VenueStates
from execution_adapter.ports import Venues
from oms_platform.order_ids import cancel_cl_ord_id, replace_cl_ord_id
from oms_platform.vocabulary import ChildTerms, ExecType

log = structlog.get_logger()


class OrderSender:
    """Sends 35=D, 35=F, 35=G and 35=H of children, at the pace of their venues. One thread only."""

    def __init__(
        self,
        venues: Venues,
        gate: WireGate,
        children: LiveChildren,
        states: VenueStates,
        outcomes: ChildOutcomes,
        ledger: Ledger,
    ) -> None:
        self._venues, self._gate, self._ledger = venues, gate, ledger
        self._children, self._states, self._outcomes = children, states, outcomes
        gate.venues.open_at, gate.venues.on_watched = children.open_at, self._note_watched
        # The ways to venues that take only so much a second.
        self._lanes: dict[str, Lane] = {}

    def note_more(self, order_id: UUID) -> None:
        """More of an order is executed or at venues than was counted: send no more of it until it is."""
        self._gate.note_more(order_id)

    def note_counted(self, order_id: UUID) -> None:
        """All that venues have of an order was counted when a plan of it was let through."""
        self._gate.note_counted(order_id)

    # ---- what is sent

    def send(self, live: LiveChild, now: datetime, now_s: float) -> bool:
        """Send a child that is certainly not at its venue, let it wait, or close it if neither can be.

        Returns whether it is still live.
        """
        admission = self._admit(live, Turn.ORDER, now_s)
        if admission is Admission.NOW:
            return self._send_now(live, now, now_s)
        # Its venue has it not, or nothing of it would be sent now.
        live.maybe_at_venue = False
        if admission is Admission.FULL:
            self._outcomes.close_unsent(live, now, FULL_TEXT)
        return admission is Admission.WAITS

    def ask(self, live: LiveChild, now_s: float) -> None:
        """Ask a child's venue how it is, now or when its turn comes."""
        turn = Turn.CANCEL_QUESTION if live.canceling else Turn.QUESTION
        if self._admit(live, turn, now_s) is Admission.NOW:
            self._ask_now(live, now_s)

    def cancel(self, live: LiveChild, now: datetime, now_s: float) -> None:
        """Cancel a child that its venue has, now or when its turn comes.

        While a 35=G is out it is not known under which ClOrdID the venue has it: its answer comes first, or
        that to the question how the child is.
        """
        if live.state.replace_is_out and not self._states.is_mute(live.child.venue_id):
            self._children.await_answer(live)
            logon = self._states.logon(live.child.venue_id)
            if logon not in (live.replaced_on_logon, live.asked_on_logon):
                self.ask(live, now_s)
            return
        if self._admit(live, Turn.CANCEL, now_s) is Admission.NOW:
            self._cancel_now(live, now, now_s)

    def replace_problem(self, live: LiveChild, quantity: int, price_micros: int = 0) -> str:
        """Return why a child cannot be changed where it is, empty when it can.

        price_micros: that it is to have; 0, as it is, and then it is to be smaller.
        """
        state, venue_id = live.state, live.child.venue_id
        if live.canceling:
            return "it is being canceled"
        if live.unacked or not self._states.is_up(venue_id):
            return "its venue does not answer"
        if self._states.takes_no_replace(venue_id):
            return "its venue takes no 35=G"
        if state.replaces.pending_qty:
            return f"it is being made {state.replaces.pending_qty} shares"
        most = state.cum_qty + state.leaves_qty
        if price_micros in (0, state.price_of(live.child.limit_price_micros)):
            most -= 1
        if not state.cum_qty < quantity <= most:
            return f"{quantity} shares, where {state.cum_qty} are done and {state.leaves_qty} open"
        return ""

    def replace(self, live: LiveChild, quantity: int, price_micros: int, now: datetime, now_s: float) -> str:
        """Change a child where it is, now or when its turn comes. Returns why not, empty when that is so.

        What is asked of it is stored before it is forgotten that it was asked.
        """
        self._ask_replace(live, quantity, price_micros)
        self._ledger.reported(live.child, live.state, answers=False)
        admission = self._admit(live, Turn.REPLACE, now_s)
        return "" if admission is Admission.WAITS else self._replace_now(live, now, now_s)

    @staticmethod
    def _ask_replace(live: LiveChild, quantity: int, price_micros: int) -> None:
        wanted = live.state.replaces._replace(pending_qty=quantity, pending_price=price_micros)
        live.state = replace(live.state, replaces=wanted)

    def end(self, live: LiveChild, now: datetime, now_s: float) -> None:
        """Take a child out of the market: close it here if it never left, cancel it if the venue has it.

        One that may or may not be at the venue is asked about first.
        """
        live.canceling = True
        if not live.maybe_at_venue:
            self._outcomes.close_unsent(live, now)
        elif self._states.is_up(live.child.venue_id) and not self._states.is_ambiguous(live):
            self.cancel(live, now, now_s)

    def _send_now(self, live: LiveChild, now: datetime, now_s: float) -> bool:
        """Send a child past the gate, or close it. Returns whether it was sent."""
        venue_id = live.child.venue_id
        refusal = self._gate.outgrown(live.child) or self._gate.refuses(live.child, now_s)
        if refusal:
            self._note_refused(live.child, refusal)
        if refusal or not self._venues.send_order(live.child, now):
            self._outcomes.close_unsent(live, now, refusal or DOWN_TEXT)
            return False
        live.note_sent(self._states.logon(venue_id), now, now_s)
        self._children.await_answer(live)
        counts = metrics.of_venue(venue_id)
        counts.orders_sent.inc()
        counts.sent_shares.inc(live.child.quantity)
        return True

    @staticmethod
    def _note_refused(child: ChildTerms, refusal: str) -> None:
        metrics.gate_refusals_total.labels(refusal.partition(":")[0]).inc()
        log.warning("child_refused", cl_ord_id=child.cl_ord_id, venue=child.venue_id, problem=refusal)

    @staticmethod
    def _note_watched(child: ChildTerms, found: str) -> None:
        metrics.venue_limits_watched_total.labels(found.partition(":")[0]).inc()
        log.info("venue_limit_watched", cl_ord_id=child.cl_ord_id, venue=child.venue_id, found=found)

    def _ask_now(self, live: LiveChild, now_s: float) -> bool:
        venue_id = live.child.venue_id
        ask_id = f"{live.child.cl_ord_id}-H{self._venues.out_numbers(venue_id).unique}"
        if not self._venues.ask_status(live.child, live.state.replaces.named, ask_id):
            return False
        live.note_asked(ask_id, self._states.logon(venue_id), now_s)
        metrics.status_requests_total.labels(venue_id).inc()
        return True

    def _cancel_now(self, live: LiveChild, now: datetime, now_s: float) -> bool:
        venue_id = live.child.venue_id
        cl_ord_id = cancel_cl_ord_id(live.child.cl_ord_id, self._venues.out_numbers(venue_id).unique)
        named = live.state.replaces.named
        if not self._venues.send_cancel(live.child, named, cl_ord_id, now):
            return False
        live.canceled_as = named
        live.canceled_on_logon = self._states.logon(venue_id)
        live.last_try_s = now_s
        self._children.await_answer(live)
        metrics.cancels_sent_total.labels(venue_id).inc()
        return True

    def _replace_now(self, live: LiveChild, now: datetime, now_s: float) -> str:
        """Send the 35=G that a child's state asks for. Returns why not, empty when it was sent.

        Another price has to pass the gate, as an order has.
        """
        child, replaces = live.child, live.state.replaces
        price = replaces.pending_price or live.state.price_of(child.limit_price_micros)
        wanted = child if price == child.limit_price_micros else replace(child, limit_price_micros=price)
        if replaces.pending_price:
            refusal = self._gate.refuses(wanted, now_s, moves=True)
            if refusal:
                self._note_refused(child, refusal)
                return refusal
        cl_ord_id = replace_cl_ord_id(child.cl_ord_id, self._venues.out_numbers(child.venue_id).unique)
        pending = self._venues.send_replace(wanted, replaces.named, cl_ord_id, replaces.pending_qty, now)
        if not pending:
            return DOWN_TEXT
        logon = self._states.logon(child.venue_id)
        live.note_replace_sent(replaces._replace(pending=pending), logon, now_s)
        self._ledger.reported(child, live.state, answers=False)
        self._children.await_answer(live)
        metrics.replaces_sent_total.labels(child.venue_id).inc()
        return ""

    # ---- what waits for its turn

    def use_throttle(self, venue_id: str, throttle: Throttle | None) -> None:
        """Send a venue no more than it takes; None: all at once."""
        self._lanes.pop(venue_id, None)
        if throttle is not None:
            self._lanes[venue_id] = Lane(throttle)

    def send_waiting(self, now: datetime, now_s: float) -> None:
        """Send what had to wait until its venue takes more."""
        for lane in self._lanes.values():
            while (waiting := lane.next(now_s)) is not None:
                turn, cl_ord_id = waiting
                live = self._children.live(cl_ord_id)
                if live is None or not self._states.is_up(live.child.venue_id):
                    continue
                match turn:
                    case Turn.ORDER:
                        sent = not live.maybe_at_venue and self._send_now(live, now, now_s)
                    case Turn.CANCEL:
                        sent = self._cancel_now(live, now, now_s)
                    case Turn.REPLACE:
                        sent = self._replace_in_turn(live, now, now_s)
                    case _:
                        sent = self._ask_now(live, now_s)
                if sent:
                    lane.note_sent(now_s)

    def _replace_in_turn(self, live: LiveChild, now: datetime, now_s: float) -> bool:
        """Send a 35=G whose turn has come, if its child can still be changed so."""
        wanted = live.state.replaces
        if not wanted.pending_qty:
            # Its session ended meanwhile, and core was told.
            return False
        live.state = replace(live.state, replaces=wanted.settled)
        problem = self.replace_problem(live, wanted.pending_qty, wanted.pending_price)
        if not problem:
            self._ask_replace(live, wanted.pending_qty, wanted.pending_price)
            problem = self._replace_now(live, now, now_s)
        if problem:
            self._outcomes.keep_unchanged(live, problem, now)
        return not problem

    def waits_for_turn(self, live: LiveChild) -> bool:
        """Say whether anything about a child waits until its venue takes more."""
        lane = self._lanes.get(live.child.venue_id)
        return lane is not None and lane.waits(live.child.cl_ord_id)

    def _admit(self, live: LiveChild, turn: Turn, now_s: float) -> Admission:
        """Ask whether a message may leave now."""
        venue_id = live.child.venue_id
        lane = self._lanes.get(venue_id)
        if lane is None or not self._states.is_up(venue_id):
            return Admission.NOW
        found = lane.admit(turn, live.child.cl_ord_id, now_s)
        if found is not Admission.NOW:
            metrics.throttled_total.labels(venue_id, found.name).inc()
        return found

    def is_complaint(self, inbound: Inbound, live: LiveChild, now_s: float) -> bool:
        """Send a venue nothing for a while when it says that it gets too much. Returns whether that is all.

        A cancel or a question that it refused so is sent again; an order goes elsewhere.
        """
        venue_id = live.child.venue_id
        lane = self._lanes.get(venue_id)
        if lane is None or (isinstance(inbound, Report) and inbound.exec_type is not ExecType.REJECTED):
            return False
        if not lane.is_complaint(inbound.text):
            return False
        lane.back_off(now_s)
        metrics.throttled_total.labels(venue_id, "REFUSED").inc()
        log.warning("venue_throttles", venue=venue_id, text=inbound.text, backoff_ms=lane.terms.backoff_ms)
        if (isinstance(inbound, CancelRefusal) and not live.state.replace_is_out) or (
            isinstance(inbound, MessageRefusal) and inbound.ref_msg_type == "F"
        ):
            live.canceled_on_logon = 0
            lane.admit(Turn.CANCEL, live.child.cl_ord_id, now_s)
            return True
        if isinstance(inbound, MessageRefusal) and inbound.ref_msg_type == "H":
            lane.admit(Turn.QUESTION, live.child.cl_ord_id, now_s)
            return True
        return False
