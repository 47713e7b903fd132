"""An order and its children as core's events tell of them: the auditor's model, which asks no service."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import structs

from oms_platform.order_types import BOOKED
from oms_platform.vocabulary import AlgoPlanned, AuctionTimes, ChildTerms, ExecInst, OrderTerms, TimeInForce

# What an algo could not do by its end may be done for so long.
_ALGO_GRACE: Final = timedelta(seconds=5)


@dataclass(slots=True)
class FollowedChild:
    """A venue order as the core's events tell of it.

    executed: net of what its venue took back. unresolved: what its venue says is executed and did not report.
    kept: its venue refused the pending cancel. shown: shares that it shows where it rests. price: at its
    venue, of what rests of a pegged order. said_filled: its venue said so, of fewer shares than it was sent.
    """

    venue_id: str
    quantity: int
    executed: int = 0
    unresolved: int = 0
    live: bool = True
    kept: bool = False
    shown: int = 0
    price: int = 0
    said_filled: bool = False

    @property
    def filled(self) -> bool:
        """Whether it is over because nothing is left: a replace in flight may still make it larger."""
        return not self.live and (self.said_filled or self.executed + self.unresolved >= self.quantity)

    @property
    def leaves(self) -> int:
        """What may still trade."""
        return self.quantity - self.executed - self.unresolved if self.live else 0

    def settle(self) -> None:
        """Be over when nothing is left."""
        self.live = self.live and self.executed + self.unresolved < self.quantity


def followed_child(child: ChildTerms) -> FollowedChild:
    """Return a child as it is when it is placed."""
    rests = child.time_in_force in BOOKED and child.exec_inst is not ExecInst.MIDPOINT_PEG
    return FollowedChild(
        child.venue_id, child.quantity, shown=(child.display_quantity or child.quantity) if rests else 0
    )


@dataclass(slots=True)
class FollowedOrder:
    """An order as its events tell of it.

    pending: the cancel that has no end yet. replacing: the replace that has none, and what it asks for.
    suspended: whether it is. priced: the price of a pegged one, asked_at: its prices since its route
    was asked for, each of which may be said when that is asked for again.
    triggered: whether its stop price was reached. plan: of its algo, what may be worked from when on;
    released: what may be. waits: its next route waits for its time. time_over: it is taken back because its
    day or its own time had ended. ends: reports of venues that ended a child. held: it waits for its session
    or its auction. auction: what an OPG or CLO order is for. reopened_at: the newest event by which a venue
    made a filled child larger.
    """

    terms: OrderTerms
    received_at: datetime
    sequence: int = 1
    accepted: bool = False
    closed: str = ""
    executed: int = 0
    notional: int = 0
    price: int = 0
    children: dict[str, FollowedChild] = field(default_factory=dict)
    attempt: int = 0
    route: int = 0
    pending: UUID | None = None
    canceled: bool = False
    replacing: tuple[UUID, OrderTerms] | None = None
    wanted_price: int = 0
    suspended: bool = False
    triggered: bool = False
    priced: int | None = None
    asked_at: tuple[int, ...] = ()
    plan: AlgoPlanned | None = None
    released: int = 0
    session_ended: bool = False
    time_over: bool = False
    waits: bool = False
    held: bool = False
    auction: AuctionTimes | None = None
    ends: set[tuple[object, ...]] = field(default_factory=set)
    reopened_at: int = 0

    @property
    def cum(self) -> int:
        """What was executed, up to the order's quantity."""
        return min(self.executed, self.terms.quantity)

    @property
    def leaves(self) -> int:
        """What may still trade."""
        return 0 if self.closed else self.terms.quantity - self.cum

    @property
    def time_over_at(self) -> datetime | None:
        """When it is to end of itself, if it is: an algo has some seconds after its own end."""
        algo = self.terms.algo
        return self.terms.expire_at if algo is None else algo.end_at + _ALGO_GRACE

    @property
    def held_prices(self) -> list[int]:
        """The price that each share of it holds; of a pending replace, the dearer order's.

        Shares that only the cheaper one has hold nothing.
        """
        held = [self.price] * self.leaves
        if self.replacing is None:
            return held
        wanted = [self.wanted_price] * max(0, self.replacing[1].quantity - self.executed)
        dear, cheap = (wanted, held) if sum(wanted) > sum(held) else (held, wanted)
        return dear + [0] * max(0, len(cheap) - len(dear))

    @property
    def working(self) -> int:
        """What live children may still trade."""
        return sum([child.leaves for child in self.children.values()])

    @property
    def unresolved(self) -> int:
        """What venues say they executed and did not report."""
        return sum([child.unresolved for child in self.children.values()])

    @property
    def committed(self) -> int:
        """What is executed or may be."""
        return self.executed + self.unresolved + self.working + self.route


def as_venues_have_it(terms: OrderTerms) -> OrderTerms:
    """Return an order's terms without the end that only core knows: venues have a GTD order as GTC."""
    force = TimeInForce.GTC if terms.time_in_force is TimeInForce.GTD else terms.time_in_force
    return structs.replace(terms, time_in_force=force, expire_at=None)
