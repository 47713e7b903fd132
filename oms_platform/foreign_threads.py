"""Threads that a C library makes and calls Python from."""

import ctypes
import threading


class ForeignThreads:
    """Keeps what Python knows of each such thread from one call to the next.

    Python makes its state of a thread that it does not know when a call begins, and drops it when the call
    ends: a mapping of memory and an unmapping for every message.
    """

    def __init__(self) -> None:
        self._kept: set[int] = set()

    def keep(self) -> None:
        """Keep the calling thread's state until the process ends."""
        thread = threading.get_ident()
        if thread not in self._kept:
            self._kept.add(thread)
            ctypes.pythonapi.PyGILState_Ensure()
