"""FIX 4.4 volume 4, appendix D, H: time in force, on the venue's side."""

from tests.scenarios.venue_script import Script, venue


def test_immediate_or_cancel_takes_what_is_there_and_cancels_the_rest() -> None:
    Script(venue()).play(
        [
            ("show 600", []),
            (
                "D(X) 1000 IOC",
                ["N/N(X) 1000/0/1000", "T/PF(X) 1000/600/400 +600", "C/C(X) 1000/600/0"],
            ),
            ("trade 400", []),
        ]
    )


def test_immediate_or_cancel_with_nothing_there_is_canceled() -> None:
    Script(venue()).play([("D(X) 1000 IOC", ["N/N(X) 1000/0/1000", "C/C(X) 1000/0/0"])])


def test_fill_or_kill_that_cannot_be_filled_whole_does_not_trade() -> None:
    Script(venue()).play(
        [
            ("show 999", []),
            ("D(X) 1000 FOK", ["N/N(X) 1000/0/1000", "C/C(X) 1000/0/0"]),
            ("D(Y) 999 FOK", ["N/N(Y) 999/0/999", "T/F(Y) 999/999/0 +999"]),
        ]
    )


def test_day_and_good_till_cancel_rest() -> None:
    for time_in_force in ("DAY", "GTC"):
        Script(venue()).play(
            [
                ("show 600", []),
                (
                    f"D(X) 1000 {time_in_force}",
                    ["N/N(X) 1000/0/1000", "T/PF(X) 1000/600/400 +600"],
                ),
                ("trade 400", ["T/F(X) 1000/1000/0 +400"]),
            ]
        )


def test_sells_do_the_same_on_the_other_side() -> None:
    Script(venue()).play(
        [
            ("D(X) 1000 sell", ["N/N(X) 1000/0/1000"]),
            ("trade 400", ["T/PF(X) 1000/400/600 +400"]),
            ("show 200 @100.01", ["T/PF(X) 1000/600/400 +200"]),
            ("F(Y,X)", ["C/C(Y,X) 1000/600/0"]),
        ]
    )
