"""What venues say about orders, with our own ids in place of those that they know the orders by."""

from collections.abc import Callable, Mapping, Sequence

from execution_adapter.domain.child import Inbound
from execution_adapter.domain.fix.wire import first_value, text_of
from execution_adapter.domain.wire_ids import WireIds, child_of, venue_ids_in, with_own_ids

Find = Callable[[str, Sequence[str]], Mapping[str, str]]


def _none(_venue_id: str, _wire_ids: Sequence[str]) -> Mapping[str, str]:
    return {}


class OwnNames:
    """Our ids by the venues'. find: asks the database which children a venue knows by these ids."""

    def __init__(self, wire_ids: WireIds | None = None, find: Find = _none) -> None:
        self._wire_ids = wire_ids or WireIds()
        self._find = find

    def renamed(self, inbound: Inbound) -> Inbound:
        """Return a message with our ids, as far as they are known."""
        venue_id = inbound.venue_id
        if not self._wire_ids.is_derived(venue_id):
            return inbound
        return with_own_ids(inbound, {name: self._own(venue_id, name) for name in venue_ids_in(inbound)})

    def child_named(self, venue_id: str, raw: bytes) -> str:
        """Return the ClOrdID of the child that a message seems to be about, empty when it names none."""
        name = text_of(first_value(raw, 41) or first_value(raw, 11) or b"")
        return child_of(self._own(venue_id, name))

    def _own(self, venue_id: str, name: str) -> str:
        found = self._wire_ids.own(venue_id, name)
        if found is not None:
            return found
        known = self._find(venue_id, self._wire_ids.candidates(venue_id, name))
        for wire_id, cl_ord_id in known.items():
            self._wire_ids.remember(venue_id, wire_id, cl_ord_id)
            return cl_ord_id
        return name
