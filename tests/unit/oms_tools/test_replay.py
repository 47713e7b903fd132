"""A replay decides again what was kept: unchanged it proves the audit, changed it says what would be."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from oms_platform.vocabulary import OrderType
from oms_tools.routing_audit.replay import Replayed, print_replayed, replay
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


def shown(result: Replayed, capsys: pytest.CaptureFixture[str]) -> str:
    print_replayed(result)
    return capsys.readouterr().out


def test_costs_that_do_not_compare_are_said_not_to(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [request(quantity=100, order_type=OrderType.MARKET, limit_price_micros=None) for _ in range(3)]
    stored = [live(one).decided for one in asked]
    # In the dark nothing is taken at once, so nothing seems to be paid.
    dark = replay(stored, Changes(strategy="dark"))
    assert (dark.unlike, dark.alike_before.decisions) == (3, 0)
    told = " ".join(shown(dark, capsys).split())
    assert (
        "CAREFUL: 3 decisions take another number of shares at once, 300 in all as decided and 0 changed"
        in told
    )
    assert "they do not compare" in told
    alike = replay(stored, Changes(fees={"ARCX": (Decimal(0), Decimal("0.004"))}))
    assert (alike.unlike, alike.alike_before.taken, alike.alike_after.taken) == (0, 300, 300)
    assert "CAREFUL" not in shown(alike, capsys)


def test_like_is_compared_with_like_even_when_the_sums_of_shares_agree(
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = live(request(quantity=100, order_type=OrderType.MARKET, limit_price_micros=None)).decided
    same = replay([one], Changes())
    dark = replay([one], Changes(strategy="dark"))
    mixed = Replayed(
        before=same.before,
        after=same.after,
        changed=2,
        unlike=2,
        alike_before=same.before,
        alike_after=same.after,
    )
    assert "CAREFUL: 2 decisions" in shown(mixed, capsys)
    figures = dark.as_json()
    assert (figures["unlike"], figures["alike"]["before"]["decisions"]) == (1, 0)
    assert same.as_json()["alike"]["after"]["cost"] == str(same.after.cost)
