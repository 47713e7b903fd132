"""Execution quality as one HTML page that needs nothing else: tables, plots and what the figures mean.

The law of this file: it writes down what the report holds; every text from the database is escaped.
"""

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

from oms_tools.execution_quality import charts
from oms_tools.execution_quality.columns import (
    COLUMNS,
    ROUTED_TITLES,
    Column,
    against_naive,
    bps,
    count,
    missing,
    money,
    percent,
    routed_lines,
)
from sor_engine.domain.quality_report import SHORTFALL, UNFILLED, OrderClass, Report, Tally

_STYLE: Final = """
body{font:15px/1.5 system-ui,"Segoe UI",Helvetica,Arial,sans-serif;color:#1a1a1a;background:#fff;
max-width:1320px;margin:2rem auto;padding:0 1.25rem}
h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .4rem}
p.note{color:#555;margin:.3rem 0;font-size:.87rem;max-width:80ch}
.tiles{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0}
.tile{border:1px solid #ddd;border-radius:6px;padding:.5rem .9rem;min-width:8.5rem}
.tile b{display:block;font-size:1.25rem;font-variant-numeric:tabular-nums}
.tile span{color:#555;font-size:.82rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.84rem;font-variant-numeric:tabular-nums;white-space:nowrap}
th,td{padding:.26rem .5rem;text-align:right;border-bottom:1px solid #e6e6e6}
th{background:#f5f6f7;font-weight:600;vertical-align:bottom;white-space:normal;max-width:6.5rem}
td.text,th.text{text-align:left}tr.all td{font-weight:600;border-top:2px solid #999}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(480px,1fr));gap:1rem 2rem}
figure{margin:0}figcaption{font-weight:600;margin:.6rem 0 .2rem;font-size:.92rem}
figure img{width:100%;height:auto}
dt{font-weight:600;margin-top:.5rem}dd{margin:0 0 0 1.2rem;max-width:85ch}
""".replace("\n", "")
_MEANINGS: Final = (
    ("cost, shortfall", "above 0 is a cost; markouts and price improvement: above 0 is good for us."),
    (
        "effective spread",
        "twice the distance of the price from the mid of the national best bid and offer when the order was"
        " received (17 CFR 242.600(b)).",
    ),
    ("realized spread", "the same against the mid 5 and 60 seconds after the execution."),
    ("price improvement", "the best offer (for a sell: bid) at the order's receipt less the price paid."),
    (
        "fees",
        "the schedule's fee of the day: to take where the child's limit reached the other side when it was"
        " made, else to add, as for what came to a resting child more than 0.1 s after the venue had it; a"
        " rebate is below 0.",
    ),
    (
        "implementation shortfall",
        "what was paid beyond the mid at receipt, with fees, and the unfilled shares at the last mid when the"
        " order closed, or at the report's end.",
    ),
    (
        "markout",
        "the mid 1, 10 and 60 seconds after the fill less its price; for a sell the other way round.",
    ),
    (
        "vs best, vs list",
        "what was paid less than a router would have that sends all of an order to the venue with the best"
        " displayed price, or to the symbol's listing venue, and takes what that displayed to the order's"
        " first decision; net of fees likewise. Of orders that got no more than it displayed.",
    ),
)


class Heading(NamedTuple):
    """What a page is about. refused: orders that risk refused, which no figure is of."""

    since: datetime
    until: datetime
    refused: int


def write_page(path: Path, report: Report, heading: Heading) -> None:
    """Write the page."""
    body = "\n".join(_parts(report, heading))
    head = f'<meta charset="utf-8"><title>Execution quality</title><style>{_STYLE}</style>'
    path.write_text(
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n',
        encoding="utf-8",
    )


