"""The judge, judged: nothing found in a clean history, and every row dropped, doubled, changed or moved."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from msgspec import structs

from oms_platform import ids, order_ids
from oms_platform.messages import CancelOrder, ReplaceOrder, ResumeOrder, SubmitOrder, SuspendOrder
from oms_platform.postgres import Connection
from oms_platform.vocabulary import OrderChange, OrderType, Side, TimeInForce
from oms_platform.wire import encode
from oms_tools.verify import positions
from oms_tools.verify.judge import Evidence, judge, judge_what_persists
from oms_tools.verify.recent import judge_recent
from tests.ingest import store_change, store_order, submit_order

CHILD_QTY = 100
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
UNTIL = datetime(2099, 11, 27, 18, tzinfo=UTC)
FILL = "payload->'tradeApplied'->>'execId' = 'XNYS-4'"


class History:
    """One filled order (60 + 40 at XNYS), one that rests, was suspended and then replaced by one that is good
    till a time, and one whose trades were too much, taken back and corrected, in every place that the judge
    looks at.
    """

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        self.journal = folder / "broker"
        self.journal.mkdir()
        self.db = psycopg.connect(dsn, autocommit=True)
        self.lines: list[dict[str, object]] = []
        self.sent: list[bytes] = []
        self.streamed = 0
        self.wire: list[bytes] = []
        self.filled = self._order([60, 40])
        self.resting = self._order([])
        self.mended = self._order([60, 60])
        self._mend(self.mended)
        self._replace(self.resting)
        self.closing = self._close()
        self.db.execute(
            "INSERT INTO positions VALUES ('ACC-INST-001', 'AAPL', 150, 15050, 0, -15050, now(), 0.15)",
        )
        self.db.execute("INSERT INTO cash_settlements VALUES ('ACC-INST-001', '2026-11-03', -15050.15)")
        self._open_a_position()
        self._rename_a_position()
        self.wire.append(report("", b"35=8", b"150=F", b"17=LOST", b"32=1", b"31=7"))
        self.exception("UNKNOWN_ORDER", None, "LOST", self.wire[-1])
        self._store_wire()
        self._tell_a_client()
        self.db.execute("INSERT INTO account_streams VALUES ('ACC-INST-001', %s)", (self.streamed,))
        # From here on rows are changed as by somebody whom no trigger holds up.
        self.db.execute("SET session_replication_role = replica")
        self.link()
        self.write_files()

    def link(self) -> None:
        """Link the events as they are, and give outcomes their requests' digests, as core does."""
        self.db.execute(
            "UPDATE order_events e SET request_digest ="
            " sha256(convert_to(r.kind || chr(10) || r.payload::text, 'UTF8'))"
            " FROM order_requests r WHERE r.request_id = e.request_id"
        )
        link = bytes(32)
        for number in range(1, self.streamed + 1):
            row = self.db.execute(
                "UPDATE order_events e SET chain = order_event_link(%s, e) WHERE stream_sequence = %s"
                " RETURNING chain",
                (link, number),
            ).fetchone()
            assert row is not None
            link = row[0]
        self.db.execute("UPDATE account_streams SET chain = %s", (link,))

    def _open_a_position(self) -> None:
        """Say that the account held 10 shares of MSFT before all this, and then 20."""
        for shares, cost, more in ((10, 4_000, 4_000), (20, 9_000, 5_000)):
            action_id = ids.uuid7()
            self.db.execute(
                "INSERT INTO position_actions VALUES"
                " (%s, 'OPENING', 'ACC-INST-001', 'MSFT', %s, 'x', 'x', now())",
                (action_id, json.dumps({"quantity": shares, "cost": str(cost)})),
            )
            self.db.execute(
                "INSERT INTO position_changes VALUES"
                " (%s, 'ACC-INST-001', 'MSFT', 2, 10, %s, 0, 0, %s, now())",
                (action_id, more, more),
            )
        self.db.execute(
            "INSERT INTO positions VALUES ('ACC-INST-001', 'MSFT', 28, 8820, 10, 190, now(), 0, 9000)"
        )
        # Then 10 for 7: 28 4/7 shares, the part of one paid out at 332.50.
        action_id = ids.uuid7()
        terms = json.dumps({"numerator": 10, "denominator": 7, "price": "332.5"})
        self.db.execute(
            "INSERT INTO position_actions VALUES (%s, 'SPLIT', 'ACC-INST-001', 'MSFT', %s, 'x', 'x', now())",
            (action_id, terms),
        )
        self.db.execute(
            "INSERT INTO position_changes VALUES (%s, 'ACC-INST-001', 'MSFT', 3, 8, -180, 10, 190, 0, now())",
            (action_id,),
        )

    def _rename_a_position(self) -> None:
        """Let 10 shares that were brought in be of WMT, of which 4 are short, and were charged for."""
        for symbol, shares, cost in (("DIS", 10, 1_000), ("WMT", -4, -480)):
            action_id = ids.uuid7()
            terms = json.dumps({"quantity": shares, "cost": str(cost)})
            self.db.execute(
                "INSERT INTO position_actions VALUES"
                " (%s, 'OPENING', 'ACC-INST-001', %s, %s, 'x', 'x', now())",
                (action_id, symbol, terms),
            )
            self.db.execute(
                "INSERT INTO position_changes VALUES (%s, 'ACC-INST-001', %s, 3, %s, %s, 0, 0, %s, now())",
                (action_id, symbol, shares, cost, cost),
            )
        action_id = ids.uuid7()
        self.db.execute(
            "INSERT INTO position_actions VALUES (%s, 'RENAME', 'ACC-INST-001', 'DIS', %s, 'x', 'x', now())",
            (action_id, json.dumps({"to": "WMT"})),
        )
        for change in (("DIS", -10, -1_000, 0, 0, -1_000), ("WMT", 10, 1_080, 80, 0, 1_000)):
            self.db.execute(
                "INSERT INTO position_changes VALUES (%s, 'ACC-INST-001', %s, 3, %s, %s, %s, %s, %s, now())",
                (action_id, *change),
            )
        for row in (("DIS", 0, 0, 0, 0, 0), ("WMT", 6, 600, 80, 0, 520)):
            self.db.execute(
                "INSERT INTO positions VALUES ('ACC-INST-001', %s, %s, %s, %s, %s, now(), 0, %s)", row
            )

    def _tell_a_client(self) -> None:
        """Tell a FIX client the first two events."""
        self.db.execute(
            "INSERT INTO fix_clients VALUES ('FUND', 'ORDERS', '{ACC-INST-001}', '{READ}', 'x', 'x', NULL,"
            " true, 1, now(), 'x')"
        )
        self.db.execute(
            "INSERT INTO fix_client_sessions VALUES ('FUND', 1, 2, 4, now(), %s)", ('{"ACC-INST-001": 2}',)
        )
        for number in (1, 2):
            self.db.execute(
                "INSERT INTO fix_client_messages VALUES (%s, 'FUND', 1, %s, 'ACC-INST-001', %s, '')",
                (ids.uuid7(), number + 1, number),
            )

    def evidence(self) -> Evidence:
        return Evidence(dsn=self.dsn, venue_journal=self.journal)

    def broken(self) -> list[str]:
        """Return the broken invariants."""
        return [finding.invariant for finding in judge(self.evidence()).findings if finding.broken]

    def write_files(self) -> None:
        (self.journal / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in self.lines))

    def _close(self) -> SubmitOrder:
        """Have a kill switch close 100 of the 150 shares that are held; nobody trades that yet."""
        switch_id, place = ids.uuid7(), self.streamed
        self.db.execute(
            "INSERT INTO kill_switches (switch_id, scope, stage, reason, set_by, set_at)"
            " VALUES (%s, '{}', 'FLATTEN', 'x', 'x', now())",
            (switch_id,),
        )
        order = submit_order(
            side=Side.SELL, channel="KILL-SWITCH", closes_for=switch_id, order_type=OrderType.MARKET,
            limit_price_micros=None,
        )  # fmt: skip
        self._order([], order)
        self.db.execute(
            "INSERT INTO kill_switch_closings"
            " VALUES (%s, %s, 'ACC-INST-001', 'AAPL', 1, 'SELL', 100, 150, 0, %s, now())",
            (order.order_id, switch_id, place),
        )
        return order

    def _order(self, fills: list[int], order: SubmitOrder | None = None) -> SubmitOrder:
        order = order or submit_order()
        store_order(self.db, order)
        child = order_ids.child_cl_ord_id(order.order_id, 1, 1)
        accepted = {"orderAccepted": {"route": {"quantity": CHILD_QTY}}}
        self._event(order, 2, "OrderAccepted", "ACKNOWLEDGED", accepted, request_id=order.order_id)
        leg = {"clOrdId": child, "venueId": "XNYS", "quantity": CHILD_QTY, "limitPriceMicros": 1}
        self._event(order, 3, "RoutePlaced", "ACKNOWLEDGED", {"routePlaced": {"children": [leg]}})
        book_id, reference_id = ids.uuid7(), ids.uuid7()
        self.db.execute("INSERT INTO route_books VALUES (%s, 'AAPL', now(), '{}')", (book_id,))
        self.db.execute("INSERT INTO route_references VALUES (%s, '{}', now())", (reference_id,))
        self.db.execute(
            "INSERT INTO route_audit VALUES"
            " (%s, 1, 'ACC-INST-001', '{}', '', '{}', %s, %s, now(), now(), 1, 1)",
            (order.order_id, book_id, reference_id),
        )
        done = min(sum(fills), CHILD_QTY)
        self.db.execute(
            "INSERT INTO child_orders (order_id, cl_ord_id, attempt, leg, venue_id, quantity, terms,"
            " continues, status, cum_qty, leaves_qty, created_at, updated_at)"
            " VALUES (%s, %s, 1, 1, 'XNYS', 100, '{}', false, %s, %s, %s, now(), now())",
            (
                order.order_id, child, "FILLED" if done == CHILD_QTY else "NEW", done, CHILD_QTY - done,
            ),
        )  # fmt: skip
        self.sent.append(f"8=FIX.4.4\x019=1\x0135=D\x0134=1\x0111={child}\x0155=AAPL\x0110=000\x01".encode())
        self.lines.append({"record": "order", "venue_id": "XNYS", "cl_ord_id": child, "order_qty": CHILD_QTY})
        status, sequence, cum = "ACKNOWLEDGED", 3, 0
        for quantity in fills:
            sequence, cum = sequence + 1, cum + quantity
            status = "FILLED" if cum >= CHILD_QTY else "PARTIALLY_FILLED"
            exec_id = f"XNYS-{self.streamed + 2}"
            self.wire.append(
                report("|58=17=X", b"35=8", b"150=F", b"17=" + exec_id.encode(), b"31=100",
                       b"354=6", b"355=a\x0132=9", b"32=" + str(quantity).encode())
            )  # fmt: skip
            trade = {
                "venueId": "XNYS", "execId": exec_id, "clOrdId": child, "lastQty": quantity,
                "lastPxMicros": 100_000_000, "feeMicros": 1_000 * quantity, "settlesOn": "2026-11-03",
            }  # fmt: skip
            self._event(
                order, sequence, "TradeApplied", status,
                {"tradeApplied": trade, "lastQty": quantity, "lastPx": "100.000000", "side": "SIDE_BUY",
                 "symbol": "AAPL"},
            )  # fmt: skip
            self.lines.append(
                {
                    "record": "report", "venue_id": "XNYS", "cl_ord_id": child, "exec_id": exec_id,
                    "last_qty": quantity, "last_px": "100.00", "leaves_qty": CHILD_QTY - cum,
                }
            )  # fmt: skip
        self.db.execute(
            "UPDATE orders SET status = %s, closed = %s, cum_qty = %s, leaves_qty = %s, filled_notional = %s,"
            " sequence = %s WHERE order_id = %s",
            (
                status, cum >= CHILD_QTY, min(cum, CHILD_QTY), max(0, CHILD_QTY - cum), Decimal(100 * cum),
                sequence, order.order_id,
            ),
        )  # fmt: skip
        return order

    def _mend(self, order: SubmitOrder) -> None:
        """Take the first of the two trades back and correct the second, which was too much, to 50 at 101."""
        child = order_ids.child_cl_ord_id(order.order_id, 1, 1)
        first, second = (f"XNYS-{self.streamed}", f"XNYS-{self.streamed + 1}")
        self.exception("OVERFILL", order, second, b"of " + second.encode())
        self.exception("CUM_QTY_DIFFERS", order, "", b"of the child")
        for sequence, (exec_id, about, shares, price, leaves) in enumerate(
            [("B1", first, 0, 0, 40), ("C1", second, 50, 101, 50)], 6
        ):
            change = {
                "venueId": "XNYS", "execId": exec_id, "execRefId": about, "clOrdId": child, "wasQty": 60,
                "wasPxMicros": 100_000_000, "leavesQty": leaves, "wasFeeMicros": 60_000,
                "feeMicros": 1_000 * shares, "settlesOn": "2026-11-03",
            } | ({"lastQty": shares, "lastPxMicros": price * 1_000_000} if shares else {})  # fmt: skip
            self._event(order, sequence, "TradeCorrected", "PARTIALLY_FILLED", {"tradeCorrected": change})
            self.lines.append(
                {
                    "record": "report", "venue_id": "XNYS", "cl_ord_id": child, "exec_id": exec_id,
                    "exec_type": "TRADE_CORRECT" if shares else "TRADE_CANCEL", "exec_ref_id": about,
                    "last_qty": shares, "last_px": str(price), "leaves_qty": leaves,
                }
            )  # fmt: skip
            kind = b"150=G" if shares else b"150=H"
            self.wire.append(report("", b"35=8", kind, b"17=" + exec_id.encode()))
        self.db.execute(
            "UPDATE orders SET status = 'PARTIALLY_FILLED', closed = false, cum_qty = 50, leaves_qty = 50,"
            " filled_notional = 5050, sequence = 7 WHERE order_id = %s",
            (order.order_id,),
        )
        self.db.execute(
            "UPDATE child_orders SET status = 'PARTIALLY_FILLED', cum_qty = 50, leaves_qty = 50,"
            " missing_qty = 1 WHERE order_id = %s",
            (order.order_id,),
        )

    def _replace(self, order: SubmitOrder) -> None:
        """Suspend an order, resume it, and make it one that is good till a time."""
        change = OrderChange(time_in_force=TimeInForce.GTD, expire_at=UNTIL)
        asked = dict.fromkeys((SuspendOrder, ResumeOrder, ReplaceOrder))
        for kind in asked:
            asked[kind] = ids.uuid7()
            content = {"change": change} if kind is ReplaceOrder else {}
            account_id = order.terms.account_id
            store_change(
                self.db,
                kind(
                    request_id=asked[kind], order_id=order.order_id, account_id=account_id,
                    received_at=order.received_at, **content,
                ),
            )  # fmt: skip
        till = structs.replace(order.terms, time_in_force=TimeInForce.GTD, expire_at=UNTIL)
        terms = json.loads(encode(till))
        for sequence, (kind, status, request, body) in enumerate(
            [
                ("OrderSuspended", "SUSPENDED", SuspendOrder, {}),
                ("OrderResumed", "ACKNOWLEDGED", ResumeOrder, {}),
                ("ReplaceRequested", "PENDING_REPLACE", ReplaceOrder, {}),
                ("OrderReplaced", "ACKNOWLEDGED", ReplaceOrder, {"orderReplaced": {"terms": terms}}),
            ],
            4,
        ):
            request_id = str(asked[request])
            self._event(order, sequence, kind, status, {"requestId": request_id} | body, request_id)
        self.db.execute(
            "UPDATE orders SET time_in_force = 'GTD', expire_at = %s, sequence = 7 WHERE order_id = %s",
            (UNTIL, order.order_id),
        )

    def exception(self, kind: str, order: SubmitOrder | None, exec_id: str, raw: bytes) -> None:
        """Store an exception as services do, of the order's child."""
        child = "" if order is None else order_ids.child_cl_ord_id(order.order_id, 1, 1)
        self.db.execute(
            "INSERT INTO execution_exceptions (exception_id, identity, kind, raised_by, venue_id, order_id,"
            " cl_ord_id, exec_id, detail, raw, raised_at)"
            " VALUES (%s, %s, %s, 'test', 'XNYS', %s, %s, %s, '', %s, now())",
            (ids.uuid7(), str(raw), kind, None if order is None else order.order_id, child, exec_id, raw),
        )

    def _store_wire(self) -> None:
        self.store_messages(self.wire, inbound=True)
        self.store_messages(self.sent, inbound=False)

    def store_messages(self, messages: list[bytes], *, inbound: bool) -> None:
        """Store FIX messages as the adapter does."""
        count = len(messages)
        self.db.execute(
            "INSERT INTO fix_journal VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                ids.uuid7(), ["XNYS"] * count, [inbound] * count, list(range(1, count + 1)),
                [datetime.now(UTC)] * count, [len(raw) for raw in messages], b"".join(messages),
            ),
        )  # fmt: skip

    def _event(
        self,
        order: SubmitOrder,
        sequence: int,
        kind: str,
        status: str,
        body: dict[str, object],
        request_id: object = None,
    ) -> None:
        self.streamed += 1
        self.db.execute(
            "INSERT INTO order_events VALUES (%s, %s, %s, %s, %s, %s, %s, now())",
            (
                order.order_id, sequence, order.terms.account_id, self.streamed, kind, request_id,
                json.dumps({"status": f"ORDER_STATUS_{status}", "quantity": CHILD_QTY} | body),
            ),
        )  # fmt: skip


