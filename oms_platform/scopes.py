"""What a limit or a stop is about: any names of firm, desk, account, trader, strategy, sector, symbol, venue.

The law of this file: a scope names some of the eight and leaves the others open; it covers what has every
name that it gives. Of two scopes that cover the same thing, the one that names the weightier kind is the
closer one (`Scope.weight`): among scopes that cover one thing no two weigh the same, so there is always one
answer. Limits of a venue are never weighed against those of none (`oms_platform.risk_book`).
"""

import enum
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

NAME_MAX: Final = 64
STRATEGY_TAG: Final = "strategy"


class ScopeKind(enum.Enum):
    """A kind of name that a scope may give, from the lightest to the weightiest.

    TRADER: who asked for it (FIX PartyRole 11, order origination trader). STRATEGY: the client's own tag
    `strategy`, else the order's algo.
    """

    FIRM = "firm"
    VENUE = "venue"
    SECTOR = "sector"
    DESK = "desk"
    STRATEGY = "strategy"
    SYMBOL = "symbol"
    TRADER = "trader"
    ACCOUNT = "account"


KINDS: Final[tuple[ScopeKind, ...]] = tuple(ScopeKind)
_WEIGHTS: Final[Mapping[ScopeKind, int]] = {kind: 1 << place for place, kind in enumerate(KINDS)}


class Scope(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Names by kind, empty where any will do; nothing at all is the root, which covers everything."""

    firm: str = ""
    venue: str = ""
    sector: str = ""
    desk: str = ""
    strategy: str = ""
    symbol: str = ""
    trader: str = ""
    account: str = ""

    def name(self, kind: ScopeKind) -> str:
        """Return what it names of a kind, empty for any."""
        found: str = getattr(self, kind.value)
        return found

    @property
    def kinds(self) -> tuple[ScopeKind, ...]:
        """The kinds that it gives a name of, from the lightest."""
        return tuple(kind for kind in KINDS if self.name(kind))

    @property
    def weight(self) -> int:
        """How close it is to what it covers: more than every scope that names lighter kinds only."""
        return weight_of(self.kinds)

    def covers(self, thing: "Scope") -> bool:
        """Whether a thing, given by all of its names, is within."""
        return all(self.name(kind) == thing.name(kind) for kind in self.kinds)

    def __str__(self) -> str:
        """Return it as `symbol=AAPL, account=ACC-1`, the root as `everything`."""
        return ", ".join(f"{kind.value}={self.name(kind)}" for kind in self.kinds) or "everything"


def weight_of(kinds: Iterable[ScopeKind]) -> int:
    """Return the weight of a scope that names these kinds."""
    return sum(_WEIGHTS[kind] for kind in kinds)


EVERYTHING: Final = Scope()


def scope_of(names: Mapping[str, str]) -> Scope:
    """Return the scope of names by kind. Raises ValueError for an unknown kind, or what is no name."""
    known = {kind.value for kind in KINDS}
    for kind, name in names.items():
        if kind not in known:
            raise ValueError(f"a scope is made of {', '.join(sorted(known))}, was {kind!r}")
        if not name or len(name) > NAME_MAX or not name.isprintable():
            raise ValueError(f"{kind} must be 1 to {NAME_MAX} printable characters, was {name!r}")
    return Scope(**names)
