"""*urgency*: who cannot wait takes what is displayed, who can joins the queues first.

The law of this file: an order's own terms say how urgent it is. A market order, an IOC and a fill-or-kill
cannot wait; a limit order of the day or longer can.
"""

from sor_engine.domain.board import Board
from sor_engine.domain.plan import Decision
from sor_engine.domain.strategies.lit import sweep
from sor_engine.domain.strategies.passive import passive


def urgency(board: Board) -> Decision:
    """Place an order by *sweep* if it cannot wait, else by *passive*."""
    return sweep(board) if board.immediate else passive(board)
