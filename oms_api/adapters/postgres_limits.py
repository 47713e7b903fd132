"""Risk's rules in Postgres. The law of this file: changes are looked at and made under one lock."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import (
    Contradicting,
    LimitChange,
    LimitChangeView,
    LimitFilter,
    LimitView,
    NotChanged,
    NothingSet,
    OtherVersion,
    UnknownNames,
)
from oms_platform.risk_book import RuleBook
from oms_platform.risk_rows import INSERT, insert_values, names_of
from oms_platform.risk_rules import SPEC_OF, RuleRow, contradiction, outside, read_row
from oms_platform.scopes import Scope, ScopeKind, scope_of

_COLUMNS: Final = (
    "rule, scope, mode, severity, on_missing, parameters, change_id, changed_by, reason, changed_at"
)
_WHERE: Final = (
    " WHERE (%(rule)s = '' OR rule = %(rule)s) AND scope @> %(scope)s"
    " AND (%(accounts)s::text[] IS NULL OR NOT scope ? 'account' OR scope->>'account' = ANY(%(accounts)s))"
    " AND (%(before)s::bigint IS NULL OR change_id < %(before)s) ORDER BY change_id DESC LIMIT %(limit)s"
)
_LOCK: Final = "SELECT FROM reference_versions WHERE subject = 'rules' FOR UPDATE"
# What reference data know of each kind of name; traders and strategies are anybody's words.
_PLACES: Final[Mapping[ScopeKind, tuple[str, str]]] = {
    ScopeKind.FIRM: ("accounts", "firm_id"),
    ScopeKind.DESK: ("accounts", "desk_id"),
    ScopeKind.ACCOUNT: ("accounts", "account_id"),
    ScopeKind.SECTOR: ("instruments", "sector"),
    ScopeKind.SYMBOL: ("instruments", "symbol"),
    ScopeKind.VENUE: ("venues", "venue_id"),
}
_KNOWN: Final = " UNION ".join(
    f"SELECT '{kind.value}', {column} FROM {table} WHERE {column} = ANY(%({kind.value})s)"
    for kind, (table, column) in _PLACES.items()
)
_Held = dict[tuple[str, Scope], LimitView]


class PostgresLimitDesk:
    """The LimitDesk on `risk_rules`."""

    def __init__(self, pool: DeskPool) -> None:
        self._pool = pool

    async def limits(self, wanted: LimitFilter) -> list[LimitView]:
        """Return the rows that hold, the newest first."""
        rows = await self._pool.run(
            f"SELECT {_COLUMNS} FROM risk_rules_in_force{_WHERE}", _conditions(wanted)
        )
        return [_view(row) for row in rows]

    async def history(self, wanted: LimitFilter) -> list[LimitChangeView]:
        """Return changes, the newest first."""
        rows = await self._pool.run(
            f"SELECT {_COLUMNS}, removed FROM risk_rules{_WHERE}", _conditions(wanted)
        )
        return [_change_view(row) for row in rows]

    async def thing(self, names: Scope) -> Scope | UnknownNames:
        """Return an account and a symbol with the firm, desk and sector that they are of."""
        known = names_of(names)
        for kind, of, query in (
            ("account", ("firm", "desk"), "SELECT firm_id, desk_id FROM accounts WHERE account_id = %s"),
            ("symbol", ("sector",), "SELECT sector FROM instruments WHERE symbol = %s"),
            ("venue", ("venue",), "SELECT venue_id FROM venues WHERE venue_id = %s"),
        ):
            if kind in known:
                rows = await self._pool.run(query, (known[kind],))
                if not rows:
                    return UnknownNames(index=0, names=[(kind, known[kind])])
                known |= {name: value for name, value in zip(of, rows[0], strict=True) if value}
        return scope_of(known)

    async def book(self, thing: Scope) -> RuleBook:
        """Return the rows that cover a thing; of one at a venue those alone that name it."""
        at_venue = bool(thing.venue)
        rows = await self._pool.run(
            f"SELECT {_COLUMNS} FROM risk_rules_in_force WHERE %s @> scope AND (scope ? 'venue') = %s"
            " ORDER BY change_id",
            (Jsonb(names_of(thing)), at_venue),
        )
        return RuleBook([_row_of(_view(row)) for row in rows], at_venues=at_venue)

    async def change(
        self, changes: Sequence[LimitChange], *, by: str, reason: str
    ) -> list[LimitView] | NotChanged:
        """Make changes, all or none. Returns what holds of each after it; of one removed, what did."""
        async with self._pool.transaction(by=by, reason=reason) as connection:
            await connection.execute(_LOCK)
            if (unknown := await _unknown(connection, changes)) is not None:
                return unknown
            held = await _held(connection, [change.row.scope for change in changes])
            refused = _other_version(changes, held) or _contradicting(changes, held)
            if refused is not None:
                return refused
            return [await _make(connection, change, held, by, reason) for change in changes]


async def _unknown(connection: AsyncConnection[Any], changes: Sequence[LimitChange]) -> UnknownNames | None:
    """Return what the first change names that nobody knows. What only goes away may name anything."""
    set_now = [change.row.scope for change in changes if not change.removed]
    named = {
        kind.value: list({scope.name(kind) for scope in set_now if scope.name(kind)}) for kind in _PLACES
    }
    cursor = await connection.execute(_KNOWN, named)
    known = {(kind, name) for kind, name in await cursor.fetchall()}
    for index, change in enumerate(changes):
        given = [(kind.value, change.row.scope.name(kind)) for kind in _PLACES if change.row.scope.name(kind)]
        missing = [] if change.removed else [one for one in given if one not in known]
        if missing:
            return UnknownNames(index=index, names=missing)
    return None


async def _held(connection: AsyncConnection[Any], scopes: Sequence[Scope]) -> _Held:
    """Return what holds of these scopes."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM risk_rules_in_force WHERE scope = ANY(%s::jsonb[])",
        ([Jsonb(names_of(scope)) for scope in set(scopes)],),
    )
    views = [_view(row) for row in await cursor.fetchall()]
    return {(view.rule, scope_of(view.scope)): view for view in views}


