"""The rows of a database as they were before a test, to be had again after it."""

import psycopg
from psycopg import sql


class Rows:
    """What a database held when this was made. Raises psycopg.Error when it cannot be read or put back."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        with psycopg.connect(dsn) as connection:
            found = connection.execute(
                "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns"
                " JOIN pg_class ON oid = format('%I.%I', table_schema, table_name)::regclass"
                " WHERE relkind = 'r' AND table_schema = 'public' AND is_generated = 'NEVER'"
                " GROUP BY table_name"
            ).fetchall()
            self._columns: dict[str, list[str]] = dict(found)
            connection.execute("CREATE SCHEMA as_it_was")
            for table in self._columns:
                name = sql.Identifier(table)
                connection.execute(sql.SQL("CREATE TABLE as_it_was.{0} AS TABLE public.{0}").format(name))
            # Where the next number comes from: a list of changes has no gaps.
            connection.execute(
                "CREATE TABLE as_it_was.counters AS SELECT format('%I.%I', schemaname, sequencename) AS name,"
                " coalesce(last_value, start_value) AS number, last_value IS NOT NULL AS is_used"
                " FROM pg_sequences WHERE schemaname = 'public'"
            )

    def put_back(self) -> None:
        """Put every row back, and leave no other: neither triggers nor references have a say."""
        again = [
            sql.SQL(
                "DELETE FROM public.{0};"
                " INSERT INTO public.{0} ({1}) OVERRIDING SYSTEM VALUE SELECT {1} FROM as_it_was.{0}"
            ).format(sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns)))
            for table, columns in self._columns.items()
        ]
        with psycopg.connect(self._dsn) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(sql.SQL("; ").join(again))
            connection.execute("SELECT setval(name::regclass, number, is_used) FROM as_it_was.counters")
