"""What is set of risk's rules, by scope: read, changed and looked back at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from oms_api.ports.orders import Instant, View
from oms_platform.risk_book import RuleBook
from oms_platform.risk_rules import RuleRow
from oms_platform.scopes import Scope


class LimitView(View, frozen=True, kw_only=True):
    """What is set of a rule for a scope. null, and what is not in parameters, comes from wider scopes.

    scope: names by kind, none for everything. parameters: dollars as decimal text. version: of the change
    that set it, which a later change may name.
    """

    rule: str
    scope: Mapping[str, str]
    mode: str | None
    severity: str | None
    on_missing: str | None
    parameters: Mapping[str, object]
    version: int
    changed_by: str
    reason: str
    changed_at: Instant


class LimitChangeView(LimitView, frozen=True, kw_only=True):
    """A change of what is set of a rule for a scope. removed: nothing is any more."""

    removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFilter:
    """Which rows or changes, the newest first. rule empty: any. scope: the names that theirs have, too.

    accounts: of which accounts' own rows, None for every account. before: with a smaller number.
    """

    limit: int
    rule: str = ""
    scope: Scope
    accounts: frozenset[str] | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChange:
    """A row that is to hold from now on, or none of its rule and scope. expected: the version that it
    replaces, 0 for none; None where that does not matter.
    """

    row: RuleRow
    removed: bool = False
    expected: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownNames:
    """Names of a change's scope that reference data do not have, as (kind, name)."""

    index: int
    names: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherVersion:
    """Another version is in force than a change expects; 0 for none."""

    index: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingSet:
    """There is nothing that a change could remove."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradicting:
    """A change's row would contradict another of its scope. field: of the change."""

    index: int
    field: str
    message: str


NotChanged = UnknownNames | OtherVersion | NothingSet | Contradicting


class LimitDesk(Protocol):
    """Reads what is set of risk's rules, and changes it. Raises UnavailableError."""

    async def limits(self, wanted: LimitFilter) -> list[LimitView]:
        """Return the rows that hold, the newest first."""
        ...

    async def history(self, wanted: LimitFilter) -> list[LimitChangeView]:
        """Return changes, the newest first."""
        ...

    async def thing(self, names: Scope) -> Scope | UnknownNames:
        """Return an account and a symbol with the firm, desk and sector that they are of."""
        ...

    async def book(self, thing: Scope) -> RuleBook:
        """Return the rows that cover a thing."""
        ...

    async def change(
        self, changes: Sequence[LimitChange], *, by: str, reason: str
    ) -> list[LimitView] | NotChanged:
        """Make changes, all or none. Returns what holds of each after it; of one removed, what did.

        What holds already stays as it is, with its version.
        """
        ...
