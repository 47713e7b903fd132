"""From what a strategy gives each venue to legs, reasons and sums that reconcile."""

from typing import Final

from oms_platform.vocabulary import ExecInst, TimeInForce
from sor_engine.domain.board import Board, Candidate, describe
from sor_engine.domain.market import BPS, MICRO, dollars, price_text
from sor_engine.domain.plan import Account, Decision, Expectation, Leg, VenueOutcome

DISPLAYS_NOTHING: Final = "displays nothing: only a staged or dark strategy goes there"
# So long rests what stays short of its limit because of a protected quote; then the order is routed again.
LOCKED_HOLD_MS: Final = 1_000
_SAYS: Final = {ExecInst.INTERMARKET_SWEEP: "sweep", ExecInst.MIDPOINT_PEG: "midpoint"}
NOT_NEEDED: Final = "not needed: filled at better prices or by better-scored venues"


class Draft:
    """A plan while a strategy makes it: legs in the order in which they were added."""

    def __init__(self, board: Board, stage: str, *, continues: bool = False) -> None:
        self.board, self.stage, self.continues = board, stage, continues
        self.notes: list[str] = []
        self._legs: list[Leg] = []
        self._words: dict[str, list[str]] = {}
        self._displayed_first = board.displayed_first()

    def add(
        self,
        candidate: Candidate,
        quantity: int,
        limit: int,
        time_in_force: TimeInForce,
        words: str,
        *,
        hold_ms: int = 0,
        exec_inst: ExecInst | None = None,
    ) -> None:
        """Add a leg at a limit in micros, and say why in a few words.

        One to a displayed venue that goes past what another displays is an intermarket sweep: what it goes
        past is taken at the same time.
        """
        venue_id = candidate.venue.venue_id
        minimum = min(self.board.minimum, quantity)
        if candidate.venue.lit and self._goes_past(venue_id, limit):
            exec_inst = ExecInst.INTERMARKET_SWEEP
        self._legs.append(Leg(venue_id, quantity, limit, time_in_force, hold_ms, minimum, exec_inst))
        candidate.allocated += quantity
        self._words.setdefault(venue_id, []).append(words)

    def _goes_past(self, venue_id: str, limit: int) -> bool:
        return any(
            venue_id != other and self.board.better(price, limit) for price, other in self._displayed_first
        )

    def add_takes(self, *, rest_tif: TimeInForce | None = None) -> None:
        """Add what every venue takes and rests: IOC to take, one resting leg where both meet.

        What has to rest short of the limit, so that it locks nobody's quote, is held a while and then looked
        at again.
        """
        board = self.board
        reach, resting = take_limit(board), board.rest_limit()
        hold_ms = 0 if resting == board.limit else LOCKED_HOLD_MS
        for candidate in board.ranked:
            took = f"takes {candidate.takes} of {candidate.marketable} displayed"
            rests = f"{candidate.rests} rests at {price_text(resting)}"
            if candidate.rests and rest_tif is not None and candidate.takes and not hold_ms:
                quantity = candidate.takes + candidate.rests
                self.add(candidate, quantity, resting, rest_tif, f"{took}; {rests}")
                continue
            if candidate.takes:
                self.add(candidate, candidate.takes, reach, TimeInForce.IOC, took)
            if candidate.rests and rest_tif is not None:
                words = f"{rests} for {hold_ms} ms, not to lock a protected quote" if hold_ms else rests
                self.add(candidate, candidate.rests, resting, rest_tif, words, hold_ms=hold_ms)

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
            says = f" {_SAYS[leg.exec_inst]}" if leg.exec_inst is not None else ""
            parts.append(f"{leg.quantity} at {leg.venue_id} limit {limit} {force}{says}{held}")
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

    That reach is `aggression_ticks`; it catches a quote that has just moved. It ends at the next price of
    which something is left displayed: beyond that the legs would trade through it.
    """
    taken = [candidate.worst for candidate in board.ranked if candidate.takes]
    if not taken or board.limit is None:
        return board.limit or 0
    ticks, aggression_ticks = board.ticks, board.profile.aggression_ticks
    bound = board.next_price()
    bounds = [board.limit] if bound is None else [board.limit, bound]
    # A price off the grid is reached by the next one on it.
    if board.request.buy:
        worst = ticks.ceiling(max(taken))
        reach = ticks.at(worst) * aggression_ticks
        return max(worst, ticks.floor(min(worst + reach, *bounds)))
    worst = ticks.floor(min(taken))
    reach = ticks.at(worst) * aggression_ticks
    return min(worst, ticks.ceiling(max(worst - reach, *bounds)))


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
