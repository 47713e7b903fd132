"""Plays session definitions of the kind that FIX engines are accepted by: a line is one step of a script.

`I` sends a message, `E` expects one, `iCONNECT`, `iDISCONNECT` and `eDISCONNECT` are the connection; a digit
and a comma after the letter say which of several. `<TIME>` is now, `<TIME-121>` two minutes ago.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from tests.raw_fix import SOH, RawClient, fields_of, sealed, stamp

_LINE = re.compile(rb"([IEie])(?:(\d),)?(.*)", re.S)
_TIME = re.compile(rb"<TIME([+-]\d+)?>")
# What cannot be foretold, and numbers that hang on names and precisions of ours: held to the message itself.
_ANY = {"52", "60", "122", "9", "10"}


class DefinitionFailedError(AssertionError):
    """A step of a definition did not go as it says."""


class Definition:
    """Plays one definition. sessions: those that its connections use, one after the other: acceptor, client.

    logon: more fields of each Logon that is sent. An application message that the definition expects back as
    it was sent may be answered by the application instead (35=j, 35=8).
    """

    def __init__(
        self, path: Path, port: int, sessions: Sequence[tuple[str, str]], logon: bytes = b""
    ) -> None:
        self._steps = path.read_bytes().splitlines()
        self._port, self._logon = port, logon
        self._sessions = list(sessions)
        self._clients: dict[bytes, RawClient] = {}
        self._ours, self._theirs = b"", b""

    def play(self) -> None:
        """Raise DefinitionFailedError at the first step that differs."""
        try:
            for number, line in enumerate(self._steps, 1):
                match = _LINE.fullmatch(line)
                if match is None or not line.strip() or line.startswith(b"#"):
                    continue
                kind, which, content = match[1], match[2] or b"1", match[3]
                try:
                    self._step(kind, which, content)
                except (OSError, EOFError, DefinitionFailedError) as error:
                    raise DefinitionFailedError(f"line {number}: {type(error).__name__} {error}") from error
        finally:
            for client in self._clients.values():
                client.close()

    def _step(self, kind: bytes, which: bytes, content: bytes) -> None:
        if kind == b"i" and content == b"CONNECT":
            # A second connection of its own, after the first has ended, is another session's first.
            if which not in self._clients and not self._clients:
                self._ours, self._theirs = (name.encode() for name in self._sessions.pop(0))
            self._clients[which] = RawClient(self._port, self._ours.decode())
        elif kind == b"i":
            self._clients.pop(which).close()
        elif kind == b"e":
            if not self._clients.pop(which).is_closed():
                raise DefinitionFailedError("expected the connection to be closed")
        elif kind == b"I":
            self._clients[which].send_raw(self._message(content))
        else:
            self._expect(self._clients[which].read_raw(40), content)

    def _message(self, content: bytes) -> bytes:
        content = _TIME.sub(lambda match: stamp(int(match[1] or 0))[:17].encode(), content)
        content = self._renamed(content)
        if self._logon and b"\x0135=A\x01" in content:
            content = re.sub(rb"(?<=\x01)(?=10=[^\x01]*\x01$)|$", self._logon, content, count=1)
        head = re.match(rb"8=[^\x01]*\x01", content)
        if head is None:
            return content
        rest = content[head.end() :]
        trailer = re.search(rb"10=[^\x01]*\x01$", rest)
        body = rest[: trailer.start()] if trailer else rest
        if re.match(rb"9=[^\x01]*\x01", body) is None:
            whole = sealed(head[0], body)
            return whole if trailer is None else whole[:-7] + trailer[0]
        before = head[0] + body
        return before + (trailer[0] if trailer else b"10=%03d\x01" % (sum(before) % 256))

    def _renamed(self, content: bytes) -> bytes:
        names = {b"ISLD": self._ours, b"TW44": self._theirs}
        for tag in (b"49", b"56"):
            content = re.sub(
                rb"\x01%s=(ISLD|TW44)\x01" % tag,
                lambda match, tag=tag: b"\x01%s=%s\x01" % (tag, names[match[1]]),
                content,
            )
        return content

    def _expect(self, raw: bytes, content: bytes) -> None:
        wanted = [field for field in fields_of(self._renamed(content)) if field[0] not in {"9", "10"}]
        found = [field for field in fields_of(raw) if field[0] not in {"9", "10"}]
        self._hold_to_itself(raw)
        wanted_by, found_by = dict(wanted), dict(found)
        if wanted_by["35"] in (b"D", b"d") and found_by["35"] in (b"j", b"8"):
            header = ("34", "43", "49", "56", "97")
            wanted = [field for field in wanted if field[0] in header]
            found = [field for field in found if field[0] in header]
        shown = raw.replace(SOH, b"|")
        if [tag for tag, _ in wanted] != [tag for tag, _ in found]:
            raise DefinitionFailedError(f"expected {wanted}, was {shown!r}")
        for (tag, value), (_, there) in zip(wanted, found, strict=True):
            if tag not in _ANY and value != there:
                raise DefinitionFailedError(f"expected {tag}={value!r}, was {shown!r}")

    @staticmethod
    def _hold_to_itself(raw: bytes) -> None:
        body = raw[raw.index(SOH, raw.index(b"\x019=") + 1) + 1 : raw.rindex(b"10=")]
        if sealed(b"8=FIX.4.4\x01", body) != raw:
            raise DefinitionFailedError(f"length or checksum is wrong: {raw!r}")
