"""From what a strategy gives each venue to legs, reasons and sums that reconcile."""

from collections.abc import Sequence
from typing import Final

from oms_platform.order_types import rests_in_sight
from oms_platform.vocabulary import ExecInst, TimeInForce
from sor_engine.domain.board import Board, Candidate, describe
from sor_engine.domain.market import BPS, MICRO, dollars, price_text
from sor_engine.domain.plan import Account, Decision, Expectation, Leg, VenueOutcome

DISPLAYS_NOTHING: Final = "displays nothing: only a staged or dark strategy goes there"
# So long rests what stays short of its limit because of a protected quote; then the order is routed again.
LOCKED_HOLD_MS: Final = 1_000
# And so long what is post-only and stays short of its limit: out of the market it would not trade at all.
POSTED_HOLD_MS: Final = 30_000
_SAYS: Final = {
    ExecInst.INTERMARKET_SWEEP: "sweep",
    ExecInst.MIDPOINT_PEG: "midpoint",
    ExecInst.PARTICIPATE_DONT_INITIATE: "post-only",
}
NOT_NEEDED: Final = "not needed: filled at better prices or by better-scored venues"


class Draft:
    """A plan while a strategy makes it: legs in the order in which they were added."""

    def __init__(self, board: Board, stage: str, *, continues: bool = False) -> None:
        self.board, self.stage, self.continues = board, stage, continues
        self.notes: list[str] = []
        self._legs: list[Leg] = []
        self._words: dict[str, list[str]] = {}

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
        if self.board.request.post_only:
            exec_inst = ExecInst.PARTICIPATE_DONT_INITIATE
        elif candidate.venue.lit and self.board.goes_past(venue_id, limit):
            exec_inst = ExecInst.INTERMARKET_SWEEP
        self._legs.append(Leg(venue_id, quantity, limit, time_in_force, hold_ms, minimum, exec_inst))
        candidate.allocated += quantity
        self._words.setdefault(venue_id, []).append(words)

    def add_takes(self, *, rest_tif: TimeInForce | None = None) -> None:
        """Add what every venue takes and rests: IOC to take, one resting leg where both meet.

        What has to rest short of the limit, so that it locks nobody's quote, is held a while and then looked
        at again.
        """
        board = self.board
        reach, resting, hold_ms = take_limit(board), board.limit or 0, 0
        if any(candidate.rests for candidate in board.ranked):
            resting = board.rest_limit()
            short_ms = POSTED_HOLD_MS if board.request.post_only else LOCKED_HOLD_MS
            hold_ms = 0 if resting == board.limit else short_ms
        for candidate in board.ranked:
            if not candidate.takes and not candidate.rests:
                continue
            took = f"takes {candidate.takes} of {candidate.marketable} displayed"
            rests = f"{candidate.rests} rests at {price_text(resting)}"
            if candidate.rests and rest_tif is not None and candidate.takes and not hold_ms:
                quantity = candidate.takes + candidate.rests
                self.add(candidate, quantity, resting, rest_tif, f"{took}; {rests}")
                continue
            if candidate.takes:
                self.add(candidate, candidate.takes, reach, TimeInForce.IOC, took)
            if candidate.rests and rest_tif is not None:
                why = "not to take" if board.request.post_only else "not to lock a protected quote"
                words = f"{rests} for {hold_ms} ms, {why}" if hold_ms else rests
                self.add(candidate, candidate.rests, resting, rest_tif, words, hold_ms=hold_ms)

    def decision(self) -> Decision:
        """Close the plan."""
        board = self.board
        self._show_parts()
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

    def _show_parts(self) -> None:
        """Give each leg that rests its part of what the order shows."""
        request = self.board.request
        if not request.display_quantity:
            return
        resting = [
            place for place, leg in enumerate(self._legs) if rests_in_sight(leg.time_in_force, leg.exec_inst)
        ]
        sizes = [self._legs[place].quantity for place in resting]
        parts = shown_parts(request.display_quantity, sizes, request.round_lot)
        for place, part in zip(resting, parts, strict=True):
            leg = self._legs[place]
            # One that is shown whole says nothing.
            self._legs[place] = leg._replace(display_quantity=part if part < leg.quantity else 0)

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
            shows = f" showing {leg.display_quantity}" if leg.display_quantity else ""
            parts.append(f"{leg.quantity} at {leg.venue_id} limit {limit} {force}{says}{shows}{held}")
        left = self.board.request.quantity - sum([leg.quantity for leg in self._legs])
        if left:
            parts.append(f"{left} not placed yet" if self.continues else f"{left} not placed, no more fits")
        notes = "".join([f" {note}." for note in self.notes])
        return f"{describe(self.board.request)}, {self.stage}: {', '.join(parts)}.{notes}"


def shown_parts(display: int, sizes: Sequence[int], round_lot: int) -> list[int]:
    """Share what an order shows out over orders of these sizes, in round lots.

    Each shows a round lot, or all of it if it has less; what is left goes by size, rounded down to lots, and
    then in their order.
    """
    parts = [min(size, round_lot) for size in sizes]
    left, whole = display - sum(parts), sum(sizes)
    if left <= 0:
        return parts
    wanted = [left * size // whole // round_lot * round_lot for size in sizes]
    for more in (wanted, [left] * len(sizes)):
        for place, size in enumerate(sizes):
            given = max(0, min(more[place], size - parts[place], display - sum(parts)))
            parts[place] += given
    return parts


def _why_not(board: Board, candidate: Candidate) -> str:
    if not candidate.venue.lit:
        return DISPLAYS_NOTHING
    if candidate.no_rest and not candidate.marketable:
        return candidate.no_rest
    if candidate.marketable:
        return NOT_NEEDED
    resting = ", ".join([other.venue.venue_id for other in board.ranked if other.rests])
    # The venue at which it rests may display nothing either: that alone is no reason to pass another over.
    return (
        f"{board.why_nothing_displayed()}; what rests is at {resting}"
        if resting
        else board.why_nothing_displayed()
    )


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
