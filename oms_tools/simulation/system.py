"""The services put together over stores, carriers and venues in memory; their lives may end anywhere.

A life begins as the service's bootstrap begins it, from what is stored, and ends with everything that it kept
in memory.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final, cast
from uuid import UUID

from execution_adapter.domain.gate import Closes, Parent, WireGate
from execution_adapter.domain.ledger import Ledger
from execution_adapter.entrypoints.main_loop import AdapterLoop, Pace, ReportsOutlet
from execution_adapter.entrypoints.start_up import republish_to_new_kafka, resume_sessions, unsettled_messages
from execution_adapter.handlers import ChildOrderManager
from execution_adapter.ports import Item, Routed, SessionDown
from oms_core.adapters.quote_board import StreamedQuoteBoard
from oms_core.domain.desk import Desk
from oms_core.domain.order import Order
from oms_core.domain.risk import AccountTerms, InstrumentTerms
from oms_core.entrypoints.loop import CoreLoop
from oms_core.entrypoints.republication import ROUTER_GROUP
from oms_core.handlers import Core
from oms_platform.exceptions import ExceptionKind
from oms_platform.kafka.memory import Written
from oms_platform.kill_switches import Owner, owner_of
from oms_platform.market_data import QuoteFeed
from oms_platform.market_rules import LONG_STANDING
from oms_platform.risk_rules import RuleRow
from oms_platform.trading_calendar import Calendar
from oms_platform.vocabulary import ChildTerms
from oms_platform.wire import Topic
from oms_tools.simulation.carriers import (
    Hazard,
    SimulatedBroker,
    SimulatedSink,
    SimulatedSource,
    partition_of,
)
from oms_tools.simulation.clock import SeededIds, SimulatedClock
from oms_tools.simulation.followed_accounts import fees_of
from oms_tools.simulation.hours import LISTING_VENUES
from oms_tools.simulation.kills import SimulatedKills
from oms_tools.simulation.market import SimulatedMarket
from oms_tools.simulation.sessions import SimulatedSessions
from oms_tools.simulation.stores import (
    SimulatedChildStore,
    SimulatedOrderStore,
    SimulatedRouteStore,
    Watcher,
)
from oms_tools.simulation.venues import SimulatedVenue
from simulators.broker.engine import Behaviour
from simulators.broker.protocol import FaultKind, Saying
from sor_engine.domain.market import Venue
from sor_engine.domain.profile import Profile, read_profile
from sor_engine.entrypoints.route_requests import RouteRequestLoop
from sor_engine.handlers import RoutingContext
from sor_engine.ports import Reference, ReferenceContent, StoredProfile

SYMBOLS: Final = ("AAPL", "MSFT")
LIT: Final = ("XNYS", "ARCX", "BATS")
DARK: Final = "DARK"
PROFILES: Final = ("best", "sweep", "split", "staged", "passive", "dark", "urgency")
QUOTE_AGE_S_MAX: Final = 10.0
MARKET_ORDER_AGE_MAX: Final = timedelta(seconds=20)
STATUS_TIMEOUT_S: Final = 5.0
_WEIGHTS: Final = {"price": "0.5", "liquidity": "0.25", "fill_rate": "0.15", "cost": "0.1"}


def _profiles() -> dict[str, tuple[StoredProfile, Profile]]:
    found: dict[str, tuple[StoredProfile, Profile]] = {}
    for name in PROFILES:
        settings = {"strategy": name, "weights": _WEIGHTS, "aggression_ticks": 2}
        found[name] = (StoredProfile(1, settings), read_profile(name, 1, settings))
    return found


_PROFILES: Final = _profiles()


class SimulatedReference:
    """Venues, profiles and ticks; a venue whose session is down takes nothing, as far as the router knows.

    up: by venue, whether the adapter says that its session is.
    """

    def __init__(self, venues: Iterable[str], up: Mapping[str, bool], default_profile: str) -> None:
        self._up = up
        self._default_profile = default_profile
        self._known = tuple(
            Venue(
                venue_id=name,
                lit=name != DARK,
                active=True,
                latency_us=500,
                add_fee=Decimal("-0.0020"),
                remove_fee=Decimal("0.0030"),
                auction_orders=name in LISTING_VENUES.values(),
            )
            for name in venues
        )

    def load(self) -> Reference:
        """Read all of it."""
        return Reference(
            content=ReferenceContent(
                venues=self._known,
                profiles={name: stored for name, (stored, _) in _PROFILES.items()},
                closed={name: "session down" for name, up in self._up.items() if not up},
            ),
            profiles={name: profile for name, (_, profile) in _PROFILES.items()},
            default_profile=self._default_profile,
            accounts={},
            rules=LONG_STANDING.on(LONG_STANDING.sets[0].effective_from),
            reference_micros=dict.fromkeys(SYMBOLS, 100_000_000),
            listing_venues=LISTING_VENUES,
        )


class SimulatedArrivals:
    """The adapter's inbox."""

    def __init__(self, hazard: Hazard) -> None:
        self._hazard = hazard
        self.items: list[Item] = []

    def take(self, timeout_s: float) -> Sequence[Item]:
        """Return everything that is there."""
        self._hazard.cross("take")
        taken, self.items = self.items, []
        return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a seed draws once: how the world is. calendar: of its market.

    buying_power: of each account, micros, which is among the rules. rates: of each venue's faults. unread:
    the chance that it answers an order by 35=j.
    """

    partitions: int
    cores: int
    accounts: Mapping[str, AccountTerms]
    buying_power: Mapping[str, int]
    rules: tuple[RuleRow, ...]
    behaviours: Mapping[str, Behaviour]
    rates: Mapping[str, Mapping[FaultKind, float]]
    unread: Mapping[str, float]
    default_profile: str
    doubles: float
    calendar: Calendar
    pace: Pace


class Component:
    """One process: a life at a time."""

    def __init__(self, name: str, system: "System") -> None:
        self.name = name
        self.system = system
        self.alive = False
        self.starts_at_s = 0.0
        self.stalled_until_s = 0.0
        self.hazard = Hazard()
        self.sink = SimulatedSink(system.broker, system.draws, self.hazard, system.counts)

    def begin(self) -> None:
        """Begin a life: nothing is in memory."""
        self.hazard = Hazard()
        self.sink = SimulatedSink(self.system.broker, self.system.draws, self.hazard, self.system.counts)
        self.system.hazard = self.hazard
        self.start()
        self.alive = True

    def end(self, after_s: float) -> None:
        """End the life; the next one begins `after_s` later."""
        self.alive = False
        self.sink.abandon()
        self.starts_at_s = self.system.clock.monotonic_s() + after_s
        self.stop()

    def start(self) -> None:
        """Do what the service's bootstrap does."""
        raise NotImplementedError

    def stop(self) -> None:
        """Let go of what outlives the memory."""

    def step(self) -> None:
        """Let the loop take one step."""
        raise NotImplementedError

    def _source(
        self, topics: Sequence[Topic], offsets: Mapping[tuple[str, int], int], owned: set[int] | None = None
    ) -> SimulatedSource:
        system = self.system
        source = SimulatedSource(system.broker, topics, offsets, system.draws, self.hazard, owned)
        source.quiet = system.quiet
        return source


