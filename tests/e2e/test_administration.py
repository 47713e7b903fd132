"""What an administrator changes while a stack runs: it is in effect at once, and nothing is started again."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from oms_client import Client
from oms_client.answers import Order
from oms_client.errors import ApiError, ConflictError
from oms_tools.audit.verification import verify_database
from oms_tools.laptop.parts import postgres_dsn, wait_until
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig

ACCOUNT = "ACC-E2E-001"


@pytest.fixture
def client(rig: StackRig) -> Iterator[Client]:
    with Client(rig.layout.api_url, lambda: rig.client("admin1").token) as client:
        yield client


def ended(client: Client, **terms: object) -> Order:
    """Place an order and return it when it is over."""
    wanted = {"account": ACCOUNT, "symbol": "MSFT", "side": "BUY", "quantity": 20} | terms
    placed = client.place(**wanted)  # type: ignore[arg-type]
    wait_until(lambda: client.order(placed.order_id).closed, f"end of an order {wanted}", EVENTUALLY_S)
    return client.order(placed.order_id)


def processes(rig: StackRig) -> dict[str, int]:
    """Return which processes the stack has: another number of one says that it was started again."""
    return {name: int(program["pid"]) for name, program in rig.programs().items()}


def test_an_account_trades_when_it_is_open_and_not_when_it_is_suspended_and_is_closed_flat(
    rig: StackRig, client: Client
) -> None:
    started = processes(rig)
    opened = client.open_account(
        ACCOUNT, name="End to end", kind="INSTITUTION", firm="DEMO", desk="AGENCY", reason="test"
    )
    # No wait: the very next order is taken.
    assert ended(client).status == "FILLED"
    assert [one.quantity for one in client.positions(ACCOUNT).positions] == [20]
    resting = client.place(
        account=ACCOUNT, symbol="MSFT", side="BUY", quantity=10, limit_price="250.00", time_in_force="GTC"
    )
    wait_until(
        lambda: bool(client.order_routes(resting.order_id).routes), "route of what rests", EVENTUALLY_S
    )

    suspended = client.change_account(
        ACCOUNT, status="SUSPENDED", reason="margin is late", version=opened.version
    )
    with pytest.raises(ConflictError):
        client.change_account(ACCOUNT, status="ACTIVE", reason="as read before", version=opened.version)
    # Core goes by it within a quarter of a second; what had come until then was taken.
    time.sleep(1)
    denied = ended(client)
    assert (denied.status, denied.text) == ("REJECTED", f"ACCOUNT_NOT_ACTIVE: account={ACCOUNT}")
    assert not client.order_routes(denied.order_id).routes
    logged = rig.oms("fix", "log", str(denied.order_id), "--json")
    assert "35=D" not in logged.stdout
    assert not client.order(resting.order_id).closed
    with pytest.raises(ConflictError) as refused:
        client.change_account(ACCOUNT, status="CLOSED", reason="too early", version=suspended.version)
    assert "1 open order and 1 position" in str(refused.value)
    client.cancel(resting.order_id)
    wait_until(lambda: client.order(resting.order_id).status == "CANCELED", "cancel", EVENTUALLY_S)

    client.change_account(ACCOUNT, status="ACTIVE", reason="margin has come")
    time.sleep(1)
    assert ended(client, side="SELL").status == "FILLED"
    client.change_account(ACCOUNT, status="SUSPENDED", reason="it leaves")
    time.sleep(1)
    closed = client.change_account(ACCOUNT, status="CLOSED", reason="it has left")
    assert (closed.status, closed.version, closed.changed_by) == ("CLOSED", 5, "admin1")

    with psycopg.connect(postgres_dsn(rig.layout.port("postgres")), autocommit=True) as connection:
        assert verify_database(connection).faults == []
        changes = connection.execute(
            "SELECT reason FROM audit_log WHERE table_name = 'accounts' AND key->>'account_id' = %s"
            " ORDER BY sequence",
            (ACCOUNT,),
        ).fetchall()
    assert [reason for (reason,) in changes] == [
        "test", "margin is late", "margin has come", "it leaves", "it has left",
    ]  # fmt: skip
    assert processes(rig) == started


def test_who_may_trade_for_an_account_is_said_by_a_command(rig: StackRig, client: Client) -> None:
    name = "ACC-E2E-002"
    opened = rig.oms(
        *("account", "open", name, "--name", "Of one trader", "--kind", "retail", "--firm", "DEMO"),
        *("--desk", "AGENCY", "--reason", "test"),
    )
    assert opened.returncode == 0, opened.stderr
    assert rig.oms("account", "forbid", name, "--reason", "one trader only").returncode == 0
    time.sleep(1)
    assert ended(client, account=name).text.startswith("TRADER_NOT_PERMITTED")
    assert rig.oms("account", "permit", name, "admin1", "--reason", "that one").returncode == 0
    time.sleep(1)
    assert ended(client, account=name).status == "FILLED"
    assert "admin1" in rig.oms("account", "traders", name).stdout


def test_an_instrument_trades_when_it_is_listed_and_not_when_it_is_off_the_list(
    rig: StackRig, client: Client
) -> None:
    started = processes(rig)
    client.add_instrument(
        "NEWS", name="News", reference_price="27.50", calendar="SIM", tick_size="0.05", reason="first day"
    )
    # Nobody quotes it yet: what is taken by risk waits for a route, or ends without one.
    placed = client.place(account="ACC-INST-001", symbol="NEWS", side="BUY", quantity=10, limit_price="27.55")
    wait_until(
        lambda: "OrderAccepted" in str(client.order_events(placed.order_id)),
        "acceptance of what was just listed",
        EVENTUALLY_S,
    )
    with pytest.raises(ConflictError):
        client.change_instrument("NEWS", tick_size="0.1", reason="coarser")
    client.cancel(placed.order_id)
    wait_until(lambda: client.order(placed.order_id).closed, "its end", EVENTUALLY_S)
    client.change_instrument("NEWS", tick_size="0.1", reason="coarser")
    client.change_instrument("NEWS", status="INACTIVE", reason="delisted")
    time.sleep(1)
    denied = ended(client, account="ACC-INST-001", symbol="NEWS", limit_price="27.50")
    assert denied.text == "INSTRUMENT_NOT_ACTIVE: symbol=NEWS"
    assert not client.order_routes(denied.order_id).routes
    with psycopg.connect(postgres_dsn(rig.layout.port("postgres")), autocommit=True) as connection:
        assert verify_database(connection).faults == []
    assert processes(rig) == started


PROFILE = "e2e"
SETTINGS = {"strategy": "sweep", "weights": {"price": "0.5", "cost": "0.5"}}


def routed_by(client: Client, profile: str) -> tuple[int, str]:
    """Return the version and the strategy by which an order of a profile would be routed now."""
    found = client.preview(account="ACC-INST-001", symbol="MSFT", side="BUY", quantity=20, profile=profile)
    card = found.plan["explanation"]
    return card.get("profileVersion", 0), card.get("strategy", "")


def test_a_changed_profile_routes_the_next_order_within_a_second_and_says_who_and_why(
    rig: StackRig, client: Client
) -> None:
    before = processes(rig)
    assert client.add_profile(PROFILE, SETTINGS, reason=" first ", version=0).version == 1
    wait_until(lambda: routed_by(client, PROFILE) == (1, "sweep"), "version 1 in decisions", EVENTUALLY_S)
    assert (
        client.add_profile(PROFILE, SETTINGS | {"strategy": "best"}, reason="one venue", version=1).version
        == 2
    )
    changed_at = time.monotonic()
    while routed_by(client, PROFILE) != (2, "best"):
        assert time.monotonic() - changed_at < EVENTUALLY_S
        time.sleep(0.05)
    order = ended(client, account="ACC-INST-001", profile=PROFILE)
    card = client.order_routes(order.order_id).routes[0].plan["explanation"]
    assert (card["profileVersion"], card["strategy"]) == (2, "best")
    assert client.retire_profile(PROFILE, reason="over", version=2).active is False
    told = [(one.version, one.created_by, one.reason, one.retired_by, one.retired_reason)
            for one in client.profile_versions(PROFILE).versions]  # fmt: skip
    assert told == [(2, "admin1", "one venue", "admin1", "over"), (1, "admin1", "first", "admin1", "over")]
    # What was retired comes back as a new version of what was read.
    assert client.add_profile(PROFILE, SETTINGS, reason="again", version=2).version == 3
    assert client.profile_versions(PROFILE).versions[0].retired_at is None
    with psycopg.connect(postgres_dsn(rig.layout.port("postgres")), autocommit=True) as connection:
        kept = connection.execute(
            "SELECT DISTINCT actor, reason FROM audit_log"
            " WHERE table_name = 'routing_profiles' AND key->>'profile' = %s",
            (PROFILE,),
        ).fetchall()
        assert sorted(kept) == [("admin1", reason) for reason in ("again", "first", "one venue", "over")]
        assert verify_database(connection).faults == []
    assert processes(rig) == before


WRONG_PROFILES = [
    ({"weights": {"price": "0", "cost": 0}}, "weights"),
    ({"strategy": "fastest"}, "strategy"),
    ({"weights": {"price": "-0.1", "cost": "1"}}, "weights.price"),
    ({"weights": {"price": "1.5"}}, "weights.price"),
    ({"weights": {"pryce": "1"}}, "weights.pryce"),
    ({"weights": {"price": "0.1234567"}}, "weights.price"),
    ({"aggression_ticks": 1.5}, "aggression_ticks"),
    ({"market_collar_bps": 10_000}, "market_collar_bps"),
    ({"staged": {"dark_ms": 0}}, "staged.dark_ms"),
    ({"passive": {"then": "dark"}}, "passive.then"),
    ({"venues": ["XNYS"]}, "venues"),
    ({"reason": " "}, "reason"),
    ({"reason": None}, "reason"),
]


def test_a_profile_that_cannot_be_is_refused_by_its_field_and_nothing_is_stored(rig: StackRig) -> None:
    admin = rig.client("admin1")
    path = "/api/v1/routing/profiles/wrong"
    for changes, field in WRONG_PROFILES:
        with pytest.raises(ApiError) as refused:
            admin.post(path, {**SETTINGS, "reason": "a test", **changes})
        assert refused.value.status == 400, changes
        assert field in [one.field for one in refused.value.fields], (changes, refused.value.fields)
    with pytest.raises(ApiError, match="reason"):
        admin.post(path, SETTINGS)
    with pytest.raises(ApiError, match="no right to admin"):
        rig.client("trader1").post(path, SETTINGS | {"reason": "a test"})
    with pytest.raises(ApiError, match="never was"):
        admin.get(f"{path}/versions")


def test_of_two_who_change_or_retire_a_profile_one_is_told_to_read_again(
    rig: StackRig, client: Client
) -> None:
    client.add_profile("twice", SETTINGS, reason="first", version=0)
    for version in (0, 2):
        with pytest.raises(ConflictError):
            client.add_profile("twice", SETTINGS, reason="unseen", version=version)
    client.add_profile("twice", SETTINGS, reason="second", version=1)
    with pytest.raises(ConflictError):
        client.retire_profile("twice", reason="unseen", version=1)
    with pytest.raises(ApiError, match="reason"):
        rig.client("admin1").delete("/api/v1/routing/profiles/twice")
    assert [one.reason for one in client.profile_versions("twice").versions] == ["second", "first"]
    assert client.profile("twice").active
