"""What unkind venues do in a run: how often, and what must come of each of their messages.

The law of this file: a message that is false is one execution exception, of the kinds that its fault has
here, and changes nothing else; what is true, however it is dressed up, is applied.
"""

import random
from collections.abc import Collection, Mapping
from typing import Final

from oms_platform.exceptions import ExceptionKind
from simulators.broker.protocol import FaultKind

# Of messages that are false: the kinds of exception of which each is one.
FALSE: Final[Mapping[FaultKind, frozenset[ExceptionKind]]] = {
    FaultKind.PRICE_ZERO: frozenset((ExceptionKind.BAD_PRICE,)),
    FaultKind.WITHOUT_LAST_PX: frozenset((ExceptionKind.BAD_PRICE, ExceptionKind.BAD_QUANTITY)),
    FaultKind.WITHOUT_CL_ORD_ID: frozenset((ExceptionKind.UNKNOWN_ORDER,)),
    FaultKind.UNKNOWN_CL_ORD_ID: frozenset((ExceptionKind.UNKNOWN_ORDER,)),
    FaultKind.OTHER_SIDE: frozenset((ExceptionKind.CONTRADICTS_CHILD,)),
    FaultKind.REPEATED_EXEC_ID: frozenset((ExceptionKind.REPEATED_EXEC_ID,)),
}
# Of every fault that is an exception: an overfill is true, is applied, and is shown.
EXCEPTED: Final[Mapping[FaultKind, frozenset[ExceptionKind]]] = {
    **FALSE,
    FaultKind.OVERFILL: frozenset((ExceptionKind.OVERFILL,)),
}
# The chance of a fault at each of its occasions, at a venue that has it. Occasions differ: a message, a
# trade, a request, a question, a lost connection.
_OF_MESSAGES: Final = 0.03
_OF_TRADES: Final = 0.08
_OF_REQUESTS: Final = 0.02
RATES: Final[Mapping[FaultKind, float]] = {
    FaultKind.LATIN1_TEXT: _OF_MESSAGES,
    FaultKind.NUL_TEXT: _OF_MESSAGES,
    FaultKind.DATA_WITH_SEPARATOR: _OF_MESSAGES,
    FaultKind.USER_TAGS: _OF_MESSAGES,
    FaultKind.EMPTY_TAG: _OF_MESSAGES,
    FaultKind.CLOCK_OFF: _OF_MESSAGES,
    FaultKind.FIX42_STYLE: _OF_TRADES,
    FaultKind.GAP_FILLED: _OF_TRADES,
    FaultKind.PRICE_ZERO: _OF_TRADES,
    FaultKind.WITHOUT_LAST_PX: _OF_TRADES,
    FaultKind.WITHOUT_CL_ORD_ID: _OF_TRADES,
    FaultKind.UNKNOWN_CL_ORD_ID: _OF_TRADES,
    FaultKind.OTHER_SIDE: _OF_TRADES,
    FaultKind.REPEATED_EXEC_ID: _OF_TRADES * 2,
    FaultKind.DUPLICATE_REJECT: _OF_TRADES,
    FaultKind.STOPPED: _OF_TRADES,
    FaultKind.CALCULATED: _OF_TRADES,
    FaultKind.BUST: _OF_REQUESTS,
    FaultKind.CORRECTION: _OF_REQUESTS,
    FaultKind.RESTATEMENT: _OF_REQUESTS * 2,
    FaultKind.UNSOLICITED_CANCEL: _OF_REQUESTS,
    FaultKind.CANCEL_CROSSED: 0.9,
    FaultKind.OVERFILL: _OF_TRADES,
    FaultKind.DAY_END: _OF_REQUESTS / 2,
    FaultKind.SUSPENSION: _OF_REQUESTS * 2,
    FaultKind.STATUS_REFUSED: 0.2,
    FaultKind.STATUS_UNANSWERED: 0.2,
    FaultKind.CANCEL_PENDING_ALREADY: 0.6,
    FaultKind.CANCEL_UNKNOWN_ORDER: 0.4,
    FaultKind.THROTTLED: _OF_REQUESTS * 2,
    FaultKind.DROP: _OF_REQUESTS,
    FaultKind.SESSION_RESET: _OF_REQUESTS,
    FaultKind.SEQUENCE_LOW: _OF_REQUESTS,
    FaultKind.CANCEL_ON_DISCONNECT: 0.5,
}
# How many kinds a venue has, drawn for each venue and seed: none, some, or all of them, then each less often.
_COUNTS: Final = (0, 2, 4, 6, 8, 12)
# The faults of cancels have few occasions, so that a venue has one more often; the last comes only to those
# cancels that the others leave.
_OF_CANCELS: Final = (
    FaultKind.CANCEL_UNKNOWN_ORDER,
    FaultKind.CANCEL_PENDING_ALREADY,
    FaultKind.CANCEL_CROSSED,
    FaultKind.CANCEL_CROSSED,
)
_CANCELS_CHANCE: Final = 0.5
_ALL_CHANCE: Final = 0.1
_ALL_PART: Final = 0.2


def draw_rates(draws: random.Random, kinds: Collection[FaultKind]) -> dict[FaultKind, float]:
    """Return the rates of one venue's faults, of these kinds."""
    known = [kind for kind in RATES if kind in kinds]
    if draws.random() < _ALL_CHANCE:
        return _kept_apart({kind: RATES[kind] * _ALL_PART for kind in known})
    chosen = set(draws.sample(known, min(draws.choice(_COUNTS), len(known))))
    if draws.random() < _CANCELS_CHANCE:
        chosen.add(draws.choice(_OF_CANCELS))
    return _kept_apart({kind: RATES[kind] for kind in known if kind in chosen})


def _kept_apart(rates: dict[FaultKind, float]) -> dict[FaultKind, float]:
    """Let no trade be repeated falsely that was never said: nobody could tell the repetition from a trade."""
    if FaultKind.GAP_FILLED in rates:
        rates.pop(FaultKind.REPEATED_EXEC_ID, None)
    return rates
