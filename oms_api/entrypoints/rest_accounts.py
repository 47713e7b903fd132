"""REST about accounts that are opened, suspended, changed and closed, each with a reason."""

from typing import Annotated, Final

import msgspec

from oms_api.domain.principal import Principal, Right
from oms_api.domain.reference_changes import NEXT_STATUS, AccountStanding, AsRead, account_problem
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, no_such_account
from oms_api.entrypoints.answers import etag_of, names_version
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation, QueryT
from oms_api.entrypoints.request_fields import one_of
from oms_api.entrypoints.rest_exceptions import Reason
from oms_api.entrypoints.rest_reference import ACCOUNT_PATH, ACCOUNTS
from oms_api.ports import AccountChange, AccountView, NewAccount, Ports
from oms_platform.clock import Clock

TAG: Final = "Administration"
KINDS: Final = ("INSTITUTION", "HEDGE_FUND", "RETAIL")
# It is a key of Kafka, a field of FIX and a segment of paths, and two that differ by case are read as one.
Code = Annotated[
    str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?$")
]
Title = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=120,
        pattern=r"^[^\u0000-\u001f\u007f]*[^\s\u0000-\u001f\u007f][^\u0000-\u001f\u007f]*$",
    ),
]


class AccountRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """An account that is to be opened. firm, desk: by which limits and kill switches may name it."""

    account_id: Code
    name: Title
    kind: Annotated[str, one_of(KINDS, "AccountKind")]
    firm: Code
    desk: Code
    reason: Reason


class AccountChangeRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What is to be another of an account, and why. What is left out stays as it is."""

    name: Title | None = None
    status: Annotated[str, one_of(NEXT_STATUS, "AccountStatus")] | None = None
    firm: Code | None = None
    desk: Code | None = None
    reason: Reason


def as_read(call: Call[QueryT]) -> AsRead:
    """Return whether a version is the one that If-Match names; None where it names none."""
    condition = call.if_match
    return None if condition is None else lambda version: names_version(condition, etag_of(version))


def of_everybody(principal: Principal, what: str) -> Refusal | None:
    """Return why somebody may not change what is everybody's, None where nothing is foreign to them."""
    if principal.sees_every_account:
        return None
    message = f"{what} takes a token of every account, was one of {len(principal.accounts)}"
    return Refusal(code=RefusalCode.FORBIDDEN, message=message)


def account_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operations. A new account is in the tokens of those alone who see every one."""

    async def open_account(call: Call[NoQuery]) -> AccountView | Refusal:
        asked = call.body(AccountRequest)
        refusal = of_everybody(call.principal, "to open an account")
        if refusal is not None:
            return refusal
        new = NewAccount(
            account_id=asked.account_id,
            name=asked.name.strip(),
            kind=asked.kind,
            firm=asked.firm,
            desk=asked.desk,
        )
        found = await ports.catalog.open_account(new, by=call.principal.subject, reason=asked.reason.strip())
        if found is None:
            return Refusal(
                code=RefusalCode.CONFLICT, message=f"there is an account {asked.account_id} already"
            )
        await ports.reference.reload()
        return found

    async def change(call: Call[NoQuery]) -> AccountView | Refusal:
        asked, account_id, version = call.body(AccountChangeRequest), call.path["accountId"], as_read(call)
        name = None if asked.name is None else asked.name.strip()
        wanted = AccountChange(name=name, status=asked.status, firm=asked.firm, desk=asked.desk)
        if wanted == AccountChange():
            return invalid(FieldProblem(field="status", message="must be given, or name, firm or desk"))
        if not call.principal.sees(account_id):
            return no_such_account(account_id)

        def problem(standing: AccountStanding) -> Refusal | None:
            return account_problem(standing, asked.status, version, clock())

        found = await ports.catalog.change_account(
            account_id, wanted, problem, by=call.principal.subject, reason=asked.reason.strip()
        )
        return no_such_account(account_id) if found is None else found

    return [
        Operation(
            method="POST", path=ACCOUNTS, name="openAccount", tag=TAG, right=Right.ADMIN, serve=open_account,
            summary="Open an account, which trades within a second", body=AccountRequest, noun="an account",
            answers={201: AccountView}, refusals=[RefusalCode.CONFLICT],
            version=lambda found: found.version,
            example={
                "accountId": "ACC-INST-004", "name": "Fourth Institution", "kind": "INSTITUTION",
                "firm": "DEMO", "desk": "AGENCY", "reason": "signed on Monday",
            },
        ),
        Operation(
            method="PATCH", path=ACCOUNT_PATH, name="changeAccount", tag=TAG, right=Right.ADMIN, serve=change,
            summary="Suspend an account, let it trade again, close it, or change its name, firm or desk",
            body=AccountChangeRequest, noun="a change of an account", answers={200: AccountView},
            refusals=[RefusalCode.CONFLICT], version=lambda found: found.version, takes_if_match=True,
            example={"status": "SUSPENDED", "reason": "its margin is late"},
        ),
    ]  # fmt: skip
