"""Every side has its line: in the vocabulary, at every door, at venues and with the judge."""

from typing import get_args

import pytest

from oms_client.operations import Side as ClientSide
from oms_core.domain.positions import Position, after_fill
from oms_platform.sides import (
    CODES,
    DIRECTIONS,
    LOCATED,
    SHORTS,
    SIDE_OF_CODE,
    direction,
    far,
    is_buy,
    is_within,
    near,
    opposite,
    sign,
)
from oms_platform.vocabulary import Side
from oms_tools.verify import venue_day
from proto.gen.oms.v1 import Side as WireSide
from simulators.broker.entrypoints import fix_text
from simulators.broker.protocol import Side as VenueSide

EVERY = pytest.mark.parametrize("side", list(Side), ids=lambda side: side.name)


@EVERY
def test_a_side_is_said_the_same_by_every_word_for_it(side: Side) -> None:
    assert sign(side) == (1 if is_buy(side) else -1)
    assert direction(side) in DIRECTIONS and sign(direction(side)) == sign(side)
    assert sign(opposite(side)) == -sign(side) and opposite(side) in DIRECTIONS
    assert (far(side, 1, 2), near(side, 1, 2)) == ((2, 1) if is_buy(side) else (1, 2))
    assert is_within(side, 10, 10) and is_within(side, 10 - sign(side), 10)
    assert not is_within(side, 10 + sign(side), 10)


@EVERY
def test_only_a_buy_buys_and_every_other_side_takes_from_the_position(side: Side) -> None:
    assert is_buy(side) == (side.name == "BUY")
    assert after_fill(Position(), side, 5, 1_000_000).quantity == (5 if side.name == "BUY" else -5)


@EVERY
def test_a_side_is_known_by_fix_venues_clients_and_the_judge(side: Side) -> None:
    code = CODES[side]
    assert SIDE_OF_CODE[code] is side
    assert fix_text._SIDES[code] is VenueSide[side.name]
    assert VenueSide[side.name].is_buy == is_buy(side)
    assert venue_day._SIDES[code.encode()] == side.name
    assert side.name in get_args(ClientSide) and WireSide[side.name].value


def test_fix_has_these_codes() -> None:
    found = {side.name: code for side, code in CODES.items()}
    assert found == {"BUY": "1", "SELL": "2", "SELL_SHORT": "5", "SELL_SHORT_EXEMPT": "6"}
    assert {Side.SELL_SHORT, Side.SELL_SHORT_EXEMPT} == SHORTS and {Side.SELL_SHORT} == LOCATED
