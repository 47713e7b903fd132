"""A gateway's FIX door for tests: clients of it on raw sockets, and core's part of an order's life."""

import ssl
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from oms_platform.clock import utc_now
from oms_platform.fix.clients import ClientSettings, hash_password
from oms_platform.fix_client_rows import add_client
from oms_platform.ids import uuid7
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.messages import OrderEvent, SubmitOrder
from oms_platform.vocabulary import (
    CancelRejected,
    OrderDenied,
    OrderReplaced,
    OrderStatus,
    OrderTerms,
    ReplaceRejected,
    ReplaceRequested,
    TradeApplied,
    TradeCorrected,
)
from oms_platform.wire import Topic, encode
from tests.integration.api_rig import Gateway, wait_for
from tests.raw_fix import RawClient, stamp

PASSWORD = "correct-horse-battery"
HASH = hash_password(PASSWORD)
ACCOUNT = "ACC-INST-001"


def settings_of(comp_id: str, *accounts: str, **changes: Any) -> ClientSettings:
    """Return a client's settings."""
    values = {"comp_id": comp_id, "username": "fund"}
    values |= {} if "firm" in changes else {"accounts": accounts or (ACCOUNT,)}
    return ClientSettings(**(values | changes))


def add(dsn: str, comp_id: str = "FUND", *accounts: str, **changes: Any) -> None:
    """Store a client with PASSWORD."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert add_client(connection, settings_of(comp_id, *accounts, **changes), HASH, "test")


class Client(RawClient):
    """A client on a raw socket. Orders and cancels by name; numbers go on over connections by `next_out`."""

    def __init__(self, port: int, comp_id: str = "FUND", *, next_out: int = 1) -> None:
        super().__init__(port, "OMS", comp_id)
        self.next_out = next_out

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from here on."""
        self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")

    def enter(self, *, username: str = "fund", password: str = PASSWORD, **options: Any) -> dict[str, bytes]:
        """Log on with credentials, and return the answer."""
        return self.log_on(more=f"553={username}|554={password}|".encode(), **options)

    def order(self, cl_ord_id: str, more: str = "", *, header: bytes = b"", seq: int | None = None) -> None:
        """Send 35=D: 100 AAPL, limit 187.21, unless `more` says otherwise."""
        fields = {"11": cl_ord_id, "55": "AAPL", "54": "1", "38": "100", "40": "2", "44": "187.21", "59": "0"}
        fields |= {"60": stamp()}
        fields |= dict(part.split("=", 1) for part in more.split("|") if part)
        body = "".join(f"{tag}={value}|" for tag, value in fields.items() if value)
        self.send("D", body.encode(), header=header, seq=seq)

    def cancel(
        self, cl_ord_id: str, orig: str, more: str = "", *, header: bytes = b"", kind: str = "F"
    ) -> None:
        """Send 35=F, or another request of its shape."""
        body = f"11={cl_ord_id}|41={orig}|55=AAPL|54=1|38=100|60={stamp()}|{more}"
        self.send(kind, body.encode(), header=header)

    def replace(
        self,
        cl_ord_id: str,
        orig: str,
        quantity: int,
        price: str = "",
        more: str = "",
        *,
        header: bytes = b"",
    ) -> None:
        """Send 35=G of an order as `order` sends it, unless `more` says otherwise."""
        fields = {"11": cl_ord_id, "41": orig, "55": "AAPL", "54": "1", "38": str(quantity), "40": "2"}
        fields |= {"44": price, "60": stamp()}
        fields |= dict(part.split("=", 1) for part in more.split("|") if part)
        body = "".join(f"{tag}={value}|" for tag, value in fields.items() if value)
        self.send("G", body.encode(), header=header)

    def report(self, **wanted: str) -> dict[str, str]:
        """Return the next application message by tag, and hold it to what is wanted of it: t39="0"."""
        while True:
            found = {tag: value.decode("latin-1") for tag, value in self.read().items()}
            if found["35"] not in "012345A":
                break
        named = {name: found.get(name[1:], "") for name in wanted}
        assert named == wanted, found
        return found


