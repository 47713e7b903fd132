"""The `oms` command and its groups."""

import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Final

import click
from rich.console import Console

from oms_tools.cli.bench_commands import bench
from oms_tools.cli.client import ApiError
from oms_tools.cli.demo import demo
from oms_tools.cli.dlq_commands import dlq
from oms_tools.cli.exception_commands import exceptions
from oms_tools.cli.fix_commands import fix
from oms_tools.cli.order_commands import cancel, explain, submit, watch
from oms_tools.cli.routing_commands import preview, whatif
from oms_tools.cli.stack_commands import down, migrate_command, status, token, up
from oms_tools.cli.verify_commands import verify
from oms_tools.laptop.layout import StackError

COMMANDS_OF_TOOLS: Final = "oms.commands"


class OmsGroup(click.Group):
    """The commands of every day, and those that other tools bring as entry points, loaded when asked for.

    So `oms submit` does not wait for the router and the plots to be imported.
    """

    def _entries(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=COMMANDS_OF_TOOLS)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name."""
        return sorted({*super().list_commands(ctx), *self._entries()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, loading it if another tool brings it."""
        own = super().get_command(ctx, cmd_name)
        entry = self._entries().get(cmd_name)
        if own is not None or entry is None:
            return own
        command: click.Command = entry.load()
        return command


@click.group(cls=OmsGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Run and use the OMS-SOR platform."""


for command in (
    up,
    down,
    status,
    token,
    migrate_command,
    demo,
    submit,
    cancel,
    watch,
    explain,
    preview,
    whatif,
    verify,
    bench,
    dlq,
    exceptions,
    fix,
):
    cli.add_command(command)


def main() -> None:
    """Run the command; an error that has a sentence is shown as that sentence."""
    try:
        cli()
    except (StackError, ApiError) as error:
        Console(stderr=True).print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
