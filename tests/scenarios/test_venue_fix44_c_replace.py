"""FIX 4.4 volume 4, appendix D, C: the cancel/replace request, on the venue's side."""

from tests.scenarios.venue_script import Script, venue


def test_c_1_b_larger_order_while_it_trades() -> None:
    Script(venue(reports_pending=True)).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("trade 1000", ["T/PF(X) 10000/1000/9000 +1000"]),
            ("G(Y,X) 12000", ["PR/PR(Y,X) 10000/1000/9000"]),
            ("trade 100", ["T/PR(X) 10000/1100/8900 +100"]),
            ("decide", ["R/PF(Y,X) 12000/1100/10900"]),
            ("trade 10900", ["T/F(Y) 12000/12000/0 +10900"]),
        ]
    )


def test_c_1_c_filled_order_is_made_larger() -> None:
    Script(venue(reports_pending=True)).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("trade 10000", ["T/F(X) 10000/10000/0 +10000"]),
            ("G(Y,X) 12000", ["PR/PR(Y,X) 10000/10000/0"]),
            ("decide", ["R/PF(Y,X) 12000/10000/2000"]),
            ("trade 2000", ["T/F(Y) 12000/12000/0 +2000"]),
        ]
    )


def test_c_2_a_other_price_comes_after_the_fill() -> None:
    Script(venue(reports_pending=True)).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("trade 1000", ["T/PF(X) 10000/1000/9000 +1000"]),
            ("trade 9000", ["T/F(X) 10000/10000/0 +9000"]),
            ("G(Y,X) 10000 @100.05", ["Rej(Y,X) F 0"]),
        ]
    )


def test_c_3_a_smaller_order_while_it_trades() -> None:
    Script(venue(reports_pending=True)).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("trade 1000", ["T/PF(X) 10000/1000/9000 +1000"]),
            ("trade 500", ["T/PF(X) 10000/1500/8500 +500"]),
            ("G(Y,X) 8000", ["PR/PR(Y,X) 10000/1500/8500"]),
            ("trade 100", ["T/PR(X) 10000/1600/8400 +100"]),
            ("decide", ["R/PF(Y,X) 8000/1600/6400"]),
            ("trade 6400", ["T/F(Y) 8000/8000/0 +6400"]),
        ]
    )


def test_c_3_b_smaller_order_is_what_was_done_already() -> None:
    Script(venue()).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("trade 7000", ["T/PF(X) 10000/7000/3000 +7000"]),
            ("G(Y,X) 7000", ["R/F(Y,X) 7000/7000/0"]),
            ("trade 100", []),
        ]
    )


def test_c_3_c_smaller_order_is_less_than_what_was_done_already() -> None:
    Script(venue()).play(
        [
            ("D(X) 10000", ["N/N(X) 10000/0/10000"]),
            ("trade 8000", ["T/PF(X) 10000/8000/2000 +8000"]),
            ("G(Y,X) 7000", ["R/F(Y,X) 8000/8000/0"]),
            ("trade 100", []),
        ]
    )


def test_new_price_that_meets_the_market_trades_after_the_replace() -> None:
    Script(venue()).play(
        [
            ("D(X) 1000", ["N/N(X) 1000/0/1000"]),
            ("show 600 @100.02", []),
            ("G(Y,X) 1000 @100.02", ["R/N(Y,X) 1000/0/1000", "T/PF(Y) 1000/600/400 +600"]),
            ("F(Z,Y)", ["C/C(Z,Y) 1000/600/0"]),
        ]
    )


def test_replace_of_an_order_that_is_not_there_or_not_like_it_is_refused() -> None:
    Script(venue()).play(
        [
            ("G(Y,X) 100", ["Rej(Y,X) Rejected 1"]),
            ("D(X) 100", ["N/N(X) 100/0/100"]),
            ("G(Y,X) 0", ["Rej(Y,X) N 99"]),
            ("G(Y,X) 100 @100.001", ["Rej(Y,X) N 99"]),
            ("G(Y,X) 200", ["R/N(Y,X) 200/0/200"]),
            ("F(Z,X)", ["Rej(Z,X) N 99"]),
            ("F(Z,Y)", ["C/C(Z,Y) 200/0/0"]),
            ("G(W,Y) 300", ["Rej(W,Y) C 0"]),
        ]
    )
