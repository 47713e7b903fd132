"""What a sampled stack was doing: its line of work, by one table.

The table is read from the stack's leaf upward: the first frame that any rule knows decides, and within a
frame the first rule. So `uuid4` counts as what it was made for, and a driver's wait as the driver's work.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

DECODE: Final = "decode"
DECIDE: Final = "decide"
ENCODE: Final = "encode"
STATEMENT: Final = "statement"
FLUSH: Final = "flush"
FETCH: Final = "fetch"
WAKE_UP: Final = "wake-up"
TELEMETRY: Final = "telemetry"
DOOR: Final = "door"
FIX: Final = "fix"
JOURNAL: Final = "journal"
OTHER: Final = "other"

# Each line of work and what it means, in the order of an order's way through a process.
MEANINGS: Final = {
    DOOR: "HTTP, WebSocket and gRPC: the doors, and the clients of others' doors",
    FETCH: "reading from Kafka",
    DECODE: "bytes into messages",
    DECIDE: "what the process is there for: domain code and handlers",
    ENCODE: "messages, answers and arrays of statements into bytes",
    STATEMENT: "Postgres' client: statements, their rows, round trips",
    FLUSH: "writing to Kafka and waiting until it has it",
    FIX: "FIX sessions and messages",
    JOURNAL: "the simulated venues' own files",
    WAKE_UP: "selectors, event loops, queues, waits for a condition",
    TELEMETRY: "logs, metrics, traces, health pages",
    OTHER: "what no rule of the table knows",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Frames whose file, and whose function if that is given, match belong to a line of work."""

    line: str
    file: str
    function: str = ""

    def knows(self, frame: "Frame") -> bool:
        """Return whether a frame belongs here."""
        return bool(re.search(self.file, frame.file) and re.search(self.function, frame.function))


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a stack: a function's qualified name, and its file below its package's root."""

    function: str
    file: str


RULES: Final = (
    # Waits, wherever they are asked for. A driver's own wait for its server is the driver's work.
    Rule(STATEMENT, r"^psycopg(_pool)?/"),
    Rule(WAKE_UP, r"(^|/)(selectors|threading|queue|socketserver)\.py$"),
    Rule(WAKE_UP, r"^asyncio/(base_events|runners|events|selector_events)\.py$"),
    Rule(WAKE_UP, r"/(inbox|routed_reader)\.py$", r"\.(take|put\w*|_run)$"),
    Rule(WAKE_UP, r"/fix_acceptor\.py$", r"\.(wake|poll)$"),
    Rule(WAKE_UP, r"^oms_platform/worker\.py$", r"StopFlag"),
    Rule(TELEMETRY, r"^oms_platform/(telemetry/|health\.py)"),
    Rule(TELEMETRY, r"^(structlog|prometheus_client|opentelemetry|logging)/"),
    Rule(TELEMETRY, r"/(metrics|batch_traces|request_trace|loop_lag)\.py$"),
    Rule(TELEMETRY, r"", r"ReportTraces|^_count$|_trace_report|_trace_steps|_traces_of"),
    Rule(DECODE, r"^oms_platform/(wire|quote_wire|proto_bridge|kafka/consumers)\.py$", r"decode|from_proto"),
    Rule(DECODE, r"^oms_platform/quote_wire\.py$"),
    Rule(ENCODE, r"^oms_platform/(wire|proto_bridge)\.py$"),
    Rule(DECODE, r"", r"(^|[._])decode"),
    Rule(ENCODE, r"", r"(^|[._])encode|^array_literal|^_quoted$"),
    Rule(ENCODE, r"^oms_platform/postgres\.py$", r"ArrayStatement\.parameters"),
    Rule(ENCODE, r"^simulators/market_data/wire\.py$"),
    Rule(ENCODE, r"^oms_api/entrypoints/answers\.py$"),
    Rule(FETCH, r"^oms_platform/kafka/consumers\.py$"),
    Rule(FLUSH, r"^oms_platform/kafka/publisher\.py$"),
    Rule(FLUSH, r"/(inbound_publisher|kafka_quotes)\.py$"),
    Rule(STATEMENT, r"^oms_platform/(postgres|exception_rows)\.py$"),
    Rule(STATEMENT, r"/adapters/(postgres_\w+|group_commit|key_lookup|desk_pool|backlog)\.py$"),
    Rule(FIX, r"^execution_adapter/(domain/(fix|dialects)/|adapters/(fix_sessions|connections)\.py)"),
    Rule(FIX, r"^execution_adapter/entrypoints/(fix_parsing|venue_messages)\.py$"),
    Rule(FIX, r"^execution_adapter/domain/(wire_ids|throttle)\.py$"),
    Rule(FIX, r"^oms_platform/fix/"),
    Rule(FIX, r"^simulators/broker/(entrypoints/fix_\w+|adapters/session_store)\.py$"),
    Rule(JOURNAL, r"^simulators/broker/adapters/journal\.py$"),
    Rule(
        DOOR,
        r"^(litestar|uvicorn|httptools|websockets|grpclib|h2|hpack|hyperframe|aiohttp|http|redis|betterproto)/",
    ),
    Rule(DOOR, r"^asyncio/(streams|sslproto|transports)\.py$|^proto/gen/"),
    Rule(DOOR, r"^oms_api/(entrypoints/|adapters/(oidc|token_bucket|sor_router)\.py)"),
    Rule(DOOR, r"/entrypoints/(grpc\w*|question_budget)\.py$|/asked_quotes\.py$"),
    Rule(DOOR, r"^oms_platform/(market_data|grpc_door)\.py$"),
    Rule(DOOR, r"^simulators/\w+/(entrypoints/(grpc_service|control)|quote_board)\.py$"),
    Rule(DOOR, r"^oms_tools/bench/(http_client|event_stream)\.py$"),
    Rule(DECIDE, r"/domain/|/(\w*handlers|order_sending|child_outcomes|venue_questions|explanation)\.py$"),
    Rule(DECIDE, r"^(oms_core|execution_adapter)/reports\.py$"),
    Rule(DECIDE, r"/entrypoints/(plan_batches|republication|quote_intake)\.py$"),
    Rule(DECIDE, r"^simulators/(broker|market_data)/[a-z_]+\.py$", r"^(?!main$|run$|Loop\.|<module>$)"),
    Rule(DECIDE, r"^oms_tools/bench/(load|order_mix)\.py$"),
    # The loop of a worker: what it does beside the calls that the rules above know.
    Rule(DECIDE, r"/entrypoints/(loop|main_loop|route_requests)\.py$"),
)

# Where a thread that does nothing stands: C code that waits for a socket, a lock, a broker or a server.
PARKED: Final = (
    Rule(WAKE_UP, r"(^|/)selectors\.py$", r"\.select$"),
    Rule(WAKE_UP, r"(^|/)threading\.py$", r"\.(wait|acquire|_wait_for_tstate_lock)$"),
    # uvloop's loop is C: what it does itself looks the same as its waiting.
    Rule(WAKE_UP, r"^asyncio/runners\.py$", r"^Runner\.run$"),
    Rule(STATEMENT, r"^psycopg/(connection|connection_async|waiting)\.py$", r"wait"),
    Rule(FETCH, r"^oms_platform/kafka/consumers\.py$", r"(^|\.)_?take$"),
    Rule(FLUSH, r"^oms_platform/kafka/publisher\.py$", r"\.(flush|drain)$"),
)


@lru_cache(maxsize=65_536)
def is_parked(leaf: Frame) -> bool:
    """Return whether a thread that stands here waits, or has just been woken and waits for a core."""
    return any(rule.knows(leaf) for rule in PARKED)


@lru_cache(maxsize=65_536)
def _line_of_frame(frame: Frame) -> str | None:
    return next((rule.line for rule in RULES if rule.knows(frame)), None)


def line_of(stack: Sequence[Frame]) -> str:
    """Return a stack's line of work. stack: from the root to the leaf."""
    return next((line for frame in reversed(stack) if (line := _line_of_frame(frame)) is not None), OTHER)
