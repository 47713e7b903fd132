"""REST about many new orders at once."""

from http import HTTPStatus
from typing import Annotated, Final

import msgspec

from oms_api.batch_handlers import ORDERS_MAX, Answered, Checked, handle_place_batch, read_batch
from oms_api.domain.principal import Right
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.entrypoints.answers import (
    STATUS_OF,
    Answer,
    PlacedBody,
    Problem,
    ok,
    placed_body,
    problem_body,
)
from oms_api.entrypoints.http_door import CHANNEL_DEFAULT, ORDERS_PATH
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.request_trace import RequestTrace
from oms_api.entrypoints.rest_orders import EXAMPLE, TAG, OrderRequest
from oms_api.ports import Ports, RiskView
from oms_platform.clock import Clock
from oms_platform.messages import SubmitOrder

BATCH_PATH: Final = f"{ORDERS_PATH}/batch"
# 500 orders with every field at its longest fit.
BATCH_BYTES_MAX: Final = 1_048_576


class BatchRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Orders. all_or_nothing: every check is made of all of them first; one that fails refuses the whole,
    each problem named by its place (`orders[3].quantity`), and otherwise they are stored by one commit.
    check_only: the same checks and answers, with risk's verdict on each order, and nothing is stored.
    """

    orders: Annotated[list[OrderRequest], msgspec.Meta(min_length=1, max_length=ORDERS_MAX)]
    all_or_nothing: bool = False
    check_only: bool = False


class BatchLine(msgspec.Struct, rename="camel", gc=False):
    """What an order of a batch is answered: the status that it would have alone, and the body of that.

    placed, problem: both null of an order that was checked only, and would be placed. risk: of such an order,
    the verdict that it would get after those before it; null where core cannot be asked.
    """

    status: int
    placed: PlacedBody | None
    problem: Problem | None
    risk: RiskView | None = None


class BatchBody(msgspec.Struct, rename="camel", gc=False):
    """What the orders of a batch are answered, in their order."""

    orders: list[BatchLine]


def batch_line(result: Answered) -> BatchLine:
    """Build what an order of a batch is answered with."""
    if isinstance(result, Refusal):
        return BatchLine(STATUS_OF[result.code], None, problem_body(result))
    if isinstance(result, Checked):
        return BatchLine(HTTPStatus.OK if result.stored else HTTPStatus.CREATED, None, None, result.risk)
    return BatchLine(HTTPStatus.CREATED if result.created else HTTPStatus.OK, placed_body(result), None)


def batch_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operation."""

    async def place(call: Call[NoQuery]) -> Answer | Refusal:
        batch = read_batch(call.content)
        if isinstance(batch, Refusal):
            return batch
        given = call.request.headers.get("traceparent", "").encode("latin-1", "replace")
        traced = RequestTrace(ports.tracer, given, SubmitOrder.__name__)
        channel = call.request.headers.get("x-oms-channel", CHANNEL_DEFAULT)
        work = handle_place_batch(ports, clock, call.principal, batch, channel=channel, trace=traced.trace)
        results = await traced.over(f"POST {BATCH_PATH}", work)
        return results if isinstance(results, Refusal) else ok(BatchBody([*map(batch_line, results)]))

    return [
        Operation(
            method="POST", path=BATCH_PATH, name="placeOrders", tag=TAG, right=Right.TRADE, serve=place,
            summary="Place up to 500 orders", body=BatchRequest, noun="a batch", own_reader=True,
            example={"orders": [EXAMPLE], "allOrNothing": False, "checkOnly": False},
            answers={200: BatchBody}, refusals=[RefusalCode.DUPLICATE_ORDER_ID], channeled=True,
            body_bytes_max=BATCH_BYTES_MAX,
        ),
    ]  # fmt: skip
