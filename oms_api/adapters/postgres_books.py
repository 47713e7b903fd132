"""What accounts have, in Postgres: cash as the sum of executions, fees and entries, and what people say.

The law of this file: an amount of cash is stored as what moved it and never as a sum that somebody keeps.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import (
    BusyAccount,
    CashEntryView,
    HeldPosition,
    NewEntry,
    NewRename,
    NewSplit,
    NotRenamed,
    NotSplit,
    NotTakenView,
    OpeningLine,
    OtherEntry,
    RenameLineView,
    RenameView,
    SplitLineView,
    SplitView,
    Standing,
    TooLittleCash,
)
from oms_platform.ids import uuid7
from oms_platform.prices import average_micros, dollars_of, micros_of, plain

# One statement, so that cash and positions are of one instant.
_STANDING: Final = """
WITH held AS (SELECT * FROM positions WHERE account_id = %(account)s),
entered AS (SELECT settles_on, amount FROM cash_entries WHERE account_id = %(account)s),
coming AS (
    SELECT settles_on, amount FROM cash_settlements WHERE account_id = %(account)s AND settles_on > %(today)s
    UNION ALL SELECT settles_on, amount FROM entered WHERE settles_on > %(today)s)
SELECT 'CASH', '', NULL::date, 0::bigint,
       (SELECT coalesce(sum(net_cash - fees), 0) FROM held) + (SELECT coalesce(sum(amount), 0) FROM entered),
       0, 0, 0, 0, now()
UNION ALL
SELECT 'COMING', '', settles_on, 0, sum(amount), 0, 0, 0, 0, now() FROM coming
GROUP BY settles_on HAVING sum(amount) <> 0
UNION ALL
SELECT 'HELD', symbol, NULL, quantity, cost, realized_pnl, net_cash, fees, opened, updated_at FROM held
ORDER BY 1, 2, 3
"""
_ENTRY: Final = "entry_id, account_id, kind, amount, settles_on, entered_by, reason, entered_at"
_INSERT_ENTRY: Final = f"INSERT INTO cash_entries ({_ENTRY}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
# Who changes an account's cash waits for whoever else does: the bound holds for all of them together.
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('cash ' || %s, 0))"
_OPEN: Final = "SELECT account_id, count(*) FROM orders WHERE account_id = ANY(%s) AND NOT closed GROUP BY 1"
# The day is that of the market's rules.
_TRADED: Final = """
SELECT account_id, count(*) FROM order_events
WHERE account_id = ANY(%s) AND type = 'TradeApplied'
    AND occurred_at >= (%s::date + time '00:00') AT TIME ZONE 'America/New_York' GROUP BY 1
"""
_INSERT_ACTION: Final = (
    "INSERT INTO position_actions"
    " (action_id, kind, account_id, symbol, terms, entered_by, reason, entered_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)
# Of a symbol's open orders so many are named.
ORDERS_NAMED_MAX: Final = 5
ACCOUNTS_NAMED_MAX: Final = 5
# The status of an instrument that trades.
_TRADES: Final = "ACTIVE"
_INSTRUMENT: Final = """
SELECT reference_price, EXISTS (SELECT FROM halts h WHERE h.symbol = i.symbol AND h.lifted_at IS NULL)
FROM instruments i WHERE symbol = %s FOR UPDATE
"""
_OPEN_OF_SYMBOL: Final = """
SELECT order_id::text, count(*) OVER () FROM orders WHERE symbol = %s AND NOT closed ORDER BY 1 LIMIT %s
"""
_HOLDERS: Final = "SELECT account_id, quantity FROM positions WHERE symbol = %s AND quantity <> 0 ORDER BY 1"
# Of everybody who ever held it: what was made of it goes along, and nothing of it stays behind.
_RENAMED: Final = """
SELECT account_id, quantity, cost, realized_pnl, fees FROM positions
WHERE symbol = %s AND (quantity, cost, realized_pnl, net_cash, fees, opened) <> (0, 0, 0, 0, 0, 0) ORDER BY 1
"""
# Accounts that hold both are named, so many of them.
_HOLD_BOTH: Final = """
SELECT p.account_id, count(*) OVER () FROM positions p JOIN positions q USING (account_id)
WHERE p.symbol = %s AND p.quantity <> 0 AND q.symbol = %s AND q.quantity <> 0 ORDER BY 1 LIMIT %s
"""
_SPLIT_PRICES: Final = """
UPDATE instruments SET reference_price = greatest(round(reference_price * %(d)s / %(n)s, 6), 0.000001),
    lower_band = round(lower_band * %(d)s / %(n)s, 6), upper_band = round(upper_band * %(d)s / %(n)s, 6)
