"""What questions may take: so many are worked on at once, so many wait, each for so long.

The law of this file: a question that was begun holds its place until it is done, also when nobody waits for
it any more, so that there are never more of them at work than places. Who comes when every waiting place is
taken is told so at once.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from prometheus_client import Counter, Gauge

# A caller with a deadline of its own that is sooner has that.
QUESTION_S_MAX: Final = 5.0
AnswerT = TypeVar("AnswerT")

questions_total = Counter("oms_sor_questions_total", "Questions about routing that were asked")
refused_total = Counter(
    "oms_sor_questions_refused_total", "Questions that were refused because too many waited"
)
late_total = Counter("oms_sor_questions_late_total", "Questions that were not answered in time")
working = Gauge("oms_sor_questions_working", "Questions that are worked on")


class TooManyQuestionsError(Exception):
    """Every place is taken, those for waiting too."""


class QuestionBudget:
    """Places for questions, of one event loop; their work is done in threads.

    at_once: places to work. waiting_max: places to wait. seconds_max: for how long an answer is waited for.
    """

    def __init__(self, at_once: int, waiting_max: int, seconds_max: float = QUESTION_S_MAX) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="question")
        self._places = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._waiting_max = waiting_max
        self._seconds_max = seconds_max

    async def work(self, question: Callable[[], AnswerT]) -> AnswerT:
        """Return a question's answer.

        Raises TooManyQuestionsError, TimeoutError when there is none in time, and what the question raises.
        """
        questions_total.inc()
        if self._places.locked() and self._waiting >= self._waiting_max:
            refused_total.inc()
            raise TooManyQuestionsError
        try:
            async with asyncio.timeout(self._seconds_max):
                self._waiting += 1
                try:
                    await self._places.acquire()
                finally:
                    self._waiting -= 1
                return await asyncio.shield(self._begin(question))
        except TimeoutError:
            late_total.inc()
            raise

    def _begin(self, question: Callable[[], AnswerT]) -> asyncio.Future[AnswerT]:
        """Let a thread do it; the place is free when the thread is."""
        working.inc()
        begun = asyncio.get_running_loop().run_in_executor(self._threads, question)
        begun.add_done_callback(self._give_back)
        return begun

    def _give_back(self, done: asyncio.Future[AnswerT]) -> None:
        working.dec()
        self._places.release()
        if not done.cancelled():
            # What nobody waits for any more may fail unheard.
            done.exception()

    def close(self) -> None:
        """Let no thread begin anything more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
