"""Kill switches of a simulation: set, raised and released at any time, seen late; and the rules they make.

Draws are a seed's own, beside those of everything else, so that a run without kills is what it was. Each
process sees the switches as of its own last look, which may be old, or too old to go by.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from oms_platform.kill_switches import Asked, Kills, KillSwitch, Stage
from oms_platform.scopes import Scope
from oms_platform.vocabulary import ChildTerms, OrderTerms
from oms_tools.simulation.rules import BrokenError

KILL: Final = "kill"
FLATTEN: Final = "flatten"
KILLED: Final = "nothing of what is stopped reaches a venue"
UNREAD: Final = "nothing reaches a venue while nobody knows what is stopped"
STRATEGY: Final = "none"
# By step: how often anything changes, a process looks, and one stops looking.
CHANGE: Final = 0.02
# What is closed takes its time, so switches stay for longer.
CHANGE_FLATTENING: Final = 0.01
OFTEN: Final = 0.8
LOOK: Final = 0.2
LOSE_SIGHT: Final = 0.003
SET_MAX: Final = 4
# The names by which a switch may close positions.
OF_POSITIONS: Final = frozenset(("firm", "desk", "account", "sector", "symbol"))
SECTOR: Final = {"AAPL": "TECH", "MSFT": "SOFTWARE"}


class Board:
    """What one process knows of the switches."""

    def __init__(self, stored: Callable[[], Kills]) -> None:
        self._stored = stored
        self._seen = stored()
        self.blind = False

    def look(self) -> None:
        """See what is stored now, unless it cannot be seen."""
        if not self.blind:
            self._seen = self._stored()

    def known(self) -> Kills:
        """Return the switches to go by."""
        return replace(self._seen, unread="it lost sight of them") if self.blind else self._seen

    def ask(self, asked: Asked) -> None:
        """A simulation has no triggers."""
        raise BrokenError(KILLED, f"nobody watches for {asked}")


class SimulatedKills:
    """The switches that are stored, and each process's board. accounts, symbols, venues: what there is."""

    def __init__(
        self,
        seed: int,
        accounts: Iterable[str],
        symbols: Iterable[str],
        venues: Iterable[str],
        counts: Counter[str],
    ) -> None:
        self._draws = random.Random(f"oms simulate/{seed}/kills")  # noqa: S311  (a simulation, not a secret)
        self._accounts, self._symbols, self._venues = sorted(accounts), sorted(symbols), sorted(venues)
        self._counts = counts
        self._houses = {name: ("FIRM", f"DESK-{index % 2}") for index, name in enumerate(self._accounts)}
        self._stored = Kills(houses=self._houses, sectors=SECTOR)
        self._boards: dict[str, Board] = {}
        self._flattens = False
        self._terms: dict[UUID, OrderTerms] = {}

    def board(self, name: str) -> Board:
        """Return the board of a process that begins: it looks before it does anything."""
        self._boards[name] = Board(lambda: self._stored)
        return self._boards[name]

    def is_blind(self, kind: str) -> bool:
        """Whether a process of a kind has lost sight of the switches."""
        return any(board.blind for name, board in self._boards.items() if name.startswith(kind))

    # ---- what happens

    def step(self, *, flattens: bool) -> None:
        """Let a person change something, processes look, and one lose sight, each now and then.

        flattens: some of what is set closes positions.
        """
        draws, self._flattens = self._draws, flattens
        if draws.random() < (CHANGE_FLATTENING if flattens else CHANGE):
            draws.choice((self._set, self._raise, self._release, self._release))()
        for board in self._boards.values():
            if draws.random() < LOOK:
                board.look()
            if draws.random() < LOSE_SIGHT:
                board.blind = not board.blind
                self._counts["kills unread"] += board.blind

    def _names(self) -> dict[str, str]:
        draws = self._draws
        choices = {
            "firm": ["FIRM"],
            "desk": ["DESK-0", "DESK-1"],
            "account": self._accounts,
            "symbol": self._symbols,
            "sector": sorted(SECTOR.values()),
            "venue": self._venues,
            "trader": ["trader1", "trader2"],
            "strategy": ["TWAP", "POV", "momentum"],
        }
        named = OF_POSITIONS if self._flattens and draws.random() < OFTEN else choices.keys()
        kinds = draws.sample(sorted(named), draws.choice((0, 1, 1, 1, 2)))
        return {kind: draws.choice(choices[kind]) for kind in kinds}

    def _set(self) -> None:
        scope = Scope(**self._names())
        if len(self._stored.switches) >= SET_MAX or any(one.scope == scope for one in self._stored.switches):
            return
        switch_id = UUID(int=self._draws.getrandbits(128))
        stage = self._draws.choice((Stage.BLOCK, Stage.CANCEL))
        if self._flattens and OF_POSITIONS.issuperset(kind.value for kind in scope.kinds):
            stage = Stage.FLATTEN if self._draws.random() < OFTEN else stage
        self._add(KillSwitch(switch_id=switch_id, scope=scope, reason="drawn", stage=stage))

    def _add(self, one: KillSwitch) -> None:
        self._store((*self._stored.switches, one))
        self._counts["kill set"] += 1
        self._counts["kill flattens"] += one.flattens

    def _raise(self) -> None:
        raised = [one if one.flattens else replace(one, stage=Stage.CANCEL) for one in self._stored.switches]
        self._store(tuple(raised))
        self._counts["kill raised"] += bool(raised)

    def _release(self) -> None:
        if self._stored.switches:
            gone = self._draws.choice(self._stored.switches)
            self._store(tuple(one for one in self._stored.switches if one is not gone))
            self._counts["kill released"] += 1

    def _store(self, switches: tuple[KillSwitch, ...]) -> None:
        self._stored = Kills(switches=switches, houses=self._houses, sectors=SECTOR)

    def calm(self) -> None:
        """Release everything, and let everybody see it."""
        self._store(())
        for board in self._boards.values():
            board.blind = False
            board.look()

    def flatten_all(self) -> None:
        """Close every position, as far as processes see it."""
        switch_id = UUID(int=self._draws.getrandbits(128))
        self._add(KillSwitch(switch_id=switch_id, scope=Scope(), reason="all", stage=Stage.FLATTEN))
        for board in self._boards.values():
            board.look()

    # ---- what must hold

    def taken(self, order_id: UUID, terms: OrderTerms) -> None:
        """A client has asked for an order, or core has made one that closes for a switch."""
        self._counts["kill closes"] += terms.closes_for is not None
        self._terms[order_id] = terms

    def sending(self, child: ChildTerms) -> None:
        """Hold an order that leaves to what the adapter knows. Raises BrokenError."""
        board = self._boards.get("adapter")
        if board is None:
            return
        if board.blind:
            raise BrokenError(UNREAD, f"35=D {child.cl_ord_id}")
        names = self._names_of(child)
        switches = board.known().switches
        closes_for = self._terms[child.order_id].closes_for
        if closes_for is not None:
            if not any(one.switch_id == closes_for and one.stage is Stage.FLATTEN for one in switches):
                raise BrokenError(KILLED, f"35=D {child.cl_ord_id} closes for {closes_for}, which is not set")
            switches = tuple(one for one in switches if one.scope.venue)
        for one in switches:
            if all(getattr(one.scope, kind) in ("", names[kind]) for kind in names):
                raise BrokenError(KILLED, f"35=D {child.cl_ord_id} at {child.venue_id}, stopped by {one}")

    def _names_of(self, child: ChildTerms) -> dict[str, str]:
        """Return the names of a child, worked out from what its client asked for, not by the platform."""
        terms = self._terms[child.order_id]
        firm, desk = self._houses[terms.account_id]
        tagged = [tag.text for tag in terms.tags if tag.name == "strategy"]
        algo = "" if terms.algo is None else terms.algo.strategy.name
        return {
            "firm": firm,
            "desk": desk,
            "account": terms.account_id,
            "symbol": terms.symbol,
            "sector": SECTOR[terms.symbol],
            "venue": child.venue_id,
            "trader": terms.principal,
            "strategy": (tagged or [algo])[0] or STRATEGY,
        }