def report(text: str, *fields: bytes) -> bytes:
    """Return a FIX message of these fields, as bytes on the wire."""
    more = text.encode().replace(b"|", b"\x01").removeprefix(b"\x01")
    return b"\x01".join([b"8=FIX.4.4", b"9=1", *fields, *([more] if more else []), b"10=000", b""])


@pytest.fixture
def history(dsn: str, tmp_path: Path) -> History:
    return History(dsn, tmp_path)


def sql(statement: str) -> Callable[[History], None]:
    """Return a mutation by SQL; :filled, :resting, :mended and :closing stand for the orders."""

    def mutate(history: History) -> None:
        text = statement.replace(":filled", f"'{history.filled.order_id}'")
        text = text.replace(":mended", f"'{history.mended.order_id}'")
        text = text.replace(":closing", f"'{history.closing.order_id}'")
        history.db.execute(text.replace(":resting", f"'{history.resting.order_id}'"))  # type: ignore[arg-type]

    return mutate


def drop_journal_fill(history: History) -> None:
    history.lines = [line for line in history.lines if line.get("exec_id") != "XNYS-5"]
    history.write_files()


def double_journal_order(history: History) -> None:
    history.lines.insert(1, history.lines[0])
    history.write_files()


def send_stranger(history: History) -> None:
    history.store_messages([history.sent[0].replace(b"\x0111=", b"\x0111=f")], inbound=False)


