"""What Python keeps of a thread that C made."""

import ctypes
from collections.abc import Callable

from oms_platform.foreign_threads import ForeignThreads

_BODY = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
_python = ctypes.pythonapi
_python.PyInterpreterState_Head.restype = ctypes.c_void_p
for _name in ("PyInterpreterState_ThreadHead", "PyThreadState_Next"):
    getattr(_python, _name).restype = ctypes.c_void_p
    getattr(_python, _name).argtypes = [ctypes.c_void_p]


def states() -> int:
    """Count the threads that Python keeps a state of."""
    count, state = 0, _python.PyInterpreterState_ThreadHead(_python.PyInterpreterState_Head())
    while state:
        count, state = count + 1, _python.PyThreadState_Next(state)
    return count


def in_foreign_thread(work: Callable[[], None]) -> None:
    def body(_argument: int | None) -> int:
        work()
        return 0

    routine = _BODY(body)
    libc, thread = ctypes.CDLL(None), ctypes.c_ulong()
    assert libc.pthread_create(ctypes.byref(thread), None, routine, None) == 0
    assert libc.pthread_join(thread, None) == 0


def test_a_threads_state_outlives_the_call_once_it_is_kept() -> None:
    threads, before = ForeignThreads(), states()
    in_foreign_thread(lambda: None)
    assert states() == before

    def keep_twice() -> None:
        threads.keep()
        threads.keep()

    in_foreign_thread(keep_twice)
    assert states() == before + 1
