"""The judge reads the venues' journal: busts take trades away, corrections change them."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from oms_tools.verify.carriers import _venue_orders
from simulators.broker.adapters.journal import Journal
from simulators.broker.engine import Behaviour
from simulators.broker.faults import FaultPlan
from simulators.broker.handlers import Exchange
from simulators.broker.prices import price_text
from simulators.broker.protocol import Command, FaultKind, NewOrder, OrdType, Saying, Side, TimeInForce
from simulators.broker.unkind import UnkindVenue

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class Nobody:
    """Takes what is sent."""

    def send(self, saying: Saying, *, possible_resend: bool) -> None:
        """Nothing to do."""

    def refuse_failed(self, venue_id: str, command: Command) -> None:
        raise AssertionError(f"{venue_id} failed at {command}")


@pytest.mark.parametrize("seed", range(10))
def test_judge_knows_the_net_trades_of_every_order(tmp_path: Path, seed: int) -> None:
    venue = UnkindVenue("XNYS", {"AAPL": Decimal("0.01")}, seed=7, behaviour=Behaviour(touch_fill=0))
    kinds = (FaultKind.BUST, FaultKind.CORRECTION, FaultKind.OVERFILL, FaultKind.PRICE_ZERO)
    venue.plan = FaultPlan("XNYS", seed, dict.fromkeys(kinds, 0.4))
    journal = Journal(tmp_path)
    journal.replay(venue.restore)
    exchange = Exchange({"XNYS": venue}, journal, Nobody())
    names = [f"{side.value}{number}" for number in range(20) for side in Side]
    for name in names:
        order = NewOrder(
            cl_ord_id=name,
            symbol="AAPL",
            side=Side.BUY if name.startswith("BUY") else Side.SELL,
            order_qty=100,
            ord_type=OrdType.LIMIT,
            price="100.00",
            time_in_force=TimeInForce.DAY,
        )
        exchange.handle([("XNYS", order)], NOW)
    journal.close()
    judged = _venue_orders(tmp_path)
    for name in names:
        order = venue.order(name)
        assert order is not None
        wanted = {
            exec_id: (trade.quantity, Decimal(price_text(trade.price_micros)))
            for exec_id, trade in order.trades.items()
        }
        assert (judged[name].fills, judged[name].leaves_qty) == (wanted, order.leaves_qty)
