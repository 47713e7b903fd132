"""What a routing decision comes to:

legs for the venues, and for every venue the reason and the arithmetic.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from sor_engine.domain.market import Tif


class Term(NamedTuple):
    """One term of a score: contribution = weight * value."""

    name: str
    value: Decimal
    weight: Decimal
    contribution: Decimal


class Leg(NamedTuple):
    """One line of the plan. hold_ms above 0: what is left of it after so long is canceled."""

    venue_id: str
    quantity: int
    limit_price: Decimal
    tif: Tif
    hold_ms: int = 0


@dataclass(slots=True)
class VenueOutcome:
    """A venue as the decision saw it, and the reason it was chosen or passed over.

    expected_notional: sum of quantity times displayed price over what is to be taken here, in dollars;
    expected_fee: what taking it costs in fees.
    """

    venue_id: str
    reason: str
    chosen: bool = False
    marketable_size: int = 0
    hidden_size: int = 0
    fee_per_share: Decimal = Decimal(0)
    all_in_price: Decimal | None = None
    terms: tuple[Term, ...] = ()
    score: Decimal = Decimal(0)
    allocated: int = 0
    expected_quantity: int = 0
    expected_notional: Decimal = Decimal(0)
    expected_fee: Decimal = Decimal(0)


class Expectation(NamedTuple):
    """What a plan is expected to take at once: the sums over its venues.

    cost: dollars paid beyond the mid, fees included; cost_bps: of the notional at the mid. Both None
    without a mid.
    """

    quantity: int = 0
    notional: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    cost: Decimal | None = None
    cost_bps: Decimal | None = None


class Decision(NamedTuple):
    """The plan and its explanation. No legs: `reason` is `CODE: key=value`.

    continues: what the legs leave is meant to be routed again at once, by the strategy's next stage.
    """

    legs: tuple[Leg, ...]
    reason: str
    venues: tuple[VenueOutcome, ...]
    summary: str
    strategy: str = ""
    stage: str = ""
    continues: bool = False
    expected: Expectation = Expectation()
