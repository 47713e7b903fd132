"""The orders: the same seeded flow for every router.

The law of this file: an order is a function of (seed, regime, index); its size is drawn relative to what a
venue usually shows, its side by a fair coin.
"""

from dataclasses import dataclass
from typing import Final

from oms_platform.vocabulary import TimeInForce
from oms_tools.sor_lab.regimes import Regime
from oms_tools.sor_lab.world import Episode, draws, make_episode

URGENT_HORIZON_US: Final = 1_000_000
PATIENT_HORIZON_US: Final = 3_000_000
PATIENT_SHARE: Final = 0.4
# How far the price goes an order's way after its arrival, as a part of the half spread. For marketable
# orders the statistics of SEC Rule 605 leave a realized spread that is a small part of the effective one:
# most of the half spread is impact, and most of that comes within a second or two (Conrad and Wahal 2020).
# Who can wait knows less.
URGENT_RESPONSE: Final = 0.7
PATIENT_RESPONSE: Final = 0.2
# How far beyond the far touch a patient order's limit is, in ticks: it may cross, it need not.
PATIENT_REACH_TICKS: Final = 5
# (chance, least, most) of the size as a multiple of a venue's usual touch; the first kind is odd lots.
SIZES: Final = ((0.15, 0.0, 0.0), (0.35, 0.2, 1.0), (0.35, 1.0, 5.0), (0.15, 5.0, 12.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabOrder:
    """An order of the flow. limit in ticks, None at the market. patient: it has three seconds, not one."""

    index: int
    buy: bool
    quantity: int
    tif: TimeInForce
    limit: int | None
    patient: bool


def make_order(seed: int, regime: Regime, index: int) -> tuple[LabOrder, Episode]:
    """Draw an order and the episode that it meets."""
    chance = draws("flow", seed, regime.name, index)
    patient = chance.random() < PATIENT_SHARE
    buy = chance.random() < 0.5
    response = (PATIENT_RESPONSE if patient else URGENT_RESPONSE) * regime.spread_ticks / 2
    episode = make_episode(
        seed,
        regime,
        index,
        PATIENT_HORIZON_US if patient else URGENT_HORIZON_US,
        response_ticks=response if buy else -response,
    )
    _, low, high = chance.choices(SIZES, [share for share, _, _ in SIZES])[0]
    quantity = chance.randint(1, 99)
    if high:
        lots = round(chance.uniform(low, high) * regime.touch_size / 100)
        quantity = max(1, lots) * 100 + (chance.randint(1, 99) if chance.random() < 0.1 else 0)
    how = chance.random()
    best = episode.best_at(0)
    limit, tif = None, TimeInForce.DAY
    if patient:
        limit = best.ask + PATIENT_REACH_TICKS if buy else best.bid - PATIENT_REACH_TICKS
    elif how < 0.25:
        reach = chance.randint(0, 3)
        limit, tif = best.ask + reach if buy else best.bid - reach, TimeInForce.IOC
    elif how < 0.5:
        tif = TimeInForce.IOC
    order = LabOrder(index=index, buy=buy, quantity=quantity, tif=tif, limit=limit, patient=patient)
    return order, episode
