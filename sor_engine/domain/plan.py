"""What a routing decision comes to: legs for the venues, and why.

The law of this file: the legs are made at once; why they are as they are (`Account`) is worked out when
somebody asks, from the same board. Prices and scores are whole millionths in the decision, Decimals in its
account.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from oms_platform.vocabulary import ExecInst, TimeInForce


class Term(NamedTuple):
    """One term of a score: contribution = weight * value."""

    name: str
    value: Decimal
    weight: Decimal
    contribution: Decimal


class Leg(NamedTuple):
    """One line of the plan. hold_ms above 0: what is left of it after so long is canceled.

    min_quantity: the fewest shares that the venue may trade of it at once, 0 for any. exec_inst: what it says
    of itself beyond its limit. display_quantity: shares of it that are shown at once, 0 for all.
    """

    venue_id: str
    quantity: int
    limit_micros: int
    time_in_force: TimeInForce
    hold_ms: int = 0
    min_quantity: int = 0
    exec_inst: ExecInst | None = None
    display_quantity: int = 0


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


class Account(NamedTuple):
    """Why a decision is as it is: every venue with its reason and its arithmetic, and one sentence."""

    venues: tuple[VenueOutcome, ...]
    summary: str
    expected: Expectation = Expectation()


def _nothing_to_add() -> Account:
    return Account((), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided. No legs: `reason` is `CODE: key=value`.

    no_data: there was no market to decide on: no quote, or the symbol does not trade. continues: what the
    legs leave is meant to be routed again at once, by the strategy's next stage. takes: displayed shares that
    the legs are to take, by venue. scores: of the lit venues in the running, in millionths, best first.
    account: works out why.
    """

    legs: tuple[Leg, ...] = ()
    reason: str = ""
    strategy: str = ""
    stage: str = ""
    continues: bool = False
    no_data: bool = False
    takes: Mapping[str, int] = field(default_factory=dict)
    scores: tuple[tuple[str, int], ...] = ()
    account: Callable[[], Account] = _nothing_to_add
