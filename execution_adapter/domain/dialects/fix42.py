"""FIX 4.2: times to the millisecond, and an answer to a question is known by its order alone (no 790).

A venue of it reports by ExecTransType (20) and calls a trade 150=1 or 150=2; both are read everywhere.
"""

from datetime import datetime
from functools import partial
from typing import Final

from execution_adapter.domain.dialects.dialect import (
    cancel_fields,
    order_fields,
    replace_fields,
    status_fields,
)
from execution_adapter.domain.fix.wire import utc_timestamp
from oms_platform.vocabulary import ChildTerms

BEGIN_STRING: Final = "FIX.4.2"
_MILLISECOND_AT: Final = -3
# Rule80A, by the letters that OrderCapacity has from FIX 4.3 on, as venues of the family take them.
CAPACITY_TAG: Final = 47
new_order_single = partial(order_fields, capacity_tag=CAPACITY_TAG)
order_cancel_request = cancel_fields
order_cancel_replace_request = partial(replace_fields, capacity_tag=CAPACITY_TAG)


def timestamp(at: datetime) -> str:
    """Write a UTCTimestamp to the millisecond."""
    return utc_timestamp(at)[:_MILLISECOND_AT]


def order_status_request(child: ChildTerms, cl_ord_id: str, ask_id: str, *, suffixed: bool = False) -> str:
    """Write the body of 35=H; the family has no field for `ask_id`."""
    return status_fields(child, cl_ord_id, suffixed=suffixed)