def _other_version(changes: Sequence[LimitChange], held: _Held) -> OtherVersion | NothingSet | None:
    for index, change in enumerate(changes):
        now = held.get((change.row.rule, change.row.scope))
        version = 0 if now is None else now.version
        if change.expected not in (None, version):
            return OtherVersion(index=index, version=version)
        if change.removed and now is None:
            return NothingSet(index=index)
    return None


def _contradicting(changes: Sequence[LimitChange], held: _Held) -> Contradicting | None:
    """Return which change would contradict another row of its scope, as all of them would be after it."""
    rows = {key: _row_of(view) for key, view in held.items()}
    for change in changes:
        key = change.row.rule, change.row.scope
        rows.pop(key, None)
        if not change.removed:
            rows[key] = change.row
    for index, change in enumerate(changes):
        found = contradiction(row for row in rows.values() if row.scope == change.row.scope)
        if found is not None and (name := found.of(change.row.rule)):
            return Contradicting(index=index, field=f"parameters.{name}", message=found.message)
    return None


async def _make(
    connection: AsyncConnection[Any], change: LimitChange, held: _Held, by: str, reason: str
) -> LimitView:
    key = change.row.rule, change.row.scope
    now = held.get(key)
    if not change.removed and now is not None and _row_of(now) == change.row:
        return now
    cursor = await connection.execute(
        INSERT, insert_values(change.row, by=by, reason=reason, removed=change.removed)
    )
    rows = await cursor.fetchall()
    if change.removed and now is not None:
        del held[key]
        return now
    row = change.row
    found = held[key] = LimitView(
        rule=row.rule,
        scope=names_of(row.scope),
        mode=None if row.mode is None else row.mode.value,
        severity=None if row.severity is None else row.severity.value,
        on_missing=None if row.on_missing is None else row.on_missing.value,
        parameters=outside(SPEC_OF[row.rule], row.parameters),
        version=rows[0][0],
        changed_by=by,
        reason=reason,
        changed_at=rows[0][1],
    )
    return found


def _conditions(wanted: LimitFilter) -> dict[str, Any]:
    return {
        "rule": wanted.rule,
        "scope": Jsonb(names_of(wanted.scope)),
        "accounts": None if wanted.accounts is None else sorted(wanted.accounts),
        "before": wanted.before,
        "limit": wanted.limit,
    }


def _named(row: Sequence[Any]) -> dict[str, Any]:
    names = ("rule", "scope", "mode", "severity", "on_missing", "parameters", "version", "changed_by")
    return dict(zip((*names, "reason", "changed_at"), row, strict=True))


def _view(row: Sequence[Any]) -> LimitView:
    return LimitView(**_named(row))


def _change_view(row: Sequence[Any]) -> LimitChangeView:
    return LimitChangeView(**_named(row[:-1]), removed=row[-1])


def _row_of(view: LimitView) -> RuleRow:
    return read_row(
        view.rule,
        scope_of(view.scope),
        mode=view.mode,
        severity=view.severity,
        on_missing=view.on_missing,
        parameters=view.parameters,
    )
