"""`make verdict-cost`: what a verdict costs among 10,000 accounts of 50 positions each, with every limit set.

Core's desk in memory, one open order and one row of limits of its own an account, 3,000 rows by symbol and
desk, and a random account and symbol each time. Prints thread CPU, wall time of setting the desk up, and the
process's memory; exits with 1 when the 99th percentile is above the bar. Nothing should run beside it.
"""

import gc
import random
import resource
import statistics
import sys
import time
from datetime import UTC, datetime

import click

from oms_core.domain.desk import Desk
from oms_core.domain.executions import Effects
from oms_core.domain.order import Order
from oms_core.domain.positions import Position
from oms_core.domain.risk import AccountTerms, InstrumentTerms
from oms_core.domain.touch import TouchPrices
from oms_core.domain.transitions import Lifecycle
from oms_core.handlers import Core, verdict_now
from oms_platform import ids
from oms_platform.risk_book import RuleBook
from oms_platform.risk_rules import RULE_SPECS, RuleRow, Unit, Value
from oms_platform.scopes import EVERYTHING, Scope
from oms_platform.vocabulary import OrderTerms, OrderType, Side, TimeInForce
from tests.unit.oms_core.scene import FixedQuotes

P99_US_MAX = 100.0
ACCOUNTS, POSITIONS, SYMBOLS, DESKS, SEED = 10_000, 50, 2_000, 1_000, 7
PRICE = 100_000_000
NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
# Far from what the orders here come to, so that every rule is asked and none denies.
_WIDE: dict[Unit, Value] = {
    Unit.YES_NO: True,
    Unit.DOLLARS: 10**17,
    Unit.SHARES: 10**7,
    Unit.BASIS_POINTS: 9_000,
    Unit.TICKS: 10**5,
    Unit.COUNT: 10**5,
}
_OWN: dict[str, Value] = {
    "restricted": "NOTHING",
    "lot": 1,
    "in_force": False,
    "window_s": 60,
}


def everything_set() -> list[RuleRow]:
    """Return a root row of every rule with each of its parameters set."""
    return [
        RuleRow(
            rule=spec.name,
            scope=EVERYTHING,
            parameters={
                one.name: _OWN[one.name] if one.name in _OWN else _WIDE[one.unit] for one in spec.parameters
            },
        )
        for spec in RULE_SPECS
        if spec.parameters
    ]


def order_of(account: str, symbol: str, side: Side, quantity: int) -> OrderTerms:
    """Return a limit order near the quote."""
    return OrderTerms(
        account_id=account,
        channel="TEST",
        client_order_id="X",
        principal="trader1",
        symbol=symbol,
        side=side,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=quantity,
        limit_price_micros=PRICE,
    )


def desk_of_many(draws: random.Random) -> Desk:
    """Return the desk, as a core that has just started has it."""
    accounts = [f"ACC-{number:05}" for number in range(ACCOUNTS)]
    symbols = [f"SYM{number:04}" for number in range(SYMBOLS)]
    wide = {
        "ORDER_QTY_EXCEEDS_MAX": {"quantity_max": 10**6},
        "ORDER_NOTIONAL_EXCEEDS_MAX": {"notional_max": 10**14},
    }
    rows = everything_set()
    rows += [
        RuleRow(rule="BUYING_POWER_EXCEEDED", scope=Scope(account=one), parameters={"buying_power": 10**15})
        for one in accounts
    ]
    rows += [
        RuleRow(rule=rule, scope=Scope(symbol=one), parameters=values)
        for one in symbols[:DESKS]
        for rule, values in wide.items()
    ]
    rows += [
        RuleRow(
            rule="GROSS_EXPOSURE_EXCEEDED", scope=Scope(desk=f"DESK-{n}"), parameters={"gross_max": 10**15}
        )
        for n in range(DESKS)
    ]
    desk = Desk(
        rules=RuleBook(rows),
        accounts={
            one: AccountTerms(account_id=one, firm=f"FIRM-{n % 10}", desk=f"DESK-{n % DESKS}")
            for n, one in enumerate(accounts)
        },
        instruments={
            one: InstrumentTerms(
                symbol=one,
                active=True,
                reference_micros=PRICE,
                sector=f"SECTOR-{n % 11}",
                volume=10**9,
                sigma_bps=200,
                lower_band=PRICE // 2,
                upper_band=PRICE * 2,
            )
            for n, one in enumerate(symbols)
        },
    )
    desk.days.begin(NOW.date())
    for account in accounts:
        held = draws.sample(symbols, POSITIONS)
        for symbol in held:
            quantity = draws.randint(1, 500) * draws.choice((1, 1, -1))
            cost = quantity * PRICE
            desk.keep_position(
                account, symbol, Position(quantity=quantity, cost_micros=cost, opened_micros=cost)
            )
        terms = order_of(account, held[0], draws.choice((Side.BUY, Side.SELL)), 100)
        order = Order(
            order_id=ids.uuid7(), terms=terms, lifecycle=Lifecycle.LIVE, reserved_price_micros=PRICE
        )
        desk.load(order, Effects())
        desk.look_at_day(account, NOW, lambda _symbol: PRICE)
    return desk


@click.command()
@click.option("--verdicts", default=20_000, show_default=True)
def main(verdicts: int) -> None:
    """Exit with 1 when the 99th percentile is above the bar."""
    draws = random.Random(SEED)
    began = time.perf_counter()
    desk = desk_of_many(draws)
    set_up_s = time.perf_counter() - began
    touch = TouchPrices(bid_micros=PRICE - 10_000, offer_micros=PRICE + 10_000, quoted_at=NOW)
    core = Core(desk=desk, store=None, quotes=FixedQuotes(touch))  # type: ignore[arg-type]
    accounts, symbols = list(desk.accounts), list(desk.instruments)
    wishes = []
    for _ in range(verdicts):
        account = draws.choice(accounts)
        # Not the one with an open order, which it could cross.
        symbol = draws.choice(
            (draws.choice(symbols), draws.choice(list(desk.states[account].quantities)[1:]))
        )
        held = desk.position(account, symbol).quantity
        # To sell what is held, so that no sale is a short one without its mark.
        side = Side.SELL if held > 0 and draws.random() < 0.5 else Side.BUY
        wishes.append(order_of(account, symbol, side, min(100, held) if side is Side.SELL else 100))
    gc.collect()
    gc.freeze()
    took, asked, denials = [], set(), set()
    for terms in wishes:
        started = time.thread_time_ns()
        verdict = verdict_now(core, terms, NOW)
        took.append((time.thread_time_ns() - started) / 1_000)
        asked.add(len(verdict.results))
        denials.add((verdict.denial or "").partition(":")[0])
    cuts = statistics.quantiles(took, n=100)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    rows = f"{len(desk.rules.rows):,} rows of limits"
    print(f"{ACCOUNTS:,} accounts of {POSITIONS} positions, {rows}, seed {SEED}")
    print(f"desk set up in {set_up_s:.1f} s, {megabytes:.0f} MB")
    print(f"{verdicts:,} verdicts, of {min(asked)} to {max(asked)} rules each")
    print(f"denied for: {', '.join(sorted(filter(None, denials))) or 'nothing'}")
    print(f"p50 {cuts[49]:.0f} us, p99 {cuts[98]:.0f} us (at most {P99_US_MAX:.0f}), max {max(took):.0f} us")
    sys.exit(1 if cuts[98] > P99_US_MAX else 0)


if __name__ == "__main__":
    main()
