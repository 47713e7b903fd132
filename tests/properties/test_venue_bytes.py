"""Whatever becomes of a venue's bytes, every message ends applied, kept for a person, or refused as FIX says.

The messages are real ones (venue_messages.jsonl), the adapter's side is its own code from the bytes to what
is published, and the oracle reads the journal with the judge's reader, which shares no code with it. The
process lives, the session takes everything that the venue says in the end, and the shares and cash that are
published are those of the executions on the wire.

OMS_FUZZ_MUTANTS says how many mutants (`make fuzz`: 1,000,000), OMS_FUZZ_SEED which.
"""

import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

import pytest
import structlog
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from execution_adapter.domain.dialects.fix44 import BEGIN_STRING
from execution_adapter.domain.fix import wire
from execution_adapter.domain.fix.session import FixSession
from execution_adapter.domain.fix.wire import first_value
from execution_adapter.domain.ledger import Ledger
from execution_adapter.entrypoints import fix_parsing
from oms_platform.exceptions import ExceptionKind
from oms_platform.messages import ExecutionReport
from oms_platform.vocabulary import ExecType, Message
from oms_tools.verify.fix_reader import first_values, id_text, read_fields
from tests.properties.venue_mutants import Fitter, mutant
from tests.properties.venue_wire import VENUE, Published, VenueWire, fix_message

