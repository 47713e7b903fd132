"""What the command line reads of the REST API is what the API's contract says that it answers."""

from typing import Any

import msgspec
import pytest

from oms_api.entrypoints.openapi import document
from oms_api.entrypoints.rest import operations
from oms_tools.cli import desk_api

_served: Any = None
ANSWERS = document(operations(_served, _served))["components"]["schemas"]
READ_OF = {
    desk_api.Order: "OrderView",
    desk_api.OrderPage: "OrderPage",
    desk_api.Position: "PositionView",
    desk_api.PositionPage: "Positions",
    desk_api.Account: "AccountView",
    desk_api.AccountPage: "Accounts",
    desk_api.Quote: "QuoteView",
    desk_api.QuotePage: "Quotes",
}


@pytest.mark.parametrize("shape", READ_OF, ids=lambda shape: shape.__name__)
def test_every_name_that_is_read_is_one_that_is_answered(shape: type[msgspec.Struct]) -> None:
    answered = set(ANSWERS[READ_OF[shape]]["properties"])
    assert {field.encode_name for field in msgspec.structs.fields(shape)} <= answered


def test_every_shape_is_held_to_the_contract() -> None:
    shapes = {
        kind
        for kind in vars(desk_api).values()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind.__module__ == desk_api.__name__
    }
    assert {kind for kind in shapes if not kind.__name__.startswith("_")} == set(READ_OF)