WHERE symbol = %(symbol)s
"""
# Of actions that wait for a core the account is null.
_NOT_TAKEN: Final = """
SELECT DISTINCT r.account_id, r.why FROM unnest(%s::uuid[]) AS wanted(action_id)
LEFT JOIN position_refusals r USING (action_id)
WHERE NOT EXISTS (SELECT FROM position_changes c WHERE c.action_id = wanted.action_id) ORDER BY 1
"""
_HEADS: Final = "SELECT account_id, head FROM account_streams WHERE account_id = ANY(%s)"


class PostgresAccountBooks:
    """The AccountBooks on the desk's connections."""

    def __init__(self, pool: DeskPool) -> None:
        self._pool = pool

    async def standing(self, account_id: str, today: date) -> Standing:
        """Return an account's cash, what of it settles after a day, and its positions, at one instant."""
        rows = await self._pool.run(_STANDING, {"account": account_id, "today": today})
        return _standing(rows)

    async def entries(self, account_id: str, rows_max: int) -> list[CashEntryView]:
        """Return what moved an account's cash beside executions, the newest first."""
        rows = await self._pool.run(
            f"SELECT {_ENTRY} FROM cash_entries WHERE account_id = %s ORDER BY entered_at DESC, entry_id DESC"
            " LIMIT %s",
            (account_id, rows_max),
        )
        return [_entry_view(row) for row in rows]

    async def enter(
        self, entry: NewEntry, today: date, now: datetime, *, by: str, reason: str
    ) -> CashEntryView | OtherEntry | TooLittleCash:
        """Move cash, once for its id: the same again returns the first."""
        async with self._pool.transaction(by=by, reason=reason) as connection:
            await connection.execute(_LOCK, (entry.account_id,))
            found = await _entry(connection, entry.entry_id)
            if found is not None:
                same = (found.account_id, found.kind, found.amount, found.reason) == (
                    entry.account_id,
                    entry.kind,
                    entry.amount,
                    reason,
                )
                return found if same else OtherEntry()
            if entry.amount < 0:
                settled = (await _stands(connection, entry.account_id, today)).settled
                if settled + entry.amount < 0:
                    return TooLittleCash(settled)
            await _insert(connection, entry, by, reason, now)
            stored = await _entry(connection, entry.entry_id)
        return stored if stored is not None else OtherEntry()

    async def load(
        self,
        lines: Sequence[OpeningLine],
        today: date,
        now: datetime,
        *,
        by: str,
        reason: str,
        replaces: bool,
    ) -> BusyAccount | list[UUID]:
        """Say what accounts hold, all of it or nothing. Returns the actions that cores are to take."""
        accounts = sorted({line.account_id for line in lines})
        actions: list[UUID] = []
        async with self._pool.transaction(by=by, reason=reason) as connection:
            for account in accounts:
                await connection.execute(_LOCK, (account,))
            # Before anything is looked at: core refuses what comes after an event that was not seen here.
            heads = await _counts(connection, _HEADS, (accounts,))
            if not replaces and (busy := await _busy(connection, lines, accounts, today)) is not None:
                return busy
            for line in lines:
                if line.symbol:
                    action_id = uuid7()
                    actions.append(action_id)
                    terms: dict[str, Any] = {"quantity": line.quantity, "cost": f"{line.amount:f}"}
                    if not replaces:
                        terms["after"] = heads.get(line.account_id, 0)
                    what = ("OPENING", line.account_id, line.symbol, Jsonb(terms))
                    values = (action_id, *what, by, reason, now)
                    await connection.execute(_INSERT_ACTION, values)
                    continue
                cash = (await _stands(connection, line.account_id, today)).cash
                if line.amount != cash:
                    entry = NewEntry(
                        entry_id=uuid7(),
                        account_id=line.account_id,
                        kind="OPENING",
                        amount=line.amount - cash,
                        settles_on=today,
                    )
                    await _insert(connection, entry, by, reason, now)
        return actions

    async def split(
        self, asked: NewSplit, now: datetime, *, by: str, reason: str
    ) -> tuple[SplitView, list[UUID]] | NotSplit:
        """Split what all accounts hold of a symbol, with its reference price and its bands."""
        actions: list[UUID] = []
        async with self._pool.transaction(by=by, reason=reason) as connection:
            stands = await _stopped(connection, asked.symbol)
            if isinstance(stands, NotSplit):
                return stands
            reference, ratio = stands, (asked.numerator, asked.denominator)
            after = average_micros(micros_of(reference) * asked.denominator, asked.numerator) or 1
            price = after if asked.price_micros is None else asked.price_micros
            cursor = await connection.execute(_HOLDERS, (asked.symbol,))
            holders = await cursor.fetchall()
            if not asked.check:
                terms = {"numerator": ratio[0], "denominator": ratio[1], "price": f"{dollars_of(price):f}"}
                for account_id, _ in holders:
                    action_id = uuid7()
                    actions.append(action_id)
                    values = (action_id, "SPLIT", account_id, asked.symbol, Jsonb(terms), by, reason, now)
                    await connection.execute(_INSERT_ACTION, values)
                await connection.execute(
                    _SPLIT_PRICES, {"n": ratio[0], "d": ratio[1], "symbol": asked.symbol}
                )
        view = SplitView(
            symbol=asked.symbol,
            numerator=asked.numerator,
            denominator=asked.denominator,
            price=plain(dollars_of(price)),
            reference_price=plain(dollars_of(after)),
            positions=[_split_line(account_id, quantity, *ratio, price) for account_id, quantity in holders],
            done=not asked.check,
            taken=False,
        )
        return view, actions

    async def rename(
        self, asked: NewRename, now: datetime, *, by: str, reason: str
    ) -> tuple[RenameView, list[UUID]] | NotSplit | NotRenamed:
        """Hold what all accounts have of a symbol under another one, and end the old one."""
        actions: list[UUID] = []
        async with self._pool.transaction(by=by, reason=reason) as connection:
            stands = await _stopped(connection, asked.symbol)
            if isinstance(stands, NotSplit):
                return stands
            cursor = await connection.execute(
                "SELECT status FROM instruments WHERE symbol = %s FOR UPDATE", (asked.new_symbol,)
            )
            ((status,),) = await cursor.fetchall()
            cursor = await connection.execute(
                _HOLD_BOTH, (asked.symbol, asked.new_symbol, ACCOUNTS_NAMED_MAX)
            )
            both = await cursor.fetchall()
            if status != _TRADES or both:
                names = tuple(row[0] for row in both)
                return NotRenamed(status=status, holders=both[0][1] if both else 0, account_ids=names)
            cursor = await connection.execute(_RENAMED, (asked.symbol,))
            holders = await cursor.fetchall()
            if not asked.check:
                terms = Jsonb({"to": asked.new_symbol})
                for account_id, *_ in holders:
                    action_id = uuid7()
                    actions.append(action_id)
                    values = (action_id, "RENAME", account_id, asked.symbol, terms, by, reason, now)
                    await connection.execute(_INSERT_ACTION, values)
                await connection.execute(
                    "UPDATE instruments SET status = 'INACTIVE' WHERE symbol = %s", (asked.symbol,)
                )
        view = RenameView(
            symbol=asked.symbol,
            new_symbol=asked.new_symbol,
            positions=[
                RenameLineView(
                    account_id=account_id, quantity=shares, cost=cost, realized_pnl=made, fees=fees
                )
                for account_id, shares, cost, made, fees in holders
            ],
            done=not asked.check,
            taken=False,
        )
        return view, actions

    async def taken(self, actions: Sequence[UUID]) -> list[NotTakenView] | None:
        """Return what cores have refused of these actions, by account; None while they wait for a core."""
        rows = await self._pool.run(_NOT_TAKEN, (list(actions),))
        if any(account_id is None for account_id, _ in rows):
            return None
        return [NotTakenView(account_id=account_id, why=why) for account_id, why in rows]