MUTANTS: Final = int(os.environ.get("OMS_FUZZ_MUTANTS", "50000"))
SEED: Final = int(os.environ.get("OMS_FUZZ_SEED", "0")) or random.SystemRandom().randrange(2**32)
A_TIME: Final = 100
TRUE_EVERY: Final = 10
# Hypothesis draws some seeds more than once, and every tenth message is as it was meant to be.
A_TIME_MUTANTS: Final = 80
# Exceptions that stand beside a report that was applied; all others keep one that was not.
BESIDE: Final = frozenset((ExceptionKind.CUM_QTY_DIFFERS, ExceptionKind.UNRESOLVED))
EXECUTIONS: Final = frozenset((ExecType.TRADE, ExecType.TRADE_CORRECT, ExecType.TRADE_CANCEL))
# The adapter works on what has come after so many messages, one with another.
WORKED_ON_EVERY: Final = 5
PLANTED_DAYS_MAX: Final = 60
APPLICATION_TYPES: Final = frozenset((b"8", b"9", b"j", b"3"))
_FRAMED: Final = re.compile(rb"8=FIX\.4\.4\x019=(\d{1,9})\x01(35=.*\x01)10=(\d{3})\x01", re.DOTALL)
_HEAD: Final = frozenset((35, 34, 49, 52, 56))
_SHARES: Final = re.compile(rb"[1-9]\d{0,8}")
_COUNT: Final = re.compile(rb"\d{1,9}")
_PRICE: Final = re.compile(rb"[1-9]\d{0,7}(\.\d{1,6})?")
_EXEC_ID: Final = re.compile(rb"[A-Za-z0-9]{1,40}")
DAYS: Final = settings(
    max_examples=MUTANTS // A_TIME_MUTANTS + 1,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
Position = tuple[int, Decimal]
outcomes: Final[Counter[str]] = Counter()


def well_framed(raw: bytes) -> bool:
    """Say whether a message is one by FIX's rule: its length and its checksum are right."""
    found = _FRAMED.fullmatch(raw)
    if found is None or len(found[2]) != int(found[1]):
        return False
    return sum(raw[: found.start(3) - 3]) % 256 == int(found[3])


def is_whole(raw: bytes) -> bool:
    """Say whether every piece of a message is a field: read and written again it is the same."""
    pairs = list(read_fields(raw))
    data_fits = all(
        value == b"%d" % len(pairs[at + 1][1])
        for at, (tag, value) in enumerate(pairs[:-1])
        if tag == 354 and pairs[at + 1][0] == 355
    )
    return data_fits and b"".join([b"%d=%s\x01" % pair for pair in pairs]) == raw


def has_plain_head(raw: bytes) -> bool:
    """Say whether a message of ours and of nobody else begins with its header, each field of it once.

    Where a piece is no field, a second header may be that of another message, and `034` is no tag.
    """
    pairs = list(read_fields(raw))
    if not is_whole(raw) and any(raw.count(b"\x01%d=" % tag) != 1 for tag in _HEAD):
        return False
    fields = dict(pairs[2:7])
    return (
        pairs[0] == (8, BEGIN_STRING.encode())
        and len(fields) == len(_HEAD)
        and fields.keys() == _HEAD
        and (fields[49], fields[56]) == (VENUE.encode(), b"OMS")
    )


def is_execution(fields: dict[int, bytes]) -> bool:
    """Say whether a report says that shares were traded, or that a trade is taken back or corrected."""
    if fields.get(35) != b"8" or fields.get(20) == b"3":
        return False
    return fields.get(150) in (b"F", b"1", b"2", b"G", b"H") or fields.get(20) in (b"1", b"2")


def is_plain_trade(raw: bytes, children: dict[bytes, tuple[bytes, bytes]]) -> bool:
    """Say whether nothing at all is odd about a trade: it must be applied. children: their 55 and 54."""
    pairs = list(read_fields(raw))
    fields = dict(pairs)
    if not is_whole(raw) or len(fields) != len(pairs):
        return False
    child = children.get((fields.get(41) or fields.get(11, b"")).partition(b"-C")[0])
    numbers = [fields[tag] for tag in (14, 151, 38) if tag in fields]
    return (
        child is not None
        and has_plain_head(raw)
        and fields[35] == b"8"
        and fields.get(150) in (b"F", b"1", b"2")
        and fields.get(20, b"0") == b"0"
        and _EXEC_ID.fullmatch(fields.get(17, b"")) is not None
        and _SHARES.fullmatch(fields.get(32, b"")) is not None
        and _PRICE.fullmatch(fields.get(31, b"")) is not None
        and all(_COUNT.fullmatch(number) for number in numbers)
        and (fields.get(55), fields.get(54)) == child
    )


def says_two_things(raw: bytes) -> bool:
    """Say whether a field that decides of what order or trade a message is comes twice, with two values."""
    values: dict[int, set[bytes]] = {}
    for tag, value in read_fields(raw):
        values.setdefault(tag, set()).add(value)
    return any(len(values.get(tag, ())) > 1 for tag in (11, 17, 20, 31, 32, 41, 54, 55, 150))


def cannot_be_applied(raw: bytes, children: dict[bytes, tuple[bytes, bytes]]) -> bool:
    """Say whether a trade must not be applied: it lacks what it is, or is of nobody's order."""
    fields = first_values(raw)
    if (fields.get(35), fields.get(20, b"0")) != (b"8", b"0") or fields.get(150) not in (b"F", b"1", b"2"):
        return False
    child = children.get((fields.get(41) or fields.get(11, b"")).partition(b"-C")[0])
    return (
        child is None
        or not fields.get(17)
        or not fields.get(32)
        or not fields.get(31)
        or fields.get(55, child[0]) not in (child[0], b"")
        or fields.get(54, child[1]) not in (child[1], b"")
    )


class Run:
    """One venue and its adapter, a batch of mutants, and what must hold after it."""

    def __init__(self, first: int) -> None:
        self.venue = VenueWire()
        self.draw = random.Random(first)
        self.fitter = Fitter(self.venue, self.draw)
        self.children = {one.cl_ord_id.encode(): (one.symbol.encode(), b"2") for one in self.venue.children}
        self.must_come: list[bytes] = []
        # Numbers that a mutant of no news was said under, and whether one moved the numbers themselves.
        self.spent: set[bytes] = set()
        self.jumped = False
        # Whether nothing of an earlier message may still be at the front of the stream.
        self.clean = True

    def say(self, number: int, mutant_seed: int) -> None:
        """Say a message; seed 0, and now and then another, as it is meant to be."""
        venue, draw = self.venue, random.Random(mutant_seed)
        body, other = self.fitter.message(number), self.fitter.message(number + 1)
        is_true = mutant_seed % TRUE_EVERY == 0
        true = raw = fix_message(venue.head(body[0][1], venue.next_seq) + body[1:])
        if not is_true:
            raw = mutant(venue, body, other, draw)
        fields = first_values(raw)
        in_place = (
            self.clean
            and well_framed(raw)
            and fields.get(35) in APPLICATION_TYPES
            and fields.get(34) == b"%d" % venue.session.next_in
            and has_plain_head(raw)
        )
        if in_place:
            self.must_come.append(raw)
        if fields.get(35) not in APPLICATION_TYPES:
            # By either reading: a data field that is longer than the message hides what follows from one.
            self.spent |= {fields.get(34, b""), first_value(raw, 34) or b""}
            self.jumped = self.jumped or fields.get(35) in (b"4", b"A")
        before = venue.session.next_in
        venue.say(body, raw)
        self.clean = well_framed(raw) and (in_place or (self.clean and venue.session.next_in != before))
        outcomes["mutants" if raw != true else "true messages"] += 1

    # ---- what must hold

    def check(self) -> None:
        """Hold the law of this file."""
        self.venue.settle()
        store, handled = self.venue.store, self.venue.manager.handled
        journal = [line.raw for line in store.journal if line.inbound]
        came = set(journal)
        missing = [raw for raw in self.must_come if raw not in came]
        assert not missing, f"{missing} came in their place and were not taken"
        self._check_numbers({line.msg_seq for line in store.journal} | self.venue.wire.passed_over)
        stored = {_said(told.raw) for told in store.exceptions.values() if told.kind not in BESIDE}
        kept = {told.raw for told in self.venue.raised if told.kind not in BESIDE}
        lost = [raw for raw in kept if _said(raw) not in stored]
        assert not lost, f"{lost} were kept for a person and are not stored"
        for line in store.journal:
            self._check_one(line.raw, line.msg_seq, kept, handled)
        assert self._published() == self._on_the_wire(journal, kept)
        for told in store.exceptions.values():
            outcomes[told.kind.name] += 1

    def _check_numbers(self, came: set[int]) -> None:
        """Hold that no number of a message was passed without one: what was garbled is asked for again."""
        passed = [
            seq
            for seq, body in self.venue.said.items()
            if body is not None and seq not in came and b"%d" % seq not in self.spent
        ]
        assert self.jumped or not passed, f"nothing came under {passed}"

    def _check_one(self, raw: bytes, seq: int, kept: set[bytes], handled: Counter[bytes]) -> None:
        is_kept = raw in kept
        ended = is_kept or raw in handled or seq in self.venue.wire.refused
        assert ended, f"{raw!r} was neither applied, nor kept, nor refused"
        outcomes["kept" if is_kept else "applied" if raw in handled else "35=j"] += 1
        of_an_order = first_values(raw).get(35) in (b"8", b"9")
        if cannot_be_applied(raw, self.children) or (of_an_order and says_two_things(raw)):
            assert is_kept, f"{raw!r} was applied"

    def _on_the_wire(self, journal: list[bytes], kept: set[bytes]) -> dict[str, Position]:
        """Add up what the venue executed by its bytes, but for what is kept for a person."""
        book = Book()
        said_before: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        for raw in journal:
            fields = first_values(raw)
            if not is_execution(fields):
                continue
            name = (fields.get(41) or fields.get(11, b"")).partition(b"-C")[0].decode("latin-1")
            exec_id, said = id_text(fields.get(17, b"")), (fields.get(32, b""), fields.get(31, b""))
            if raw in kept:
                repeats = said_before.get((name, exec_id), said) != said
                assert repeats or not is_plain_trade(raw, self.children), f"{raw!r} was kept"
                continue
            said_before.setdefault((name, exec_id), said)
            kind = {b"1": b"H", b"2": b"G"}.get(fields.get(20, b""), fields.get(150, b""))
            shares, price = (0, Decimal(0)) if kind == b"H" else (int(_number(said[0])), _number(said[1]))
            book.take(name, exec_id, id_text(fields.get(19, b"")) if kind in b"GH" else "", shares, price)
        return book.positions()

    def _published(self) -> dict[str, Position]:
        """Add up what was published, each execution once, as core does."""
        book = Book()
        for report in self.venue.published.reports:
            if report.exec_type in EXECUTIONS:
                ref = "" if report.exec_type is ExecType.TRADE else report.exec_ref_id
                busted = report.exec_type is ExecType.TRADE_CANCEL
                price = Decimal(0) if busted else Decimal(report.last_px_micros or 0) / 1_000_000
                book.take(report.cl_ord_id, report.exec_id, ref, 0 if busted else report.last_qty, price)
        return book.positions()


class Book:
    """Executions, each taken once, and what they come to."""

    def __init__(self) -> None:
        self._standing: dict[tuple[str, str], tuple[int, Decimal]] = {}
        self._taken: set[tuple[str, str]] = set()

    def take(self, name: str, exec_id: str, ref: str, shares: int, price: Decimal) -> None:
        """Take a trade, or, with ref, what a trade is corrected to."""
        if (name, exec_id) in self._taken:
            return
        self._taken.add((name, exec_id))
        if not ref or (name, ref) in self._standing:
            self._standing[name, ref or exec_id] = (shares, price.quantize(Decimal("0.000001")))

    def positions(self) -> dict[str, Position]:
        """Return, by order, shares and cash."""
        found: dict[str, Position] = {}
        for (name, _), (shares, price) in self._standing.items():
            before = found.get(name, (0, Decimal(0)))
            found[name] = (before[0] + shares, before[1] + shares * price)
        return {name: position for name, position in found.items() if position != (0, Decimal(0))}


def _number(value: bytes) -> Decimal:
    return Decimal(value.decode())


def _said(raw: bytes) -> bytes:
    """Return what a message says, the same when it is sent again.

    An execution that is sent again as new has another number.
    """
    fields = raw.split(b"\x01")
    named = any(field.startswith(b"17=") for field in fields)
    left_out = (b"9", b"10", b"43", b"52", b"122", *((b"34",) if named else ()))
    return b"\x01".join([field for field in fields if field.partition(b"=")[0] not in left_out])


@pytest.fixture(scope="module", autouse=True)
def no_log() -> Iterator[None]:
    """Say nothing of each exception."""
    before = structlog.get_config()
    structlog.configure(processors=[_drop])
    yield
    structlog.configure(**before)


def _drop(_logger: object, _name: str, _event: object) -> str:
    raise structlog.DropEvent


def trade_day(seeds: list[int]) -> None:
    """Let a venue say one message a seed, and hold what must hold."""
    run = Run(seeds[0])
    for number, one in enumerate(seeds):
        run.say(2 * number, one)
        if one % WORKED_ON_EVERY == 0:
            run.venue.loop.step()
    run.check()


@pytest.mark.timeout(600 + MUTANTS / 100)
def test_whatever_becomes_of_a_venues_bytes_nothing_is_lost() -> None:
    print(f"seed {SEED}, {MUTANTS} mutants")
    outcomes.clear()
    seeds = st.lists(st.integers(0, 2**32 - 1), min_size=A_TIME, max_size=A_TIME)
    seed(SEED)(DAYS(given(seeds)(trade_day)))()
    print(dict(outcomes.most_common()))
    assert outcomes["mutants"] >= MUTANTS


def forgets_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "excepted", lambda _self, _exception: None)


