"""A list of orders in a file: any bytes give orders or problems with their place; what is written reads."""

import csv
import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oms_api.domain import algo_terms, terms
from oms_tools.cli.basket_file import (
    CELLS,
    FIELDS,
    FILE_BYTES_MAX,
    NAME_CHARACTERS_MAX,
    ORDERS_MAX,
    PROBLEMS_MAX,
    REQUIRED,
    TAGS,
    Cell,
    Defaults,
    Found,
    name_problem,
    nearest,
    problems_of_refusal,
    read_file,
)

DEFAULTS = Defaults("list", "ACC", "DAY")
HEAD = "symbol,side,quantity"


def of_csv(text: str | bytes) -> Found:
    content = text.encode() if isinstance(text, str) else text
    return read_file(content, is_json=False, defaults=DEFAULTS)


def of_json(content: object) -> Found:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_file(text, is_json=True, defaults=DEFAULTS)


def told(found: Found) -> list[str]:
    return [str(problem) for problem in found.problems]


def test_the_fields_of_a_file_are_those_of_an_order() -> None:
    assert terms.FIELDS == FIELDS
    for part, inner in (("algo", algo_terms.FIELDS), ("routing", terms.ROUTING_FIELDS)):
        assert {name.partition(".")[2] for name in CELLS if name.startswith(f"{part}.")} == set(inner)


def test_a_csv_file_is_orders_as_rest_takes_them_with_what_they_leave_out() -> None:
    text = (
        "symbol,side,quantity,limitPrice,clientOrderId,algo.strategy,algo.slices,routing.avoid,tags.desk,postOnly\n"
        "aapl,buy,100,230.10,mine,,,edgx xnys,A 1,TRUE\n"
        "\n"
        '"MSFT",SELL_SHORT,5,,,twap,20,,,\n'
    )
    found = of_csv(text)
    assert found.problems == ()
    assert [(line.where, line.order) for line in found.lines] == [
        ("line 2", {
            "clientOrderId": "mine", "accountId": "ACC", "orderType": "LIMIT", "timeInForce": "DAY",
            "symbol": "AAPL", "side": "BUY", "quantity": 100, "limitPrice": "230.10", "basketId": "list",
            "routing": {"avoid": ["EDGX", "XNYS"]}, "tags": {"desk": "A 1"}, "postOnly": True,
        }),
        ("line 4", {
            "clientOrderId": "list-4", "accountId": "ACC", "orderType": "MARKET", "timeInForce": "DAY",
            "symbol": "MSFT", "side": "SELL_SHORT", "quantity": 5, "basketId": "list",
            "algo": {"strategy": "TWAP", "slices": 20},
        }),
    ]  # fmt: skip
    assert of_csv(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) == found
    assert of_csv(text.replace("postOnly\n", "postOnly,,\n").replace("TRUE", "TRUE,,")) == found


def test_a_json_file_is_orders_as_they_stand_with_exact_prices() -> None:
    found = of_json(
        b'[{"symbol":"s","side":"BUY","quantity":1,"limitPrice":230.10,"stopPrice":1e2,"tags":null}]'
    )
    assert found.problems == ()
    assert found.lines[0].where == "[0]"
    assert found.lines[0].order == {
        "clientOrderId": "list-0", "accountId": "ACC", "orderType": "STOP_LIMIT", "timeInForce": "DAY",
        "symbol": "s", "side": "BUY", "quantity": 1, "limitPrice": "230.10", "stopPrice": "100",
        "basketId": "list",
    }  # fmt: skip


