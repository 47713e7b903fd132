"""Which orders a request about many means, as REST's query and the WebSocket's messages say it."""

from typing import Annotated
from uuid import UUID

import msgspec

from oms_api.domain.order_requests import OLDER_THAN_S_MAX, Selection
from oms_api.entrypoints.request_fields import WHOLE
from oms_api.entrypoints.rest_orders import SideName, Text


class SelectionQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which orders. At least one has to be given; what is given narrows, and open orders are meant."""

    account_id: list[Text] | None = None
    symbol: list[Text] | None = None
    side: SideName | None = None
    venue: Annotated[
        list[Text] | None, msgspec.Meta(description="With an order that lives at one of these venues.")
    ] = None
    basket_id: Annotated[
        Text | None, msgspec.Meta(description="Sent with this list of orders, its basketId.")
    ] = None
    older_than: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=OLDER_THAN_S_MAX)] | None,
        msgspec.Meta(description="Created so many seconds ago or earlier."),
    ] = None
    order_id: Annotated[
        list[UUID] | None, msgspec.Meta(description="These, each of which is answered, open or not.")
    ] = None
    client_order_id: Annotated[
        list[Text] | None,
        msgspec.Meta(
            description="These, each of which is answered, open or not. Its name is repeated for each.",
            extra=WHOLE,
        ),
    ] = None
    after: Annotated[
        UUID | None,
        msgspec.Meta(
            description="The orders after this one: the last of an answer that says there are more."
        ),
    ] = None


def selection_of(query: SelectionQuery) -> Selection:
    """Return which orders a query means."""

    def names(given: list[str] | None) -> frozenset[str] | None:
        return None if given is None else frozenset(given)

    return Selection(
        accounts=names(query.account_id),
        symbols=names(query.symbol),
        side=query.side,
        venues=names(query.venue),
        basket=query.basket_id,
        older_than_s=query.older_than,
        order_ids=tuple(dict.fromkeys(query.order_id or ())),
        client_order_ids=tuple(dict.fromkeys(query.client_order_id or ())),
        after=query.after,
    )