async def _stopped(connection: AsyncConnection[Any], symbol: str) -> Decimal | NotSplit:
    """Return the reference price of a symbol that is halted and without open orders, or that it is not."""
    cursor = await connection.execute(_INSTRUMENT, (symbol,))
    ((reference, halted),) = await cursor.fetchall()
    cursor = await connection.execute(_OPEN_OF_SYMBOL, (symbol, ORDERS_NAMED_MAX))
    opened = await cursor.fetchall()
    if not halted or opened:
        count = opened[0][1] if opened else 0
        return NotSplit(halted=halted, open_orders=count, order_ids=tuple(row[0] for row in opened))
    found: Decimal = reference
    return found


async def _stands(connection: AsyncConnection[Any], account_id: str, today: date) -> Standing:
    cursor = await connection.execute(_STANDING, {"account": account_id, "today": today})
    return _standing(await cursor.fetchall())


def _standing(rows: Sequence[Sequence[Any]]) -> Standing:
    return Standing(
        cash=next((row[4] for row in rows if row[0] == "CASH"), Decimal(0)),
        unsettled=tuple((row[2], row[4]) for row in rows if row[0] == "COMING"),
        held=tuple(
            HeldPosition(symbol, quantity, cost, realized, net_cash, updated_at, fees, opened)
            for kind, symbol, _, quantity, cost, realized, net_cash, fees, opened, updated_at in rows
            if kind == "HELD"
        ),
    )


