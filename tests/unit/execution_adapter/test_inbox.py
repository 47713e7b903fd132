"""The inbox keeps order, is bounded, and lets go of who waits."""

import threading

from execution_adapter.entrypoints.inbox import Inbox
from execution_adapter.ports import ResendWanted, SessionUp


def test_items_come_out_in_their_order_all_at_once() -> None:
    inbox = Inbox(10)
    inbox.put(ResendWanted("a"))
    inbox.put_now(SessionUp("XNYS"))
    inbox.put(ResendWanted("b"))
    assert inbox.take(0) == [ResendWanted("a"), SessionUp("XNYS"), ResendWanted("b")]
    assert inbox.take(0) == []


def test_a_full_inbox_makes_the_next_one_wait_until_it_is_read() -> None:
    inbox, added = Inbox(2), threading.Event()
    inbox.put(ResendWanted("a"), weight=2)

    def add() -> None:
        inbox.put(ResendWanted("b"))
        added.set()

    thread = threading.Thread(target=add)
    thread.start()
    assert not added.wait(0.05)
    assert inbox.take(0) == [ResendWanted("a")]
    assert added.wait(5)
    assert inbox.take(1) == [ResendWanted("b")]
    thread.join()


def test_closing_lets_go_of_who_waits_and_drops_what_they_held() -> None:
    inbox = Inbox(1)
    inbox.put(ResendWanted("a"))
    thread = threading.Thread(target=inbox.put, args=(ResendWanted("b"),))
    thread.start()
    inbox.close()
    thread.join(5)
    assert not thread.is_alive()
    assert inbox.take(0) == [ResendWanted("a")]


def test_taking_waits_for_a_first_item() -> None:
    inbox = Inbox(10)
    timer = threading.Timer(0.05, inbox.put, (ResendWanted("a"),))
    timer.start()
    assert inbox.take(5) == [ResendWanted("a")]
