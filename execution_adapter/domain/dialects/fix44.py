"""FIX 4.4 as our venues speak it: times to the microsecond, and a question has an id of its own (790)."""

from datetime import datetime
from functools import partial
from typing import Final

from execution_adapter.domain.dialects.dialect import (
    SOH,
    cancel_fields,
    order_fields,
    replace_fields,
    status_fields,
)
from execution_adapter.domain.fix.wire import utc_timestamp
from oms_platform.vocabulary import ChildTerms

BEGIN_STRING: Final = "FIX.4.4"
CAPACITY_TAG: Final = 528
new_order_single = partial(order_fields, capacity_tag=CAPACITY_TAG)
order_cancel_request = cancel_fields
order_cancel_replace_request = partial(replace_fields, capacity_tag=CAPACITY_TAG)


def timestamp(at: datetime) -> str:
    """Write a UTCTimestamp to the microsecond."""
    return utc_timestamp(at)


def order_status_request(child: ChildTerms, cl_ord_id: str, ask_id: str, *, suffixed: bool = False) -> str:
    """Write the body of 35=H."""
    return f"{status_fields(child, cl_ord_id, suffixed=suffixed)}790={ask_id}{SOH}"
