"""The OWASP API Security Top 10 of 2023, risk by risk: which tests show what is done, at which door.

A test that is renamed or gone fails here, and so does a risk of which a door has no test and no reason.
"""

import ast
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[2]
DOORS: Final = frozenset(("REST", "gRPC", "WebSocket", "FIX"))
EVERY: Final = "every door"


class Risk(NamedTuple):
    """A risk. tests: node ids by the door that they are of. without: doors that have none, and why."""

    name: str
    tests: dict[str, tuple[str, ...]]
    without: dict[str, str]


_TENANTS: Final = "tests/integration/test_tenants.py"
_API: Final = "tests/integration/test_api.py"
_GRPC: Final = "tests/integration/test_api_grpc.py"
_OIDC: Final = "tests/unit/oms_api/test_oidc.py"
_SOCKET: Final = "tests/unit/oms_api/test_websocket.py"
_FIX: Final = "tests/integration/test_fix_door.py"
_HTTP: Final = "tests/unit/oms_api/test_http_server.py"
_ABUSE: Final = "tests/integration/test_api_abuse.py"
_FIX_NUMBERED: Final = "a FIX dictionary is the contract: what it does not have is refused field by field"
RISKS: Final = {
    "API1:2023": Risk(
        "Broken object level authorization",
        {
            "REST": (
                f"{_TENANTS}::test_rest_answers_of_what_is_foreign_as_of_what_is_unknown",
                f"{_TENANTS}::test_no_answer_of_rest_names_what_is_another_tenants",
            ),
            "gRPC": (f"{_TENANTS}::test_grpc_answers_of_what_is_foreign_as_of_what_is_unknown",),
            "WebSocket": (
                f"{_TENANTS}::test_the_websocket_answers_of_what_is_foreign_as_of_what_is_unknown",
                f"{_TENANTS}::test_alerts_tell_nobody_what_is_another_tenants",
            ),
            "FIX": (f"{_FIX}::test_foreign_and_unknown_orders_look_the_same",),
        },
        {},
    ),
    "API2:2023": Risk(
        "Broken authentication",
        {
            "REST": (
                f"{_API}::test_a_token_that_is_missing_or_does_not_hold_is_401",
                f"{_OIDC}::test_a_token_of_another_type_is_refused",
                f"{_OIDC}::test_whoever_was_verified_by_a_key_that_is_taken_back_is_out",
                f"{_ABUSE}::test_every_operation_asks_for_a_token_before_it_reads_anything",
            ),
            "gRPC": (
                f"{_GRPC}::test_two_tokens_are_none",
                f"{_GRPC}::test_a_stream_ends_with_its_token",
                f"{_GRPC}::test_what_is_no_message_is_an_invalid_argument",
            ),
            "WebSocket": (
                f"{_SOCKET}::test_a_websocket_is_closed_when_its_token_expires",
                f"{_SOCKET}::test_a_token_whose_key_is_taken_back_ends_its_websocket",
            ),
            "FIX": (f"{_FIX}::test_whoever_is_not_right_in_everything_is_closed_without_a_word",),
        },
        {},
    ),
    "API3:2023": Risk(
        "Broken object property level authorization",
        {
            "REST": (
                f"{_ABUSE}::test_a_field_that_is_not_the_clients_to_set_is_refused_by_every_operation",
                f"{_ABUSE}::test_who_placed_an_order_is_who_the_token_names",
            ),
            "gRPC": (f"{_API}::test_grpc_places_gets_and_cancels_through_the_same_handlers",),
            "WebSocket": (
                "tests/unit/oms_api/test_stream_channels.py"
                "::test_an_order_that_rest_refuses_is_refused_here_and_not_stored",
            ),
        },
        {"FIX": _FIX_NUMBERED},
    ),
    "API4:2023": Risk(
        "Unrestricted resource consumption",
        {
            "REST": (
                f"{_HTTP}::test_of_too_many_connections_the_one_goes_that_had_no_request_for_longest",
                f"{_HTTP}::test_a_head_without_an_end_is_not_read_to_it",
                f"{_API}::test_a_long_chunked_body_is_400",
                "tests/integration/test_api_faults.py"
                "::test_a_principal_over_its_rate_is_429_with_retry_after_and_others_are_not",
            ),
            "gRPC": (
                f"{_GRPC}::test_a_message_of_128_mib_is_refused_and_not_taken_into_memory",
                f"{_GRPC}::test_streams_that_hold_back_their_messages_do_not_fill_memory",
            ),
            "WebSocket": (
                f"{_SOCKET}::test_the_messages_of_a_client_are_bounded_and_counted",
                f"{_SOCKET}::test_a_client_that_takes_nothing_is_let_go_though_little_waits_for_it",
            ),
            "FIX": (f"{_FIX}::test_any_bytes_are_answered_or_end_their_own_connection",),
        },
        {},
    ),
    "API5:2023": Risk(
        "Broken function level authorization",
        {
            "REST": (
                f"{_API}::test_a_viewer_may_read_and_risk_may_cancel_but_neither_may_trade",
                f"{_ABUSE}::test_every_operation_refuses_who_has_not_its_right",
            ),
            "gRPC": (f"{_ABUSE}::test_grpc_refuses_who_may_only_read",),
            "WebSocket": (f"{_ABUSE}::test_the_websocket_refuses_who_may_only_read",),
            "FIX": (f"{_FIX}::test_drop_copy_sees_every_order_of_its_accounts_and_sends_nothing",),
        },
        {},
    ),
    "API6:2023": Risk(
        "Unrestricted access to sensitive business flows",
        {
            EVERY: (
                "tests/integration/test_api_switches.py"
                "::test_who_sees_some_accounts_stops_these_and_nothing_that_is_others_too",
                "tests/integration/test_stream.py::test_cancels_are_taken_while_new_orders_are_over_the_rate",
            )
        },
        {},
    ),
    "API7:2023": Risk(
        "Server side request forgery",
        {},
        {EVERY: "no request names an address: what the gateway connects to is in its settings alone"},
    ),
    "API8:2023": Risk(
        "Security misconfiguration",
        {
            "REST": (
                f"{_ABUSE}::test_every_answer_is_kept_by_nobody_and_is_what_it_says_it_is",
                "tests/integration/test_api_headers.py"
                "::test_pages_of_allowed_origins_read_every_answer_and_others_none",
                f"{_API}::test_metrics_and_what_readiness_stands_on_are_on_the_health_port_alone",
                f"{_API}::test_the_desk_page_comes_with_a_policy_and_one_content_type",
                "tests/helm/test_policy.py::test_only_what_clients_use_comes_through_the_ingress",
            ),
            "gRPC": (f"{_GRPC}::test_a_gateway_that_is_not_ready_says_so_and_names_no_order",),
            "WebSocket": (f"{_HTTP}::test_what_is_no_websocket_is_closed_with_its_code",),
            "FIX": (f"{_FIX}::test_door_speaks_tls_and_may_ask_for_a_certificate",),
        },
        {},
    ),
    "API9:2023": Risk(
        "Improper inventory management",
        {
            "REST": (f"{_ABUSE}::test_every_route_that_is_served_is_in_the_contract_or_named_here",),
            "gRPC": (f"{_GRPC}::test_reflection_lists_the_services_and_gives_the_contract",),
            "WebSocket": (
                "tests/contract/test_asyncapi.py"
                "::test_every_frame_of_a_run_is_what_the_document_says_and_every_message_is_seen",
            ),
            "FIX": (f"{_FIX}::test_questions_are_answered",),
        },
        {},
    ),
    "API10:2023": Risk(
        "Unsafe consumption of APIs",
        {
            EVERY: (
                f"{_OIDC}::test_a_document_that_is_no_object_or_too_long_is_not_read",
                f"{_OIDC}::test_a_key_set_that_is_none_leaves_the_keys_as_they_are",
                "tests/properties/test_venue_bytes.py",
            )
        },
        {},
    ),
}


@cache
def _functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_risk_of_the_list_is_here() -> None:
    assert list(RISKS) == [f"API{number}:2023" for number in range(1, 11)]


@pytest.mark.parametrize("risk", RISKS)
def test_each_door_has_a_test_of_the_risk_or_a_reason(risk: str) -> None:
    named = set(RISKS[risk].tests) | set(RISKS[risk].without)
    assert named in ({EVERY}, DOORS)
    assert all(RISKS[risk].tests.values())


@pytest.mark.parametrize("risk", RISKS)
def test_the_tests_of_a_risk_exist(risk: str) -> None:
    for node in (node for nodes in RISKS[risk].tests.values() for node in nodes):
        file, _, name = node.partition("::")
        assert (ROOT / file).is_file(), node
        assert not name or name in _functions(file), node
