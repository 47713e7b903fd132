"""A child whose venue says things again, before and after crashes, counts what its venue counts.

The venue trades, busts, corrects and ends one order, and sends any of it once more (97) under a new number.
The adapter crashes at any point: it begins again with a state that was stored at some point before, and
has everything resent (43) from where its checkpoint was; the venue's numbers may have begun again since. What
the venue counts, the child counts in the end, with nothing missing and no exception.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from execution_adapter.domain.child import ChildState, OrdStatus, Report, new_state
from oms_platform.vocabulary import ChildTerms, ExecType
from tests.unit.execution_adapter.orders import LIMIT, NOW, plan
from tests.unit.execution_adapter.test_said_again import Desk

QUANTITY = 100


@dataclass(frozen=True)
class Crash:
    """stored: how many reports the stored state lacks. resent: how many are resent besides them.

    anew: the venue's numbers have begun again since the state was stored.
    """

    stored: int
    resent: int
    anew: bool


class Venue:
    """One order at a venue, and what was said of it, by MsgSeqNum from 1 on."""

    def __init__(self, child: ChildTerms) -> None:
        self.child = child
        self.said: list[Report] = []
        self.standing: dict[str, int] = {}
        self.over = False

    @property
    def cum_qty(self) -> int:
        return sum(self.standing.values())

    def say(self, kind: ExecType, exec_id: str = "", **fields: Any) -> Report:
        left = 0 if self.over else QUANTITY - self.cum_qty
        if self.over:
            status = OrdStatus.CANCELED
        elif not left:
            status = OrdStatus.FILLED
        else:
            status = OrdStatus.PARTIALLY_FILLED if self.cum_qty else OrdStatus.NEW
        report = Report(
            venue_id="XNYS",
            cl_ord_id=self.child.cl_ord_id,
            exec_id=exec_id or f"E{len(self.said) + 1}",
            exec_type=kind,
            transact_time=NOW,
            venue_order_id="V",
            ord_status=status,
            cum_qty=self.cum_qty,
            leaves_qty=left,
            last_px_micros=LIMIT,
            msg_seq=len(self.said) + 1,
            **fields,
        )
        self.said.append(report)
        return report

    def act(self, what: str, pick: int, shares: int) -> Report | None:
        """Return what the venue says when it does something, None where it cannot be done."""
        number = len(self.said) + 1
        if what == "again":
            first = self.said[pick % len(self.said)]
            self.said.append(replace(first, poss_resend=True, msg_seq=number))
            return self.said[-1]
        if what == "trade":
            last_qty = min(shares, QUANTITY - self.cum_qty)
            if self.over or not last_qty:
                return None
            self.standing[f"E{number}"] = last_qty
            return self.say(ExecType.TRADE, last_qty=last_qty)
        if what == "cancel":
            if self.over or self.cum_qty == QUANTITY:
                return None
            self.over = True
            return self.say(ExecType.CANCELED)
        trades = [name for name, stands in self.standing.items() if stands]
        if not trades:
            return None
        about = trades[pick % len(trades)]
        corrected = min(shares, self.standing[about]) - 1 if what == "correct" else 0
        self.standing[about] = corrected
        kind = ExecType.TRADE_CORRECT if corrected else ExecType.TRADE_CANCEL
        return self.say(kind, exec_ref_id=about, last_qty=corrected)


class Adapter:
    """The desk of one run after the other, on what the last one left."""

    def __init__(self) -> None:
        (self.child,) = plan().children
        # By the number of reports that were heard: the state then.
        self.states: list[ChildState] = [new_state(QUANTITY)]
        self.exceptions = 0
        self._begin(self.states[0])

    def _begin(self, state: ChildState) -> None:
        self.desk = Desk(up=False)
        self.desk.load(self.child, state)

    def hear(self, report: Report) -> None:
        live = self.desk.manager.get(self.child.cl_ord_id)
        assert live is not None
        self.desk.manager.handle_inbound(report, live, b"", NOW, self.desk.now_s)

    def crash(self, venue: Venue, crash: Crash) -> None:
        self.exceptions += len(self.desk.exceptions())
        heard = len(venue.said)
        stored = max(0, heard - crash.stored)
        state = self.states[stored]
        self._begin(replace(state, in_seq=0) if crash.anew else state)
        del self.states[stored + 1 :]
        for report in venue.said[max(0, stored - crash.resent) :]:
            self.hear(replace(report, poss_dup=True))
            if report.msg_seq >= len(self.states):
                self.states.append(self.desk.state)


ACTIONS = st.tuples(
    st.sampled_from(("trade", "bust", "correct", "again", "cancel")),
    st.integers(0, 5),
    st.integers(1, QUANTITY),
)
CRASHES = st.builds(Crash, st.integers(0, 3), st.integers(0, 3), st.booleans())


# An answer to a question is said once more after a bust: it is of before.
OLD_ANSWER = [
    ("trade", 0, 1),
    ("trade", 0, 1),
    ("cancel", 0, 1),
    ("bust", 0, 1),
    Crash(stored=0, resent=2, anew=True),
    ("bust", 0, 1),
    ("again", 5, 1),
]


@settings(max_examples=2000, deadline=None)
@example(steps=OLD_ANSWER, last=Crash(stored=0, resent=0, anew=False))
@given(steps=st.lists(st.one_of(ACTIONS, CRASHES), max_size=12), last=CRASHES)
def test_a_child_counts_what_its_venue_counts_however_often_it_is_said(
    steps: list[tuple[str, int, int] | Crash], last: Crash
) -> None:
    adapter = Adapter()
    venue = Venue(adapter.child)
    adapter.hear(venue.say(ExecType.NEW))
    adapter.states.append(adapter.desk.state)
    for step in (*steps, last):
        if isinstance(step, Crash):
            adapter.crash(venue, step)
        elif (report := venue.act(*step)) is not None:
            adapter.hear(report)
            adapter.states.append(adapter.desk.state)
        if adapter.desk.state.missing_qty:
            # Something else than an execution counts what does not stand any more: the venue is asked.
            assert adapter.desk.venues.types().endswith("H")
            adapter.hear(venue.say(ExecType.ORDER_STATUS))
            adapter.states.append(adapter.desk.state)
        state = adapter.desk.state
        assert (state.cum_qty, state.missing_qty) == (venue.cum_qty, 0), venue.said
    assert adapter.exceptions + len(adapter.desk.exceptions()) == 0
