"""What operators ask of sessions: begun when it is found in the database, answered when it has come about."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from execution_adapter.domain.session_settings import SessionSettings
from execution_adapter.domain.wire_ids import WireIds
from execution_adapter.ports import FixCommand, SessionControl, SessionState, SessionStore

# So long a command may take until it is answered with how things stand.
ANSWER_S_MAX: Final = 10.0
# What is of the moment and was asked for so long ago is not begun any more.
AGE_S_MAX: Final = 300.0
log = structlog.get_logger()


class _Pending:
    """A command that was begun. outcome: asks for what came of it, empty while nothing has."""

    def __init__(self, command: FixCommand, began_s: float, outcome: Callable[[], str]) -> None:
        self.command, self.began_s, self.outcome = command, began_s, outcome


class SessionCommands:
    """Runs what is asked for. defaults: the settings of a venue that has none of its own. One thread only."""

    def __init__(
        self,
        store: SessionStore,
        sessions: SessionControl,
        wire_ids: WireIds,
        defaults: Mapping[str, SessionSettings],
        on_settings: Callable[[str, SessionSettings], None] = lambda _venue_id, _settings: None,
        compare: Callable[[str, datetime, float], None] = lambda _venue_id, _now, _now_s: None,
    ) -> None:
        self._compare = compare
        self._store, self._sessions, self._wire_ids = store, sessions, wire_ids
        self._defaults, self._on_settings = defaults, on_settings
        self._pending: dict[UUID, _Pending] = {}

    def run(self, now: datetime, now_s: float) -> None:
        """Begin what is new, and answer what has come about or has taken too long."""
        for command in self._store.commands():
            if command.command_id not in self._pending:
                self._begin(command, now, now_s)
        for command_id, pending in list(self._pending.items()):
            outcome = pending.outcome()
            if not outcome and now_s - pending.began_s > ANSWER_S_MAX:
                outcome = f"not yet: {self._reason(pending.command.venue_id)}"
            if outcome:
                del self._pending[command_id]
                log.warning(
                    "fix_command_done",
                    venue=pending.command.venue_id,
                    kind=pending.command.kind,
                    requested_by=pending.command.requested_by,
                    reason=pending.command.reason,
                    outcome=outcome,
                )
                self._store.done(command_id, outcome, now)

    def _begin(self, command: FixCommand, now: datetime, now_s: float) -> None:
        age_s = (now - command.requested_at).total_seconds()
        if command.venue_id not in self._defaults:
            outcome = _said(
                "not done: the adapter has no session of this venue; it reads venues when it starts"
            )
        elif command.kind in ("RESET", "RESEND", "RECONCILE") and age_s > AGE_S_MAX:
            outcome = _said(f"not done: it was asked for {age_s:.0f} s ago")
        else:
            outcome = self._begun(command, now, now_s)
        self._pending[command.command_id] = _Pending(command, now_s, outcome)

    def _begun(self, command: FixCommand, now: datetime, now_s: float) -> Callable[[], str]:
        """Do what a command says. Returns how to find what came of it."""
        venue_id, sessions = command.venue_id, self._sessions
        who = f"by {command.requested_by}: {command.reason}"
        match command.kind:
            case "LOGOUT":
                self._store.hold_out(venue_id, f"logged out {who}")
                sessions.hold_out(venue_id, f"logged out {who}")
                return lambda: "" if sessions.state(venue_id).up else "logged out"
            case "LOGON":
                self._store.hold_out(venue_id, "")
                tried = self._tried(venue_id, lambda now: now.up, "logged on")
                sessions.let_in(venue_id)
                return tried
            case "RESET":
                before = sessions.state(venue_id).resets
                text = "logged on, both sides' numbers began at 1"
                tried = self._tried(venue_id, lambda now: now.resets > before, text)
                sessions.reset(venue_id, f"its numbers are reset {who}")
                return tried
            case "RESEND":
                return _said(self._ask_again(venue_id, command.arguments))
            case "RECONCILE":
                if not sessions.state(venue_id).up:
                    return _said(f"not asked: {self._reason(venue_id)}")
                self._compare(venue_id, now, now_s)
                return _said("each of its open orders is asked for")
            case _:
                return self._change(venue_id)

    def _ask_again(self, venue_id: str, arguments: Mapping[str, int]) -> str:
        begin, end = arguments["from"], arguments["to"]
        if self._sessions.ask_again(venue_id, begin, end):
            return f"asked for messages from {begin} {f'to {end}' if end else 'on'}"
        return f"not asked: {self._reason(venue_id)}"

    def _change(self, venue_id: str) -> Callable[[], str]:
        """Use the settings that are stored now."""
        stored = self._store.sessions()[venue_id]
        if stored.problem:
            return _said(f"not done: {stored.problem}")
        settings = stored.settings or self._defaults[venue_id]
        before = self._sessions.state(venue_id)
        if settings.cl_ord_ids != before.in_use.cl_ord_ids:
            for cl_ord_id, wire_id in self._store.wire_ids(venue_id).items():
                self._wire_ids.pin(venue_id, cl_ord_id, wire_id)
            self._wire_ids.set_rule(venue_id, settings.cl_ord_ids)
        tried = self._tried(venue_id, lambda now: now.logons > before.logons, "logged on with them")
        self._sessions.change(venue_id, settings)
        self._sessions.hold_out(venue_id, stored.held_out)
        self._store.note_in_use({venue_id: settings})
        self._on_settings(venue_id, settings)
        return tried

    def _tried(self, venue_id: str, done: Callable[[SessionState], bool], text: str) -> Callable[[], str]:
        """Return how to find whether a logon that is about to be tried has come about, or why not yet."""
        failures = self._sessions.state(venue_id).failures

        def outcome() -> str:
            now = self._sessions.state(venue_id)
            if done(now):
                return text
            if now.failures > failures or now.stays_out:
                return f"not yet: {now.stays_out or now.reason}"
            return ""

        return outcome

    def _reason(self, venue_id: str) -> str:
        state = self._sessions.state(venue_id)
        return state.reason or ("the session is up" if state.up else "the session is down")


def _said(outcome: str) -> Callable[[], str]:
    return lambda: outcome
