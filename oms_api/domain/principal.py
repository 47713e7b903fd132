"""Who asks, what they may do, and which accounts exist for them."""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

EVERY_ACCOUNT: Final = "*"
# The channel of what comes over a client's FIX session.
FIX_CHANNEL: Final = "FIX"
NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Right(enum.Enum):
    """What a door asks for."""

    READ = "read"
    TRADE = "trade"
    CANCEL = "cancel"
    STOP = "stop"
    RELEASE = "release"
    FLATTEN = "flatten"
    LIMITS = "limits"
    OVERRIDE = "override"
    ADMIN = "admin"
    AUDIT = "audit"
    # Of operations that only a stack with a chaos door has.
    CHAOS = "chaos"


_TRADING: Final = frozenset((Right.READ, Right.TRADE, Right.CANCEL))
# The words of a role claim, as docs/log-in.md has them. Which accounts they hold for is a claim of its own.
RIGHTS_OF_ROLE: Final[Mapping[str, frozenset[Right]]] = {
    "trader": _TRADING,
    "desk-head": _TRADING | {Right.STOP, Right.OVERRIDE},
    "risk": frozenset(
        (
            Right.READ,
            Right.CANCEL,
            Right.STOP,
            Right.RELEASE,
            Right.FLATTEN,
            Right.LIMITS,
            Right.OVERRIDE,
            Right.AUDIT,
        )
    ),
    "admin": _TRADING
    | {Right.STOP, Right.RELEASE, Right.FLATTEN, Right.ADMIN, Right.LIMITS, Right.AUDIT, Right.CHAOS},
    "read-only": frozenset((Right.READ,)),
    # What read-only was called first.
    "viewer": frozenset((Right.READ,)),
}


def rights_of(roles: Iterable[str]) -> frozenset[Right]:
    """Return the rights that roles give together; an unknown role gives none."""
    return frozenset().union(*(RIGHTS_OF_ROLE.get(role, frozenset()) for role in roles))


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller whose token was verified. expires_at: until when it counts."""

    subject: str
    rights: frozenset[Right]
    accounts: frozenset[str]
    expires_at: datetime = NEVER

    @property
    def sees_every_account(self) -> bool:
        """Whether no account is foreign to this caller."""
        return EVERY_ACCOUNT in self.accounts

    @property
    def visible(self) -> frozenset[str] | None:
        """The accounts that exist for this caller; None for every one."""
        return None if self.sees_every_account else self.accounts

    def sees(self, account_id: str) -> bool:
        """Return whether an account exists for this caller."""
        return account_id in self.accounts or EVERY_ACCOUNT in self.accounts
