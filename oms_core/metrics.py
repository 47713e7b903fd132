"""The core's metrics: orders by state, denials, reservations, and the hops that end here."""

from collections import Counter as Tally
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from prometheus_client import Counter, Gauge, Histogram

from oms_core.domain.alerts import BREACH, INPUT_MISSING, WARNING, Alert
from oms_core.domain.denials import DenialCode
from oms_core.domain.desk import Desk
from oms_core.ports import UnitOfWork
from oms_platform.exceptions import ExceptionKind
from oms_platform.kafka.ports import Record
from oms_platform.messages import SubmitOrder
from oms_platform.prices import MICROS
from oms_platform.risk_rules import RULE_SPECS
from oms_platform.telemetry.metrics import BatchHistogram, hop
from oms_platform.telemetry.order_trace import traced_id
from oms_platform.vocabulary import OrderAccepted, OrderDenied, OrderStatus
from oms_platform.wire import order_of

events_total = Counter(
    "oms_core_order_events_total", "Order events, by type and by the status they led to", ["type", "status"]
)
verdicts_total = Counter("oms_core_risk_verdicts_total", "Orders that risk took or denied", ["verdict"])
denials_total = Counter("oms_core_denials_total", "Orders denied by risk, by code", ["code"])
exceptions_total = Counter(
    "oms_core_execution_exceptions_total", "Reports of venues that a person has to look at, by kind", ["kind"]
)
batch_seconds = BatchHistogram("oms_core_batch_seconds", "From a batch's arrival to its messages in Kafka")
republished_total = Counter(
    "oms_core_requests_republished_total", "Requests to router and adapter that were published again"
)
owed_requests = Gauge(
    "oms_core_unanswered_requests", "Orders that wait for an answer of the router or the adapter"
)
live_orders = Gauge("oms_core_live_orders", "Orders that are not closed, by status", ["status"])
calendar_end = Gauge(
    "oms_core_calendar_end_timestamp_seconds",
    "When the last session closes that is loaded, of each calendar that instruments trade by; 0 for none",
    ["calendar"],
)
reserved_dollars = Gauge("oms_core_reserved_dollars", "What open orders hold of buying power, all accounts")
gross_cost_dollars = Gauge("oms_core_gross_cost_dollars", "Gross cost of all accounts' positions")
rules_failed_total = Counter(
    "oms_core_risk_rules_failed_total",
    "Risk rules that raised an error, by which the order was denied",
    ["rule"],
)
buying_power_used = Gauge(
    "oms_core_buying_power_used_ratio_max",
    "Positions and reservations over buying power, of the fullest account",
)

alerts_total = Counter(
    "oms_core_risk_alerts_total", "Alerts of limits that were raised, by rule and level", ["rule", "level"]
)
alerts_open = Gauge(
    "oms_core_risk_alerts_open", "Alerts of limits that are open, by rule and level", ["rule", "level"]
)
limit_look_seconds = Histogram(
    "oms_core_limit_look_seconds",
    "What a slice of looking at limits took of core's thread",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05),
)

copies_total = Counter("oms_core_execution_copies_total", "Executions that were copied to drop.copy")
copy_failures_total = Counter(
    "oms_core_execution_copy_failures_total", "Times that executions could not be copied, and waited"
)
copy_age_seconds = Gauge(
    "oms_core_execution_copy_age_seconds", "How long the oldest execution waits to be copied; 0 for none"
)

_VERDICTS: Final = {OrderAccepted.__name__: "accepted", OrderDenied.__name__: "denied"}
_API_TO_CORE: Final = hop("api_to_core")
risk_hop: Final = hop("risk")
_VENUE_TO_CORE: Final = hop("venue_to_core")
_OPEN: Final = (
    OrderStatus.NEW,
    OrderStatus.ACKNOWLEDGED,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.PENDING_CANCEL,
    OrderStatus.PENDING_REPLACE,
    OrderStatus.SUSPENDED,
)
for _code in DenialCode:
    denials_total.labels(_code.name)
for _kind in ExceptionKind:
    exceptions_total.labels(_kind.name)
WATCHED_RULES: Final = (*(spec.name for spec in RULE_SPECS if spec.watched is not None), INPUT_MISSING)
for _rule in WATCHED_RULES:
    for _level in (WARNING, BREACH):
        alerts_total.labels(_rule, _level)
        alerts_open.labels(_rule, _level)
for _verdict in _VERDICTS.values():
    verdicts_total.labels(_verdict)


def count_batch(
    unit: UnitOfWork, records: Sequence[Record], now: datetime, trace_of: Callable[[Record], str]
) -> None:
    """Count a batch that is stored and published at `now`. trace_of: the trace that a record has by now."""
    led_to: Tally[tuple[str, str]] = Tally()
    for event in unit.events:
        message = event.message
        led_to[message.type, message.status.name] += 1
        if message.type == OrderDenied.__name__:
            denials_total.labels(message.text.split(":", 1)[0]).inc()
    for (kind, status), count in led_to.items():
        events_total.labels(kind, status).inc(count)
        if kind in _VERDICTS:
            verdicts_total.labels(_VERDICTS[kind]).inc(count)
    for exception in unit.exceptions:
        exceptions_total.labels(exception.kind.name).inc()
    traced: dict[UUID, str] = {}
    for record in records:
        trace_id = traced_id(trace_of(record))
        if trace_id:
            traced[order_of(record.message)] = trace_id
        if isinstance(record.message, SubmitOrder):
            _API_TO_CORE.observe((now - record.message.received_at).total_seconds(), trace_id)
    for event in unit.events:
        trade = event.message.trade_applied
        if trade is not None:
            elapsed_s = (now - trade.transact_time).total_seconds()
            _VENUE_TO_CORE.observe(elapsed_s, traced.get(event.message.order_id, ""))


def count_alerts(changed: Sequence[Alert], still_open: Sequence[Alert]) -> None:
    """Count the alerts that a batch has raised, and set how many are open."""
    if not changed:
        return
    for alert in changed:
        if alert.cleared_at is None and alert.first_seen == alert.last_seen:
            alerts_total.labels(alert.rule, alert.level).inc()
    found = Tally((alert.rule, alert.level) for alert in still_open)
    for rule in WATCHED_RULES:
        for level in (WARNING, BREACH):
            alerts_open.labels(rule, level).set(found[rule, level])


def count_desk(desk: Desk) -> None:
    """Set the gauges from what is in memory."""
    found = Tally(order.status for order in desk.orders.values())
    for status in _OPEN:
        live_orders.labels(status.name).set(found[status])
    for calendar_id in {instrument.calendar_id for instrument in desk.instruments.values()}:
        if not desk.hours.is_continuous(calendar_id):
            close = desk.hours.last_close_known(calendar_id)
            calendar_end.labels(calendar_id).set(0 if close is None else close.timestamp())
    states = desk.states.values()
    reserved_dollars.set(sum(state.reserved_micros for state in states) / MICROS)
    gross_cost_dollars.set(sum(state.gross_cost_micros for state in states) / MICROS)
    used = [
        state.used_micros / power
        for account_id, state in desk.states.items()
        if (power := desk.buying_power_of(account_id))
    ]
    buying_power_used.set(max(used, default=0.0))
    owed_requests.set(len(desk.owed))
