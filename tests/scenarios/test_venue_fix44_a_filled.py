"""FIX 4.4 volume 4, appendix D, A: the filled order, on the venue's side."""

from tests.scenarios.venue_script import Script, venue


def test_a_1_a_order_is_filled_in_parts() -> None:
    Script(venue()).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("trade 2000", ["T/PF(X) 10000/2000/8000 +2000"]),
            ("trade 1000", ["T/PF(X) 10000/3000/7000 +1000"]),
            ("trade 7000", ["T/F(X) 10000/10000/0 +7000"]),
            ("trade 100", []),
        ]
    )


def test_a_1_b_order_is_filled_in_part_and_done_for_the_day() -> None:
    Script(venue()).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("trade 2000", ["T/PF(X) 10000/2000/8000 +2000"]),
            ("trade 1000", ["T/PF(X) 10000/3000/7000 +1000"]),
            ("end day", ["DFD/DFD(X) 10000/3000/0"]),
            ("trade 100", []),
        ]
    )


def test_a_1_c_order_is_rejected() -> None:
    script = Script(venue(reject=1.0))
    script.play(
        [
            ("D(X) 10000", ["Rejected/Rejected(X) 10000/0/0"]),
            ("trade 100", []),
            ("H(X)", ["I/Rejected(X) 10000/0/0"]),
        ]
    )


def test_a_good_till_cancel_order_outlives_the_day() -> None:
    Script(venue()).play(
        [
            ("D(X) 10000 GTC", ["N/N(X) 10000/0/10000"]),
            ("end day", []),
            ("trade 10000", ["T/F(X) 10000/10000/0 +10000"]),
        ]
    )
