"""A replay decides again what was kept: unchanged it proves the audit, changed it says what would be."""

from dataclasses import replace
from decimal import Decimal

import msgspec

from oms_platform.vocabulary import OrderType
from oms_tools.routing_audit.replay import replay
from sor_engine.handlers import Changes
from tests.unit.sor_engine.test_handlers import live, request


def test_a_replay_counts_what_was_decided_and_what_would_have_been() -> None:
    asked = [request(quantity=100, order_type=OrderType.MARKET, limit_price_micros=None) for _ in range(3)]
    stored = [live(one).decided for one in asked]
    dear = replay(stored, Changes(fees={"ARCX": (Decimal(0), Decimal("0.004"))}))
    assert (dear.repeated, dear.changed) == (3, 0)
    assert (dear.before.decisions, dear.before.placed, dear.before.taken) == (3, 300, 300)
    assert (dear.before.fee, dear.after.fee) == (Decimal("0.9"), Decimal("1.2"))
    assert dear.shares == {"ARCX": [300, 300]}
    dark = replay(stored, Changes(strategy="staged"))
    assert (dark.repeated, dark.changed) == (3, 3)
    assert dark.shares == {"ARCX": [300, 0], "DARK": [0, 300]}


def test_a_decision_that_the_audit_does_not_prove_is_not_counted_as_repeated() -> None:
    stored = live(request()).decided
    forged = msgspec.structs.replace(stored.plan, continues=True)
    assert replay([replace(stored, plan=forged)], Changes()).repeated == 0
