"""`oms watch` against a stream that stands in: it shows events, goes on after an end, says why it ends."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from oms_tools.cli.client import ISSUER_VARIABLE, URL_VARIABLE, ApiError
from oms_tools.cli.event_watch import HEADING, event_lines
from oms_tools.cli.main import cli
from tests.stand_in_api import stand_in
from tests.stand_in_stream import Mischief, StandInStream, event, stand_in_stream

ACCOUNT = "ACC-INST-001"
ORDER_ID = "01900000-0000-7000-8000-0000deadbeef"
EVENT = {
    "eventId": "01900000-0000-7000-8000-0000deadbee0",
    "orderId": ORDER_ID,
    "accountId": "ACC-INST-001",
    "clientOrderId": "c",
    "sequence": 2,
    "streamSequence": 7,
    "type": "OrderAccepted",
    "status": "ORDER_STATUS_PARTIALLY_FILLED",
    "symbol": "GOOGL",
    "side": "SIDE_SELL",
    "quantity": 10_000,
    "cumQty": 9_900,
    "occurredAt": "2026-03-02T15:00:00.123456Z",
    "orderAccepted": {"reservedPriceMicros": 1_227_090_000},
}
TRADE = EVENT | {"type": "TradeApplied", "lastQty": 4000, "lastPx": "227.123400", "venueId": "XNYS"}


def watched(served: StandInStream, *words: str) -> Result:
    """Run a watch of an account until its stream ends for good."""
    with stand_in({}) as issuer, stand_in_stream(served):
        environment = {URL_VARIABLE: served.url, ISSUER_VARIABLE: issuer.url, "COLUMNS": "80"}
        return CliRunner().invoke(cli, ["watch", "--account", ACCOUNT, *words], env=environment)


def ending(log: list[Any], *before: Mischief) -> StandInStream:
    """Return a stream of a log, whose connections end as is said, and the last one for good."""
    return StandInStream({ACCOUNT: log}, mischief=[*before, lambda events: (events, 1000)])


def test_a_watch_goes_on_after_the_gateway_has_stopped_and_shows_each_event_once() -> None:
    log = [event(ACCOUNT, number + 1, orderId=f"{ORDER_ID[:-1]}{number}") for number in range(6)]
    ends = [lambda events: (events[:2], 1012), lambda events: (events[:3], 1013), lambda events: ([], 0)]
    result = watched(ending(log, *ends))
    heading, *lines = result.output.splitlines()
    assert heading == HEADING
    assert [line.split()[1] for line in lines] == [f"deadbee{number}" for number in range(6)]
    assert str(result.exception) == "the stream ended: as the test says (1000)"
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (1008, "the stream ended: as the test says (1008)"),
        (1000, "the stream ended: as the test says (1000)"),
        (401, "was refused with HTTP 401"),
        (404, "was refused with HTTP 404"),
    ],
)
def test_a_watch_that_is_refused_says_why_in_one_line(refusal: int, said: str) -> None:
    result = watched(StandInStream({ACCOUNT: []}, refusals=[refusal] * 9))
    assert result.exit_code == 1
    assert isinstance(result.exception, ApiError)
    assert said in str(result.exception)
    assert result.output == ""


def test_json_is_every_event_as_it_came() -> None:
    log = [EVENT | {"streamSequence": 1}, TRADE | {"streamSequence": 2, "ofTomorrow": {"x": 1}}]
    result = watched(ending(log), "--json")
    assert [json.loads(line) for line in result.output.splitlines()] == log


def test_a_database_that_was_restored_is_said_beside_the_events() -> None:
    served = ending([event(ACCOUNT, 1), event(ACCOUNT, 2)])

    def restored(events: list[Any]) -> tuple[list[Any], int]:
        served.epoch = "e2"
        return events[:1], 1013

    served.mischief.insert(0, restored)
    result = watched(served, "--json")
    assert [json.loads(line)["streamSequence"] for line in result.stdout.splitlines()] == [1, 1, 2]
    assert result.stderr == f"The database was restored; {ACCOUNT} begins anew.\n"


def test_an_event_is_an_aligned_line_of_80_columns() -> None:
    assert len(HEADING) <= 80
    (accepted,) = event_lines(EVENT, 80)
    assert accepted == "15:00:00 deadbeef SELL    9900/10000 GOOGL PARTIALLY_FILLED   1227.09 accepted"
    (trade,) = event_lines(TRADE, 80)
    assert trade.split()[-2:] == ["4000", "XNYS"] and "227.1234" in trade
    for name in ("side", "status", "price"):
        assert HEADING.index(name) < len(accepted)


WORDS = " ".join(f"word{number}" for number in range(40))


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "OrderDenied", "orderDenied": {"denial": f"ORDER_QTY_EXCEEDS_MAX: {WORDS}"}, "lastQty": 0},
        {"type": "OrderCanceled", "orderCanceled": {"reason": WORDS}},
        {"type": "ChildClosed", "childClosed": {"text": WORDS}},
        {"type": "CancelRejected", "text": WORDS},
        {
            "type": "RoutePlaced",
            "routePlaced": {
                "children": [
                    {"quantity": 100_000, "venueId": f"VENUE{n}", "limitPriceMicros": 227_000_000 + n}
                    for n in range(9)
                ]
            },
        },
    ],
)
def test_what_an_event_says_in_words_is_folded_and_loses_none(changed: dict[str, Any]) -> None:
    lines = event_lines(EVENT | {"orderAccepted": None} | changed, 80)
    assert len(lines) > 1 and max(len(line) for line in lines) <= 80
    told = " ".join(line.strip() for line in lines)
    assert WORDS in told or all(f"100000 to VENUE{number}" in told for number in range(9))
