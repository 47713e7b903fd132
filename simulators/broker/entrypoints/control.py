"""The control port: what each venue does wrong, and how often. HTTP on loopback, off unless it is set.

GET  /control/venues                       every venue's plan, what it was asked for and what it has sown
GET  /control/venues/XNYS                  one venue's
PUT  /control/venues/XNYS                  {"seed": 7, "rates": {"BUST": 0.01}}: this plan from now on;
                                           {…, "seconds": 30} for so long, then none
POST /control/venues/XNYS/faults/BUST      once, at the next occasion; {"count": 3} for more
POST /control/venues/XNYS/cut              {"seconds": 5}: the session drops, and nobody logs on meanwhile
POST /control/venues/XNYS/trading/HALTED   this phase begins, for all symbols; {"symbol": "AAPL"} for one
"""

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated, Any, Final

import msgspec

from oms_platform.clock import utc_now
from oms_platform.errors import ConfigurationError
from simulators.broker.faults import ONCE_MAX, FaultPlan
from simulators.broker.handlers import faults_total
from simulators.broker.protocol import FaultKind, SetTrading, TradingPhase
from simulators.broker.unkind import UnkindVenue

LOOPBACK: Final = "127.0.0.1"
_BODY_BYTES_MAX: Final = 65_536
_ROOT: Final = ("control", "venues")
_PLAN_PARTS: Final = 3
_CUT_PARTS: Final = 4
_FAULT_PARTS: Final = 5
_SECONDS_MAX: Final = 3_600
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=_SECONDS_MAX)]


class PlanAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a PUT. seconds: after which the venue is kind again; None for never."""

    seed: int = 0
    rates: dict[FaultKind, float] = {}
    seconds: _Seconds | None = None


class CutAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a POST that cuts a session."""

    seconds: _Seconds


class FaultAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a POST."""

    count: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError for a count that is none."""
        if not 1 <= self.count <= ONCE_MAX:
            raise ValueError(f"count must be from 1 to {ONCE_MAX}, was {self.count}")


class PhaseAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a POST for a trading phase. symbol: "" for all."""

    symbol: str = ""


class PlanShown(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's plan, what it was asked for and not sown yet, and how often it has sown what.

    trading: the phase of each symbol that is not open.
    """

    venue: str
    seed: int
    rates: dict[FaultKind, float]
    asked: tuple[FaultKind, ...]
    sown: dict[str, int]
    trading: dict[str, TradingPhase]


class NoSuchPageError(LookupError):
    """The path names nothing."""


class Control:
    """The venues' plans, by path. wake: is called when a venue has something to do.

    cut: cuts a venue's session for so many seconds.
    """

    def __init__(
        self,
        venues: Mapping[str, UnkindVenue],
        wake: Callable[[], None],
        cut: Callable[[str, float], None],
    ) -> None:
        self._venues = venues
        self._wake = wake
        self._cut = cut

    def answer(self, method: str, path: str, body: bytes) -> object:
        """Do what a request asks. Raises NoSuchPageError, or ValueError for a body that cannot be read."""
        parts = tuple(path.strip("/").split("/"))
        if parts[:2] != _ROOT:
            raise NoSuchPageError(path)
        if method == "GET" and parts == _ROOT:
            return [self._show(venue) for venue in self._venues.values()]
        venue = self._venues.get(parts[2]) if len(parts) >= _PLAN_PARTS else None
        if venue is None:
            raise NoSuchPageError(path)
        if method == "PUT" and len(parts) == _PLAN_PARTS:
            asked = msgspec.json.decode(body, type=PlanAsked)
            ends_at = None if asked.seconds is None else utc_now() + timedelta(seconds=asked.seconds)
            venue.plan = FaultPlan(venue.venue_id, asked.seed, asked.rates, ends_at)
        elif method == "POST" and len(parts) == _CUT_PARTS and parts[3] == "cut":
            self._cut(venue.venue_id, msgspec.json.decode(body, type=CutAsked).seconds)
        elif method == "POST" and len(parts) == _FAULT_PARTS and parts[3] == "faults":
            venue.plan.ask(FaultKind(parts[4]), msgspec.json.decode(body or b"{}", type=FaultAsked).count)
        elif method == "POST" and len(parts) == _FAULT_PARTS and parts[3] == "trading":
            self._set_trading(venue, parts[4], msgspec.json.decode(body or b"{}", type=PhaseAsked).symbol)
        elif method != "GET" or len(parts) != _PLAN_PARTS:
            raise NoSuchPageError(path)
        self._wake()
        return self._show(venue)

    @staticmethod
    def _set_trading(venue: UnkindVenue, phase: str, symbol: str) -> None:
        if symbol and symbol not in venue.trading:
            raise ValueError(f"expected a symbol that the venue trades, found {symbol!r}")
        if phase == TradingPhase.LIMIT:
            raise ValueError("LIMIT begins by itself, when the market stands at the band")
        venue.ask_phase(SetTrading(phase=TradingPhase(phase), symbol=symbol))

    @staticmethod
    def _show(venue: UnkindVenue) -> PlanShown:
        counted = {kind: faults_total.labels(venue.venue_id, kind.value)._value.get() for kind in FaultKind}
        return PlanShown(
            venue=venue.venue_id,
            seed=venue.plan.seed,
            rates=venue.plan.rates,
            asked=venue.plan.asked,
            sown={kind.value: int(count) for kind, count in counted.items() if count},
            trading={
                symbol: one.phase
                for symbol, one in venue.trading.items()
                if one.phase is not TradingPhase.OPEN
            },
        )


def serve_control(
    venues: Mapping[str, UnkindVenue],
    port: int,
    wake: Callable[[], None],
    cut: Callable[[str, float], None],
) -> ThreadingHTTPServer:
    """Answer on `port` of loopback from a daemon thread. Returns the server; `shutdown()` ends it.

    Raises ConfigurationError when the port cannot be had.
    """
    control = Control(venues, wake, cut)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve("GET")

        def do_PUT(self) -> None:
            self._serve("PUT")

        def do_POST(self) -> None:
            self._serve("POST")

        def _serve(self, method: str) -> None:
            try:
                length = min(int(self.headers.get("Content-Length") or 0), _BODY_BYTES_MAX)
                self._answer(200, control.answer(method, self.path, self.rfile.read(max(0, length))))
            except NoSuchPageError:
                self._answer(404, {"error": {"code": "NOT_FOUND", "message": "no such venue or page"}})
            except (ValueError, msgspec.MsgspecError) as error:
                self._answer(400, {"error": {"code": "INVALID", "message": str(error)}})

        def _answer(self, status: int, content: object) -> None:
            body = msgspec.json.encode(content)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Leave requests out of the log."""

    try:
        server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    except OSError as error:
        raise ConfigurationError(f"control port {port}: {error}") from error
    threading.Thread(target=server.serve_forever, name="control", daemon=True).start()
    return server
