"""The rules that an auditor holds, by name, and what is raised when one does not hold."""

from typing import Final

from oms_platform.messages import OrderEvent

PATH: Final = "each order's events are a path"
INSTRUCTED: Final = "an order shows, and takes, no more than its client lets it"
BY_ITS_TIME: Final = "an algo ends its order when its time is over and not before"
KILLS: Final = "an order that a kill switch ends says by which"
RELEASED: Final = "no more of an algo is out than was released"
CLOSES: Final = "an order of a kill switch closes what is held, and by itself never opens or passes zero"
FLAT: Final = "what a kill switch flattens ends flat when venues are good"
AUCTIONED: Final = "an order is routed while its market trades, or for its auction, where that is held"
TOLD: Final = "what exceeds an order is an exception"


class BrokenError(Exception):
    """An invariant does not hold. rule: its name."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule
        self.text = text


def require(condition: bool, rule: str, event: OrderEvent, text: str) -> None:
    """Hold a rule at an event of an order. Raises BrokenError with what was found."""
    if not condition:
        raise BrokenError(rule, f"{event.type} {event.sequence} of {event.order_id}: {text}")
