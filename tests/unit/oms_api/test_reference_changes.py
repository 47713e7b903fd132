"""What may be made of an account or an instrument, by how it stands."""

from datetime import UTC, datetime, timedelta

import pytest

from oms_api.domain.reference_changes import (
    NEXT_STATUS,
    SUSPENDED_MIN,
    AccountStanding,
    InstrumentStanding,
    account_problem,
    instrument_problem,
)
from oms_api.domain.refusal import Refusal, RefusalCode

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)


def refused(
    status: str, wanted: str | None, *, since: datetime = LONG_AGO, orders: int = 0, positions: int = 0,
    read: int | None = None,
) -> Refusal | None:  # fmt: skip
    standing = AccountStanding(
        account_id="ACC", status=status, version=3, since=since, open_orders=orders, positions=positions
    )
    return account_problem(standing, wanted, None if read is None else lambda version: version == read, NOW)


@pytest.mark.parametrize("status", NEXT_STATUS)
@pytest.mark.parametrize("wanted", NEXT_STATUS)
def test_an_account_takes_one_step_at_a_time_and_stays_what_it_is(status: str, wanted: str) -> None:
    steps = {
        ("ACTIVE", "SUSPENDED"), ("SUSPENDED", "ACTIVE"), ("SUSPENDED", "CLOSED"), ("CLOSED", "SUSPENDED"),
    }  # fmt: skip
    found = refused(status, wanted)
    if status == wanted or (status, wanted) in steps:
        assert found is None
    else:
        assert found is not None and found.code is RefusalCode.CONFLICT


@pytest.mark.parametrize(
    ("orders", "positions", "said"),
    [
        (1, 0, "1 open order and 0 positions"),
        (0, 1, "0 open orders and 1 position"),
        (1_000, 2, "1,000 open orders and 2 positions"),
    ],
)
def test_what_is_open_keeps_an_account_from_being_closed_and_from_nothing_else(
    orders: int, positions: int, said: str
) -> None:
    found = refused("SUSPENDED", "CLOSED", orders=orders, positions=positions)
    assert found is not None and said in found.message
    for status, wanted in (("ACTIVE", "SUSPENDED"), ("SUSPENDED", "ACTIVE"), ("ACTIVE", None)):
        assert refused(status, wanted, orders=orders, positions=positions) is None


def test_a_suspension_that_is_not_everywhere_yet_is_waited_for() -> None:
    just = NOW - SUSPENDED_MIN + timedelta(microseconds=1)
    found = refused("SUSPENDED", "CLOSED", since=just)
    assert found is not None and found.retry_after_s == 1
    assert refused("SUSPENDED", "CLOSED", since=NOW - SUSPENDED_MIN) is None
    assert refused("SUSPENDED", "ACTIVE", since=just) is None


def test_another_version_than_was_read_is_not_changed_whatever_is_wanted() -> None:
    for wanted in (None, "ACTIVE", "CLOSED"):
        found = refused("SUSPENDED", wanted, read=2)
        assert found is not None and found.code is RefusalCode.PRECONDITION_FAILED
        assert refused("SUSPENDED", wanted, read=3) is None


@pytest.mark.parametrize(
    ("prices", "tick", "said"),
    [
        ((), 50_000, None),
        ((227_500_000, 1_000_000), 50_000, None),
        ((227_510_000, 227_550_000), 50_000, "1 price of open orders of AAPL would be off a tick of 0.05"),
        ((227_510_000, 227_520_000), 50_000, "such as 227.51"),
        # Below a dollar the tick is everybody's.
        ((510_000,), 50_000, None),
        ((227_510_000,), None, None),
    ],
)
def test_a_tick_is_held_to_the_prices_of_open_orders_from_a_dollar_on(
    prices: tuple[int, ...], tick: int | None, said: str | None
) -> None:
    standing = InstrumentStanding(symbol="AAPL", version=3, open_prices=prices)
    found = instrument_problem(standing, tick, None)
    assert found is None if said is None else found is not None and said in found.message
    other = instrument_problem(standing, tick, lambda version: version == 2)
    assert other is not None and other.code is RefusalCode.PRECONDITION_FAILED
