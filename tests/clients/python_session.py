"""Places, lists, gets and cancels an order with the generated Python client; what it finds goes out as JSON.

Run with the client on the path. OMS_URL, OMS_TOKEN: of the API. OMS_LIMIT_PRICE: one that rests in a book.
"""

import json
import os
from uuid import uuid4

from oms_order_gateway_client import AuthenticatedClient
from oms_order_gateway_client.api.orders import cancel_order, get_order, list_orders, place_order
from oms_order_gateway_client.models import (
    CancelBody,
    OrderPage,
    OrderRequest,
    OrderType,
    OrderView,
    PlacedBody,
    Problem,
    Side,
    TimeInForce,
)

client = AuthenticatedClient(base_url=os.environ["OMS_URL"], token=os.environ["OMS_TOKEN"])
order = OrderRequest(
    client_order_id=f"py-{uuid4().hex[:12]}",
    account_id="ACC-INST-001",
    symbol="AAPL",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    quantity=100,
    limit_price=os.environ["OMS_LIMIT_PRICE"],
    time_in_force=TimeInForce.GTC,
)
placed = place_order.sync(client=client, body=order)
assert isinstance(placed, PlacedBody), placed
again = place_order.sync_detailed(client=client, body=order)
assert again.status_code == 200
assert isinstance(again.parsed, PlacedBody) and not again.parsed.created, again
page = list_orders.sync(client=client, client_order_id=order.client_order_id, side=Side.BUY, open_=True)
assert isinstance(page, OrderPage), page
found = get_order.sync(client=client, order_id=placed.order_id)
assert isinstance(found, OrderView), found
canceled = cancel_order.sync(client=client, order_id=placed.order_id)
assert isinstance(canceled, CancelBody), canceled
refused = get_order.sync(client=client, order_id=uuid4())
assert isinstance(refused, Problem), refused
print(
    json.dumps(
        {
            "orderId": str(placed.order_id),
            "listed": [str(one.order_id) for one in page.orders],
            "limitPrice": found.limit_price,
            "canceled": str(canceled.order_id),
            "refused": refused.code,
        }
    )
)
