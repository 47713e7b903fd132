"""Who asks, and how much they may ask for."""

from typing import Protocol

import msgspec

from oms_api.domain.principal import Principal


class RateStanding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a principal may still ask for: quota requests at once, refilled over window_s.

    left: of them, as far as this gateway knows. full_in_s: until all of them are there again.
    """

    policy: str
    quota: int
    window_s: int
    left: int
    full_in_s: int


class RateLimiter(Protocol):
    """A token bucket per principal."""

    def standing(self, principal: str) -> RateStanding | None:
        """Return what is left to a principal, as far as is known here; None before it has taken any."""
        ...

    def take_leased(self, principal: str) -> bool:
        """Take one token of those that are here already. Returns whether there was one."""
        ...

    async def take(self, principal: str) -> float:
        """Take one token. Returns 0, or the seconds until there will be one."""
        ...


class Authenticator(Protocol):
    """Verifies bearer tokens."""

    def cached(self, token: str) -> Principal | None:
        """Return the caller of a token that was verified before and is still good."""
        ...

    async def authenticate(self, token: str) -> Principal | str:
        """Return the caller, or why the token is refused. Raises UnavailableError before keys are known."""
        ...


class BrokerState(Protocol):
    """Whether Kafka can be reached."""

    @property
    def available(self) -> bool:
        """Whether the last look found the broker."""
        ...
