"""What venues did, what of it they said, and what must therefore be ours: trades, exceptions, and no more.

The law of this file: what a venue did is taken from its records, what it said from the bytes that the adapter
kept, in their order, read by the venues' own reader. A message that a venue lost before we had it was never
said; one that we have kept is applied or is an exception, whatever became of its session or of our process.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from execution_adapter.domain.wire_ids import child_of
from execution_adapter.ports import JournalLine
from oms_platform.exceptions import ExceptionKind, ExecutionException
from oms_platform.fix.wire import ENCODING, split_fields
from oms_tools.simulation.faults import FALSE
from oms_tools.simulation.rules import BrokenError
from simulators.broker.protocol import ExecType, FaultKind, FaultSown, Report, RequestRefused, Saying

EXPLAINED: Final = "an exception has a cause"
ONE_EXCEPTION: Final = "a false message is one exception"
KEPT: Final = "what a venue has sent is kept"
_EXECUTIONS: Final = frozenset((ExecType.TRADE, ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT))
# What leaves a question, or a cancel, without an answer that settles it.
_UNANSWERING: Final = frozenset(
    (FaultKind.STATUS_REFUSED, FaultKind.STATUS_UNANSWERED, FaultKind.CANCEL_UNKNOWN_ORDER)
)
# What makes a venue lose what it has said, or use its numbers again.
_FORGETTING: Final = frozenset((FaultKind.SEQUENCE_LOW, FaultKind.SESSION_RESET))
# What names a message of a venue: the venue and the ExecID.
Named = tuple[str, str]
# What a trade stands at: its child, shares, and price in micros.
Standing = tuple[str, int, int]


class VenueTruth:
    """The venues' records and what was heard of them. heard: in the order of the adapter's journal."""

    def __init__(self) -> None:
        self._records: dict[Named, Report] = {}
        self._false: dict[Named, frozenset[ExceptionKind]] = {}
        # Of executions whose ExecID comes again with other shares: what the repetition says.
        self._repeated: dict[Named, int] = {}
        self._unanswered: set[str] = set()
        self._refusing: set[str] = set()
        # Children with a trade that was not said when it was made, venues that lost what they said, and those
        # that gave two messages one number.
        self._gap_filled: set[str] = set()
        self._forgetful: set[str] = set()
        self._ambiguous: set[str] = set()
        self._read = 0
        # Where in the journal an execution stands first, and each report as it came.
        self._heard: dict[Named, int] = {}
        self._places: dict[bytes, int] = {}
        self._heard_repeated: set[Named] = set()
        self._believed: set[Named] = set()
        # Of every trade that was heard: what it stands at, and of its corrections the trade.
        self.trades: dict[Named, Standing] = {}
        self._trade_of: dict[Named, Named] = {}
        # Busts and corrections of trades that were never heard of.
        self._of_nothing: set[Named] = set()
        # Their children: for core they are as they were before.
        self._reopened: set[str] = set()

    # ---- what venues do and say

    def said(self, venue_id: str, saying: Saying) -> None:
        """Look at what a venue says, or sows."""
        record, dress, is_true = saying
        if isinstance(record, FaultSown | Report):
            # Also under the ClOrdID that a replace gave it.
            record = replace(record, cl_ord_id=child_of(record.cl_ord_id))
        if isinstance(record, FaultSown):
            if record.kind in _UNANSWERING:
                self._unanswered.add(venue_id)
            elif record.kind in _FORGETTING:
                self._forgetful.add(venue_id)
                if record.kind is FaultKind.SEQUENCE_LOW:
                    self._ambiguous.add(venue_id)
            elif record.kind is FaultKind.GAP_FILLED:
                self._gap_filled.add(record.cl_ord_id)
            elif record.kind in FALSE and record.kind is not FaultKind.REPEATED_EXEC_ID:
                self._false[venue_id, record.exec_id] = FALSE[record.kind]
        elif isinstance(record, RequestRefused):
            self._refusing.add(venue_id)
        elif isinstance(record, Report) and record.exec_type in _EXECUTIONS:
            name = venue_id, record.exec_id
            if is_true:
                self._records.setdefault(name, record)
            elif dress is FaultKind.REPEATED_EXEC_ID:
                self._repeated[name] = record.last_qty

    def forged(self, venue_id: str, exec_id: str, kind: ExceptionKind) -> None:
        """Note a message that is made up, and what it must be."""
        self._false[venue_id, exec_id] = frozenset((kind,))

    # ---- what was heard

    def hear(self, journal: Sequence[JournalLine]) -> None:
        """Read what the adapter has kept since the last time."""
        for place, line in enumerate(journal[self._read :], self._read):
            fields = dict(reversed(split_fields(line.raw.decode(ENCODING))))
            if fields.get("35") == "8":
                self._places.setdefault(line.raw, place)
                self._hear((line.venue_id, fields.get("17", "")), fields, place)
        self._read = len(journal)

    def _hear(self, name: Named, fields: Mapping[str, str], place: int) -> None:
        shares = self._repeated.get(name)
        repeats = shares is not None and fields.get("32") == str(shares)
        # What was of nothing when it came first may be of a trade when it comes again.
        unsettled = name in self._of_nothing and name not in self._trade_of
        if name not in self._heard or unsettled:
            self._heard.setdefault(name, place)
            record = self._records.get(name)
            if record is not None and repeats and shares is not None:
                # The trade itself was lost: nobody can tell the repetition from it.
                self._believed.add(name)
                record = replace(record, last_qty=shares)
            if record is not None:
                self._execute(name, record)
        elif repeats != (name in self._believed):
            self._heard_repeated.add(name)

    def _execute(self, name: Named, record: Report) -> None:
        if record.exec_type is ExecType.TRADE:
            self._trade_of[name] = name
            self.trades[name] = record.cl_ord_id, record.last_qty, micros_of_text(record.last_px)
            return
        trade = self._trade_of.get((name[0], record.exec_ref_id))
        if trade is None:
            self._of_nothing.add(name)
            self._reopened.add(record.cl_ord_id)
            return
        self._trade_of[name] = trade
        corrected = record.exec_type is ExecType.TRADE_CORRECT
        price = micros_of_text(record.last_px) if corrected else 0
        self.trades[trade] = self.trades[trade][0], record.last_qty, price

    def unheard(self) -> Mapping[str, int]:
        """Return, by ClOrdID, how many executions of a child were never heard of as they were."""
        return Counter(
            record.cl_ord_id
            for name, record in self._records.items()
            if name not in self._heard or name in self._believed
        )

    # ---- when all is quiet

    def check_kept(self, venue_id: str, sent: Iterable[bytes]) -> None:
        """Hold what a venue's session would send again to what was kept of it.

        One that has used numbers again may have used those of messages that nobody asked for: not that one.
        """
        if venue_id in self._forgetful:
            return
        for raw in sent:
            fields = dict(reversed(split_fields(raw.decode(ENCODING))))
            name = venue_id, fields.get("17", "")
            if fields["35"] == "8" and name not in self._heard:
                raise BrokenError(KEPT, f"{raw!r} of {venue_id} is not in the journal")

    def check_exceptions(self, found: Iterable[ExecutionException]) -> None:
        """Hold the exceptions to the messages that must be one, and each to its cause."""
        by_message: defaultdict[Named, list[ExceptionKind]] = defaultdict(list)
        for exception in found:
            name = exception.venue_id, exception.exec_id
            by_message[name].append(exception.kind)
            if not self._cause(exception, name):
                raise BrokenError(EXPLAINED, f"{exception.kind.name} of {name}: {exception.detail}")
        expected = {name: kinds for name, kinds in self._false.items() if name in self._heard}
        repeated = FALSE[FaultKind.REPEATED_EXEC_ID]
        unknown = frozenset((ExceptionKind.UNKNOWN_TRADE,))
        for wanted in (
            expected,
            dict.fromkeys(self._heard_repeated, repeated),
            dict.fromkeys(self._of_nothing, unknown),
        ):
            for name, kinds in wanted.items():
                count = sum(kind in kinds for kind in by_message[name])
                if count != 1:
                    names = " or ".join(sorted(kind.name for kind in kinds))
                    raise BrokenError(ONE_EXCEPTION, f"{name} must be one {names}, is {count}")

    def _was_unheard(self, exception: ExecutionException) -> bool:
        """Say whether a trade of a child had not been heard of, as it was, when an exception was raised."""
        # What is raised because no answer came has no report to stand at.
        raised_at = self._places.get(exception.raw, 0)
        return any(
            self._heard.get(name, self._read) > raised_at or name in self._believed
            for name, record in self._records.items()
            if record.cl_ord_id == exception.cl_ord_id
        )

    def _cause(self, exception: ExecutionException, name: Named) -> bool:
        """Say whether a venue has done what an exception is about."""
        match exception.kind:
            case ExceptionKind.OVERFILL:
                # Held to its trade when it is stored.
                return True
            case ExceptionKind.REPEATED_EXEC_ID:
                return name in self._heard_repeated
            case ExceptionKind.UNKNOWN_TRADE if name in self._of_nothing:
                return True
            case ExceptionKind.BAD_QUANTITY if exception.cl_ord_id in self._reopened:
                return True
            case ExceptionKind.CUM_QTY_DIFFERS:
                unsaid = exception.cl_ord_id in self._gap_filled or exception.venue_id in self._ambiguous
                return unsaid or self._was_unheard(exception)
            case ExceptionKind.UNRESOLVED:
                return exception.venue_id in self._unanswered
            case ExceptionKind.VENUE_REFUSED:
                return exception.venue_id in self._refusing
            case kind:
                return kind in self._false.get(name, ())


def micros_of_text(text: str) -> int:
    """Read a venue's price."""
    whole, _, part = text.partition(".")
    return int(whole) * 1_000_000 + int(part.ljust(6, "0"))
