"""Record what venues send: `python -m tests.properties.record_venue_messages` writes venue_messages.jsonl.

Two venues that share no code: the broker simulator, plainly and with each fault that dresses a message up or
adds one, and QuickFIX/J's (Java 17 or newer and Maven). A line is a message's bytes as Latin-1.
"""

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from simulators.broker.handlers import Directed
from simulators.broker.market import Market
from simulators.broker.protocol import FaultKind, Requote
from tests.ports import free_port
from tests.quickfixj.programs import JavaProgram
from tests.raw_fix import RawClient, stamp
from tests.venue_in_process import VenueInProcess, running_venue

RECORDED: Final = Path(__file__).with_name("venue_messages.jsonl")
KEPT_TYPES: Final = (b"8", b"9", b"3", b"j")
SILENT_S: Final = 1.0
FAULTS: Final = (
    FaultKind.LATIN1_TEXT, FaultKind.NUL_TEXT, FaultKind.DATA_WITH_SEPARATOR, FaultKind.USER_TAGS,
    FaultKind.EMPTY_TAG, FaultKind.FIX42_STYLE, FaultKind.PRICE_ZERO, FaultKind.WITHOUT_LAST_PX,
    FaultKind.WITHOUT_CL_ORD_ID, FaultKind.UNKNOWN_CL_ORD_ID, FaultKind.OTHER_SIDE,
    FaultKind.REPEATED_EXEC_ID, FaultKind.DUPLICATE_REJECT, FaultKind.STOPPED, FaultKind.CALCULATED,
    FaultKind.OVERFILL, FaultKind.BUST,
    FaultKind.CORRECTION, FaultKind.RESTATEMENT, FaultKind.UNSOLICITED_CANCEL, FaultKind.SUSPENSION,
    FaultKind.CANCEL_CROSSED, FaultKind.STATUS_REFUSED, FaultKind.CANCEL_PENDING_ALREADY,
    FaultKind.CANCEL_UNKNOWN_ORDER, FaultKind.THROTTLED,
)  # fmt: skip
ROUNDS: Final = 30
# An acknowledgement and both trades of an order show it.
ASKED_FOR: Final = 3


def order(name: str, price: str, time_in_force: str = "0") -> bytes:
    """Write the body of a 35=D for 100 shares."""
    return f"11={name}|21=1|38=100|40=2|44={price}|54=1|55=AAPL|59={time_in_force}|60={stamp()}|".encode()


def cancel(name: str) -> bytes:
    """Write the body of the 35=F of an order."""
    return f"11={name}-C|38=100|41={name}|54=1|55=AAPL|60={stamp()}|".encode()


def status(name: str) -> bytes:
    """Write the body of a 35=H of an order."""
    return f"11={name}|54=1|55=AAPL|790={name}-H|".encode()


def everything(client: RawClient) -> Iterator[bytes]:
    """Yield what comes until nothing comes any more."""
    while True:
        try:
            yield client.read_raw(SILENT_S)
        except (TimeoutError, EOFError):
            return


def life(client: RawClient, name: str, price: str, time_in_force: str) -> list[bytes]:
    """Let an order live: placed, asked about, canceled, canceled again."""
    client.send("D", order(name, price, time_in_force))
    client.send("H", status(name))
    client.send("F", cancel(name))
    client.send("F", cancel(f"no-{name}"))
    return list(everything(client))


def refusals(client: RawClient) -> list[bytes]:
    """Send what no venue reads, and what it does not do."""
    client.send("D", order("unread", "1.00") + b"20000=x|")
    client.send("B", b"148=news|33=1|58=text|")
    client.send("D", order("no-size", "1.00").replace(b"38=100|", b""))
    return list(everything(client))


def requote(venue: VenueInProcess) -> list[Directed]:
    """Return a market in which an order at 100.02 trades in parts."""
    levels = {"bids": ((99_990_000, 500),), "asks": ((100_010_000, 60), (100_020_000, 60))}
    market = Market(symbol="AAPL", national_best_bid=99_990_000, national_best_offer=100_010_000, **levels)
    return [("XNYS", Requote(market=market))]


def of_the_simulator(folder: Path) -> list[bytes]:
    """Record the broker simulator."""
    found: list[bytes] = []
    with running_venue(folder) as venue:
        client = RawClient(venue.port)
        client.log_on()
        for number, fault in enumerate((None, *FAULTS)):
            venue.exchange.handle(requote(venue), datetime.now(UTC))
            for price, time_in_force in (("100.02", "0"), ("100.02", "3"), ("99.50", "1")):
                if fault is not None:
                    venue.engines["XNYS"].plan.ask(fault, ASKED_FOR)
                found += life(client, f"S{number}-{Decimal(price)}-{time_in_force}", price, time_in_force)
        found += refusals(client)
    return found


def of_quickfixj(folder: Path) -> list[bytes]:
    """Record a venue of QuickFIX/J."""
    port = free_port()
    venue = JavaProgram("Venue", [str(port), "XNYS", "OMS", str(folder / "journal"), "7"], folder / "log")
    try:
        venue.answer()
        client = RawClient(port)
        client.log_on()
        found = [
            raw
            for number in range(ROUNDS)
            for raw in life(client, f"Q{number}", "100.00", "0133"[number % 4])
        ]
        client.send("D", order("Q0", "100.00"))
        return found + list(everything(client)) + refusals(client)
    finally:
        venue.end()


def shape(raw: bytes) -> tuple[bytes, ...]:
    """Return what makes a message another kind of message: its tags, and what 35, 39 and 150 are."""
    fields = raw.split(b"\x01")
    return tuple(
        field if field.startswith((b"35=", b"39=", b"150=")) else field.partition(b"=")[0] for field in fields
    )


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        found = of_the_simulator(Path(folder) / "simulator") + of_quickfixj(Path(folder))
    kinds = {shape(raw): raw for raw in reversed(found) if b"\x0135=" in raw[:30]}
    kept = [raw for raw in kinds.values() if raw.split(b"\x0135=")[1].split(b"\x01")[0] in KEPT_TYPES]
    RECORDED.write_text("".join(f"{json.dumps(raw.decode('latin-1'))}\n" for raw in sorted(kept, key=shape)))
    print(f"{len(kept)} kinds of {len(found)} messages in {RECORDED.name}")


if __name__ == "__main__":
    main()