def lose_a_fill(history: History) -> None:
    """Let the venue have traded what never came, as with a gap that it filled."""
    child = order_ids.child_cl_ord_id(history.resting.order_id, 1, 1)
    history.lines.append(
        {
            "record": "report", "venue_id": "XNYS", "cl_ord_id": child, "exec_id": "GAP",
            "exec_type": "TRADE", "last_qty": 10, "last_px": "100", "leaves_qty": 90,
        }
    )  # fmt: skip
    history.write_files()


def keep_journal_bust(history: History) -> None:
    history.db.execute("UPDATE execution_exceptions SET cl_ord_id = '' WHERE kind = 'CUM_QTY_DIFFERS'")
    history.lines = [line for line in history.lines if line.get("exec_id") != "B1"]
    history.write_files()


def ask_for_a_cancel(history: History) -> None:
    order = history.resting
    cancel = CancelOrder(
        request_id=ids.uuid7(),
        order_id=order.order_id,
        account_id=order.terms.account_id,
        received_at=order.received_at,
    )
    store_change(history.db, cancel)


CLOSES = "an order that closes a position for a kill switch"
MUTATIONS: dict[str, tuple[Callable[[History], None], str]] = {
    "drop what a switch's order closes": (sql("DELETE FROM kill_switch_closings"), CLOSES),
    "call a client's order a switch's": (
        sql("UPDATE orders SET channel = 'KILL-SWITCH' WHERE order_id = :filled"),
        CLOSES,
    ),
    "close for a switch that never flattened": (sql("UPDATE kill_switches SET stage = 'CANCEL'"), CLOSES),
    "decide another quantity": (sql("UPDATE kill_switch_closings SET quantity = 99"), CLOSES),
    "decide twice": (
        sql(
            "INSERT INTO kill_switch_closings SELECT gen_random_uuid(), switch_id, account_id, symbol, 2,"
            " side, quantity, held, others, stream_sequence + 2, decided_at FROM kill_switch_closings"
        ),
        CLOSES,
    ),
    "close more than is held": (
        sql("UPDATE kill_switch_closings SET held = 151"),
        "an order of a kill switch closes what is held",
    ),
    "let an order go on after its time": (
        sql("UPDATE orders SET expire_at = now() - interval '1 minute' WHERE order_id = :resting"),
        "no order goes on after the time",
    ),
    "move an order's time": (
        sql("UPDATE orders SET expire_at = expire_at + interval '1 second' WHERE order_id = :resting"),
        "an order's terms are",
    ),
    "let an auction's order have another child": (
        sql("UPDATE orders SET time_in_force = 'CLO', expire_at = NULL WHERE order_id = :resting"),
        "what is for an auction",
    ),
    "let another order have an auction's child": (
        sql('UPDATE child_orders SET terms = \'{"timeInForce": "TIME_IN_FORCE_OPG"}\''),
        "what is for an auction",
    ),
    "let an order go on after its auction": (
        sql(
            "UPDATE order_events SET payload = jsonb_set(payload::jsonb, '{orderAccepted,auction}',"
            " '{\"at\": \"2026-01-02T03:04:05Z\"}') WHERE type = 'OrderAccepted' AND order_id = :resting"
        ),
        "what is for an auction",
    ),
    "drop an order": (sql("DELETE FROM orders WHERE order_id = :resting"), "every order exists once"),
    "drop a key": (sql("DELETE FROM order_keys WHERE order_id = :resting"), "every order exists once"),
    "drop a fill": (sql(f"DELETE FROM order_events WHERE {FILL}"), "net fills (trades"),
    "double a fill": (
        sql(
            "INSERT INTO order_events SELECT order_id, 99, account_id, 99, type, request_id,"
            " jsonb_set(payload::jsonb, '{tradeApplied,venueId}', '\"XNAS\"'), occurred_at"
            f" FROM order_events WHERE {FILL}"
        ),
        "net fills (trades",
    ),
    "change a fill's price": (
        sql(
            "UPDATE order_events SET payload ="
            f" jsonb_set(payload::jsonb, '{{tradeApplied,lastPxMicros}}', '100010000') WHERE {FILL}"
        ),
        "live: CumQty + LeavesQty",
    ),
    "one execution on two orders": (
        sql(
            "INSERT INTO order_events SELECT :resting, 99, account_id, 99, type, request_id, payload,"
            f" occurred_at FROM order_events WHERE {FILL}"
        ),
        "an execution (venue, trade date, venue's order, ExecID) is applied once",
    ),
    "a trade whose bust is dropped": (
        sql("DELETE FROM order_events WHERE payload->'tradeCorrected'->>'execId' = 'B1'"),
        "net fills (trades",
    ),
    "a bust that is applied to another quantity": (
        sql(
            "UPDATE order_events SET payload = jsonb_set(payload::jsonb, '{tradeCorrected,wasQty}', '59')"
            " WHERE payload->'tradeCorrected'->>'execId' = 'B1'"
        ),
        "a correction is of a trade",
    ),
    "a bust of a trade that nobody has": (
        sql(
            "UPDATE order_events SET payload ="
            " jsonb_set(payload::jsonb, '{tradeCorrected,execRefId}', '\"X\"')"
            " WHERE payload->'tradeCorrected'->>'execId' = 'B1'"
        ),
        "a correction is of a trade",
    ),
    "a bust of another day's trade": (
        sql(
            "UPDATE order_events SET payload ="
            " jsonb_set(payload::jsonb, '{tradeCorrected,refTradeDate}', '\"20261102\"')"
            " WHERE payload->'tradeCorrected'->>'execId' = 'B1'"
        ),
        "a correction is of a trade",
    ),
    "a correction at another price": (
        sql(
            "UPDATE order_events SET payload ="
            " jsonb_set(payload::jsonb, '{tradeCorrected,lastPxMicros}', '101000001')"
            " WHERE payload->'tradeCorrected'->>'execId' = 'C1'"
        ),
        "a position's cost",
    ),
    "a correction that is applied twice": (
        sql(
            "INSERT INTO order_events SELECT order_id, 99, account_id, 99, type, request_id, payload,"
            " occurred_at FROM order_events WHERE payload->'tradeCorrected'->>'execId' = 'C1'"
        ),
        "an execution (venue, trade date",
    ),
    "a bust that brings a canceled order back": (
        sql(
            "UPDATE order_events SET payload = jsonb_set(payload::jsonb, '{status}',"
            " '\"ORDER_STATUS_CANCELED\"') WHERE payload->'tradeCorrected'->>'execId' = 'B1'"
        ),
        "each order's events are a path",
    ),
    "an overfill that nobody was told of": (
        sql("DELETE FROM execution_exceptions WHERE kind = 'OVERFILL'"),
        "at every instant",
    ),
    "an excess that nobody was told of": (
        sql("UPDATE orders SET excess_qty = 5 WHERE order_id = :filled"),
        "net fills (trades",
    ),
    "children that hold too much and nobody was told": (
        sql("UPDATE child_orders SET cum_qty = 101 WHERE order_id = :filled"),
        "sum over children",
    ),
    "missing shares that nobody was told of": (
        sql("DELETE FROM execution_exceptions WHERE kind = 'CUM_QTY_DIFFERS'"),
        "shares that a venue says it executed",
    ),
    "an unresolved child that nobody was told of": (
        sql("UPDATE child_orders SET status = 'UNRESOLVED' WHERE order_id = :resting"),
        "shares that a venue says it executed",
    ),
    "a report that was dropped": (
        sql("DELETE FROM execution_exceptions WHERE exec_id = 'LOST'"),
        "every execution that came over FIX",
    ),
    "a bust that was dropped": (
        sql(
            "UPDATE order_events SET payload = jsonb_set(payload::jsonb, '{tradeCorrected,execId}', '\"Z\"')"
            " WHERE payload->'tradeCorrected'->>'execId' = 'B1'"
        ),
        "every execution that came over FIX",
    ),
    "a report of a text that is read as its shares": (
        sql(
            f"UPDATE order_events SET payload = jsonb_set(payload::jsonb, '{{tradeApplied,lastQty}}', '9')"
            f" WHERE {FILL}"
        ),
        "every execution that came over FIX",
    ),
    "more asked for than is left": (
        sql(
            "UPDATE order_events SET type = 'RouteRequested', payload = payload::jsonb ||"
            ' jsonb \'{"routeRequested":{"quantity":41}}\' WHERE order_id = :filled AND sequence = 5'
        ),
        "at every instant",
    ),
    "a venue that stands by a trade that we took back": (keep_journal_bust, "the venue's own journal"),
    "a child too large": (
        sql("UPDATE child_orders SET quantity = 200, leaves_qty = 101 WHERE order_id = :resting"),
        "sum over children",
    ),
    "drop a route": (sql("DELETE FROM route_audit WHERE order_id = :resting"), "no child without parent"),
    "a route whose reference is gone": (
        sql("DELETE FROM route_references"),
        "every route can be decided again",
    ),
    "a route whose book is gone": (sql("DELETE FROM route_books"), "every route can be decided again"),
    "a route without risk": (
        sql("UPDATE order_events SET type = 'OrderDenied' WHERE order_id = :resting AND sequence = 2"),
        "no child without parent",
    ),
    "an exception that is booked by no trade": (
        sql(
            "INSERT INTO execution_exceptions (exception_id, identity, kind, raised_by, venue_id, detail,"
            " raw, raised_at, status, closed_at) VALUES (gen_random_uuid(), 'x', 'BAD_PRICE', 'x', 'XNYS',"
            " 'x', '', now(), 'BOOKED', now())"
        ),
        "a trade that a person booked",
    ),
    "a trade that says it was booked, of no exception": (
        sql(
            "UPDATE order_events SET payload = jsonb_set(payload::jsonb, '{tradeApplied,requestId}', '\"x\"')"
            " WHERE order_id = :filled AND type = 'TradeApplied'"
        ),
        "a trade that a person booked",
    ),
    "shares drawn of a locate that no order explains": (
        sql("INSERT INTO locate_draws VALUES ('ACC-INST-001', 'AAPL', 'L-1', 1)"),
        "what is drawn of a locate",
    ),
    "a position off by one": (sql("UPDATE positions SET quantity = quantity + 1"), "position = sum"),
    "cash off by a cent": (sql("UPDATE positions SET net_cash = net_cash + 0.01"), "position = sum"),
    "cost and profit that agree with cash and not with the fills": (
        sql("UPDATE positions SET cost = cost + 1, realized_pnl = realized_pnl + 1"),
        "a position's cost",
    ),
    "a fee off by a micro": (sql("UPDATE positions SET fees = fees + 0.000001"), "position = sum"),
    "a realized profit off by a micro": (
        sql("UPDATE positions SET realized_pnl = realized_pnl + 0.000001"),
        "a position's cost",
    ),
    "a position that nobody opened": (
        sql("DELETE FROM position_changes WHERE cost = 5000"),
        "position = sum",
    ),
    "an opening that is told otherwise than it was": (
        sql(
            "UPDATE position_actions SET terms = jsonb_set(terms, '{cost}', '\"9001\"')"
            " WHERE terms->>'quantity' = '20'"
        ),
        "a correction gives back the fee",
    ),
    "an opening after another": (
        sql("UPDATE position_changes SET stream_sequence = 1 WHERE cost = 5000"),
        "a correction gives back the fee",
    ),
    "a split of more shares than it says": (
        sql("UPDATE position_actions SET terms = jsonb_set(terms, '{numerator}', '4') WHERE kind = 'SPLIT'"),
        "a correction gives back the fee",
    ),
    "a split that nobody took": (
        sql("DELETE FROM position_changes WHERE net_cash <> 0"),
        "position = sum",
    ),
    "a rename that left something behind": (
        sql(
            "UPDATE position_changes SET realized_pnl = 1 WHERE symbol = 'DIS' AND quantity < 0;"
            "UPDATE positions SET realized_pnl = 1 WHERE symbol = 'DIS'"
        ),
        "a correction gives back the fee",
    ),
    "a rename that closed nothing": (
        sql(
            "UPDATE position_changes SET cost = 1000, realized_pnl = 0 WHERE symbol = 'WMT' AND cost = 1080;"
            "UPDATE positions SET cost = 520, realized_pnl = 0 WHERE symbol = 'WMT'"
        ),
        "a position's cost",
    ),
    "a rename of which half was done": (
        sql("DELETE FROM position_changes WHERE symbol = 'WMT' AND cost = 1080"),
        "position = sum",
    ),
    "cash that settles on another day": (
        sql("UPDATE cash_settlements SET settles_on = '2026-11-04'"),
        "cash by settlement date",
    ),
    "cash that no execution explains": (
        sql("INSERT INTO cash_settlements VALUES ('ACC-INST-001', '2026-11-05', 0.000001)"),
        "cash by settlement date",
    ),
    "a day's cash that is dropped": (sql("DELETE FROM cash_settlements"), "cash by settlement date"),
    "a fee of an execution": (
        sql(
            "UPDATE order_events SET payload = jsonb_set(payload::jsonb, '{tradeApplied,feeMicros}', '1')"
            f" WHERE {FILL}"
        ),
        "position = sum",
    ),
    "a bust that gives back another fee": (
        sql(
            "UPDATE order_events SET payload ="
            " jsonb_set(payload::jsonb, '{tradeCorrected,wasFeeMicros}', '60001')"
            " WHERE payload->'tradeCorrected'->>'execId' = 'B1'"
        ),
        "a correction gives back the fee",
    ),
    "change an event": (
        sql("UPDATE order_events SET occurred_at = now() WHERE order_id = :filled AND sequence = 3"),
        "each event's link is",
    ),
    "move the stream's head to another link": (
        sql("UPDATE account_streams SET chain = sha256(chain)"),
        "each event's link is",
    ),
    "change a request": (
        sql(
            "UPDATE order_requests SET payload = (payload::jsonb || '{\"x\": 1}')::json"
            " WHERE order_id = :resting AND kind = 'NEW'"
        ),
        "each event's link is",
    ),
    "cut the log's end off": (
        sql("DELETE FROM audit_log WHERE sequence = (SELECT sequence FROM audit_head)"),
        "each change in the audit's log",
    ),
    "drop a request": (sql("DELETE FROM order_requests WHERE order_id = :resting"), "every acked request"),
    "a request without an outcome": (ask_for_a_cancel, "every acked request"),
    "an order that was taken twice": (
        sql("UPDATE order_events SET type = 'OrderAccepted' WHERE order_id = :filled AND sequence = 3"),
        "every acked request",
    ),
    "a route after a cancel": (
        sql(
            "UPDATE order_events SET type = CASE sequence WHEN 3 THEN 'CancelRequested'"
            " ELSE 'RouteRequested' END WHERE order_id = :filled AND sequence IN (3, 4)"
        ),
        "nothing is routed",
    ),
    "a route while the order is suspended": (
        sql("UPDATE order_events SET type = 'RouteRequested' WHERE order_id = :resting AND sequence = 5"),
        "nothing is routed",
    ),
    "a route while the order is to be replaced": (
        sql(
            "UPDATE order_events SET type = CASE sequence WHEN 4 THEN 'ReplaceRequested'"
            " ELSE 'RouteRequested' END, payload = payload::jsonb || jsonb '{\"requestId\":\"x\"}'"
            " WHERE order_id = :resting AND sequence IN (4, 5)"
        ),
        "nothing is routed",
    ),
    "an order that is not what was asked for": (
        sql("UPDATE orders SET limit_price = limit_price + 0.01 WHERE order_id = :resting"),
        "an order's terms are",
    ),
    "an order that is still what it was": (
        sql("UPDATE orders SET time_in_force = 'DAY', expire_at = NULL WHERE order_id = :resting"),
        "an order's terms are",
    ),
    "a replace without an end": (
        sql("UPDATE order_events SET type = 'RouteDeferred' WHERE order_id = :resting AND sequence = 7"),
        "an order's terms are",
    ),
    "a replace that nobody asked for": (
        sql("UPDATE order_requests SET kind = 'CANCEL' WHERE kind = 'REPLACE'"),
        "an order's terms are",
    ),
    "a quantity that nothing explains": (
        sql(
            "UPDATE order_events SET payload = payload::jsonb || jsonb '{\"quantity\":101}'"
            " WHERE order_id = :resting AND sequence = 5"
        ),
        "at every instant",
    ),
    "a suspend that ends a replace": (
        sql("UPDATE order_events SET type = 'OrderSuspended' WHERE order_id = :resting AND sequence = 7"),
        "each order's events are a path",
    ),
    "a stream whose head is behind": (
        sql("UPDATE account_streams SET head = head - 1"),
        "each account's stream",
    ),
    "an order that nobody drives on": (
        sql("UPDATE child_orders SET leaves_qty = 0, status = 'CANCELED' WHERE order_id = :resting"),
        "when all is quiet",
    ),
    "drop an event": (
        sql("DELETE FROM order_events WHERE order_id = :filled AND sequence = 4"),
        "each order's events are numbered",
    ),
    "a status that is not the last event's": (
        sql("UPDATE orders SET status = 'PARTIALLY_FILLED' WHERE order_id = :resting"),
        "each order's events are numbered",
    ),
    "swap two events": (
        sql(
            "UPDATE order_events SET type = CASE sequence WHEN 2 THEN 'TradeApplied' ELSE 'OrderAccepted' END"
            " WHERE order_id = :filled AND sequence IN (2, 4)"
        ),
        "each order's events are a path",
    ),
    "a stream number twice": (
        sql("UPDATE order_events SET stream_sequence = 1 WHERE stream_sequence = 2"),
        "each account's stream",
    ),
    "an event told twice": (
        sql("UPDATE fix_client_messages SET stream_sequence = 1"),
        "a FIX client is told",
    ),
    "a number sent twice": (sql("UPDATE fix_client_messages SET seq = 2"), "a FIX client is told"),
    "a number that comes next and was sent": (
        sql("UPDATE fix_client_sessions SET next_out = 3"),
        "a FIX client is told",
    ),
    "an event told beyond the place in its stream": (
        sql("UPDATE fix_client_sessions SET streams = '{\"ACC-INST-001\": 1}'"),
        "a FIX client is told",
    ),
    "children that overlap in time": (
        sql(
            "UPDATE order_events SET payload = jsonb_set(payload::jsonb,"
            " '{routePlaced,children,0,quantity}', '101')"
            " WHERE order_id = :resting AND type = 'RoutePlaced'"
        ),
        "at every instant",
    ),
    "a child beyond its order's limit": (
        sql(
            "UPDATE order_events SET payload = jsonb_set(payload::jsonb,"
            " '{routePlaced,children,0,limitPriceMicros}', '999000000')"
            " WHERE order_id = :resting AND type = 'RoutePlaced'"
        ),
        "no child is priced beyond",
    ),
    "a venue without one of our fills": (drop_journal_fill, "the venue's own journal"),
    "a fill that never came": (lose_a_fill, "the venue's own journal"),
    "an order twice at the venue": (double_journal_order, "the venue's own journal"),
    "a stranger on the FIX log": (send_stranger, "every new order sent over FIX"),
}


