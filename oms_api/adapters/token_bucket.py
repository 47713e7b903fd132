"""Token buckets per principal in Redis, with Redis' own clock, taken from in one atomic script.

Tokens are leased in chunks: what a lease holds has left the bucket, so all gateways together never exceed the
rate, and a request rarely waits for Redis. What a lease does not use in time is lost.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any, Final

import redis.asyncio
import structlog
from prometheus_client import Counter
from redis.exceptions import RedisError

from oms_api.ports import RateStanding

LEASES_PER_S: Final = 50
LEASE_S: Final = 1.0
REDIS_TIMEOUT_S: Final = 0.25
REDIS_RETRY_S: Final = 1.0
PRINCIPALS_MAX: Final = 10_000

log = structlog.get_logger()
rate_limited_total = Counter("oms_api_rate_limited_total", "Requests over their principal's rate")
local_rate_total = Counter("oms_api_rate_local_total", "Leases given without Redis, which was away")

# KEYS[1] bucket; ARGV: tokens a second, burst, tokens wanted.
# Returns tokens given, and microseconds until there is one.
TAKE_TOKENS: Final = """
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at_us')
local tokens = burst
if kept[1] then
  tokens = math.min(burst, tonumber(kept[1]) + math.max(0, now_us - tonumber(kept[2])) * rate / 1000000)
end
local given = math.min(wanted, math.floor(tokens))
tokens = tokens - given
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at_us', string.format('%.0f', now_us))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
local wait_us = 0
if given == 0 then wait_us = math.ceil((1 - tokens) * 1000000 / rate) end
return {given, wait_us, math.floor(tokens)}
"""


class _Lease:
    """One principal's tokens that are here, and its bucket: as Redis told it last, else as it went on."""

    __slots__ = ("asking", "bucket_at", "bucket_tokens", "expires_at", "tokens")

    def __init__(self, burst: int, now: float) -> None:
        self.tokens = 0
        self.expires_at = 0.0
        self.asking: asyncio.Future[float] | None = None
        self.bucket_tokens = float(burst)
        self.bucket_at = now


class RedisTokenBucket:
    """The RateLimiter on Redis; while Redis is away, on a bucket of the same rate in this process.

    name: of the buckets; what is taken from one is not missing in another.
    """

    def __init__(
        self,
        redis_url: str,
        *,
        name: str,
        rate_per_s: int,
        burst: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis.asyncio.Redis.from_url(
            redis_url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=None,
        )
        self._script = self._redis.register_script(TAKE_TOKENS)
        self._name = name
        self._rate, self._burst = rate_per_s, burst
        self._chunk = max(1, min(rate_per_s // LEASES_PER_S, burst))
        self._monotonic = monotonic
        self._leases: dict[str, _Lease] = {}
        self._redis_away_until = 0.0
        self._away = False

    def take_leased(self, principal: str) -> bool:
        """Take one token of those that are here already. Returns whether there was one."""
        lease = self._leases.get(principal)
        if lease is None or lease.tokens <= 0 or self._monotonic() >= lease.expires_at:
            return False
        lease.tokens -= 1
        return True

    def standing(self, principal: str) -> RateStanding | None:
        """Return what is left to a principal, as far as is known here; None before it has taken any."""
        lease = self._leases.get(principal)
        if lease is None:
            return None
        now = self._monotonic()
        here = lease.tokens if now < lease.expires_at else 0
        left = min(self._burst, int(here + lease.bucket_tokens + (now - lease.bucket_at) * self._rate))
        return RateStanding(
            policy=self._name,
            quota=self._burst,
            window_s=math.ceil(self._burst / self._rate),
            left=left,
            full_in_s=math.ceil((self._burst - left) / self._rate),
        )

    async def take(self, principal: str) -> float:
        """Take one token, leasing more if need be. Returns 0, or the seconds until there will be one."""
        lease = self._leases.get(principal)
        if lease is None:
            if len(self._leases) >= PRINCIPALS_MAX:
                self._forget_idle()
            lease = self._leases.setdefault(principal, _Lease(self._burst, self._monotonic()))
        while not self.take_leased(principal):
            if lease.asking is None:
                lease.asking = asyncio.ensure_future(self._ask(principal, lease))
            wait_s = await asyncio.shield(lease.asking)
            if wait_s > 0:
                rate_limited_total.inc()
                return wait_s
        return 0.0

    async def _ask(self, principal: str, lease: _Lease) -> float:
        try:
            given, wait_s = await self._lease_tokens(principal, lease)
            now = self._monotonic()
            if now >= lease.expires_at:
                lease.tokens = 0
            lease.tokens += given
            lease.expires_at = now + LEASE_S
            return wait_s
        finally:
            lease.asking = None

    async def _lease_tokens(self, principal: str, lease: _Lease) -> tuple[int, float]:
        if self._monotonic() >= self._redis_away_until:
            try:
                result: Any = await self._script(
                    keys=[f"oms:{self._name}:{principal}"], args=[self._rate, self._burst, self._chunk]
                )
                if self._away:
                    self._away = False
                    log.info("rate_limit_in_redis_again")
                lease.bucket_tokens, lease.bucket_at = float(result[2]), self._monotonic()
                return int(result[0]), int(result[1]) / 1e6
            except (RedisError, OSError, TimeoutError) as error:
                self._redis_away_until = self._monotonic() + REDIS_RETRY_S
                if not self._away:
                    self._away = True
                    log.warning("rate_limit_local", error=str(error))
        local_rate_total.inc()
        return self._lease_locally(lease)

    def _lease_locally(self, lease: _Lease) -> tuple[int, float]:
        now = self._monotonic()
        lease.bucket_tokens = min(self._burst, lease.bucket_tokens + (now - lease.bucket_at) * self._rate)
        lease.bucket_at = now
        given = min(self._chunk, int(lease.bucket_tokens))
        lease.bucket_tokens -= given
        return given, 0.0 if given else (1 - lease.bucket_tokens) / self._rate

    def _forget_idle(self) -> None:
        now = self._monotonic()
        idle = [
            name for name, lease in self._leases.items() if lease.asking is None and now >= lease.expires_at
        ]
        for name in idle or list(self._leases)[:1]:
            del self._leases[name]

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