LARGE = "9" * 5_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "must be 1 to 500 orders, was none"),
        (b"\xef\xbb\xbf\r\n ,\r\n", "must be 1 to 500 orders, was none"),
        (HEAD.encode(), "must be 1 to 500 orders, was none"),
        (b"symbol,side,quantity\nA,BUY,1\nB\xff", "line 3: must be UTF-8, was byte 0xff"),
        ("symbol".encode("utf-16"), "line 1: must be UTF-8, was byte 0xff"),
        (b"symbol,side,quantity\nA\0,BUY,1", "line 2: must be text, was a NUL byte"),
        (b'symbol,side,quantity\nA,BUY,1\n"B,BUY,1\n', "line 3: must be CSV: unexpected end of data"),
        (b"symbol;side;quantity\nA;BUY;1", 'line 1: must have commas between its columns, was ";"'),
        (b"a" * (FILE_BYTES_MAX + 1), "must be at most 1,048,576 bytes, was 1,048,577 or more"),
        ((HEAD + "\nA,BUY,1" * (ORDERS_MAX + 1)).encode(), "must be 1 to 500 orders, was 501"),
        (b"symbol,side,quantity\nA,BUY,1,5", "line 2: must have 3 cells as the first line has, was 4"),
        (b"symbol,,side,quantity\nA,x,BUY,1", "line 1: must name every column, was empty in column 2"),
        (b"symbol,side,quantity,side\nA,BUY,1,", "line 1: side: must be one column, was several"),
        (b"symbol,quantity\nA,1", "line 1: side: is required, and no column has it"),
        (b"symbol,side,qty\nA,BUY,1", "line 1: qty: is not a field of an order; the nearest is quantity"),
        (
            b"symbol,side,quantity,basketId\nA,BUY,1,other",
            'line 2: basketId: must be list or left out, was "other"',
        ),
    ],
)
def test_what_is_wrong_with_a_csv_file_is_told_with_its_line(text: bytes, said: str) -> None:
    assert told(of_csv(text)) == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "line 1: must be JSON: Expecting value, column 1"),
        (b'[{"symbol":\n"A" 1}]', "line 2: must be JSON: Expecting ',' delimiter, column 5"),
        (b"[]", "must be 1 to 500 orders, was none"),
        (b"{}", "must be a list of orders, was an object"),
        (b"[NaN]", "must be JSON, was NaN"),
        (b"[" * 100_000, "must be a list of orders, was nested too deeply"),
        (b"[5]", "[0]: must be an object, was 5"),
        (b'[{"side":"BUY","side":"SELL"}]', "[0]: side: is given more than once"),
        (b'[{"algo":{"urgency":1,"urgency":2}}]', "[0]: algo.urgency: is given more than once"),
        (b'[{"symbol":"\\ud800"}]', "[0]: symbol: must be text, was half a character in '\\ud800'"),
        (b'[{"symbol":"\\u0000"}]', "[0]: symbol: must be text, was a NUL character"),
        (b'[{"Symbl":"A"}]', "[0]: Symbl: is not a field of an order; the nearest is symbol"),
        (b'[{"tags":' + b"[" * 50 + b"]" * 50 + b"}]", "[0]: tags: must not be nested so deeply"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_json_file_is_told_with_its_index_or_line(text: bytes, said: str) -> None:
    assert told(of_json(text)) == [said]


def test_what_no_field_can_be_goes_to_the_api_as_it_stands() -> None:
    found = of_csv(f"{HEAD},limitPrice,postOnly\nA,BUY,{LARGE},{LARGE},perhaps")
    assert found.problems == ()
    assert [found.lines[0].order[name] for name in ("quantity", "limitPrice", "postOnly")] == [
        LARGE, LARGE, "perhaps",
    ]  # fmt: skip
    as_json = of_json(f'[{{"quantity":{LARGE},"limitPrice":0.{LARGE},"stopPrice":1e999999999}}]'.encode())
    assert as_json.problems == ()
    assert as_json.lines[0].order["stopPrice"] == "1e999999999"


def test_every_problem_is_told_at_once_and_too_many_are_counted() -> None:
    found = of_csv("symbol,sid,quantity,basketId\nA,BUY,1,x,9\nB,BUY,1,y\n")
    assert [problem.where for problem in found.problems] == ["line 1", "line 2", "line 2", "line 3"]
    many = of_csv(f"{HEAD}\n" + "A,BUY,1,9\n" * (PROBLEMS_MAX + 7))
    assert len(many.problems) == PROBLEMS_MAX + 1
    assert many.problems[-1].message == "and 8 more"


@pytest.mark.parametrize(
    ("word", "field"),
    [
        ("Quantity", "quantity"), ("order_type", "orderType"), ("tif", "timeInForce"),
        ("price", "limitPrice"), ("limit_price", "limitPrice"), ("accountID", "accountId"),
        ("algo.strat", "algo.strategy"), ("tag", "tags"), ("quanttiy", "quantity"), ("symb ol", "symbol"),
    ],
)  # fmt: skip
def test_the_nearest_field_is_named(word: str, field: str) -> None:
    assert nearest(word) == field
    assert nearest("") in {*CELLS, TAGS}


def test_what_the_api_refuses_is_told_by_its_line() -> None:
    lines = of_csv(f"{HEAD}\n\nA,BUY,1\nB,BUY,1\n").lines
    fields = [
        ("orders[1].routing.avoid", "unknown venue"),
        ("orders[0]", "no"),
        ("", "and 4 more"),
        ("orders[9].x", "y"),
    ]
    assert [str(problem) for problem in problems_of_refusal(lines, fields)] == [
        "line 4: routing.avoid: unknown venue", "line 3: no", "and 4 more", "orders[9].x: y",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["", " a", "a ", "a\n", "ü", "x" * (NAME_CHARACTERS_MAX + 1)])
def test_a_list_has_no_such_name(name: str) -> None:
    assert name_problem(name) is not None
    assert name_problem("x" * NAME_CHARACTERS_MAX) is None


PIECES = st.sampled_from([
    "symbol", "side", "quantity", "limitPrice", "algo.slices", "tags.x", "AAPL", "1", ",", '"', "\n", "\r\n",
    "\r", "\0", ";", "[", "]", "{", "}", ":", "null", "NaN", "1e9", "-", LARGE, "\ufeff", "\\ud800",
    "\\", " ",
])  # fmt: skip
NEAR_FILES = st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=60).map(
    lambda parts: "".join(parts).encode("utf-8", "surrogatepass")
)


