"""FIX 4.4 volume 4, appendix D, F: what is sent again never makes a second order, on the venue's side."""

from tests.scenarios.venue_script import Script, venue


def test_same_order_again_is_answered_with_its_state() -> None:
    Script(venue()).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("D(X) 10000", ["I/N(X) 10000/0/10000"]),
            ("trade 2000", ["T/PF(X) 10000/2000/8000 +2000"]),
            ("D(X) 10000", ["I/PF(X) 10000/2000/8000"]),
            ("trade 9000", ["T/F(X) 10000/10000/0 +8000"]),
            ("D(X) 10000", ["I/F(X) 10000/10000/0"]),
        ]
    )


def test_same_clordid_with_other_terms_is_answered_with_the_first_orders_state() -> None:
    Script(venue()).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("D(X) 500 @99.00", ["I/N(X) 10000/0/10000"]),
            ("trade 20000", ["T/F(X) 10000/10000/0 +10000"]),
        ]
    )


def test_same_cancel_again_is_answered_with_the_orders_state() -> None:
    Script(venue(reports_pending=True)).play(
        [
            ("D(X) 100", ["N/N(X) 100/0/100"]),
            ("F(Y,X)", ["PC/PC(Y,X) 100/0/100"]),
            ("F(Y,X)", ["I/PC(Y) 100/0/100"]),
            ("decide", ["C/C(Y,X) 100/0/0"]),
            ("F(Y,X)", ["I/C(Y) 100/0/0"]),
        ]
    )


def test_request_under_another_orders_clordid_is_refused() -> None:
    Script(venue()).play(
        [
            ("D(X) 100", ["N/N(X) 100/0/100"]),
            ("D(W) 100 @99.00", ["N/N(W) 100/0/100"]),
            ("F(W,X)", ["Rej(W,X) N 6"]),
        ]
    )
