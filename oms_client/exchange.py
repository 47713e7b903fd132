"""When a request is asked for again, without any I/O.

The law of this file: a request is repeated only when that cannot do its work twice, and not for ever.

| what came | a repeatable request | any other |
|---|---|---|
| no connection | again | again |
| the connection was lost after it was sent, no answer in time, 502, 503, 504 | again | an error |
| 429 | again | again |
| 401, and the source of tokens has another one | again, once | again, once |
| anything else | an error | an error |

A repeat of what may have been done, which is then refused for a token or a rate (401, 403, 429), says nothing
of the first: its error is that of the try of which nothing is known. What is asked again waits for
Retry-After, or from BACKOFF_S on twice as long each time, and never beyond the policy's deadline.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from oms_client.calls import Call
from oms_client.errors import ApiError, NoAnswerError, RateLimitedError, UnavailableError, error_of_answer

BACKOFF_S: Final = 0.1
BACKOFF_S_MAX: Final = 2.0
_AGAIN: Final = (502, 503, 504)
# Said of the caller, before the request itself is looked at.
_OF_CALLER: Final = (401, 403, 429)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long an answer is waited for, and how long and how often a request is repeated.

    timeout_s: for one try. deadline_s: from the first try until the last one is answered. tries_max: 1
    repeats nothing.
    """

    timeout_s: float = 15.0
    deadline_s: float = 30.0
    tries_max: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An HTTP answer. retry_after: that header, or empty."""

    status: int
    body: bytes
    retry_after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The request is to be sent again after so many seconds. renews: with another token, or not at all."""

    after_s: float
    because: ApiError
    renews: bool = False


class Exchange:
    """One request with all its tries."""

    def __init__(self, call: Call[Any], policy: Policy, now_s: Callable[[], float] = time.monotonic) -> None:
        self._call = call
        self._policy = policy
        self._now_s = now_s
        self._ends_at = now_s() + policy.deadline_s
        self._tries = 0
        self._renewed = False
        # Of the first try that may have done its work, though nobody said so.
        self._unknown: ApiError | None = None

    @property
    def timeout_s(self) -> float:
        """How long the next try may take."""
        return max(0.001, min(self._policy.timeout_s, self._ends_at - self._now_s()))

    def decide(self, outcome: Received | NoAnswerError) -> Received | Again:
        """Take what came of a try. Returns the answer, or that it is to be tried again. Raises ApiError."""
        self._tries += 1
        if isinstance(outcome, Received) and 200 <= outcome.status < 300:
            return outcome
        try:
            return self._repeat(outcome)
        except ApiError as last:
            if self._unknown is not None and last.status in _OF_CALLER:
                raise self._unknown from last
            raise

    def _repeat(self, outcome: Received | NoAnswerError) -> Again:
        if isinstance(outcome, NoAnswerError):
            if outcome.sent:
                if not self._call.repeatable:
                    raise outcome
                self._unknown = self._unknown or outcome
            return self._again(outcome)
        error = error_of_answer(outcome.status, outcome.body, outcome.retry_after)
        if outcome.status == 401 and not self._renewed:
            self._renewed = True
            return Again(after_s=0.0, because=self._unknown or error, renews=True)
        if outcome.status == 429:
            return self._again(error)
        if outcome.status in _AGAIN and self._call.repeatable:
            self._unknown = self._unknown or error
            return self._again(error)
        raise error

    def _again(self, error: ApiError) -> Again:
        told_s = error.retry_after_s if isinstance(error, RateLimitedError | UnavailableError) else 0.0
        after_s = told_s or backoff_s(self._tries)
        if self._tries >= self._policy.tries_max or self._now_s() + after_s >= self._ends_at:
            raise error
        return Again(after_s=after_s, because=error)


def backoff_s(tries: int, longest_s: float = BACKOFF_S_MAX) -> float:
    """Return for how long to wait after so many tries in vain: twice as long each time, by chance less."""
    whole_s = min(longest_s, BACKOFF_S * 2.0 ** min(tries - 1, 16))
    return whole_s * random.uniform(0.5, 1.0)  # noqa: S311  (no secret)
