"""Lists by keyset: a page ends with the key of its last row, and the next one goes on behind it.

A page costs the same however deep it is, and rows that are added meanwhile neither repeat nor hide others.
"""

import base64
from typing import Annotated, Final

import msgspec

from oms_api.domain.refusal import FieldProblem, Refusal, invalid

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200
Limit = Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{4,64}$", description="nextCursor of the page before.")
]


def cursor_of(key: bytes) -> str:
    """Return the cursor of the page behind the row with a key."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def read_cursor(text: str | None, key_bytes: int) -> bytes | Refusal | None:
    """Return the key that a cursor of such a list holds; None for no cursor."""
    if text is None:
        return None
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != key_bytes or cursor_of(key) != text:
        return invalid(FieldProblem(field="cursor", message="must be a nextCursor of this list"))
    return key