def test_a_clean_history_breaks_nothing(history: History) -> None:
    report = judge(history.evidence())
    assert [finding.violations for finding in report.findings if finding.broken] == []
    assert all(finding.examined for finding in report.findings)
    assert report.left_out == []


def recent(history: History, since: datetime) -> dict[str, dict[str, str]]:
    """Judge what is recent, as a connection of its own sees it. Returns what breaks each invariant."""
    with psycopg.connect(history.dsn, autocommit=True) as connection:
        return {one.invariant: one.broken for one in judge_recent(connection, since).findings}


def test_what_is_recent_is_looked_at_as_everything_is_and_what_is_older_is_not(history: History) -> None:
    whole = {one.invariant: one.examined for one in judge(history.evidence()).findings}
    with psycopg.connect(history.dsn, autocommit=True) as connection:
        for since, part in ((LONG_AGO, 1), (UNTIL, 0), (LONG_AGO, 1)):
            for one in judge_recent(connection, since).findings:
                assert (one.examined, one.broken) == (whole[one.invariant] * part, {}), one.invariant


@pytest.mark.parametrize("name", MUTATIONS)
def test_one_row_wrong_breaks_its_invariant(history: History, name: str) -> None:
    mutate, invariant = MUTATIONS[name]
    mutate(history)
    findings = judge(history.evidence()).findings
    broken = {one.invariant: one.broken for one in findings if one.broken}
    assert any(found.startswith(invariant) for found in broken), broken
    # What an order's own rows show is found of recent orders too; of orders that are not looked at, nothing.
    shown = recent(history, LONG_AGO)
    assert shown == {one: broken.get(one, {}) for one in shown}
    assert not any(recent(history, UNTIL).values())


