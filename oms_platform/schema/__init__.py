"""The database schema: Alembic migrations, time partitions, demo reference data."""
