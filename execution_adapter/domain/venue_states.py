"""How each venue is: whether its session is up, how often it logged on, and what it can be asked.

The law of this file: whether something may have been lost on its way is told by the number of the logon on
which it was sent. A resend that a venue asks for, and that gets a gap fill, counts as a logon: what was sent
before it may not have arrived.
"""

from execution_adapter.domain.live_child import LiveChild
from execution_adapter.domain.session_settings import Capabilities


class VenueStates:
    """What is known of the venues in this run. One thread only."""

    def __init__(self) -> None:
        self._logons: dict[str, int] = {}
        self._up: set[str] = set()
        # Venues that are down until somebody, or their schedule, lets them in again.
        self._out: set[str] = set()
        # Venues that answer no 35=H, by their settings or their word; and those that have answered one.
        self._mute: set[str] = set()
        self._answering: set[str] = set()
        # Venues that take no 35=G, by their settings or their word.
        self._irreplaceable: set[str] = set()
        # Venues that cancel what is open when the connection is lost, and cannot be asked what they canceled.
        self._silent_on_cancels: set[str] = set()

    def use_capabilities(self, venue_id: str, can: Capabilities) -> None:
        """Go by what a venue can."""
        if can.order_status:
            self._mute.discard(venue_id)
        else:
            self._mute.add(venue_id)
        self._irreplaceable.discard(venue_id)
        if not can.replace:
            self._irreplaceable.add(venue_id)
        self._silent_on_cancels.discard(venue_id)
        if can.cancel_on_disconnect and not can.order_status:
            self._silent_on_cancels.add(venue_id)

    # ---- sessions

    @property
    def up(self) -> frozenset[str]:
        """The venues whose session is logged on."""
        return frozenset(self._up)

    @property
    def out(self) -> frozenset[str]:
        """The venues whose session is down on purpose."""
        return frozenset(self._out)

    def is_up(self, venue_id: str) -> bool:
        """Say whether a venue's session is logged on."""
        return venue_id in self._up

    def is_known(self, venue_id: str) -> bool:
        """Say whether a venue was there in this run, or is down on purpose: no first logon is awaited."""
        return venue_id in self._logons or venue_id in self._out

    def logon(self, venue_id: str) -> int:
        """Return how often a venue logged on, 0 before the first time."""
        return self._logons.get(venue_id, 0)

    def count_logon(self, venue_id: str) -> None:
        """What was sent to a venue before now may not have arrived."""
        self._logons[venue_id] = self.logon(venue_id) + 1

    def logged_on(self, venue_id: str) -> None:
        """A venue's session is up."""
        self._up.add(venue_id)
        self._out.discard(venue_id)

    def logged_out(self, venue_id: str, *, on_purpose: bool) -> bool:
        """A venue's session is down. on_purpose: until somebody lets it in. Returns whether it was up."""
        was_up = venue_id in self._up
        self._up.discard(venue_id)
        if on_purpose:
            self._out.add(venue_id)
        else:
            self._out.discard(venue_id)
        return was_up

    # ---- what venues can be asked

    def is_mute(self, venue_id: str) -> bool:
        """Say whether a venue answers no 35=H."""
        return venue_id in self._mute

    def is_silent_on_cancels(self, venue_id: str) -> bool:
        """Say whether a venue may have canceled what was open when its session ended, and does not say so."""
        return venue_id in self._silent_on_cancels

    def refused_question(self, venue_id: str) -> None:
        """A venue takes no 35=H; one that has answered another does not take this one."""
        if venue_id not in self._answering:
            self._mute.add(venue_id)

    def answered_question(self, venue_id: str) -> None:
        """A venue has answered a 35=H."""
        self._answering.add(venue_id)
        self._mute.discard(venue_id)

    # ---- what a child's venue may not have got

    def is_ambiguous(self, live: LiveChild) -> bool:
        """Whether an earlier run or logon may or may not have brought it to the venue: a 35=H decides."""
        venue_id = live.child.venue_id
        if live.unresolved or venue_id in self._mute:
            return False
        return live.unacked and live.sent_on_logon != self.logon(venue_id)

    def cancel_is_out(self, live: LiveChild) -> bool:
        """Say whether a child's venue has its cancel, sent since its last logon and under its name of now."""
        return (
            live.canceling
            and live.canceled_on_logon == self.logon(live.child.venue_id)
            and live.canceled_as == live.state.replaces.named
        )

    def owes_answer(self, live: LiveChild) -> bool:
        """Say whether a child's venue has a request about it that it has not answered."""
        return live.state.replace_is_out or self.cancel_is_out(live)

    def takes_no_replace(self, venue_id: str) -> bool:
        """Say whether a venue takes no 35=G."""
        return venue_id in self._irreplaceable

    def refused_replaces(self, venue_id: str) -> None:
        """A venue does not know the message type of a 35=G."""
        self._irreplaceable.add(venue_id)