async def _entry(connection: AsyncConnection[Any], entry_id: UUID) -> CashEntryView | None:
    cursor = await connection.execute(f"SELECT {_ENTRY} FROM cash_entries WHERE entry_id = %s", (entry_id,))
    row = await cursor.fetchone()
    return None if row is None else _entry_view(row)


def _entry_view(row: Sequence[Any]) -> CashEntryView:
    names = ("entry_id", "account_id", "kind", "amount", "settles_on", "entered_by", "reason", "entered_at")
    return CashEntryView(**dict(zip(names, row, strict=True)))


async def _insert(
    connection: AsyncConnection[Any], entry: NewEntry, by: str, reason: str, now: datetime
) -> None:
    values = (entry.entry_id, entry.account_id, entry.kind, entry.amount, entry.settles_on, by, reason, now)
    await connection.execute(_INSERT_ENTRY, values)


async def _busy(
    connection: AsyncConnection[Any], lines: Sequence[OpeningLine], accounts: Sequence[str], today: date
) -> BusyAccount | None:
    """Return the first line whose account has open orders, or has traded today."""
    opened = await _counts(connection, _OPEN, (accounts,))
    traded = await _counts(connection, _TRADED, (accounts, today))
    for index, line in enumerate(lines):
        name = line.account_id
        if opened.get(name) or traded.get(name):
            return BusyAccount(index=index, open_orders=opened.get(name, 0), traded=traded.get(name, 0))
    return None


async def _counts(connection: AsyncConnection[Any], query: str, values: Sequence[Any]) -> Mapping[str, int]:
    cursor = await connection.execute(query, values)
    return dict(await cursor.fetchall())


def _split_line(
    account_id: str, quantity: int, numerator: int, denominator: int, price_micros: int
) -> SplitLineView:
    """Return what a split makes of a position, as core works it out."""
    way = 1 if quantity > 0 else -1
    whole, parts = divmod(abs(quantity) * numerator, denominator)
    return SplitLineView(
        account_id=account_id,
        quantity=quantity,
        quantity_after=way * whole,
        paid=plain(dollars_of(way * average_micros(parts * price_micros, denominator))),
    )
