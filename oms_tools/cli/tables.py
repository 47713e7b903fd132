"""Tables of text that lose nothing: no cell is cut, whatever the terminal's width.

A line of figures is printed whole. What is said in words stands behind the figures when the line has room for
it, else below them, folded.
"""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console

INDENT: Final = 4
GAP: Final = " "


def aligned(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a heading and a line a row. A title that ends in ">" is of numbers, which stand to the right."""
    names = [title.removesuffix(">") for title in titles]
    widths = [max(len(cell) for cell in column) for column in zip(names, *rows, strict=True)]
    lines = []
    for row in (names, *rows):
        cells = [
            cell.rjust(width) if title.endswith(">") else cell.ljust(width)
            for title, cell, width in zip(titles, row, widths, strict=True)
        ]
        lines.append(GAP.join(cells).rstrip())
    return lines


def folded(text: str, width: int, indent: int = INDENT) -> list[str]:
    """Return a text in lines of at most `width`, indented, without losing a character of a word."""
    space = " " * indent
    return textwrap.wrap(
        text,
        max(width, indent + 20),
        initial_indent=space,
        subsequent_indent=space,
        break_on_hyphens=False,
    )


def with_words(line: str, words: str, width: int, indent: int = INDENT) -> list[str]:
    """Return a line with words behind it, or below it where both do not fit."""
    if not words:
        return [line.rstrip()]
    if len(line) + len(GAP) + len(words) <= width:
        return [line + GAP + words]
    return [line.rstrip(), *folded(words, width, indent)]


def lines_with_words(
    titles: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[str], width: int
) -> Iterator[str]:
    """Yield a heading and each row with its words. The last title is that of the words."""
    heading, *lines = aligned(titles[:-1], rows)
    across = max(len(line) for line in (heading, *lines))
    beside = all(across + len(GAP) + len(one) <= width for one in words)
    yield heading.ljust(across) + GAP + titles[-1] if beside else heading
    for line, said in zip(lines, words, strict=True):
        yield from with_words(line.ljust(across), said, width)


def counted(number: int, noun: str) -> str:
    """Return a count of things: 1 order, 2 orders, 2 entries, 2 kill switches."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        return f"{number:,} {noun[:-1]}ies"
    return f"{number:,} {noun}" + ("es" if noun.endswith("ch") else "s")


def say(console: Console, *lines: str, style: str | None = None) -> None:
    """Print lines as they are."""
    for line in lines:
        console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)
