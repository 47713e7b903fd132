"""Times and days on the command line."""

from datetime import UTC, datetime

import click


class UtcTime(click.ParamType[datetime]):
    """An ISO 8601 time or day; without an offset it is UTC."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read the text."""
        try:
            at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"expected a time such as 2026-03-02T15:00, found {value!r}", param, ctx)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


class Day(click.ParamType[datetime]):
    """A day, as the midnight at which it begins."""

    name = "day"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read the text."""
        try:
            return value if isinstance(value, datetime) else datetime.strptime(value, "%Y-%m-%d")
        except ValueError:
            self.fail(f"expected a day such as 2026-03-02, found {value!r}", param, ctx)


UTC_TIME = UtcTime()
DAY = Day()
