"""Where a command finds the database: an address that is given, or that of the running stack."""

from pathlib import Path

import click

from oms_tools.laptop.layout import running_layout

dsn_option = click.option(
    "--dsn", envvar="OMS_POSTGRES_DSN", help="A database's address; default: that of the stack that runs."
)


def dsn_or_stack(dsn: str | None, data: Path) -> str:
    """Return the address given, or that of the stack in `data`. Raises StackError when none runs there."""
    if dsn is not None:
        return dsn
    # Imported here: the embedded parts are an extra, and a deployment's image has none.
    from oms_tools.laptop.parts import postgres_dsn  # noqa: PLC0415

    layout, _ = running_layout(data.resolve())
    return postgres_dsn(layout.port("postgres"))