class Core:
    """Core's part: events of orders, stored and published as it does."""

    def __init__(self, dsn: str, kafka: KafkaSettings) -> None:
        self._dsn = dsn
        self._publisher = Publisher(kafka)
        self._sequences: dict[str, int] = {}

    def says(self, order_id: str, kind: str, status: OrderStatus, **changes: Any) -> OrderEvent:
        """Store and publish an event."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            row = connection.execute(
                "SELECT o.account_id, o.client_order_id, o.symbol, o.quantity, o.sequence,"
                " coalesce(head, 0) FROM orders o LEFT JOIN account_streams USING (account_id)"
                " WHERE order_id = %s",
                (order_id,),
            ).fetchone()
            assert row is not None
            account, cl_ord_id, symbol, quantity, sequence, head = row
            event = OrderEvent(
                **{
                    "event_id": uuid7(),
                    "order_id": UUID(order_id),
                    "account_id": account,
                    "client_order_id": cl_ord_id,
                    "sequence": sequence + 1,
                    "stream_sequence": head + 1,
                    "type": kind,
                    "status": status,
                    "symbol": symbol,
                    "side": "SIDE_BUY",
                    "quantity": quantity,
                    "leaves_qty": quantity,
                    "occurred_at": utc_now(),
                }
                | changes
            )
            with connection.transaction():
                connection.execute(
                    "INSERT INTO account_streams VALUES (%s, %s)"
                    " ON CONFLICT (account_id) DO UPDATE SET head = EXCLUDED.head",
                    (account, head + 1),
                )
                connection.execute(
                    "INSERT INTO order_events VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                    (
                        event.order_id, event.sequence, account, head + 1, kind, event.request_id,
                        encode(event).decode(), event.occurred_at,
                    ),
                )  # fmt: skip
                connection.execute(
                    "UPDATE orders SET status = %s, sequence = %s, cum_qty = %s, filled_notional = %s,"
                    " leaves_qty = %s, closed = %s WHERE order_id = %s",
                    (
                        status.name, event.sequence, event.cum_qty, event.cum_qty * Decimal(100),
                        event.leaves_qty, event.leaves_qty == 0, order_id,
                    ),
                )  # fmt: skip
        self._publisher.send(Topic.EVENTS.value, order_id, event, event_id=event.event_id)
        self._publisher.flush()
        return event

    def accepts(self, order_id: str) -> None:
        """Risk passed."""
        self.says(order_id, "OrderAccepted", OrderStatus.ACKNOWLEDGED)

    def denies(self, order_id: str, denial: str) -> None:
        """Risk failed."""
        self.says(
            order_id, "OrderDenied", OrderStatus.REJECTED,
            leaves_qty=0, text=denial, order_denied=OrderDenied(denial=denial),
        )  # fmt: skip

    def trades(self, order_id: str, shares: int, cum: int, exec_id: str, of: int = 100) -> None:
        """A venue traded."""
        full = cum == of
        self.says(
            order_id,
            "TradeApplied",
            OrderStatus.FILLED if full else OrderStatus.PARTIALLY_FILLED,
            cum_qty=cum,
            leaves_qty=of - cum,
            last_qty=shares,
            last_px=Decimal("100"),
            avg_px=Decimal("100"),
            venue_id="XNYS",
            trade_applied=TradeApplied(
                venue_id="XNYS", exec_id=exec_id, cl_ord_id="child", last_qty=shares,
                last_px_micros=100_000_000, transact_time=utc_now(), received_at=utc_now(),
                venue_order_id="V1", trade_date="20260302",
            ),
        )  # fmt: skip

    def busts(self, order_id: str, exec_id: str) -> None:
        """A venue took a trade of 40 shares back, the only one."""
        self.says(
            order_id,
            "TradeCorrected",
            OrderStatus.ACKNOWLEDGED,
            venue_id="XNYS",
            trade_corrected=TradeCorrected(
                venue_id="XNYS", exec_id="B1", exec_ref_id=exec_id, cl_ord_id="child", was_qty=40,
                was_px_micros=100_000_000, transact_time=utc_now(), received_at=utc_now(),
                venue_order_id="V1", trade_date="20260302", ref_trade_date="20260302",
                ref_venue_order_id="V1",
            ),
        )  # fmt: skip

    def takes_replace(self, order_id: str) -> UUID:
        """The replace is pending."""
        request = self.pending_request(order_id, "REPLACE")
        asked = ReplaceRequested(
            request_id=request, terms=self._became(order_id), reserved_price_micros=188_000_000,
            requested_at=utc_now(),
        )  # fmt: skip
        self.says(order_id, "ReplaceRequested", OrderStatus.PENDING_REPLACE, replace_requested=asked)
        return request

    def replaces(self, order_id: str, request: UUID) -> None:
        """The order is replaced by 200 at 188.00."""
        terms = self._became(order_id)
        done = OrderReplaced(request_id=request, terms=terms, reserved_price_micros=188_000_000)
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(
                "UPDATE orders SET quantity = 200, leaves_qty = 200, limit_price = 188 WHERE order_id = %s",
                (order_id,),
            )
        self.says(order_id, "OrderReplaced", OrderStatus.ACKNOWLEDGED, order_replaced=done)

    def rejects_replace(self, order_id: str, reason: str) -> None:
        """The replace changes nothing."""
        request = self.pending_request(order_id, "REPLACE")
        rejected = ReplaceRejected(request_id=request, reason=reason)
        self.says(order_id, "ReplaceRejected", OrderStatus.ACKNOWLEDGED, replace_rejected=rejected)

    def _became(self, order_id: str) -> OrderTerms:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            row = connection.execute(
                "SELECT payload::text FROM order_requests WHERE request_id = %s", (order_id,)
            ).fetchone()
        assert row is not None
        terms = msgspec.json.decode(row[0], type=SubmitOrder).terms
        return msgspec.structs.replace(terms, quantity=200, limit_price_micros=188_000_000)

    def pending_request(self, order_id: str, kind: str = "CANCEL") -> UUID:
        """Return the newest request of a kind about an order."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            row = connection.execute(
                "SELECT request_id FROM order_requests WHERE order_id = %s AND kind = %s"
                " ORDER BY request_id DESC",
                (order_id, kind),
            ).fetchone()
        assert row is not None
        return UUID(str(row[0]))

    def takes_cancel(self, order_id: str) -> UUID:
        """The cancel is pending."""
        request = self.pending_request(order_id)
        self.says(order_id, "CancelRequested", OrderStatus.PENDING_CANCEL, request_id=request)
        return request

    def cancels(self, order_id: str) -> None:
        """What was left is canceled."""
        self.says(order_id, "OrderCanceled", OrderStatus.CANCELED, leaves_qty=0, text="canceled on request")

    def keeps(self, order_id: str, request: UUID, reason: str) -> None:
        """The cancel is rejected."""
        self.says(
            order_id, "CancelRejected", OrderStatus.ACKNOWLEDGED,
            request_id=request, cancel_rejected=CancelRejected(request_id=request, reason=reason),
        )  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """A gateway with clients of accounts that nobody else has: FUND of one, COPY of it, TWO of two others.

    number: tells its clients and accounts from those of other desks at the same gateway.
    """

    api: Gateway
    port: int
    core: Core
    number: int

    def comp_id(self, name: str) -> str:
        """Return the CompID of one of its clients."""
        return f"{name}{self.number}"

    def accounts(self, name: str = "FUND") -> tuple[str, ...]:
        """Return the accounts of one of its clients."""
        return tuple(f"ACC-T-{self.number}-{part}" for part in ((2, 3) if name == "TWO" else (1,)))

    @property
    def account(self) -> str:
        """The account of FUND and COPY."""
        return self.accounts()[0]

    def open(self) -> None:
        """Store its clients."""
        for name, changes in (
            ("FUND", {}),
            ("TWO", {}),
            ("COPY", {"kind": "DROP_COPY", "rights": ("READ",)}),
        ):
            add(self.api.dsn, self.comp_id(name), *self.accounts(name), **changes)

    def enter(self, name: str = "FUND", *, next_out: int = 1) -> Client:
        """Log one of its clients on."""
        client = Client(self.port, self.comp_id(name), next_out=next_out)
        assert client.enter()["35"] == b"A"
        return client

    def enter_again(self, next_out: int, name: str = "FUND", **options: Any) -> Client:
        """Log one of its clients on as soon as it is let in: the gateway may not have seen it go."""
        made: Client = wait_for(lambda: self.tried(next_out, name, **options), f"a logon of {name}")
        return made

    def tried(self, next_out: int, name: str = "FUND", **options: Any) -> Client | None:
        """Log one of its clients on, None when it is not let in."""
        return tried(self.port, self.comp_id(name), next_out, **options)

    def place_by_rest(self, cl_ord_id: str) -> str:
        """Place an order of the account over REST. Returns its id."""
        order_id: str = self.api.place("desk", accountId=self.account, clientOrderId=cl_ord_id).json[
            "orderId"
        ]
        return order_id

    def shown(self, order_id: str) -> Any:
        """Return an order as REST shows it."""
        return self.api.call("GET", f"/api/v1/orders/{order_id}", user="desk").json


def tried(port: int, comp_id: str, next_out: int, **options: Any) -> Client | None:
    """Log a client on, None when it is not let in."""
    client = Client(port, comp_id, next_out=next_out)
    try:
        client.enter(**options)
    except (EOFError, ConnectionResetError):
        return None
    return client