class CoreComponent(Component):
    """A core. assigned: what the group gave it; owned: what it believes to own."""

    def __init__(self, name: str, system: "System", assigned: set[int]) -> None:
        super().__init__(name, system)
        self.assigned = assigned
        self.owned: set[int] = set()
        self.core: Core
        self.loop: CoreLoop
        self.source: SimulatedSource

    def start(self) -> None:
        """Rebuild the desk of what is assigned."""
        system = self.system
        self.core = Core(
            desk=Desk(),
            store=system.order_store,
            # Of the feed, the board asks for no more than the market has.
            quotes=StreamedQuoteBoard(cast(QuoteFeed, system.market), QUOTE_AGE_S_MAX),
            market_order_age_max=MARKET_ORDER_AGE_MAX,
            new_id=system.new_id,
            stopwatch_ns=system.clock.monotonic_ns,
            kills=system.kills.board(self.name),
        )
        self.owned = set(self.assigned)
        self.source = self._source((Topic.INBOUND, Topic.FILLS), system.order_store.offsets, self.owned)
        self.loop = CoreLoop(
            core=self.core,
            store=system.order_store,
            consumer=self.source,
            publisher=self.sink,
            ring=self,
            clock=system.clock.now,
        )
        self.loop.take_partitions(set(self.owned))

    def join(self) -> None:
        """Take part in a rebalance: give up everything, then take what is assigned."""
        self.loop.drop_partitions()
        self.owned = set(self.assigned)
        self.source.assign(self.owned, self.system.order_store.offsets)
        self.loop.take_partitions(set(self.owned))

    def step(self) -> None:
        """Let the loop take one step."""
        self.loop.step(0)

    def ends(self, topic: Topic) -> Mapping[int, int]:
        """Return how far a topic reaches."""
        return self.system.broker.ends(topic)

    def read_up_to(self, topic: Topic, group: str) -> Mapping[int, int]:
        """Return how far a group has read."""
        if not group:
            return self.source.reached(topic)
        system = self.system
        offsets = system.route_store.offsets if group == ROUTER_GROUP else system.child_store.offsets
        return {number: offset for (name, number), offset in offsets.items() if name == topic.value}


