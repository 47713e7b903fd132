"""ClOrdIDs as a venue takes them: our own, or, where it takes none so long, ids that are derived from ours.

The law of this file: a child's id at its venue changes by its replaces alone while it lives, whatever its
venue's settings become; what a replace made of it is kept with the child, as its venue has it. A derived id
is a digest of ours, cut to the venue's length and alphabet; the last characters tell a child's requests
apart, and are the alphabet's first in the child's own id. So the same child has the same id after a restart,
and a request's id names its child.
"""

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from msgspec.structs import replace

from execution_adapter.domain.child import CancelRefusal, Inbound, MessageRefusal, Report
from execution_adapter.domain.session_settings import ClOrdIds

# Derived ids whose own are remembered; of the others the database knows the child.
REMEMBERED_MAX: Final = 200_000
# What stands before a request's number in our own id of it.
_REQUESTS: Final = ("-C", "-H", "-R")


class WireIds:
    """Which id a venue sees for which of ours, and the other way round. rules: by venue, None for ours."""

    def __init__(self, rules: Mapping[str, ClOrdIds | None] = {}) -> None:
        self._rules = dict(rules)
        # Children whose id at the venue is not what its rule derives now, by ClOrdID.
        self._pinned: dict[str, str] = {}
        self._own: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._derived = {venue_id for venue_id, rule in self._rules.items() if rule is not None}

    def set_rule(self, venue_id: str, rule: ClOrdIds | None) -> None:
        """Derive the ids of a venue's new children by another rule. Those that live must be pinned before."""
        self._rules[venue_id] = rule
        if rule is not None:
            self._derived.add(venue_id)

    def pin(self, venue_id: str, cl_ord_id: str, wire_id: str) -> None:
        """Keep the id that a child has at its venue."""
        self._pinned[cl_ord_id] = wire_id
        self._derived.add(venue_id)
        self.remember(venue_id, wire_id, cl_ord_id)

    def is_derived(self, venue_id: str) -> bool:
        """Say whether a venue has seen, or may see, other ids than ours."""
        return venue_id in self._derived

    def of_child(self, venue_id: str, cl_ord_id: str) -> str:
        """Return the id that a child has at its venue."""
        if venue_id not in self._derived:
            return cl_ord_id
        pinned = self._pinned.get(cl_ord_id)
        if pinned is not None:
            return pinned
        rule = self._rules.get(venue_id)
        if rule is None:
            self.remember(venue_id, cl_ord_id, cl_ord_id)
            return cl_ord_id
        length = rule.length - rule.request_length
        number = int.from_bytes(blake2b(cl_ord_id.encode(), digest_size=48).digest(), "big")
        wire_id = _written(number, rule.characters, length) + rule.characters[0] * rule.request_length
        self.remember(venue_id, wire_id, cl_ord_id)
        return wire_id

    def of_request(self, venue_id: str, cl_ord_id: str, request_id: str) -> str:
        """Return the id that a request about a child has at the venue: a cancel, a replace or a question."""
        if venue_id not in self._derived:
            return request_id
        rule, own = self._rules.get(venue_id), self.of_child(venue_id, cl_ord_id)
        if rule is None or own == cl_ord_id:
            # Its venue takes our ids, or took them when the child was sent.
            self.remember(venue_id, request_id, request_id)
            return request_id
        count = len(rule.characters) ** rule.request_length
        number = int(request_id.rpartition("-")[2][1:])
        wire_id = own[: -rule.request_length] + _written(
            1 + number % (count - 1), rule.characters, rule.request_length
        )
        self.remember(venue_id, wire_id, request_id)
        return wire_id

    def own(self, venue_id: str, wire_id: str) -> str | None:
        """Return our id of what a venue names, None when it is not remembered."""
        return self._own.get((venue_id, wire_id)) if venue_id in self._derived else wire_id

    def candidates(self, venue_id: str, wire_id: str) -> list[str]:
        """Return the ids at the venue of the children that an id may be of, or of a request of."""
        rule = self._rules.get(venue_id)
        if rule is None or len(wire_id) != rule.length:
            return [wire_id]
        return [wire_id, wire_id[: -rule.request_length] + rule.characters[0] * rule.request_length]

    def remember(self, venue_id: str, wire_id: str, own: str) -> None:
        """Find ours again by what a venue names."""
        self._own[venue_id, wire_id] = own
        if len(self._own) > REMEMBERED_MAX:
            self._own.popitem(last=False)


def with_own_ids(inbound: Inbound, ids: Mapping[str, str]) -> Inbound:
    """Return a message with our ids in place of the venue's. ids: ours by the venue's, as far as known."""
    if isinstance(inbound, Report):
        own = ids.get(inbound.cl_ord_id, inbound.cl_ord_id)
        ask_id = ids.get(inbound.ask_id, inbound.ask_id)
        return replace(inbound, cl_ord_id=child_of(own), ask_id=ask_id)
    if isinstance(inbound, CancelRefusal):
        child = child_of(ids.get(inbound.child_id, inbound.child_id))
        return replace(inbound, cl_ord_id=ids.get(inbound.cl_ord_id, inbound.cl_ord_id), child_id=child)
    return replace(inbound, ref_id=ids.get(inbound.ref_id, inbound.ref_id))


def venue_ids_in(inbound: Inbound) -> set[str]:
    """Return the ids in a message that a venue may have from us."""
    match inbound:
        case Report():
            found = {inbound.cl_ord_id, inbound.ask_id}
        case CancelRefusal():
            found = {inbound.cl_ord_id, inbound.child_id}
        case MessageRefusal():
            found = {inbound.ref_id}
    return found - {""}


def child_of(own_id: str) -> str:
    """Return the child's ClOrdID of an id of ours that may be a request's."""
    for mark in _REQUESTS:
        own_id = own_id.partition(mark)[0]
    return own_id


def _written(number: int, characters: str, length: int) -> str:
    """Write a number's last digits in an alphabet."""
    base, digits = len(characters), []
    for _ in range(length):
        number, digit = divmod(number, base)
        digits.append(characters[digit])
    return "".join(reversed(digits))
