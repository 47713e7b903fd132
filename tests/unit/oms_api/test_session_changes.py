"""What may be made of a day's session, at every time of it."""

from datetime import UTC, datetime, timedelta

import pytest

from oms_api.domain.refusal import RefusalCode
from oms_api.domain.session_changes import SessionTimes, removal_problem, session_problem

DAY = datetime(2026, 12, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)


def times(opens: float, closes: float) -> SessionTimes:
    return SessionTimes(DAY + opens * HOUR, DAY + closes * HOUR)


@pytest.mark.parametrize(
    ("now", "was", "wanted", "code"),
    [
        # Ahead of it.
        (8, (14.5, 21), (14.5, 18), None),
        (8, (14.5, 21), (15, 21), None),
        (8, None, (14.5, 18), None),
        (8, (14.5, 21), (14.5, 14.5), RefusalCode.INVALID_REQUEST),
        (8, (14.5, 21), (18, 14.5), RefusalCode.INVALID_REQUEST),
        (8, (14.5, 21), (7, 21), RefusalCode.INVALID_REQUEST),
        # Within it.
        (15, (14.5, 21), (14.5, 18), None),
        (15, (14.5, 21), (14.5, 15), RefusalCode.INVALID_REQUEST),
        (15, (14.5, 21), (16, 21), RefusalCode.CONFLICT),
        (15, None, (14.5, 21), RefusalCode.INVALID_REQUEST),
        # After it.
        (21, (14.5, 21), (14.5, 23), RefusalCode.CONFLICT),
        (21, None, (14.5, 20), RefusalCode.INVALID_REQUEST),
    ],
)
def test_what_has_been_stays_and_what_goes_on_ends_later_than_now(
    now: float,
    was: tuple[float, float] | None,
    wanted: tuple[float, float],
    code: RefusalCode | None,
) -> None:
    found = session_problem(None if was is None else times(*was), times(*wanted), DAY + now * HOUR)
    assert (None if found is None else found.code) is code


def test_a_day_is_closed_until_it_begins() -> None:
    assert removal_problem(times(14.5, 21), DAY + 14 * HOUR) is None
    for now in (14.5, 20, 21, 23):
        found = removal_problem(times(14.5, 21), DAY + now * HOUR)
        assert found is not None and found.code is RefusalCode.CONFLICT
