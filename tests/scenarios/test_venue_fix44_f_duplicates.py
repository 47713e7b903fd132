"""FIX 4.4 volume 4, appendix D, F: what is sent again never makes a second order, on the venue's side."""

from simulators.broker.protocol import OrdRejReason, Report, is_kept
from tests.scenarios.venue_script import Script, venue


def test_same_order_again_is_refused_with_the_status_of_the_first_and_leaves_it_alone() -> None:
    """F.1.b."""
    Script(venue()).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("D(X) 10000", ["Rejected/N(X) 10000/0/10000"]),
            ("trade 2000", ["T/PF(X) 10000/2000/8000 +2000"]),
            ("D(X) 10000", ["Rejected/PF(X) 10000/2000/8000"]),
            ("trade 9000", ["T/F(X) 10000/10000/0 +8000"]),
            ("D(X) 10000", ["Rejected/F(X) 10000/10000/0"]),
        ]
    )


def test_order_that_may_have_been_sent_before_is_answered_with_the_state_of_the_first() -> None:
    """F.1.a: PossResend (97)."""
    Script(venue()).play(
        [
            ("D(X) 10000 again", ["N/N(X) 10000/0/10000"]),
            ("D(X) 10000 again", ["I/N(X) 10000/0/10000"]),
            ("trade 2000", ["T/PF(X) 10000/2000/8000 +2000"]),
            ("D(X) 10000 again", ["I/PF(X) 10000/2000/8000"]),
            ("F(Y,X)", ["C/C(Y,X) 10000/2000/0"]),
            ("D(X) 10000 again", ["I/C(X) 10000/2000/0"]),
        ]
    )


def test_same_clordid_with_other_terms_is_refused_and_the_first_goes_on() -> None:
    """F.1.c."""
    script = Script(venue())
    script.play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("D(X) 500 @99.00", ["Rejected/N(X) 10000/0/10000"]),
            ("trade 20000", ["T/F(X) 10000/10000/0 +10000"]),
        ]
    )
    refused = script.records[1]
    assert isinstance(refused, Report)
    assert refused.ord_rej_reason == OrdRejReason.DUPLICATE_ORDER
    exec_ids = [record.exec_id for record in script.records if isinstance(record, Report)]
    assert len(set(exec_ids)) == len(exec_ids)
    assert not is_kept(refused)


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
