"""The rules' parameters by scope: what holds for an order is what the closest rows say, each with wider ones.

The law of this file: `settings` depends on the rows and on the scope alone, not on the order in which rows
came. Rows that name a venue are a book of their own (`at_venues`): they say what holds for what is sent
there, take nothing from rows that name none, and give them nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import compress
from operator import attrgetter
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from oms_platform.risk_rules import RULE_SPECS, Mode, OnMissing, RuleRow, RuleSpec, Severity, Value
from oms_platform.scopes import EVERYTHING, Scope, ScopeKind, weight_of

# Combinations of scopes whose settings are kept: accounts times symbols that have rows of their own.
_MERGED_MAX: Final = 50_000
_PLACES: Final = {spec.name: place for place, spec in enumerate(RULE_SPECS)}


class Setting(Struct, frozen=True, kw_only=True, gc=False):
    """What holds of a rule for an order. source: the closest scope that says something of it.

    lacks: required parameters that nobody has set. is_asked: whether an order is held to the rule at all: it
    is not off, and has what it needs.
    """

    spec: RuleSpec
    mode: Mode
    severity: Severity
    on_missing: OnMissing
    values: Mapping[str, Value]
    source: str
    lacks: tuple[str, ...] = ()
    is_asked: bool

    @property
    def denies(self) -> bool:
        """Whether what fails is denied, and not only watched or warned of."""
        return self.mode is Mode.ON and self.severity is not Severity.SOFT


class RuleBook:
    """Rows of the rules' parameters. `take` changes it; version: of the last change that it has.

    at_venues: of rows that name venues. A rule is asked there where one of them sets what it needs.
    """

    def __init__(self, rows: Iterable[RuleRow] = (), version: int = 0, *, at_venues: bool = False) -> None:
        self.version = version
        self._defaults = _AT_VENUES if at_venues else _DEFAULTS
        self._by_scope: dict[Scope, _Rows] = {}
        # The rows of each combination of kinds, by the names of their scopes; the widest combination first.
        self._masks: list[_Mask] = []
        self._merged: dict[tuple[_Rows, ...], _Merged] = {}
        # A setting and a row that is laid over it, by their ids, which are theirs while they are here: an
        # account's and a symbol's rows are laid once each, and not once for every account in every symbol.
        self._laid: dict[tuple[int, int], _Laid] = {}
        for row in rows:
            self.take(row)

    @property
    def rows(self) -> tuple[RuleRow, ...]:
        """Every row, the widest scopes first."""
        found = [row for rows in self._by_scope.values() for row in rows.by_rule.values()]
        return tuple(sorted(found, key=lambda row: (row.scope.weight, str(row.scope), row.rule)))

    def take(self, row: RuleRow, *, removed: bool = False) -> None:
        """Let a row hold from now on, in the place of another of its rule and scope; or, removed, none."""
        scope = row.scope
        mask = self._mask(scope.kinds)
        rows = self._by_scope.get(scope)
        if rows is None:
            rows = self._by_scope[scope] = mask.rows[mask.key(scope)] = _Rows(str(scope), {})
        if removed:
            rows.by_rule.pop(row.rule, None)
        else:
            rows.by_rule[row.rule] = row
        if not rows.by_rule:
            del self._by_scope[scope], mask.rows[mask.key(scope)]
        self._merged = {together: found for together, found in self._merged.items() if rows not in together}
        self._laid.clear()

    def _mask(self, kinds: tuple[ScopeKind, ...]) -> "_Mask":
        found = next((mask for mask in self._masks if mask.kinds == kinds), None)
        if found is None:
            found = _Mask(kinds)
            self._masks = sorted([*self._masks, found], key=lambda mask: mask.weight)
        return found

    def settings(self, thing: Scope) -> tuple[Setting, ...]:
        """Return what holds for a thing, given by all of its names: a setting a rule, by precedence."""
        return self._covering(thing).settings

    def asked(self, thing: Scope) -> tuple[Setting, ...]:
        """Return the settings of those rules that are asked."""
        found = self._covering(thing)
        return tuple(compress(found.settings, found.are_asked))

    def setting(self, rule: str, thing: Scope) -> Setting:
        """Return what holds of a rule for a thing."""
        return self.settings(thing)[_PLACES[rule]]

    def value(self, rule: str, parameter: str, thing: Scope) -> Value | None:
        """Return what a parameter of a rule is for a thing, None where nobody has set it."""
        return self.setting(rule, thing).values.get(parameter)

    def _covering(self, thing: Scope) -> "_Merged":
        covering = tuple(
            [rows for mask in self._masks if (rows := mask.rows.get(mask.key(thing))) is not None]
        )
        return self._merged.get(covering) or self._merge(covering)

    def _merge(self, covering: tuple["_Rows", ...]) -> "_Merged":
        """Lay the rows of closer scopes over those of the widest, which are the most and are shared."""
        wider = self._defaults
        if len(covering) > 1:
            wider = self._merged.get(covering[:1]) or self._merge(covering[:1])
        settings = list(wider.settings)
        are_asked = wider.are_asked
        for rows in covering[1:] or covering:
            for row in rows.by_rule.values():
                place = _PLACES[row.rule]
                before = settings[place]
                after = settings[place] = self._lay(before, row, rows.source)
                if after.is_asked is not before.is_asked:
                    are_asked = (*are_asked[:place], after.is_asked, *are_asked[place + 1 :])
        found = _Merged(tuple(settings), are_asked)
        if len(self._merged) >= _MERGED_MAX:
            self._merged.clear()
            self._laid.clear()
        self._merged[covering] = found
        return found

    def _lay(self, wider: Setting, row: RuleRow, source: str) -> Setting:
        """Lay a row over a setting, once for all things that both hold for."""
        key = id(wider), id(row)
        known = self._laid.get(key)
        if known is None:
            known = self._laid[key] = _Laid(wider, row, _with_row(wider, row, source))
        return known.setting


class _Rows(Struct, frozen=True, gc=False, eq=False):
    """The rows of a scope, equal to themselves alone. source: the scope as it is shown."""

    source: str
    by_rule: dict[str, RuleRow]


class _Laid(Struct, frozen=True, gc=False):
    """What a row makes of a setting. Both are kept, so that nothing else gets their ids."""

    wider: Setting
    row: RuleRow
    setting: Setting


class _Merged(Struct, frozen=True, gc=False):
    """What rows make together: every rule's setting, and which are asked, by their places.

    Nearly all combinations of scopes ask the same rules, and share one `are_asked`.
    """

    settings: tuple[Setting, ...]
    are_asked: tuple[bool, ...]


class _Mask:
    """The rows of the scopes that name the same kinds, by these names."""

    __slots__ = ("key", "kinds", "rows", "weight")

    def __init__(self, kinds: tuple[ScopeKind, ...]) -> None:
        self.kinds = kinds
        self.key = _key(kinds)
        self.weight = weight_of(kinds)
        self.rows: dict[object, _Rows] = {}


def _key(kinds: tuple[ScopeKind, ...]) -> Callable[[Scope], Any]:
    return attrgetter(*(kind.value for kind in kinds)) if kinds else _everything


def _everything(_scope: Scope) -> Scope:
    return EVERYTHING


def _of_defaults(spec: RuleSpec) -> Setting:
    values = {one.name: one.default for one in spec.parameters if one.default is not None}
    return Setting(
        spec=spec,
        mode=Mode.ON,
        severity=Severity.HARD,
        on_missing=spec.on_missing,
        values=values,
        source="default",
        lacks=_lacks(spec, values),
        is_asked=_is_asked(spec, Mode.ON, values),
    )


def _of_defaults_at_venues(spec: RuleSpec) -> Setting:
    needs = "" if spec.at_venue is None else spec.at_venue.needs
    values = {
        one.name: one.default
        for one in spec.parameters
        if needs and one.name != needs and one.default is not None
    }
    return Setting(
        # What an order needs is no default of a venue's.
        spec=replace(spec, needs=needs, required=False),
        mode=Mode.ON if needs else Mode.OFF,
        severity=Severity.HARD,
        on_missing=spec.on_missing,
        values=values,
        source="default",
        is_asked=False,
    )


def _with_row(wider: Setting, row: RuleRow, source: str) -> Setting:
    values, mode = {**wider.values, **row.parameters}, row.mode or wider.mode
    return Setting(
        spec=wider.spec,
        mode=mode,
        severity=row.severity or wider.severity,
        on_missing=row.on_missing or wider.on_missing,
        values=values,
        source=source,
        lacks=_lacks(wider.spec, values) if wider.lacks else (),
        is_asked=_is_asked(wider.spec, mode, values),
    )


def _is_asked(spec: RuleSpec, mode: Mode, values: Mapping[str, Value]) -> bool:
    return mode is not Mode.OFF and (not spec.needs or spec.needs in values)


def _lacks(spec: RuleSpec, values: Mapping[str, Value]) -> tuple[str, ...]:
    return tuple(one.name for one in spec.parameters if spec.required and one.name not in values)


def _merged(settings: Iterable[Setting]) -> _Merged:
    found = tuple(settings)
    return _Merged(found, tuple(one.is_asked for one in found))


_DEFAULTS: Final = _merged(map(_of_defaults, RULE_SPECS))
_AT_VENUES: Final = _merged(map(_of_defaults_at_venues, RULE_SPECS))
