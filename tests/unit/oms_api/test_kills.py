"""Kill switches at the doors: what is refused, by what words, and what is taken whatever is stopped."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from oms_api.change_handlers import Requested
from oms_api.domain.order_requests import RequestKind
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.handlers import Placed
from oms_platform.ids import uuid7
from oms_platform.kill_switches import Kills, KillSwitch, Stage
from oms_platform.scopes import EVERYTHING, Scope
from tests.unit.oms_api.test_changes import ask, refused, stored, view
from tests.unit.oms_api.test_handlers import FIRST, TRADER, Fake, place

NAMES = {
    "firm": "F", "desk": "D", "sector": "TECH", "symbol": "S", "account": "A", "trader": TRADER.subject,
    "strategy": "momentum",
}  # fmt: skip
WITHIN = [
    EVERYTHING,
    *(Scope(**{kind: name}) for kind, name in NAMES.items()),
    Scope(account="A", symbol="S"),
]
WITHOUT = [
    *(Scope(**{kind: "another"}) for kind in NAMES),
    Scope(venue="XNYS"),
    Scope(account="A", venue="XNYS"),
]
TAGS = {"tags": {"strategy": "momentum"}}


def kill(fake: Fake, scope: Scope, stage: Stage = Stage.BLOCK) -> KillSwitch:
    switch = KillSwitch(switch_id=uuid7(), scope=scope, reason="news is pending", stage=stage)
    fake.kills.kills = Kills(switches=(switch,), houses={"A": ("F", "D")}, sectors={"S": "TECH"})
    return switch


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.mark.parametrize("scope", WITHIN)
@pytest.mark.parametrize("stage", list(Stage))
def test_a_new_order_of_a_scope_that_is_stopped_is_refused_and_told_by_what(
    fake: Fake, scope: Scope, stage: Stage
) -> None:
    switch = kill(fake, scope, stage)
    refusal = place(fake, **TAGS)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.retry_after_s) == (RefusalCode.KILLED, 0)
    assert refusal.message == (
        f"stopped by a kill switch: switch={switch.switch_id}, scope={scope}, reason=news is pending"
    )
    assert (fake.orders, fake.refused) == ([], 0)


@pytest.mark.parametrize("scope", WITHOUT)
def test_an_order_of_another_scope_is_taken(fake: Fake, scope: Scope) -> None:
    kill(fake, scope)
    assert isinstance(place(fake, **TAGS), Placed)


def test_what_is_stored_gets_its_first_answer_whatever_is_stopped(fake: Fake) -> None:
    kill(fake, EVERYTHING)
    fake.stored = FIRST
    placed = place(fake)
    assert isinstance(placed, Placed) and placed.order_id == FIRST.order_id


def test_while_nobody_knows_what_is_stopped_new_orders_are_told_to_come_again(fake: Fake) -> None:
    fake.kills.kills = Kills(unread="kill switches were looked at 2.4 s ago, limit_s=2")
    refusal = place(fake)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.retry_after_s) == (RefusalCode.UNAVAILABLE, 1)
    assert "looked at 2.4 s ago, limit_s=2" in refusal.message
    fake.order_view = view(status="ACKNOWLEDGED")
    assert isinstance(ask(fake, RequestKind.CANCEL), Requested)
    assert refused(ask(fake, RequestKind.REPLACE)).code is RefusalCode.UNAVAILABLE


CHANGES: list[tuple[RequestKind, str, Mapping[str, object], bool]] = [
    (RequestKind.CANCEL, "ACKNOWLEDGED", {}, True),
    (RequestKind.SUSPEND, "ACKNOWLEDGED", {}, True),
    (RequestKind.RESUME, "SUSPENDED", {}, False),
    (RequestKind.REPLACE, "ACKNOWLEDGED", {"quantity": 5}, True),
    (RequestKind.REPLACE, "ACKNOWLEDGED", {"quantity": 15}, False),
    (RequestKind.REPLACE, "ACKNOWLEDGED", {"limitPrice": "1.00"}, False),
    (RequestKind.REPLACE, "ACKNOWLEDGED", {"quantity": 5, "limitPrice": "1.00"}, False),
]


@pytest.mark.parametrize(("kind", "status", "content", "taken"), CHANGES)
@pytest.mark.parametrize("scope", WITHIN)
def test_what_puts_more_into_the_market_is_refused_and_what_takes_out_is_not(
    fake: Fake, kind: RequestKind, status: str, content: Mapping[str, object], taken: bool, scope: Scope
) -> None:
    fake.order_view = view(
        status=status,
        quantity=10,
        order_type="LIMIT",
        limit_price=Decimal(2),
        principal=TRADER.subject,
        **TAGS,
    )
    kill(fake, scope)
    found = ask(fake, kind, content or None)
    if taken:
        assert isinstance(found, Requested)
        assert len(stored(fake)) == 1
    else:
        assert refused(found).code is RefusalCode.KILLED
        assert stored(fake) == []
