"""What a kill switch stops: one place, which the doors, core, the router and the last gate go by.

The law of this file: a switch stops whatever has every name that its scope gives. A name that is not known
counts as that of the switch, so that what cannot be told apart is stopped. An order by which a switch closes
a position passes every switch but those that name a venue, as long as its own is set. Switches that were not
read for too long are no switches to go by: `Kills.unread` says so, and nothing new leaves while it says
anything.
"""

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import msgspec

from oms_platform.scopes import STRATEGY_TAG, Scope, ScopeKind
from oms_platform.venue_limits import VenueBound, VenueLimits
from oms_platform.vocabulary import OrderTerms

# A name of a thing that certainly has none of a kind: no scope can give it, for names are printable.
NO_NAME: Final = "\x00"


class Stage(enum.Enum):
    """How far a switch goes; each does what the one before it does, too.

    BLOCK: nothing new of it leaves. CANCEL: what is open of it is canceled. FLATTEN: its positions are
    closed.
    """

    BLOCK = "BLOCK"
    CANCEL = "CANCEL"
    FLATTEN = "FLATTEN"


STAGES: Final[tuple[Stage, ...]] = tuple(Stage)
# What a trigger may set: a person decides that positions are closed.
TRIGGERED_STAGES: Final = (Stage.BLOCK, Stage.CANCEL)
# The names that a position has; one that was traded by a trader, by a strategy or at a venue is not theirs.
POSITION_KINDS: Final = frozenset(
    (ScopeKind.FIRM, ScopeKind.DESK, ScopeKind.ACCOUNT, ScopeKind.SECTOR, ScopeKind.SYMBOL)
)
# The channel of the orders that close positions for a switch; no client may name it.
CLOSING_CHANNEL: Final = "KILL-SWITCH"


class KillSwitch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A scope that somebody, or a trigger, has stopped."""

    switch_id: UUID
    scope: Scope
    reason: str
    stage: Stage = Stage.BLOCK

    @property
    def cancels(self) -> bool:
        """Whether what is open of it is canceled."""
        return self.stage is not Stage.BLOCK

    @property
    def flattens(self) -> bool:
        """Whether positions within are closed."""
        return self.stage is Stage.FLATTEN

    def stops(self, thing: Scope) -> bool:
        """Whether a thing is within; a name of it that is empty is not known, and counts as within."""
        scope = self.scope
        return all(thing.name(kind) in ("", scope.name(kind)) for kind in scope.kinds)

    def __str__(self) -> str:
        """Return it as refusals name it."""
        return f"switch={self.switch_id}, scope={self.scope}, reason={self.reason}"


class Owner(msgspec.Struct, frozen=True, gc=False):
    """Who asked for an order, and by what strategy. Empty: that is not known."""

    trader: str = ""
    strategy: str = ""


UNKNOWN_OWNER: Final = Owner()


class Trigger(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A rule that sets a switch by itself. kind, mode: names of TriggerKind and TriggerMode.

    threshold: in the unit of its kind. released_at: when the last switch that it set was released; what was
    before that counts no more. is_set: a switch of it is set.
    """

    trigger_id: UUID
    kind: str
    scope: Scope
    threshold: int
    window_s: int
    stage: Stage
    mode: str
    released_at: datetime | None = None
    is_set: bool = False


