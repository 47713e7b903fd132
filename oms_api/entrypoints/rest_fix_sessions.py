"""REST about venues' FIX sessions: how each is, and what operators ask of it."""

from typing import Annotated, Final

import msgspec

from oms_api.domain.principal import Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.domain.terms import read_id
from oms_api.entrypoints.csv_answers import Table
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.request_fields import one_of
from oms_api.entrypoints.rest_exceptions import Reason
from oms_api.ports import FixCommandView, FixSessionView, Ports, View

PATH: Final = "/api/v1/fix-sessions"
TAG: Final = "FIX sessions"
COMMANDS_MAX: Final = 200
KINDS: Final = ("LOGOUT", "LOGON", "RESET", "RESEND", "RECONCILE")
MsgSeqNum = Annotated[int, msgspec.Meta(ge=0, le=999_999_999)]


class CommandRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to ask of a session, and why. begin_seq_no, end_seq_no: of RESEND; an end of 0 is the newest."""

    kind: Annotated[str, one_of(KINDS, "FixCommandKind")]
    reason: Reason
    begin_seq_no: MsgSeqNum | None = None
    end_seq_no: MsgSeqNum | None = None


class FixSessions(View, frozen=True):
    """Every venue's FIX session, by venue."""

    fix_sessions: list[FixSessionView]


class FixCommands(View, frozen=True):
    """What was asked of a session, newest first."""

    commands: list[FixCommandView]


def _arguments(content: CommandRequest) -> dict[str, int] | Refusal:
    begin, end = content.begin_seq_no, content.end_seq_no
    if content.kind != "RESEND":
        given = [name for name, one in (("beginSeqNo", begin), ("endSeqNo", end)) if one is not None]
        wrong = [FieldProblem(field=name, message="is of RESEND only") for name in given]
        return invalid(*wrong) if wrong else {}
    if begin is None or begin < 1:
        return invalid(FieldProblem(field="beginSeqNo", message="must be the first MsgSeqNum, from 1 on"))
    if end and end < begin:
        return invalid(FieldProblem(field="endSeqNo", message=f"must be 0, or at least {begin}, was {end}"))
    return {"from": begin, "to": end or 0}


def fix_session_operations(ports: Ports) -> list[AnyOperation]:
    """Return the operations. Who may read sees every session; who administers asks something of them."""

    async def found(venue_id: str) -> FixSessionView | Refusal:
        for one in await ports.fix_sessions.sessions():
            if one.venue_id == venue_id:
                return one
        return Refusal(code=RefusalCode.NOT_FOUND, message=f"no venue {shown(venue_id)}")

    async def sessions(_call: Call[NoQuery]) -> FixSessions:
        return FixSessions(await ports.fix_sessions.sessions())

    async def session(call: Call[NoQuery]) -> FixSessionView | Refusal:
        return await found(call.path["venueId"])

    async def commands(call: Call[NoQuery]) -> FixCommands | Refusal:
        one = await found(call.path["venueId"])
        if isinstance(one, Refusal):
            return one
        return FixCommands(await ports.fix_sessions.commands(one.venue_id, COMMANDS_MAX))

    async def ask(call: Call[NoQuery]) -> FixCommandView | Refusal:
        one = await found(call.path["venueId"])
        if isinstance(one, Refusal):
            return one
        content = call.body(CommandRequest)
        arguments = _arguments(content)
        if isinstance(arguments, Refusal):
            return arguments
        return await ports.fix_sessions.ask(
            one.venue_id, content.kind, arguments, by=call.principal.subject, reason=content.reason.strip()
        )

    async def withdraw(call: Call[NoQuery]) -> FixCommandView | Refusal:
        given = call.path["commandId"]
        command_id, done = read_id(given), None
        if command_id is not None:
            done = await ports.fix_sessions.withdraw(call.path["venueId"], command_id, call.principal.subject)
        return done or Refusal(code=RefusalCode.NOT_FOUND, message=f"no command {shown(given)} waits")

    one = f"{PATH}/{{venueId}}"
    return [
        Operation(
            method="GET", path=PATH, name="listFixSessions", tag=TAG, right=Right.READ, serve=sessions,
            summary="Every venue's FIX session", answers={200: FixSessions},
            table=Table("fix_sessions", FixSessionView),
        ),
        Operation(
            method="GET", path=one, name="getFixSession", tag=TAG, right=Right.READ, serve=session,
            summary="A venue's FIX session", answers={200: FixSessionView},
        ),
        Operation(
            method="GET", path=f"{one}/commands", name="listFixCommands", tag=TAG, right=Right.READ,
            serve=commands, summary="What was asked of a session, newest first", answers={200: FixCommands},
        ),
        Operation(
            method="POST", path=f"{one}/commands", name="askFixSession", tag=TAG, right=Right.ADMIN,
            serve=ask, summary="Ask something of a session: the adapter does it within seconds",
            body=CommandRequest, noun="a command", answers={202: FixCommandView},
            example={"kind": "RECONCILE", "reason": "the venue restarted"},
        ),
        Operation(
            method="DELETE", path=f"{one}/commands/{{commandId}}", name="withdrawFixCommand", tag=TAG,
            right=Right.ADMIN, serve=withdraw, summary="Take back what was asked, while it is not done",
            answers={200: FixCommandView},
        ),
    ]  # fmt: skip
