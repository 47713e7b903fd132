"""How much is asked of sor-answers at once: what is at work, waits, is refused, is too late."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest

from sor_engine.entrypoints.question_budget import QuestionBudget, TooManyQuestionsError

WAIT_S = 10.0


class Questions:
    """Questions that are answered when they are let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = 0
        self._lock = threading.Lock()

    def slow(self) -> str:
        with self._lock:
            self.begun += 1
        assert self.go.wait(WAIT_S)
        return "slow"


@pytest.fixture
def questions() -> Iterator[Questions]:
    made = Questions()
    yield made
    made.go.set()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(scenario(), WAIT_S)

    asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


def test_so_many_are_worked_on_at_once_so_many_wait_and_the_next_is_refused(questions: Questions) -> None:
    async def scenario() -> None:
        budget = QuestionBudget(2, 3)
        asked = [asyncio.ensure_future(budget.work(questions.slow)) for _ in range(5)]
        await until(lambda: questions.begun == 2)
        with pytest.raises(TooManyQuestionsError):
            await budget.work(questions.slow)
        assert questions.begun == 2
        questions.go.set()
        assert await asyncio.gather(*asked) == ["slow"] * 5
        assert await budget.work(lambda: "next") == "next"
        budget.close()

    run(scenario)


def test_a_slow_question_leaves_the_other_place_to_the_others(questions: Questions) -> None:
    async def scenario() -> None:
        budget = QuestionBudget(2, 20)
        slow = asyncio.ensure_future(budget.work(questions.slow))
        await until(lambda: questions.begun == 1)
        assert [await budget.work(lambda n=n: n) for n in range(50)] == list(range(50))  # type: ignore[misc]
        assert not slow.done()
        budget.close()
        questions.go.set()
        assert await slow == "slow"

    run(scenario)


def test_who_is_answered_too_late_is_told_and_the_place_stays_taken_until_the_work_is_done(
    questions: Questions,
) -> None:
    async def scenario() -> None:
        budget = QuestionBudget(1, 1, seconds_max=0.05)
        with pytest.raises(TimeoutError):
            await budget.work(questions.slow)
        with pytest.raises(TimeoutError):
            await budget.work(questions.slow)
        assert questions.begun == 1
        questions.go.set()

        async def answered() -> str:
            while True:
                try:
                    return await budget.work(lambda: "again")
                except TimeoutError:
                    continue

        assert await answered() == "again"
        budget.close()

    run(scenario)


def test_who_waits_no_more_takes_no_place(questions: Questions) -> None:
    async def scenario() -> None:
        budget = QuestionBudget(1, 1)
        working = asyncio.ensure_future(budget.work(questions.slow))
        await until(lambda: questions.begun == 1)
        for _ in range(5):
            waiting = asyncio.ensure_future(budget.work(questions.slow))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        questions.go.set()
        assert await working == "slow"
        assert questions.begun == 1
        budget.close()

    run(scenario)


def test_what_a_question_raises_comes_out_and_gives_its_place_back() -> None:
    async def scenario() -> None:
        budget = QuestionBudget(1, 1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await budget.work(lambda: 1 // 0)
        assert await budget.work(lambda: "fine") == "fine"
        budget.close()

    run(scenario)
