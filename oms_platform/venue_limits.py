"""What limits of risk that name a venue make of an order that is to be sent there: one place, for the router
and for the last gate.

The law of this file: what the router would send, the gate lets out, as long as both have read the same rows;
for it is the same rows, laid together by the same book, that say what may be sent.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from oms_platform.risk_book import RuleBook, Setting
from oms_platform.risk_rules import Mode, RuleRow, shown_value
from oms_platform.scopes import Scope

PERMITTED: Final = "TRADER_NOT_PERMITTED"
RESTRICTED: Final = "INSTRUMENT_RESTRICTED"
QUANTITY: Final = "ORDER_QTY_EXCEEDS_MAX"
NOTIONAL: Final = "ORDER_NOTIONAL_EXCEEDS_MAX"
_EVERYTHING: Final = "EVERYTHING"


class VenueBound(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What an order may have sent to one venue at once. barred: why nothing, empty where something may.

    quantity_max: shares of one order there; notional_max_micros: what one is worth at its limit; 0 for no
    bound. words: both as people read them, and whose they are.
    """

    barred: str = ""
    quantity_max: int = 0
    notional_max_micros: int = 0
    words: str = ""

    def shares_at(self, price_micros: int | None) -> int | None:
        """Return the most shares of one order that has no dearer limit; None for any number of them.

        price_micros None: nobody knows what they are worth, and what is bound in dollars has none.
        """
        found = [self.quantity_max] if self.quantity_max else []
        if self.notional_max_micros:
            found.append(0 if price_micros is None else self.notional_max_micros // max(1, price_micros))
        return min(found, default=None)


class VenueLimits:
    """The rows that name venues, as of one moment; they do not change."""

    def __init__(self, rows: Iterable[RuleRow]) -> None:
        rows = tuple(rows)
        self._book = RuleBook(rows, at_venues=True)
        self.venues: tuple[str, ...] = tuple(sorted({row.scope.venue for row in rows}))
        self.names_owners: bool = any(row.scope.trader or row.scope.strategy for row in rows)

    def asked(self, thing: Scope) -> tuple[Setting, ...]:
        """Return what is set of each rule for an order at a venue, by all of its names."""
        return self._book.asked(thing)

    def bound(self, thing: Scope) -> VenueBound | None:
        """Return what an order may have sent to a venue, None for anything. Watched limits bound nothing."""
        quantity = notional = 0
        words: list[str] = []
        for setting in self._book.asked(thing):
            if setting.mode is not Mode.ON:
                continue
            if barred := barred_by(setting):
                return VenueBound(barred=barred)
            if setting.spec.name == QUANTITY:
                quantity = bound_of(setting)
                words.append(f"at most {quantity} shares an order there ({setting.source})")
            elif setting.spec.name == NOTIONAL:
                notional = bound_of(setting)
                words.append(f"at most ${shown_bound(setting)} an order there ({setting.source})")
        if not words:
            return None
        return VenueBound(quantity_max=quantity, notional_max_micros=notional, words=", ".join(words))


def barred_by(setting: Setting) -> str:
    """Return why a setting lets nothing of its scope go to its venue, as CODE: key=value; else empty."""
    name, values = setting.spec.name, setting.values
    if name == PERMITTED and values["permitted"] is False:
        return f"{PERMITTED}: permitted=no, scope={setting.source}"
    if name == RESTRICTED and values["restricted"] == _EVERYTHING:
        return f"{RESTRICTED}: restricted={_EVERYTHING}, scope={setting.source}"
    return ""


def bound_of(setting: Setting) -> int:
    """Return the number that a setting of a venue's rule needs, in its inside unit."""
    found = setting.values[setting.spec.needs]
    if isinstance(found, bool) or not isinstance(found, int):
        raise TypeError(f"{setting.spec.needs} of {setting.spec.name} must be a number, was {found!r}")
    return found


def shown_bound(setting: Setting) -> str:
    """Return that number as people write it."""
    needs = setting.spec.parameter(setting.spec.needs)
    found = bound_of(setting)
    return str(found) if needs is None else shown_value(needs.unit, found)
