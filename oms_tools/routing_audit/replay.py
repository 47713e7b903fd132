"""`oms replay-routes`: a time's decisions again under another profile, from the audit alone.

Each decision is taken by itself, on the book and the measurements that it stood on: what an earlier decision
would have changed about a later one is not simulated.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from oms_platform.clock import utc_now
from oms_platform.messages import RouteExplanation
from oms_platform.postgres import connect
from oms_tools.cli.amounts import grouped
from oms_tools.cli.dsn import dsn_option, dsn_or_stack
from oms_tools.cli.options import data_option, json_option
from oms_tools.cli.tables import aligned, folded, say
from oms_tools.cli.times import UTC_TIME
from sor_engine.adapters.postgres_decisions import decisions_between
from sor_engine.domain.profile import StrategyName
from sor_engine.handlers import Changes, Worked, decide_again, is_proven
from sor_engine.ports import Decided, StoredProfile

console = Console()


@dataclass(slots=True, kw_only=True)
class Sums:
    """What plans would take at once:

    shares, dollars at displayed prices and the mid, fees, dollars of cost.
    """

    decisions: int = 0
    wanted: int = 0
    placed: int = 0
    taken: int = 0
    notional: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    costed: Decimal = Decimal(0)

    def add(self, worked: Worked, seen: RouteExplanation) -> None:
        """Count a decision and its explanation."""
        self.decisions += 1
        self.wanted += worked.plan.quantity
        self.placed += sum(child.quantity for child in worked.plan.children)
        self.taken += seen.expected_quantity
        self.notional += seen.expected_notional
        self.fee += seen.expected_fee
        if seen.expected_cost is not None:
            self.cost += seen.expected_cost
            self.costed += seen.expected_notional

    @property
    def cost_bps(self) -> Decimal | None:
        """Basis points of the displayed notional that taking costs beyond the mid, fees included."""
        return (self.cost * 10_000 / self.costed).quantize(Decimal("0.0001")) if self.costed else None


@dataclass(slots=True)
class Replayed:
    """A replay's figures.

    shares: at each venue, before and after. changed: decisions that differ in a leg. unlike: decisions
    that take another number of shares at once: what a plan lets wait, in the dark or in a book, costs nothing
    here, so their costs do not compare. alike_before, alike_after: of the others, those that take any.
    """

    before: Sums = field(default_factory=Sums)
    after: Sums = field(default_factory=Sums)
    alike_before: Sums = field(default_factory=Sums)
    alike_after: Sums = field(default_factory=Sums)
    shares: dict[str, list[int]] = field(default_factory=dict)
    changed: int = 0
    unlike: int = 0
    repeated: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values, decimals as text."""

        def sums(of: Sums) -> dict[str, Any]:
            return {
                "decisions": of.decisions,
                "sharesWanted": of.wanted,
                "sharesPlaced": of.placed,
                "sharesTaken": of.taken,
                "notional": str(of.notional),
                "fees": str(of.fee),
                "cost": str(of.cost),
                "costBps": None if of.cost_bps is None else str(of.cost_bps),
            }

        return {
            "before": sums(self.before),
            "after": sums(self.after),
            "alike": {"before": sums(self.alike_before), "after": sums(self.alike_after)},
            "changed": self.changed,
            "unlike": self.unlike,
            "decidedTheSame": self.repeated,
            "sharesByVenue": {venue: {"before": a, "after": b} for venue, (a, b) in self.shares.items()},
        }


def replay(
    decisions: Iterable[Decided], changes: Changes, on_each: Callable[[], None] = lambda: None
) -> Replayed:
    """Decide each again: unchanged, to see that the audit proves it, and changed."""
    result = Replayed()
    for stored in decisions:
        again, changed = decide_again(stored), decide_again(stored, changes)
        result.repeated += is_proven(stored, again)
        result.changed += changed.plan.children != stored.plan.children
        seen, seen_changed = again.explain(), changed.explain()
        result.before.add(again, seen)
        result.after.add(changed, seen_changed)
        if seen.expected_quantity != seen_changed.expected_quantity:
            result.unlike += 1
        elif seen.expected_quantity:
            result.alike_before.add(again, seen)
            result.alike_after.add(changed, seen_changed)
        for place, children in enumerate((stored.plan.children, changed.plan.children)):
            for child in children:
                result.shares.setdefault(child.venue_id, [0, 0])[place] += child.quantity
        on_each()
    return result


