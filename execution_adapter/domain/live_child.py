"""A child while it is live, and what is known about whether its venue has it.

The law of this file: a 35=D is sent only while it is certain that the venue neither has the order nor will
get it. That is so for a child that was stored in this run and not sent yet, and after the venue has
answered "unknown" to a question that was asked after the last moment at which an order could have been on
its way. FIX keeps the order of messages, and the session sends nothing of ours a second time, so the answer
to such a question is final. A child of an earlier run is not sent at all: that run may have told core that it
is over.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from execution_adapter.domain.child import UNANSWERED, ChildState, OrdStatus, Replaces, Report, Status
from oms_platform.vocabulary import ChildTerms

# Questions and cancels in a row that bring nothing new, until a person has to look at a child.
TRIES_MAX: Final = 5


class LiveChild:
    """A child, its state, and what was asked about it. `logon` counts its venue's logons in this run.

    canceling: it is to leave the market. cancel_request: by which request, None when its own time was over.
    canceled_as: the ClOrdID, as `replaces.named` has it, that its last 35=F was about. asked_after_replace:
    its venue was asked how it is after the last 35=G.
    executions: those heard of in this run, and those that core has of earlier ones. tries: questions and
    cancels in a row that brought nothing new. missing_shown: the missing_qty that a person was shown.
    given_up: a person was shown that its venue does not answer, or may have been.
    """

    __slots__ = (
        "ask_id",
        "asked_after_replace",
        "asked_after_send",
        "asked_on_logon",
        "cancel_request",
        "canceled_as",
        "canceled_on_logon",
        "canceling",
        "child",
        "first_sent_at",
        "given_up",
        "last_try_s",
        "maybe_at_venue",
        "missing_shown",
        "replaced_on_logon",
        "sent_on_logon",
        "state",
        "trace",
        "tries",
    )

    def __init__(
        self,
        child: ChildTerms,
        state: ChildState,
        *,
        maybe_at_venue: bool,
        canceling: bool = False,
        trace: str = "",
    ) -> None:
        self.child = child
        self.state = state
        self.maybe_at_venue = maybe_at_venue
        self.canceling = canceling
        self.cancel_request: UUID | None = None
        self.trace = trace
        self.ask_id = ""
        self.asked_after_send = self.asked_after_replace = False
        self.canceled_as = ""
        self.asked_on_logon = self.sent_on_logon = self.canceled_on_logon = self.replaced_on_logon = 0
        self.last_try_s = 0.0
        self.tries = 0
        self.first_sent_at: datetime | None = None
        self.missing_shown = 0
        self.given_up = False

    @property
    def unacked(self) -> bool:
        """Whether no venue has answered for it."""
        return self.state.status in UNANSWERED

    @property
    def unresolved(self) -> bool:
        """Whether its venue was asked often enough."""
        return self.state.status is Status.UNRESOLVED

    def note_sent(self, logon: int, now: datetime, now_s: float) -> None:
        """A 35=D was handed to the session."""
        self.first_sent_at = self.first_sent_at or now
        self.maybe_at_venue = True
        self.sent_on_logon = logon
        self.asked_after_send = False
        self.last_try_s = now_s

    def note_asked(self, ask_id: str, logon: int, now_s: float) -> None:
        """A 35=H was handed to the session."""
        self.ask_id = ask_id
        self.asked_on_logon = logon
        self.asked_after_send = self.asked_after_replace = True
        self.last_try_s = now_s

    def note_replace_sent(self, replaces: Replaces, logon: int, now_s: float) -> None:
        """A 35=G was handed to the session."""
        self.replaced_on_logon = logon
        self.state = replace(self.state, replaces=replaces)
        self.asked_after_replace = False
        self.last_try_s = now_s

    def settles_replace(self, answer: Report) -> bool:
        """Say whether an answer tells what became of the 35=G that is out: its venue had read that before."""
        if not self.state.replace_is_out or answer.poss_dup or not self.asked_after_replace:
            return False
        pending = answer.ord_status is OrdStatus.PENDING_REPLACE
        return not pending and answer.ask_id in ("", self.ask_id)

    def proves_absent(self, answer: Report, logon: int) -> bool:
        """Say whether an "unknown" answer proves that the venue has no 35=D of this child, nor will get one.

        A venue that echoes tag 790 names the question. One that does not is believed when the answer is
        new, was asked for since this logon, and no 35=D went out since.
        """
        if not self.unacked or not self.maybe_at_venue:
            return False
        if answer.ask_id:
            return self.asked_after_send and answer.ask_id == self.ask_id
        return not answer.poss_dup and self.asked_on_logon == logon and self.sent_on_logon != logon
