"""Texts on their way between services: what may be in one, and what may not."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from oms_platform.wire import UnreadableMessageError, decode, encode
from tests.ingest import submit_order


@pytest.mark.parametrize("text", ["\\u0000", "a\\\\u0000", "\\", "\\\\", 'q"\\u0000"'])
def test_a_backslash_with_zeros_behind_it_is_a_text_like_any_other(text: str) -> None:
    order = submit_order()
    said = replace(order, terms=replace(order.terms, client_order_id=text), received_at=datetime.now(UTC))
    assert decode("SubmitOrder", encode(said)) == said


@pytest.mark.parametrize("text", ["\0", "a\0b", "\\\0", "\\u0000\0"])
def test_a_text_with_nul_in_it_is_refused(text: str) -> None:
    order = submit_order()
    said = replace(order, terms=replace(order.terms, client_order_id=text))
    with pytest.raises(UnreadableMessageError, match="NUL"):
        decode("SubmitOrder", encode(said))
