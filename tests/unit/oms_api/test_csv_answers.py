"""Lists as CSV: when they are asked for, and what a cell is."""

import csv
import io
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_api.entrypoints.csv_answers import Table, csv_answer, wants_csv


class Row(msgspec.Struct, rename="camel"):
    client_id: str
    last_px: Decimal | None = None
    more: dict[str, object] | None = None
    open: bool = True


class Page(msgspec.Struct):
    rows: list[Row]
    next_cursor: str | None = None


TABLE = Table("rows", Row)


def cells(*rows: Row) -> list[list[str]]:
    """Return what a reader of CSV finds."""
    return list(
        csv.reader(io.StringIO(csv_answer(TABLE, Page(list(rows)), "/p", []).body.decode(), newline=""))
    )


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/csv", True),
        ("TEXT/CSV; charset=utf-8", True),
        ("text/*", True),
        ("text/csv, */*", True),
        ("text/csv, */*;q=0.1", True),
        ("application/json;q=0.5, text/csv", True),
        ("text/csv;q=0.9, application/json;q=0.8", True),
        ("", False),
        ("*/*", False),
        ("text/html, application/xhtml+xml, */*;q=0.8", False),
        ("application/json", False),
        ("text/csv, application/json", False),
        ("text/csv;q=0.4, application/json", False),
        ("text/csv;q=0", False),
        ("text/csv;q=0.0, text/*", False),
        ("text/csvx", False),
        (",;,", False),
    ],
)
def test_csv_is_given_to_who_prefers_it(accept: str, wanted: bool) -> None:
    assert wants_csv(accept) is wanted


def test_the_first_line_names_the_fields_as_json_does_and_stands_alone_without_rows() -> None:
    assert cells() == [["clientId", "lastPx", "more", "open"]]
    assert csv_answer(TABLE, Page([]), "/p", []).body.endswith(b"\r\n")


def test_a_cell_is_what_json_says() -> None:
    row = Row('a,"b"\nc', Decimal("-1.250000"), {"avoid": ["EDGX"]}, open=False)
    assert cells(row)[1] == ['a,"b"\nc', "-1.250000", '{"avoid":["EDGX"]}', "false"]
    assert cells(Row("a"))[1] == ["a", "", "", "true"]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-", "-1-1", "＝1", "-1\n"]
)
def test_a_text_that_a_spreadsheet_would_compute_is_kept_from_it(text: str) -> None:
    assert cells(Row(text))[1][0] == f"'{text}"


@pytest.mark.parametrize("number", ["-1", "-22577365.704820", "0", "12.5"])
def test_a_number_stays_one(number: str) -> None:
    assert cells(Row("a", Decimal(number)))[1][1] == number


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_a_text_is_it_comes_back_and_is_no_formula(text: str) -> None:
    ((found, *_),) = cells(Row(text))[1:]
    assert found.removeprefix("'") == text.removeprefix("'") or found == text
    assert not found.startswith(("=", "+", "@", "\t", "\r"))


def test_the_page_after_it_is_a_link_with_the_filter_of_this_one() -> None:
    query = [("symbol", "A B"), ("symbol", "C&D"), ("cursor", "old")]
    answer: Any = csv_answer(TABLE, Page([], "new"), "/p", query)
    assert answer.headers == (("link", '</p?symbol=A+B&symbol=C%26D&cursor=new>; rel="next"'),)
    assert csv_answer(TABLE, Page([]), "/p", query).headers == ()
