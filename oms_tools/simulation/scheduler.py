"""One seed, one thread: who works next, what goes wrong next, and in the end quiet.

A run first lets everything go wrong, then nothing any more: everybody works until nothing moves, every order
that is left is canceled, and everybody works until nothing moves again. The same seed, number of orders and
faults give the same run, to the byte.
"""

import hashlib
import itertools
import random
import time
import traceback
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from execution_adapter.ports import FixMessage, Item
from oms_core.ports import AccountLostError, Request
from oms_platform.errors import OperationalError
from oms_platform.exceptions import ExceptionKind
from oms_platform.kafka.memory import Written
from oms_platform.messages import SubmitOrder
from oms_platform.vocabulary import ChildTerms, Side
from oms_tools.simulation.carriers import SimulatedCrashError
from oms_tools.simulation.clock import SimulatedClock
from oms_tools.simulation.ingest import Ingest
from oms_tools.simulation.invariants import Auditor
from oms_tools.simulation.kills import FLATTEN, KILL
from oms_tools.simulation.results import Result, Violation
from oms_tools.simulation.rules import FLAT, BrokenError
from oms_tools.simulation.system import (
    MARKET_ORDER_AGE_MAX,
    QUOTE_AGE_S_MAX,
    SYMBOLS,
    AdapterComponent,
    Component,
    System,
)
from oms_tools.simulation.venues import SimulatedVenue
from oms_tools.simulation.world import FAULTS, LOSING, draw_setting
from simulators.broker.market import markets_of
from simulators.broker.protocol import Saying

STEP_S: Final = 0.004
# Steps without an end after the last order are a broken invariant themselves.
STEPS_PER_ORDER_MAX: Final = 400
QUIET_ROUNDS_MAX: Final = 1_500
# At what part of the orders everything is flattened, whatever else goes wrong.
FLATTEN_AT: Final = 0.5
# Until every position is to be flat that a switch closes.
FLATTEN_ROUNDS_MAX: Final = 1_500
# Rounds in which nothing goes wrong any more but what the venues do.
UNKIND_ROUNDS: Final = 60
# In each of them clients cancel one order, and one more for so many.
CANCELS_PART: Final = 250
QUIET_STEP_S: Final = 0.2
# Rounds of that length in which a pegged order is moved: a look (every 250 ms), the way there and back.
PEG_ROUNDS: Final = 6
QUIET_JUMP_S: Final = 5.0
# Orders that every run ends with, beside those that it was asked for.
RESTING_PEGS: Final = tuple((symbol, side) for symbol in SYMBOLS for side in (Side.BUY, Side.SELL))
DOWN_S_MAX: Final = 3.0
# Seeds differ in how much of what goes wrong.
_INTENSITIES: Final = (0.3, 1.0, 1.0, 3.0, 10.0)
STALL_S_MAX: Final = 10.0