def test_a_fill_that_never_came_is_explained_by_its_childs_exception(history: History) -> None:
    lose_a_fill(history)
    history.exception("CUM_QTY_DIFFERS", history.resting, "", b"of the resting child")
    assert history.broken() == []


@pytest.mark.parametrize(
    ("stops", "goes_on"),
    [
        (
            "INSERT INTO halts VALUES (gen_random_uuid(), 'AAPL', 'news', 'risk1', now())",
            "UPDATE halts SET lifted_by = 'risk1', lifted_at = now()",
        ),
        (
            "UPDATE instruments SET status = 'INACTIVE' WHERE symbol = 'AAPL'",
            "UPDATE instruments SET status = 'ACTIVE' WHERE symbol = 'AAPL'",
        ),
        (
            "UPDATE instruments SET calendar_id = 'XNYS' WHERE symbol = 'AAPL'",
            "INSERT INTO calendar_sessions VALUES ('XNYS', current_date, now() - interval '1 min',"
            " now() + interval '1 h')",
        ),
    ],
)
def test_an_order_may_wait_for_its_market_and_no_longer(history: History, stops: str, goes_on: str) -> None:
    statement = "UPDATE child_orders SET leaves_qty = 0, status = 'CANCELED' WHERE order_id = %s"
    history.db.execute(statement, (history.resting.order_id,))
    history.db.execute(stops)
    assert not [one for one in history.broken() if one.startswith("when all is quiet")]
    history.db.execute(goes_on)
    assert [one for one in history.broken() if one.startswith("when all is quiet")]