@click.command("replay-routes")
@data_option
@dsn_option
@click.option("--since", type=UTC_TIME, help="ISO 8601; default: a day ago.")
@click.option("--until", type=UTC_TIME, help="ISO 8601; default: now.")
@click.option("--profile", help="An active profile of the database.")
@click.option("--strategy", type=click.Choice([name.value for name in StrategyName]))
@click.option("--weights", help='JSON, such as {"price": 0.7, "cost": 0.3}; replaces single weights.')
@click.option("--without", multiple=True, help="A venue to leave out; may be given several times.")
@json_option
def replay_routes(
    data: Path,
    dsn: str | None,
    since: datetime | None,
    until: datetime | None,
    profile: str | None,
    strategy: str | None,
    weights: str | None,
    without: tuple[str, ...],
    as_json: bool,
) -> None:
    """Decide a whole time's routes again under another profile, from the audit alone."""
    now = utc_now()
    try:
        read_weights = json.loads(weights) if weights else None
    except ValueError as error:
        raise click.BadParameter(f"--weights must be JSON: {error}") from error
    connection = connect(dsn_or_stack(dsn, data), "replay-routes")
    changes = Changes(
        profile=None if profile is None else _stored_profile(connection, profile),
        weights=read_weights,
        strategy=strategy or "",
        without=without,
    )
    decisions = decisions_between(connection, since or now - timedelta(days=1), until or now)
    try:
        result = replay(decisions, changes)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    finally:
        connection.close()
    if as_json:
        click.echo(json.dumps(result.as_json(), indent=1))
    else:
        print_replayed(result)


def _stored_profile(connection: Any, name: str) -> tuple[str, StoredProfile]:
    row = connection.execute(
        "SELECT version, settings FROM routing_profiles WHERE profile = %s AND active"
        " ORDER BY version DESC LIMIT 1",
        (name,),
    ).fetchone()
    if row is None:
        raise click.ClickException(f"no active routing profile {name!r}")
    return name, StoredProfile(*row)


def print_replayed(result: Replayed) -> None:
    """Print a replay's figures, and a warning where its sums are of different numbers of shares."""
    before, after = result.before, result.after
    decided = (
        f"{before.decisions:,} decisions, {result.repeated:,} of them decided the same again from the audit,"
        f" {result.changed:,} different under the changes"
    )
    say(console, *folded(decided, console.width, 0))
    rows: list[tuple[str, int | Decimal | None, int | Decimal | None]] = [
        ("shares wanted", before.wanted, after.wanted),
        ("shares placed", before.placed, after.placed),
        ("shares to be taken at once", before.taken, after.taken),
        ("fees, dollars", before.fee, after.fee),
        ("cost beyond the mid, dollars", before.cost, after.cost),
        ("the same, basis points", before.cost_bps, after.cost_bps),
    ]
    rows += [(f"shares to {venue}", both[0], both[1]) for venue, both in sorted(result.shares.items())]
    _say_rows(rows)
    if not result.unlike:
        return
    warning = (
        f"CAREFUL: {result.unlike:,} decisions take another number of shares at once, {before.taken:,} in all"
        f" as decided and {after.taken:,} changed. Fees and cost above are of those shares alone: what"
        " waits in the dark or in a book costs nothing there, so they do not compare. Of the decisions that"
        " take the same number at once either way:"
    )
    say(console, *folded(warning, console.width, 0), style="bold yellow")
    alike, changed = result.alike_before, result.alike_after
    _say_rows(
        [
            ("decisions", alike.decisions, changed.decisions),
            ("shares to be taken at once", alike.taken, changed.taken),
            ("fees, dollars", alike.fee, changed.fee),
            ("cost beyond the mid, dollars", alike.cost, changed.cost),
            ("the same, basis points", alike.cost_bps, changed.cost_bps),
        ]
    )


def _say_rows(rows: list[tuple[str, int | Decimal | None, int | Decimal | None]]) -> None:
    cells = [[name, grouped(was), grouped(now)] for name, was, now in rows]
    say(console, *aligned(("", "as decided>", "changed>"), cells))