class Simulation:
    """One run."""

    def __init__(
        self,
        seed: int,
        orders: int,
        faults: Sequence[str] = FAULTS,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.seed = seed
        self._orders = orders
        self._faults = frozenset(faults)
        self._trace = trace
        self.draws = random.Random(f"oms simulate/{seed}")  # noqa: S311  (a simulation, not a secret)
        self.counts: Counter[str] = Counter()
        self.clock = SimulatedClock()
        self.step_number = 0
        self._digest = hashlib.blake2b(digest_size=16)
        setting = draw_setting(self.draws, self._faults)
        self.auditor = Auditor(
            setting.buying_power,
            MARKET_ORDER_AGE_MAX,
            QUOTE_AGE_S_MAX,
            self._quote_age_s,
            setting.calendar,
        )
        self.system = System(
            setting,
            self.clock,
            self.draws,
            self.counts,
            self.auditor,
            on_write=self._written,
            on_saying=self._said,
            on_forgery=self._forging,
            on_send=self._sending,
            seed=seed,
        )
        self.auditor.holds = lambda: self.system.kills.is_blind("core")
        self.auditor.on_own = self._taken
        self.ingest = Ingest(self.system, self.draws, self.counts, self._taken)
        self._actions, self._weights = self._plan()

    # ---- the world

    def _plan(self) -> tuple[list[Callable[[], None]], list[float]]:
        """Return what may happen next, with how often."""
        system = self.system
        always: list[tuple[float, Callable[[], None]]] = [
            (8, self._order),
            (2.5, self.ingest.cancel_any),
            (3.0, self.ingest.change_any),
            (8, self.ingest.publish),
            *[(14 / len(system.cores), self._stepper(core)) for core in system.cores],
            (8, self._stepper(system.router)),
            (12, self._adapter),
            (8, self._deliver),
            (8, self._read),
            (3, self._decide),
            (4, self._requote),
            (4, self._connect),
            (2, self._deliver_queued),
        ]
        faulty: list[tuple[str, float, Callable[[], None]]] = [
            ("crash", 0.15, self._crash),
            ("torn", 0.25, self._tear),
            ("flush", 0.15, self._fail_flush),
            ("stall", 0.1, self._stall),
            ("jump", 0.15, self._jump),
            ("wipe", 0.03, self._wipe),
            ("rebalance", 0.3, self._rebalance),
            ("rebalance", 0.4, self._join),
            ("disconnect", 0.3, self._disconnect),
            ("venue", 0.08, self._restart_venue),
            ("unkind", 0.02, self._end_day),
            ("feed", 0.05, self._feed),
            ("gateway", 0.15, self.ingest.crash),
            ("repeat", 0.5, self.ingest.repeat),
            ("forged", 0.2, self._forge),
            ("crash", 0.5, system.broker.deliver_late),
        ]
        intensity = {fault: self.draws.choice(_INTENSITIES) for fault in FAULTS}
        chosen = always + [
            (weight * intensity[fault], action) for fault, weight, action in faulty if fault in self._faults
        ]
        return [action for _, action in chosen], list(itertools.accumulate(weight for weight, _ in chosen))

    # ---- what is seen

    def _quote_age_s(self, symbol: str) -> float:
        return self.system.market.age_s(symbol)

    def _note(self, text: str) -> None:
        if self._trace is not None:
            self._trace(f"{self.step_number} {self.clock.monotonic_s():.6f} {text}")

    def _taken(self, request: Request) -> None:
        self.auditor.request_taken(request)
        if isinstance(request, SubmitOrder):
            self.system.kills.taken(request.order_id, request.terms)
        if self._trace is not None:
            self._note(f"taken {request!r}")

    def _written(self, record: Written) -> None:
        self._digest.update(record.topic.encode())
        self._digest.update(record.payload)
        if self._trace is not None:
            self._note(f"{record.topic} {record.type_name} {record.payload.decode()} {record.reason}")
        self.auditor.written(record)

    def _said(self, venue_id: str, saying: Saying) -> None:
        if self._trace is not None:
            self._note(f"{venue_id} {saying!r}")
        self.auditor.said(venue_id, saying)

    def _forging(self, venue_id: str, exec_id: str, kind: ExceptionKind) -> None:
        self._note(f"{venue_id} forges {exec_id}")
        self.auditor.forged(venue_id, exec_id, kind)

    def _sending(self, child: ChildTerms) -> None:
        self._digest.update(child.cl_ord_id.encode())
        if self._trace is not None:
            self._note(f"35=D {child.cl_ord_id}")
        self.system.kills.sending(child)
        self.auditor.sending(child, self.system.venues)

    # ---- the run

    def run(self) -> Result:
        """Run to the end, or to the first broken invariant."""
        result = Result(seed=self.seed, orders=self._orders)
        began = time.process_time()
        try:
            self._start()
            self._disturb()
            self._calm()
        except BrokenError as error:
            result.violation = Violation(
                seed=self.seed, step=self.step_number, rule=error.rule, text=error.text
            )
        result.seconds = time.process_time() - began
        result.steps, result.simulated_s = self.step_number, self.clock.monotonic_s()
        self.counts["double"] = self.system.broker.doubled
        result.faults = Counter({name: count for name, count in self.counts.items() if count})
        auditor = self.auditor
        result.outcomes = Counter(order.closed or "open" for order in auditor.orders.values())
        result.requests_said = sum(auditor.requests_said.values())
        result.requests_needed = len(auditor.requests_said)
        result.events, result.fills = auditor.events, len(auditor.executions)
        result.digest = self._digest.hexdigest()
        return result

    def _start(self) -> None:
        for symbol in SYMBOLS:
            self._quote(symbol)
        for component in self.system.components:
            self._begin(component)
        for venue in self.system.venues.values():
            self._connect_to(venue)

    def _disturb(self) -> None:
        steps_max = self._orders * STEPS_PER_ORDER_MAX
        draws, total, flattened = self.draws, self._weights[-1], False
        while self.ingest.made < self._orders and self.step_number < steps_max:
            self.step_number += 1
            self.clock.advance(draws.expovariate(1 / STEP_S))
            if FLATTEN in self._faults and not flattened and self.ingest.made >= self._orders * FLATTEN_AT:
                flattened = True
                self.system.kills.flatten_all()
            if KILL in self._faults:
                self.system.kills.step(flattens=FLATTEN in self._faults)
            self._actions[bisect_right(self._weights, draws.random() * total)]()

    def _begin(self, component: Component) -> None:
        self._guard(component, component.begin)

    def _guard(self, component: Component, work: Callable[[], None]) -> None:
        """Let a component work; what ends its process ends its life."""
        self.system.hazard = component.hazard
        try:
            work()
        except SimulatedCrashError as crash:
            self.counts["torn"] += 1
            self._note(f"{component.name} ends at {crash}")
            self._end(component)
        except OperationalError as error:
            self.counts["account lost" if isinstance(error, AccountLostError) else "restart"] += 1
            self._note(f"{component.name} starts again: {error}")
            self._end(component)
        except BrokenError:
            raise
        except Exception as error:
            raise BrokenError("no loop ever stops", f"{component.name}: {traceback.format_exc()}") from error

    def _end(self, component: Component) -> None:
        component.end(0.0 if self.system.quiet else self.draws.random() * DOWN_S_MAX)

    def _work(self, component: Component, work: Callable[[], None]) -> None:
        now_s = self.clock.monotonic_s()
        if not component.alive:
            if now_s >= component.starts_at_s:
                self._note(f"{component.name} begins")
                self._begin(component)
        elif now_s >= component.stalled_until_s:
            self._guard(component, work)

    def _stepper(self, component: Component) -> Callable[[], None]:
        return lambda: self._work(component, component.step)

    # ---- what happens without any fault

    def _order(self) -> None:
        self.ingest.take_order()

    def _adapter(self) -> None:
        self._work(self.system.adapter, self._adapter_step)

    def _adapter_step(self) -> None:
        adapter = self.system.adapter
        if self.draws.random() < 0.7:
            adapter.poll()
        adapter.step()

    def _deliver_queued(self) -> None:
        """Let a producer deliver without a flush."""
        self._anybody().sink.poll()

    def _venue(self) -> SimulatedVenue:
        venues = list(self.system.venues.values())
        return venues[int(self.draws.random() * len(venues))]

    def _deliver(self) -> None:
        if self.system.adapter.alive:
            self._deliver_of(self._venue().venue_id, self.draws.randint(1, 8))

    def _deliver_of(self, venue_id: str, count: int) -> None:
        self._arrive(self.system.sessions.deliver(venue_id, count))

    def _arrive(self, items: list[Item]) -> None:
        """Put what comes of a session into the adapter's inbox."""
        if self._trace is not None:
            for item in items:
                raw = item.raw.replace(b"\x01", b"|") if isinstance(item, FixMessage) else item
                self._note(f"arrives {raw!r}")
        self.system.adapter.arrivals.items += items

    def _read(self) -> None:
        venue = self._venue()
        venue.tick()
        for _ in range(self.draws.randint(1, 4)):
            venue.read_one()

    def _decide(self) -> None:
        for venue in self.system.venues.values():
            if venue.is_asked:
                venue.decide()

    def _requote(self) -> None:
        self._quote(self.draws.choice(SYMBOLS))

    def _quote(self, symbol: str) -> None:
        quote = self.system.market.requote(symbol)
        markets = markets_of(quote)
        for name, venue in self.system.venues.items():
            market = markets.get(name)
            if market is None:
                market = next(iter(markets.values()))
            venue.requote(market)

    def _connect(self) -> None:
        for venue in self.system.venues.values():
            self._connect_to(venue)

    def _connect_to(self, venue: SimulatedVenue) -> None:
        if self.system.adapter.alive and not self.system.sessions.is_connected(venue.venue_id):
            self._note(f"{venue.venue_id} is connected to")
            self.system.sessions.connect(venue.venue_id)

    # ---- what goes wrong

    def _anybody(self) -> Component:
        return self.draws.choice(self.system.components)

    def _crash(self) -> None:
        component = self._anybody()
        if component.alive:
            self.counts["crash"] += 1
            self._note(f"{component.name} ends")
            self._end(component)

    def _tear(self) -> None:
        self._anybody().hazard.arm(self.draws.randint(1, 8))

    def _fail_flush(self) -> None:
        self._anybody().sink.fails_next = True

    def _stall(self) -> None:
        self.counts["stall"] += 1
        self._anybody().stalled_until_s = self.clock.monotonic_s() + self.draws.random() * STALL_S_MAX

    def _jump(self) -> None:
        self.counts["jump"] += 1
        self.clock.advance(self.draws.choice((0.5, 2.0, 6.0, 20.0)))

    def _wipe(self) -> None:
        self.counts["wipe"] += 1
        self._note("Kafka loses everything")
        for component in self.system.components:
            if component.alive:
                self._end(component)
        self.system.wipe_kafka()
        self.auditor.kafka_wiped()

    def _rebalance(self) -> None:
        """Let partitions change hands; each core learns of it when it joins."""
        cores = self.system.cores
        if len(cores) > 1:
            self.counts["rebalance"] += 1
            numbers = range(self.system.setting.partitions)
            owners = {number: self.draws.choice(cores) for number in numbers}
            for core in cores:
                core.assigned = {number for number, owner in owners.items() if owner is core}

    def _join(self) -> None:
        core = self.draws.choice(self.system.cores)
        if core.alive and core.owned != core.assigned:
            self._note(f"{core.name} joins with {sorted(core.assigned)}")
            self._work(core, core.join)

    def _disconnect(self) -> None:
        venue = self._venue()
        if self.system.adapter.alive and self.system.sessions.is_connected(venue.venue_id):
            self.counts["disconnect"] += 1
            self._note(f"{venue.venue_id} loses its session")
            self._arrive(self.system.sessions.disconnect(venue.venue_id, "the connection broke"))

    def _restart_venue(self) -> None:
        venue = self._venue()
        self.counts["venue"] += 1
        self._note(f"{venue.venue_id} restarts")
        venue.restart()

    def _end_day(self) -> None:
        self.counts["day ends"] += 1
        self._venue().end_day()

    def _feed(self) -> None:
        self.counts["feed"] += 1
        self.system.market.dead = not self.system.market.dead

    def _forge(self) -> None:
        self._venue().forge()

    # ---- quiet

    def _calm(self) -> None:
        """Let nothing go wrong any more, and what venues do last; then let all settle.

        Once as it is, and once after a cancel of what is left.
        """
        system = self.system
        system.quiet = True
        system.broker.doubles = 0.0
        system.market.dead = False
        system.kills.calm()
        for component in system.components:
            component.stalled_until_s = component.starts_at_s = 0.0
            component.sink.fails_next = False
            component.hazard.disarm()
        for core in system.cores:
            core.assigned = {
                number
                for number in range(system.setting.partitions)
                if number % len(system.cores) == system.cores.index(core)
            }
        self._end_unkindly()
        self._settle()
        self._let_pegs_follow()
        self._check()
        if self.ingest.cancel_open():
            self._settle()
            self._check()
        if not self._faults & LOSING:
            self.auditor.check_said()
        for order_id, order in self.auditor.orders.items():
            if not order.closed:
                raise BrokenError("no live order is forgotten", f"{order_id} stays open after its cancel")
        if FLATTEN in self._faults:
            self._flatten_all()

    def _flatten_all(self) -> None:
        """Close every position, where nothing goes wrong any more, and hold that all of them end flat."""
        system, held = self.system, self.auditor.accounts.held
        system.kills.flatten_all()
        for _ in range(FLATTEN_ROUNDS_MAX):
            if not any(one.quantity for one in held.values()):
                break
            self.step_number += 1
            self._round()
            self.clock.advance(QUIET_STEP_S)
        left = {key: one.quantity for key, one in held.items() if one.quantity}
        if left:
            raise BrokenError(FLAT, f"{left} are held after {FLATTEN_ROUNDS_MAX} rounds")
        system.kills.calm()
        self._settle()
        self._check()

    def _end_unkindly(self) -> None:
        """Work on while venues alone do wrong, and clients cancel; then venues are kind."""
        for _ in range(UNKIND_ROUNDS):
            self.step_number += 1
            for _ in range(1 + self._orders // CANCELS_PART):
                self.ingest.cancel_any()
            self._round()
            self.clock.advance(QUIET_STEP_S)
        for venue in self.system.venues.values():
            venue.be_kind()

    def _let_pegs_follow(self) -> None:
        """Let pegged orders come to rest, cores begin anew where that may be, and the market go on.

        Then it stands still, on a feed that goes on, until whoever follows it is there.
        """
        for symbol, side in RESTING_PEGS:
            self.ingest.take_resting_peg(symbol, side)
        self._settle()
        if "crash" in self._faults:
            for core in self.system.cores:
                self._end(core)
        for still, rounds in ((False, PEG_ROUNDS), (True, 2 * PEG_ROUNDS)):
            self.system.market.still = still
            self._go_round_while_open(rounds)
        self._settle()

    def _go_round_while_open(self, rounds: int) -> None:
        """Let everybody work so often in one session: what follows the market waits while it is closed."""
        left, calendar = rounds, self.system.setting.calendar
        for _ in range(QUIET_ROUNDS_MAX):
            self.step_number += 1
            self._round()
            left = left - 1 if calendar.phase(self.clock.now()).open else rounds
            if not left:
                return
            self.clock.advance(QUIET_STEP_S)

    def _check(self) -> None:
        system = self.system
        self.auditor.check_quiet(system.order_store, system.venues, system.child_store)
        self.auditor.check_pegs_at_rest({name: system.market.mid_micros(name) for name in SYMBOLS})

    def _settle(self) -> None:
        idle_rounds = 0
        for _ in range(QUIET_ROUNDS_MAX):
            self.step_number += 1
            if self._is_still():
                return
            moved = self._round()
            idle_rounds = 0 if moved else idle_rounds + 1
            self.clock.advance(QUIET_STEP_S if idle_rounds < 3 else QUIET_JUMP_S)
        raise BrokenError("everything comes to rest", self._unrest())

    def _round(self) -> bool:
        """Let everybody work once. Returns whether anything moved."""
        system = self.system
        before = (system.broker.size, system.order_store.commits, self._fix_messages())
        for symbol in SYMBOLS:
            self._quote(symbol)
        self.ingest.publish_all()
        for component in system.components:
            component.sink.deliver_queued()
        while system.broker.late:
            system.broker.deliver_late()
        for core in system.cores:
            if core.alive and core.owned != core.assigned:
                self._guard(core, core.join)
            self._work(core, core.step)
        self._work(system.router, system.router.step)
        self._work(system.adapter, self._drain_adapter)
        for venue in system.venues.values():
            self._connect_to(venue)
            venue.tick()
            while venue.waits:
                venue.read_one()
            while venue.is_asked:
                venue.decide()
        return before != (system.broker.size, system.order_store.commits, self._fix_messages())

    def _drain_adapter(self) -> None:
        adapter: AdapterComponent = self.system.adapter
        adapter.poll()
        for venue_id in self.system.venues:
            self._deliver_of(venue_id, 1_000)
        adapter.step()

    def _fix_messages(self) -> int:
        return sum(venue.messages for venue in self.system.venues.values())

    def _is_still(self) -> bool:
        return not self._unrest()

    def _unrest(self) -> str:
        """Say what still moves, empty when nothing does."""
        system = self.system
        for component in system.components:
            if not component.alive or component.sink.waits:
                return f"{component.name} is down or has not flushed"
        for core in system.cores:
            if core.owned != core.assigned:
                return f"{core.name} has not joined"
            if core.source.waits:
                return f"{core.name} has something to read"
            if core.core.desk.owed:
                return f"{core.name} waits for {len(core.core.desk.owed)} answers"
        if self.ingest.waits or system.order_store.has_unanswered:
            return "requests have no outcome"
        if system.router.source.waits or system.adapter.source.waits or system.adapter.arrivals.items:
            return "router or adapter has something to read"
        for name, venue in system.venues.items():
            if not system.sessions.is_up(name) or system.sessions.waits(name):
                return f"{name} has something to say"
            if venue.waits or venue.is_asked or venue.is_away:
                return f"{name} has something to do"
        return self._unrest_at_the_end()

    def _unrest_at_the_end(self) -> str:
        """Say what is left to do when everything is read."""
        system = self.system
        if system.adapter.ledger.waits:
            return "the adapter has something to store"
        unanswered = system.adapter.manager.unanswered
        if unanswered:
            return f"the adapter waits for {unanswered} answers of venues"
        if not system.setting.calendar.phase(self.clock.now()).open:
            return "orders wait for the open"
        late = self.auditor.past_its_time(self.clock.now())
        if late is not None:
            return f"{late} goes on though its time is over"
        held = self.auditor.held_by_the_hour()
        return "" if held is None else f"{held} waits for an open that is over"
