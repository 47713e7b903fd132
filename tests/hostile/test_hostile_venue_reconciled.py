"""What a venue says of its open orders, beside what we hold: agreed, settled by its word, or a person's."""

from typing import Any

from click.testing import CliRunner

from oms_tools.cli.reconcile_commands import reconcile
from tests.hostile.floor import Floor

WHO = ("--reason", "end of day", "--by", "night desk")


def ask(floor: Floor, venue_id: str) -> None:
    """Have the adapter compare its open orders with a venue's."""
    words = ["run", venue_id, *WHO, "--data", str(floor.rig.layout.data)]
    result = CliRunner().invoke(reconcile, words)
    assert (result.exit_code, result.output) == (0, f"{venue_id}: each of its open orders is asked for\n")


def compared(floor: Floor, venue_id: str, cl_ord_id: str) -> dict[str, Any]:
    """Wait for the newest comparison on request that a venue's order is in, and return the order's break."""

    def found() -> dict[str, Any] | None:
        runs = floor.client.get("/api/v1/reconciliations", venueId=venue_id)["reconciliations"]
        of_order = [
            one
            for run in runs
            if run["occasion"] == "REQUEST"
            for one in run["breaks"]
            if one["clOrdId"] == cl_ord_id
        ]
        return of_order[0] if of_order else None

    broken: dict[str, Any] = floor.until_true(found, f"comparison of {cl_ord_id}")
    return broken


def test_what_a_venue_closed_without_a_word_is_settled_by_its_answer(floor: Floor) -> None:
    venue = floor["XNYS"]
    venue.hear("H")
    placed, child = floor.rest("XNYS")
    since = len(venue.session.taken)
    ask(floor, "XNYS")
    question = venue.question(child, since=since)
    child.cancel()
    venue.session.send("8", child.status(question))
    broken = compared(floor, "XNYS", child.cl_ord_id)
    assert broken["settled"]
    assert broken["theirs"].startswith("CANCELED")
    floor.until_event(placed, "ChildClosed")
    floor.goes_on(at="XNYS")


def test_shares_that_a_venue_counts_and_never_reported_are_a_persons(floor: Floor) -> None:
    venue = floor["XNAS"]
    venue.hear("H")
    placed, child = floor.rest("XNAS")
    since = len(venue.session.taken)
    ask(floor, "XNAS")
    question = venue.question(child, since=since)
    hidden = child.fill(40, placed.price, exec_id="HIDDEN")
    venue.session.send("8", child.status(question))
    assert not compared(floor, "XNAS", child.cl_ord_id)["settled"]
    noted = floor.until_exception_of(placed, "CUM_QTY_DIFFERS")
    # The trade comes after all: nobody has to look any more.
    venue.session.send("8", hidden)
    floor.until_position(placed, 40)

    def settled() -> bool:
        found = [one for one in floor.exceptions_of(placed) if one.detail == noted.detail]
        return bool(found) and found[0].status == "SETTLED"

    floor.until_true(settled, "settled exception")
    floor.goes_on(at="XNAS")
