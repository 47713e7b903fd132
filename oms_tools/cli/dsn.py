"""Where a command finds the database: an address that is given, or that of the running stack."""

from pathlib import Path

import click

from oms_tools.laptop.layout import Layout, running_layout

dsn_option = click.option(
    "--dsn", envvar="OMS_POSTGRES_DSN", help="A database's address; default: that of the stack that runs."
)


def stack_dsn(layout: Layout) -> str:
    """Return the address of the stack's database."""
    return f"postgresql://postgres@127.0.0.1:{layout.port('postgres')}/oms"


def dsn_or_stack(dsn: str | None, data: Path) -> str:
    """Return the address given, or that of the stack in `data`. Raises StackError when none runs there."""
    return stack_dsn(running_layout(data.resolve())[0]) if dsn is None else dsn