class Kills(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Every switch that is set, as of the last look, and the names that scopes give of accounts and symbols.

    houses: of each account, its firm and desk. sectors: of each symbol. unread: why the switches cannot be
    gone by, empty while they can. limits: those of risk that name a venue, as of the same look; None where
    there is none, or for who does not go by them.
    """

    switches: tuple[KillSwitch, ...] = ()
    houses: Mapping[str, tuple[str, str]] = {}
    sectors: Mapping[str, str] = {}
    triggers: tuple[Trigger, ...] = ()
    unread: str = ""
    limits: VenueLimits | None = None

    @property
    def asks_for_owners(self) -> bool:
        """Whether a switch or a limit names a trader or a strategy: it matters who asked for an order."""
        named = any(switch.scope.trader or switch.scope.strategy for switch in self.switches)
        return named or (self.limits is not None and self.limits.names_owners)

    def thing(
        self, account_id: str, symbol: str, owner: Owner = UNKNOWN_OWNER, venue_id: str = NO_NAME
    ) -> Scope:
        """Return an order by its names; of one that is at no venue yet, none of a venue."""
        firm, desk = self.houses.get(account_id, ("", ""))
        return Scope(
            firm=firm,
            venue=venue_id,
            sector=self.sectors.get(symbol, ""),
            desk=desk,
            strategy=owner.strategy,
            symbol=symbol,
            trader=owner.trader,
            account=account_id,
        )

    @property
    def flattens(self) -> bool:
        """Whether a switch closes positions."""
        return any(switch.flattens for switch in self.switches)

    def lets_close(self, switch_id: UUID | None) -> bool:
        """Whether an order of this switch may close a position now. None: it is no switch's order."""
        return any(one.switch_id == switch_id and one.flattens for one in self.switches)

    def flattening(self, account_id: str, symbol: str) -> tuple[KillSwitch, ...]:
        """Return the switches that close an account's position in a symbol, in the order that they were set.

        A name that is not known is in no scope here: nothing is sold on a guess.
        """
        if not self.flattens:
            return ()
        thing = self.thing(account_id, symbol)
        return tuple(one for one in self.switches if one.flattens and one.scope.covers(thing))

    def names_as(self, other: "Kills") -> bool:
        """Whether accounts and symbols have the names that another look gave them."""
        return self.houses == other.houses and self.sectors == other.sectors

    def stops(self, switch: KillSwitch, terms: OrderTerms) -> bool:
        """Whether a switch stops an order wherever it would go; what closes for a switch none does."""
        if self.lets_close(terms.closes_for):
            return False
        return switch.stops(self.thing(terms.account_id, terms.symbol, owner_of(terms)))

    def order_stop(self, terms: OrderTerms) -> KillSwitch | None:
        """Return the switch that stops an order wherever it would go, None when none does."""
        if not self.switches or self.lets_close(terms.closes_for):
            return None
        return self.stop_of(self.thing(terms.account_id, terms.symbol, owner_of(terms)))

    def order_cancel(self, terms: OrderTerms) -> KillSwitch | None:
        """Return the switch that takes an open order out of the market, None when none does."""
        if not self.switches or self.lets_close(terms.closes_for):
            return None
        thing = self.thing(terms.account_id, terms.symbol, owner_of(terms))
        return next((switch for switch in self.switches if switch.cancels and switch.stops(thing)), None)

    def venue_stops(self, terms: OrderTerms) -> Mapping[str, KillSwitch]:
        """Return the venues that an order must not go to, by the switch that stops it there."""
        if not any(switch.scope.venue for switch in self.switches):
            return {}
        found: dict[str, KillSwitch] = {}
        for switch in self.switches:
            venue_id = switch.scope.venue
            if venue_id and switch.stops(
                self.thing(terms.account_id, terms.symbol, owner_of(terms), venue_id)
            ):
                found.setdefault(venue_id, switch)
        return found

    def venue_bounds(self, terms: OrderTerms) -> dict[str, VenueBound]:
        """Return what limits make of an order at each venue of which they say anything of it."""
        if self.limits is None:
            return {}
        owner, found = owner_of(terms), dict[str, VenueBound]()
        for venue_id in self.limits.venues:
            bound = self.limits.bound(self.thing(terms.account_id, terms.symbol, owner, venue_id))
            if bound is not None:
                found[venue_id] = bound
        return found

    def stop_of(self, thing: Scope) -> KillSwitch | None:
        """Return the first switch that stops a thing, None when none does."""
        return next((switch for switch in self.switches if switch.stops(thing)), None)


def owner_of(terms: OrderTerms) -> Owner:
    """Return who asked for an order, and its strategy: the client's own tag, else the algo."""
    tagged = next((tag.text for tag in terms.tags if tag.name == STRATEGY_TAG), "") if terms.tags else ""
    algo = "" if terms.algo is None else terms.algo.strategy.name
    return Owner(terms.principal or NO_NAME, tagged or algo or NO_NAME)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A switch that a trigger wants. figures: what it saw, in words."""

    trigger: Trigger
    scope: Scope
    figures: str


class KillBoard(Protocol):
    """The switches as they are known now."""

    def known(self) -> Kills:
        """Return the switches to go by."""

    def ask(self, asked: Asked) -> None:
        """Have a switch set, as soon as it can be stored."""


NO_KILLS: Final = Kills()


class LimitsAlone:
    """A board without its switches: what would be if nothing were stopped, within the limits of venues."""

    def __init__(self, board: KillBoard) -> None:
        self._board = board

    def ask(self, asked: Asked) -> None:
        """Nothing sets a switch where none counts."""

    def known(self) -> Kills:
        """Return the limits, and the names that their scopes give."""
        return msgspec.structs.replace(self._board.known(), switches=(), triggers=(), unread="")


class FixedKills:
    """A board that somebody writes: no switch is set until then."""

    def __init__(self, kills: Kills = NO_KILLS) -> None:
        self.kills = kills
        self.asked: list[Asked] = []

    def ask(self, asked: Asked) -> None:
        """Keep what a trigger wants."""
        self.asked.append(asked)

    def known(self) -> Kills:
        """Return the switches to go by."""
        return self.kills


# ---- what sets switches by itself


class TriggerKind(enum.Enum):
    """What a trigger counts. The values say in what unit its threshold is."""

    REJECT_RATE = "rejects of venues within a window"
    VENUE_SILENCE = "s in which a venue that owes an answer has said nothing, within a window"
    EXCEPTIONS = "execution exceptions raised within a window"
    MESSAGE_RATE = "requests of clients within a window"
    LOSS = "dollars lost since the day began, or its last switch was released"


class TriggerMode(enum.Enum):
    """Whether a trigger sets its switch. SHADOW: it only says that it would have."""

    ON = "ON"
    SHADOW = "SHADOW"
    OFF = "OFF"