class RouterComponent(Component):
    """The router."""

    def start(self) -> None:
        """Begin where the stored offsets are."""
        system = self.system
        self.source = self._source((Topic.VALIDATED,), system.route_store.offsets)
        self.loop = RouteRequestLoop(
            consumer=self.source,
            publisher=self.sink,
            store=system.route_store,
            references=system.reference,
            context=RoutingContext(
                quotes=system.market,
                clock=system.clock.now,
                stopwatch=system.clock.monotonic_ns,
                quote_age_ms_max=2_000,
                quote_timeout_ms=0,
                kills=system.kills.board(self.name),
            ),
            refresh_s=1.0,
            monotonic_s=system.clock.monotonic_s,
        )

    def step(self) -> None:
        """Let the loop take one step."""
        self.loop.step(0)


class AdapterComponent(Component):
    """The adapter."""

    def start(self) -> None:
        """Take up sessions where everything is durable, and work through the plans that wait."""
        system = self.system
        self.arrivals = SimulatedArrivals(self.hazard)
        self.outlet = ReportsOutlet(self.sink, system.new_id)
        incarnation = str(system.broker.incarnation)
        self.ledger = Ledger(incarnation, resume_sessions(system.sessions, system.child_store, incarnation))
        gate = WireGate(kills=system.kills.board(self.name))
        self.manager = ChildOrderManager(
            system.sessions, self.outlet, self.ledger, STATUS_TIMEOUT_S, gate=gate
        )
        self.manager.load(system.child_store.live())
        starting = {venue_id: SessionDown(venue_id, "the adapter starts") for venue_id in system.venues}
        system.child_store.write_sessions(starting, system.clock.now())
        self.loop = AdapterLoop(
            arrivals=self.arrivals,
            store=system.child_store,
            venues=system.sessions,
            venue_ids=system.sessions.venues,
            manager=self.manager,
            ledger=self.ledger,
            publisher=self.sink,
            outlet=self.outlet,
            clock=system.clock.now,
            monotonic_s=system.clock.monotonic_s,
            pace=system.setting.pace,
        )
        republish_to_new_kafka(system.child_store, self.manager, incarnation, system.clock.now())
        offsets = system.child_store.offsets
        self.source = self._source((Topic.ROUTED,), offsets)
        ends = {(Topic.ROUTED.value, n): end for n, end in system.broker.ends(Topic.ROUTED).items()}
        self.loop.catch_up(self.source, ends, offsets)
        self.loop.read_again(unsettled_messages(system.child_store, system.venues, incarnation))
        self.loop.reserve_numbers()

    def stop(self) -> None:
        """Lose every connection."""
        self.system.sessions.end()

    def poll(self) -> None:
        """Let Kafka's thread put a batch into the inbox."""
        batch = self.source.poll()
        if batch.next_offsets:
            self.arrivals.items.append(Routed(batch))

    def step(self) -> None:
        """Let the loop take one step."""
        self.loop.step()


