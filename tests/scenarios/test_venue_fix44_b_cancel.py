"""FIX 4.4 volume 4, appendix D, B: the cancel request, on the venue's side."""

from tests.scenarios.venue_script import Script, describe, venue


def test_b_1_a_cancel_is_granted_after_it_was_pending() -> None:
    Script(venue(reports_pending=True)).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("F(Y,X)", ["PC/PC(Y,X) 10000/0/10000"]),
            ("decide", ["C/C(Y,X) 10000/0/0"]),
            ("trade 100", []),
        ]
    )


def test_b_1_a_cancel_is_granted_at_once_by_a_venue_without_pending_states() -> None:
    Script(venue()).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("F(Y,X)", ["C/C(Y,X) 10000/0/0"]),
            ("trade 100", []),
        ]
    )


def test_b_1_a_cancel_is_refused_at_either_step_and_the_order_trades_on() -> None:
    Script(venue(cancel_reject=1.0)).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("F(Y,X)", ["Rej(Y,X) N 2"]),
            ("trade 100", ["T/PF(X) 10000/100/9900 +100"]),
        ]
    )
    Script(venue(cancel_reject=1.0, reports_pending=True)).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("F(Y,X)", ["PC/PC(Y,X) 10000/0/10000"]),
            ("decide", ["Rej(Y,X) N 2"]),
            ("trade 100", ["T/PF(X) 10000/100/9900 +100"]),
        ]
    )


def test_b_1_b_order_trades_while_the_cancel_is_pending() -> None:
    Script(venue(reports_pending=True)).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("trade 2000", ["T/PF(X) 10000/2000/8000 +2000"]),
            ("trade 3000", ["T/PF(X) 10000/5000/5000 +3000"]),
            ("F(Y,X)", ["PC/PC(Y,X) 10000/5000/5000"]),
            ("trade 1000", ["T/PC(X) 10000/6000/4000 +1000"]),
            ("decide", ["C/C(Y,X) 10000/6000/0"]),
        ]
    )


def test_b_1_c_order_is_filled_while_the_cancel_is_pending() -> None:
    Script(venue(reports_pending=True)).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("trade 5000", ["T/PF(X) 10000/5000/5000 +5000"]),
            ("F(Y,X)", ["PC/PC(Y,X) 10000/5000/5000"]),
            ("trade 5000", ["T/PC(X) 10000/10000/0 +5000"]),
            ("decide", ["Rej(Y,X) F 0"]),
        ]
    )


def test_b_1_e_cancel_that_crossed_the_acknowledgement() -> None:
    Script(venue(reports_pending=True)).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("F(Y,X)", ["PC/PC(Y,X) 10000/0/10000"]),
            ("decide", ["C/C(Y,X) 10000/0/0"]),
        ]
    )


def test_b_1_f_cancel_of_an_unknown_order() -> None:
    script = Script(venue())
    (rejected,) = script.tell("F(Y,X)")
    assert describe(rejected) == "Rej(Y,X) Rejected 1"
    assert rejected.order_id == "NONE"


def test_cancel_of_a_closed_order_is_too_late() -> None:
    Script(venue()).play(
        [
            ("D(X) 100", ["N/N(X) 100/0/100"]),
            ("trade 100", ["T/F(X) 100/100/0 +100"]),
            ("F(Y,X)", ["Rej(Y,X) F 0"]),
        ]
    )
    Script(venue()).play(
        [
            ("D(X) 100", ["N/N(X) 100/0/100"]),
            ("F(Y,X)", ["C/C(Y,X) 100/0/0"]),
            ("F(Z,X)", ["Rej(Z,X) C 0"]),
        ]
    )


def test_second_request_while_one_is_pending_is_refused() -> None:
    Script(venue(reports_pending=True)).play(
        [
            ("D(X) 100", ["N/N(X) 100/0/100"]),
            ("F(Y,X)", ["PC/PC(Y,X) 100/0/100"]),
            ("F(Z,X)", ["Rej(Z,X) PC 3"]),
            ("decide", ["C/C(Y,X) 100/0/0"]),
        ]
    )


def test_day_that_ends_while_a_cancel_is_pending_refuses_it() -> None:
    Script(venue(reports_pending=True)).play(
        [
            ("D(X) 100", ["N/N(X) 100/0/100"]),
            ("F(Y,X)", ["PC/PC(Y,X) 100/0/100"]),
            ("end day", ["DFD/DFD(X) 100/0/0", "Rej(Y,X) DFD 0"]),
            ("decide", []),
        ]
    )
