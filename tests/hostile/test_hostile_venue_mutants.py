"""Mutants of a venue's fills: each is booked as it says, kept for a person, or no trade.

Independent of how the platform reads: what a mutant says is read here, field by field, from its bytes.
"""

import random
import secrets
from decimal import Decimal, InvalidOperation

import pytest

from tests.hostile.floor import Floor
from tests.venues.fix_bytes import Fields, Value, as_bytes, read_message
from tests.venues.raw_session import Sent
from tests.venues.venue_order import VenueOrder

COUNT = 300
EXEC_ID = 17
TRADES = {b"F", b"1", b"2"}
ODD_VALUES = [
    b"",
    b"0",
    b"-1",
    b"1",
    b"NaN",
    b"1e9",
    b"9" * 25,
    b"0.5",
    b"F",
    b"H",
    b"8",
    b"\xfc",
    b"\x00",
    b"=",
    b" ",
]
TRADE_FIELDS = (11, 17, 150, 32, 31)
ACCOUNTED_S = 15.0


def mutant(draw: random.Random, fields: Fields) -> bytes:
    """Return a fill's body with one thing wrong; its ExecID stays, by which it is found again."""
    pieces = [b"%d=%s" % (tag, as_bytes(value)) for tag, value in fields]
    at = draw.choice([number for number, (tag, _) in enumerate(fields) if tag != EXEC_ID])
    piece, place = pieces[at], draw.randrange(len(pieces[at]))
    byte = bytes([draw.randrange(256)])
    match draw.randrange(8):
        case 0:
            pieces[at] = piece[:place] + byte + piece[place + 1 :]
        case 1:
            pieces[at] = piece[:place] + byte + piece[place:]
        case 2:
            pieces[at] = piece[:place] + piece[place + 1 :]
        case 3:
            del pieces[at]
        case 4:
            pieces.insert(draw.randrange(len(pieces)), piece)
        case 5:
            pieces.insert(draw.randrange(len(pieces)), pieces.pop(at))
        case 6:
            pieces[at] = piece.partition(b"=")[0] + b"=" + draw.choice(ODD_VALUES)
        case _:
            pieces.insert(draw.randrange(len(pieces)), b"%d=%s" % (draw.randrange(1, 30_000), byte))
    return b"".join(piece + b"\x01" for piece in pieces)


def trade_of(sent: Sent) -> tuple[int, Decimal] | None:
    """Return the shares and the price of a mutant that is a trade; None where it cannot be one."""
    values: dict[int, set[bytes]] = {}
    for tag, value in read_message(sent.body).fields:
        values.setdefault(tag, set()).add(value)
    if -1 in values or any(len(values.get(tag, ())) != 1 for tag in TRADE_FIELDS):
        return None
    try:
        quantity, price = (Decimal(next(iter(values[tag])).decode("ascii")) for tag in (32, 31))
        if not values[150] <= TRADES or quantity <= 0 or quantity != int(quantity) or price <= 0:
            return None
    except (InvalidOperation, UnicodeDecodeError, ValueError, OverflowError):
        return None
    return int(quantity), price.quantize(Decimal("0.000001"))


def says_no_trade(sent: Sent) -> bool:
    """Return whether a mutant's ExecType is of another kind: then it is no fill that could be lost."""
    kinds = {value for tag, value in read_message(sent.body).fields if tag == 150}
    return len(kinds) == 1 and not kinds & TRADES


@pytest.mark.parametrize("number", range(6))
def test_every_mutant_of_a_fill_is_booked_as_it_says_or_kept_or_no_trade(floor: Floor, number: int) -> None:
    seed = secrets.randbits(32)
    draw = random.Random(seed)
    print(f"seed {seed}, run {number}")
    placed, child = floor.rest("XNYS", quantity=COUNT)
    session = floor["XNYS"].session
    sent: dict[str, Sent] = {}
    for _ in range(COUNT):
        exec_id = f"M{len(sent)}-{placed.order_id}"
        sent[exec_id] = session.send("8", mutant(draw, child.fill(1, exec_id=exec_id)))

    def unaccounted() -> dict[str, str]:
        booked = {exec_id for exec_id, _, _ in floor.executions(placed)}
        kept = {
            noted.raw for noted in floor.exceptions_with([raw for one in sent.values() for raw in one.raws])
        }
        return {
            exec_id: one.shown
            for exec_id, one in sent.items()
            if exec_id not in booked and not {*one.raws} & kept and not says_no_trade(one)
        }

    floor.until_empty(unaccounted, f"mutants of seed {seed} that are neither booked nor kept", ACCOUNTED_S)
    floor.goes_on(at="XNYS")
    executions = {exec_id: (qty, px) for exec_id, qty, px in floor.executions(placed)}
    wrong = {
        sent[exec_id].shown: (booked, trade_of(sent[exec_id]))
        for exec_id, booked in executions.items()
        if exec_id in sent and booked != trade_of(sent[exec_id])
    }
    assert not wrong, seed
    assert floor.position(placed.account, placed.symbol) == placed.before + sum(
        q for q, _ in executions.values()
    )


@pytest.mark.parametrize("number", range(3))
def test_no_mutant_of_any_message_of_a_venue_stops_anyone(floor: Floor, number: int) -> None:
    seed = secrets.randbits(32)
    draw = random.Random(seed)
    print(f"seed {seed}, run {number}")
    orders = [floor.rest("BATS", quantity=COUNT) for _ in range(5)]
    session = floor["BATS"].session
    for _ in range(COUNT):
        placed, child = draw.choice(orders)
        msg_type, fields = draw.choice(kinds_of_message(child))
        session.send(msg_type, mutant(draw, fields))
    floor.goes_on(at="BATS")
    for placed, _ in orders:
        executions = floor.executions(placed)
        assert floor.position(placed.account, placed.symbol) == placed.before + sum(
            q for _, q, _ in executions
        )
        assert floor.order(placed)["cumQty"] == min(COUNT, sum(q for _, q, _ in executions))


def kinds_of_message(child: VenueOrder) -> list[tuple[str, Fields]]:
    """Return a message of each kind that a venue may send of an order."""
    exec_ids = [*child.trades]
    exec_id = exec_ids[-1] if exec_ids else "NONE"
    quantity: dict[str, Value] = {"t32": 1, "t31": child.price}
    refused: Fields = [(37, child.venue_order_id), (11, f"{child.cl_ord_id}-C9"), (41, child.cl_ord_id)]
    return [
        ("8", child.fill(1)),
        *[("8", child.report(kind)) for kind in "0345679ABCDEI"],
        ("8", child.report("8", t103=6)),
        ("8", child.report("H", t19=exec_id)),
        ("8", child.report("G", t19=exec_id, **quantity)),
        ("9", [*refused, (39, "0"), (434, 1), (102, 2), (58, "no")]),
        ("3", [(45, child.new.seq), (371, 44), (372, "D"), (373, 5), (58, "no")]),
        ("j", [(45, child.new.seq), (372, "D"), (379, child.cl_ord_id), (380, 3), (58, "no")]),
        ("j", [(45, child.new.seq), (372, "H"), (379, child.cl_ord_id), (380, 3), (58, "no")]),
    ]
