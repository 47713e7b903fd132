"""REST about comparisons with venues: what both said the same of, and where they did not."""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from oms_api.domain.principal import Right
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.entrypoints.operation import AnyOperation, Call, Operation
from oms_api.entrypoints.rest_orders import Text
from oms_api.ports import Instant, Ports, ReconciliationView, View

PATH: Final = "/api/v1/reconciliations"
LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 500
_LAST: Final = datetime.max.replace(tzinfo=UTC)


class ReconciliationsQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which comparisons, newest first."""

    venue_id: Text | None = None
    broken: Annotated[bool, msgspec.Meta(description="Only those with a difference.")] = False
    before: Annotated[Instant | None, msgspec.Meta(description="Ended before then.")] = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT


class ReconciliationList(View, frozen=True):
    """Comparisons, newest first."""

    reconciliations: list[ReconciliationView]


def reconciliation_operations(ports: Ports) -> list[AnyOperation]:
    """Return the operation. A venue's orders are of every account, so who sees every account sees it."""

    async def reconciliations(call: Call[ReconciliationsQuery]) -> ReconciliationList | Refusal:
        if not call.principal.sees_every_account:
            return Refusal(
                code=RefusalCode.FORBIDDEN, message="the token does not give the right to every account"
            )
        query = call.query
        return ReconciliationList(
            await ports.reconciliations.reconciliations(
                venue_id=query.venue_id,
                broken=query.broken,
                before=query.before or _LAST,
                rows_max=query.limit,
            )
        )

    return [
        Operation(
            method="GET", path=PATH, name="listReconciliations", tag="Reconciliations", right=Right.READ,
            serve=reconciliations, query=ReconciliationsQuery, answers={200: ReconciliationList},
            summary="Comparisons of open orders with their venues, newest first, with their breaks",
        ),
    ]  # fmt: skip
