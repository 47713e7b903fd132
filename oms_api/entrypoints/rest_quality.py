"""REST about execution quality: what orders cost against the quotes of their time."""

from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.entrypoints.csv_answers import Table
from oms_api.entrypoints.operation import AnyOperation, Call, Operation
from oms_api.entrypoints.paging import LIMIT_DEFAULT, Limit
from oms_api.entrypoints.request_fields import one_of
from oms_api.entrypoints.rest_orders import SideName, Text, visible_accounts
from oms_api.ports import Instant, Ports, QualityQuestion, QualityRow, QualityView, RoutingRefusedError
from oms_platform.clock import Clock

TAG: Final = "Execution quality"
CUTS: Final = ("venue", "strategy", "symbol", "side", "account", "order")
WITHIN: Final = timedelta(days=1)
SYMBOLS_MAX: Final = 200


class QualityQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Of which orders, by what cut. `from` and `to`: when they were created."""

    created_from: Annotated[
        Instant | None, msgspec.Meta(description="Created then or later; a day before `to` if left out.")
    ] = msgspec.field(name="from", default=None)
    created_to: Annotated[
        Instant | None,
        msgspec.Meta(
            description="Created before then, and what is open then is marked then; now if left out."
        ),
    ] = msgspec.field(name="to", default=None)
    account_id: list[Text] | None = None
    symbol: Annotated[list[Text], msgspec.Meta(max_length=SYMBOLS_MAX)] | None = None
    side: SideName | None = None
    cut: Annotated[str, one_of(CUTS, "QualityCut")] = CUTS[0]
    limit: Annotated[Limit, msgspec.Meta(description="So many lines, the total not counted.")] = LIMIT_DEFAULT


def quality_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operation."""

    async def quality(call: Call[QualityQuery]) -> QualityView | Refusal:
        try:
            return await ports.router.quality(_question(call.query, call.principal, clock()))
        except RoutingRefusedError as error:
            return Refusal(code=RefusalCode.INVALID_REQUEST, message=str(error))

    return [
        Operation(
            method="GET", path="/api/v1/execution-quality", name="getExecutionQuality", tag=TAG,
            right=Right.READ, serve=quality, query=QualityQuery, answers={200: QualityView},
            summary="What orders cost: spreads, price improvement, fees, markouts, shortfall, with intervals",
            table=Table("rows", QualityRow), question=True,
        ),
    ]  # fmt: skip


def _question(query: QualityQuery, principal: Principal, now: datetime) -> QualityQuestion:
    """Return what to ask. Accounts that the caller does not see match nothing."""
    until = min(query.created_to or now, now)
    return QualityQuestion(
        since=query.created_from or until - WITHIN,
        until=until,
        accounts=visible_accounts(query.account_id, principal),
        symbols=None if query.symbol is None else frozenset(query.symbol),
        side=query.side,
        cut=query.cut,
        lines_max=query.limit,
    )
