"""A client's FIX session as data: who logs on, for which accounts, with which rights, and when.

The law of this file: settings that are made are settings that can be used, or a ValueError says which field,
what was expected and what was found. Of a password only a salted hash is ever kept.
"""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final

import msgspec

from oms_platform.fix.schedule import Schedule

ORDERS: Final = "ORDERS"
DROP_COPY: Final = "DROP_COPY"
KINDS: Final = (ORDERS, DROP_COPY)
RIGHTS: Final = ("READ", "TRADE", "CANCEL")
ACCOUNTS_MAX: Final = 100
PASSWORD_LENGTH_MIN: Final = 12
PASSWORD_LENGTH_MAX: Final = 128
# RFC 7914, section 2: n costs processor and memory, r the block, p the lanes. 16 MiB, some 50 ms.
_N, _R, _P = 2**14, 8, 1
_SALT_BYTES: Final = 16
_SCHEME: Final = "scrypt"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


class ClientSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator says of a client's session. comp_id: the client's CompID (its 49, our 56).

    kind: ORDERS, which sends orders and gets what becomes of them, or DROP_COPY, which gets what becomes of
    every order of its accounts and sends nothing. firm: in the place of accounts, of a drop copy of every
    account that the firm has at the time. rights: of READ, TRADE and CANCEL; of a drop copy READ.
    schedule: without one a session may be on at any time, and its numbers go on from day to day; with one
    they begin at 1 with each start.
    """

    comp_id: str
    username: str
    accounts: tuple[str, ...] = ()
    kind: str = ORDERS
    rights: tuple[str, ...] = RIGHTS
    schedule: Schedule | None = None
    firm: str = ""

    def __post_init__(self) -> None:
        """Check every field. Raises ValueError."""
        for name in ("comp_id", "username"):
            value = getattr(self, name)
            if _NAME.fullmatch(value) is None:
                raise ValueError(f"{name}: expected 1 to 32 of letters, digits, _ . and -, found {value!r}")
        if self.kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}, found {self.kind!r}")
        if self.firm and (self.kind != DROP_COPY or self.accounts):
            found = f"{self.firm!r} of {self.kind} with {len(self.accounts)} accounts"
            raise ValueError(f"firm: expected for a DROP_COPY alone, in the place of accounts, found {found}")
        if not self.firm and not 0 < len(set(self.accounts)) == len(self.accounts) <= ACCOUNTS_MAX:
            found = ", ".join(self.accounts) or "none"
            raise ValueError(f"accounts: expected 1 to {ACCOUNTS_MAX}, each once, found {found}")
        known = RIGHTS if self.kind == ORDERS else ("READ",)
        wrong = sorted({*self.rights} - {*known})
        if wrong or not self.rights:
            raise ValueError(f"rights: expected some of {', '.join(known)}, found {list(self.rights)}")
        if self.schedule is not None and self.schedule.reset_at:
            raise ValueError(
                "schedule.reset_at: expected none, since numbers begin at 1 with each start,"
                f" found {self.schedule.reset_at!r}"
            )


def hash_password(password: str) -> str:
    """Return what is kept of a password: scheme, costs, salt and hash. Raises ValueError for a short one."""
    is_text = password.isascii() and password.isprintable()
    if not (PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX and is_text):
        raise ValueError(
            f"password: expected {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} printable ASCII characters,"
            f" found {len(password)}"
        )
    salt = secrets.token_bytes(_SALT_BYTES)
    parts = (salt, _digest(password, salt, _N, _R, _P))
    return "$".join((_SCHEME, f"{_N},{_R},{_P}", *(base64.b64encode(part).decode() for part in parts)))


# What a password is held to where there is no client: it takes as long, and no password has it.
NOBODYS: Final = f"{_SCHEME}${_N},{_R},{_P}${base64.b64encode(bytes(_SALT_BYTES)).decode()}$"


def password_is(password: str, kept: str) -> bool:
    """Say whether a password is the one of a kept hash. Takes some 50 ms of a processor."""
    _, costs, salt, digest = kept.split("$")
    n, r, p = map(int, costs.split(","))
    found = _digest(password, base64.b64decode(salt), n, r, p)
    return hmac.compare_digest(found, base64.b64decode(digest))


def _digest(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=2 * 128 * n * r)
