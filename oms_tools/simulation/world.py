"""What a seed draws before anything happens: which faults there may be, and the world that they happen to."""

import random
from collections.abc import Collection
from typing import Final

from execution_adapter.entrypoints.main_loop import Pace
from oms_core.domain.risk import AccountLimits
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
        limits={name: _limits(name, tight=name in TIGHT_ACCOUNTS) for name in ACCOUNTS},
        behaviours=behaviours,
        rates=rates,
        unread=unread,
        default_profile=draws.choice(PROFILES),
        doubles=0.01 if "double" in faults else 0.0,
        calendar=calendar_of(draws),
        pace=Pace(flush_s=draws.choice((0.02, 0.1, 0.5)), checkpoint_s=draws.choice((0.5, 1.0, 5.0))),
    )


def _limits(name: str, *, tight: bool) -> AccountLimits:
    return AccountLimits(
        account_id=name,
        active=True,
        order_qty_max=1_900,
        order_notional_max_micros=ROOMY,
        price_collar_bps=500,
        buying_power_micros=TIGHT if tight else ROOMY,
    )
