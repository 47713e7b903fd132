"""The adapter's loop and kill switches: triggers by what venues say or do not, owners, what is noted."""

from typing import Any

import msgspec
import pytest

from execution_adapter.ports import FixMessage
from oms_platform.ids import uuid7
from oms_platform.kill_switches import FixedKills, Kills, KillSwitch, Owner, Stage, Trigger, TriggerKind
from oms_platform.scopes import EVERYTHING, Scope
from oms_platform.vocabulary import ChildTerms
from tests.unit.execution_adapter.orders import plan
from tests.unit.execution_adapter.test_main_loop import Scene, fix_message, report_of

XNYS = Scope(venue="XNYS")


def board(scene: Scene, *switches: KillSwitch, triggers: tuple[Trigger, ...] = ()) -> FixedKills:
    found = FixedKills(Kills(switches=switches, triggers=triggers))
    scene.manager._gate.kills = found
    scene.loop.step()
    return found


def trigger(kind: TriggerKind, threshold: int = 2, scope: Scope = XNYS) -> Trigger:
    return Trigger(
        trigger_id=uuid7(), kind=kind.name, scope=scope, threshold=threshold, window_s=10, stage=Stage.CANCEL,
        mode="ON",
    )  # fmt: skip


def switch(scope: Scope, stage: Stage = Stage.CANCEL) -> KillSwitch:
    return KillSwitch(switch_id=uuid7(), scope=scope, reason="drill", stage=stage)


def reject(one: ChildTerms, msg_seq: int, *, resent: bool = False) -> FixMessage:
    fields = (
        f"8=FIX.4.4|35=8|49=XNYS|11={one.cl_ord_id}|17=R{msg_seq}|37=V|150=8|39=8|14=0|151=0|103=99"
        "|60=20260102-03:04:05|"
    )
    return fix_message(fields + "43=Y|" * resent, msg_seq)


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.up()
    return made


def test_rejects_of_a_venue_set_its_switch_and_those_that_are_resent_count_no_more(scene: Scene) -> None:
    kills = board(scene, triggers=(trigger(TriggerKind.REJECT_RATE),))
    plans = [plan(), plan()]
    scene.routed(*plans)
    scene.arrivals.items += [
        reject(plans[0].children[0], 2),
        reject(plans[0].children[0], 3, resent=True),
    ]
    scene.loop.step()
    assert kills.asked == []
    scene.arrivals.items.append(reject(plans[1].children[0], 4))
    scene.loop.step()
    assert [asked.figures for asked in kills.asked] == [
        "2 rejects of venues within a window of 10 s, threshold 2"
    ]


def test_exceptions_set_a_switch(scene: Scene) -> None:
    kills = board(scene, triggers=(trigger(TriggerKind.EXCEPTIONS, 1, EVERYTHING),))
    stray = "8=FIX.4.4|35=8|49=XNYS|11=none|17=E1|37=V|150=F|39=2|32=1|31=1|14=1|151=0|60=20260102-03:04:05|"
    scene.arrivals.items.append(fix_message(stray, 2))
    for _ in range(3):
        scene.now_s += 1
        scene.loop.step()
    assert [asked.trigger.kind for asked in kills.asked] == ["EXCEPTIONS"]


def test_a_venue_that_owes_an_answer_and_says_nothing_sets_its_switch_and_one_that_talks_does_not(
    scene: Scene,
) -> None:
    kills = board(scene, triggers=(trigger(TriggerKind.VENUE_SILENCE, 4),))
    scene.now_s = 100.0
    scene.loop.step()
    first, second = plan(), plan()
    scene.routed(first, second)
    for answered in (first, second):
        scene.now_s += 3
        scene.loop.step()
        assert kills.asked == []
        if answered is first:
            scene.arrivals.items.append(report_of(first.children[0], "0", 0, 2))
            scene.loop.step()
    scene.now_s += 1
    scene.loop.step()
    assert [asked.figures for asked in kills.asked] == [
        "4.0 s without a word of XNYS, which owes an answer, threshold 4"
    ]


def test_who_asked_is_looked_up_for_live_children_and_for_new_plans_while_a_switch_names_anybody(
    scene: Scene,
) -> None:
    mine, theirs = plan(), plan()
    owners: dict[Any, Owner] = {mine.order_id: Owner("me", "-"), theirs.order_id: Owner("they", "-")}
    scene.store._owner_of = owners.get
    scene.routed(mine, theirs)
    for number, one in enumerate((mine, theirs)):
        scene.arrivals.items.append(report_of(one.children[0], "0", 0, 2 + number))
    scene.loop.step()
    one = switch(Scope(trader="me"))
    board(scene, one)
    assert scene.venues.types() == "DDF"
    assert list(scene.store.covered) == [(one.switch_id, mine.order_id, mine.children[0].cl_ord_id)]
    assert list(scene.store.effects) == [(one.switch_id, Stage.CANCEL)]
    again = plan()
    owners[again.order_id] = Owner("they", "-")
    # Of this one nobody knows who asked for it.
    scene.routed(again, plan())
    assert scene.venues.types() == "DDFD"
    board(scene)
    assert scene.manager._gate.owners == {}


def test_the_next_adapter_holds_what_the_last_one_left_live_to_the_switches(scene: Scene) -> None:
    placed = plan()
    scene.routed(placed)
    scene.arrivals.items.append(report_of(placed.children[0], "0", 0, 2))
    for _ in range(3):
        scene.now_s += 1
        scene.loop.step()
    after = scene.restarted()
    one = switch(msgspec.structs.replace(EVERYTHING, account=placed.terms.account_id))
    board(after, one)
    after.up()
    assert after.venues.types() == "HF" or after.venues.types() == "F"
    assert list(after.store.covered) == [(one.switch_id, placed.order_id, placed.children[0].cl_ord_id)]