class System:
    """Everything that there is, and what outlives a crash."""

    def __init__(
        self,
        setting: Setting,
        clock: SimulatedClock,
        draws: random.Random,
        counts: Counter[str],
        watcher: Watcher,
        *,
        on_write: Callable[[Written], None],
        on_saying: Callable[[str, Saying], None],
        on_forgery: Callable[[str, str, ExceptionKind], None],
        on_send: Callable[[ChildTerms], None],
        seed: int,
    ) -> None:
        self.setting = setting
        self.clock = clock
        self.draws = draws
        self.counts = counts
        self.quiet = False
        self.hazard = Hazard()
        self.new_id = SeededIds(clock, draws)
        self.kills = SimulatedKills(seed, setting.accounts, SYMBOLS, (*LIT, DARK), counts)
        self.broker = SimulatedBroker(setting.partitions, draws, on_write, setting.doubles)
        self.market = SimulatedMarket(SYMBOLS, LIT, clock, draws)
        # Of earlier incarnations of Kafka: how far core had read the fills.
        self._core_read: dict[tuple[str, int], int] = {}
        self.order_store = SimulatedOrderStore(
            setting.accounts,
            {
                symbol: InstrumentTerms(
                    symbol=symbol,
                    active=True,
                    calendar_id=setting.calendar.calendar_id,
                    reference_micros=100_000_000,
                    listing_venue=LISTING_VENUES[symbol],
                )
                for symbol in SYMBOLS
            },
            lambda account: partition_of(account, setting.partitions),
            self._cross,
            watcher,
            setting.calendar,
            setting.rules,
        )
        self.order_store.set_fees(fees_of((*LIT, DARK)))
        self.route_store = SimulatedRouteStore(self._cross)
        self.child_store = SimulatedChildStore(
            open_orders=self._open_orders,
            parent_of=self._parent,
            owner_of=self._owner,
            core=self._core_offsets,
            cross=self._cross,
            watcher=watcher,
        )
        self.venues = {
            name: SimulatedVenue(
                name,
                dark=name == DARK,
                symbols=SYMBOLS,
                seed=seed,
                behaviour=setting.behaviours[name],
                rates=setting.rates[name],
                unread=setting.unread[name],
                calendar=setting.calendar,
                clock=clock,
                draws=draws,
                counts=counts,
                watch=on_saying,
                forged=on_forgery,
            )
            for name in (*LIT, DARK)
        }
        self.sessions = SimulatedSessions(self.venues, clock, on_send)
        self.reference = SimulatedReference(self.venues, self.child_store.sessions, setting.default_profile)
        numbers = range(setting.partitions)
        self.cores = [
            CoreComponent(f"core{number}", self, {n for n in numbers if n % setting.cores == number})
            for number in range(setting.cores)
        ]
        self.router = RouterComponent("router", self)
        self.adapter = AdapterComponent("adapter", self)
        self.components: tuple[Component, ...] = (*self.cores, self.router, self.adapter)

    def _cross(self, port: str) -> None:
        self.hazard.cross(port)

    def _parent(self, order_id: UUID) -> Parent | None:
        """Return an order as the gateway stored it, for the adapter."""
        order = self.order_store.orders.get(order_id)
        if order is None:
            return None
        terms = order.terms
        return Parent(
            account_id=terms.account_id,
            symbol=terms.symbol,
            side=terms.side,
            quantity=terms.quantity,
            limit_price_micros=terms.limit_price_micros,
            closed=order.closed,
            pegged=terms.peg is not None,
            closes=self._closes(order),
        )

    def _closes(self, order: Order) -> Closes | None:
        """Return what an order closes for a switch, for the adapter."""
        store, terms = self.order_store, order.terms
        closing = store.closings.get(order.order_id)
        if closing is None:
            return None
        position = store.positions.get((terms.account_id, terms.symbol))
        return Closes(
            switch_id=closing.switch_id,
            held_then=closing.held,
            held=0 if position is None else position.quantity,
            applied_qty=order.cum_qty,
        )

    def _owner(self, order_id: UUID) -> Owner | None:
        """Return who asked for an order, for the adapter."""
        order = self.order_store.orders.get(order_id)
        return None if order is None else owner_of(order.terms)

    def _open_orders(self) -> frozenset[UUID]:
        return frozenset(order_id for order_id, order in self.order_store.orders.items() if not order.closed)

    def _core_offsets(self) -> Mapping[tuple[str, int], int]:
        return {**self._core_read, **self._core_reads_now()}

    def _core_reads_now(self) -> dict[tuple[str, int], int]:
        incarnation = str(self.broker.incarnation)
        return {
            (incarnation, number): offset
            for (topic, number), offset in self.order_store.offsets.items()
            if topic == Topic.FILLS.value
        }

    def wipe_kafka(self) -> None:
        """Lose everything that Kafka has: stored offsets mean nothing to the next incarnation."""
        self._core_read.update(self._core_reads_now())
        self.broker.wipe()
        self.order_store.offsets = {}
        self.route_store.offsets = {}
        self.child_store.offsets = {}
