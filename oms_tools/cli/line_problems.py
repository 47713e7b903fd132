"""How a file whose lines are wrong is refused: the first of them are told, each in a line."""

from collections.abc import Sequence
from typing import Final

import click

SHOWN_MAX: Final = 20


def refuse_problems(problems: Sequence[str], nothing: str) -> None:
    """Raise ClickException if there are problems. nothing: what did not happen, as `nothing was loaded`."""
    if not problems:
        return
    shown = "\n".join(problems[:SHOWN_MAX])
    more = f"\nand {len(problems) - SHOWN_MAX} more" if len(problems) > SHOWN_MAX else ""
    raise click.ClickException(f"{nothing}:\n{shown}{more}")