@given(content=st.one_of(st.binary(max_size=400), NEAR_FILES), is_json=st.booleans())
@example(content=b'[{"tags":{"\\ud800":1}}]', is_json=True)
@example(content=b'[{"a":-0}]', is_json=True)
@example(content=b'"' + b"x" * 200_000, is_json=False)
def test_any_bytes_give_orders_that_can_be_sent_or_problems(content: bytes, is_json: bool) -> None:
    found = read_file(content, is_json=is_json, defaults=DEFAULTS)
    assert found.lines or found.problems
    for problem in found.problems:
        assert str(problem).isprintable() and len(str(problem)) < 400
    if not found.problems:
        assert 0 < len(found.lines) <= ORDERS_MAX
        for line in found.lines:
            msgspec.json.encode(line.order)
            assert line.order["basketId"] == DEFAULTS.name


WORD = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)


VALUES = {
    Cell.TEXT: st.lists(WORD, min_size=1, max_size=3).map(' ,"\n '.join),
    Cell.NAME: st.from_regex(r"[A-Z_]{1,12}", fullmatch=True),
    Cell.NAMES: st.lists(st.from_regex(r"[A-Z]{4}", fullmatch=True), min_size=1, max_size=4),
    Cell.WHOLE: st.integers(-(10**17), 10**17),
    Cell.FLAG: st.booleans(),
}  # fmt: skip
ORDERS = st.fixed_dictionaries(
    {name: VALUES[CELLS[name]] for name in REQUIRED},
    optional={
        name: VALUES[kind] for name, kind in CELLS.items() if name not in (*REQUIRED, "basketId")
    } | {"tags.of mine": VALUES[Cell.TEXT]},
)  # fmt: skip


def written(orders: list[dict[str, Any]], line_end: str) -> bytes:
    names = sorted({name for order in orders for name in order})
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerow(names)
    for order in orders:
        cells = [order.get(name, "") for name in names]
        writer.writerow([" ".join(cell) if isinstance(cell, list) else str(cell) for cell in cells])
    return text.getvalue().encode()


@given(orders=st.lists(ORDERS, min_size=1, max_size=5), line_end=st.sampled_from(["\n", "\r\n"]))
def test_a_list_that_is_written_reads_back(orders: list[dict[str, Any]], line_end: str) -> None:
    found = of_csv(written(orders, line_end))
    assert found.problems == ()
    for order, line in zip(orders, found.lines, strict=True):
        for name, value in order.items():
            part, dot, inner = name.partition(".")
            assert (line.order[part][inner] if dot else line.order[part]) == value
    wide = [line.order for line in found.lines]
    assert [line.order for line in of_json(wide).lines] == wide