def _parts(report: Report, heading: Heading) -> Iterable[str]:
    yield "<h1>Execution quality</h1>"
    refused = f" {count(heading.refused)} orders that risk refused are left out." if heading.refused else ""
    yield _note(
        f"Orders received from {heading.since:%Y-%m-%d %H:%M:%S} to {heading.until:%Y-%m-%d %H:%M:%S} UTC, as"
        f" they stood then.{refused} Basis points (bps) are of the notional and share-weighted."
    )
    yield _tiles(report.total)
    yield from _plots(report)
    for text in against_naive(report.total):
        yield _note(text)
    yield "<h2>Strategies</h2>"
    yield _table(COLUMNS["strategy"], report.strategies, report.total)
    yield "<h2>Venues</h2>"
    yield _table(COLUMNS["venue"], report.venues)
    yield _note(
        "Shares sent more than once count each time. What no venue filled costs its mark; all costs in"
        " dollars together are the shortfall of all orders."
    )
    unknown = missing(report.total)
    if unknown:
        yield _note(
            "* Not known for want of a quote, a fee or a child, and left out: " + "; ".join(unknown) + "."
        )
    yield from _rule_606(report)
    yield from _orders(report)
    yield "<h2>What the figures are</h2><dl>"
    for name, meaning in _MEANINGS:
        yield f"<dt>{escape(name)}</dt><dd>{escape(meaning)}</dd>"
    yield "</dl>"


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _tiles(total: Tally) -> str:
    shortfall = total.sums[SHORTFALL]
    tiles = (
        ("orders", count(total.orders)),
        ("shares", count(total.wanted)),
        ("filled", f"{count(total.filled)} ({percent(total.fill_rate_ppm)})"),
        ("shortfall, bps", bps(shortfall)),
        ("shortfall, $", money(shortfall.dollars)),
    )
    return (
        '<div class="tiles">'
        + "".join(
            [f'<div class="tile"><b>{escape(text)}</b><span>{name}</span></div>' for name, text in tiles]
        )
        + "</div>"
    )


def _plots(report: Report) -> Iterable[str]:
    venues = [tally for tally in report.venues if tally.name != UNFILLED and tally.fills]
    if not venues:
        yield _note("Nothing was filled.")
        return
    yield '<div class="plots">'
    yield _figure("Implementation shortfall by strategy", charts.draw_shortfall(report.strategies))
    yield _figure("Markouts by venue", charts.draw_markouts(venues))
    yield _figure("Spreads by venue", charts.draw_spreads(venues))
    yield _figure("Price improvement and fees by venue", charts.draw_improvement(venues))
    yield "</div>"


def _figure(title: str, svg: str) -> str:
    # As images the drawings cannot mix up each other's ids.
    data = base64.b64encode(svg.encode()).decode()
    image = f'<img alt="{escape(title)}" src="data:image/svg+xml;base64,{data}">'
    return f"<figure><figcaption>{escape(title)}</figcaption>{image}</figure>"


def _rule_606(report: Report) -> Iterable[str]:
    yield "<h2>Order routing, after Rule 606</h2>"
    yield _note(
        "17 CFR 242.606(a)(1): where non-directed orders went, as shares of each class, and fees, dollars and"
        " cents a hundred shares received net of those paid. Each order sent to a venue counts, in the class"
        " that the customer's order had when it was received. Other: fill-or-kill orders, and limit orders"
        f" received while nothing was quoted. Directed orders left out: {count(report.directed)}."
    )
    money_from = 3 + len(OrderClass)
    lines = list(routed_lines(report.routed))
    yield _rows(ROUTED_TITLES[:money_from], [line[:money_from] for line in lines])
    yield _note("Received net of payments, in dollars and cents a hundred shares executed:")
    yield _rows(("venue", *ROUTED_TITLES[money_from:]), [[line[0], *line[money_from:]] for line in lines])


def _orders(report: Report) -> Iterable[str]:
    shown = report.costliest
    yield f"<h2>Orders that cost most: {count(len(shown))} of {count(report.total.orders)}</h2>"
    yield _table(COLUMNS["order"], shown)


def _table(columns: Sequence[Column], lines: Sequence[Tally], total: Tally | None = None) -> str:
    rows = [[column.text(tally) for column in columns] for tally in lines]
    last = None if total is None else [column.text(total) for column in columns]
    texts = sum(not column.number for column in columns)
    return _rows([column.title for column in columns], rows, last, texts)


def _rows(
    titles: Sequence[str], rows: Sequence[Sequence[str]], last: Sequence[str] | None = None, texts: int = 1
) -> str:
    def cells(tag: str, line: Sequence[str]) -> str:
        kinds = [' class="text"' if place < texts else "" for place in range(len(line))]
        return "".join(
            [f"<{tag}{kind}>{escape(text)}</{tag}>" for kind, text in zip(kinds, line, strict=True)]
        )

    body = "".join([f"<tr>{cells('td', line)}</tr>" for line in rows])
    if last is not None:
        body += f'<tr class="all">{cells("td", last)}</tr>'
    return (
        f'<div class="scroll"><table><thead><tr>{cells("th", titles)}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
