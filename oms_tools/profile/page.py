"""The generated section of a Markdown page: a run's tables between two marker comments."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from oms_tools.laptop.layout import StackError
from oms_tools.profile.tables import FigureTable

BEGIN: Final = "<!-- profile: begin, written by `make profile` -->"
END: Final = "<!-- profile: end -->"


def replace_section(page: str, section: str) -> str:
    """Return a page with what stands between the markers replaced; the markers stay.

    Raises ValueError unless each marker is there once, the first before the last.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"expected {BEGIN} once and then {END} once")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{section.strip()}\n\n{END}{after}"


def check_page(path: Path) -> None:
    """Raise StackError when a section cannot be written there: said before a run of minutes, not after it."""
    if path.exists():
        try:
            replace_section(path.read_text(), "")
        except ValueError as error:
            raise StackError(f"{path} cannot take the section: {error}") from error


def write_section(path: Path, section: str) -> None:
    """Replace a page's section, or make a page of it where there is none. Raises ValueError as above."""
    page = path.read_text() if path.exists() else f"{BEGIN}\n{END}\n"
    path.write_text(replace_section(page, section))


def section_of(title: str, lines: Sequence[str], tables: Sequence[FigureTable]) -> str:
    """Return a run as Markdown."""
    parts = [f"## {title}", *lines]
    for table in tables:
        parts += [f"### {table.title}", _markdown(table)]
        if table.note:
            parts.append(table.note)
    return "\n\n".join(parts)


def _markdown(table: FigureTable) -> str:
    rows = [table.columns, ["---" if place in table.texts else "---:" for place in range(len(table.columns))]]
    rows += [[cell.replace("|", "\\|") for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
