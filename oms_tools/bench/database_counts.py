"""What Postgres counts, before and after a load: rows by table, transactions, bytes of write-ahead log."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from oms_platform.postgres import Connection
from oms_tools.bench.figures import per_order

# A backend that has become idle hands its counts in within ten seconds (PGSTAT_IDLE_INTERVAL).
STATS_LAG_S: Final = 10.5
_TABLES: Final = """
    SELECT coalesce(parent.relname, s.relname)::text,
           sum(s.n_tup_ins)::bigint, sum(s.n_tup_upd)::bigint, sum(s.n_tup_hot_upd)::bigint,
           sum(s.n_tup_del)::bigint, max(coalesce(x.indexes, 0))::bigint
    FROM pg_stat_user_tables s
    LEFT JOIN pg_inherits h ON h.inhrelid = s.relid
    LEFT JOIN pg_class parent ON parent.oid = h.inhparent
    LEFT JOIN (
        SELECT i.indrelid, count(*) AS indexes
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
        WHERE a.amname <> 'brin' GROUP BY i.indrelid) x ON x.indrelid = s.relid
    GROUP BY 1
"""
_DATABASE: Final = """
    SELECT xact_commit + xact_rollback, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint
    FROM pg_stat_database WHERE datname = current_database()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """Changes of a table with all its partitions. indexes: those with an entry for each row."""

    inserted: int = 0
    updated: int = 0
    hot: int = 0
    deleted: int = 0
    indexes: int = 0

    @property
    def versions(self) -> int:
        """Tuple versions that were written."""
        return self.inserted + self.updated

    @property
    def index_entries(self) -> int:
        """Index entries that were written, at most: a partial index has not one for each row."""
        return (self.inserted + self.updated - self.hot) * self.indexes

    def since(self, before: "TableRows") -> "TableRows":
        """Return what has changed."""
        return TableRows(
            inserted=self.inserted - before.inserted,
            updated=self.updated - before.updated,
            hot=self.hot - before.hot,
            deleted=self.deleted - before.deleted,
            indexes=self.indexes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCounts:
    """What Postgres has counted until a moment, or between two."""

    tables: Mapping[str, TableRows]
    transactions: int
    wal_bytes: int

    def since(self, before: "DatabaseCounts") -> "DatabaseCounts":
        """Return what was counted since, of the tables that changed.

        A Postgres that was killed has lost its counts, and counts from 0.
        """
        if self.transactions < before.transactions:
            before = DatabaseCounts(tables={}, transactions=0, wal_bytes=before.wal_bytes)
        changed = {
            name: rows.since(before.tables.get(name, TableRows())) for name, rows in self.tables.items()
        }
        return DatabaseCounts(
            tables={name: rows for name, rows in sorted(changed.items()) if rows.versions or rows.deleted},
            transactions=self.transactions - before.transactions,
            wal_bytes=self.wal_bytes - before.wal_bytes,
        )

    def figures(self, orders: int) -> dict[str, Any]:
        """Return the counts of a load as numbers an order, by table and in all."""
        totals = {
            "tuple_versions": sum(rows.versions for rows in self.tables.values()),
            "index_entries_computed_at_most": sum(rows.index_entries for rows in self.tables.values()),
            "wal_bytes": self.wal_bytes,
            "transactions": self.transactions,
        }
        names = [column.name for column in fields(TableRows) if column.name != "indexes"]
        tables = {
            name: per_order({column: getattr(rows, column) for column in names}, orders)
            | {"indexes": rows.indexes}
            for name, rows in self.tables.items()
        }
        return {"per_order": per_order(totals, orders), "rows_per_order": tables}


def count_database(connection: Connection) -> DatabaseCounts:
    """Return what Postgres has counted until now. Partitions count as their table."""
    tables = {
        name: TableRows(inserted=inserted, updated=updated, hot=hot, deleted=deleted, indexes=indexes)
        for name, inserted, updated, hot, deleted, indexes in connection.execute(_TABLES)
    }
    row = connection.execute(_DATABASE).fetchone()
    if row is None:
        raise RuntimeError("expected this database in pg_stat_database, found none")
    return DatabaseCounts(tables=tables, transactions=row[0], wal_bytes=row[1])


def await_counts(quiet_since: float) -> None:
    """Wait until every backend has handed its counts in. quiet_since: of the monotonic clock."""
    time.sleep(max(0.0, quiet_since + STATS_LAG_S - time.monotonic()))
