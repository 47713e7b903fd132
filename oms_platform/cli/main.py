"""The `oms` command and its groups."""

import sys

import click
from rich.console import Console

from oms_platform.cli.bench_commands import bench
from oms_platform.cli.client import ApiError
from oms_platform.cli.demo import demo
from oms_platform.cli.order_commands import cancel, explain, submit, watch
from oms_platform.cli.stack_commands import down, migrate_command, status, token, up
from oms_platform.cli.verify_commands import verify
from oms_platform.laptop.layout import StackError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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
    verify,
    bench,
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
