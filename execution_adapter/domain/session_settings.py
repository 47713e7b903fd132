"""A venue's FIX session as data: where it is, who logs on to whom, how, when, and what the venue can do.

The law of this file: settings that are read are settings that can be used, or a ValueError says which field,
what was expected and what was found. No secret is ever in them, only the name that it is kept under.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from execution_adapter.domain.dialects import DIALECTS
from oms_platform.fix.schedule import Schedule
from oms_platform.vocabulary import ChildTerms, ExecInst

HEARTBEAT_S_MAX: Final = 3_600
MESSAGES_PER_SECOND_MAX: Final = 100_000
QUEUE_MAX: Final = 100_000
BACKOFF_MS_MAX: Final = 600_000
CL_ORD_ID_LENGTH_MAX: Final = 64
# So many ids, or more, must fit before the request's part: of a million children two have the same one with a
# chance of 1 in 140,000.
CL_ORD_IDS_MIN: Final = 2**56
REQUESTS_MIN: Final = 1_000_000
ALPHABETS: Final = {
    "digits": "0123456789",
    "upper": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "alphanumeric": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
}
SCHEMES: Final = ("password", "raw_data")
SUFFIX: Final = "suffix"
SYMBOLS: Final = ("whole", SUFFIX)
_TEXT: Final = re.compile(r"[!-~]([ -~]{0,62}[!-~])?")
_SECRET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_TAG: Final = re.compile(r"[1-9][0-9]{0,8}")
_HOST: Final = re.compile(r"[A-Za-z0-9:]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")
_LOOPBACK: Final = re.compile(r"localhost|::1|127(\.\d{1,3}){3}")
# Fields of a Logon that are set by what they mean, or by the session itself.
_OWN_FIELDS: Final = frozenset(
    (
        8,
        9,
        10,
        34,
        35,
        43,
        49,
        50,
        52,
        56,
        57,
        89,
        90,
        91,
        93,
        95,
        96,
        97,
        98,
        108,
        115,
        122,
        128,
        141,
        553,
        554,
    )
)


class _Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all of them are. Raises ValueError from the first problem of a field."""

    def __post_init__(self) -> None:
        for problem in self.problems():
            raise ValueError(problem)

    def problems(self) -> Iterator[str]:
        """Yield what is wrong, a sentence a field."""
        return iter(())


