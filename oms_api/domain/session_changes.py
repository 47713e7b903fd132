"""What may be made of a day's session: what has been is as it was, and what goes on ends later than now."""

from datetime import datetime
from typing import NamedTuple

from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid


class SessionTimes(NamedTuple):
    """From when, and up to when, a market trades on a day."""

    opens_at: datetime
    closes_at: datetime


def session_problem(was: SessionTimes | None, wanted: SessionTimes, now: datetime) -> Refusal | None:
    """Return why a day's session cannot become what is wanted, None where it can. was: None for none."""
    if wanted.closes_at <= wanted.opens_at:
        return invalid(FieldProblem(field="closes", message="must be later than opens"))
    if was is not None and was.closes_at <= now:
        return _conflict("the session is over, and stays as it was")
    if wanted.closes_at <= now:
        return invalid(FieldProblem(field="closes", message="must be later than now"))
    if was is not None and was.opens_at <= now and wanted.opens_at != was.opens_at:
        return _conflict("the session has begun, and only its close may be another")
    if (was is None or was.opens_at > now) and wanted.opens_at <= now:
        return invalid(FieldProblem(field="opens", message="must be later than now"))
    return None


def removal_problem(was: SessionTimes, now: datetime) -> Refusal | None:
    """Return why a day cannot be closed, None where it can."""
    if was.opens_at <= now:
        return _conflict("the session has begun: it may close earlier, or trading be halted")
    return None


def _conflict(message: str) -> Refusal:
    return Refusal(code=RefusalCode.CONFLICT, message=message)