def test_what_is_only_on_its_way_does_not_count_and_what_persists_does(history: History) -> None:
    sql("UPDATE child_orders SET leaves_qty = 99 WHERE order_id = :resting")(history)
    earlier = judge(history.evidence())
    sql("UPDATE child_orders SET leaves_qty = 100 WHERE order_id = :resting")(history)
    sql("UPDATE positions SET quantity = 99")(history)
    later = judge(history.evidence())
    assert not later.clean
    later.keep_what_persists_from(earlier)
    assert later.clean
    assert not judge_what_persists(history.evidence(), 0.1).clean


def test_what_moves_while_positions_are_added_up_breaks_nothing(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_up = positions.rebuild

    def add_up_while_trading(connection: Connection) -> positions.Rebuilt:
        found = add_up(connection)
        # A trade is applied by core in one transaction: here, of all that it writes, what is compared.
        history.db.execute(
            "UPDATE positions SET quantity = 151, net_cash = -15150 WHERE symbol = 'AAPL';"
            "UPDATE cash_settlements SET amount = -15150.15"
        )
        return found

    monkeypatch.setattr(positions, "rebuild", add_up_while_trading)
    with psycopg.connect(history.dsn, autocommit=True) as connection:
        for _ in range(2):
            before = positions.check_positions(connection)
            assert {one.invariant: one.broken for one in before if one.broken} == {}
            history.db.execute(
                "UPDATE positions SET quantity = 150, net_cash = -15050 WHERE symbol = 'AAPL';"
                "UPDATE cash_settlements SET amount = -15050.15"
            )


def test_what_cannot_be_looked_at_is_said(dsn: str) -> None:
    report = judge(Evidence(dsn=dsn))
    assert len(report.left_out) == 1
