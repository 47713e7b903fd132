"""Messages that venues really sent, fitted to an order of ours, and what may go wrong with their bytes."""

import json
import random
from pathlib import Path
from typing import Final

from oms_tools.verify.fix_reader import read_fields
from tests.properties.venue_wire import VenueWire, fix_message, sealed

RECORDED: Final = Path(__file__).with_name("venue_messages.jsonl")
RESEALED_SHARE: Final = 0.75
Fields = list[tuple[int, bytes]]
_HEAD_AND_TRAILER: Final = frozenset((8, 9, 10, 34, 35, 43, 49, 52, 56, 97, 122))
_NASTY: Final = (
    b"", b"0", b"-1", b"0.0", b"1e5", b"NaN", b"2147483648", b"9" * 41, b"9" * 400, b"1.0000000001", b"\x00",
    b"\xfc\xff", b"a=b", b"=", b" ", b"1\x00", b"N", b"Y", b"20260102-15:04:60", b"20261399-99:99:99",
    b"NONE", b"x" * 300, b"+5", b"05", b"5.0", b".5", b"1\x0132=7", b"\x01", b"\x01\x01",
)  # fmt: skip
_TAGS: Final = (
    6, 11, 14, 17, 19, 20, 31, 32, 34, 35, 36, 37, 38, 39, 41, 43, 49, 52, 54, 55, 56, 58, 60, 75, 97, 102,
    103, 122, 123, 141, 150, 151, 354, 355, 372, 373, 379, 380, 434, 453, 448, 790, 5001, 20000, 0, 999999999,
)  # fmt: skip


def read_templates() -> list[Fields]:
    """Read what was recorded: MsgType first, then the fields of the body."""
    templates = []
    for line in RECORDED.read_text().splitlines():
        fields = list(read_fields(json.loads(line).encode("latin-1")))
        msg_type = next(value for tag, value in fields if tag == 35)
        templates.append([(35, msg_type), *[field for field in fields if field[0] not in _HEAD_AND_TRAILER]])
    return templates


TEMPLATES: Final = read_templates()


class Fitter:
    """Fits recorded messages to orders of ours, with an ExecID of their own each."""

    def __init__(self, venue: VenueWire, draw: random.Random) -> None:
        self._venue, self._draw = venue, draw
        self._exec_ids: list[bytes] = []
        self._cum = dict.fromkeys((one.cl_ord_id for one in venue.children), 0)

    def message(self, number: int) -> Fields:
        """Return a message about one of the orders. number: tells its ExecID from others."""
        draw = self._draw
        child = draw.choice(self._venue.children)
        fields = dict(draw.choice(TEMPLATES))
        is_trade = fields.get(150) in (b"F", b"1", b"2") and 32 in fields
        shares = draw.randint(1, 9) if is_trade else 0
        self._cum[child.cl_ord_id] += shares
        cum, name = self._cum[child.cl_ord_id], child.cl_ord_id.encode()
        exec_id, ref = b"E%d" % number, draw.choice(self._exec_ids or [b"E0"])
        if is_trade:
            self._exec_ids.append(exec_id)
        fitted = {
            1: b"ACC",
            11: name if 41 not in fields else name + b"-C1",
            14: b"%d" % cum,
            17: exec_id,
            19: ref,
            31: b"%d.%02d" % (draw.randint(9, 11), draw.randint(0, 99)),
            32: b"%d" % (shares or draw.randint(1, 9)),
            37: b"V" + name[:8],
            38: b"%d" % child.quantity,
            41: name,
            45: b"%d" % draw.randint(1, max(1, self._venue.session.next_out - 1)),
            54: b"2",
            55: child.symbol.encode(),
            151: b"%d" % (child.quantity - cum),
            379: name,
        }
        return [(tag, fitted.get(tag, value)) for tag, value in fields.items()]


def mutant(venue: VenueWire, body: Fields, other: Fields, draw: random.Random) -> bytes:
    """Return a message with one to three things wrong, its length and checksum made right again or not."""
    fields = venue.head(body[0][1], venue.next_seq) + body[1:]
    changes = draw.randint(0, 2)
    for _ in range(changes):
        fields = _fields_changed(fields, other, draw)
    raw = fix_message(fields)
    if changes and draw.random() < 0.5:
        return raw
    raw = _bytes_changed(raw, fix_message(venue.head(other[0][1], venue.next_seq) + other[1:]), draw)
    if draw.random() > RESEALED_SHARE:
        return raw
    start = raw.find(b"\x0135=") + 1
    end = raw.rfind(b"\x0110=") + 1
    return sealed(raw[start:end]) if 0 < start < end else raw


def _fields_changed(fields: Fields, other: Fields, draw: random.Random) -> Fields:
    changed = list(fields)
    at = draw.randrange(len(changed))
    tag, value = changed[at]
    match draw.randrange(10):
        case 0:
            changed[at] = (tag, draw.choice(_NASTY))
        case 1:
            del changed[at]
        case 2:
            changed.insert(draw.randrange(len(changed) + 1), (tag, draw.choice((value, *_NASTY))))
        case 3:
            place = draw.randrange(len(changed))
            changed[at], changed[place] = changed[place], changed[at]
        case 4:
            changed.insert(draw.randrange(len(changed) + 1), (draw.choice(_TAGS), draw.choice(_NASTY)))
        case 5:
            data = draw.choice((b"a\x0132=1\x0114=1\x01b", b"x", b"", bytes(draw.randbytes(12))))
            length = draw.choice((len(data), len(data), len(data) + 1, 0, 99999999999))
            place = draw.randrange(len(changed) + 1)
            changed[place:place] = [(354, b"%d" % length), (355, data)]
        case 6:
            changed[at] = (draw.choice(_TAGS), value)
        case 7:
            changed[at] = (tag, value + draw.choice(_NASTY))
        case 8:
            changed.insert(draw.randrange(len(changed) + 1), draw.choice(other))
        case _:
            group = [(453, b"%d" % draw.randint(0, 3)), (448, b"A"), (447, b"D"), (448, b"B"), (447, b"D")]
            place = draw.randrange(len(changed) + 1)
            changed[place:place] = group
    return changed or fields


def _bytes_changed(raw: bytes, other: bytes, draw: random.Random) -> bytes:
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(raw) + 1)
        to = min(len(raw), at + draw.randint(1, 12))
        match draw.randrange(8):
            case 0:
                raw = raw[:at] + bytes((draw.randrange(256),)) + raw[at + 1 :]
            case 1:
                raw = (
                    raw[:at]
                    + draw.choice((b"\x01", b"=", b"\x00", b"0", b"8=FIX", b"\x0110=", draw.randbytes(3)))
                    + raw[at:]
                )
            case 2:
                raw = raw[:at] + raw[to:]
            case 3:
                raw = raw[:at] + raw[at:to] + raw[at:]
            case 4:
                raw = raw[:at]
            case 5:
                cut = draw.randrange(len(other) + 1)
                raw = raw[:at] + other[cut:]
            case 6:
                raw = raw[:at] + raw[at : at + 1].swapcase() + raw[at + 1 :]
            case _:
                flipped = raw[at : at + 1] and bytes((raw[at] ^ (1 << draw.randrange(8)),))
                raw = raw[:at] + flipped + raw[at + 1 :]
        if not raw:
            return other
    return raw
