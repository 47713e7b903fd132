"""Options that many commands share, and how a hint names the stack that they are about."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

import click

from oms_client.operations import Capacity, Side
from oms_tools.laptop.layout import DATA_VARIABLE, DEFAULT_DATA

# What a side and a capacity may be called.
SIDES: Final = get_args(Side)
CAPACITIES: Final = get_args(Capacity)
F = TypeVar("F", bound=Callable[..., Any])

data_option: Final = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    envvar=DATA_VARIABLE,
    show_envvar=True,
    default=DEFAULT_DATA,
    show_default=True,
    help="Folder of the stack's databases, logs and state.",
)
json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
# For a script that says --json to whatever it runs.
always_json_option: Final = click.option(
    "--json", is_flag=True, expose_value=False, help="Print JSON, as it does without."
)


def persona_option(default: str) -> Callable[[F], F]:
    """Return the option that says as whom to act."""
    return click.option(
        "--user",
        default=default,
        show_default=True,
        help="The demo persona to act as; without it, who has logged in.",
    )


user_option: Final = persona_option("trader1")


def data_hint(data: Path) -> str:
    """Return " --data DIR", absolute, where a command that is typed next needs it, else nothing."""
    without = Path(os.environ.get(DATA_VARIABLE) or DEFAULT_DATA)
    return "" if data.resolve() == without.resolve() else f" --data {data.resolve()}"