def publishes_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    send = Published.send

    def twice(self: Published, topic: str, key: str, message: Message, **more: Any) -> None:
        send(self, topic, key, message, **more)
        if isinstance(message, ExecutionReport) and message.exec_type is ExecType.TRADE:
            send(self, topic, key, replace(message, exec_id=f"{message.exec_id}-2"), **more)

    monkeypatch.setattr(Published, "send", twice)


def loses_what_comes_after_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FixSession, "_take_waiting", lambda self: self._waiting.clear())
    monkeypatch.setattr(FixSession, "_ask_resend", lambda self, until: self._pass(until))


def passes_over_what_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = FixSession._handle

    def passed(self: FixSession, raw: bytes, fields: Any, seq: int, msg_type: bytes, poss_dup: bool) -> None:
        handle(self, raw, fields, seq, b"0" if poss_dup and msg_type == b"8" else msg_type, poss_dup)

    monkeypatch.setattr(FixSession, "_handle", passed)


def takes_any_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix_parsing, "_price_of_trade", lambda _values, text: (10_000_000, text))


def reads_data_by_its_separators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "DATA_OF_LENGTH", {})


@pytest.mark.parametrize(
    "fault",
    [
        forgets_exceptions,
        publishes_twice,
        loses_what_comes_after_a_gap,
        passes_over_what_is_sent_again,
        takes_any_price,
        reads_data_by_its_separators,
    ],
)
def test_a_fault_of_ours_is_found(fault: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    draw = random.Random(SEED)
    with pytest.raises((AssertionError, LookupError, ArithmeticError)):
        for _ in range(PLANTED_DAYS_MAX):
            trade_day([draw.randrange(2**32) for _ in range(A_TIME)])
