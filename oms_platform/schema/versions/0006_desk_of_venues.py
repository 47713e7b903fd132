"""Exceptions can be booked, or be settled by what comes later."""

from alembic import op

from oms_platform.errors import ConfigurationError

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

EXCEPTIONS = """
-- BOOKING: a person has asked to book it, and core has not done so yet. SETTLED: what was missing came.
ALTER TABLE execution_exceptions DROP CONSTRAINT execution_exceptions_status_check,
    DROP CONSTRAINT execution_exceptions_check,
    ADD CHECK (status IN ('OPEN', 'BOOKING', 'BOOKED', 'IGNORED', 'SETTLED')),
    ADD CHECK ((status IN ('OPEN', 'BOOKING')) = (closed_at IS NULL));
CREATE INDEX execution_exceptions_child ON execution_exceptions (cl_ord_id) WHERE status = 'OPEN';
"""


def upgrade() -> None:
    for script in (EXCEPTIONS,):
        op.execute(script)


def downgrade() -> None:
    raise ConfigurationError("what was booked is not thrown away: the schema does not go back")
