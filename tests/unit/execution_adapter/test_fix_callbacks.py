"""Which sessions QuickFIX still tends: one that is never tried again is noticed, a refused one is not."""

import pytest
import quickfix as fix

from execution_adapter.entrypoints.fix_callbacks import SessionsLeftError, VenueCallbacks
from execution_adapter.entrypoints.inbox import Inbox

AT_ONCE_S = -1.0
NEVER_S = 1_000.0


def session(venue_id: str) -> fix.SessionID:
    return fix.SessionID("FIX.4.4", "OMS", venue_id)


def callbacks(left_after_s: float) -> VenueCallbacks:
    made = VenueCallbacks(Inbox(100), left_after_s)
    for venue_id in ("XNYS", "XNAS", "DARK"):
        made.onCreate(session(venue_id))
    return made


def test_a_session_that_is_not_tried_while_another_is_up_is_named() -> None:
    made = callbacks(AT_ONCE_S)
    made.onLogon(session("XNYS"))
    with pytest.raises(SessionsLeftError, match=r"no logon was tried for .*: DARK, XNAS") as error:
        made.require_tended()
    assert error.value.dependency == "fix"


def test_while_no_venue_is_up_nobody_is_given_up() -> None:
    made = callbacks(AT_ONCE_S)
    made.require_tended()
    made.onLogon(session("XNYS"))
    made.onLogout(session("XNYS"))
    made.require_tended()


def test_a_session_that_tries_to_log_on_is_tended() -> None:
    made = callbacks(NEVER_S)
    made.onLogon(session("XNYS"))
    made._tended_s["DARK"] -= 2 * NEVER_S
    with pytest.raises(SessionsLeftError, match="DARK"):
        made.require_tended()
    logon = fix.Message()
    logon.getHeader().setField(35, "A")
    made.toAdmin(logon, session("DARK"))
    made.require_tended()