class Credentials(_Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a Logon proves who we are. secret: the name under which the password, or the data, is kept.

    scheme: "password": Username (553) and Password (554), or 554 alone without a username; "raw_data":
    RawDataLength (95) and RawData (96), and 553 with a username.
    """

    secret: str
    scheme: str = "password"
    username: str = ""

    def problems(self) -> Iterator[str]:
        """Yield what is wrong."""
        yield from _secret("secret", self.secret)
        yield from _one_of("scheme", self.scheme, SCHEMES)
        yield from _text("username", self.username, required=False)


class Tls(_Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS of a session. ca, certificate, key: names of PEM files among the secrets.

    ca: who signs the venue's certificate; empty: who the machine trusts. certificate, key: ours, where the
    venue asks for one. server_name: that the venue's certificate must be for; empty: the host. verify: False
    only on loopback.
    """

    ca: str = ""
    certificate: str = ""
    key: str = ""
    server_name: str = ""
    verify: bool = True

    def problems(self) -> Iterator[str]:
        """Yield what is wrong."""
        for name in ("ca", "certificate", "key"):
            if value := getattr(self, name):
                yield from _secret(name, value)
        if bool(self.certificate) != bool(self.key):
            yield f"certificate and key: expected both or none, found {self.certificate!r} and {self.key!r}"
        if self.server_name and _HOST.fullmatch(self.server_name) is None:
            yield f"server_name: expected a host name, found {self.server_name!r}"


class Throttle(_Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a venue takes. messages_per_second: of ours (35=D, F, H) within any second.

    queue_max: orders that may wait for their turn; what comes beyond them goes elsewhere. reject_texts: parts
    of the Text (58) of a refusal that means "too fast", in whatever case. backoff_ms: silence after one.
    """

    messages_per_second: int
    queue_max: int = 1_000
    reject_texts: tuple[str, ...] = ("throttle", "too many messages", "rate limit")
    backoff_ms: int = 1_000

    def problems(self) -> Iterator[str]:
        """Yield what is wrong."""
        yield from _number("messages_per_second", self.messages_per_second, 1, MESSAGES_PER_SECOND_MAX)
        yield from _number("queue_max", self.queue_max, 0, QUEUE_MAX)
        yield from _number("backoff_ms", self.backoff_ms, 1, BACKOFF_MS_MAX)
        if any(not text.strip() for text in self.reject_texts):
            yield f"reject_texts: expected texts that are not empty, found {list(self.reject_texts)}"


class ClOrdIds(_Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a venue takes as ClOrdID (11): so many characters at most, of this alphabet."""

    length: int
    alphabet: str = "alphanumeric"

    @property
    def characters(self) -> str:
        """The alphabet's characters."""
        return ALPHABETS[self.alphabet]

    @property
    def request_length(self) -> int:
        """How many characters at the end tell a child's requests apart."""
        count, length = len(self.characters), 1
        while count**length < REQUESTS_MIN:
            length += 1
        return length

    def problems(self) -> Iterator[str]:
        """Yield what is wrong."""
        wrong = [*_one_of("alphabet", self.alphabet, ALPHABETS)]
        if wrong:
            yield from wrong
            return
        count, least = len(self.characters), self.request_length
        while count ** (least - self.request_length) < CL_ORD_IDS_MIN:
            least += 1
        yield from _number("length", self.length, least, CL_ORD_ID_LENGTH_MAX)


class Capabilities(_Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a venue can. order_status: it answers 35=H.

    cancel_on_disconnect: it cancels what is open when the connection is lost; what it wants in the Logon for
    that stands in logon_fields. Without order_status, what it may have canceled is a person's after a logon.
    replace: it takes 35=G; without it an order that is made smaller is canceled and sent anew.
    intermarket_sweeps: it takes ExecInst f (18), which FIX 4.4 itself does not have; without it a sweep's
    children are plain orders, whose prices the venue protects by itself. locate_ids: of a short sale it takes
    where the shares are borrowed, in a field that FIX 4.4 does not have; without it the locate stays with us.
    """

    order_status: bool = True
    cancel_on_disconnect: bool = False
    replace: bool = True
    intermarket_sweeps: bool = True
    locate_ids: bool = False

    def told(self, child: ChildTerms) -> ChildTerms:
        """Return a child as its venue is told of it, without what the venue does not take."""
        if child.exec_inst is ExecInst.INTERMARKET_SWEEP and not self.intermarket_sweeps:
            child = replace(child, exec_inst=None)
        if child.locate_id and not self.locate_ids:
            child = replace(child, locate_id="")
        return child


class SessionSettings(_Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a venue's session. heartbeat_s: HeartBtInt (108), in seconds.

    host, port: where the venue listens. sender_…, target_…: 49, 56, 50, 57; on_behalf_of_comp_id,
    deliver_to_comp_id: 115, 128. symbols: "whole" in Symbol (55), or with a share class in SymbolSfx (65),
    "suffix". reset_on_logon: every logon begins the numbers at 1 (141=Y). logon_fields:
    more fields of the Logon, by tag. Without a throttle all is sent at once; without cl_ord_ids, our own ids.
    """

    host: str
    port: int
    sender_comp_id: str
    target_comp_id: str
    sender_sub_id: str = ""
    target_sub_id: str = ""
    on_behalf_of_comp_id: str = ""
    deliver_to_comp_id: str = ""
    dialect: str = "FIX.4.4"
    symbols: str = "whole"
    heartbeat_s: int = 30
    reset_on_logon: bool = False
    logon_fields: dict[str, str] = {}
    credentials: Credentials | None = None
    tls: Tls | None = None
    schedule: Schedule | None = None
    throttle: Throttle | None = None
    cl_ord_ids: ClOrdIds | None = None
    capabilities: Capabilities = Capabilities()

    def problems(self) -> Iterator[str]:
        """Yield what is wrong."""
        if _HOST.fullmatch(self.host) is None:
            yield f"host: expected a host name or an address, found {self.host!r}"
        yield from _number("port", self.port, 1, 65_535)
        yield from _number("heartbeat_s", self.heartbeat_s, 1, HEARTBEAT_S_MAX)
        yield from _one_of("dialect", self.dialect, DIALECTS)
        yield from _one_of("symbols", self.symbols, SYMBOLS)
        for name in ("sender_comp_id", "target_comp_id"):
            yield from _text(name, getattr(self, name))
        for name in ("sender_sub_id", "target_sub_id", "on_behalf_of_comp_id", "deliver_to_comp_id"):
            yield from _text(name, getattr(self, name), required=False)
        if self.tls is not None and not self.tls.verify and _LOOPBACK.fullmatch(self.host) is None:
            yield f"tls.verify: expected true unless the host is loopback, found false for {self.host}"
        for tag, value in self.logon_fields.items():
            if _TAG.fullmatch(tag) is None or int(tag) in _OWN_FIELDS:
                yield f"logon_fields: expected a tag that no other setting is for, found {tag!r}"
            yield from _text(f"logon_fields.{tag}", value)


def read_settings(raw: str | bytes | Mapping[str, Any]) -> SessionSettings:
    """Read settings from JSON, as text or taken apart.

    Raises ValueError, a sentence that names the field, what was expected and what was found.
    """
    try:
        if isinstance(raw, str | bytes):
            return msgspec.json.decode(raw, type=SessionSettings, strict=True)
        return msgspec.convert(raw, SessionSettings, strict=True)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(_said(str(error))) from None


def _said(problem: str) -> str:
    """Return msgspec's problem as all others are: the field first, then what was expected and found."""
    text, _, where = problem.partition(" - at `$")
    place = where.rstrip("`").lstrip(".")
    if text.startswith("Object contains unknown field"):
        text = f"expected no other field than the known ones, found {text.rsplit(' ', 1)[1]}"
    elif text.startswith("Object missing required field"):
        text = f"expected the field {text.rsplit(' ', 1)[1]}, found none"
    text = text.replace("Expected", "expected").replace(", got", ", found")
    if "expected" not in text and not place:
        text = f"expected JSON, found what is none: {text}"
    return f"{place}: {text}" if place else text


def _one_of(name: str, value: str, known: Collection[str]) -> Iterator[str]:
    if value not in known:
        yield f"{name}: expected one of {', '.join(known)}, found {value!r}"


def _number(name: str, value: int, least: int, most: int) -> Iterator[str]:
    if not least <= value <= most:
        yield f"{name}: expected {least} to {most}, found {value}"


def _text(name: str, value: str, *, required: bool = True) -> Iterator[str]:
    if (value or required) and _TEXT.fullmatch(value) is None:
        yield f"{name}: expected 1 to 64 printable ASCII characters, no space at the ends, found {value!r}"


def _secret(name: str, value: str) -> Iterator[str]:
    if _SECRET.fullmatch(value) is None:
        yield f"{name}: expected the name of a secret (letters, digits, - _ .), found {value!r}"
