"""From what a strategy gives each venue to legs, reasons and sums that reconcile."""

from typing import Final

from oms_platform.vocabulary import TimeInForce
from sor_engine.domain.board import Board, Candidate, describe
from sor_engine.domain.market import BPS, MICRO, dollars, price_text
from sor_engine.domain.plan import Account, Decision, Expectation, Leg, VenueOutcome

DISPLAYS_NOTHING: Final = "displays nothing: only a staged or dark strategy goes there"
NOT_NEEDED: Final = "not needed: filled at better prices or by better-scored venues"


class Draft:
    """A plan while a strategy makes it: legs in the order in which they were added."""

    def __init__(self, board: Board, stage: str, *, continues: bool = False) -> None:
        self.board, self.stage, self.continues = board, stage, continues
        self.notes: list[str] = []
        self._legs: list[Leg] = []
        self._words: dict[str, list[str]] = {}
        self._parts: list[str] = []

    def add(
        self,
        candidate: Candidate,
        quantity: int,
        limit: int,
        time_in_force: TimeInForce,
        words: str,
        *,
        hold_ms: int = 0,
    ) -> None:
        """Add a leg at a limit in micros, and say why in a few words."""
        venue_id = candidate.venue.venue_id
        minimum = min(self.board.minimum, quantity)
        self._legs.append(Leg(venue_id, quantity, limit, time_in_force, hold_ms, minimum))
        candidate.allocated += quantity
        self._words.setdefault(venue_id, []).append(words)

    def add_takes(self, *, rest_tif: TimeInForce | None = None) -> None:
        """Add what every venue takes and rests: IOC to take, one resting leg where both meet."""
        board = self.board
        reach = take_limit(board)
        for candidate in board.ranked:
            took = f"takes {candidate.takes} of {candidate.marketable} displayed"
            if candidate.rests and rest_tif is not None:
                rests = f"{candidate.rests} rests at {price_text(board.limit or 0)}"
                words = f"{took}; {rests}" if candidate.takes else rests
                self.add(candidate, candidate.takes + candidate.rests, board.limit or 0, rest_tif, words)
            elif candidate.takes:
                self.add(candidate, candidate.takes, reach, TimeInForce.IOC, took)

    def decision(self) -> Decision:
        """Close the plan."""
        board = self.board
        return Decision(
            legs=tuple(self._legs),
            strategy=board.profile.strategy.value,
            stage=self.stage,
            continues=self.continues,
            takes={
                candidate.venue.venue_id: candidate.takes for candidate in board.ranked if candidate.takes
            },
            scores=board.scores(),
            account=self._account,
        )

    def _account(self) -> Account:
        """Work out the reasons for every venue, the expected sums and a summary."""
        board = self.board
        for candidate in (*board.ranked, *board.dark):
            words = self._words.get(candidate.venue.venue_id)
            if words is not None:
                best = candidate is board.ranked[0] if board.ranked else False
                first = [f"best score {dollars(candidate.score)}"] if best and candidate.terms else []
                candidate.reason = "; ".join([*first, *words])
            elif not candidate.reason:
                candidate.reason = _why_not(board, candidate)
        outcomes = board.outcomes(placed=True)
        return Account(outcomes, self._summary(), _expected(board, outcomes))

    def _summary(self) -> str:
        parts = []
        for leg in self._legs:
            held = f" held {leg.hold_ms} ms" if leg.hold_ms else ""
            limit, force = price_text(leg.limit_micros), leg.time_in_force.name
            parts.append(f"{leg.quantity} at {leg.venue_id} limit {limit} {force}{held}")
        left = self.board.request.quantity - sum([leg.quantity for leg in self._legs])
        if left:
            parts.append(f"{left} not placed yet" if self.continues else f"{left} not placed, no more fits")
        notes = "".join([f" {note}." for note in self.notes])
        return f"{describe(self.board.request)}, {self.stage}: {', '.join(parts)}.{notes}"


def _why_not(board: Board, candidate: Candidate) -> str:
    if not candidate.venue.lit:
        return DISPLAYS_NOTHING
    return NOT_NEEDED if candidate.marketable else board.why_nothing_displayed()


def take_limit(board: Board) -> int:
    """Return the limit of the legs that take: a little beyond the worst price taken, within the order's.

    That reach is `aggression_bps`, rounded to the tick away from us; it catches a quote that has just moved.
    """
    taken = [candidate.worst for candidate in board.ranked if candidate.takes]
    if not taken or board.limit is None:
        return board.limit or 0
    ticks, aggression_bps = board.ticks, board.profile.aggression_bps
    if board.request.buy:
        return min(board.limit, ticks.ceiling(-(-max(taken) * (BPS + aggression_bps) // BPS)))
    return max(board.limit, ticks.floor(min(taken) * (BPS - aggression_bps) // BPS))


def _expected(board: Board, outcomes: tuple[VenueOutcome, ...]) -> Expectation:
    quantity = sum([candidate.takes for candidate in board.ranked])
    notional = sum([candidate.notional for candidate in board.ranked])
    fee = sum([outcome.expected_fee for outcome in outcomes], MICRO * 0)
    mid2 = board.mid2
    if mid2 is None or not quantity:
        return Expectation(quantity, dollars(notional), fee)
    at_mid2 = quantity * mid2
    signed = 2 * notional - at_mid2 if board.request.buy else at_mid2 - 2 * notional
    cost = dollars(signed) / 2 + fee
    bps = (cost * 2 * BPS / dollars(at_mid2)).quantize(MICRO * 10_000)
    return Expectation(quantity, dollars(notional), fee, cost, bps)
