"""Overrides as they are stored and read, by core and by the doors."""

from datetime import datetime
from typing import Final

import msgspec
import structlog

from oms_platform.overrides import Override
from oms_platform.postgres import Connection
from oms_platform.vocabulary import OrderTerms, RiskCheck

_UNUSED: Final = (
    "SELECT override_id, request_id, order_id, terms::text, trader, checks::text, granted_by, reason,"
    " expires_at FROM risk_overrides WHERE used_at IS NULL AND revoked_at IS NULL AND expires_at > %s"
    " ORDER BY granted_at, override_id"
)
USE: Final = "SELECT use_override(%s, %s, %s)"
terms_decoder: Final = msgspec.json.Decoder(OrderTerms)
checks_decoder: Final = msgspec.json.Decoder(tuple[RiskCheck, ...])
log = structlog.get_logger()


def read_unused(connection: Connection, now: datetime) -> dict[str, tuple[Override, ...]]:
    """Return the overrides that may still be used, by account, the oldest first.

    One that cannot be read is logged, lets nothing pass, and keeps no other from being read.
    """
    found: dict[str, tuple[Override, ...]] = {}
    for (
        override_id,
        request_id,
        order_id,
        terms,
        trader,
        checks,
        by,
        reason,
        expires_at,
    ) in connection.execute(_UNUSED, [now]):
        try:
            one = Override(
                override_id=override_id,
                request_id=request_id,
                order_id=order_id,
                terms=terms_decoder.decode(terms),
                trader=trader,
                checks=checks_decoder.decode(checks),
                granted_by=by,
                reason=reason,
                expires_at=expires_at,
            )
        except msgspec.DecodeError as error:
            log.error("override_unreadable", override=str(override_id), error=str(error))
            continue
        account = one.terms.account_id
        found[account] = (*found.get(account, ()), one)
    return found
