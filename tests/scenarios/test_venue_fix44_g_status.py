"""FIX 4.4 volume 4, appendix D, G: the order status request, on the venue's side."""

from simulators.broker.protocol import OrdRejReason, Report
from tests.scenarios.venue_script import Script, describe, venue


def test_status_of_a_known_order_is_its_state() -> None:
    script = Script(venue())
    script.play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("H(X)", ["I/N(X) 10000/0/10000"]),
            ("trade 2000", ["T/PF(X) 10000/2000/8000 +2000"]),
            ("H(X)", ["I/PF(X) 10000/2000/8000"]),
            ("F(Y,X)", ["C/C(Y,X) 10000/2000/0"]),
            ("H(X)", ["I/C(X) 10000/2000/0"]),
            ("H(Y)", ["I/C(Y) 10000/2000/0"]),
        ]
    )
    answers = [record.exec_id for record in script.records if describe(record).startswith("I/")]
    assert len(set(answers)) == len(answers)
    assert all(exec_id.startswith("STATUS-") for exec_id in answers)


def test_status_of_an_unknown_order_says_so() -> None:
    (answer,) = Script(venue()).tell("H(X)")
    assert isinstance(answer, Report)
    assert describe(answer) == "I/Rejected(X) 0/0/0"
    assert (answer.order_id, answer.ord_rej_reason, answer.text) == (
        "NONE",
        OrdRejReason.UNKNOWN_ORDER,
        "Unknown order",
    )


def test_order_that_was_unknown_may_be_sent_after_the_answer() -> None:
    Script(venue()).play(
        [
            ("H(X)", ["I/Rejected(X) 0/0/0"]),
            ("D(X) 100", ["N/N(X) 100/0/100"]),
        ]
    )
