"""What a seed draws before anything happens: which faults there may be, and the world that they happen to."""

import random
from collections.abc import Collection, Iterator
from typing import Final

from execution_adapter.entrypoints.main_loop import Pace
from oms_core.domain.risk import AccountTerms
from oms_platform.risk_rules import Mode, RuleRow
from oms_platform.scopes import EVERYTHING, Scope
from oms_tools.simulation.faults import draw_rates
from oms_tools.simulation.hours import calendar_of
from oms_tools.simulation.system import DARK, LIT, PROFILES, Setting
from simulators.broker.engine import Behaviour
from simulators.broker.protocol import FaultKind

FAULTS: Final = (
    "crash",  # a process ends between two steps
    "torn",  # a process ends at a port: before or after a transaction or a flush
    "flush",  # the broker takes a part and then no more
    "double",  # a record is appended twice
    "stall",  # a process does nothing for a while
    "jump",  # time passes
    "wipe",  # Kafka loses everything
    "rebalance",  # partitions change hands, and the old owner does not know yet
    "disconnect",  # a FIX session breaks
    "venue",  # a venue stops and starts again from its journal
    "unkind",  # venues refuse, end days, and do what unkind venues do (`FaultKind`)
    "feed",  # quotes stop
    "gateway",  # a gateway ends with requests that are only in the log
    "repeat",  # a request is published again
    "forged",  # a venue says what cannot be
)
# Of `unkind`, each by its name.
KINDS: Final = tuple(kind.value for kind in FaultKind)
# With one of these, what was said may be lost, or not be answered for long, and has to be said again.
LOSING: Final = frozenset({"crash", "torn", "flush", "wipe", "rebalance", "unkind", *KINDS})
ROOMY: Final = 10**15
TIGHT: Final = 150_000_000_000
ACCOUNTS: Final = ("A1", "A2", "A3", "A4")
TIGHT_ACCOUNTS: Final = ("A3",)
BUYING_POWER: Final = {name: TIGHT if name in TIGHT_ACCOUNTS else ROOMY for name in ACCOUNTS}


def draw_setting(draws: random.Random, faults: Collection[str]) -> Setting:
    """Return the world of a run: its venues, accounts, cores and hours, as these faults let it be."""
    unkind = "unkind" in faults
    kinds = tuple(kind for kind in FaultKind if unkind or kind.value in faults)
    behaviours, rates, unread = {}, {}, {}
    for name in (*LIT, DARK):
        behaviours[name] = Behaviour(
            reject=draws.choice((0, 0.05)) if unkind else 0.0,
            cancel_reject=draws.choice((0, 0.2, 0.6)) if unkind else 0.0,
            thin=draws.choice((0, 0.3)),
            reports_pending=unkind and draws.random() < 0.5,
        )
        rates[name] = draw_rates(draws, kinds)
        unread[name] = draws.choice((0.0, 0.02)) if unkind else 0.0
    return Setting(
        partitions=draws.choice((1, 2, 4, 4)),
        cores=2 if "rebalance" in faults else draws.choice((1, 2)),
        accounts={name: AccountTerms(account_id=name) for name in ACCOUNTS},
        buying_power=BUYING_POWER,
        rules=tuple(_rules()),
        behaviours=behaviours,
        rates=rates,
        unread=unread,
        default_profile=draws.choice(PROFILES),
        doubles=0.01 if "double" in faults else 0.0,
        calendar=calendar_of(draws),
        pace=Pace(flush_s=draws.choice((0.02, 0.1, 0.5)), checkpoint_s=draws.choice((0.5, 1.0, 5.0))),
    )


def _rules() -> Iterator[RuleRow]:
    """Yield what holds of the risk rules. Accounts begin flat, and their orders may cross."""
    yield RuleRow(rule="ORDER_QTY_EXCEEDS_MAX", scope=EVERYTHING, parameters={"quantity_max": 1_900})
    yield RuleRow(rule="ORDER_NOTIONAL_EXCEEDS_MAX", scope=EVERYTHING, parameters={"notional_max": ROOMY})
    for name in ("SHORT_SALE_UNMARKED", "SELF_CROSS"):
        yield RuleRow(rule=name, scope=EVERYTHING, mode=Mode.OFF)
    for account, power in BUYING_POWER.items():
        scope = Scope(account=account)
        yield RuleRow(rule="BUYING_POWER_EXCEEDED", scope=scope, parameters={"buying_power": power})
