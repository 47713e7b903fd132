"""What can be broken, each with what comes of it: what the page shows and the door checks by."""

from typing import Final, NamedTuple

# By the supervisor's names.
PROCESSES: Final = {
    "oms-core": "What is acked waits in Kafka; after 2 s new orders get 503. Then all of it is worked off.",
    "sor-engine": "Orders pass risk and wait for their route; cancels go through. Then each is routed once.",
    "execution-adapter": "Routed orders and venues' reports wait; what may be at a venue is asked for.",
    "oms-api": "Every client loses the gateway, this page too; it comes back by itself.",
    "scorekeeper": "Venues' scores stand still; orders flow on.",
    "sor-answers": "Nobody can say why, or what if; orders flow on.",
    "market-data": "Quotes stop: orders wait rather than be routed on old prices.",
    "broker": "Every venue is away at once. Orders wait; what the venues had is in their journals.",
    "kafka": "It comes back empty: what live orders are owed is asked for again from PostgreSQL.",
}  # fmt: skip
CUT_DOES: Final = (
    "Its FIX session breaks off and it takes no log-on: the router sends elsewhere, and what it executed"
    " meanwhile is resent when it is back."
)


class Fault(NamedTuple):
    """A way to be unkind: how often, of one message, and what comes of it."""

    rate: float
    does: str


# By the broker simulator's names.
FAULTS: Final = {
    "BUST": Fault(0.2, "It takes trades back: fills, positions and cash go back with them."),
    "CORRECTION": Fault(0.2, "It corrects the shares or the price of trades that it reported."),
    "OVERFILL": Fault(0.2, "It executes more than was sent: what is beyond it is booked as an exception."),
    "REPEATED_EXEC_ID": Fault(0.2, "It gives another trade the same ExecID: a person says which is true."),
    "UNKNOWN_CL_ORD_ID": Fault(0.2, "It reports trades of orders that nobody sent: each is an exception."),
    "PRICE_ZERO": Fault(0.2, "It reports trades at a price of 0: each is an exception, none is applied."),
    "UNSOLICITED_CANCEL": Fault(0.3, "It cancels orders by itself: their shares are routed elsewhere."),
    "THROTTLED": Fault(0.5, "It refuses orders as too many: their shares are routed elsewhere."),
    "DROP": Fault(0.2, "It breaks its session off, again and again."),
}  # fmt: skip
